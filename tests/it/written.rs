//! What the face takes: values of fields, targets, names, errors.

#![expect(
    clippy::disallowed_types,
    reason = "users' own fields may be hash maps"
)]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Data, IntoTargets, NodeError, Reducer, RunError};

use crate::common::sound;

/// The last few that were written.
struct Capped<const MOST: usize>;

impl<T: Data, const MOST: usize> Reducer<Vec<T>> for Capped<MOST> {
    type Update = T;

    fn reduce(value: &mut Vec<T>, update: T) {
        value.push(update);
        let surplus = value.len().saturating_sub(MOST);
        value.drain(..surplus);
    }
}

/// As another reducer does.
struct Of<R>(R);

impl<T, R: Reducer<T>> Reducer<T> for Of<R> {
    type Update = R::Update;

    fn reduce(value: &mut T, update: Self::Update) {
        R::reduce(value, update);
    }
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Book {
    #[reduce(Append)]
    lines: Vec<String>,
    marks: Vec<String>,
    #[reduce(Capped<2>)]
    newest: Vec<u32>,
    #[reduce(Of<Sum>)]
    pages: u32,
    #[reduce(Merge)]
    labels: BTreeMap<String, String>,
    #[reduce(Merge)]
    notes: HashMap<String, String>,
    #[reduce(Merge)]
    tags: BTreeSet<String>,
}

async fn written(input: BookUpdate) -> Book {
    let graph = StateGraph::<Book>::new("book")
        .add_node("read", async |_: View<Book>| {})
        .add_edge(START, "read");
    let run = sound(graph).invoke(input).await;
    run.expect("it ends").state
}

#[tokio::test]
async fn a_reducer_with_arguments_is_named_as_a_type_is() {
    let book = written(
        Book::update()
            .newest(1)
            .newest(2)
            .newest(3)
            .pages(2)
            .pages(3),
    )
    .await;
    assert_eq!((book.newest, book.pages), (vec![2, 3], 5));
}

#[tokio::test]
async fn a_list_is_cleared_by_writing_an_empty_one() {
    let more = vec!["c".to_owned()];
    let book = Book::update().lines("a").marks(["b"]);
    let book = book
        .overwrite_lines(vec![])
        .lines(&more)
        .lines(Cow::Borrowed("d"))
        .marks(Vec::new());
    let book = written(book).await;
    assert_eq!(book.lines, [&*more[0], "d"]);
    assert!(book.marks.is_empty());
}

#[tokio::test]
async fn maps_and_sets_of_text_take_text() {
    let old = "old".to_owned();
    let book = Book::update()
        .labels(("lang", "en"))
        .labels([("kind", "novel"), ("size", "small")])
        .labels(vec![("place".to_owned(), "Rome".to_owned())])
        .notes(("a", "b"))
        .notes([("c", "d")])
        .tags(&old);
    let book = written(book).await;
    let labels: Vec<_> = book.labels.values().collect();
    assert_eq!(labels, ["novel", "en", "Rome", "small"]);
    assert_eq!((&*book.notes["a"], &*book.notes["c"]), ("b", "d"));
    assert!(book.tags.contains(&old));
}

const WORK: Worker<u32> = Worker::new("work");
const NODES: &[&str; 2] = &["a", "b"];

/// What runs first where a route goes there.
async fn first<T: IntoTargets + 'static>(
    route: impl Fn(&Book) -> T + Send + Sync + 'static,
) -> Vec<String> {
    let graph = StateGraph::<Book>::new("book")
        .add_node("a", async |_: View<Book>| {})
        .add_node("b", async |_: View<Book>| {})
        .add_worker(WORK, async |n: u32| Book::update().pages(n))
        .add_node("end", async |_: View<Book>| {})
        .add_conditional_edges(START, route, ("a", "b", WORK))
        .add_edge(NODES, "end");
    let run = sound(graph).invoke(Book::update()).await;
    let run = run.expect("it ends");
    run.ran()[0].iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn targets_and_names_may_be_borrowed_and_of_several_kinds() {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| NODES.map(String::from).to_vec());
    assert_eq!(first(|_| NODES).await, NODES);
    assert_eq!(first(|_| &*NAMES).await, NODES);
    assert_eq!(first(|_| &NODES[..1]).await, ["a"]);
    let several = first(|_| ("b", WORK.send(1), vec![WORK.send(2)])).await;
    assert_eq!(several, ["b", "work", "work"]);
}

#[test]
fn errors_of_nodes_are_boxed_by_a_question_mark() {
    fn main() -> Result<(), Box<dyn Error>> {
        let failed: NodeResult<()> = Err(NodeError::permanent("no paper"));
        Ok(failed?)
    }
    assert_eq!(main().unwrap_err().to_string(), "no paper");
}

#[tokio::test]
async fn what_errors_name_compares_with_text_and_can_be_walked() {
    let graph = StateGraph::<Book>::new("book")
        .add_node("a", async |_: View<Book>| Book::update().marks(["a"]))
        .add_node("b", async |_: View<Book>| Book::update().marks(["b"]))
        .add_edge(START, NODES);
    let error = sound(graph).invoke(Book::update()).await.unwrap_err();
    let RunError::Conflict { first, second, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((first == "a", second == "b"), (true, true));

    let wrong = StateGraph::<Book>::new("book")
        .add_edge(START, "a")
        .compile();
    let wrong = wrong.expect_err("there is no such node");
    let mut codes = Vec::new();
    for mistake in &wrong {
        codes.push(mistake.code());
    }
    assert_eq!(codes, ["unknown-node"]);
}
