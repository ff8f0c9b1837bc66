//! Memories that are older than the program.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Fields, MemoryCheckpointer, subgraph};

use super::{Notes, NotesUpdate, chat, last, notes, remembering, tell, turn};
use crate::common::{Trace, oops, sound};

/// [`Notes`], of which `heard` is one text now.
#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
#[state(version = 2, migrate = migrate)]
struct Letters {
    #[reduce(Append)]
    letters: String,
    turns: u32,
    /// How many words there were, which no call writes.
    words: usize,
}

fn migrate(from: u32, fields: &mut Fields) -> Result<(), &'static str> {
    if from == 1
        && let Some(heard) = fields.remove("heard")
    {
        let heard = heard.as_array().ok_or("it is a list")?;
        fields.insert("words".into(), heard.len().into());
        let words = heard.iter().filter_map(|word| word.as_str());
        fields.insert("letters".into(), words.collect::<String>().into());
    }
    Ok(())
}

fn letters() -> StateGraph<Trace> {
    let inner = StateGraph::<Letters>::new("notes")
        .add_node("count", async |state: View<Letters>| {
            Letters::update().turns(state.turns + 1)
        })
        .add_edge(START, "count");
    let inner = subgraph(
        sound(inner),
        |trace: &Trace| Letters::update().letters(trace.n.to_string()),
        |letters: &Letters| {
            let Letters {
                letters,
                turns,
                words,
            } = letters;
            Trace::update().log(format!("{letters} ({turns}) {words}"))
        },
    );
    StateGraph::<Trace>::new("chat")
        .add_node("notes", inner.per_thread())
        .add_edge(START, "notes")
}

#[tokio::test(start_paused = true)]
async fn an_older_version_of_the_state_is_migrated() {
    let store = MemoryCheckpointer::new();
    let before = sound(chat().checkpointer(store.clone()));
    turn(&before, "t", 1).await;
    turn(&before, "t", 2).await;
    let after = || sound(letters().checkpointer(store.clone()));
    assert_eq!(turn(&after(), "t", 3).await, "123 (3) 2");
    assert_eq!(turn(&after(), "t", 4).await, "1234 (4) 2");
    let warm = after();
    assert_eq!(turn(&warm, "t", 5).await, "12345 (5) 2");
    assert_eq!(turn(&warm, "t", 6).await, "123456 (6) 2");
    // A version that it does not know yet is not read as its own.
    let error = before.invoke(Trace::update()).thread("t").await;
    let messages = crate::common::chain(&error.unwrap_err());
    assert!(
        messages.last().unwrap().contains("version 2 of the state"),
        "{messages:?}"
    );
}

/// A node beside `notes` that fails if it has to.
fn beside(graph: StateGraph<Trace>, fails: bool) -> StateGraph<Trace> {
    graph
        .add_node("beside", move |_: View<Trace>| async move {
            // Until then, what is beside it has ended.
            tokio::time::sleep(Duration::from_secs(1)).await;
            match fails {
                true => Err(oops()),
                false => Ok(()),
            }
        })
        .add_edge(START, "beside")
}

/// A thread with one turn, and another of which `notes` has ended and what is
/// beside it has failed.
async fn half_done(store: &MemoryCheckpointer) {
    let fine = sound(beside(chat(), false).checkpointer(store.clone()));
    turn(&fine, "t", 1).await;
    let fails = sound(beside(chat(), true).checkpointer(store.clone()));
    let failed = fails.invoke(Trace::update().n(2)).thread("t").await;
    assert_eq!(failed.unwrap_err().code(), "node");
}

#[tokio::test(start_paused = true)]
async fn what_a_call_of_an_older_version_left_is_migrated_with_the_rest() {
    let store = MemoryCheckpointer::new();
    half_done(&store).await;
    let after = || sound(beside(letters(), false).checkpointer(store.clone()));
    let run = after().proceed().thread("t").await.unwrap();
    assert_eq!(last(&run), "1 2 (2)"); // as the older program had told
    assert_eq!(turn(&after(), "t", 3).await, "123 (3) 2");
    assert_eq!(turn(&after(), "t", 4).await, "1234 (4) 2");
}

#[tokio::test(start_paused = true)]
async fn what_a_call_left_under_a_former_name_is_kept_with_the_rest() {
    let store = MemoryCheckpointer::new();
    half_done(&store).await;
    let renamed = || {
        let graph = StateGraph::<Trace>::new("chat")
            .add_node("memo", node(remembering(notes())).aliases(["notes"]))
            .add_edge(START, "memo");
        sound(beside(graph, false).checkpointer(store.clone()))
    };
    let run = renamed().proceed().thread("t").await.unwrap();
    assert_eq!(last(&run), "1 2 (2)");
    assert_eq!(turn(&renamed(), "t", 3).await, "1 2 3 (3)");
    assert_eq!(turn(&renamed(), "t", 4).await, "1 2 3 4 (4)");
}

#[tokio::test(start_paused = true)]
async fn fields_come_and_go() {
    #[derive(State, Clone, Debug, Serialize, Deserialize)]
    struct Fewer {
        turns: u32,
        mood: String,
    }

    impl Default for Fewer {
        fn default() -> Self {
            Self {
                turns: 0,
                mood: "calm".to_owned(),
            }
        }
    }

    let store = MemoryCheckpointer::new();
    let before = sound(chat().checkpointer(store.clone()));
    turn(&before, "t", 1).await;
    let build = || {
        let inner = StateGraph::<Fewer>::new("notes")
            .add_node("count", async |state: View<Fewer>| {
                Fewer::update().turns(state.turns + 1)
            })
            .add_edge(START, "count");
        let inner = subgraph(
            sound(inner),
            |_: &Trace| Fewer::update(),
            |it: &Fewer| Trace::update().log(format!("{} {}", it.turns, it.mood)),
        );
        sound(
            StateGraph::<Trace>::new("chat")
                .add_node("notes", inner.per_thread())
                .add_edge(START, "notes")
                .checkpointer(store.clone()),
        )
    };
    assert_eq!(turn(&build(), "t", 2).await, "2 calm");
    assert_eq!(turn(&build(), "t", 3).await, "3 calm");
    // What was dropped is gone.
    let again = sound(chat().checkpointer(store));
    assert_eq!(turn(&again, "t", 4).await, "4 (4)");
}

#[tokio::test(start_paused = true)]
async fn it_is_found_under_the_former_names_of_nodes() {
    let store = MemoryCheckpointer::new();
    let build = |outer: &str, inner: &str, aliases: [&str; 2]| {
        let middle = StateGraph::<Trace>::new("middle")
            .add_node(inner, node(remembering(notes())).aliases([aliases[1]]))
            .add_edge(START, inner);
        sound(
            StateGraph::<Trace>::new("chat")
                .add_node(outer, node(sound(middle)).aliases([aliases[0]]))
                .add_edge(START, outer)
                .checkpointer(store.clone()),
        )
    };
    let before = build("out", "in", ["x", "y"]);
    assert_eq!(turn(&before, "t", 1).await, "1 (1)");
    let renamed = || build("outer", "inner", ["out", "in"]);
    assert_eq!(turn(&renamed(), "t", 2).await, "1 2 (2)");
    assert_eq!(turn(&renamed(), "t", 3).await, "1 2 3 (3)");
    let one = || build("outer", "in", ["out", "inner"]);
    assert_eq!(turn(&one(), "t", 4).await, "1 2 3 4 (4)");
    assert_eq!(turn(&one(), "t", 5).await, "1 2 3 4 5 (5)");
    // It is kept under the new name by now.
    let without_aliases = build("outer", "in", ["x", "y"]);
    assert_eq!(turn(&without_aliases, "t", 6).await, "1 2 3 4 5 6 (6)");
}

#[tokio::test(start_paused = true)]
async fn two_calls_at_once_under_a_new_name_keep_all_of_it_there() {
    let store = MemoryCheckpointer::new();
    let build = |name: &str, alias: &str| {
        let twice = StateGraph::<Trace>::new("twice")
            .add_node("notes", remembering(notes()))
            .add_edge(START, "notes")
            .add_conditional_edges(
                "notes",
                |trace: &Trace| match trace.log.len() % 2 {
                    0 => END,
                    _ => "notes",
                },
                ["notes", END],
            );
        sound(
            StateGraph::<Trace>::new("around")
                .add_node(name, node(sound(twice)).aliases([alias]))
                .add_edge(START, name)
                .checkpointer(store.clone()),
        )
    };
    assert_eq!(turn(&build("before", "x"), "t", 1).await, "1 1 (2)");
    assert_eq!(turn(&build("after", "before"), "t", 2).await, "1 1 2 2 (4)");
    let without_aliases = build("after", "x");
    assert_eq!(turn(&without_aliases, "t", 3).await, "1 1 2 2 3 3 (6)");
}

#[tokio::test(start_paused = true)]
async fn that_of_a_node_which_is_gone_is_there_when_it_comes_back() {
    let store = MemoryCheckpointer::new();
    turn(&sound(chat().checkpointer(store.clone())), "t", 1).await;
    let without = || {
        sound(
            StateGraph::<Trace>::new("chat")
                .add_node("other", crate::common::mark)
                .add_edge(START, "other")
                .checkpointer(store.clone()),
        )
    };
    for _ in 0..2 {
        let graph = without();
        assert_eq!(turn(&graph, "t", 2).await, "other");
        assert_eq!(turn(&graph, "t", 3).await, "other");
    }
    let graph = sound(chat().checkpointer(store));
    assert_eq!(turn(&graph, "t", 4).await, "1 4 (2)");
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_is_older_than_the_memory_begins_one() {
    let store = MemoryCheckpointer::new();
    let tell = |inner: &Notes| tell(inner);
    let take = |trace: &Trace| -> NotesUpdate { super::take(trace) };
    let build = |remembers: bool| {
        let graph = StateGraph::<Trace>::new("chat").add_edge(START, "notes");
        let inner = subgraph(notes(), take, tell);
        let graph = match remembers {
            true => graph.add_node("notes", inner.per_thread()),
            false => graph.add_node("notes", inner),
        };
        sound(graph.checkpointer(store.clone()))
    };
    assert_eq!(turn(&build(false), "t", 1).await, "1 (1)");
    assert_eq!(turn(&build(true), "t", 2).await, "2 (1)");
    assert_eq!(turn(&build(true), "t", 3).await, "2 3 (2)");
    // And one that does not remember leaves what is there as it is.
    assert_eq!(turn(&build(false), "t", 4).await, "4 (1)");
    assert_eq!(turn(&build(true), "t", 5).await, "2 3 5 (3)");
}
