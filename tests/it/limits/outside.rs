//! What is no task takes of a limiter, and limiters that rest.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{Ctx, Graph, Limiter, Usage};
use tokio::time::{Instant, sleep, timeout};

use super::{Log, logged};
use crate::common::{Trace, sound, within_a_day};

/// A graph of one node, which notes when it begins.
fn noting(limiter: &Limiter) -> Graph<Trace, Log> {
    let body = async |ctx: Ctx<Log>| ctx.note(ctx.node());
    let graph = StateGraph::new("noting").add_node("a", node(body).limiter(limiter));
    sound(graph.add_edge(START, "a"))
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_one_of_the_slots_that_tasks_have() {
    let limiter = Limiter::new().max_concurrency(1);
    let permit = limiter.acquire(Usage::new().calls(1)).await.unwrap();
    let frees = async {
        sleep(Duration::from_secs(3)).await;
        drop(permit);
    };
    let graph = noting(&limiter);
    let (log, ()) = tokio::join!(within_a_day(logged(&graph)), frees);
    assert_eq!(log.text(), "3 a");
    // What waited for a permit and is dropped holds nobody up.
    let permit = limiter.acquire(1).await.unwrap();
    let waits = timeout(Duration::from_secs(9), limiter.acquire(1));
    assert!(waits.await.is_err());
    drop(permit);
    let _permit = within_a_day(limiter.acquire(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn while_a_limiter_rests_nobody_gets_anything() {
    let limiter = Limiter::new();
    limiter.rest(Duration::from_secs(5));
    // The later end holds, whichever came first, and what never ends is none.
    limiter.clone().rest(Duration::from_secs(7));
    limiter.rest(Duration::from_secs(1));
    limiter.rest(Duration::MAX);
    assert_eq!(limiter.rests_for(), Some(Duration::from_secs(7)));
    assert_eq!(logged(&noting(&limiter)).await.text(), "7 a");
    assert_eq!(limiter.rests_for(), None);

    let begin = Instant::now();
    limiter.rest(Duration::from_secs(2));
    let _permit = limiter.acquire(0).await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 2);
    limiter.rest(Duration::from_secs(2));
    Ctx::new(()).acquire(&limiter, 0).await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 4);
    // Another limiter does not rest.
    limiter.rest(Duration::from_secs(2));
    let _permit = Limiter::new().acquire(1).await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 4);
}
