//! Graphs that are nodes of others.

mod back;
mod breakpoints;
mod fallback;
mod history;
mod leaving;
mod marks;
mod memory;
mod mending;
mod races;
mod remains;
mod renamed;
mod running;
mod starved;
mod threads;
mod transcripts;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Graph, subgraph};

use crate::common::{Trace, TraceUpdate, marks, sound};

/// The state of a subgraph that has one of its own.
#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Inner {
    pub(crate) word: String,
    #[reduce(Append)]
    pub(crate) said: Vec<String>,
}

/// A graph over [`Trace`] that is `levels` deep: node `in` of each is the next.
pub(crate) fn deep(levels: usize) -> Graph<Trace> {
    let graph = marks(["a", "b"]).add_edge(START, "a");
    sound(match levels {
        0 => graph.add_edge("a", "b"),
        _ => graph
            .add_node("in", deep(levels - 1))
            .add_edge("a", "in")
            .add_edge("in", "b"),
    })
}

/// A graph that says its word twice.
pub(crate) fn says() -> Graph<Inner> {
    let say = async |state: View<Inner>| Inner::update().said(state.word.clone());
    sound(
        StateGraph::<Inner>::new("says")
            .add_node("one", say)
            .add_node("two", say)
            .add_edge(START, "one")
            .add_edge("one", "two"),
    )
}

/// The update of a state with what a subgraph said.
pub(crate) fn said(inner: &Inner) -> TraceUpdate {
    Trace::update().log(inner.said.clone())
}

#[tokio::test(start_paused = true)]
async fn with_its_own_state_it_is_called_by_add_subgraph_too() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_subgraph(
                "says",
                says(),
                |state: &Trace| Inner::update().word(state.n.to_string()),
                said,
            )
            .add_node(
                "again",
                node(subgraph(
                    says(),
                    |_: &Trace| Inner::update().word("x"),
                    said,
                ))
                .defer(),
            )
            .add_edge(START, ["says", "again"]),
    );
    let run = graph.invoke(Trace::update().n(7)).await.unwrap();
    assert_eq!(run.state.log, ["7", "7", "x", "x"]);
}
