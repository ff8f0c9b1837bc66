//! Rule: bytes follow what changed; and what is there outlives a change of the
//! state.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use superstep::prelude::*;
use superstep::{CheckpointId, Checkpointer, FieldKind, Graph, MemoryCheckpointer};

use super::T;

#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Chat {
    #[reduce(Append)]
    messages: Vec<String>,
    turns: u32,
    /// Never written after the first input.
    profile: String,
}

fn chat(store: &MemoryCheckpointer) -> Graph<Chat> {
    StateGraph::<Chat>::new("chat")
        .add_node("answer", async |chat: View<Chat>| {
            Chat::update()
                .messages("y".repeat(1000))
                .turns(chat.turns + 1)
        })
        .add_edge(START, "answer")
        .checkpointer(store.clone())
        .compile()
        .unwrap()
}

/// The bytes of all that is kept of the fields.
async fn bytes(store: &MemoryCheckpointer) -> usize {
    let mut bytes = 0;
    for record in store.list(&T.into(), None, usize::MAX).await.unwrap() {
        for change in store.changes(&T.into(), record.id).await.unwrap() {
            bytes += change.json.len();
        }
    }
    bytes
}

#[tokio::test]
async fn a_chat_costs_what_was_said() {
    let store = MemoryCheckpointer::new();
    let graph = chat(&store);
    for _ in 0..200 {
        graph
            .invoke(Chat::update().messages("x".repeat(1000)))
            .thread(T)
            .await
            .unwrap();
    }
    let payload = 200 * 2000;
    let bytes = bytes(&store).await;
    assert!(bytes < payload * 102 / 100, "{bytes} for {payload}");
    let end = graph.thread(T).state().await.unwrap().values;
    assert_eq!((end.messages.len(), end.turns), (400, 200));
}

#[tokio::test]
async fn a_map_that_is_written_over_and_over_is_read_at_the_cost_of_a_few_times_its_size() {
    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Scores {
        #[reduce(Merge)]
        scores: std::collections::BTreeMap<String, String>,
    }
    let store = MemoryCheckpointer::new();
    let graph = StateGraph::<Scores>::new("scores")
        .add_node("a", async |_: View<Scores>, ctx: Ctx| {
            Scores::update().scores((format!("k{}", ctx.superstep() % 7), "v".repeat(500)))
        })
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Scores| "a", ["a", END])
        .checkpointer(store.clone())
        .recursion_limit(500)
        .compile()
        .unwrap();
    graph.invoke(Scores::update()).thread(T).await.unwrap_err();
    let loaded = store.load(&T.into(), None).await.unwrap().unwrap();
    let read: usize = loaded.fields.iter().map(|record| record.json.len()).sum();
    let state = serde_json::to_string(&graph.thread(T).state().await.unwrap().values).unwrap();
    assert!(read < 12 * state.len(), "{read} for {}", state.len());
    let written = bytes(&store).await;
    assert!(written < 500 * 520 * 2, "{written}");
}

#[tokio::test]
async fn what_changed_outside_is_noticed_and_named() {
    let store = MemoryCheckpointer::new();
    let graph = chat(&store);
    graph
        .invoke(Chat::update().messages("hello"))
        .thread(T)
        .await
        .unwrap();
    let loaded = store.load(&T.into(), None).await.unwrap().unwrap();
    assert_eq!(
        loaded
            .fields
            .iter()
            .filter(|record| record.kind == FieldKind::Extend)
            .count(),
        1
    );

    // A store that gives back something else.
    for (field, json) in [("turns", "2"), ("messages", "[]"), ("profile", "\"x\"")] {
        let copy = MemoryCheckpointer::new();
        let mut loaded = loaded.clone();
        let record = loaded
            .fields
            .iter_mut()
            .rfind(|record| record.field == field)
            .unwrap();
        record.json = json.to_owned();
        put(&copy, &loaded).await;
        let error = chat(&copy).thread(T).state().await.unwrap_err();
        let messages = crate::common::chain(&error);
        assert!(
            messages[1].contains(&format!("field `{field}`")),
            "{messages:?}"
        );
        assert!(messages[1].contains("checkpoint"), "{messages:?}");
        assert!(messages[2].contains("checksum"), "{messages:?}");
    }
}

/// Puts what was loaded into a store, as its first checkpoint.
async fn put(store: &MemoryCheckpointer, loaded: &superstep::Loaded) {
    let claim = superstep::Claim {
        lasts: std::time::Duration::from_secs(1),
        takes_over: false,
    };
    let lease = store.acquire(&T.into(), claim).await.unwrap();
    let mut checkpoint = loaded.checkpoint.clone();
    checkpoint.id = CheckpointId::from(1);
    let commit = superstep::Commit {
        checkpoint: loaded.checkpoint.clone(),
        fields: loaded.fields.clone(),
        entries: Vec::new(),
        drop_entries_of: None,
        release: true,
    };
    for number in 1..loaded.checkpoint.id.number() {
        let mut before = commit.clone();
        before.checkpoint.id = CheckpointId::from(number);
        before
            .fields
            .retain(|record| record.checkpoint.number() == number);
        before.release = false;
        store.commit(&T.into(), &lease, before).await.unwrap();
    }
    let mut last = commit;
    let id = last.checkpoint.id;
    last.fields.retain(|record| record.checkpoint == id);
    store.commit(&T.into(), &lease, last).await.unwrap();
}

/// The thread that `write` leaves, read as another state.
async fn reread<S: State>(write: Value, again: Value) -> Result<S, superstep::RunError> {
    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Old {
        topic: String,
        #[reduce(Append)]
        notes: Vec<String>,
        n: u32,
    }
    let store = MemoryCheckpointer::new();
    let old = StateGraph::<Old>::new("old")
        .add_node("a", async |_: View<Old>| Old::update().notes("second"))
        .add_edge(START, "a")
        .checkpointer(store.clone())
        .compile()
        .unwrap();
    let input: OldUpdate = serde_json::from_value(write).unwrap();
    old.invoke(input).thread(T).await.unwrap();
    let new = StateGraph::<S>::new("new")
        .add_node("a", async |_: View<S>| {})
        .add_edge(START, "a")
        .checkpointer(store)
        .compile()
        .unwrap();
    // It is read by runs as by whoever looks, and what they write is read again.
    for _ in 0..3 {
        let input: S::Update = serde_json::from_value(again.clone()).unwrap();
        new.invoke(input).thread(T).await?;
    }
    new.thread(T).history().await?;
    Ok(new.thread(T).state().await?.values)
}

#[tokio::test]
async fn fields_are_added_renamed_and_removed() {
    #[derive(State, Clone, Debug, Serialize, Deserialize)]
    struct New {
        #[serde(alias = "topic")]
        subject: String,
        #[reduce(Append)]
        #[serde(alias = "notes")]
        remarks: Vec<String>,
        added: u32,
        #[serde(default)]
        defaulted: u32,
    }
    impl Default for New {
        fn default() -> Self {
            Self {
                subject: "none".into(),
                remarks: Vec::new(),
                added: 7,
                defaulted: 9,
            }
        }
    }
    let new: New = reread(
        json!({ "topic": "space", "notes": ["first"] }),
        json!({ "subject": "time", "remarks": ["again"] }),
    )
    .await
    .unwrap();
    assert_eq!((new.subject.as_str(), new.remarks.len()), ("time", 5));
    assert_eq!(
        (new.added, new.defaulted),
        (7, 0),
        "the state's default, unless serde has one"
    );
}

#[tokio::test]
async fn a_field_of_another_type_is_named_with_its_checkpoint() {
    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct New {
        topic: u32,
        n: u32,
    }
    let error = reread::<New>(json!({ "topic": "space" }), json!({}))
        .await
        .unwrap_err();
    assert_eq!(
        crate::common::chain(&error)[1..],
        [
            "field `topic` of checkpoint 2 cannot be read",
            "invalid type: string \"space\", expected u32",
        ]
    );
}

#[tokio::test]
async fn a_float_that_is_no_number_is_refused_and_the_thread_goes_on() {
    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Scores {
        #[reduce(Append)]
        scores: Vec<f64>,
        best: f64,
        maybe: Option<f64>,
    }
    /// Writes what is no number at its first call: to `best`, or to `scores`.
    struct Bad {
        best: bool,
        calls: super::Count,
    }
    for (best, beside) in [(false, false), (false, true), (true, false), (true, true)] {
        let graph = StateGraph::<Scores, Bad>::new("scores")
            .add_node("a", async |bad: Ctx<Bad>| {
                match (bad.calls.next(), bad.best) {
                    (0, true) => Scores::update().best(f64::NAN),
                    (0, false) => Scores::update().scores(f64::INFINITY),
                    _ => Scores::update().best(3.0),
                }
            })
            .add_node("b", async |_: View<Scores>| {
                Scores::update().maybe(None::<f64>)
            })
            .add_edge(START, "a")
            .add_edge(if beside { START } else { "a" }, "b")
            .checkpointer(MemoryCheckpointer::new())
            .compile()
            .unwrap();
        let context = std::sync::Arc::new(Bad {
            best,
            calls: super::Count::default(),
        });
        let run = graph.invoke(Scores::update()).thread(T);
        let error = run
            .context(std::sync::Arc::clone(&context))
            .await
            .unwrap_err();
        let told = crate::common::chain(&error).join(": ");
        assert!(told.contains("null"), "{told}");
        let run = graph.proceed().thread(T).context(context).await.unwrap();
        let kept = graph.thread(T).state().await.unwrap().values;
        assert_eq!((run.state.best, kept.best), (3.0, 3.0));
    }
}

/// A state whose default no thread can keep.
#[derive(State, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Bounds {
    #[reduce(Min)]
    lo: f64,
    note: Option<String>,
    #[reduce(Min)]
    other: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            lo: f64::INFINITY,
            note: None,
            other: f64::INFINITY,
        }
    }
}

fn bounds(store: &MemoryCheckpointer) -> Graph<Bounds> {
    StateGraph::<Bounds>::new("bounds")
        .add_node("a", async |_: View<Bounds>| {
            Bounds::update().note(None::<String>)
        })
        .add_edge(START, "a")
        .checkpointer(store.clone())
        .compile()
        .unwrap()
}

#[tokio::test]
async fn what_can_be_kept_is_kept_whatever_the_default_holds() {
    let graph = bounds(&MemoryCheckpointer::new());
    let input = Bounds::update().lo(5.0).other(6.0);
    let run = graph.invoke(input).thread(T).await.unwrap();
    let kept = graph.thread(T).state().await.unwrap().values;
    assert_eq!((kept.lo, kept.other, kept.note.as_ref()), (5.0, 6.0, None));
    assert_eq!(run.state, kept);
}

#[tokio::test]
async fn of_several_nulls_the_one_that_cannot_be_read_is_named() {
    let graph = bounds(&MemoryCheckpointer::new());
    let error = graph.invoke(Bounds::update().lo(5.0)).thread(T).await;
    let told = crate::common::chain(&error.unwrap_err());
    assert_eq!(
        told.last().unwrap(),
        "field `other` could not be read again (invalid type: null, expected f64): a float that is \
         not finite is written as `null`"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_named_whatever_the_default_holds() {
    /// As `Bounds`, but with text for `other`.
    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Text {
        lo: f64,
        note: Option<String>,
        other: String,
    }
    let store = MemoryCheckpointer::new();
    let text = StateGraph::<Text>::new("bounds")
        .add_node("a", async |_: View<Text>| Text::update().other("six"))
        .add_edge(START, "a")
        .checkpointer(store.clone())
        .compile()
        .unwrap();
    text.invoke(Text::update().lo(5.0)).thread(T).await.unwrap();
    let error = bounds(&store).thread(T).state().await.unwrap_err();
    assert_eq!(
        crate::common::chain(&error)[1..],
        [
            "field `other` of checkpoint 2 cannot be read",
            "invalid type: string \"six\", expected f64",
        ]
    );
}
