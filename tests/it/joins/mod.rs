//! Joins with rules: which arrivals make them fire, what their targets see, and
//! what becomes of the rest.

mod all;
mod gathered;
mod kinds;
#[cfg(feature = "testing")]
mod laws;
mod rounds;
mod seen;
mod skipped;
mod stress;
mod threads;
mod time;

use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, Join, Run, RunError};
use tokio::time::{Instant, sleep};

use crate::common::{Trace, TraceUpdate, chain, marks, oops, sound};

/// What a node of these tests does.
#[derive(Clone, Copy)]
enum Does {
    /// Says its name after so many seconds.
    Says(u64),
    /// Fails after so many seconds.
    Fails(u64),
    /// Panics.
    Panics,
}

use Does::{Fails, Panics, Says};

/// A builder with such nodes, and `t`, which says what it sees of the join.
fn nodes<const N: usize>(nodes: [(&'static str, Does); N]) -> StateGraph<Trace> {
    nodes_into(marks([]).add_node("t", see), nodes)
}

/// The builder with such nodes.
fn nodes_into<const N: usize>(
    graph: StateGraph<Trace>,
    nodes: [(&'static str, Does); N],
) -> StateGraph<Trace> {
    nodes.into_iter().fold(graph, |graph, (name, does)| {
        graph.add_node(name, move |ctx: Ctx| act(does, ctx))
    })
}

async fn act(does: Does, ctx: Ctx) -> NodeResult<TraceUpdate> {
    match does {
        Says(seconds) => {
            sleep(Duration::from_secs(seconds)).await;
            Ok(Trace::update().log(ctx.task().to_string()))
        }
        Fails(seconds) => {
            sleep(Duration::from_secs(seconds)).await;
            Err(oops())
        }
        Panics => panic!("ouch"),
    }
}

/// Says what came to it.
async fn see(ctx: Ctx) -> TraceUpdate {
    Trace::update().log(format!("t: {}", ctx.arrivals()))
}

/// Nodes that all begin at once and lead into one join.
fn fan<const N: usize>(names: [(&'static str, Does); N], join: Join) -> Graph<Trace> {
    let sources = names.map(|(name, _)| name);
    sound(
        nodes(names)
            .add_edge(START, sources)
            .add_join(sources, "t", join),
    )
}

async fn run_of(graph: &Graph<Trace>) -> Result<Run<Trace>, RunError> {
    crate::common::within_a_day(graph.invoke(Trace::update())).await
}

/// What is said in a run that must end well.
async fn said(graph: &Graph<Trace>) -> Vec<String> {
    run_of(graph).await.expect("the run ends well").state.log
}

/// How many seconds a run takes that must end well, and what is said in it.
async fn timed(graph: &Graph<Trace>) -> (u64, Vec<String>) {
    let begin = Instant::now();
    let said = said(graph).await;
    (begin.elapsed().as_secs(), said)
}

/// The messages of the error of a run that must fail.
async fn error_of(graph: &Graph<Trace>) -> Vec<String> {
    let error = run_of(graph).await.expect_err("the run fails");
    chain(&error)
}
