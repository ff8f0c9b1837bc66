//! Servers that are found by a URL.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use superstep_agents::McpServer;

use crate::common::{call, chain, toolbox};
use crate::web::{Seen, Web, good, http, result};

#[tokio::test]
async fn headers_go_with_every_request() {
    let web = Web::start(good).await;
    let server = McpServer::connect(&web.url)
        .bearer("token")
        .header("X-Team", "blue");
    let server = server.await.expect("it answers");
    assert_eq!(server.name(), "web");
    let toolbox = toolbox(&server).await;
    assert_eq!(call(&toolbox, "echo", json!({ "text": "hi" })).await, "hi");
    let seen = web.seen.lock().expect("nobody panics");
    let posts: Vec<_> = seen
        .iter()
        .filter(|seen| seen.head.starts_with("post"))
        .collect();
    assert!(posts.len() >= 4, "{posts:?}");
    for post in posts {
        assert!(
            post.head.contains("authorization: bearer token"),
            "{post:?}"
        );
        assert!(post.head.contains("x-team: blue"), "{post:?}");
    }
}

/// Answers calls by a stream of events.
fn streams(seen: &Seen) -> String {
    if seen.body["method"] != "tools/call" {
        return good(seen);
    }
    let text = &seen.body["params"]["arguments"]["text"];
    let answer = json!({ "content": [{ "type": "text", "text": text }] });
    let event = format!("event: message\ndata: {}\n\n", result(seen, &answer));
    http("200 OK", "text/event-stream", &event)
}

#[tokio::test]
async fn answers_may_be_streams() {
    let web = Web::start(streams).await;
    let server = McpServer::connect(&web.url).await.expect("it answers");
    let toolbox = toolbox(&server).await;
    assert_eq!(call(&toolbox, "echo", json!({ "text": "hi" })).await, "hi");
}

fn nobody(_: &Seen) -> String {
    "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer realm=\"web\"\r\n\
     content-length: 0\r\nconnection: close\r\n\r\n"
        .to_owned()
}

fn page(_: &Seen) -> String {
    http("200 OK", "text/html", "<html>")
}

async fn cannot(url: &str) -> Vec<String> {
    let error = McpServer::connect(url).named("web").await;
    chain(&error.expect_err("it cannot be reached"))
}

#[tokio::test]
async fn what_cannot_be_reached_says_why() {
    let web = Web::start(nobody).await;
    assert_eq!(
        cannot(&web.url).await,
        [
            "the server `web` cannot be reached",
            "authorization required: Bearer realm=\"web\"",
        ]
    );
    let web = Web::start(page).await;
    assert_eq!(
        cannot(&web.url).await,
        [
            "the server `web` cannot be reached",
            "Unexpected content type: Some(\"text/html\")",
        ]
    );
    // It does not speak TLS; or nobody is trusted here, and nothing is sent.
    let tls = cannot(&web.url.replace("http:", "https:")).await;
    assert_eq!(tls[0], "the server `web` cannot be reached");
    assert!(tls.len() > 1, "{tls:?}");
    assert_eq!(
        cannot("not a url").await,
        [
            "the server `web` cannot be reached",
            "its URL is none: relative URL without a base",
        ]
    );
    let error = McpServer::connect("http://127.0.0.1:1/")
        .header("a b", "c")
        .await;
    assert_eq!(
        chain(&error.expect_err("there is no such header"))[1],
        "`a b` cannot be the name of a header"
    );
}

#[tokio::test]
async fn a_server_that_stops_is_told() {
    let mut web = Web::start(good).await;
    let server = McpServer::connect(&web.url).await.expect("it answers");
    let toolbox = toolbox(&server).await;
    web.stop().await;
    let told = call(&toolbox, "echo", json!({ "text": "hi" })).await;
    let expected = "! the server `web` cannot be reached: error sending request: ";
    assert!(told.starts_with(expected), "{told}");
    assert!(told.contains("Connection refused"), "{told}");
}

/// Forgets the session that it gave first.
fn forgets() -> impl Fn(&Seen) -> String {
    let begun = AtomicU32::new(0);
    move |seen| {
        if seen.body["method"] == "initialize" {
            let session = begun.fetch_add(1, Ordering::Relaxed) + 1;
            let header = format!("OK\r\nmcp-session-id: {session}");
            return good(seen).replacen("OK", &header, 1);
        }
        match seen.body["method"] == "tools/call" && seen.head.contains("mcp-session-id: 1") {
            true => http("404 Not Found", "text/plain", ""),
            false => good(seen),
        }
    }
}

#[tokio::test]
async fn a_session_that_is_forgotten_is_begun_again() {
    let web = Web::start(forgets()).await;
    let server = McpServer::connect(&web.url).await.expect("it answers");
    let toolbox = toolbox(&server).await;
    assert_eq!(call(&toolbox, "echo", json!({ "text": "hi" })).await, "hi");
    assert_eq!(web.count("initialize"), 2);
}

/// Begins to answer calls, and never ends.
fn hangs(seen: &Seen) -> String {
    match seen.body["method"] == "tools/call" {
        true => "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: wait\n\n".to_owned(),
        false => good(seen),
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_told_and_cancelled() {
    let web = Web::start(hangs).await;
    let server = McpServer::connect(&web.url).timeout(Duration::from_millis(200));
    let server = server.await.expect("it answers");
    let toolbox = toolbox(&server).await;
    let told = call(&toolbox, "echo", json!({ "text": "hi" })).await;
    assert_eq!(told, "! the server `web` did not answer within 200ms");
    // Whoever is asked later is asked after that.
    server.tools::<(), ()>().await.expect("it answers");
    assert_eq!(web.count("notifications/cancelled"), 1);
}

/// Breaks off in the middle of an answer.
fn breaks(seen: &Seen) -> String {
    let answer = hangs(seen);
    answer.replace("event-stream\r\n", "event-stream\r\ncontent-length: 99\r\n")
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told_and_the_next_is_asked_for() {
    let web = Web::start(breaks).await;
    let server = McpServer::connect(&web.url).await.expect("it answers");
    let toolbox = toolbox(&server).await;
    let told = call(&toolbox, "echo", json!({ "text": "hi" })).await;
    assert_eq!(
        told,
        "! the server `web` is gone: the connection was closed"
    );
    server.tools::<(), ()>().await.expect("it answers");
}

/// What forbids is the environment, so a process of its own has it.
#[test]
fn where_requests_are_forbidden_only_servers_here_are_asked() {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command.args(["--exact", "http::child_that_may_not_ask", "--nocapture"]);
    command.envs([("MAY_NOT_ASK", "1"), ("SUPERSTEP_FORBID_REQUESTS", "1")]);
    let output = command.output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

#[tokio::test]
async fn child_that_may_not_ask() {
    if std::env::var_os("MAY_NOT_ASK").is_none() {
        return;
    }
    let web = Web::start(good).await;
    let server = McpServer::connect(&web.url).await;
    assert_eq!(server.expect("it is here").name(), "web");
    // Nobody has this address.
    assert_eq!(
        cannot("https://192.0.2.1/mcp").await,
        [
            "the server `web` cannot be reached",
            "requests are forbidden here: `192.0.2.1` is not on this machine",
        ]
    );
}
