//! States: reducers, updates, schemas.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use expect_test::expect;
use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{FieldUpdate, Items, Reducer, Replace, RunError, Update, WriteKind};

use crate::common::sound;

/// Reduces `updates` into `value`, one after another.
fn reduced<R: Reducer<T>, T>(mut value: T, updates: impl IntoIterator<Item = R::Update>) -> T {
    for update in updates {
        R::reduce(&mut value, update);
    }
    value
}

#[test]
fn replace_and_last_take_the_new_value() {
    assert_eq!(reduced::<Replace, _>(1, [2, 3]), 3);
    assert_eq!(reduced::<Last, _>("a".to_owned(), ["b".to_owned()]), "b");
    assert_eq!(reduced::<Replace, _>(Some(1), [None]), None);
    const { assert!(<Replace as Reducer<u8>>::SINGLE_WRITER) };
    const { assert!(!<Last as Reducer<u8>>::SINGLE_WRITER) };
}

#[test]
fn append_adds_items_to_the_end_of_every_kind_of_list() {
    let one_and_many = || [Items::One(2), Items::Many(vec![3, 4]), Items::Many(vec![])];
    assert_eq!(reduced::<Append, _>(vec![1], one_and_many()), [1, 2, 3, 4]);
    assert_eq!(
        reduced::<Append, _>(VecDeque::from([1]), one_and_many()),
        [1, 2, 3, 4]
    );
    let text = reduced::<Append, _>(String::new(), ["a".into(), String::new(), "ß".into()]);
    assert_eq!(text, "aß");
}

#[test]
fn sum_adds_numbers_of_every_kind_and_durations() {
    assert_eq!(reduced::<Sum, _>(1_u8, [2, 252]), 255);
    assert_eq!(reduced::<Sum, _>(0_i8, [-128, 127]), -1);
    assert_eq!(reduced::<Sum, _>(u128::MAX - 1, [1]), u128::MAX);
    assert!((reduced::<Sum, _>(0.5_f64, [0.25]) - 0.75).abs() < f64::EPSILON);
    assert!(reduced::<Sum, _>(f32::MAX, [f32::MAX]).is_infinite());
    let second = Duration::from_secs(1);
    assert_eq!(reduced::<Sum, _>(second, [second]), 2 * second);
}

#[test]
fn max_and_min_keep_what_they_have_when_nothing_beats_it() {
    assert_eq!(reduced::<Max, _>(3, [1, 5, 4]), 5);
    assert_eq!(reduced::<Max, _>(None, [None, Some(0), Some(-4)]), Some(0));
    assert_eq!(reduced::<Min, _>(u32::MAX, [7, 9]), 7);
    assert_eq!(reduced::<Max, _>("b".to_owned(), ["a".to_owned()]), "b");
    let number = reduced::<Max, _>(1.0, [f64::NAN, 2.0, f64::NAN]);
    assert!((number - 2.0).abs() < f64::EPSILON);
    // Nothing compares with a value that is no number: it stays, for ever.
    assert!(reduced::<Max, _>(f64::NAN, [1.0]).is_nan());
}

#[test]
fn merge_unites_maps_and_sets_and_later_keys_win() {
    let map = |pairs: &[(&str, u8)]| -> BTreeMap<String, u8> {
        pairs.iter().map(|&(key, n)| (key.to_owned(), n)).collect()
    };
    let merged = reduced::<Merge, _>(map(&[("a", 1)]), [map(&[("b", 2)]), map(&[("a", 3)])]);
    assert_eq!(merged, map(&[("a", 3), ("b", 2)]));
    let set = reduced::<Merge, _>(BTreeSet::from([1]), [BTreeSet::from([1, 2])]);
    assert_eq!(set, BTreeSet::from([1, 2]));
    let json = |text| serde_json::from_str::<serde_json::Map<_, _>>(text).unwrap();
    let merged = reduced::<Merge, _>(json(r#"{"a":{"x":1}}"#), [json(r#"{"a":{"y":2}}"#)]);
    assert_eq!(merged, json(r#"{"a":{"y":2}}"#));
}

#[test]
fn any_and_all_start_from_the_default() {
    assert!(reduced::<Any, _>(false, [false, true, false]));
    assert!(!reduced::<Any, _>(false, [false]));
    assert!(reduced::<All, _>(true, [true]));
    assert!(!reduced::<All, _>(true, [true, false]));
    assert!(!reduced::<All, _>(false, [true]));
}

// In a run.

/// Keeps the two longest.
struct Longest2;

impl Reducer<Vec<String>> for Longest2 {
    type Update = String;

    fn reduce(value: &mut Vec<String>, word: String) {
        assert!(!word.is_empty(), "an empty word");
        value.push(word);
        value.sort_by_key(|word| std::cmp::Reverse(word.len()));
        value.truncate(2);
    }
}

/// A state with every stock reducer.
#[derive(State, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    /// What it is about.
    ///
    /// In a few words.
    topic: String,
    #[reduce(Last)]
    last: Option<u8>,
    #[reduce(Append)]
    items: Vec<u32>,
    #[reduce(Append)]
    queue: VecDeque<String>,
    #[reduce(Append)]
    text: String,
    #[reduce(Sum)]
    tokens: u8,
    #[reduce(Max)]
    best: Option<i32>,
    #[reduce(Min)]
    least: u32,
    #[reduce(Merge)]
    counts: BTreeMap<String, u32>,
    #[reduce(Merge)]
    tags: BTreeSet<String>,
    #[reduce(Any)]
    stop: bool,
    #[reduce(All)]
    agreed: bool,
    #[reduce(Longest2)]
    words: Vec<String>,
    /// Gone after a superstep.
    #[state(ephemeral)]
    #[reduce(Append)]
    notes: Vec<(u8, Option<String>)>,
}

impl Default for Everything {
    fn default() -> Self {
        Self {
            topic: "none".into(),
            last: None,
            items: Vec::new(),
            queue: VecDeque::new(),
            text: String::new(),
            tokens: 0,
            best: None,
            least: u32::MAX,
            counts: BTreeMap::new(),
            tags: BTreeSet::new(),
            stop: false,
            agreed: true,
            words: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// Runs two nodes that write these updates in one superstep.
async fn both(a: EverythingUpdate, b: EverythingUpdate) -> Result<Everything, RunError> {
    let graph = StateGraph::<Everything>::new("both")
        .add_node("a", move |_: View<Everything>| {
            std::future::ready(a.clone())
        })
        .add_node("b", move |_: View<Everything>| {
            std::future::ready(b.clone())
        })
        .add_edge(START, ["b", "a"]);
    let run = sound(graph).invoke(Everything::update()).await?;
    Ok(run.state)
}

#[tokio::test]
async fn the_writes_of_a_superstep_are_reduced_in_task_order() {
    let a = Everything::update()
        .topic("space")
        .last(1)
        .items(1)
        .queue("x")
        .text("one ")
        .tokens(2)
        .best(-1)
        .least(9)
        .counts(("k", 1))
        .tags(["t", "u"])
        .stop(true)
        .agreed(true)
        .words("aaa");
    let b = Everything::update()
        .last(2)
        .items([2, 3])
        .queue(vec!["y".to_owned()])
        .text("two")
        .tokens(3)
        .best(-5)
        .least(8)
        .counts([("k", 5), ("l", 2)])
        .tags("v")
        .stop(false)
        .agreed(false)
        .words("bb")
        .words("cccc");
    let expected = Everything {
        topic: "space".into(),
        last: Some(2),
        items: vec![1, 2, 3],
        queue: ["x".to_owned(), "y".to_owned()].into(),
        text: "one two".into(),
        tokens: 5,
        best: Some(-1),
        least: 8,
        counts: [("k".to_owned(), 5), ("l".to_owned(), 2)].into(),
        tags: ["t", "u", "v"].map(String::from).into(),
        stop: true,
        agreed: false,
        words: vec!["cccc".into(), "aaa".into()],
        notes: Vec::new(),
    };
    assert_eq!(both(a, b).await.unwrap(), expected);
}

#[tokio::test]
async fn a_sum_that_overflows_ends_the_run_and_names_field_and_task() {
    let a = Everything::update().tokens(200);
    let error = both(a, Everything::update().tokens(56)).await.unwrap_err();
    expect!["the reducer of `tokens` panicked on the update of `b` in superstep 1: 200 + 56 does not fit in u8"]
        .assert_eq(&error.to_string());
    let RunError::Reducer { field, task, .. } = error else {
        panic!("a reducer panicked");
    };
    assert!(field == "tokens" && task == "b");
}

#[tokio::test]
async fn a_users_reducer_that_panics_is_blamed_on_its_own_field() {
    let a = Everything::update().tokens(1).words("").items(4);
    let error = both(a, Everything::update()).await.unwrap_err();
    expect!["the reducer of `words` panicked on the update of `a` in superstep 1: an empty word"]
        .assert_eq(&error.to_string());
}

#[tokio::test]
async fn an_overwrite_goes_past_the_reducer_and_later_writes_go_through_it() {
    let a = Everything::update()
        .items([1, 2])
        .overwrite_items([7])
        .items(8)
        .overwrite_tokens(3)
        .overwrite_words(["", "x", "y"]);
    let b = Everything::update().items(9).tokens(4);
    let state = both(a, b).await.unwrap();
    assert_eq!(state.items, [7, 8, 9]);
    assert_eq!(state.tokens, 7);
    assert_eq!(state.words, ["", "x", "y"]);
}

#[tokio::test]
async fn repeated_writes_in_one_update_add_up_in_order() {
    let a = Everything::update()
        .items(1)
        .items([2])
        .items(vec![3])
        .tokens(1)
        .tokens(2)
        .topic("first")
        .topic("second");
    let state = both(a, Everything::update()).await.unwrap();
    assert_eq!((state.items, state.tokens), (vec![1, 2, 3], 3));
    assert_eq!(state.topic, "second");
}

#[tokio::test]
async fn a_field_that_is_not_written_keeps_its_value_whatever_its_default() {
    let state = both(Everything::update(), Everything::update()).await;
    assert_eq!(state.unwrap(), Everything::default());
}

// Ephemeral fields.

#[derive(State, Clone, Debug, Serialize, Deserialize)]
struct Brief {
    #[state(ephemeral)]
    #[reduce(Append)]
    note: String,
    #[reduce(Append)]
    seen: Vec<String>,
}

impl Default for Brief {
    fn default() -> Self {
        Self {
            note: "-".into(),
            seen: Vec::new(),
        }
    }
}

async fn see(state: View<Brief>, ctx: Ctx) -> BriefUpdate {
    Brief::update().seen(format!("{}:{}", ctx.node(), state.note))
}

/// Runs `a`, `b`, `c`, `d` in a row, each of which says what it sees; those
/// named also write the ephemeral field.
async fn seen(writers: &'static [&'static str], input: BriefUpdate) -> (Vec<String>, String) {
    let say = move |state: View<Brief>, ctx: Ctx| async move {
        let update = see(state, ctx.clone()).await;
        if writers.contains(&ctx.node().as_str()) {
            update.note(ctx.node().as_str())
        } else {
            update
        }
    };
    let mut graph = StateGraph::<Brief>::new("brief").add_edge(START, "a");
    for name in ["a", "b", "c", "d"] {
        graph = graph.add_node(name, say);
    }
    for pair in ["a", "b", "c", "d"].windows(2) {
        graph = graph.add_edge(pair[0], pair[1]);
    }
    let state = sound(graph)
        .invoke(input)
        .await
        .expect("the run ends")
        .state;
    (state.seen, state.note)
}

#[tokio::test]
async fn an_ephemeral_field_is_cleared_by_the_next_superstep_that_does_not_write_it() {
    let (seen_by, end) = seen(&["a"], Brief::update()).await;
    assert_eq!(seen_by, ["a:-", "b:-a", "c:-", "d:-"]);
    assert_eq!(end, "-");
}

#[tokio::test]
async fn an_ephemeral_field_that_is_written_again_stays_and_is_reduced() {
    let (seen_by, end) = seen(&["a", "b"], Brief::update()).await;
    assert_eq!(seen_by, ["a:-", "b:-a", "c:-ab", "d:-"]);
    assert_eq!(end, "-");
}

#[tokio::test]
async fn an_ephemeral_field_of_the_last_superstep_is_in_the_final_state() {
    let (_, end) = seen(&["d"], Brief::update()).await;
    assert_eq!(end, "-d");
}

#[tokio::test]
async fn an_ephemeral_field_of_the_input_lives_for_the_first_superstep() {
    let (seen_by, end) = seen(&[], Brief::update().note("in")).await;
    assert_eq!(seen_by, ["a:-in", "b:-", "c:-", "d:-"]);
    assert_eq!(end, "-");
    let (seen_by, _) = seen(&["c"], Brief::update().overwrite_note("in")).await;
    assert_eq!(seen_by, ["a:in", "b:-", "c:-", "d:-c"]);
}

#[tokio::test]
async fn an_ephemeral_field_behaves_the_same_beside_siblings_and_for_routes() {
    let write = async |_: View<Brief>| Brief::update().note("x");
    let graph = StateGraph::<Brief>::new("siblings")
        .add_node("a", write)
        .add_node("b", see)
        .add_node("c", see)
        .add_node("d", see)
        .add_node("e", see)
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], ["c", "d"])
        .add_conditional_edges(
            "c",
            |state: &Brief| (state.note == "-x").then_some("e"),
            ["e"],
        );
    let state = sound(graph).invoke(Brief::update()).await.unwrap().state;
    assert_eq!(state.seen, ["b:-", "c:-x", "d:-x", "e:-"]);
}

// Updates as JSON.

#[test]
fn an_update_is_flat_json_of_what_it_writes_and_reads_back_the_same() {
    let mut update = Everything::update()
        .topic("space")
        .items(1)
        .tokens(1)
        .tokens(2)
        .queue(["a", "b"])
        .queue("c")
        .overwrite_best(None)
        .overwrite_tags(["t"])
        .notes((1, None));
    let json = serde_json::to_string(&update).unwrap();
    expect![[r#"{"topic":"space","items":[1],"each_queue":[["a","b"],["c"]],"each_tokens":[1,2],"overwrite_best":null,"overwrite_tags":["t"],"notes":[[1,null]]}"#]]
        .assert_eq(&json);
    let mut read: EverythingUpdate = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
    assert_eq!(format!("{read:?}"), json);
    let (mut one, mut other) = (Everything::default(), Everything::default());
    let mut at = 0;
    update.apply(&mut one, &mut at);
    read.apply(&mut other, &mut at);
    assert_eq!(one, other);
    assert_eq!(one.queue, ["a", "b", "c"]);
}

#[test]
fn an_update_says_which_fields_it_writes_and_how() {
    let update = Everything::update().tokens(1).tokens(2).overwrite_best(3);
    let mut writes = Vec::new();
    update.writes(&mut |field, kind| writes.push((Everything::schema().fields[field].name, kind)));
    assert_eq!(
        writes,
        [
            ("tokens", WriteKind::Reduce),
            ("best", WriteKind::Overwrite)
        ]
    );
}

#[test]
fn undo_gives_back_the_values_of_the_fields_that_are_written() {
    let before = Everything {
        tokens: 3,
        items: vec![1],
        ..Everything::default()
    };
    let mut update = Everything::update().tokens(4).items([2, 3]);
    let mut undo = update.undo(&before);
    let mut state = before.clone();
    let mut at = 0;
    update.apply(&mut state, &mut at);
    assert_eq!((state.tokens, state.items.len()), (7, 3));
    state.topic = "changed by somebody else".into();
    undo.apply(&mut state, &mut at);
    let topic = std::mem::replace(&mut state.topic, before.topic.clone());
    assert_eq!(state, before);
    assert_eq!(topic, "changed by somebody else");
}

/// The error of reading an update from JSON.
fn refused(json: &str) -> String {
    let read = serde_json::from_str::<EverythingUpdate>(json);
    read.expect_err("it is refused").to_string()
}

#[test]
fn unknown_double_and_ill_typed_keys_are_refused() {
    expect!["unknown field `itmes`, expected one of `topic`, `last`, `items`, `queue`, `text`, `tokens`, `best`, `least`, `counts`, `tags`, `stop`, `agreed`, `words`, `notes` at line 1 column 8"]
        .assert_eq(&refused(r#"{"itmes":[1]}"#));
    expect!["unknown field `overwrite_`, expected one of `topic`, `last`, `items`, `queue`, `text`, `tokens`, `best`, `least`, `counts`, `tags`, `stop`, `agreed`, `words`, `notes` at line 1 column 13"]
        .assert_eq(&refused(r#"{"overwrite_":1}"#));
    expect![
        "field `tokens` is written twice, the second time by `overwrite_tokens` at line 1 column 30"
    ]
    .assert_eq(&refused(r#"{"tokens":1,"overwrite_tokens":2}"#));
    expect!["field `tokens` is written twice, the second time by `tokens` at line 1 column 20"]
        .assert_eq(&refused(r#"{"tokens":1,"tokens":2}"#));
    assert!(refused(r#"{"tokens":256}"#).contains("256"));
    assert!(refused(r#"{"items":1}"#).contains("expected a sequence"));
    assert!(refused("[1]").contains("a map of the fields to write"));
}

#[test]
fn a_field_update_can_be_made_by_hand() {
    let mut update = FieldUpdate::<u32, Sum>::default();
    assert!(update.is_unset() && update.kind().is_none());
    update.push(1);
    update.push(2);
    let mut value = 10;
    update.clone().apply(&mut value);
    assert_eq!(value, 13);
    update.apply(&mut value);
    assert_eq!(value, 16);
    assert!(update.is_unset(), "an update is taken when it is applied");
}

// Schemas.

#[test]
fn the_schema_is_data_with_types_reducers_and_doc_comments() {
    expect![[r#"
        Everything
          topic: String (Replace)
          last: Option<u8> (Last)
          items: Vec<u32> (Append)
          queue: VecDeque<String> (Append)
          text: String (Append)
          tokens: u8 (Sum)
          best: Option<i32> (Max)
          least: u32 (Min)
          counts: BTreeMap<String, u32> (Merge)
          tags: BTreeSet<String> (Merge)
          stop: bool (Any)
          agreed: bool (All)
          words: Vec<String> (Longest2)
          notes: Vec<(u8, Option<String>)> (Append)"#]]
    .assert_eq(&Everything::schema().to_string());
    let field = |name| Everything::schema().field(name).expect("it is a field");
    assert_eq!(field("topic").doc, "What it is about.\n\nIn a few words.");
    assert_eq!(field("items").doc, "");
    assert!(field("topic").single_writer && !field("words").single_writer);
    assert!(field("notes").ephemeral && !field("items").ephemeral);
    assert!(Everything::schema().field("nothing").is_none());
    assert_eq!(Everything::schema().name, "Everything");
    let json = serde_json::to_value(field("notes")).unwrap();
    expect![[r#"{"doc":"Gone after a superstep.","ephemeral":true,"extends":true,"key":"notes","name":"notes","reducer":"Append","single_writer":false,"type_name":"Vec<(u8, Option<String>)>"}"#]].assert_eq(&json.to_string());
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Empty {}

#[tokio::test]
async fn a_state_without_fields_and_one_with_raw_names_work() {
    let graph = StateGraph::<Empty>::new("empty")
        .add_node("a", async |_: View<Empty>| Empty::update())
        .add_edge(START, "a");
    assert!(sound(graph).invoke(Empty::update()).await.is_ok());
    assert!(Empty::schema().fields.is_empty());

    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Raw {
        r#type: u8,
        #[reduce(Sum)]
        map: u8,
        #[reduce(Append)]
        serializer: Vec<u8>,
    }
    let update = Raw::update()
        .r#type(1)
        .map(2)
        .overwrite_type(3)
        .serializer(4);
    let json = serde_json::to_string(&update).unwrap();
    assert_eq!(json, r#"{"overwrite_type":3,"map":2,"serializer":[4]}"#);
    assert_eq!(Raw::schema().fields[0].name, "type");
}
