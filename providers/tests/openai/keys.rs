//! Keys are sent to whom they are for, and shown to nobody.

use std::process::Command;

use superstep_providers::{ModelErrorKind, OpenAi, forbid_requests};

use crate::kit::{Reply, Server, show_error};

const KEY: &str = "sk-secret-1234567890";

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

/// There is no way back, so a process of its own forbids.
#[test]
fn requests_that_are_forbidden_are_not_sent() {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command.args(["--exact", "keys::child_that_forbids", "--nocapture"]);
    let output = command.env("IS_CHILD", "1").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

#[tokio::test]
async fn child_that_forbids() {
    if std::env::var_os("IS_CHILD").is_none() {
        return;
    }
    forbid_requests();
    let hello = r#"{"choices":[{"message":{"content":"Hello"}}]}"#;
    let server = Server::start([Reply::json(hello)]).await;
    assert_eq!(server.model().ask("hi").await.expect("it is here"), "Hello");
    let far = OpenAi::new("m")
        .api_key(KEY)
        .base_url("http://203.0.113.1/v1");
    let far = far.build().expect("it can be built");
    for error in [
        far.generate("hi").await.unwrap_err(),
        far.stream("hi").finish().await.unwrap_err(),
    ] {
        assert_eq!(
            show_error(&error),
            "forbidden: `203.0.113.1` is not on this machine"
        );
    }
}
