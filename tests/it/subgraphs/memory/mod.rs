//! Subgraphs that remember what came of their last call on the thread.

#![expect(
    clippy::unwrap_used,
    reason = "what several tests share fails as they would"
)]

mod changes;
mod inside;
mod keeping;
mod mending;
mod nested;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Checkpointer, Graph, MemoryCheckpointer, PerThread, Run, subgraph};

use crate::common::{Trace, TraceUpdate, sound};

/// What is remembered.
#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Notes {
    #[reduce(Append)]
    heard: Vec<String>,
    turns: u32,
    #[state(ephemeral)]
    hint: Option<String>,
}

type Take = fn(&Trace) -> NotesUpdate;
type Tell = fn(&Notes) -> TraceUpdate;

fn take(trace: &Trace) -> NotesUpdate {
    Notes::update().heard(trace.n.to_string())
}

/// All that was heard, in one line of the log.
fn tell(notes: &Notes) -> TraceUpdate {
    Trace::update().log(format!("{} ({})", notes.heard.join(" "), notes.turns))
}

async fn count(notes: View<Notes>) -> NotesUpdate {
    Notes::update().turns(notes.turns + 1)
}

/// A graph that counts its calls.
fn notes() -> Graph<Notes> {
    sound(
        StateGraph::<Notes>::new("notes")
            .add_node("count", count)
            .add_edge(START, "count"),
    )
}

fn remembering(graph: Graph<Notes>) -> PerThread<Notes, (), Take, Tell> {
    subgraph(graph, take as Take, tell as Tell).per_thread()
}

/// A graph whose node `notes` remembers.
fn chat() -> StateGraph<Trace> {
    StateGraph::<Trace>::new("chat")
        .add_node("notes", remembering(notes()))
        .add_edge(START, "notes")
}

/// A turn on the thread, and what is known after it.
async fn turn(graph: &Graph<Trace>, thread: &str, n: i64) -> String {
    let run = graph.invoke(Trace::update().n(n)).thread(thread).await;
    last(&run.expect("the turn ends well"))
}

fn last(run: &Run<Trace>) -> String {
    run.state.log.last().cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_call_begins_from_what_the_last_on_its_thread_came_to() {
    let graph = sound(chat().checkpointer(MemoryCheckpointer::new()));
    assert_eq!(turn(&graph, "ann", 1).await, "1 (1)");
    assert_eq!(turn(&graph, "ann", 2).await, "1 2 (2)");
    assert_eq!(turn(&graph, "bob", 7).await, "7 (1)");
    assert_eq!(turn(&graph, "ann", 3).await, "1 2 3 (3)");
    assert_eq!(turn(&graph, "bob", 8).await, "7 8 (2)");
}

#[tokio::test(start_paused = true)]
async fn without_a_thread_each_call_begins_anew() {
    let graph = sound(chat());
    for n in 0..3 {
        let run = graph.invoke(Trace::update().n(n)).await.unwrap();
        assert_eq!(run.state.log, [format!("{n} (1)")]);
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_finds_it_in_the_store() {
    let store = MemoryCheckpointer::new();
    for n in 1..40 {
        let graph = sound(chat().checkpointer(store.clone()));
        let heard: Vec<String> = (1..=n).map(|n: i64| n.to_string()).collect();
        assert_eq!(
            turn(&graph, "t", n).await,
            format!("{} ({n})", heard.join(" "))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_loop_each_call_of_a_run_goes_on_from_the_last() {
    let graph = sound(
        chat()
            .add_conditional_edges(
                "notes",
                |trace: &Trace| if trace.log.len() < 3 { "notes" } else { END },
                ["notes", END],
            )
            .checkpointer(MemoryCheckpointer::new()),
    );
    let run = graph
        .invoke(Trace::update().n(5))
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["5 (1)", "5 5 (2)", "5 5 5 (3)"]);
}

#[tokio::test(start_paused = true)]
async fn two_nodes_of_one_graph_remember_each_for_itself() {
    let graph = sound(
        chat()
            .add_node("other", remembering(notes()))
            .add_route("notes", |trace: &Trace| match trace.n {
                7 => Next::Other,
                _ => Next::Stop,
            })
            .checkpointer(MemoryCheckpointer::new()),
    );
    assert_eq!(turn(&graph, "t", 1).await, "1 (1)");
    assert_eq!(turn(&graph, "t", 7).await, "7 (1)");
    assert_eq!(turn(&graph, "t", 2).await, "1 7 2 (3)");
}

#[derive(Route)]
enum Next {
    #[route("other")]
    Other,
    #[route(END)]
    Stop,
}

#[tokio::test(start_paused = true)]
async fn what_is_ephemeral_expires_as_in_a_run_that_goes_on() {
    // Every other call leaves a hint, which is over when the next one begins.
    let inner = sound(
        StateGraph::<Notes>::new("notes")
            .add_node("first", async |notes: View<Notes>| {
                let seen = notes.hint.clone().unwrap_or_default();
                Notes::update().heard(format!("<{seen}>"))
            })
            .add_node("last", async |notes: View<Notes>| {
                let hint = notes.turns.is_multiple_of(2).then(|| "psst".to_owned());
                let update = Notes::update().turns(notes.turns + 1);
                match hint {
                    Some(hint) => update.hint(hint),
                    None => update,
                }
            })
            .add_edge(START, "first")
            .add_edge("first", "last"),
    );
    let kept = |notes: &Notes| {
        let hint = notes.hint.clone().unwrap_or_default();
        Trace::update().log(format!("{} {hint}", notes.heard.join("")))
    };
    for warm in [0, 16] {
        let hinted = |trace: &Trace| match trace.n {
            0 => Notes::update(),
            _ => Notes::update().hint("from outside"),
        };
        let graph = sound(
            StateGraph::<Trace>::new("test")
                .add_node("notes", subgraph(inner.clone(), hinted, kept).per_thread())
                .add_edge(START, "notes")
                .warm_threads(warm)
                .checkpointer(MemoryCheckpointer::new()),
        );
        assert_eq!(turn(&graph, "t", 0).await, "<> psst");
        // The input of the call does not write it: it is over.
        assert_eq!(turn(&graph, "t", 0).await, "<><> ");
        assert_eq!(turn(&graph, "t", 0).await, "<><><> psst");
        assert_eq!(turn(&graph, "t", 0).await, "<><><><> ");
        let outside = "<><><><><from outside>";
        assert_eq!(turn(&graph, "t", 1).await, format!("{outside} psst"));
        let twice = format!("{outside}<from outside> ");
        assert_eq!(turn(&graph, "t", 1).await, twice);
    }
}

#[tokio::test(start_paused = true)]
async fn the_state_is_not_copied() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static COPIES: AtomicUsize = AtomicUsize::new(0);

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Heavy(String);

    impl Clone for Heavy {
        fn clone(&self) -> Self {
            COPIES.fetch_add(1, Ordering::SeqCst);
            Self(self.0.clone())
        }
    }

    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Large {
        heavy: Heavy,
        n: u32,
    }

    let inner = sound(
        StateGraph::<Large>::new("large")
            .add_node("count", async |large: View<Large>| {
                Large::update().n(large.n + 1)
            })
            .add_node("again", async |large: View<Large>| {
                Large::update().n(large.n + 1)
            })
            .add_edge(START, "count")
            .add_edge("count", "again"),
    );
    let large = subgraph(
        inner,
        |_: &Trace| Large::update(),
        |large: &Large| Trace::update().n(i64::from(large.n)),
    );
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("large", large.per_thread())
            .add_edge(START, "large")
            .checkpointer(MemoryCheckpointer::new()),
    );
    for turn in 1..=5 {
        let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
        assert_eq!(run.state.n, 2 * turn);
    }
    assert_eq!(COPIES.load(Ordering::SeqCst), 0);
}

#[test]
fn a_worker_holds_no_memory_however_deep() {
    const WORK: Worker<i64> = Worker::new("work");
    let middle = StateGraph::<Trace>::new("middle")
        .add_node("chat", sound(chat()))
        .add_node("more", remembering(notes()))
        .add_edge(START, ["chat", "more"]);
    let worker = subgraph(
        sound(middle),
        |n: &i64| Trace::update().n(*n),
        |trace: &Trace| Trace::update().log(trace.log.clone()),
    );
    let error = StateGraph::<Trace>::new("test")
        .add_worker(WORK, worker)
        .add_conditional_edges(START, |_: &Trace| WORK.send(1), WORK)
        .compile()
        .unwrap_err();
    let [finding] = error.diagnostics() else {
        panic!("{error:?}");
    };
    assert_eq!(finding.code(), "memory-in-worker");
    assert_eq!(
        finding.message(),
        "worker `work` runs many times at once, and `chat/notes`, `more` in it have one memory for \
         each thread"
    );
    assert!(finding.location().file().ends_with("memory/mod.rs"));
}

/// The bytes that each checkpoint has of what is remembered.
async fn bytes(store: &MemoryCheckpointer, thread: &str) -> Vec<usize> {
    let records = store.list(&thread.into(), None, usize::MAX).await.unwrap();
    let mut bytes = Vec::new();
    for record in records.into_iter().rev() {
        let changes = store.changes(&thread.into(), record.id).await.unwrap();
        let own = changes
            .iter()
            .filter(|change| change.field.starts_with('@'));
        bytes.push(own.map(|change| change.json.len()).sum());
    }
    bytes
}

#[tokio::test(start_paused = true)]
async fn bytes_follow_what_a_call_has_changed() {
    for warm in [0, 16] {
        let store = MemoryCheckpointer::new();
        let long = |_: &Trace| Notes::update().heard("x".repeat(1000));
        let short = |notes: &Notes| Trace::update().n(i64::from(notes.turns));
        let graph = sound(
            StateGraph::<Trace>::new("test")
                .add_node("notes", subgraph(notes(), long, short).per_thread())
                .add_edge(START, "notes")
                .warm_threads(warm)
                .checkpointer(store.clone()),
        );
        for _ in 0..100 {
            graph.invoke(Trace::update()).thread("t").await.unwrap();
        }
        // One for each input, which has none of it, and one for each call.
        let bytes = bytes(&store, "t").await;
        assert_eq!(bytes.len(), 200);
        let longest = bytes.iter().skip(2).max();
        assert!(longest <= Some(&1010), "{longest:?}");
        let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
        assert_eq!(run.state.n, 101);
    }
}
