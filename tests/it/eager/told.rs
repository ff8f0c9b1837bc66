//! What is told of eager runs: events, transcripts, and what exploring finds.

use std::time::Duration;

use superstep::EventKind;
use superstep::prelude::*;
use superstep::testing::explore;

use super::paced;
use crate::common::{Trace, mark, sound};

fn lanes(eager: bool) -> StateGraph<Trace> {
    let graph = paced(&[("a", 10), ("b", 200), ("a2", 10), ("a3", 10), ("end", 1)])
        .add_edge(START, ["a", "b"])
        .add_edge("a", "a2")
        .add_edge("a2", "a3")
        .add_edge(["a3", "b"], "end");
    if eager { graph.eager() } else { graph }
}

#[tokio::test(start_paused = true)]
async fn the_transcript_is_that_of_supersteps() {
    let told = |eager: bool| {
        let graph = sound(lanes(eager));
        async move { graph.invoke(Trace::update()).transcript().await.to_string() }
    };
    assert_eq!(told(true).await, told(false).await);
}

#[tokio::test(start_paused = true)]
async fn depths_begin_and_are_settled_in_order() {
    let graph = sound(lanes(true));
    let mut events = graph.invoke(Trace::update()).stream();
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        let what = match event.kind {
            EventKind::SuperstepStarted { tasks } => format!("begins with {tasks}"),
            EventKind::SuperstepFinished { .. } => "ends".to_owned(),
            EventKind::TaskStarted => format!("+{}", event.task().unwrap()),
            EventKind::TaskFinished { .. } => format!("-{}", event.task().unwrap()),
            _ => continue,
        };
        told.push(format!("{} {what}", event.superstep()));
    }
    let expected = [
        "0 ends",
        "1 begins with 2",
        "1 +a",
        "1 +b",
        "1 -a",
        "2 begins with 1",
        "2 +a2",
        "2 -a2",
        "3 begins with 1",
        "3 +a3",
        "3 -a3",
        "1 -b",
        "1 ends",
        "2 ends",
        "3 ends",
        "4 begins with 1",
        "4 +end",
        "4 -end",
        "4 ends",
    ];
    assert_eq!(told, expected);
    let run = events.finish().await.unwrap();
    assert_eq!(run.state.log, ["a", "b", "a2", "a3", "end"]);
}

#[tokio::test(start_paused = true)]
async fn a_graph_that_comes_to_the_same_in_any_order_is_found_so() {
    let graph = sound(lanes(true));
    let explored = explore(&graph, Trace::update()).orders(60).await.unwrap();
    assert_eq!((explored.orders, explored.failures), (60, 0));
    let ordinary = sound(lanes(false)).invoke(Trace::update());
    let ordinary = ordinary.transcript().await.to_string();
    assert_eq!(explored.transcript.to_string(), ordinary);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_reads_what_is_written_beside_it_is_found_by_the_field() {
    let reads = async |state: View<Trace>| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Trace::update().n(i64::try_from(state.log.len()).unwrap())
    };
    let graph = sound(
        paced(&[("a", 10), ("b", 20)])
            .add_node("reads", reads)
            .add_node("end", mark)
            .add_edge(START, ["a", "b"])
            .add_edge("a", "reads")
            .add_edge(["b", "reads"], "end")
            .eager(),
    );
    let found = explore(&graph, Trace::update())
        .orders(20)
        .await
        .unwrap_err();
    assert!(found.in_supersteps);
    assert_eq!(found.field.as_deref(), Some("n"));
    let told = "an eager run and one in supersteps disagree in `n`\n  eager: 1\n  supersteps: 2";
    assert_eq!(found.to_string(), told);
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_the_order_of_ends_is_found() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    let clock = Arc::new(AtomicI64::new(0));
    let race = move |_: View<Trace>| {
        let now = clock.fetch_add(1, Ordering::SeqCst);
        async move { Trace::update().n(now % 3) }
    };
    let graph = sound(lanes(true).add_node("race", race).add_edge("a2", "race"));
    let found = explore(&graph, Trace::update())
        .orders(20)
        .await
        .unwrap_err();
    assert!(!found.in_supersteps, "{found}");
}
