//! Attempts that give no sign of life.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{NodeBuilder, NodeError, RunError};
use tokio::time::{Instant, sleep};

use super::{Attempts, attempts};
use crate::common::{Alive, Trace, TraceUpdate, chain, sound, within_a_day};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

type Beating = Pin<Box<dyn Future<Output = TraceUpdate> + Send>>;

/// A body that beats after each of these waits, in seconds, and then ends.
fn beating(
    waits: &'static [u64],
) -> NodeBuilder<impl Fn(Ctx) -> Beating + Clone + Send + Sync + 'static> {
    node(move |ctx: Ctx| -> Beating {
        Box::pin(async move {
            for &wait in waits {
                sleep(seconds(wait)).await;
                ctx.heartbeat();
            }
            Trace::update().n(1)
        })
    })
}

/// How a graph of that node ends, and after how many seconds.
async fn ends<F>(policed: NodeBuilder<F>) -> (Result<i64, RunError>, f64)
where
    F: Fn(Ctx) -> Beating + Send + Sync + 'static,
{
    let graph = StateGraph::<Trace>::new("idle")
        .add_node("a", policed)
        .add_edge(START, "a");
    let begin = Instant::now();
    let run = within_a_day(sound(graph).invoke(Trace::update())).await;
    (run.map(|run| run.state.n), begin.elapsed().as_secs_f64())
}

#[tokio::test(start_paused = true)]
async fn a_body_lives_as_long_as_it_gives_signs_of_life() {
    let (result, after) = ends(beating(&[9, 9, 1, 9, 9]).idle_timeout(seconds(10))).await;
    assert_eq!(result.unwrap(), 1);
    assert_eq!(after, 37.0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_falls_silent_is_dropped_that_long_after_its_last_sign_of_life() {
    let (result, after) = ends(beating(&[3, 4, 11]).idle_timeout(seconds(10))).await;
    let error = result.unwrap_err();
    assert_eq!(
        chain(&error),
        [
            "node `a` failed in superstep 1, attempt 1",
            "it gave no sign of life for its idle timeout of 10s"
        ]
    );
    assert_eq!(
        error.help(),
        "call `ctx.heartbeat()` more often in `a`, raise its `.idle_timeout(..)`, \
         or try again: `.retry(Retry::attempts(3))`"
    );
    assert_eq!(after, 17.0);
    // It need not give any.
    let (result, after) = ends(beating(&[11]).idle_timeout(seconds(10))).await;
    assert!(result.is_err());
    assert_eq!(after, 10.0);
}

#[tokio::test(start_paused = true)]
async fn of_both_timeouts_the_first_to_pass_ends_the_attempt() {
    let both = |waits| {
        beating(waits)
            .idle_timeout(seconds(10))
            .timeout(seconds(15))
    };
    let (result, after) = ends(both(&[9, 9, 9])).await;
    assert_eq!(
        chain(&result.unwrap_err())[1],
        "it took longer than its timeout of 15s"
    );
    assert_eq!(after, 15.0);
    let (result, after) = ends(both(&[1, 11])).await;
    assert!(chain(&result.unwrap_err())[1].contains("no sign of life"));
    assert_eq!(after, 11.0);
    let (result, _) = ends(both(&[9, 5])).await;
    assert!(result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn every_attempt_begins_alive_and_a_silent_one_is_tried_again() {
    let body = async |ctx: Ctx<Attempts>| {
        if ctx.note() < 3 {
            pending::<()>().await;
        }
        Trace::update().n(1)
    };
    let silent = |error: &NodeError| error.is_timeout();
    let policies = node(body)
        .idle_timeout(seconds(10))
        .retry(Retry::attempts(3).delay(seconds(1)).when(silent));
    let graph = StateGraph::<Trace, Attempts>::new("idle")
        .add_node("a", policies)
        .add_edge(START, "a");
    let (result, began) = attempts(graph).await;
    assert_eq!(result.unwrap(), 1);
    assert_eq!(began, [0.0, 11.0, 23.0]);
}

#[tokio::test(start_paused = true)]
async fn tasks_do_not_live_on_each_others_signs_of_life() {
    const WORK: Worker<u64> = Worker::new("work");
    let body = async |pace: u64, ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        for _ in 0..u32::MAX {
            sleep(seconds(pace)).await;
            ctx.heartbeat();
        }
    };
    let graph = StateGraph::<Trace, Alive>::new("two")
        .add_worker(WORK, node(body).idle_timeout(seconds(10)))
        .add_conditional_edges(
            START,
            |_: &Trace| [1, 60].map(|pace| WORK.send(pace)),
            [WORK],
        );
    let (alive, begin) = (Alive::default(), Instant::now());
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    let error = within_a_day(run).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "node `work/1` failed in superstep 1, attempt 1"
    );
    assert_eq!(begin.elapsed(), seconds(10));
    assert_eq!((alive.now(), alive.ever()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_without_an_idle_timeout_does_nothing() {
    let (result, after) = ends(beating(&[1, 900])).await;
    assert!(result.is_ok());
    assert_eq!(after, 901.0);
    let (result, _) = ends(beating(&[1, 900]).timeout(seconds(902))).await;
    assert!(result.is_ok());
    let (result, _) = ends(beating(&[1, 900]).idle_timeout(Duration::MAX)).await;
    assert!(result.is_ok());
    Ctx::new(()).heartbeat();
}
