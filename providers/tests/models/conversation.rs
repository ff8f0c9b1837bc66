//! The reducer of conversations, and what checkpoints keep of one.

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Checkpointer, FieldKind, Graph, MemoryCheckpointer, Reducer, Retry};
use superstep_providers::{Message, Messages, MessagesUpdate, Model, Reply, ScriptedModel};

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Chat {
    #[reduce(Messages)]
    messages: Vec<Message>,
}

fn chat(store: &MemoryCheckpointer) -> Graph<Chat, Model> {
    StateGraph::<Chat, Model>::new("chat")
        .add_node("answer", async |chat: View<Chat>, ctx: Ctx<Model>| {
            let response = ctx.generate(&chat.messages).await?;
            NodeResult::Ok(Chat::update().messages(response))
        })
        .add_edge(START, "answer")
        .checkpointer(store.clone())
        .compile()
        .expect("it is sound")
}

fn echo() -> Model {
    let reply = Reply::with(|request| {
        request
            .messages
            .last()
            .map(Message::text)
            .unwrap_or_default()
    });
    ScriptedModel::new().otherwise(reply).model()
}

const T: &str = "t";

/// What is kept of the field, oldest first.
async fn kept(store: &MemoryCheckpointer) -> Vec<(FieldKind, String)> {
    let mut kept = Vec::new();
    let mut records = store
        .list(&T.into(), None, usize::MAX)
        .await
        .expect("a list");
    records.reverse();
    for record in records {
        let changes = store.changes(&T.into(), record.id).await.expect("changes");
        kept.extend(changes.into_iter().map(|change| (change.kind, change.json)));
    }
    kept
}

async fn say(graph: &Graph<Chat, Model>, update: impl superstep::IntoUpdate<MessagesUpdate>) {
    let update = Chat::update().messages(update);
    let run = graph.invoke(update).thread(T).context(echo()).await;
    run.expect("it ends");
}

#[tokio::test]
async fn what_is_added_is_all_that_is_written() {
    let store = MemoryCheckpointer::new();
    let graph = chat(&store);
    let said = "x".repeat(1000);
    for _ in 0..100 {
        say(&graph, Message::user(&*said)).await;
    }
    let bytes: usize = kept(&store).await.iter().map(|(_, json)| json.len()).sum();
    let values = graph.thread(T).state().await.expect("a state").values;
    assert_eq!(values.messages.len(), 200);
    let payload = serde_json::to_string(&values.messages).expect("JSON").len();
    assert!(bytes < payload * 102 / 100, "{bytes} for {payload}");
}

#[tokio::test]
async fn what_is_replaced_is_written_as_a_whole_and_once() {
    let store = MemoryCheckpointer::new();
    let graph = chat(&store);
    for n in 0..20 {
        say(&graph, Message::user("hello").with_id(n.to_string())).await;
    }
    let before = kept(&store).await.len();
    say(&graph, Messages::replace(Message::user("bye").with_id("3"))).await;
    say(&graph, Message::user("more")).await;
    let kept = kept(&store).await;
    let whole =
        |(kind, json): &(FieldKind, String)| *kind == FieldKind::Value && json.contains("bye");
    let n_whole = kept[before..].iter().filter(|kept| whole(kept)).count();
    assert_eq!(n_whole, 1, "{:?}", &kept[before..]);
    assert!(kept.last().expect("the last").1.len() < 150);
    let values = graph.thread(T).state().await.expect("a state").values;
    assert_eq!(values.messages[6], Message::user("bye").with_id("3"));
    assert_eq!(values.messages.len(), 43);
}

#[tokio::test]
async fn a_thread_reads_back_what_was_done_to_it() {
    let store = MemoryCheckpointer::new();
    let graph = chat(&store);
    say(
        &graph,
        [
            Message::user("a").with_id("1"),
            Message::user("b").with_id("2"),
        ],
    )
    .await;
    say(&graph, Messages::remove("1")).await;
    let texts = async || {
        let values = graph.thread(T).state().await.expect("a state").values;
        values
            .messages
            .iter()
            .map(Message::text)
            .collect::<Vec<_>>()
    };
    assert_eq!(texts().await, ["b", "b", "b"]);
    say(&graph, Messages::remove_all()).await;
    assert_eq!(texts().await, [""]);
}

#[test]
fn updates_are_json_that_can_be_read_back() {
    let updates = [
        MessagesUpdate::from(Message::user("a")),
        Messages::replace(Message::user("b").with_id("1")),
        Messages::remove("1"),
        Messages::remove_all(),
    ];
    let json = updates
        .clone()
        .map(|update| serde_json::to_string(&update).expect("JSON"));
    let expected = [
        r#"[{"role":"user","parts":[{"type":"text","text":"a"}]}]"#,
        r#"{"changes":[{"replace":{"id":"1","role":"user","parts":[{"type":"text","text":"b"}]}}]}"#,
        r#"{"changes":[{"remove":"1"}]}"#,
        r#"{"changes":["remove_all"]}"#,
    ];
    assert_eq!(json, expected);
    let back = json.map(|json| serde_json::from_str::<MessagesUpdate>(&json).expect("an update"));
    assert_eq!(back, updates);
}

/// What a thread holds, read by a graph that has not seen it yet: each message with
/// its id.
async fn read(store: &MemoryCheckpointer) -> Vec<String> {
    let values = chat(store).thread(T).state().await.expect("a state").values;
    let shown = values.messages.iter().map(|message| {
        let id = message.id.as_deref().unwrap_or("-");
        format!("{id} {}", message.text())
    });
    shown.collect()
}

#[tokio::test]
async fn a_message_with_a_known_id_takes_the_place_of_the_other() {
    let store = MemoryCheckpointer::new();
    let graph = chat(&store);
    say(&graph, Message::user("a").with_id("1")).await;
    say(&graph, Message::user("b")).await;
    say(&graph, Message::user("c").with_id("1")).await;
    let expected = [
        "1 c",
        "t/1/0/answer/message/0 a",
        "- b",
        "t/1/3/answer/message/0 b",
        "t/1/6/answer/message/0 b",
    ];
    assert_eq!(read(&store).await, expected);
    // By the id that it was given.
    let answer = graph.thread(T).state().await.expect("a state").values;
    let mut answer = answer.messages[1].clone();
    answer.parts = vec![superstep_providers::Part::text("z")];
    say(&graph, [answer, Message::user("d")]).await;
    let read = read(&store).await;
    assert_eq!(read[1], "t/1/0/answer/message/0 z");
    assert_eq!(read[5..], ["- d", "t/1/9/answer/message/0 d"]);
}

#[tokio::test]
async fn ids_are_the_same_when_a_task_runs_again() {
    let store = MemoryCheckpointer::new();
    let builder = || {
        let answer = node(async |ctx: Ctx| {
            let update = Chat::update().messages(["a", "b"].map(Message::assistant));
            match ctx.attempt() {
                1 => Err("not yet".into()),
                _ => NodeResult::Ok(update.messages(Message::user("c"))),
            }
        });
        StateGraph::<Chat>::new("chat")
            .add_node("answer", answer.retry(Retry::attempts(2)))
            .add_edge(START, "answer")
    };
    let graph = builder().checkpointer(store.clone()).compile();
    let run = graph.expect("it is sound").invoke(Chat::update()).thread(T);
    run.await.expect("it ends");
    let expected = ["0 a", "1 b", "2 c"].map(|said| format!("t/1/0/answer/message/{said}"));
    assert_eq!(read(&store).await, expected);
    // Without a thread, nobody asks for one by its id.
    let graph = builder().compile().expect("it is sound");
    let run = graph.invoke(Chat::update()).await.expect("it ends");
    assert!(
        run.state
            .messages
            .iter()
            .all(|message| message.id.is_none())
    );
}

#[test]
fn a_list_in_json_is_added_as_it_is() {
    let json = r#"[{"id":"1","role":"user","parts":[{"type":"text","text":"a"}]}]"#;
    let update: MessagesUpdate = serde_json::from_str(json).expect("an update");
    assert_eq!(serde_json::to_string(&update).expect("JSON"), json);
    let mut messages = Vec::new();
    Messages::reduce(&mut messages, update.clone());
    // Such as what a cache says twice.
    Messages::reduce(&mut messages, update);
    assert_eq!(messages.len(), 2);
    Messages::reduce(&mut messages, Message::user("b").with_id("1").into());
    let texts: Vec<String> = messages.iter().map(Message::text).collect();
    assert_eq!(texts, ["a", "b"]);
}

#[test]
fn a_message_is_a_pointer_and_its_clones_are_apart() {
    assert_eq!(size_of::<Message>(), size_of::<usize>());
    let said = Message::user("hi").named("ann");
    let mut other = said.clone();
    assert!(std::ptr::eq(&*said, &*other));
    other.name = None;
    assert_eq!(said.name.as_deref(), Some("ann"));
    assert_ne!(said, other);
    other.name = Some("ann".into());
    assert_eq!(said, other);
    assert_eq!(format!("{said:?}"), format!("{other:?}"));
    let json = serde_json::to_string(&said).expect("it is JSON");
    let kept = r#"{"role":"user","name":"ann","parts":[{"type":"text","text":"hi"}]}"#;
    assert_eq!(json, kept);
    let read: Message = serde_json::from_str(&json).expect("it is a message");
    assert_eq!(read, said);
}
