//! Nodes that start as soon as their own predecessors are done.

mod ends;
mod laws;
mod memory;
mod model;
mod policies;
mod rules;
#[cfg(feature = "testing")]
mod told;

use std::time::Duration;

use superstep::Run;
use superstep::prelude::*;

use crate::common::{Trace, TraceUpdate, sound, within_a_day};

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
    let span = spans.find(|span| span.task.split('/').next() == Some(task));
    span.expect("it ran").start.as_millis()
}
