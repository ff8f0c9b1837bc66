//! Attempts, and the waits between them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::NodeError;
use superstep::prelude::*;
use tokio::time::sleep;

use super::{Attempts, attempts, flaky};
use crate::common::{Alive, Trace, chain, mark, marks, oops, ran, sound, within_a_day};

#[tokio::test(start_paused = true)]
async fn a_node_is_tried_again_after_growing_waits_until_it_succeeds() {
    let (result, seconds) = attempts(flaky(4, Retry::attempts(9))).await;
    assert_eq!(result.unwrap(), 1);
    assert_eq!(seconds, [0.0, 0.5, 1.5, 3.5]);
}

#[tokio::test(start_paused = true)]
async fn the_last_attempts_error_ends_the_run_and_says_which_it_was() {
    let retry = Retry::attempts(3).delay(Duration::ZERO);
    let (result, seconds) = attempts(flaky(usize::MAX, retry)).await;
    assert_eq!(
        chain(&result.unwrap_err()),
        [
            "node `flaky` failed in superstep 1, attempt 3",
            "attempt 3 failed"
        ]
    );
    assert_eq!(seconds, [0.0; 3]);
}

#[tokio::test(start_paused = true)]
async fn waits_grow_by_the_factor_up_to_the_longest() {
    let retry = Retry::attempts(5)
        .delay(Duration::from_secs(1))
        .factor(3.0)
        .max_delay(Duration::from_secs(5));
    let (_, seconds) = attempts(flaky(usize::MAX, retry)).await;
    assert_eq!(seconds, [0.0, 1.0, 4.0, 9.0, 14.0]);
}

#[tokio::test(start_paused = true)]
async fn only_errors_for_which_when_holds_are_tried_again() {
    let first = |error: &NodeError| error.to_string() == "attempt 1 failed";
    let (result, seconds) = attempts(flaky(9, Retry::attempts(9).when(first))).await;
    assert_eq!(chain(&result.unwrap_err())[1], "attempt 2 failed");
    assert_eq!(seconds, [0.0, 0.5]);
}

#[tokio::test(start_paused = true)]
async fn when_can_look_at_the_type_of_the_error() {
    let retry = Retry::attempts(2).when(|error| error.as_error().is::<std::num::ParseIntError>());
    for (text, tries) in [("x", 2), ("300", 2), ("", 2), ("io", 1)] {
        let body = move |ctx: Ctx<Alive>| async move {
            drop(ctx.enter());
            if text == "io" {
                return Err(std::io::Error::other("broken").into());
            }
            text.parse::<u8>()?;
            NodeResult::Ok(())
        };
        let graph = StateGraph::<Trace, Alive>::new("typed")
            .add_node("parse", node(body).retry(retry.clone()))
            .add_edge(START, "parse");
        let alive = Alive::default();
        let run = sound(graph).invoke(Trace::update()).context(alive.clone());
        assert!(run.await.is_err());
        assert_eq!(alive.ever(), tries, "{text:?}");
    }
}

#[test]
fn waits_are_never_longer_than_the_longest_nor_nothing_grown_into_something() {
    let none = Retry::attempts(u32::MAX).delay(Duration::ZERO);
    let long = Retry::attempts(0).delay(Duration::MAX).factor(f64::NAN);
    for failures in [0, 1, 2, 1024, 1025, 5000, u32::MAX] {
        assert_eq!(none.delay_after(failures), Duration::ZERO, "{failures}");
        assert_eq!(long.delay_after(failures), Duration::from_secs(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_retried_node_holds_up_its_superstep_and_writes_once() {
    let body = async |ctx: Ctx| match ctx.attempt() {
        1 | 2 => Err(oops()),
        n => Ok(Trace::update().log(format!("attempt {n}")).sum(1)),
    };
    let graph = marks(["b", "z"])
        .add_node("a", node(body).retry(Retry::attempts(3)))
        .add_edge(START, ["a", "b"])
        .add_edge("b", "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | z");
    assert_eq!(run.state.log, ["attempt 3", "b", "z"]);
    assert_eq!(run.state.sum, 1);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_of_a_worker_is_given_the_same_value() {
    const WORK: Worker<Vec<u8>> = Worker::new("work");
    let body = async |mut bytes: Vec<u8>, ctx: Ctx| {
        bytes.push(0);
        assert_eq!(bytes, [7, 0]);
        if ctx.attempt() < 3 {
            Err(oops())
        } else {
            Ok(())
        }
    };
    let graph = StateGraph::<Trace>::new("worker")
        .add_worker(WORK, node(body).retry(Retry::attempts(3)))
        .add_conditional_edges(
            START,
            |_: &Trace| [WORK.send(vec![7]), WORK.send(vec![7])],
            [WORK],
        );
    assert!(sound(graph).invoke(Trace::update()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_tried_again_like_an_error() {
    let body = async |ctx: Ctx| {
        assert!(ctx.attempt() > 2, "attempt {}", ctx.attempt());
        Trace::update().n(1)
    };
    let retry = |attempts| node(body).retry(Retry::attempts(attempts).delay(Duration::ZERO));
    let graph = |attempts| {
        StateGraph::<Trace>::new("panicky")
            .add_node("a", retry(attempts))
            .add_edge(START, "a")
    };
    let run = sound(graph(3)).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.n, 1);
    let error = sound(graph(2)).invoke(Trace::update()).await.unwrap_err();
    assert_eq!(
        chain(&error),
        [
            "node `a` failed in superstep 1, attempt 2",
            "it panicked: attempt 2"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_when_is_a_failure_of_the_node_alone_or_among_many() {
    let retry = Retry::attempts(3).when(|_| panic!("cannot tell"));
    let fail = async |_: View<Trace>| {
        sleep(Duration::from_secs(1)).await;
        Err::<(), _>(oops())
    };
    for others in [&[][..], &["b", "c"]] {
        let graph = marks(["b", "c"])
            .add_node("a", node(fail).retry(retry.clone()))
            .add_edge(START, "a")
            .add_conditional_edges(START, move |_: &Trace| others.to_vec(), ["b", "c"]);
        let run = within_a_day(sound(graph).invoke(Trace::update()));
        let error = run.await.unwrap_err();
        assert_eq!(
            chain(&error),
            [
                "node `a` failed in superstep 1, attempt 1",
                "it panicked: cannot tell"
            ]
        );
    }
}

/// A value whose clones panic, from the second on.
#[derive(Serialize, Deserialize)]
struct Shy;

static SHY: AtomicUsize = AtomicUsize::new(0);

impl Clone for Shy {
    fn clone(&self) -> Self {
        assert!(SHY.fetch_add(1, Ordering::SeqCst) == 0, "do not copy me");
        Self
    }
}

/// The failure of a worker that is sent what cannot be copied.
async fn shy(retry: Retry) -> String {
    const WORK: Worker<Shy> = Worker::new("work");
    let body = async |_: Shy| {
        sleep(Duration::from_secs(1)).await;
        Err::<(), _>(oops())
    };
    let graph = marks(["a", "b"])
        .add_worker(WORK, node(body).retry(retry))
        .add_edge(START, ["a", "b"])
        .add_conditional_edges(START, |_: &Trace| WORK.send(Shy), [WORK]);
    let run = within_a_day(sound(graph).invoke(Trace::update()));
    let error = run.await.expect_err("the worker fails");
    chain(&error)[1..].join(": ")
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_clone_of_an_input_is_a_failure_of_its_attempt() {
    let panics_end_it = Retry::attempts(3).when(|error| !error.is_panic());
    assert_eq!(shy(panics_end_it).await, "it panicked: do not copy me");
    // The last attempt needs no copy.
    assert_eq!(shy(Retry::attempts(2)).await, "oops");
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_given_back_over_the_waits_between_attempts() {
    let body = async |ctx: Ctx<Attempts>| {
        ctx.note();
        if ctx.attempt() < 2 {
            Err(oops())
        } else {
            Ok(())
        }
    };
    let retry = Retry::attempts(2).delay(Duration::from_secs(1));
    let graph = StateGraph::<Trace, Attempts>::new("bounded")
        .add_node("a", node(body).retry(retry.clone()))
        .add_node("b", node(body).retry(retry))
        .add_edge(START, ["a", "b"])
        .max_concurrency(1);
    let (_, seconds) = attempts(graph).await;
    assert_eq!(seconds, [0.0, 0.0, 1.0, 1.0]);
}

#[tokio::test]
async fn policies_of_a_node_do_not_change_what_it_writes() {
    let policies = node(mark)
        .retry(Retry::attempts(2))
        .timeout(Duration::from_secs(1))
        .writes(["log"]);
    let graph = StateGraph::<Trace>::new("policed")
        .add_node("a", policies)
        .add_edge(START, "a");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["a"]);
}
