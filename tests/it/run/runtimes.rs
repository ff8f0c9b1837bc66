//! Runtimes: one thread, several, and none.

use std::time::Duration;

use superstep::prelude::*;

use super::{WORK, chain_of};
use crate::common::{Trace, mark, marks, poll_to_end, sound};

/// A fan-out of that many sends, which all say their number.
fn sends(n: u32) -> StateGraph<Trace> {
    marks(["a", "z"])
        .add_worker(WORK, async |n: u32| {
            if n % 1000 == 7 {
                tokio::task::yield_now().await;
            }
            Trace::update().log(n.to_string()).sum(u64::from(n))
        })
        .add_edge(START, "a")
        .add_conditional_edges(
            "a",
            move |_: &Trace| (0..n).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        )
        .add_edge(WORK, "z")
}

async fn ten_thousand_sends() {
    let run = sound(sends(10_000))
        .invoke(Trace::update())
        .await
        .expect("the run ends");
    assert_eq!(run.supersteps(), 3);
    assert_eq!(run.state.sum, 49_995_000);
    let numbers: Vec<String> = (0..10_000).map(|n: u32| n.to_string()).collect();
    assert_eq!(run.state.log[1..10_001], numbers);
    assert_eq!(run.state.log[10_001..], ["z"]);
}

#[tokio::test]
async fn ten_thousand_sends_in_one_superstep_on_one_thread() {
    ten_thousand_sends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_sends_in_one_superstep_on_several_threads() {
    ten_thousand_sends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_runs_of_one_graph_at_once_do_not_meet() {
    let graph = sound(sends(50));
    let mut runs = tokio::task::JoinSet::new();
    for n in 0..32 {
        let run = graph.invoke(Trace::update().n(n).sum(n.unsigned_abs()));
        runs.spawn(async move { (n, run.await) });
    }
    while let Some(joined) = runs.join_next().await {
        let (n, run) = joined.unwrap();
        let run = run.unwrap();
        assert_eq!(run.state.n, n);
        assert_eq!(run.state.sum, 1225 + n.unsigned_abs());
    }
}

#[test]
fn a_chain_needs_no_runtime_at_all() {
    let run = poll_to_end(sound(chain_of(700)).invoke(Trace::update()).into_future());
    assert_eq!(run.unwrap().supersteps(), 700);
}

#[test]
fn several_tasks_without_a_runtime_are_an_error() {
    let graph = sound(marks(["a", "b"]).add_edge(START, ["a", "b"]));
    let error = poll_to_end(graph.invoke(Trace::update()).into_future()).unwrap_err();
    assert_eq!(error.code(), "no-runtime");
}

#[test]
fn a_timer_without_a_runtime_is_an_error() {
    let timed = node(mark).timeout(Duration::from_secs(1));
    let graph = sound(
        StateGraph::<Trace>::new("timed")
            .add_node("a", timed)
            .add_edge(START, "a"),
    );
    let error = poll_to_end(graph.invoke(Trace::update()).into_future()).unwrap_err();
    assert_eq!(error.code(), "no-runtime");
}
