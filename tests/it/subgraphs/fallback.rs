//! Rule 9: what takes the place of a graph that has failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, MemoryCheckpointer, OnFailure, Status, subgraph};

use super::{Inner, said};
use crate::common::{Trace, TraceUpdate, chain, mark, marks, oops, ran, sound};

async fn fails(_: View<Trace>) -> NodeResult<TraceUpdate> {
    Err(oops())
}

/// A fallback that says what it was called for.
async fn tells(ctx: Ctx) -> TraceUpdate {
    let failure = ctx.failure().expect("a fallback is told of a failure");
    let (here, task, attempts) = (ctx.task(), failure.task(), failure.attempts());
    Trace::update().log(format!("{here}, after {attempts} of {task}: {failure}"))
}

/// A graph whose node `b` fails after `a` has run; so many levels down.
fn failing(levels: usize) -> Graph<Trace> {
    let graph = marks(["a"]).add_edge(START, "a").add_edge("a", "b");
    sound(match levels {
        0 => graph.add_node("b", fails),
        _ => graph.add_node("b", failing(levels - 1)),
    })
}

#[tokio::test]
async fn it_is_told_where_inside_and_the_edges_are_followed() {
    let graph = marks(["z", "join"])
        .add_node("in", node(failing(1)).on_error(tells))
        .add_edge(START, ["in", "z"])
        .add_edge(["in", "z"], "join");
    let graph = sound(graph);
    let run = graph.invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "in z | join");
    // What `a` wrote inside is not part of it.
    assert_eq!(
        run.state.log,
        [
            "in, after 1 of in/0/2/b/0/2/b: node `b` failed in superstep 2, attempt 1: \
             node `b` failed in superstep 2, attempt 1: oops",
            "z",
            "join"
        ]
    );
    let transcript = graph.invoke(Trace::update()).transcript().await;
    let task = &transcript.supersteps[0].tasks[0];
    assert!(task.fallback);
    let inside = task.inside.as_ref().unwrap();
    assert_eq!((inside.path.as_str(), inside.supersteps.len()), ("in/0", 2));
}

#[tokio::test(start_paused = true)]
async fn it_is_called_when_the_retries_are_used_up_and_after_a_timeout() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let tries = move |_: View<Trace>| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Err::<(), _>(oops()) }
    };
    let inner = marks([]).add_node("b", tries).add_edge(START, "b");
    let retried = node(sound(inner)).retry(Retry::attempts(3)).on_error(tells);
    let hangs = async |_: View<Trace>| std::future::pending::<()>().await;
    let hanging = marks([]).add_node("h", hangs).add_edge(START, "h");
    let late = node(sound(hanging))
        .timeout(Duration::from_secs(9))
        .on_error(tells);
    let graph = marks([])
        .add_node("late", late)
        .add_node("retried", retried)
        .add_edge(START, ["late", "retried"]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(
        run.state.log,
        [
            "late, after 1 of late: it took longer than its timeout of 9s",
            "retried, after 3 of retried/0/1/b: node `b` failed in superstep 1, attempt 1: oops"
        ]
    );
}

/// A graph with a state of its own that fails on the word `bad`, after it was said.
fn picky() -> Graph<Inner> {
    let say = async |state: View<Inner>| Inner::update().said(state.word.clone());
    let check = async |state: View<Inner>| match &*state.word {
        "bad" => Err(oops()),
        _ => Ok(()),
    };
    let graph = StateGraph::<Inner>::new("picky")
        .add_node("say", say)
        .add_node("check", check)
        .add_edge(START, "say")
        .add_edge("say", "check");
    sound(graph)
}

#[tokio::test]
async fn a_workers_fallback_is_given_what_was_sent() {
    const SAY: Worker<String> = Worker::new("say");
    let given = |word: &String| Inner::update().word(word.clone());
    let handler = async |word: String, ctx: Ctx| {
        let failure = ctx.failure().expect("there is one");
        Trace::update().log(format!("not {word}: {}", failure.task()))
    };
    let graph = marks(["z"])
        .add_worker(SAY, node(subgraph(picky(), given, said)).on_error(handler))
        .add_conditional_edges(
            START,
            |_: &Trace| ["good", "bad"].map(|text| SAY.send(text.into())),
            [SAY],
        )
        .add_edge(SAY, "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["good", "not bad: say/1/2/check", "z"]);
}

#[tokio::test]
async fn what_a_failed_call_would_remember_it_does_not() {
    let words = |state: &Trace| Inner::update().word(state.log[state.log.len() - 1].clone());
    let remembers = subgraph(picky(), words, said).per_thread();
    let graph = marks([])
        .add_node("in", node(remembers).on_error(async |_: View<Trace>| {}))
        .add_edge(START, "in")
        .checkpointer(MemoryCheckpointer::new());
    let graph = sound(graph);
    for word in ["one", "bad"] {
        graph
            .invoke(Trace::update().log(word))
            .thread("t")
            .await
            .unwrap();
    }
    let run = graph
        .invoke(Trace::update().log("two"))
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["one", "one", "bad", "two", "one", "two"]);
}

#[tokio::test]
async fn on_a_thread_its_result_is_kept_and_nothing_runs_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = move |_: View<Trace>| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move { Trace::update().log(format!("fallback {number}")) }
    };
    let asks = async |ctx: Ctx| {
        let answer: String = ctx.interrupt("what", 1)?;
        NodeResult::Ok(Trace::update().log(answer))
    };
    let graph = marks(["z"])
        .add_node("in", node(failing(1)).on_error(handler))
        .add_node("asks", asks)
        .add_edge(START, ["in", "asks"])
        .add_edge(["in", "asks"], "z")
        .checkpointer(MemoryCheckpointer::new());
    let graph = sound(graph);
    let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    let run = graph.resume("yes").thread("t").await.unwrap();
    assert_eq!(run.state.log, ["yes", "fallback 0", "z"]);
    // Its history ends where it failed.
    let history = graph.thread("t").inside("in/0").history().await.unwrap();
    let next: Vec<_> = history
        .iter()
        .map(|it| (it.superstep, it.next.join(" ")))
        .collect();
    assert_eq!(next, [(2, "b".to_owned()), (1, "a".to_owned())]);
}

#[tokio::test]
async fn a_question_inside_is_no_failure_and_one_beside_a_failure_is_asked_no_more() {
    let asks = async |ctx: Ctx| {
        let answer: String = ctx.interrupt("what", 1)?;
        NodeResult::Ok(Trace::update().log(answer))
    };
    let never = async |_: View<Trace>| -> TraceUpdate { panic!("it is not called") };
    let inner = marks([]).add_node("asks", asks).add_edge(START, "asks");
    let graph = marks(["z"])
        .add_node("in", node(sound(inner)).on_error(never))
        .add_edge(START, "in")
        .add_edge("in", "z")
        .checkpointer(MemoryCheckpointer::new());
    let graph = sound(graph);
    let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
    assert_eq!(run.interrupts()[0].id, "in/0/asks/0/what");
    // A wrong answer neither: it is asked again.
    let error = graph.resume(7).thread("t").await.unwrap_err();
    assert_eq!(error.code(), "answer");
    let run = graph.resume("yes").thread("t").await.unwrap();
    assert_eq!(run.state.log, ["yes", "z"]);

    let inner = marks([])
        .add_node("asks", asks)
        .add_node("fails", fails)
        .add_edge(START, ["asks", "fails"])
        .on_failure(OnFailure::Finish);
    let graph = marks([])
        .add_node("in", node(sound(inner)).on_error(mark))
        .add_edge(START, "in")
        .checkpointer(MemoryCheckpointer::new());
    let graph = sound(graph);
    let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
    assert_eq!((run.status, run.interrupts().len()), (Status::Done, 0));
    assert_eq!(run.state.log, ["in"]);
    let snapshot = graph.thread("t").state().await.unwrap();
    assert!(snapshot.interrupts.is_empty() && snapshot.inside.is_empty());
}

#[tokio::test]
async fn when_both_have_failed_the_graph_goes_on_where_it_was() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let once = move |_: View<Trace>| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move { Trace::update().log(format!("once {number}")) }
    };
    let broken = Arc::new(AtomicUsize::new(0));
    let mended = Arc::clone(&broken);
    let fails_first = move |_: View<Trace>| {
        let first = mended.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Err(oops()) } else { Ok(()) } }
    };
    let inner = marks([])
        .add_node("a", once)
        .add_node("b", fails_first)
        .add_edge(START, "a")
        .add_edge("a", "b");
    let graph = marks([])
        .add_node("in", node(sound(inner)).on_error(fails))
        .add_edge(START, "in")
        .checkpointer(MemoryCheckpointer::new());
    let graph = sound(graph);
    let error = graph.invoke(Trace::update()).thread("t").await.unwrap_err();
    let told = chain(&error);
    assert!(
        told[1].starts_with("its fallback, called for `node `b` failed"),
        "{told:?}"
    );
    let run = graph.proceed().thread("t").await.unwrap();
    assert_eq!(run.state.log, ["once 0"]);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
