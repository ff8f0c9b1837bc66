//! Threads of which only the newest is kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{CheckpointId, MemoryCheckpointer, Retention};

use super::T;

#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Chat {
    #[reduce(Append)]
    messages: Vec<String>,
    turns: u32,
    profile: String,
}

fn retention(keep_last: usize) -> Retention {
    Retention {
        keep_last,
        keep_for: Duration::ZERO,
    }
}

#[tokio::test]
async fn a_thread_goes_on_for_ever_with_its_newest_checkpoints_only() {
    for keep_last in [1, 2, 4, 16] {
        let store = MemoryCheckpointer::new().retention(retention(keep_last));
        let graph = StateGraph::<Chat>::new("chat")
            .add_node("answer", async |chat: View<Chat>| {
                Chat::update().messages("a").turns(chat.turns + 1)
            })
            .add_edge(START, "answer")
            .checkpointer(store)
            .warm_threads(0)
            .compile()
            .unwrap();
        for turn in 0..50 {
            let said = Chat::update().messages("q");
            let said = if turn == 0 { said.profile("p") } else { said };
            let run = graph.invoke(said).thread(T).await.unwrap();
            assert_eq!(
                (run.state.messages.len(), run.state.profile.as_str()),
                (2 * turn + 2, "p")
            );
            let history = graph.thread(T).history().await.unwrap();
            assert!(
                history.len() <= keep_last + keep_last / 4 + 1,
                "{}",
                history.len()
            );
            assert_eq!(history[0].values, run.state);
            for snapshot in &history {
                assert_eq!(snapshot.values.messages.len() as u64, snapshot.id.number());
            }
        }
    }
}

#[tokio::test]
async fn what_a_kept_fork_came_from_is_kept() {
    let store = MemoryCheckpointer::new().retention(retention(3));
    let graph = StateGraph::<Chat>::new("chat")
        .add_node("answer", async |_: View<Chat>| Chat::update().messages("a"))
        .add_edge(START, "answer")
        .checkpointer(store)
        .compile()
        .unwrap();
    for _ in 0..3 {
        graph
            .invoke(Chat::update().messages("q"))
            .thread(T)
            .await
            .unwrap();
    }
    let old = graph.thread(T).history().await.unwrap()[2].id;
    graph
        .invoke(Chat::update().messages("fork"))
        .thread(T)
        .checkpoint(old)
        .await
        .unwrap();
    let forked = graph.thread(T).state().await.unwrap();
    let history = graph.thread(T).history().await.unwrap();
    assert!(history.iter().any(|snapshot| snapshot.id == old));
    let fork = forked
        .values
        .messages
        .iter()
        .filter(|message| *message == "fork")
        .count();
    assert_eq!(
        (fork, forked.parent),
        (1, Some(CheckpointId::from(forked.id.number() - 1)))
    );
    for _ in 0..9 {
        graph
            .invoke(Chat::update().messages("q"))
            .thread(T)
            .await
            .unwrap();
        graph.thread(T).history().await.unwrap();
    }
}

#[tokio::test]
async fn a_field_that_came_later_is_read_after_the_first_checkpoint_has_gone() {
    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Later {
        #[reduce(Append)]
        messages: Vec<String>,
        turns: u32,
        profile: String,
        #[reduce(Append)]
        added: Vec<u32>,
    }
    let store = MemoryCheckpointer::new().retention(retention(4));
    let early = StateGraph::<Chat>::new("chat")
        .add_node("answer", async |_: View<Chat>| Chat::update().messages("a"))
        .add_edge(START, "answer")
        .checkpointer(store.clone())
        .compile()
        .unwrap();
    for _ in 0..4 {
        early
            .invoke(Chat::update().messages("q"))
            .thread(T)
            .await
            .unwrap();
    }
    let later = StateGraph::<Later>::new("chat")
        .add_node("answer", async |_: View<Later>| Later::update().added(1))
        .add_edge(START, "answer")
        .checkpointer(store)
        .compile()
        .unwrap();
    for turn in 1..9 {
        let run = later
            .invoke(Later::update().messages("q"))
            .thread(T)
            .await
            .unwrap();
        assert_eq!(
            (run.state.added.len(), run.state.messages.len()),
            (turn, 8 + turn)
        );
        later.thread(T).history().await.unwrap();
    }
}
