//! The rules of eager runs, one by one.

use std::time::Duration;

use superstep::Run;
use superstep::prelude::*;

use crate::common::{Trace, TraceUpdate, ran, sound, within_a_day};

/// Says its name after so many milliseconds.
async fn takes(ms: u64, ctx: Ctx) -> TraceUpdate {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Trace::update().log(ctx.task().to_string()).sum(1_u64)
}

/// A builder with nodes that take so long.
fn paced(nodes: &[(&str, u64)]) -> StateGraph<Trace> {
    nodes
        .iter()
        .fold(StateGraph::new("test"), |graph, &(name, ms)| {
            graph.add_node(name, move |ctx: Ctx| takes(ms, ctx))
        })
}

async fn run_of(graph: StateGraph<Trace>) -> Run<Trace> {
    let graph = sound(graph);
    let run = within_a_day(graph.invoke(Trace::update())).await;
    run.expect("the run ends well")
}

/// When a task began, in milliseconds.
fn began<S>(run: &Run<S>, task: &str) -> u128 {
    let timeline = run.timeline();
    let mut spans = timeline.spans().iter();
    let span = spans.find(|span| span.name() == task || span.task == task);
    span.expect("it ran").start.as_millis()
}

/// `fast` takes 25 ms and `slow` 200; what follows `fast` takes 20.
fn slow_sibling() -> StateGraph<Trace> {
    paced(&[("fast", 25), ("next", 20), ("slow", 200)])
        .add_edge(START, ["fast", "slow"])
        .add_edge("fast", "next")
}

#[tokio::test(start_paused = true)]
async fn a_node_does_not_wait_for_a_slow_sibling_of_what_led_to_it() {
    let run = run_of(slow_sibling()).await;
    assert_eq!(began(&run, "next"), 200);
    let run = run_of(slow_sibling().eager()).await;
    assert_eq!(began(&run, "next"), 25);
    // All else is as ever.
    assert_eq!(run.state.log, ["fast", "slow", "next"]);
    assert_eq!(ran(&run), "fast slow | next");
    assert_eq!(run.timeline().total(), Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn a_join_waits_for_its_own_sources_alone() {
    let graph = paced(&[("a", 10), ("b", 30), ("join", 5), ("slow", 500)])
        .add_edge(START, ["a", "b", "slow"])
        .add_edge(["a", "b"], "join");
    let run = run_of(graph.eager()).await;
    assert_eq!(began(&run, "join"), 30);
    assert_eq!(ran(&run), "a b slow | join");
}
