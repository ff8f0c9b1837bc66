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

fn call() -> Usage {
    Usage::new().calls(1)
}

const TEN: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn no_more_is_given_than_a_service_has_left() {
    let limiter = Limiter::new();
    let begin = Instant::now();
    let permit = limiter.acquire(call()).await.unwrap();
    permit.calls_left(2, TEN);
    for expected in [0, 0, 10, 10] {
        let _permit = limiter.acquire(call()).await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), expected);
    }
    // Of tokens apart, and who asks for few of them is not held up.
    permit.tokens_left(300, TEN);
    let few = limiter.acquire(call().tokens(100)).await.unwrap();
    assert_eq!(limiter.waits_for(201), Some(TEN));
    assert_eq!(limiter.waits_for(call().tokens(200)), None);
    few.tokens_left(0, TEN * 2);
    Ctx::new(()).acquire(&limiter, 1).await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 30);
    // What never ends is not meant.
    few.calls_left(0, Duration::MAX);
    assert_eq!(limiter.waits_for(call()), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_to_the_last_call_holds() {
    let limiter = Limiter::new();
    let first = limiter.acquire(call()).await.unwrap();
    let second = limiter.acquire(call()).await.unwrap();
    // The service knew nothing of the second then.
    first.calls_left(1, TEN);
    assert_eq!(limiter.waits_for(call()), Some(TEN));
    let begin = Instant::now();
    let waits = limiter.acquire(call());
    let says = async {
        sleep(Duration::from_secs(3)).await;
        second.calls_left(4, TEN);
        first.calls_left(1, TEN);
    };
    let (third, ()) = tokio::join!(waits, says);
    assert_eq!(begin.elapsed().as_secs(), 3);
    drop(third);
    let most = call().calls(3);
    assert_eq!(limiter.waits_for(most), None);
    assert!(limiter.waits_for(most + call()).is_some());
}

#[tokio::test(start_paused = true)]
async fn tasks_start_while_their_limiters_have_calls_left() {
    let [one, other] = [Limiter::new(), Limiter::new()];
    let body = async |ctx: Ctx<Log>| ctx.note(ctx.node());
    let both = || node(body).limiter(&one).limiter(&other);
    let graph = StateGraph::new("noting")
        .add_node("a", both())
        .add_node("b", both());
    let graph = sound(graph.add_edge(START, ["a", "b"]));
    one.acquire(call()).await.unwrap().calls_left(2, TEN * 2);
    other.acquire(call()).await.unwrap().calls_left(0, TEN);
    // Who waited for the one has not taken of the other.
    assert_eq!(logged(&graph).await.text(), "10 a, 10 b");
}
