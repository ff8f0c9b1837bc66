//! A new input on a thread that has not finished.

use superstep::prelude::*;
use superstep::{Graph, NodeError, RunError, Unfinished};

use super::{T, kept};
use crate::common::{Trace, TraceUpdate};

fn waiting() -> Graph<Trace> {
    kept(
        StateGraph::new("test")
            .add_node("asks", async |ctx: Ctx| {
                let answer: String = ctx.interrupt("what", ())?;
                Ok::<_, NodeError>(Trace::update().log(answer))
            })
            .add_node("works", async |state: View<Trace>| -> TraceUpdate {
                Trace::update().log(format!("worked {}", state.n))
            })
            .add_edge(START, ["asks", "works"]),
    )
}

#[tokio::test]
async fn it_says_what_would_be_dropped_and_changes_nothing() {
    let graph = waiting();
    graph.invoke(Trace::update().n(1)).thread(T).await.unwrap();
    let error = graph
        .invoke(Trace::update().n(2))
        .thread(T)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "thread `t` has not finished: `asks` would be dropped"
    );
    let RunError::Unfinished { next, finished, .. } = error else {
        panic!("it has not finished");
    };
    assert!(next[0] == "asks" && finished[0] == "works");
    let run = graph.resume("yes").thread(T).await.unwrap();
    assert_eq!(run.state.log, ["yes", "worked 1"]);
}

#[tokio::test]
async fn discard_drops_what_had_finished_and_keep_merges_it() {
    for (unfinished, log) in [
        (Unfinished::Discard, &["worked 2"][..]),
        (Unfinished::Keep, &["worked 1", "worked 2"]),
    ] {
        let graph = waiting();
        graph.invoke(Trace::update().n(1)).thread(T).await.unwrap();
        let run = graph
            .invoke(Trace::update().n(2))
            .thread(T)
            .unfinished(unfinished);
        let run = run.await.unwrap();
        assert_eq!(run.state.log, log, "{unfinished:?}");
        assert_eq!(run.interrupts().len(), 1, "it asks anew");
        let run = graph.resume("yes").thread(T).await.unwrap();
        assert_eq!(run.state.log.len(), log.len() + 1);
    }
}
