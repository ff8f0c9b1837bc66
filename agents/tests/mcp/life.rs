//! How servers begin and end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use superstep::prelude::*;
use superstep::{Message, Messages, Part, Role, ToolCall, ToolError, tool_node};
use superstep_agents::{McpError, McpServer};

use crate::common::{call, chain, toolbox};
use crate::server::{Life, start};

const DIED: &str = "the server `bench` is gone: its process ended with exit status: 3, and said last: out of paper";

#[tokio::test]
async fn a_program_that_is_not_there_is_told() {
    let error = McpServer::spawn("no-such-program", ["--stdio"]).await;
    let error = error.expect_err("it is not there");
    assert_eq!(
        chain(&error),
        [
            "the server `no-such-program` cannot be reached",
            "No such file or directory (os error 2)"
        ]
    );
}

async fn fails_to_begin(mode: &str) -> String {
    let error = start(mode).named("files").await.expect_err("it ends");
    let chain = chain(&error);
    assert_eq!(chain[0], "the server `files` cannot be reached");
    chain[1..].join(": ")
}

#[tokio::test]
async fn what_ends_before_it_has_begun_says_why() {
    assert_eq!(
        fails_to_begin("broken").await,
        "its process ended with exit status: 2, and said last: the key is missing"
    );
    // Some say it where messages are expected.
    assert_eq!(
        fails_to_begin("astray").await,
        "its process ended with exit status: 2, and said last: running 1 test the key is missing"
    );
}

#[tokio::test]
async fn a_server_may_refuse_to_begin() {
    let error = start("refusing")
        .named("files")
        .await
        .expect_err("it refuses");
    assert_eq!(error.to_string(), "the server `files` refuses: no licence");
}

#[tokio::test]
async fn what_does_not_begin_in_time_is_ended() {
    let life = Life::new().await;
    let server = life.of(start("mute").named("files"));
    let server = server.connect_timeout(Duration::from_millis(500));
    let (error, ended) = tokio::join!(server, life.began());
    let error = error.expect_err("it is too slow");
    assert_eq!(
        error.to_string(),
        "the server `files` did not answer within 500ms"
    );
    ended.await;
}

#[tokio::test]
async fn a_server_ends_with_the_last_of_its_handles() {
    let life = Life::new().await;
    let (server, ended) = tokio::join!(life.of(start("")), life.began());
    let server = server.expect("it starts");
    let toolbox = toolbox(&server).await;
    drop(server);
    assert_eq!(call(&toolbox, "echo", json!({ "text": "hi" })).await, "hi");
    drop(toolbox);
    assert_eq!(ended.await, "bye");
}

#[test]
fn a_server_ends_with_the_runtime() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("it needs nothing")
    };
    let other = runtime();
    let life = other.block_on(Life::new());
    let own = runtime();
    let server = own.block_on(async { life.of(start("parent")).await });
    let (ended, child_ended) = other.block_on(async { (life.began().await, life.began().await) });
    drop(own);
    other.block_on(async { (ended.await, child_ended.await) });
    drop(server);
}

#[tokio::test]
async fn a_server_that_was_closed_is_gone_for_all() {
    let life = Life::new().await;
    let (server, ended) = tokio::join!(life.of(start("").reconnect()), life.began());
    let server = server.expect("it starts");
    let toolbox = toolbox(&server).await;
    let (hung, ()) = tokio::join!(call(&toolbox, "hang", json!({})), server.close());
    assert_eq!(hung, "! the server `bench` is gone: it was closed");
    assert_eq!(ended.await, "bye");
    let told = call(&toolbox, "echo", json!({ "text": "hi" })).await;
    assert_eq!(told, "! the server `bench` is gone: it was closed");
}

#[tokio::test]
async fn a_process_that_does_not_end_is_ended_with_what_it_has_started() {
    let life = Life::new().await;
    let (server, ended) = tokio::join!(life.of(start("parent")), life.began());
    let child_ended = life.began().await;
    let server = server.expect("it starts");
    server.close().await;
    ended.await;
    child_ended.await;
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let server = start("").await.expect("it starts");
    let toolbox = toolbox(&server).await;
    let (hung, died) = tokio::join!(
        call(&toolbox, "hang", json!({})),
        call(&toolbox, "die", json!({})),
    );
    assert_eq!(hung, format!("! {DIED}"));
    assert_eq!(died, format!("! {DIED}"));
    let told = call(&toolbox, "echo", json!({ "text": "hi" })).await;
    assert_eq!(told, format!("! {DIED}"));
    let error = server.tools::<(), ()>().await.expect_err("it is gone");
    assert!(matches!(error, McpError::Gone { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_is_started_again_if_that_was_asked_for() {
    let server = start("").reconnect().await.expect("it starts");
    let toolbox = toolbox(&server).await;
    assert_eq!(call(&toolbox, "die", json!({})).await, format!("! {DIED}"));
    let (one, two) = tokio::join!(
        call(&toolbox, "echo", json!({ "text": "one" })),
        call(&toolbox, "echo", json!({ "text": "two" })),
    );
    assert_eq!((one.as_str(), two.as_str()), ("one", "two"));
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Chat {
    #[reduce(Messages)]
    messages: Vec<Message>,
}

#[tokio::test]
async fn a_server_that_is_gone_fails_the_node_if_that_was_asked_for() {
    let server = start("").fatal_when_gone().await.expect("it starts");
    let toolbox = superstep::Toolbox::new().add_all(server.tools().await.expect("it has tools"));
    let tools = tool_node(
        toolbox,
        |chat: &Chat| &chat.messages,
        |results| Chat::update().messages(results),
    );
    let graph = StateGraph::<Chat>::new("chat")
        .add_node("tools", tools)
        .add_edge(START, "tools")
        .compile()
        .expect("it is sound");
    let asks = Message::new(Role::Assistant).part(Part::ToolCall(ToolCall {
        id: "1".into(),
        name: "die".into(),
        arguments: "{}".into(),
    }));
    let run = graph.invoke(Chat::update().messages(asks)).await;
    let error = run.expect_err("the server is gone");
    assert_eq!(chain(&error)[1..], ["tool `die` failed", DIED]);
}

#[test]
fn what_may_do_better_is_retryable() {
    let gone = McpError::Gone {
        server: "bench".into(),
        why: "it was closed".into(),
    };
    let tool = McpError::Tool {
        message: "no such file".into(),
    };
    assert!(superstep::Retryable::is_retryable(&gone));
    assert!(!superstep::Retryable::is_retryable(&tool));
    assert!(ToolError::from(gone).as_error().is::<McpError>());
}

#[tokio::test]
async fn of_the_environment_a_process_gets_what_it_needs() {
    let server = start("").env("KEY", "secret").await.expect("it starts");
    let narrow = toolbox(&server).await;
    let server = start("").inherit_env().await.expect("it starts");
    let wide = toolbox(&server).await;
    // Cargo sets it for tests.
    let own = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| "unset".into());
    let name = json!({ "name": "CARGO_MANIFEST_DIR" });
    assert_eq!(call(&narrow, "env", name.clone()).await, "unset");
    assert_eq!(call(&wide, "env", name).await, own);
    assert_eq!(
        call(&narrow, "env", json!({ "name": "KEY" })).await,
        "secret"
    );
    assert_ne!(
        call(&narrow, "env", json!({ "name": "PATH" })).await,
        "unset"
    );
}

#[test]
fn secrets_are_not_shown() {
    let url = McpServer::connect("https://me:pass@x.org/mcp?key=abc").bearer("token");
    let command = McpServer::spawn("npx", ["--key=abc"]).env("KEY", "token");
    for shown in [format!("{url:?}"), format!("{command:?}")] {
        for secret in ["pass", "abc", "token"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
