//! Attempts that take too long.

use std::future::pending;
use std::time::Duration;

use superstep::prelude::*;
use tokio::time::{Instant, sleep};

use super::{Attempts, attempts};
use crate::common::{Alive, Trace, chain, sound, within_a_day};

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_dropped_and_fails() {
    let hang = async |ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        pending::<()>().await;
    };
    for siblings in [0, 2] {
        let mut graph = StateGraph::<Trace, Alive>::new("timed")
            .add_node("slow", node(hang).timeout(Duration::from_secs(7)))
            .add_edge(START, "slow");
        for name in ["x", "y"].into_iter().take(siblings) {
            graph = graph.add_node(name, hang).add_edge(START, name);
        }
        let alive = Alive::default();
        let begin = Instant::now();
        let run = sound(graph).invoke(Trace::update()).context(alive.clone());
        assert_eq!(
            chain(&within_a_day(run).await.unwrap_err()),
            [
                "node `slow` failed in superstep 1, attempt 1",
                "it took longer than its timeout of 7s"
            ]
        );
        assert_eq!(begin.elapsed(), Duration::from_secs(7));
        assert_eq!((alive.now(), alive.ever()), (0, 1 + siblings));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_in_time_is_not_bothered_by_its_timeout() {
    let body = async |_: View<Trace>| {
        sleep(Duration::from_millis(6999)).await;
        Trace::update().n(1)
    };
    let graph = StateGraph::<Trace>::new("timed")
        .add_node("a", node(body).timeout(Duration::from_secs(7)))
        .add_edge(START, "a");
    assert_eq!(
        sound(graph).invoke(Trace::update()).await.unwrap().state.n,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_whole_timeout_and_a_timeout_is_tried_again() {
    let body = async |ctx: Ctx<Attempts>| {
        let attempt = ctx.note();
        if attempt < 3 {
            pending::<()>().await;
        }
        Trace::update().n(1)
    };
    let policies = node(body)
        .timeout(Duration::from_secs(10))
        .retry(Retry::attempts(3).delay(Duration::from_secs(1)));
    let graph = StateGraph::<Trace, Attempts>::new("timed")
        .add_node("a", policies)
        .add_edge(START, "a");
    let (result, seconds) = attempts(graph).await;
    assert_eq!(result.unwrap(), 1);
    assert_eq!(seconds, [0.0, 11.0, 23.0]);
}

#[tokio::test(start_paused = true)]
async fn what_a_body_computes_before_its_first_await_counts() {
    // The clock goes on in the middle of the first poll.
    let body = async |_: View<Trace>| {
        tokio::time::advance(Duration::from_secs(6)).await;
        pending::<()>().await;
    };
    let (seven, long) = (Duration::from_secs(7), Duration::from_secs(99));
    for policed in [
        node(body).timeout(seven),
        node(body).idle_timeout(seven),
        node(body).timeout(seven).idle_timeout(long),
        node(body).timeout(long).idle_timeout(seven),
    ] {
        let graph = StateGraph::<Trace>::new("timed")
            .add_node("a", policed)
            .add_edge(START, "a");
        let begin = Instant::now();
        let run = within_a_day(sound(graph).invoke(Trace::update()));
        assert!(run.await.is_err());
        assert_eq!(begin.elapsed(), seven);
    }
}
