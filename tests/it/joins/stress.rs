//! Joins on several threads, where who comes first is a matter of chance.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use superstep::prelude::*;
use superstep::{Arrival, Graph, Join, MemoryCheckpointer, Run};

use crate::common::{Alive, Trace, oops, sound};

const WORK: Worker<usize> = Worker::new("work");
const MANY: usize = 100;

/// Workers that end at about the same time, some of them badly, into a join.
fn racing(join: Join, alive: &Alive) -> Graph<Trace> {
    let (alive, seen) = (alive.clone(), Arc::new(AtomicUsize::new(0)));
    sound(
        StateGraph::<Trace>::new("race")
            .add_worker(WORK, move |n: usize| {
                let (guard, seen) = (alive.enter(), Arc::clone(&seen));
                async move {
                    for _ in 0..n % 7 + seen.fetch_add(1, Ordering::Relaxed) % 3 {
                        tokio::task::yield_now().await;
                    }
                    drop(guard);
                    match n % 5 {
                        4 => Err(oops()),
                        _ => Ok(Trace::update().sum(1)),
                    }
                }
            })
            .add_node("t", async |state: View<Trace>, ctx: Ctx| {
                let arrivals = ctx.arrivals();
                let done = arrivals.done().count();
                let failed = arrivals.iter().filter(|(_, came)| is_failure(came));
                let failed = failed.count();
                assert_eq!(done as u64, state.sum, "what is done was merged");
                Trace::update().log(format!("{done} {failed} {}", arrivals.iter().count()))
            })
            .add_conditional_edges(
                START,
                |_: &Trace| (0..MANY).map(|n| WORK.send(n)).collect::<Vec<_>>(),
                WORK,
            )
            .add_join(WORK, "t", join)
            .checkpointer(MemoryCheckpointer::new()),
    )
}

fn is_failure(came: &Arrival) -> bool {
    matches!(came, Arrival::Failed(_))
}

/// Runs it often; says what the target saw: how many were done, failed, there.
async fn numbers(join: Join) -> Vec<[usize; 3]> {
    let alive = Alive::default();
    let graph = racing(join, &alive);
    let mut seen = Vec::new();
    for number in 0..20 {
        let run = graph.invoke(Trace::update()).thread(format!("{number}"));
        let run: Run<Trace> = run.await.expect("the run ends well");
        assert_eq!(alive.now(), 0, "nothing outlives a run");
        let parts = run.state.log[0].split(' ');
        let parts: Vec<usize> = parts.map(|part| part.parse().expect("a number")).collect();
        seen.push([parts[0], parts[1], parts[2]]);
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn one_is_first() {
    for [done, _, all] in numbers(Join::first()).await {
        assert_eq!((done, all), (1, MANY));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_quorum_has_as_many_as_it_waits_for() {
    for [done, _, all] in numbers(Join::quorum(30).cancel_rest()).await {
        assert_eq!((done, all), (30, MANY));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_settles_waits_for_all() {
    for seen in numbers(Join::settled()).await {
        assert_eq!(seen, [MANY - MANY / 5, MANY / 5, MANY]);
    }
}
