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
