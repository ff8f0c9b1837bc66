//! Limits of our own, and those that a provider tells of.

use std::time::Duration;

use superstep::{Limiter, Retryable as _};
use superstep_providers::ModelErrorKind;
use tokio::time::Instant;

use crate::kit::{Reply, Server, show_error};

const HELLO: &str = r#"{"choices":[{"message":{"content":"Hello"}}]}"#;

#[tokio::test]
async fn who_finds_nothing_left_waits_until_there_is() {
    let used_up = Reply::json(HELLO)
        .header("x-ratelimit-remaining-requests", 0)
        .header("x-ratelimit-reset-requests", "40ms");
    let server = Server::start([used_up, Reply::json(HELLO)]).await;
    let model = server.model();
    let begin = Instant::now();
    model.ask("hi").await.expect("it answers");
    model.clone().ask("hi").await.expect("it answers");
    assert!(begin.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn what_is_left_is_used() {
    let some_left = Reply::json(HELLO)
        .header("x-ratelimit-remaining-requests", 1)
        .header("x-ratelimit-reset-requests", "1h")
        .header("x-ratelimit-remaining-tokens", "many")
        .header("x-ratelimit-reset-tokens", "1h");
    let server = Server::start([some_left, Reply::json(HELLO)]).await;
    let model = server.model();
    model.ask("hi").await.expect("it answers");
    model.ask("hi").await.expect("it answers");
}

/// An answer that says what is left of the requests and of the tokens, for an hour.
fn leaves(requests: u32, tokens: u32) -> Reply {
    Reply::json(HELLO)
        .header("x-ratelimit-remaining-requests", requests)
        .header("x-ratelimit-reset-requests", "1h")
        .header("x-ratelimit-remaining-tokens", tokens)
        .header("x-ratelimit-reset-tokens", "1h")
}

/// How many of so many that ask at once are answered after such an answer; what
/// answers them says nothing.
async fn answered_after(reply: Reply, texts: &[String]) -> usize {
    let hellos = texts.iter().map(|_| Reply::json(HELLO));
    let server = Server::start([reply].into_iter().chain(hellos)).await;
    let limiter = Limiter::new();
    let model = || server.openai().limiter(&limiter).build();
    let [one, other] = [model(), model()].map(|model| model.expect("it can be built"));
    one.ask("hi").await.expect("it answers");
    let asked = futures_util::future::join_all(texts.iter().map(|text| other.ask(&**text))).await;
    let said_before = "`m`: too many requests: the provider has said so before";
    for error in asked.iter().filter_map(|asked| asked.as_ref().err()) {
        assert_eq!(error.to_string(), said_before);
    }
    let n = asked.iter().filter(|asked| asked.is_ok()).count();
    assert_eq!(server.n_seen(), n + 1);
    n
}

#[tokio::test]
async fn what_is_left_bounds_what_is_asked_until_the_reset() {
    let four = vec!["hi".to_owned(); 4];
    assert_eq!(answered_after(leaves(3, 10_000), &four).await, 3);
    // Each is reckoned to come to less than 300.
    assert_eq!(answered_after(leaves(100, 600), &four).await, 2);
    let long = ["hi ".repeat(1000), "hi".to_owned()];
    assert_eq!(answered_after(leaves(100, 600), &long).await, 1);
    assert_eq!(answered_after(leaves(100, 10_000), &four).await, 4);
    assert_eq!(answered_after(Reply::json(HELLO), &four).await, 4);
}

#[tokio::test]
async fn what_the_last_answer_says_holds() {
    let server = Server::start([leaves(1, 10_000), leaves(2, 10_000), leaves(0, 10_000)]).await;
    let model = server.model();
    for _ in 0..3 {
        model.ask("hi").await.expect("it answers");
    }
    let error = model.ask("hi").await.unwrap_err();
    assert!(matches!(
        error.kind,
        ModelErrorKind::RateLimited {
            retry_after: Some(_)
        }
    ));
    assert_eq!(server.n_seen(), 3);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_an_error() {
    let used_up = Reply::json(HELLO)
        .header("x-ratelimit-remaining-tokens", 0)
        .header("x-ratelimit-reset-tokens", "6m0s");
    let server = Server::start([used_up]).await;
    let model = server.model();
    model.ask("hi").await.expect("it answers");
    let error = model.ask("hi").await.unwrap_err();
    let ModelErrorKind::RateLimited { retry_after } = error.kind else {
        panic!("{error}");
    };
    assert!(
        retry_after > Some(Duration::from_secs(300)),
        "{retry_after:?}"
    );
    assert_eq!(server.n_seen(), 1);
}

#[tokio::test]
async fn a_limiter_bounds_how_many_are_asked_at_once() {
    let limiter = Limiter::new().max_concurrency(1);
    let text = r#"{"choices":[{"delta":{"content":"Hel"}}]}"#;
    let replies = [Reply::events(&[text]).then_hangs(), Reply::json(HELLO)];
    let server = Server::start(replies).await;
    let model = server
        .openai()
        .limiter(&limiter)
        .build()
        .expect("it can be built");
    let mut stream = model.stream("hi");
    while stream.partial().text().is_empty() {
        stream
            .next()
            .await
            .expect("more comes")
            .expect("it is no error");
    }
    assert!(
        format!("{limiter:?}").contains("free: Some(0)"),
        "{limiter:?}"
    );
    let mut other = Box::pin(model.ask("hi"));
    let polled = futures_util::poll!(&mut other);
    assert!(polled.is_pending());
    assert_eq!(server.n_seen(), 1);
    drop(stream);
    assert_eq!(other.await.expect("it answers"), "Hello");
    assert!(
        format!("{limiter:?}").contains("free: Some(1)"),
        "{limiter:?}"
    );
}

#[tokio::test]
async fn more_than_a_limiter_ever_gives_is_an_error() {
    let limiter = Limiter::new().tokens_per_minute(10);
    let server = Server::start([]).await;
    let model = server
        .openai()
        .limiter(&limiter)
        .build()
        .expect("it can be built");
    let error = model.ask("hi ".repeat(100)).await.unwrap_err();
    assert_eq!(show_error(&error), "setup");
    assert!(!error.is_retryable());
    let cause = std::error::Error::source(&error)
        .expect("it has a cause")
        .to_string();
    assert!(
        cause.contains("tokens were asked of a limiter that gives 10"),
        "{cause}"
    );
    assert_eq!(server.n_seen(), 0);
}
