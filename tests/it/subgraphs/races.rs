//! Subgraphs that are sources of joins with rules, on threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, Join, MemoryCheckpointer, RunControl, Status};
use tokio::time::{Instant, sleep};

use super::threads::{Calls, counted, on_threads};
use crate::common::{Trace, TraceUpdate, oops, sound};

/// `fine`, then `bad`, which fails the first time.
fn failing_once() -> Graph<Trace, Calls> {
    let fails = Arc::new(AtomicU32::new(1));
    sound(
        StateGraph::<Trace, Calls>::new("failing")
            .add_node("fine", counted)
            .add_node("bad", move |ctx: Ctx<Calls>| {
                let fails = fails.swap(0, Ordering::SeqCst) == 1;
                async move {
                    match fails {
                        true => Err(oops()),
                        false => Ok(counted(ctx).await),
                    }
                }
            })
            .add_edge(START, "fine")
            .add_edge("fine", "bad"),
    )
}

#[tokio::test(start_paused = true)]
async fn what_has_finished_in_a_source_that_failed_is_not_run_again() {
    let joins = [
        Join::first(),
        Join::quorum(1),
        Join::settled().require(["in"]),
    ];
    for (join, nested) in joins.iter().flat_map(|join| [(join, false), (join, true)]) {
        let graph = StateGraph::<Trace, Calls>::new("test")
            .add_node("in", failing_once())
            .add_node("last", counted)
            .add_edge(START, "in")
            .add_join(["in"], "last", join.clone());
        let graph = match nested {
            false => on_threads(graph),
            true => on_threads(
                StateGraph::new("around")
                    .add_node("around", sound(graph))
                    .add_edge(START, "around"),
            ),
        };
        let calls = Calls::default();
        let run = graph.invoke(Trace::update()).context(calls.clone());
        let error = run.thread("t").await.unwrap_err();
        assert_eq!(error.code(), if nested { "node" } else { "join" });
        assert_eq!(calls.get(), 1);
        let run = graph.proceed().context(calls.clone()).thread("t");
        assert_eq!(run.await.unwrap().state.log, ["fine", "bad", "last"]);
        assert_eq!(calls.get(), 3, "`fine` ran again: {join:?}, {nested}");
    }
}

/// Says its name after so many milliseconds.
async fn says(name: &'static str, millis: u64) -> TraceUpdate {
    sleep(Duration::from_millis(millis)).await;
    Trace::update().log(name)
}

/// `x`, then `y`, 10 ms each; drains the run while `x` is at work.
fn draining(control: &RunControl) -> StateGraph<Trace> {
    let control = control.clone();
    StateGraph::<Trace>::new("quick")
        .add_node("x", move |_: View<Trace>| {
            control.drain();
            says("x", 10)
        })
        .add_node("y", async |_: View<Trace>| says("y", 10).await)
        .add_edge(START, "x")
        .add_edge("x", "y")
}

/// A graph that is node `in` of another.
fn nested(inner: StateGraph<Trace>) -> StateGraph<Trace> {
    StateGraph::<Trace>::new("nested")
        .add_node("in", sound(inner))
        .add_edge(START, "in")
}

#[tokio::test(start_paused = true)]
async fn a_drain_decides_no_race() {
    let second = Duration::from_secs(1);
    let joins = [
        Join::first(),
        Join::quorum(1).cancel_rest(),
        Join::settled().within(second),
        Join::all().within(second),
    ];
    for (join, is_nested) in joins.iter().flat_map(|join| [(join, false), (join, true)]) {
        let control = RunControl::new();
        let quick = match is_nested {
            false => draining(&control),
            true => nested(draining(&control)),
        };
        let graph = sound(
            StateGraph::<Trace>::new("test")
                .add_node("quick", sound(quick))
                .add_node("slow", async |_: View<Trace>| says("slow", 5000).await)
                .add_node("last", async |ctx: Ctx| {
                    Trace::update().log(ctx.arrivals().to_string())
                })
                .add_edge(START, ["quick", "slow"])
                .add_join(["quick", "slow"], "last", join.clone())
                .checkpointer(MemoryCheckpointer::new()),
        );
        let begin = Instant::now();
        let run = graph.invoke(Trace::update()).thread("t").control(&control);
        let run = run.await.unwrap();
        let took = begin.elapsed();
        assert_eq!(run.status, Status::Drained, "{join:?}");
        assert_eq!(run.state.log, ["x", "y"]);
        assert!(took <= second, "{join:?}: {took:?}");
        let run = graph.proceed().thread("t").await.unwrap();
        let slow = match took < second {
            true => "cancelled",
            false => "timed out",
        };
        let came = format!("quick done, slow {slow}");
        assert_eq!(run.state.log, ["x", "y", came.as_str()], "{join:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_nobody_where_none_can_lose() {
    let control = RunControl::new();
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("quick", sound(draining(&control)))
            .add_node("last", async |_: View<Trace>| says("last", 0).await)
            .add_edge(START, "quick")
            .add_join(["quick"], "last", Join::settled())
            .checkpointer(MemoryCheckpointer::new()),
    );
    let run = graph.invoke(Trace::update()).thread("t").control(&control);
    let run = run.await.unwrap();
    assert_eq!(run.status, Status::Drained);
    assert!(run.state.log.is_empty());
    let run = graph.proceed().thread("t").await.unwrap();
    assert_eq!(run.state.log, ["x", "y", "last"]);
}

#[tokio::test(start_paused = true)]
async fn a_hedged_graph_goes_on_to_its_end_when_it_is_drained() {
    let control = RunControl::new();
    let hedged = node(sound(draining(&control)))
        .idempotent()
        .hedge(Duration::from_millis(5));
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("quick", hedged)
            .add_node("last", async |_: View<Trace>| says("last", 0).await)
            .add_edge(START, "quick")
            .add_edge("quick", "last")
            .checkpointer(MemoryCheckpointer::new()),
    );
    let run = graph.invoke(Trace::update()).thread("t").control(&control);
    let run = run.await.unwrap();
    assert_eq!(run.status, Status::Drained);
    assert_eq!(run.state.log, ["x", "y"]);
}
