//! How memories are kept: forks, copies, retention, what is seen of them.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{Checkpointer, FieldKind, Graph, MemoryCheckpointer, Retention, Snapshot};

use super::{chat, last, turn};
use crate::common::{Trace, sound};

/// A graph whose run goes over two supersteps: before `notes`, and that.
fn stepping(store: &MemoryCheckpointer) -> Graph<Trace> {
    sound(
        StateGraph::<Trace>::new("stepping")
            .add_node("before", async |_: View<Trace>| {})
            .add_node("notes", super::remembering(super::notes()))
            .add_edge(START, "before")
            .add_edge("before", "notes")
            .checkpointer(store.clone()),
    )
}

#[tokio::test(start_paused = true)]
async fn a_fork_has_the_memory_of_where_it_goes_on_from() {
    let store = MemoryCheckpointer::new();
    let graph = stepping(&store);
    for n in 1..=3 {
        turn(&graph, "t", n).await;
    }
    let thread = graph.thread("t");
    let history = thread.history().await.unwrap();
    // Where `notes` was ready in each turn, newest first.
    let ready: Vec<_> = history
        .iter()
        .filter(|snapshot| snapshot.next == ["notes"])
        .map(|snapshot| snapshot.id)
        .collect();
    for (checkpoint, known) in ready.iter().zip(["1 2 3 (3)", "1 2 (2)", "1 (1)"]) {
        let run = graph.proceed().thread("t").checkpoint(*checkpoint);
        assert_eq!(last(&run.await.unwrap()), known);
    }
    // The head is the last of these forks.
    assert_eq!(turn(&graph, "t", 7).await, "1 7 (2)");
    assert_eq!(turn(&stepping(&store), "t", 8).await, "1 7 8 (3)");
    // And the branches are there as they were.
    let run = graph.proceed().thread("t").checkpoint(ready[0]);
    assert_eq!(last(&run.await.unwrap()), "1 2 3 (3)");
    thread.fork(ready[1]).await.unwrap();
    let run = graph.proceed().thread("t").await.unwrap();
    assert_eq!(last(&run), "1 2 (2)");
}

#[tokio::test(start_paused = true)]
async fn an_input_at_an_older_checkpoint_goes_on_from_the_memory_of_then() {
    let store = MemoryCheckpointer::new();
    let graph = sound(chat().checkpointer(store));
    for n in 1..=3 {
        turn(&graph, "t", n).await;
    }
    let history = graph.thread("t").history().await.unwrap();
    let is_second = |it: &&Snapshot<Trace>| it.next.is_empty() && it.values.log.len() == 2;
    let second = history.iter().find(is_second).unwrap();
    let run = graph.invoke(Trace::update().n(9)).thread("t");
    let run = run.checkpoint(second.id).await.unwrap();
    assert_eq!(last(&run), "1 2 9 (3)");
}

#[tokio::test(start_paused = true)]
async fn copies_and_deletions_take_it_with_them() {
    let graph = sound(chat().checkpointer(MemoryCheckpointer::new()));
    turn(&graph, "t", 1).await;
    graph.thread("t").copy("copy").await.unwrap();
    assert_eq!(turn(&graph, "t", 2).await, "1 2 (2)");
    assert_eq!(turn(&graph, "copy", 3).await, "1 3 (2)");
    graph.thread("t").delete().await.unwrap();
    assert_eq!(turn(&graph, "t", 4).await, "4 (1)");
    assert_eq!(turn(&graph, "copy", 5).await, "1 3 5 (3)");
}

#[tokio::test(start_paused = true)]
async fn nobody_sees_it_in_the_state_of_the_thread() {
    let store = MemoryCheckpointer::new();
    let graph = sound(chat().checkpointer(store.clone()));
    for n in 1..=3 {
        turn(&graph, "t", n).await;
    }
    let thread = graph.thread("t");
    let seen = thread.state().await.unwrap();
    assert_eq!(seen.values.log, ["1 (1)", "1 2 (2)", "1 2 3 (3)"]);
    assert_eq!(thread.history().await.unwrap().len(), 6);
    let fields = store.load(&"t".into(), None).await.unwrap().unwrap().fields;
    let heard = fields
        .iter()
        .filter(|field| field.field == "@notes//heard")
        .map(|field| (field.kind, &*field.json));
    let expected = [
        (FieldKind::Value, r#"["1"]"#),
        (FieldKind::Extend, r#"["2"]"#),
        (FieldKind::Extend, r#"["3"]"#),
    ];
    assert_eq!(heard.collect::<Vec<_>>(), expected);

    #[cfg(feature = "testing")]
    {
        let stored = thread.export().await.unwrap();
        superstep::testing::check_compatible(&graph, &stored).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn it_outlasts_the_checkpoints_that_are_not_kept() {
    for keep_last in [1, 3] {
        let store = MemoryCheckpointer::new().retention(Retention {
            keep_last,
            keep_for: Duration::ZERO,
        });
        let mut heard = Vec::new();
        for n in 1..60 {
            let graph = sound(chat().checkpointer(store.clone()));
            heard.push(n.to_string());
            // One that is written every now and then stays as well.
            if n % 10 == 0 {
                graph.thread("t").update(Trace::update()).await.unwrap();
            }
            assert_eq!(
                turn(&graph, "t", n).await,
                format!("{} ({n})", heard.join(" "))
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_whole_any_more_is_no_memory() {
    let store = MemoryCheckpointer::new();
    let graph = sound(chat().checkpointer(store.clone()));
    for n in 1..=3 {
        turn(&graph, "t", n).await;
    }
    // A store that has lost one of the records.
    let mut loaded = store.load(&"t".into(), None).await.unwrap().unwrap();
    let lost = loaded
        .fields
        .iter()
        .position(|field| field.json == r#"["2"]"#);
    loaded.fields.remove(lost.unwrap());
    let copy = MemoryCheckpointer::new();
    put(&copy, loaded).await;
    let graph = sound(chat().checkpointer(copy));
    let error = graph.invoke(Trace::update()).thread("t").await.unwrap_err();
    assert_eq!(
        crate::common::chain(&error)[1..],
        [
            "field `@notes//heard` of checkpoint 6 cannot be read",
            "the record before that of checkpoint 6 is missing"
        ]
    );
}

/// Puts a checkpoint into a store, as if it had always been there.
async fn put(store: &MemoryCheckpointer, loaded: superstep::Loaded) {
    let thread = "t".into();
    let claim = superstep::Claim {
        lasts: Duration::from_secs(1),
        takes_over: false,
    };
    let lease = store.acquire(&thread, claim).await.unwrap();
    for number in 1..=loaded.checkpoint.id.number() {
        let id = superstep::CheckpointId::from(number);
        let fields = loaded.fields.iter().filter(|it| it.checkpoint == id);
        let commit = superstep::Commit {
            checkpoint: superstep::CheckpointRecord {
                id,
                ..loaded.checkpoint.clone()
            },
            fields: fields.cloned().collect(),
            entries: Vec::new(),
            drop_entries_of: None,
            release: false,
        };
        store.commit(&thread, &lease, commit).await.unwrap();
    }
    store.release(&thread, &lease).await.unwrap();
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn it_comes_back_from_a_file() {
    use superstep::Sqlite;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    for (n, known) in [(1, "1 (1)"), (2, "1 2 (2)"), (3, "1 2 3 (3)")] {
        let store = Sqlite::open(&path).await.unwrap();
        let graph = sound(chat().checkpointer(store));
        assert_eq!(turn(&graph, "t", n).await, known);
    }
}
