//! Looking inside graphs that remember, and going back in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Graph, InsideSnapshot, MemoryCheckpointer, Status, subgraph};

use super::nested::{around, levels, looping};
use super::{Notes, Take, Tell, chat, last, remembering, take, tell, turn};
use crate::common::{Trace, sound};

/// A line for each: where, what is known, what runs next.
fn lines(seen: &[InsideSnapshot]) -> Vec<String> {
    let line = |seen: &InsideSnapshot| {
        let notes = seen.values.get::<Notes>().unwrap();
        let (heard, next) = (notes.heard.join(" "), seen.next.join(" "));
        format!("{}: {heard} ({}) > {next}", seen.place(), notes.turns)
    };
    seen.iter().map(line).collect()
}

async fn history(graph: &Graph<Trace>, path: &str) -> Vec<String> {
    let seen = graph.thread("t").inside(path).history().await;
    lines(&seen.unwrap())
}

#[tokio::test(start_paused = true)]
async fn each_call_is_seen_to_begin_from_what_was_remembered() {
    let store = MemoryCheckpointer::new();
    let graph = sound(chat().checkpointer(store.clone()));
    for n in 1..=3 {
        turn(&graph, "t", n).await;
    }
    let expected = [
        "notes/0/2: 1 2 3 (3) > ",
        "notes/0/1: 1 2 3 (2) > count",
        "notes/0/2: 1 2 (2) > ",
        "notes/0/1: 1 2 (1) > count",
        "notes/0/2: 1 (1) > ",
        "notes/0/1: 1 (0) > count",
    ];
    assert_eq!(history(&graph, "notes/0").await, expected);
    // To look takes nothing away, and another process sees the same.
    assert_eq!(turn(&graph, "t", 4).await, "1 2 3 4 (4)");
    let other = sound(chat().checkpointer(store));
    assert_eq!(history(&other, "notes/0").await[2..], expected);
}

/// A graph that counts its calls, and then hears how often `say` has run.
fn saying(said: &Arc<AtomicU32>) -> Graph<Notes> {
    let said = Arc::clone(said);
    let say = move |_: View<Notes>| {
        let n = said.fetch_add(1, Ordering::SeqCst);
        async move { Notes::update().heard(format!("say{n}")) }
    };
    sound(
        StateGraph::<Notes>::new("saying")
            .add_node("count", super::count)
            .add_node("say", say)
            .add_edge(START, "count")
            .add_edge("count", "say"),
    )
}

#[tokio::test(start_paused = true)]
async fn going_back_into_a_turn_begins_from_what_was_remembered_then() {
    let said = Arc::default();
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("notes", remembering(saying(&said)))
            .add_edge(START, "notes")
            .checkpointer(MemoryCheckpointer::new()),
    );
    for n in 1..=3 {
        turn(&graph, "t", n).await;
    }
    let thread = graph.thread("t");
    let seen = thread.inside("notes/0").history().await.unwrap();
    assert_eq!(
        lines(&seen[3..6]),
        [
            "notes/0/3: 1 say0 2 say1 (2) > ",
            "notes/0/2: 1 say0 2 (2) > say",
            "notes/0/1: 1 say0 2 (1) > count",
        ]
    );
    let again = |at: &InsideSnapshot| {
        let run = graph.proceed().thread("t").checkpoint(at.checkpoint);
        run.inside(at.place())
    };
    // Of the second turn, all of it or its end.
    let run = again(&seen[5]).await.unwrap();
    assert_eq!(last(&run), "1 say0 2 say3 (2)");
    let run = again(&seen[4]).await.unwrap();
    assert_eq!(last(&run), "1 say0 2 say4 (2)");
    // What comes after it goes on from there.
    assert_eq!(turn(&graph, "t", 9).await, "1 say0 2 say4 9 say5 (3)");
    let now = history(&graph, "notes/0").await;
    assert_eq!(now[2], "notes/0/1: 1 say0 2 say4 9 (2) > count");
    assert_eq!(
        now[3..5],
        [
            "notes/0/3: 1 say0 2 say4 (2) > ",
            "notes/0/2: 1 say0 2 (2) > say",
        ]
    );
    let at = seen[4].checkpoint;
    let error = graph.proceed().thread("t").checkpoint(at);
    let error = error.inside("notes/0/4").await.unwrap_err();
    assert_eq!(
        error.help(),
        format!("the supersteps of `notes/0` in checkpoint {at} are 1 to 2")
    );
}

#[tokio::test(start_paused = true)]
async fn each_level_is_seen_with_its_own_memory() {
    let outer = subgraph(levels(2), take as Take, tell as Tell).per_thread();
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("out", outer)
            .add_edge(START, "out")
            .checkpointer(MemoryCheckpointer::new()),
    );
    for n in 0..2 {
        turn(&graph, "t", n).await;
    }
    assert_eq!(
        history(&graph, "out/0").await[..3],
        [
            "out/0/3: 0 2:1 1 4:2 (2) > ",
            "out/0/2: 0 2:1 1 (2) > in",
            "out/0/1: 0 2:1 1 (1) > count",
        ]
    );
    assert_eq!(
        history(&graph, "out/0/2/in/0").await[..3],
        [
            "out/0/2/in/0/3: x 1:1 x 2:2 (2) > ",
            "out/0/2/in/0/2: x 1:1 x (2) > in",
            "out/0/2/in/0/1: x 1:1 x (1) > count",
        ]
    );
    let deepest = history(&graph, "out/0/2/in/0/2/in/0").await;
    assert_eq!(
        deepest,
        [
            "out/0/2/in/0/2/in/0/2: x x (2) > ",
            "out/0/2/in/0/2/in/0/1: x x (1) > count",
            "out/0/2/in/0/2/in/0/2: x (1) > ",
            "out/0/2/in/0/2/in/0/1: x (0) > count",
        ]
    );
    let seen = graph.thread("t").inside("out/0").history().await.unwrap();
    for place in ["out/0/2/in/0/2/in/0/1", "out/0/2/in/0/1", "out/0/2"] {
        let again = graph.proceed().thread("t").checkpoint(seen[0].checkpoint);
        let run = again.inside(place).await.unwrap();
        assert_eq!(last(&run), "0 2:1 1 4:2 (2)", "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_call_of_a_superstep_is_seen_to_begin_where_the_earlier_ended() {
    let asks = async |ctx: Ctx| {
        let answer: String = ctx.interrupt("ok", ())?;
        Ok(Trace::update().log(answer))
    };
    let store = MemoryCheckpointer::new();
    let graph = around(looping(2, asks), &store);
    for n in 1..=2 {
        let run = graph.invoke(Trace::update().n(n)).thread("t");
        assert_eq!(run.await.unwrap().status, Status::Interrupted);
        if n == 1 {
            graph.resume("yes").thread("t").await.unwrap();
        }
    }
    // While it asks, and when that is over.
    for resumed in [false, true] {
        if resumed {
            graph.resume("yes").thread("t").await.unwrap();
        }
        let first = history(&graph, "in/0/1/notes/0").await;
        let second = history(&graph, "in/0/2/notes/0").await;
        assert_eq!(
            first[..2],
            [
                "in/0/1/notes/0/2: 1 1 2 (3) > ",
                "in/0/1/notes/0/1: 1 1 2 (2) > count",
            ]
        );
        assert_eq!(
            second,
            [
                "in/0/2/notes/0/2: 1 1 2 2 (4) > ",
                "in/0/2/notes/0/1: 1 1 2 2 (3) > count",
                "in/0/2/notes/0/2: 1 1 (2) > ",
                "in/0/2/notes/0/1: 1 1 (1) > count",
            ]
        );
    }
    let seen = graph.thread("t").inside("in/0").history().await.unwrap();
    for place in ["in/0/2/notes/0/1", "in/0/2", "in/0/1/notes/0/1"] {
        let again = graph
            .resume("no")
            .thread("t")
            .checkpoint(seen[0].checkpoint);
        let run = again.inside(place).await.unwrap();
        let log = &run.state.log;
        assert_eq!(log[log.len() - 2..], ["1 1 2 2 (4)", "no"], "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_asks_shows_what_it_knows() {
    let inner = sound(
        StateGraph::<Notes>::new("notes")
            .add_node("ask", async |ctx: Ctx| {
                let word: String = ctx.interrupt("word", ())?;
                NodeResult::Ok(Notes::update().heard(word))
            })
            .add_edge(START, "ask"),
    );
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("notes", remembering(inner))
            .add_edge(START, "notes")
            .checkpointer(MemoryCheckpointer::new()),
    );
    let asks = graph.invoke(Trace::update().n(1)).thread("t");
    asks.await.unwrap();
    graph.resume("one").thread("t").await.unwrap();
    let asks = graph.invoke(Trace::update().n(2)).thread("t");
    asks.await.unwrap();
    let inside = graph.thread("t").state().await.unwrap().inside;
    assert_eq!(lines(&inside), ["notes/0/1: 1 one 2 (0) > ask"]);
    assert_eq!(inside[0].interrupts[0].id, "notes/0/ask/0/word");
}

#[tokio::test(start_paused = true)]
async fn what_was_ephemeral_is_over_where_it_was() {
    let inner = sound(
        StateGraph::<Notes>::new("notes")
            .add_node("note", async |notes: View<Notes>| {
                let seen = notes.hint.clone().unwrap_or_default();
                Notes::update().heard(format!("<{seen}>")).hint("psst")
            })
            .add_edge(START, "note"),
    );
    // The input leaves the hint alone, so that it is over when a call begins.
    let quiet = subgraph(inner, |_: &Trace| Notes::update(), tell);
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("notes", quiet.per_thread())
            .add_edge(START, "notes")
            .checkpointer(MemoryCheckpointer::new()),
    );
    for n in 1..=2 {
        turn(&graph, "t", n).await;
    }
    let seen = graph.thread("t").inside("notes/0").history().await.unwrap();
    let hints: Vec<Option<String>> = seen
        .iter()
        .map(|seen| seen.values.get::<Notes>().unwrap().hint.clone())
        .collect();
    let psst = || Some("psst".to_owned());
    assert_eq!(hints, [psst(), None, psst(), None]);
}

#[tokio::test(start_paused = true)]
async fn a_memory_that_does_not_fit_any_more_is_an_error() {
    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Other {
        turns: String,
    }
    let store = MemoryCheckpointer::new();
    turn(&sound(chat().checkpointer(store.clone())), "t", 1).await;
    turn(&sound(chat().checkpointer(store.clone())), "t", 2).await;
    let inner = StateGraph::<Other>::new("notes")
        .add_node("count", async |_: View<Other>| {})
        .add_edge(START, "count");
    let other = subgraph(
        sound(inner),
        |_: &Trace| Other::update(),
        |_: &Other| Trace::update(),
    );
    let graph = sound(
        StateGraph::<Trace>::new("chat")
            .add_node("notes", other.per_thread())
            .add_edge(START, "notes")
            .checkpointer(store),
    );
    let error = graph.thread("t").inside("notes/0").history().await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), "node");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("field `@notes//turns`"), "{source}");
    // That is said of the thread, too, before anything goes on.
    #[cfg(feature = "testing")]
    {
        use superstep::testing::check_compatible;

        let stored = graph.thread("t").export().await.unwrap();
        let error = check_compatible(&graph, &stored).unwrap_err();
        let [finding] = error.findings() else {
            panic!("{error}");
        };
        assert!(finding.contains("field `@notes//turns`"), "{finding}");
        check_compatible(&sound(chat()), &stored).unwrap();
    }
}
