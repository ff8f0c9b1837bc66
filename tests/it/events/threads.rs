//! What is seen of runs on threads.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{Durability, EventKind, MemoryCheckpointer};

use super::lines;
use crate::common::{Trace, TraceUpdate, mark, sound};

fn asking() -> superstep::Graph<Trace> {
    sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", mark)
            .add_node("ask", async |ctx: Ctx| -> NodeResult<TraceUpdate> {
                let answer: String = ctx.interrupt("what", "?")?;
                Ok(Trace::update().log(answer))
            })
            .add_node("b", mark)
            .add_edge(START, ["a", "ask"])
            .add_edge("ask", "b")
            .checkpointer(MemoryCheckpointer::new()),
    )
}

#[tokio::test(start_paused = true)]
async fn checkpoints_and_questions_are_told() {
    let graph = asking();
    let mut events = graph.invoke(Trace::update()).thread("t").stream();
    assert_eq!(
        lines(&mut events).await,
        [
            "0 run_started",
            "0 superstep_finished",
            "0 checkpoint_written",
            "1 superstep_started",
            "1 a task_started",
            "1 a task_finished",
            "1 ask task_started",
            "1 ask task_paused",
            "1 ask#0 interrupted",
            "0 run_finished",
        ]
    );
    let mut events = graph.resume("so").thread("t").stream();
    assert_eq!(
        lines(&mut events).await,
        [
            "0 run_started",
            "0 superstep_finished",
            "1 superstep_started",
            "1 ask task_started",
            "1 ask task_finished",
            "1 superstep_finished",
            "0 checkpoint_written",
            "2 superstep_started",
            "2 b task_started",
            "2 b task_finished",
            "2 superstep_finished",
            "0 checkpoint_written",
            "0 run_finished",
        ]
    );
    assert_eq!(events.finish().await.unwrap().state.log, ["a", "so", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_is_told_when_it_is_written() {
    let written = async |durability| {
        let graph = asking();
        let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
        let mut events = graph
            .resume("so")
            .thread("t")
            .durability(durability)
            .stream();
        let mut written = Vec::new();
        while let Some(event) = events.next().await {
            if let EventKind::CheckpointWritten { checkpoint } = event.kind {
                written.push(checkpoint.number());
            }
        }
        assert_eq!(run.checkpoint.map(|id| id.number()), Some(1));
        written
    };
    assert_eq!(written(Durability::Sync).await, [2, 3]);
    assert_eq!(written(Durability::Async).await, [2, 3]);
    assert_eq!(written(Durability::Exit).await, [2]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_leaves_a_thread_that_goes_on() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", mark)
            .add_node("b", async |_: View<Trace>| {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Trace::update().log("b")
            })
            .add_edge(START, "a")
            .add_edge("a", "b")
            .checkpointer(MemoryCheckpointer::new()),
    );
    let mut events = graph.invoke(Trace::update()).thread("t").stream().tasks();
    for _ in 0..3 {
        assert!(events.next().await.is_some());
    }
    drop(events);
    let run = graph.proceed().thread("t").await.unwrap();
    assert_eq!(run.state.log, ["a", "b"]);
}
