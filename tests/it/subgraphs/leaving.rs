//! Commands from inside a subgraph to the graph around it.

use superstep::prelude::*;
use superstep::{Graph, RunError, Target, subgraph};

use super::{Inner, said};
use crate::common::{Trace, marks, ran, sound};

const SENT: Worker<u32> = Worker::new("sent");

/// A graph whose first node leaves it, beside a sibling, before a third.
fn leaves(to: impl Fn() -> Vec<Target> + Send + Sync + 'static) -> Graph<Trace> {
    sound(
        marks(["sibling", "after"])
            .add_node("leave", move |_: View<Trace>| {
                let command = Command::parent().goto(to());
                async { command.and_update(Trace::update().log("leaving")) }
            })
            .add_edge(START, ["leave", "sibling"])
            .add_edge("sibling", "after"),
    )
}

#[tokio::test(start_paused = true)]
async fn it_goes_to_the_parents_nodes_with_what_was_written() {
    let graph = sound(
        marks(["other", "next"])
            .add_node("in", leaves(|| vec!["other".into()]))
            .add_edge(START, "in")
            .add_edge("in", "next"),
    );
    let run = graph.invoke(Trace::update()).await.unwrap();
    // Edges are followed, too; what else was ready inside is not.
    assert_eq!(ran(&run), "in | next other");
    assert_eq!(run.state.log, ["leaving", "sibling", "next", "other"]);
}

#[tokio::test(start_paused = true)]
async fn it_can_send_and_it_can_just_leave() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node(
                "in",
                leaves(|| vec![SENT.send(1).into(), SENT.send(2).into()]),
            )
            .add_worker(SENT, async |n: u32| Trace::update().sum(u64::from(n)))
            .add_edge(START, "in"),
    );
    let run = graph.invoke(Trace::update()).await.unwrap();
    assert_eq!((run.state.sum, ran(&run).as_str()), (3, "in | sent sent"));
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("in", leaves(Vec::new))
            .add_edge(START, "in"),
    );
    let run = graph.invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["leaving", "sibling"]);
}

#[tokio::test(start_paused = true)]
async fn it_leaves_several_levels_one_by_one() {
    let inner = leaves(|| vec![Target::Parent(vec!["top".into()])]);
    let middle = sound(
        marks(["never"])
            .add_node("inner", inner)
            .add_edge(START, "inner")
            .add_edge("inner", "never"),
    );
    let graph = sound(
        marks(["top"])
            .add_node("middle", middle)
            .add_edge(START, "middle"),
    );
    let run = graph.invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["leaving", "sibling", "top"]);
}

#[tokio::test(start_paused = true)]
async fn a_graph_with_its_own_state_leaves_with_its_output() {
    let inner = sound(
        StateGraph::<Inner>::new("inner")
            .add_node("leave", async |_: View<Inner>| {
                Command::parent()
                    .goto("other")
                    .and_update(Inner::update().said("bye"))
            })
            .add_edge(START, "leave"),
    );
    let graph = sound(
        marks(["other"])
            .add_node("in", subgraph(inner, |_: &Trace| Inner::update(), said))
            .add_edge(START, "in"),
    );
    let run = graph.invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["bye", "other"]);
}

#[tokio::test(start_paused = true)]
async fn who_has_no_parent_cannot_leave() {
    let error = leaves(|| vec!["other".into()])
        .invoke(Trace::update())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`leave` goes to `other`, which is meant for a parent graph, and there is none"
    );
    let graph = sound(
        marks(["a", "b"])
            .add_node("in", leaves(|| vec!["nowhere".into()]))
            .add_edge(START, "in"),
    );
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    let RunError::UnknownTarget { node, target, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((node.as_str(), target.as_str()), ("in", "nowhere"));
}
