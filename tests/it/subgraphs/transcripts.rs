//! What a transcript tells of graphs that are nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use insta::assert_snapshot;
use superstep::prelude::*;
use superstep::{MemoryCheckpointer, OnFailure, subgraph};

use super::{Inner, deep, said, says};
use crate::common::{Trace, marks, oops, sound};

#[tokio::test]
async fn all_levels_by_default() {
    let graph = deep(2);
    let transcript = graph.invoke(Trace::update()).transcript().await;
    assert_snapshot!(transcript);
    assert_snapshot!(transcript.clone().depth(1));
    let flat = transcript.clone().depth(0);
    assert!(!flat.to_string().contains("graph test\n        "));
    assert_eq!(transcript.clone().depth(2), transcript);
    let data = serde_json::to_value(&transcript).unwrap();
    let inside = &data["supersteps"][1]["tasks"][0]["inside"];
    assert_eq!(
        (&inside["path"], &inside["graph"]),
        (&"in/0".into(), &"test".into())
    );
    let deeper = &inside["supersteps"][1]["tasks"][0]["inside"];
    assert_eq!(deeper["path"], "in/0/2/in/0");
}

const SAY: Worker<String> = Worker::new("say");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sends_and_the_same_each_time() {
    let given = |word: &String| Inner::update().word(word.clone());
    let graph = marks(["z"])
        .add_worker(SAY, subgraph(says(), given, said))
        .add_conditional_edges(
            START,
            |_: &Trace| ["x", "y"].map(|text| SAY.send(text.into())),
            [SAY],
        )
        .add_edge(SAY, "z");
    let graph = sound(graph);
    let transcript = graph.invoke(Trace::update()).transcript().await.to_string();
    for _ in 0..20 {
        let again = graph.invoke(Trace::update()).transcript().await;
        assert_eq!(again.to_string(), transcript);
    }
    assert_snapshot!(transcript);
}

#[tokio::test]
async fn of_questions_inside_and_what_goes_on_after_them() {
    let asks = async |_: View<Trace>, ctx: Ctx| {
        let answer: String = ctx.interrupt("sure", 900)?;
        NodeResult::Ok(Trace::update().log(answer))
    };
    let inner = marks(["a", "z"])
        .add_node("asks", asks)
        .add_edge(START, ["a", "asks"])
        .add_edge(["a", "asks"], "z");
    let graph = marks(["last"])
        .add_node("in", sound(inner))
        .add_node("other", says_nothing())
        .add_edge(START, ["in", "other"])
        .add_edge(["in", "other"], "last")
        .checkpointer(MemoryCheckpointer::new());
    let graph = sound(graph);
    let asked = graph.invoke(Trace::update()).thread("t").transcript().await;
    let resumed = graph.resume("yes").thread("t").transcript().await;
    assert_snapshot!(format!("{asked}\n{resumed}"));
}

/// A graph whose tasks write nothing.
fn says_nothing() -> superstep::Graph<Trace> {
    let nothing = async |_: View<Trace>| {};
    sound(
        marks([])
            .add_node("nothing", nothing)
            .add_edge(START, "nothing"),
    )
}

#[tokio::test]
async fn of_a_failure_inside() {
    let fails = async |_: View<Trace>| Err::<(), _>(oops());
    let inner = marks(["a"])
        .add_node("b", fails)
        .add_edge(START, "a")
        .add_edge("a", "b");
    let around = marks([]).add_node("in", sound(inner)).add_edge(START, "in");
    // What has ended beside it is a matter of time, and not told.
    let graph = marks([])
        .add_node("in", sound(around))
        .add_node("other", says_nothing())
        .add_edge(START, ["in", "other"])
        .on_failure(OnFailure::Finish);
    let graph = sound(graph);
    assert_snapshot!(graph.invoke(Trace::update()).transcript().await);
}

#[tokio::test]
async fn of_the_last_attempt() {
    let calls = Arc::new(AtomicUsize::new(0));
    let second = move |_: View<Trace>| {
        let number = calls.fetch_add(1, Ordering::SeqCst);
        async move {
            match number {
                0 => Err(oops()),
                n => Ok(Trace::update().sum(n as u64)),
            }
        }
    };
    let inner = marks([]).add_node("b", second).add_edge(START, "b");
    let retry = Retry::attempts(2).delay(std::time::Duration::ZERO);
    let graph = marks([])
        .add_node("in", node(sound(inner)).retry(retry))
        .add_edge(START, "in");
    let transcript = sound(graph).invoke(Trace::update()).transcript().await;
    let task = &transcript.supersteps[0].tasks[0];
    let inside = task.inside.as_ref().unwrap();
    assert_eq!((task.attempts, inside.supersteps.len()), (2, 1));
    let writes = inside.supersteps[0].tasks[0].writes.as_ref().unwrap();
    assert_eq!(writes["sum"], 1);
}

#[tokio::test]
async fn of_an_eager_graph_around_them() {
    let graph = |eager: bool| {
        let graph = marks(["slow", "z"])
            .add_node("in", deep(0))
            .add_node("more", deep(0))
            .add_edge(START, ["in", "slow"])
            .add_edge("in", "more")
            .add_edge(["more", "slow"], "z");
        match eager {
            true => sound(graph.eager()),
            false => sound(graph),
        }
    };
    let eager = graph(true).invoke(Trace::update()).transcript().await;
    let other = graph(false).invoke(Trace::update()).transcript().await;
    assert_eq!(eager.to_string(), other.to_string());
    assert!(eager.to_string().contains("superstep more/0/2"));
}
