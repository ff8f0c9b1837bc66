//! Rules 7 and 8 on threads: what failed, and what goes on.

use std::sync::Arc;

use superstep::prelude::*;
use superstep::{NodeError, OnFailure, RunError, Status};

use super::{Count, T, fails, kept};
use crate::common::{Trace, TraceUpdate, marks, oops, ran};

#[tokio::test]
async fn proceed_runs_only_what_had_not_finished() {
    async fn works(ctx: Ctx<Count>) -> TraceUpdate {
        Trace::update().log(format!("{} {}", ctx.node(), ctx.next()))
    }
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("a", works)
            .add_node("b", async |ctx: Ctx<Count>| match ctx.next() {
                0..=2 => Err(oops()),
                n => Ok(Trace::update().log(format!("b {n}"))),
            })
            .add_node("c", works)
            .add_node("d", works)
            .add_edge(START, ["a", "b", "c"])
            .add_edge(["a", "b", "c"], "d")
            .on_failure(OnFailure::Finish),
    );
    let count = fails(&graph, "node").await;
    let snapshot = graph.thread(T).state().await.unwrap();
    assert_eq!(
        (snapshot.next, snapshot.finished.len()),
        (vec!["b".to_owned()], 2)
    );
    let run = graph.proceed().thread(T).context(count).await.unwrap();
    assert_eq!(ran(&run), "a b c | d", "the superstep has all its tasks");
    assert_eq!(run.state.log.len(), 4);
    assert!(
        run.state.log[1].starts_with("b 3"),
        "only b ran again: {:?}",
        run.state.log
    );
}

#[tokio::test]
async fn a_conflict_leaves_the_thread_as_it_was_and_it_can_go_on() {
    async fn writes(ctx: Ctx<Count>) -> Option<TraceUpdate> {
        // Both in the first round, one of them later.
        (ctx.next() < 3).then(|| Trace::update().n(1))
    }
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("a", writes)
            .add_node("b", writes)
            .add_edge(START, ["a", "b"]),
    );
    let count = fails(&graph, "conflict").await;
    let snapshot = graph.thread(T).state().await.unwrap();
    assert_eq!(
        (snapshot.next.len(), snapshot.values.n),
        (2, 0),
        "as it was before"
    );
    assert!(snapshot.finished.is_empty());
    let run = graph.proceed().thread(T).context(count).await.unwrap();
    assert_eq!((run.status, run.state.n), (Status::Done, 1));
}

#[tokio::test]
async fn a_route_that_fails_takes_its_node_with_it_and_no_other() {
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("a", async |ctx: Ctx<Count>| {
                ctx.next();
                Trace::update().log("a")
            })
            .add_node("b", async |ctx: Ctx<Count>| {
                Trace::update()
                    .log(format!("b {}", ctx.next()))
                    .sum(ctx.get() as u64)
            })
            .add_node("end", async |_: View<Trace>| {})
            .add_conditional_edges(
                "b",
                |state: &Trace| {
                    assert!(state.sum > 2, "the route does not know");
                    "end"
                },
                "end",
            )
            .add_edge(START, ["a", "b"]),
    );
    let count = Arc::new(Count::default());
    let failed = graph
        .invoke(Trace::update())
        .thread(T)
        .context(Arc::clone(&count))
        .await;
    let RunError::Node { node, .. } = failed.unwrap_err() else {
        panic!("the route's node failed");
    };
    assert_eq!(node, "b");
    let run = graph
        .proceed()
        .thread(T)
        .context(Arc::clone(&count))
        .await
        .unwrap();
    assert_eq!(count.get(), 3, "a ran once, b twice");
    assert_eq!(run.state.log, ["a", "b 2"], "what b wrote at first is gone");
    assert_eq!(ran(&run), "a b | end", "and its route was not lost");
}

#[tokio::test]
async fn a_lone_node_whose_route_fails_writes_nothing() {
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("a", async |ctx: Ctx<Count>| {
                Trace::update().log(ctx.next().to_string())
            })
            .add_conditional_edges(
                "a",
                |state: &Trace| {
                    assert!(state.log != ["0"]);
                    END
                },
                END,
            )
            .add_edge(START, "a"),
    );
    let count = fails(&graph, "node").await;
    assert!(graph.thread(T).state().await.unwrap().values.log.is_empty());
    let run = graph.proceed().thread(T).context(count).await.unwrap();
    assert_eq!(run.state.log, ["1"]);
}

#[tokio::test]
async fn an_unknown_target_takes_its_task_with_it() {
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("a", async |ctx: Ctx<Count>| {
                let target = if ctx.next() == 0 { "nowhere" } else { "b" };
                Command::update(Trace::update().log("a")).goto(target)
            })
            .add_node("b", async |_: View<Trace>| Trace::update().log("b"))
            .add_node("c", async |_: View<Trace>| Trace::update().log("c"))
            .add_edge(START, ["a", "c"])
            .add_edge("c", "b"),
    );
    let count = fails(&graph, "unknown-target").await;
    let run = graph.proceed().thread(T).context(count).await.unwrap();
    assert_eq!(run.state.log, ["a", "c", "b"]);
}

#[tokio::test]
async fn commands_and_sends_of_what_had_finished_are_kept() {
    const COUNT: Worker<Vec<u32>> = Worker::new("count");
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("fails", async |ctx: Ctx<Count>| match ctx.next() {
                0 => Err(oops()),
                _ => Ok(()),
            })
            .add_node("sends", async |_: View<Trace>| {
                Command::update(Trace::update().log("sent"))
                    .send(COUNT.send(vec![1, 2]))
                    .goto("mark")
            })
            .add_node("mark", async |_: View<Trace>| Trace::update().log("mark"))
            .add_worker(COUNT, async |numbers: Vec<u32>| {
                Trace::update().sum(u64::from(numbers.iter().sum::<u32>()))
            })
            .add_edge(START, ["fails", "sends"])
            .on_failure(OnFailure::Finish),
    );
    let count = fails(&graph, "node").await;
    let run = graph.proceed().thread(T).context(count).await.unwrap();
    assert_eq!(
        (run.state.log, run.state.sum),
        (vec!["sent".to_owned(), "mark".to_owned()], 3)
    );
}

#[tokio::test]
async fn the_limit_leaves_a_thread_that_proceeds() {
    let graph = kept(
        StateGraph::new("test")
            .add_node("a", async |_: View<Trace>| Trace::update().sum(1_u64))
            .add_conditional_edges(
                "a",
                |state: &Trace| if state.sum < 25 { "a" } else { END },
                ["a", END],
            )
            .add_edge(START, "a")
            .recursion_limit(10),
    );
    let limited = graph.invoke(Trace::update()).thread(T).await.unwrap_err();
    assert_eq!(limited.code(), "recursion-limit");
    assert_eq!(graph.thread(T).state().await.unwrap().values.sum, 10);
    assert_eq!(
        graph.proceed().thread(T).await.unwrap_err().code(),
        "recursion-limit"
    );
    assert_eq!(graph.proceed().thread(T).await.unwrap().state.sum, 25);
}

#[tokio::test]
async fn on_a_thread_that_is_done_nothing_runs() {
    let graph = kept(
        StateGraph::new("test")
            .add_node("a", async |_: View<Trace>| Trace::update().sum(1_u64))
            .add_edge(START, "a"),
    );
    let done = graph.invoke(Trace::update()).thread(T).await.unwrap();
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(
        (run.status, run.supersteps(), run.state.sum),
        (Status::Done, 0, 1)
    );
    assert_eq!(run.checkpoint, done.checkpoint, "nothing was written");
}

#[tokio::test]
async fn what_needs_a_thread_says_so() {
    let graph = kept(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |_: View<Trace>| {})
            .add_edge(START, "a"),
    );
    for call in [
        graph.proceed(),
        graph.resume(1),
        graph.invoke(Trace::update()),
    ] {
        assert_eq!(call.await.unwrap_err().code(), "no-thread");
    }
    let plain = crate::common::sound(marks(["a"]).add_edge(START, "a"));
    for call in [
        plain.invoke(Trace::update()).interrupt_before("a"),
        plain
            .invoke(Trace::update())
            .durability(superstep::Durability::Exit),
        plain
            .invoke(Trace::update())
            .on_busy(superstep::OnBusy::Wait),
    ] {
        assert_eq!(
            call.await.unwrap_err().code(),
            "no-thread",
            "nothing is dropped silently"
        );
    }
    for call in [graph.proceed(), graph.resume(1)] {
        let error = call.thread("nobody").await.unwrap_err();
        assert_eq!(error.to_string(), "there is no thread `nobody`");
    }
    let plain = crate::common::sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |_: View<Trace>| {})
            .add_edge(START, "a"),
    );
    let error = plain.invoke(Trace::update()).thread(T).await.unwrap_err();
    assert!(error.help().contains(".checkpointer("), "{error:?}");
    let error = plain.thread(T).state().await.unwrap_err();
    assert_eq!(error.code(), "no-thread");
}

#[tokio::test]
async fn an_update_that_cannot_be_written_fails_its_task() {
    use std::collections::BTreeMap;
    #[derive(State, Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
    struct Odd {
        map: BTreeMap<(u32, u32), u32>,
    }
    let graph = StateGraph::<Odd>::new("test")
        .add_node("a", async |_: View<Odd>| Odd::update().map([((1, 2), 3)]))
        .add_node("b", async |_: View<Odd>| {})
        .add_edge(START, ["a", "b"])
        .checkpointer(superstep::MemoryCheckpointer::new())
        .compile()
        .unwrap();
    let error = graph.invoke(Odd::update()).thread(T).await.unwrap_err();
    let messages = crate::common::chain(&error);
    assert!(messages[1].contains("key must be a string"), "{messages:?}");
    let _: NodeError = oops();
}
