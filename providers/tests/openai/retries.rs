//! Asking again: when, how often, and after what wait.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep_providers::{Delta, Finish, Model, ModelError, ModelErrorKind};
use tokio::time::Instant;

use crate::kit::{Reply, Server, pieces, show, show_error};

const HELLO: &str = r#"{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}"#;

fn fails(status: u16) -> Reply {
    Reply::json("").status(status)
}

/// What comes of these replies with three attempts, and after how many requests;
/// the same for the whole answer and for a stream.
async fn check(replies: &[Reply], expected: &str, n: usize) {
    let server = Server::start(replies.to_vec()).await;
    let model = server.openai().build().expect("it can be built");
    assert_eq!(show(model.generate("hi").await), expected);
    assert_eq!(server.n_seen(), n, "{expected}");

    let server = Server::start(replies.to_vec()).await;
    let model = server.openai().build().expect("it can be built");
    assert_eq!(show(model.stream("hi").finish().await), expected);
    assert_eq!(server.n_seen(), n, "{expected}, streamed");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let hello = || Reply::json(HELLO);
    for status in [408, 409, 425, 429, 500, 502, 503, 504, 529] {
        check(
            &[fails(status), fails(status), hello()],
            r#""Hello" Stop"#,
            3,
        )
        .await;
    }
    check(&[hello().then_breaks(), hello()], r#""Hello" Stop"#, 2).await;
    check(&[Reply::json("<html>"), hello()], r#""Hello" Stop"#, 2).await;
    let error = Reply::json(r#"{"error":{"code":502,"message":"busy"}}"#);
    check(&[error, hello()], r#""Hello" Stop"#, 2).await;
}

#[tokio::test]
async fn what_will_not_pass_is_not() {
    for (status, expected) in [
        (400, "bad-request 400"),
        (401, "auth 401"),
        (402, "quota 402"),
        (403, "auth 403"),
        (404, "bad-request 404"),
        (501, "unsupported 501"),
    ] {
        check(&[fails(status)], expected, 1).await;
    }
    let quota = Reply::json(r#"{"error":{"code":"insufficient_quota"}}"#).status(429);
    check(&[quota], "quota 429 `insufficient_quota`", 1).await;
}

#[tokio::test]
async fn there_are_so_many_attempts_and_no_more() {
    check(
        &[fails(500), fails(502), fails(503), fails(418)],
        "overloaded 503",
        3,
    )
    .await;
}

#[tokio::test]
async fn the_provider_may_say_whether_to_try_again() {
    check(
        &[fails(503).header("x-should-retry", "false")],
        "overloaded 503",
        1,
    )
    .await;
    let again = fails(400).header("x-should-retry", "true");
    check(&[again, Reply::json(HELLO)], r#""Hello" Stop"#, 2).await;
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Answer {
    text: String,
}

#[tokio::test]
async fn what_the_provider_says_of_that_holds_for_those_who_ask_the_model() {
    let node_asks = async |replies: [Reply; 2]| {
        let server = Server::start(replies).await;
        let model = server.model();
        let ask = async |_: View<Answer>, ctx: Ctx<Model>| {
            Ok::<_, ModelError>(Answer::update().text(ctx.ask("hi").await?))
        };
        let retry = Retry::attempts(2).delay(Duration::ZERO);
        let graph = StateGraph::<Answer, Model>::new("asks")
            .add_node("ask", node(ask).retry(retry.classify::<ModelError>()))
            .add_edge(START, "ask");
        let graph = graph.compile().expect("it is sound");
        let run = graph.invoke(Answer::update()).context(model).await;
        (run.map(|run| run.state.text).ok(), server.n_seen())
    };
    let never = fails(503).header("x-should-retry", "false");
    let answered = node_asks([never.clone(), Reply::json(HELLO)]).await;
    assert_eq!(answered, (None, 1));
    let again = fails(400).header("x-should-retry", "true");
    let answered = node_asks([again.clone(), Reply::json(HELLO)]).await;
    assert_eq!(answered, (Some("Hello".into()), 2));

    // Another model is not who does not want to be asked again.
    for reply in [never, again] {
        let (one, other) = (
            Server::start([reply]).await,
            Server::start([Reply::json(HELLO)]).await,
        );
        let model = one.model().or(other.model());
        assert_eq!(model.ask("hi").await.expect("it answers"), "Hello");
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept() {
    let limited = fails(429).header("retry-after-ms", "30");
    let server = Server::start([limited, Reply::json(HELLO)]).await;
    let model = server.openai().build().expect("it can be built");
    let begin = Instant::now();
    assert_eq!(model.ask("hi").await.expect("it answers"), "Hello");
    assert!(begin.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn one_that_is_too_long_is_an_error_at_once() {
    let limited = || fails(429).header("retry-after", "61");
    check(&[limited()], "rate-limited 429 after 61s", 1).await;
    let hour = fails(503).header("retry-after", "3600");
    check(&[hour], "overloaded 503 after 3600s", 1).await;
    let server = Server::start([limited()]).await;
    let patient = server
        .openai()
        .max_retry_after(Duration::from_millis(1))
        .attempts(9);
    let error = patient
        .build()
        .expect("it can be built")
        .ask("hi")
        .await
        .unwrap_err();
    assert_eq!(show_error(&error), "rate-limited 429 after 61s");
}

#[tokio::test]
async fn a_stream_is_asked_for_again_until_it_has_begun() {
    let started = r#"{"id":"c1","choices":[{"delta":{"role":"assistant","content":""}}]}"#;
    let error = r#"{"error":{"code":502,"message":"busy"}}"#;
    let text = r#"{"choices":[{"delta":{"content":"Hel"}}]}"#;
    let answers = Reply::events(&[text, "[DONE]"]);

    let server = Server::start([Reply::events(&[started, error]), answers.clone()]).await;
    let model = server.openai().build().expect("it can be built");
    let mut stream = model.stream("hi");
    let mut deltas = Vec::new();
    while let Some(delta) = stream.next().await {
        deltas.push(delta.expect("it answers"));
    }
    // Of what failed, nothing is told.
    let (id, model) = (None, None);
    let expected = [
        Delta::Started { id, model },
        Delta::Text { text: "Hel".into() },
        Delta::Finished(Finish::Stop),
    ];
    assert_eq!(deltas, expected);
    assert_eq!(server.n_seen(), 2);

    let server = Server::start([Reply::events(&[text, error]), answers]).await;
    let model = server.openai().build().expect("it can be built");
    let (texts, failed) = pieces(&model, "hi").await;
    assert_eq!(texts, ["Hel"]);
    let busy = ModelErrorKind::Overloaded { retry_after: None };
    assert_eq!(failed.map(|error| error.kind), Some(busy));
    assert_eq!(server.n_seen(), 1);
}
