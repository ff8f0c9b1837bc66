//! Subgraphs that are sources of joins with rules, on threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use superstep::prelude::*;
use superstep::{Graph, Join};

use super::threads::{Calls, counted, on_threads};
use crate::common::{Trace, oops, sound};

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
