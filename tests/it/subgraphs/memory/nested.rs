//! Memories deeper down: several levels, several calls in one superstep of the
//! thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, MemoryCheckpointer, Status, subgraph};

use super::{Notes, Take, Tell, chat, count, last, notes, remembering, take, tell, turn};
use crate::common::{Trace, TraceUpdate, oops, sound};

/// A graph over [`Notes`] whose node `in` remembers on its own, so many levels
/// deep; each level says what it and those in it know.
pub(super) fn levels(depth: usize) -> Graph<Notes> {
    let graph = StateGraph::<Notes>::new("level")
        .add_node("count", count)
        .add_edge(START, "count");
    if depth == 0 {
        return sound(graph);
    }
    let inner = subgraph(
        levels(depth - 1),
        |_: &Notes| Notes::update().heard("x"),
        |inner: &Notes| Notes::update().heard(format!("{}:{}", inner.heard.len(), inner.turns)),
    );
    sound(
        graph
            .add_node("in", inner.per_thread())
            .add_edge("count", "in"),
    )
}

#[tokio::test(start_paused = true)]
async fn each_level_has_its_own_memory() {
    let store = MemoryCheckpointer::new();
    for warm in [true, false] {
        let build = || {
            let outer = subgraph(levels(2), take as Take, tell as Tell).per_thread();
            sound(
                StateGraph::<Trace>::new("test")
                    .add_node("out", outer)
                    .add_edge(START, "out")
                    .checkpointer(store.clone()),
            )
        };
        let mut graph = build();
        let thread = if warm { "warm" } else { "cold" };
        for (n, known) in [
            // What the inner one has heard: an `x`, and what its own inner one says.
            "0 2:1 (1)",
            "0 2:1 1 4:2 (2)",
            "0 2:1 1 4:2 2 6:3 (3)",
        ]
        .into_iter()
        .enumerate()
        {
            let n = i64::try_from(n).unwrap();
            assert_eq!(turn(&graph, thread, n).await, known);
            if !warm {
                graph = build();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_memory_is_found_under_a_graph_that_has_none() {
    let build = |store: &MemoryCheckpointer| {
        sound(
            StateGraph::<Trace>::new("outer")
                .add_node("mid", sound(chat()))
                .add_edge(START, "mid")
                .checkpointer(store.clone()),
        )
    };
    let store = MemoryCheckpointer::new();
    let graph = build(&store);
    assert_eq!(turn(&graph, "t", 1).await, "1 (1)");
    assert_eq!(turn(&graph, "t", 2).await, "1 2 (2)");
    assert_eq!(turn(&build(&store), "t", 3).await, "1 2 3 (3)");
    assert_eq!(turn(&graph, "t", 4).await, "1 2 3 4 (4)");
}

/// A graph that calls `notes` so often in one run, and then `then`.
pub(super) fn looping<Fut>(
    times: usize,
    then: impl Fn(Ctx) -> Fut + Send + Sync + 'static,
) -> Graph<Trace>
where
    Fut: Future<Output = NodeResult<TraceUpdate>> + Send + 'static,
{
    sound(
        StateGraph::<Trace>::new("looping")
            .add_node("notes", remembering(notes()))
            .add_node("then", then)
            .add_edge(START, "notes")
            .add_conditional_edges(
                "notes",
                move |trace: &Trace| {
                    let calls = trace.log.iter().filter(|line| line.contains('('));
                    match calls.count() % times {
                        0 => "then",
                        _ => "notes",
                    }
                },
                ["notes", "then"],
            ),
    )
}

pub(super) fn around(inner: Graph<Trace>, store: &MemoryCheckpointer) -> Graph<Trace> {
    sound(
        StateGraph::<Trace>::new("around")
            .add_node("in", inner)
            .add_edge(START, "in")
            .checkpointer(store.clone()),
    )
}

#[tokio::test(start_paused = true)]
async fn of_two_calls_in_one_superstep_the_second_sees_the_first() {
    let store = MemoryCheckpointer::new();
    let fine = async |_: Ctx| NodeResult::Ok(Trace::update());
    let graph = around(looping(3, fine), &store);
    let run = graph
        .invoke(Trace::update().n(1))
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["1 (1)", "1 1 (2)", "1 1 1 (3)"]);
    assert_eq!(run.ran(), [["in"]]);
    let graph = around(looping(3, fine), &store);
    assert_eq!(turn(&graph, "t", 2).await, "1 1 1 2 2 2 (6)");
}

#[tokio::test(start_paused = true)]
async fn calls_that_have_ended_inside_a_task_that_asks_are_not_made_again() {
    let asks = async |ctx: Ctx| {
        let answer: String = ctx.interrupt("ok", ())?;
        Ok(Trace::update().log(answer))
    };
    let store = MemoryCheckpointer::new();
    for fresh in [false, true] {
        let thread = if fresh { "fresh" } else { "same" };
        let mut graph = around(looping(2, asks), &store);
        for round in 1..=3 {
            let run = graph.invoke(Trace::update().n(round)).thread(thread).await;
            assert_eq!(run.unwrap().status, Status::Interrupted);
            if fresh {
                graph = around(looping(2, asks), &store);
            }
            // A round without an answer changes nothing.
            let run = graph.proceed().thread(thread).await.unwrap();
            assert_eq!(run.status, Status::Interrupted);
            let run = graph.resume("yes").thread(thread).await.unwrap();
            assert_eq!(last(&run), "yes");
            let before = &run.state.log[run.state.log.len() - 2];
            let heard: Vec<String> = (1..=round)
                .flat_map(|n| [n.to_string(), n.to_string()])
                .collect();
            assert_eq!(*before, format!("{} ({})", heard.join(" "), 2 * round));
        }
    }
}

/// A graph that calls one so often in a row, in which each call takes a second and
/// hears how long the log is.
fn slowly(times: usize) -> Graph<Trace> {
    let slow = async |notes: View<Notes>| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Notes::update().turns(notes.turns + 1)
    };
    let inner = sound(
        StateGraph::<Notes>::new("notes")
            .add_node("count", slow)
            .add_edge(START, "count"),
    );
    let take = |trace: &Trace| Notes::update().heard(trace.log.len().to_string());
    sound(
        StateGraph::<Trace>::new("slowly")
            .add_node("notes", subgraph(inner, take, tell).per_thread())
            .add_edge(START, "notes")
            .add_conditional_edges(
                "notes",
                move |trace: &Trace| match trace.log.len() % times {
                    0 => END,
                    _ => "notes",
                },
                ["notes", END],
            ),
    )
}

/// What was heard in so many calls.
fn heard(calls: usize) -> String {
    let heard: Vec<String> = (0..calls).map(|n| n.to_string()).collect();
    format!("{} ({calls})", heard.join(" "))
}

#[tokio::test(start_paused = true)]
async fn a_call_after_one_that_an_earlier_run_made_goes_on_from_that() {
    // Each first run is dropped in the middle of the second call.
    let store = MemoryCheckpointer::new();
    for round in 1..=3 {
        let graph = around(slowly(3), &store);
        let run = graph.invoke(Trace::update()).thread("t");
        let dropped = tokio::time::timeout(Duration::from_millis(1500), run.into_future()).await;
        assert!(dropped.is_err(), "it takes three seconds");
        let graph = around(slowly(3), &store);
        let run = graph.proceed().thread("t").await.unwrap();
        assert_eq!(last(&run), heard(3 * round));
    }
}

#[tokio::test(start_paused = true)]
async fn a_graph_around_may_have_another_name_by_the_time_it_goes_on() {
    let store = MemoryCheckpointer::new();
    let graph = around(slowly(3), &store);
    graph.invoke(Trace::update()).thread("t").await.unwrap();
    let run = graph.invoke(Trace::update()).thread("t");
    let dropped = tokio::time::timeout(Duration::from_millis(1500), run.into_future()).await;
    assert!(dropped.is_err(), "it takes three seconds");
    let renamed = |alias: &str| {
        sound(
            StateGraph::<Trace>::new("around")
                .add_node("inside", node(slowly(3)).aliases([alias]))
                .add_edge(START, "inside")
                .checkpointer(store.clone()),
        )
    };
    let run = renamed("in").proceed().thread("t").await.unwrap();
    assert_eq!(last(&run), heard(6));
    // All of it is kept under the new name by now.
    let run = renamed("x").invoke(Trace::update()).thread("t");
    assert_eq!(last(&run.await.unwrap()), heard(9));
}

#[tokio::test(start_paused = true)]
async fn calls_of_several_levels_count_in_their_order_after_a_crash() {
    // Two calls of each of two, of which three have ended.
    let store = MemoryCheckpointer::new();
    let build = || {
        let middle = StateGraph::<Trace>::new("middle")
            .add_node("twice", slowly(2))
            .add_edge(START, "twice")
            .add_conditional_edges(
                "twice",
                |trace: &Trace| match trace.log.len() % 4 {
                    0 => END,
                    _ => "twice",
                },
                ["twice", END],
            );
        around(sound(middle), &store)
    };
    for round in 1..=2 {
        let graph = build();
        let run = graph.invoke(Trace::update()).thread("t");
        let dropped = tokio::time::timeout(Duration::from_millis(3500), run.into_future()).await;
        assert!(dropped.is_err(), "it takes four seconds");
        let run = build().proceed().thread("t").await.unwrap();
        assert_eq!(last(&run), heard(4 * round));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_ephemeral_expires_between_two_calls_of_one_superstep() {
    let inner = sound(
        StateGraph::<Notes>::new("notes")
            .add_node("note", async |notes: View<Notes>| {
                let seen = notes.hint.clone().unwrap_or_default();
                Notes::update().heard(format!("<{seen}>")).hint("psst")
            })
            .add_edge(START, "note"),
    );
    let twice = sound(
        StateGraph::<Trace>::new("twice")
            .add_node(
                "notes",
                subgraph(inner, |_: &Trace| Notes::update(), tell).per_thread(),
            )
            .add_edge(START, "notes")
            .add_conditional_edges(
                "notes",
                |trace: &Trace| match trace.log.len() {
                    1 => "notes",
                    _ => END,
                },
                ["notes", END],
            ),
    );
    let graph = around(twice, &MemoryCheckpointer::new());
    assert_eq!(turn(&graph, "t", 1).await, "<> <> (0)");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_tried_again_does_not_remember_twice() {
    for times in [1, 2] {
        let failures = Arc::new(AtomicU32::new(0));
        let failing = Arc::clone(&failures);
        // After the calls, it fails twice each turn.
        let flaky = move |_: Ctx| {
            let n = failing.fetch_add(1, Ordering::SeqCst);
            async move {
                match n % 3 {
                    2 => Ok(Trace::update()),
                    _ => Err(oops()),
                }
            }
        };
        let retry = Retry::attempts(3).delay(Duration::ZERO);
        let graph = sound(
            StateGraph::<Trace>::new("around")
                .add_node("in", node(looping(times, flaky)).retry(retry))
                .add_edge(START, "in")
                .checkpointer(MemoryCheckpointer::new()),
        );
        let mut heard = Vec::new();
        for n in 1..=3 {
            heard.extend(std::iter::repeat_n(n.to_string(), times));
            let expected = format!("{} ({})", heard.join(" "), heard.len());
            assert_eq!(turn(&graph, "t", n).await, expected);
        }
        assert_eq!(failures.load(Ordering::SeqCst), 9);
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_that_leads_elsewhere_the_second_time_leaves_nothing_of_what_was_not_reached() {
    // The first attempt calls `notes` twice and fails; the second attempt ends
    // after the first call.
    let asked = AtomicU32::new(0);
    let inner = sound(
        StateGraph::<Trace>::new("looping")
            .add_node("notes", remembering(notes()))
            .add_node("then", async |_: View<Trace>| Err::<(), _>(oops()))
            .add_edge(START, "notes")
            .add_conditional_edges(
                "notes",
                move |_: &Trace| match asked.fetch_add(1, Ordering::SeqCst) {
                    0 => "notes",
                    1 => "then",
                    _ => END,
                },
                ["notes", "then", END],
            ),
    );
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let graph = sound(
        StateGraph::<Trace>::new("around")
            .add_node("in", node(inner).retry(retry))
            .add_edge(START, "in")
            .checkpointer(MemoryCheckpointer::new()),
    );
    let run = graph
        .invoke(Trace::update().n(1))
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["1 (1)"]);
    assert_eq!(turn(&graph, "t", 2).await, "1 2 (2)");
}
