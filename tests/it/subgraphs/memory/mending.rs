//! Memories when something goes wrong in a call, or beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Durability, Graph, Join, MemoryCheckpointer, Status, Unfinished, subgraph};

use super::{Notes, Take, chat, last, notes, remembering, take, tell, turn};
use crate::common::{Trace, mark, oops, sound};

const SECOND: Duration = Duration::from_secs(1);

/// A graph that asks, after it has written something.
fn asking() -> Graph<Notes> {
    sound(
        StateGraph::<Notes>::new("asking")
            .add_node("count", super::count)
            .add_node("ask", async |ctx: Ctx| -> NodeResult<_> {
                let answer: String = ctx.interrupt("what", ())?;
                Ok(Notes::update().heard(answer))
            })
            .add_edge(START, "count")
            .add_edge("count", "ask"),
    )
}

#[tokio::test(start_paused = true)]
async fn a_call_that_asks_goes_on_from_the_same_memory() {
    let store = MemoryCheckpointer::new();
    let build = || {
        sound(
            StateGraph::<Trace>::new("test")
                .add_node("notes", remembering(asking()))
                .add_edge(START, "notes")
                .checkpointer(store.clone()),
        )
    };
    for fresh in [false, true] {
        let thread = if fresh { "fresh" } else { "same" };
        let mut graph = build();
        for (round, known) in ["1 a (1)", "1 a 2 a (2)", "1 a 2 a 3 a (3)"]
            .into_iter()
            .enumerate()
        {
            let n = 1 + i64::try_from(round).unwrap();
            let run = graph.invoke(Trace::update().n(n)).thread(thread).await;
            assert_eq!(run.unwrap().status, Status::Interrupted);
            if fresh {
                graph = build();
            }
            let run = graph.proceed().thread(thread).await.unwrap();
            assert_eq!(run.status, Status::Interrupted);
            let run = graph.resume("a").thread(thread).await.unwrap();
            assert_eq!(last(&run), known);
        }
    }
}

/// `notes` beside a node that fails as long as `bad` is not zero, counting it
/// down, and that takes a second.
fn beside(store: &MemoryCheckpointer, bad: &Arc<AtomicU32>) -> Graph<Trace> {
    let bad = Arc::clone(bad);
    let beside = move |_: Ctx| {
        let bad = Arc::clone(&bad);
        async move {
            tokio::time::sleep(SECOND).await;
            match bad.load(Ordering::SeqCst) {
                0 => Ok(Trace::update()),
                n => {
                    bad.store(n - 1, Ordering::SeqCst);
                    Err(oops())
                }
            }
        }
    };
    sound(
        chat()
            .add_node("beside", beside)
            .add_edge(START, "beside")
            .checkpointer(store.clone()),
    )
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_ended_beside_a_failure_is_remembered_once() {
    let store = MemoryCheckpointer::new();
    let bad = Arc::new(AtomicU32::new(0));
    assert_eq!(turn(&beside(&store, &bad), "t", 1).await, "1 (1)");
    bad.store(2, Ordering::SeqCst);
    let graph = beside(&store, &bad);
    let failed = graph.invoke(Trace::update().n(2)).thread("t").await;
    assert_eq!(failed.unwrap_err().code(), "node");
    assert_eq!(
        graph.proceed().thread("t").await.unwrap_err().code(),
        "node"
    );
    let run = graph.proceed().thread("t").await.unwrap();
    assert_eq!(last(&run), "1 2 (2)");
    for known in ["1 2 3 (3)", "1 2 3 3 (4)", "1 2 3 3 3 (5)"] {
        assert_eq!(turn(&graph, "t", 3).await, known);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_ended_before_a_crash_is_remembered_once() {
    let store = MemoryCheckpointer::new();
    let build = || beside(&store, &Arc::default());
    for n in 1..4 {
        let graph = build();
        let run = graph.invoke(Trace::update().n(n)).thread("t");
        let dropped = tokio::time::timeout(SECOND / 2, run.into_future()).await;
        assert!(dropped.is_err(), "the other node takes a second");
        let run = build().proceed().thread("t").await.unwrap();
        let heard: Vec<String> = (1..=n).map(|n| n.to_string()).collect();
        assert_eq!(last(&run), format!("{} ({n})", heard.join(" ")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_leaves_the_memory_as_it_was() {
    let slow = |notes: View<Notes>| async move {
        let update = Notes::update().turns(notes.turns + 1);
        tokio::time::sleep(SECOND).await;
        update
    };
    let build = |store: &MemoryCheckpointer| {
        let inner = StateGraph::<Notes>::new("slow")
            .add_node("quick", super::count)
            .add_node("slow", slow)
            .add_edge(START, "quick")
            .add_edge("quick", "slow");
        sound(
            StateGraph::<Trace>::new("test")
                .add_node("notes", remembering(sound(inner)))
                .add_edge(START, "notes")
                .checkpointer(store.clone()),
        )
    };
    let store = MemoryCheckpointer::new();
    let graph = build(&store);
    assert_eq!(turn(&graph, "t", 1).await, "1 (2)");
    let run = graph.invoke(Trace::update().n(2)).thread("t");
    let dropped = tokio::time::timeout(SECOND / 2, run.into_future()).await;
    assert!(dropped.is_err(), "it takes a second");
    // Another input takes the place of what was cut off.
    let run = graph
        .invoke(Trace::update().n(3))
        .thread("t")
        .unfinished(Unfinished::Discard);
    assert_eq!(last(&run.await.unwrap()), "1 3 (4)");
    let run = graph.invoke(Trace::update().n(4)).thread("t");
    drop(tokio::time::timeout(SECOND / 2, run.into_future()).await);
    let run = graph.proceed().thread("t").await.unwrap();
    assert_eq!(last(&run), "1 3 4 (6)");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_leaves_the_memory_as_it_was() {
    // It fails on every second call of it, after it has written something.
    let calls = Arc::new(AtomicU32::new(0));
    let inner = || {
        let calls = Arc::clone(&calls);
        StateGraph::<Notes>::new("flaky")
            .add_node("count", super::count)
            .add_node("flaky", move |_: View<Notes>| {
                let n = calls.fetch_add(1, Ordering::SeqCst);
                async move {
                    match n % 2 {
                        0 => Err(oops()),
                        _ => Ok(Notes::update()),
                    }
                }
            })
            .add_edge(START, "count")
            .add_edge("count", "flaky")
    };
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let tried = sound(
        StateGraph::<Trace>::new("test")
            .add_node("notes", node(remembering(sound(inner()))).retry(retry))
            .add_edge(START, "notes")
            .checkpointer(MemoryCheckpointer::new()),
    );
    assert_eq!(turn(&tried, "t", 1).await, "1 (1)");
    assert_eq!(turn(&tried, "t", 2).await, "1 2 (2)");

    let plain = sound(
        StateGraph::<Trace>::new("test")
            .add_node("notes", remembering(sound(inner())))
            .add_edge(START, "notes")
            .checkpointer(MemoryCheckpointer::new()),
    );
    for known in ["1 (1)", "1 2 (2)"] {
        let n = known.matches(' ').count();
        let input = Trace::update().n(i64::try_from(n).unwrap());
        plain.invoke(input).thread("t").await.unwrap_err();
        let run = plain.proceed().thread("t").await.unwrap();
        assert_eq!(last(&run), known);
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_of_a_panic_in_the_output_is_not_remembered() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let bad = move |notes: &Notes| {
        assert!(
            counted.fetch_add(1, Ordering::SeqCst) != 1,
            "the second time"
        );
        tell(notes)
    };
    let notes = subgraph(notes(), take as Take, bad).per_thread();
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("notes", notes)
            .add_node("beside", async |_: View<Trace>| {})
            .add_node("end", async |_: View<Trace>| {})
            .add_edge(START, ["notes", "beside"])
            .add_join(["notes", "beside"], "end", Join::settled())
            .checkpointer(MemoryCheckpointer::new()),
    );
    assert_eq!(turn(&graph, "t", 1).await, "1 (1)");
    // A failure is data here, and the run goes on.
    assert_eq!(turn(&graph, "t", 2).await, "1 (1)");
    assert_eq!(turn(&graph, "t", 3).await, "1 3 (2)");
}

#[tokio::test(start_paused = true)]
async fn what_an_attempt_has_called_counts_for_no_other() {
    // The first attempt calls `notes`, and its output panics; the second does not
    // call it.
    let (asked, told) = (AtomicU32::new(0), AtomicU32::new(0));
    let inner = sound(
        StateGraph::<Trace>::new("inner")
            .add_node("notes", remembering(notes()))
            .add_node("other", mark)
            .add_conditional_edges(
                START,
                move |_: &Trace| match asked.fetch_add(1, Ordering::SeqCst) {
                    1 => "other",
                    _ => "notes",
                },
                ["notes", "other"],
            ),
    );
    let bad = move |inner: &Trace| {
        assert!(told.fetch_add(1, Ordering::SeqCst) != 0, "the first time");
        Trace::update().log(inner.log.clone())
    };
    let inner = subgraph(inner, |trace: &Trace| Trace::update().n(trace.n), bad);
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("in", node(inner).retry(retry))
            .add_edge(START, "in")
            .checkpointer(MemoryCheckpointer::new()),
    );
    assert_eq!(turn(&graph, "t", 1).await, "other");
    assert_eq!(turn(&graph, "t", 2).await, "2 (1)");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_no_join_waits_for_leaves_the_memory_as_it_was() {
    // Where the sum is 2 it is the first to end, else it is too slow.
    let inner = StateGraph::<Notes>::new("slow")
        .add_node("count", super::count)
        .add_node("slow", async |_: View<Notes>| {
            tokio::time::sleep(SECOND).await;
        })
        .add_edge(START, "count")
        .add_edge("count", "slow");
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("notes", remembering(sound(inner)))
            .add_node("quick", async |trace: View<Trace>| {
                let wait = if trace.sum == 2 {
                    SECOND * 2
                } else {
                    SECOND / 2
                };
                tokio::time::sleep(wait).await;
                Trace::update().sum(1_u64)
            })
            .add_node("end", async |_: View<Trace>| Trace::update().sum(1_u64))
            .add_edge(START, ["notes", "quick"])
            .add_join(["notes", "quick"], "end", Join::first().cancel_rest())
            .add_conditional_edges(
                "end",
                |trace: &Trace| match trace.sum {
                    2 => vec!["notes", "quick"],
                    _ => vec![END],
                },
                ["notes", "quick", END],
            )
            .checkpointer(MemoryCheckpointer::new()),
    );
    let input = Trace::update().n(1).sum(2_u64);
    let run = graph.invoke(input).thread("t").await.unwrap();
    assert_eq!(run.state.log, ["1 (1)"]);
    // Too slow at first, and then, in the same run, not.
    let input = Trace::update().n(2).overwrite_sum(0);
    let run = graph.invoke(input).thread("t").await.unwrap();
    assert_eq!(run.state.log, ["1 (1)", "1 2 (2)"]);
}

#[tokio::test(start_paused = true)]
async fn whatever_had_finished_is_kept_with_its_memory_or_dropped_with_it() {
    for (unfinished, known) in [
        (Unfinished::Keep, "1 2 3 (3)"),
        (Unfinished::Discard, "1 3 (2)"),
    ] {
        let store = MemoryCheckpointer::new();
        let bad = Arc::new(AtomicU32::new(0));
        let graph = beside(&store, &bad);
        assert_eq!(turn(&graph, "t", 1).await, "1 (1)");
        bad.store(1, Ordering::SeqCst);
        graph
            .invoke(Trace::update().n(2))
            .thread("t")
            .await
            .unwrap_err();
        let run = graph
            .invoke(Trace::update().n(3))
            .thread("t")
            .unfinished(unfinished);
        assert_eq!(last(&run.await.unwrap()), known);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_in_whose_place_somebody_acts_remembers_nothing_of_it() {
    let store = MemoryCheckpointer::new();
    let bad = Arc::new(AtomicU32::new(0));
    let graph = beside(&store, &bad);
    turn(&graph, "t", 1).await;
    let thread = graph.thread("t");
    let update = || Trace::update().log("by hand");
    thread.update(update()).as_node("notes").await.unwrap();
    assert_eq!(turn(&graph, "t", 2).await, "1 2 (2)");

    // What has finished beside the node is settled with it.
    bad.store(1, Ordering::SeqCst);
    let failed = graph.invoke(Trace::update().n(3)).thread("t");
    failed.await.unwrap_err();
    thread.update(update()).as_node("beside").await.unwrap();
    assert_eq!(turn(&graph, "t", 4).await, "1 2 3 4 (4)");

    // Values that are changed keep what has finished, and what it remembers.
    bad.store(1, Ordering::SeqCst);
    let failed = graph.invoke(Trace::update().n(5)).thread("t");
    failed.await.unwrap_err();
    thread.update(update()).await.unwrap();
    graph.proceed().thread("t").await.unwrap();
    assert_eq!(turn(&graph, "t", 6).await, "1 2 3 4 5 6 (6)");
}

#[tokio::test(start_paused = true)]
async fn a_superstep_that_conflicts_takes_what_was_remembered_back() {
    let clash = Arc::new(AtomicU32::new(1));
    let clashes = Arc::clone(&clash);
    let tell = |notes: &Notes| tell(notes).n(1);
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node(
                "notes",
                subgraph(notes(), |_: &Trace| Notes::update().heard("x"), tell).per_thread(),
            )
            .add_node("other", move |_: Ctx| {
                let n = clashes.load(Ordering::SeqCst);
                async move {
                    match n {
                        0 => Trace::update(),
                        _ => Trace::update().n(2),
                    }
                }
            })
            .add_edge(START, ["notes", "other"])
            .checkpointer(MemoryCheckpointer::new()),
    );
    let error = graph.invoke(Trace::update()).thread("t").await.unwrap_err();
    assert_eq!(error.code(), "conflict");
    let error = graph.proceed().thread("t").await.unwrap_err();
    assert_eq!(error.code(), "conflict");
    clash.store(0, Ordering::SeqCst);
    let run = graph.proceed().thread("t").await.unwrap();
    assert_eq!(last(&run), "x (1)");
}

#[tokio::test(start_paused = true)]
async fn it_is_as_durable_as_the_thread() {
    for durability in [Durability::Sync, Durability::Async, Durability::Exit] {
        let store = MemoryCheckpointer::new();
        let build = || {
            sound(
                chat()
                    .add_node("again", mark)
                    .add_edge("notes", "again")
                    .add_conditional_edges(
                        "again",
                        |trace: &Trace| match trace.log.len() % 6 {
                            0 => END,
                            _ => "notes",
                        },
                        ["notes", END],
                    )
                    .checkpointer(store.clone()),
            )
        };
        for (n, known) in [(1, "1 1 1 (3)"), (2, "1 1 1 2 2 2 (6)")] {
            let graph = build();
            let run = graph.invoke(Trace::update().n(n)).thread("t");
            let run = run.durability(durability).await.unwrap();
            assert_eq!(run.state.log[run.state.log.len() - 2], known);
        }
        let run = build().invoke(Trace::update().n(3)).thread("t");
        let run = run.await.unwrap();
        let log = &run.state.log;
        assert_eq!(log[log.len() - 2], "1 1 1 2 2 2 3 3 3 (9)");
    }
}
