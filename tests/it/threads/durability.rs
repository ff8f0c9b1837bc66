//! What is written when.

use std::sync::Arc;

use superstep::prelude::*;
use superstep::{Durability, Graph, OnFailure, RunError, Status};

use super::{Count, T, kept};
use crate::common::{Trace, oops};

/// Three supersteps; the second fails as often as the context says.
fn graph() -> Graph<Trace, Count> {
    kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("a", async |_: View<Trace>| {
                Trace::update().log("a").sum(1_u64)
            })
            .add_node("b", async |_: View<Trace>| {
                Trace::update().log("b").sum(1_u64)
            })
            .add_node("fails", async |ctx: Ctx<Count>| match ctx.next() {
                0 => Err(oops()),
                _ => Ok(Trace::update().log("works")),
            })
            .add_node("end", async |_: View<Trace>| Trace::update().log("end"))
            .add_edge(START, "a")
            .add_edge("a", ["b", "fails"])
            .add_edge(["b", "fails"], "end")
            .on_failure(OnFailure::Finish),
    )
}

#[tokio::test]
async fn a_run_that_fails_can_go_on_at_any_durability() {
    for (durability, n_before, n_after) in [
        (Durability::Sync, 2, 4),
        (Durability::Async, 2, 4),
        (Durability::Exit, 1, 2),
    ] {
        let (graph, count) = (graph(), Arc::new(Count::default()));
        let run = graph
            .invoke(Trace::update().log("in"))
            .thread(T)
            .durability(durability);
        let error = run.context(Arc::clone(&count)).await.unwrap_err();
        assert!(matches!(error, RunError::Node { .. }));
        let history = graph.thread(T).history().await.unwrap();
        assert_eq!(history.len(), n_before, "{durability:?}");
        assert_eq!(history[0].values.log, ["in", "a", "b"], "{durability:?}");
        assert_eq!(
            (history[0].next.as_slice(), history[0].finished.len()),
            (&["fails".to_owned()][..], 1)
        );

        let run = graph
            .proceed()
            .thread(T)
            .durability(durability)
            .context(count);
        let run = run.await.unwrap();
        assert_eq!(
            run.state.log,
            ["in", "a", "b", "works", "end"],
            "{durability:?}"
        );
        assert_eq!(run.state.sum, 2);
        let history = graph.thread(T).history().await.unwrap();
        assert_eq!(
            (history.len(), run.status),
            (n_after, Status::Done),
            "{durability:?}"
        );
        assert_eq!(
            history[0].values, run.state,
            "what was read is what was there"
        );
    }
}

#[tokio::test]
async fn at_exit_a_run_leaves_one_checkpoint_with_all_that_was_written() {
    let graph = kept(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |state: View<Trace>| {
                Trace::update().log(format!("{}", state.n)).n(state.n + 1)
            })
            .add_conditional_edges(
                "a",
                |state: &Trace| if state.n < 50 { "a" } else { END },
                ["a", END],
            )
            .add_edge(START, "a"),
    );
    for round in 1..3 {
        let run = graph
            .invoke(Trace::update().n(0))
            .thread(T)
            .durability(Durability::Exit);
        let run = run.await.unwrap();
        let history = graph.thread(T).history().await.unwrap();
        assert_eq!(history.len(), round);
        assert_eq!(history[0].values, run.state);
        assert_eq!(run.state.log.len(), round * 50);
    }
}
