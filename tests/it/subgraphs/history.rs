//! What is kept of subgraphs on threads, to be looked at.

use std::sync::atomic::Ordering;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{
    Checkpointer, Claim, Durability, Graph, InsideSnapshot, MemoryCheckpointer, Retention, Status,
    ThreadId, subgraph,
};

use super::threads::{Calls, SECOND, asks, counted, on_threads};
use super::{Inner, said};
use crate::common::{Trace, sound};

const SAY: Worker<String> = Worker::new("say");

/// `a`, then `b` beside `c`, then `d`.
pub(super) fn four() -> StateGraph<Trace, Calls> {
    ["a", "b", "c", "d"]
        .into_iter()
        .fold(StateGraph::new("four"), |graph, name| {
            graph.add_node(name, counted)
        })
        .add_edge(START, "a")
        .add_edge("a", ["b", "c"])
        .add_edge(["b", "c"], "d")
}

/// `first`, then the graph as `in` beside `beside`, then `last`.
pub(super) fn around(inner: Graph<Trace, Calls>) -> StateGraph<Trace, Calls> {
    StateGraph::<Trace, Calls>::new("around")
        .add_node("first", counted)
        .add_node("beside", counted)
        .add_node("in", inner)
        .add_node("last", counted)
        .add_edge(START, "first")
        .add_edge("first", ["beside", "in"])
        .add_edge(["beside", "in"], "last")
}

pub(super) async fn invoke(graph: &Graph<Trace, Calls>, calls: &Calls) -> Vec<String> {
    let run = graph.invoke(Trace::update()).context(calls.clone());
    run.thread("t").await.expect("it ends well").state.log
}

/// A line for each: where, what runs next, what has been written.
pub(super) fn lines(snapshots: &[InsideSnapshot]) -> Vec<String> {
    let line = |snapshot: &InsideSnapshot| {
        let values = snapshot.values.get::<Trace>();
        let log = &values.expect("all are of this state").log;
        let mut next = snapshot.next.join(" ");
        for task in &snapshot.finished {
            next.push_str(&format!(" (not {task})"));
        }
        format!(
            "{}: {} > {} > {next}",
            snapshot.place(),
            log.join(" "),
            snapshot.ran.join(" "),
        )
    };
    snapshots.iter().map(line).collect()
}

pub(super) async fn history(graph: &Graph<Trace, Calls>, path: &str) -> Vec<String> {
    let thread = graph.thread("t");
    let seen = thread.inside(path).history().await;
    lines(&seen.expect("it can be read"))
}

#[tokio::test]
async fn the_supersteps_inside_are_there_when_the_run_is_done() {
    let (graph, calls) = (on_threads(around(sound(four()))), Calls::default());
    invoke(&graph, &calls).await;
    assert_eq!(
        history(&graph, "in/0").await,
        [
            "in/0/4: first a b c d > d > ",
            "in/0/3: first a b c > b c > d",
            "in/0/2: first a > a > b c",
            "in/0/1: first >  > a",
        ]
    );
    assert_eq!(calls.get(), 7, "nothing ran");
    let seen = graph.thread("t").inside("in/0").history().await.unwrap();
    let at = seen[0].checkpoint;
    assert!(seen.iter().all(|snapshot| snapshot.checkpoint == at));
    assert_eq!(seen[1].values.to_json()["log"][3], "c");
    // The thread's own history is what it was.
    let own = graph.thread("t").history().await.unwrap();
    for snapshot in &own {
        assert!(snapshot.finished.is_empty() && snapshot.inside.is_empty());
        let at = graph.thread("t").state_at(snapshot.id).await.unwrap();
        assert_eq!((&at.next, &at.values), (&snapshot.next, &snapshot.values));
        assert!(at.finished.is_empty() && at.inside.is_empty());
    }
    assert_eq!(own[1].next, ["last"]);
    assert_eq!(own[2].id, at);
    // And so is that of the other checkpoints.
    let thread = graph.thread("t");
    let one = thread.inside("in/0").history_at(at).await.unwrap();
    assert_eq!(one.len(), 4);
    let none = thread.inside("in/0").history_at(own[1].id).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn every_run_of_it_is_there_newest_first() {
    let (graph, calls) = (on_threads(around(sound(four()))), Calls::default());
    invoke(&graph, &calls).await;
    invoke(&graph, &calls).await;
    let seen = graph.thread("t").inside("in/0").history().await.unwrap();
    let checkpoints: Vec<u64> = seen.iter().map(|seen| seen.checkpoint.number()).collect();
    assert_eq!(checkpoints, [6, 6, 6, 6, 2, 2, 2, 2]);
}

#[tokio::test]
async fn what_is_further_inside_is_there_by_its_path() {
    let inner = around(sound(around(sound(four()))));
    let (graph, calls) = (on_threads(around(sound(inner))), Calls::default());
    invoke(&graph, &calls).await;
    assert_eq!(
        history(&graph, "in/0/2/in/0").await,
        [
            "in/0/2/in/0/4: first first first beside a b c d last > last > ",
            "in/0/2/in/0/3: first first first beside a b c d > beside in > last",
            "in/0/2/in/0/2: first first first > first > beside in",
            "in/0/2/in/0/1: first first >  > first",
        ]
    );
    assert_eq!(history(&graph, "in/0/2/in/0/2/in/0").await.len(), 4);
    assert!(history(&graph, "in/0/1/in/0").await.is_empty());
    assert!(history(&graph, "in/3").await.is_empty());
    let astray = graph.thread("t").inside("in/0/2/im/0").history().await;
    assert_eq!(astray.unwrap_err().help(), "did you mean `in/0/2/in/0`?");
}

#[tokio::test]
async fn a_path_that_leads_to_no_graph_is_an_error() {
    let graph = on_threads(around(sound(four())));
    for (path, help) in [
        ("im/0", "did you mean `in/0`?"),
        ("im", "did you mean `in/0`?"),
        ("in/0/1/e/0", "name each node on the way: "),
        ("last/0", "`last` is not a graph: nothing is inside it"),
        ("in/0/1/a/0", "`in/a` is not a graph: nothing is inside it"),
        ("in", "did you mean `in/0`?"),
        ("last", "a path is of nodes and of numbers: "),
        ("in/0/1", "a path is of nodes and of numbers: "),
        ("in/0/in/0", "a path is of nodes and of numbers: "),
        ("in/x", "a path is of nodes and of numbers: "),
        ("", "a path is of nodes and of numbers: "),
    ] {
        let error = graph.thread("t").inside(path).history().await.unwrap_err();
        assert_eq!(error.code(), "unknown-node");
        let said = error.help();
        assert!(said.starts_with(help), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_thread_that_waits_shows_what_is_inside() {
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("before", counted)
        .add_node("ask", asks)
        .add_node("quick", counted)
        .add_node("deep", sound(four().interrupt_before("d")))
        .add_edge(START, "before")
        .add_edge("before", ["ask", "quick", "deep"]);
    let (graph, calls) = (on_threads(around(sound(inner))), Calls::default());
    invoke(&graph, &calls).await;
    let snapshot = graph.thread("t").state().await.unwrap();
    assert_eq!(snapshot.next, ["in"]);
    assert_eq!(
        lines(&snapshot.inside),
        [
            "in/0/2: first before quick > before > ask deep (not quick)",
            "in/0/2/deep/0/3: first before a b c > b c > d",
        ]
    );
    assert_eq!(snapshot.inside[0].interrupts, snapshot.interrupts);
    assert_eq!(snapshot.interrupts[0].id, "in/0/ask/0/what");
    // The same without a state that is asked for by its type.
    let json = snapshot.inside[0].values.to_json();
    assert_eq!(json["log"][2], "quick");
    // And in the histories, the parent's and its own.
    let own = graph.thread("t").history().await.unwrap();
    assert_eq!((own[0].inside.len(), own[1].inside.len()), (2, 0));
    assert_eq!(
        history(&graph, "in/0").await,
        [
            "in/0/2: first before quick > before > ask deep (not quick)",
            "in/0/1: first >  > before",
        ]
    );
    let resumed = graph
        .resume("yes")
        .context(calls)
        .thread("t")
        .await
        .unwrap();
    assert_eq!(resumed.status, Status::Done);
    assert!(graph.thread("t").state().await.unwrap().inside.is_empty());
}

/// A worker whose graph has a state of its own, of three supersteps.
fn sends() -> StateGraph<Trace, Calls> {
    let say = async |state: View<Inner>, ctx: Ctx<Calls>| {
        let n = ctx.0.fetch_add(1, Ordering::SeqCst);
        Inner::update().said(format!("{}{n}", state.word))
    };
    let says = StateGraph::<Inner, Calls>::new("says")
        .add_node("one", say)
        .add_node("two", say)
        .add_edge(START, "one")
        .add_edge("one", "two");
    let says = subgraph(
        sound(says),
        |word: &String| Inner::update().word(word.clone()),
        said,
    );
    StateGraph::<Trace, Calls>::new("test")
        .add_worker(SAY, says)
        .add_conditional_edges(
            START,
            |_: &Trace| ["x", "y"].map(|word| SAY.send(word.to_owned())),
            [SAY],
        )
}

#[tokio::test]
async fn each_send_has_a_history_of_its_own_and_can_be_gone_back_in() {
    let (graph, calls) = (on_threads(sends()), Calls::default());
    let run = graph.invoke(Trace::update()).context(calls.clone());
    let log = run.thread("t").await.unwrap().state.log;
    let seen = graph.thread("t").inside("say/1").history().await.unwrap();
    let said: Vec<_> = seen
        .iter()
        .map(|snapshot| snapshot.values.get::<Inner>().unwrap().said.clone())
        .collect();
    assert_eq!(said, [log[2..4].to_vec(), log[2..3].to_vec(), Vec::new()]);
    let again = graph.proceed().context(calls.clone()).thread("t");
    let again = again.checkpoint(seen[0].checkpoint).inside("say/1/2");
    let run = again.await.unwrap();
    assert_eq!(run.state.log, [&log[0], &log[1], &log[2], "y4"]);
}

#[tokio::test]
async fn whatever_the_durability_what_is_kept_is_whole() {
    for durability in [Durability::Sync, Durability::Async, Durability::Exit] {
        let (graph, calls) = (on_threads(around(sound(four()))), Calls::default());
        let run = graph.invoke(Trace::update()).context(calls.clone());
        let run = run.thread("t").durability(durability).await.unwrap();
        let seen = history(&graph, "in/0").await;
        if durability == Durability::Exit {
            assert!(seen.is_empty());
            continue;
        }
        assert_eq!(seen.len(), 4, "{durability:?}");
        let at = graph.thread("t").inside("in/0").history().await.unwrap()[0].checkpoint;
        let again = graph.proceed().context(calls.clone()).thread("t");
        let again = again.checkpoint(at).inside("in/0/3").durability(durability);
        assert_eq!(again.await.unwrap().state.log, run.state.log);
        assert_eq!(calls.get(), 9, "{durability:?}");
    }
}

#[tokio::test]
async fn what_is_kept_goes_with_its_checkpoint_and_with_the_thread() {
    let store = MemoryCheckpointer::new().retention(Retention {
        keep_last: 3,
        keep_for: Duration::ZERO,
    });
    let graph = sound(around(sound(four())).checkpointer(store.clone()));
    let calls = Calls::default();
    for _ in 0..3 {
        invoke(&graph, &calls).await;
    }
    // One run is four checkpoints; those of the last that are kept are three.
    assert_eq!(history(&graph, "in/0").await.len(), 4);
    let copy = graph.thread("t").copy("u").await.unwrap();
    assert_eq!(copy.inside("in/0").history().await.unwrap().len(), 4);
    graph.thread("t").delete().await.unwrap();
    assert!(history(&graph, "in/0").await.is_empty());
    invoke(&graph, &calls).await;
    let entries = async |number: u64| {
        let loaded = store.load(&"t".into(), Some(number.into())).await.unwrap();
        loaded.map(|loaded| loaded.entries.len())
    };
    assert_eq!(
        entries(2).await,
        Some(7),
        "its tasks' results, and that it is over"
    );
    assert_eq!(entries(3).await, Some(0), "nothing was inside");
}

#[tokio::test]
async fn an_input_on_a_thread_that_waits_inside_keeps_what_was_there() {
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("a", counted)
        .add_node("ask", asks)
        .add_edge(START, "a")
        .add_edge("a", "ask");
    let (graph, calls) = (on_threads(around(sound(inner))), Calls::default());
    invoke(&graph, &calls).await;
    let waits = graph.thread("t").state().await.unwrap();
    let again = graph.invoke(Trace::update()).context(calls.clone());
    let again = again.thread("t").unfinished(superstep::Unfinished::Discard);
    again.await.unwrap();
    let thread = graph.thread("t");
    let old = thread.inside("in/0").history_at(waits.id).await.unwrap();
    assert_eq!(
        lines(&old),
        lines(&waits.inside)
            .into_iter()
            .chain(lines(&old[1..]))
            .collect::<Vec<_>>()
    );
    // And it can be gone back to.
    let back = graph.resume("yes").context(calls.clone()).thread("t");
    let back = back.checkpoint(waits.id).inside("in/0/2").await.unwrap();
    assert_eq!(back.state.log, ["first", "beside", "a", "yes", "last"]);
}

#[tokio::test]
async fn a_process_that_died_before_it_committed_comes_back_to_what_it_was() {
    let store = MemoryCheckpointer::new();
    let graph = sound(around(sound(four())).checkpointer(store.clone()));
    let calls = Calls::default();
    let log = invoke(&graph, &calls).await;
    let run = graph.invoke(Trace::update()).context(calls.clone());
    run.thread("u").interrupt_before("in").await.unwrap();
    // All of the superstep was written but the checkpoint that follows it.
    let done = store
        .load(&"t".into(), Some(2.into()))
        .await
        .unwrap()
        .unwrap();
    let claim = Claim {
        lasts: SECOND,
        takes_over: false,
    };
    let lease = store.acquire(&"u".into(), claim).await.unwrap();
    let u = ThreadId::from("u");
    let put = store.put_entries(&u, &lease, 2.into(), done.entries);
    put.await.unwrap();
    store.release(&u, &lease).await.unwrap();
    let thread = graph.thread("u");
    for snapshot in [
        thread.state().await.unwrap(),
        thread.state_at(2.into()).await.unwrap(),
        thread.history().await.unwrap().swap_remove(0),
    ] {
        assert_eq!((snapshot.next.len(), snapshot.finished.len()), (0, 2));
        assert_eq!(snapshot.values.log, log[..6]);
    }
    let edited = thread.update(Trace::update().n(7)).await.unwrap();
    assert_eq!((edited.values.n, edited.finished.len()), (7, 2));
    let ran = calls.get();
    let run = graph.proceed().context(calls.clone()).thread("u");
    assert_eq!(run.await.unwrap().state.log, log);
    assert_eq!(calls.get() - ran, 1);
    let seen = thread.inside("in/0").history().await.unwrap();
    assert_eq!((seen.len(), seen[0].checkpoint.number()), (4, 3));
}

#[tokio::test]
async fn panics_of_what_is_run_again_are_errors_and_the_thread_is_seen() {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    let panics = Arc::new(AtomicBool::new(false));
    let route = Arc::clone(&panics);
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("a", counted)
        .add_node("ask", asks)
        .add_edge(START, "a")
        .add_conditional_edges(
            "a",
            move |_: &Trace| {
                assert!(!route.load(Ordering::SeqCst), "lost the way");
                "ask"
            },
            ["ask"],
        );
    let (graph, calls) = (on_threads(around(sound(inner))), Calls::default());
    invoke(&graph, &calls).await;
    panics.store(true, Ordering::SeqCst);
    let thread = graph.thread("t");
    let error = thread.inside("in/0").history().await.unwrap_err();
    assert!(format!("{error:?}").contains("lost the way"), "{error:?}");
    let snapshot = thread.state().await.unwrap();
    assert_eq!((snapshot.interrupts.len(), snapshot.inside.len()), (1, 0));
    panics.store(false, Ordering::SeqCst);
    assert_eq!(thread.state().await.unwrap().inside.len(), 1);
}
