//! Errors that say whether to try again, and when.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{NodeError, Retryable, RunError};

use super::{Attempts, attempts};
use crate::common::{Trace, chain};

/// An answer of a server.
#[derive(Debug, Clone, Copy)]
struct Answer {
    code: u16,
    wait: Option<Duration>,
}

impl Error for Answer {}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server says {}", self.code)
    }
}

impl Retryable for Answer {
    fn is_retryable(&self) -> bool {
        self.code >= 500
    }

    fn retry_after(&self) -> Option<Duration> {
        self.wait
    }
}

/// An error of a client, on top of what it is made of.
#[derive(Debug)]
struct Client<E>(E);

impl<E: Error + 'static> Error for Client<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl<E: fmt::Debug> fmt::Display for Client<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no page")
    }
}

impl Retryable for Client<Answer> {
    fn is_retryable(&self) -> bool {
        self.0.code == 404
    }
}

fn answer(code: u16) -> Answer {
    Answer { code, wait: None }
}

fn slow_answer(code: u16, seconds: u64) -> Answer {
    let wait = Some(Duration::from_secs(seconds));
    Answer { code, wait }
}

/// A run whose one node fails each time with what `fail` makes: its error, and
/// when each attempt began.
async fn failing(
    retry: Retry,
    fail: impl Fn() -> NodeError + Clone + Send + Sync + 'static,
) -> (RunError, Vec<f64>) {
    let body = move |ctx: Ctx<Attempts>| {
        ctx.note();
        let error = fail();
        async move { Err::<(), _>(error) }
    };
    let graph = StateGraph::<Trace, Attempts>::new("failing")
        .add_node("a", node(body).retry(retry))
        .add_edge(START, "a");
    let (result, seconds) = attempts(graph).await;
    (result.expect_err("it fails each time"), seconds)
}

#[tokio::test(start_paused = true)]
async fn an_error_that_classifies_itself_is_obeyed_wherever_it_is_in_the_chain() {
    let never = Retry::attempts(3).when(|_| false).classify::<Answer>();
    let always = Retry::attempts(3).classify::<Answer>();
    let tries = async |retry: &Retry, error: fn() -> NodeError| {
        let (_, seconds) = failing(retry.clone(), error).await;
        seconds.len()
    };
    for retry in [&never, &always] {
        assert_eq!(tries(retry, || answer(503).into()).await, 3);
        assert_eq!(tries(retry, || answer(404).into()).await, 1);
        assert_eq!(tries(retry, || Client(Client(answer(503))).into()).await, 3);
        assert_eq!(tries(retry, || Client(Client(answer(404))).into()).await, 1);
    }
    // Others are as they were before.
    assert_eq!(tries(&never, || "oops".into()).await, 1);
    assert_eq!(tries(&always, || "oops".into()).await, 3);
}

#[tokio::test(start_paused = true)]
async fn of_several_types_that_classify_the_outermost_error_decides() {
    let retry = Retry::attempts(2)
        .classify::<Answer>()
        .classify::<Client<Answer>>();
    let (_, seconds) = failing(retry.clone(), || Client(answer(404)).into()).await;
    assert_eq!(seconds.len(), 2);
    let (_, seconds) = failing(retry, || Client(answer(503)).into()).await;
    assert_eq!(seconds.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_never_tried_again_and_looks_like_any_other() {
    let retry = Retry::attempts(9).when(|_| true).classify::<Answer>();
    let fail = || NodeError::permanent(Client(answer(503)));
    let (error, seconds) = failing(retry, fail).await;
    assert_eq!(seconds, [0.0]);
    assert_eq!(
        chain(&error),
        [
            "node `a` failed in superstep 1, attempt 1",
            "no page",
            "the server says 503"
        ]
    );
    let source = error.source().expect("there is a cause");
    assert!(source.is::<Client<Answer>>());
}

#[tokio::test(start_paused = true)]
async fn an_error_that_asks_for_a_wait_gets_it_in_place_of_the_computed_one() {
    let retry = Retry::attempts(3).max_delay(Duration::from_secs(1));
    let seven = Duration::from_secs(7);
    let fail = move || NodeError::retry_after("too many requests", seven);
    let (error, seconds) = failing(retry.clone(), fail).await;
    assert_eq!(seconds, [0.0, 7.0, 14.0]);
    assert_eq!(chain(&error)[1..], ["too many requests"]);

    let classified = retry.classify::<Answer>();
    let (_, seconds) = failing(classified.clone(), || slow_answer(503, 8).into()).await;
    assert_eq!(seconds, [0.0, 8.0, 16.0]);
    // What is said of an error goes before what it says itself.
    let both = move || NodeError::retry_after(slow_answer(503, 8), seven);
    let (_, seconds) = failing(classified.clone(), both).await;
    assert_eq!(seconds, [0.0, 7.0, 14.0]);
    // To ask for a wait is not to be worth another attempt.
    let (_, seconds) = failing(classified, || slow_answer(404, 8).into()).await;
    assert_eq!(seconds, [0.0]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_too_long_a_wait_fails_at_once_and_is_told_why() {
    let minute = || NodeError::retry_after(answer(429), Duration::from_secs(60));
    let (_, seconds) = failing(Retry::attempts(2), minute).await;
    assert_eq!(seconds, [0.0, 60.0]);

    let more = || NodeError::retry_after(answer(429), Duration::from_secs(61));
    let (error, seconds) = failing(Retry::attempts(2), more).await;
    assert_eq!(seconds, [0.0]);
    assert_eq!(
        chain(&error),
        [
            "node `a` failed in superstep 1, attempt 1",
            "it asks to wait 61s before the next attempt, longer than the 60s that are waited at most",
            "the server says 429"
        ]
    );
    assert_eq!(
        error.help(),
        "run it again after that wait, or raise `Retry::max_retry_after`"
    );
    let patient = Retry::attempts(2).max_retry_after(Duration::from_secs(61));
    let (error, seconds) = failing(patient, more).await;
    assert_eq!(seconds, [0.0, 61.0]);
    // After the last attempt nobody waits.
    assert_eq!(chain(&error)[1..], ["the server says 429"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_without_a_thread_to_wait_on_is_not_asked_again() {
    let body = async |ctx: Ctx<Attempts>| {
        ctx.note();
        let _: bool = ctx.interrupt("sure", 1)?;
        NodeResult::Ok(())
    };
    let graph = StateGraph::<Trace, Attempts>::new("asks")
        .add_node("a", node(body).retry(Retry::attempts(3)))
        .add_edge(START, "a");
    let (result, seconds) = attempts(graph).await;
    assert!(chain(&result.unwrap_err())[1].contains("without a thread"));
    assert_eq!(seconds, [0.0]);
}

#[test]
fn what_was_said_of_an_error_can_be_asked_for_and_shows_nowhere() {
    let wait = Duration::from_secs(3);
    let plain = NodeError::from(Client(answer(500)));
    let permanent = NodeError::permanent(Client(answer(500)));
    let later = NodeError::retry_after(Client(answer(500)), wait);
    for (error, is_permanent, asked) in [
        (plain, false, None),
        (permanent, true, None),
        (later, false, Some(wait)),
    ] {
        assert_eq!(error.is_permanent(), is_permanent);
        assert_eq!(error.is_retryable(), !is_permanent);
        assert_eq!(error.retry_after(), asked);
        assert_eq!(error.to_string(), "no page");
        assert!(format!("{error:?}").starts_with("Client(Answer"));
        assert!(error.as_error().is::<Client<Answer>>());
        assert_eq!(
            chain(&*error.into_error()),
            ["no page", "the server says 500"]
        );
    }
    // The last word counts.
    let again = NodeError::retry_after(NodeError::permanent("oops"), wait);
    assert!(!again.is_permanent());
    assert_eq!(again.into_error().to_string(), "oops");
}
