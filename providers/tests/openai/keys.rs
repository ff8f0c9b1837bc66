//! Keys are sent to whom they are for, and shown to nobody.

use std::process::Command;
use std::time::Duration;

use superstep_providers::{Embedder as _, ModelErrorKind, OpenAi, forbid_requests};

use crate::kit::{Reply, Server, show_error};

const KEY: &str = "sk-secret-1234567890";
const SHORT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_key_that_a_server_repeats_is_not_shown() {
    let body = format!(r#"{{"error":{{"message":"bad key {KEY}","code":"invalid_api_key"}}}}"#);
    let server = Server::start([Reply::json(body).status(401)]).await;
    let builder = server
        .openai()
        .api_key(KEY)
        .header("x-auth", "token-1234567");
    let model = builder.clone().build().expect("it can be built");
    let error = model.ask("hi").await.unwrap_err();
    assert_eq!(
        show_error(&error),
        "auth 401 `invalid_api_key`: bad key [key]"
    );
    for shown in [
        format!("{error:?}"),
        format!("{builder:?}"),
        format!("{model:?}"),
    ] {
        assert!(
            !shown.contains(KEY) && !shown.contains("token-1234567"),
            "{shown}"
        );
    }
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some(&*format!("Bearer {KEY}"))
    );
}

#[test]
fn a_key_that_no_header_holds_is_an_error_and_not_shown() {
    for key in [
        "sk-1234567\n",
        "sk-1234567\r\nx: y",
        "sk-1234567\0",
        "\u{7f}sk-1234567",
    ] {
        let error = OpenAi::new("m").api_key(key).build().unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::Auth);
        assert!(!format!("{error:?}").contains("1234567"), "{error:?}");
        let embedder = OpenAi::new("m").api_key(key).embedder();
        assert_eq!(embedder.unwrap_err().kind, ModelErrorKind::Auth);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start([]).await;
    let reply = Reply::json("")
        .status(307)
        .header("location", &elsewhere.url);
    let server = Server::start([reply]).await;
    let model = server
        .openai()
        .api_key(KEY)
        .build()
        .expect("it can be built");
    let error = model.ask("hi").await.unwrap_err();
    assert_eq!(show_error(&error), "bad-request 307");
    assert_eq!(elsewhere.n_seen(), 0);
}

/// There is no way back, so processes of their own forbid: one by the call, one
/// by the variable.
#[test]
fn requests_that_are_forbidden_are_not_sent() {
    for (by, variable) in [("call", None), ("variable", Some("1"))] {
        let mut command = Command::new(std::env::current_exe().expect("it runs"));
        command.args(["--exact", "keys::child_that_forbids", "--nocapture"]);
        command.env("IS_CHILD", by);
        command.env_remove("SUPERSTEP_FORBID_REQUESTS");
        command.envs(variable.map(|set| ("SUPERSTEP_FORBID_REQUESTS", set)));
        let output = command.output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{by}: {text}");
    }
}

#[tokio::test]
async fn child_that_forbids() {
    let Some(by) = std::env::var_os("IS_CHILD") else {
        return;
    };
    if by == "call" {
        forbid_requests();
    }
    let hello = || Reply::json(r#"{"choices":[{"message":{"content":"Hello"}}]}"#);
    let server = Server::start([hello(), hello()]).await;
    assert_eq!(server.model().ask("hi").await.expect("it is here"), "Hello");
    let named = server.url.replace("127.0.0.1", "localhost");
    let named = server.openai().base_url(named).build();
    let named = named.expect("it can be built");
    assert_eq!(named.ask("hi").await.expect("it is here"), "Hello");
    // Nobody has this address, and nobody listens there.
    for host in ["192.0.2.1", "[2001:db8::1]", "localhost.example.org"] {
        let far = OpenAi::new("m").base_url(format!("http://{host}:1/v1"));
        let far = far.api_key(KEY).attempts(1).connect_timeout(SHORT);
        let embedder = far.clone().embedder().expect("it can be built");
        let far = far.build().expect("it can be built");
        for error in [
            far.generate("hi").await.unwrap_err(),
            far.stream("hi").finish().await.unwrap_err(),
            embedder.embed(vec!["hi".into()]).await.unwrap_err(),
        ] {
            let expected = format!("forbidden: `{host}` is not on this machine");
            assert_eq!(show_error(&error), expected);
        }
    }
}
