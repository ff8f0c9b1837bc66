//! What eager runs keep: no copy of what nobody touches, and no update for longer
//! than somebody may come to see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use superstep::prelude::*;

use super::model::draw;
use crate::common::{cases, on_one_thread, sound, within_a_day};

/// How many copies there are, and how many there were at most.
#[derive(Debug, Default)]
struct Counts {
    now: AtomicUsize,
    most: AtomicUsize,
    ever: AtomicUsize,
}

/// Something large: each copy is counted.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Page {
    #[serde(skip)]
    counts: Option<Arc<Counts>>,
}

impl Page {
    fn new(counts: &Arc<Counts>) -> Self {
        let now = counts.now.fetch_add(1, Ordering::SeqCst) + 1;
        counts.most.fetch_max(now, Ordering::SeqCst);
        counts.ever.fetch_add(1, Ordering::SeqCst);
        Self {
            counts: Some(Arc::clone(counts)),
        }
    }
}

impl Clone for Page {
    fn clone(&self) -> Self {
        self.counts.as_ref().map(Self::new).unwrap_or_default()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(counts) = &self.counts {
            counts.now.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Book {
    #[reduce(Last)]
    page: Page,
    #[reduce(Max)]
    x: u64,
    #[reduce(Max)]
    y: u64,
    #[reduce(Sum)]
    n: u64,
}

const TIMES: u64 = 300;

/// The most pages at once in a run that begins with one, or without.
async fn most_pages(
    graph: StateGraph<Book>,
    counts: &Arc<Counts>,
    input: BookUpdate,
) -> (Book, usize) {
    let graph = sound(graph.recursion_limit(10 * TIMES).eager());
    let run = within_a_day(graph.invoke(input))
        .await
        .expect("the run ends well");
    (run.state, counts.most.load(Ordering::SeqCst))
}

async fn step_x(book: View<Book>) -> BookUpdate {
    Book::update().x(book.x + 1).n(1_u64)
}

async fn waits() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

fn again_x(book: &Book) -> &'static str {
    if book.x < TIMES { "x" } else { END }
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_comes_to_a_waiting_join_copies_no_state_each_time() {
    let counts = Arc::default();
    let graph = StateGraph::<Book>::new("test")
        .add_node("x", step_x)
        .add_node("slow", |_: View<Book>| waits())
        .add_node("end", async |book: View<Book>| Book::update().y(book.x))
        .add_edge(START, ["x", "slow"])
        .add_conditional_edges("x", again_x, ["x", END])
        .add_edge(["x", "slow"], "end");
    let input = Book::update().page(Page::new(&counts));
    let (book, most) = most_pages(graph, &counts, input).await;
    // `end` saw what had come at the depth of `slow`, the first.
    assert_eq!((book.x, book.y), (TIMES, 1));
    assert!(most <= 8, "{most} copies of the state at once");
}

#[tokio::test(start_paused = true)]
async fn loops_that_meet_at_each_depth_merge_what_is_new() {
    // How many merges there are: each update is `Last`, and counts its copies.
    let counts: Arc<Counts> = Arc::default();
    let steps = |name: &'static str| {
        let counts = Arc::clone(&counts);
        move |book: View<Book>| {
            let update = Book::update().page(Page::new(&counts)).n(1_u64);
            let update = match name {
                "x" => update.x(book.x + 1),
                _ => update.y(book.y + 1),
            };
            async move { update }
        }
    };
    let graph = StateGraph::<Book>::new("test")
        .add_node("x", steps("x"))
        .add_node("y", steps("y"))
        .add_node("z", async |_: View<Book>| Book::update().n(1_u64))
        .add_edge(START, ["x", "y"])
        .add_conditional_edges("x", |book: &Book| further(book.x, "x"), ["x", "z"])
        .add_conditional_edges("y", |book: &Book| further(book.y, "y"), ["y", "z"]);
    let (book, _) = most_pages(graph, &counts, Book::update()).await;
    assert_eq!((book.x, book.y), (TIMES, TIMES));
    // Those of `x` and `y` at each depth, and at the last none of `z`.
    assert_eq!(book.n, 3 * TIMES - 1);
    let ever = counts.ever.load(Ordering::SeqCst);
    assert!(ever < 40 * 2 * TIMES as usize, "{ever} copies of updates");
}

/// The same node again, and `z`.
fn further(times: u64, name: &'static str) -> Vec<&'static str> {
    if times < TIMES {
        vec![name, "z"]
    } else {
        vec![]
    }
}

/// `x`, which writes a page each time, and `y`.
fn writes_and_counts(counts: &Arc<Counts>) -> StateGraph<Book> {
    let counts = Arc::clone(counts);
    StateGraph::<Book>::new("test")
        .add_node("x", move |book: View<Book>| {
            let update = Book::update().x(book.x + 1).page(Page::new(&counts));
            async move { update }
        })
        .add_node("y", async |book: View<Book>| Book::update().y(book.y + 1))
        .add_edge(START, ["x", "y"])
}

fn again_y(book: &Book) -> &'static str {
    if book.y < TIMES { "y" } else { END }
}

#[tokio::test(start_paused = true)]
async fn loops_that_never_meet_keep_no_updates() {
    let counts = Arc::default();
    let graph = writes_and_counts(&counts)
        .add_conditional_edges("x", again_x, ["x", END])
        .add_conditional_edges("y", again_y, ["y", END]);
    let (book, most) = most_pages(graph, &counts, Book::update()).await;
    assert_eq!((book.x, book.y), (TIMES, TIMES));
    assert!(most <= 150, "{most} pages at once");
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_comes_to_a_join_that_never_fires_keeps_only_the_last_time() {
    let counts = Arc::default();
    let graph = writes_and_counts(&counts)
        .add_node("never", |_: View<Book>| waits())
        .add_node("end", |_: View<Book>| waits())
        .add_conditional_edges("x", again_x, ["x", "never", END])
        .add_conditional_edges("y", again_y, ["y", END])
        .add_edge(["x", "never"], "end");
    let (book, most) = most_pages(graph, &counts, Book::update()).await;
    assert_eq!((book.x, book.y), (TIMES, TIMES));
    assert!(most <= 150, "{most} pages at once");
}

#[tokio::test(start_paused = true)]
async fn what_may_still_be_seen_is_kept() {
    // `x` and `y` meet at the end only, beside `aside`, which neither sees.
    let counts = Arc::default();
    let graph = writes_and_counts(&counts)
        .add_node("aside", async |book: View<Book>| {
            Book::update().n(u64::from(book.x > 0) + 1)
        })
        .add_node("end", async |book: View<Book>| {
            assert!(book.page.counts.is_some());
            Book::update().n(1000 * book.x + 1_000_000 * book.y + book.n)
        })
        .add_edge(START, "aside")
        .add_conditional_edges("x", |book: &Book| to(again_x(book)), ["x", "end"])
        .add_conditional_edges("y", |book: &Book| to(again_y(book)), ["y", "end"]);
    let (book, _) = most_pages(graph, &counts, Book::update()).await;
    assert_eq!(book.n, 1 + 1000 * TIMES + 1_000_000 * TIMES);
}

fn to(next: &'static str) -> &'static str {
    if next == END { "end" } else { next }
}

/// How often branches part and meet again.
const ROUNDS: u64 = 60;

/// Branches so long part at `fork` and meet at `join`, again and again; a loop goes
/// on beside them. All write a page, at a pace that is drawn.
fn rounds(branches: &[usize], pace: u64, counts: &Arc<Counts>) -> StateGraph<Book> {
    let names = |branch: usize| move |at: usize| format!("b{branch}_{at}");
    let writes = |name: &str| {
        let (name, counts) = (name.to_owned(), Arc::clone(counts));
        move |book: View<Book>, ctx: Ctx| {
            let update = Book::update().page(Page::new(&counts)).n(1_u64);
            let update = match &*name {
                "fork" => update.x(book.x + 1),
                "side" => update.y(book.y + 1),
                _ => update,
            };
            let ms = draw(pace, &name, &ctx.superstep().to_string()) as u64 % 40;
            async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                update
            }
        }
    };
    let mut graph = ["fork", "join", "side"]
        .into_iter()
        .fold(StateGraph::<Book>::new("test"), |graph, name| {
            graph.add_node(name, writes(name))
        });
    for (branch, &length) in branches.iter().enumerate() {
        let names: Vec<String> = (0..length).map(names(branch)).collect();
        for name in &names {
            graph = graph.add_node(name, writes(name));
        }
        graph = graph.add_edge("fork", &names[0]);
        for pair in names.windows(2) {
            graph = graph.add_edge(&pair[0], &pair[1]);
        }
    }
    let ends = branches.iter().enumerate();
    let ends = ends.map(|(branch, &length)| names(branch)(length - 1));
    let again = |name: &'static str, times: fn(&Book) -> u64| {
        move |book: &Book| if times(book) < ROUNDS { name } else { END }
    };
    graph
        .add_edge(START, ["fork", "side"])
        .add_edge(ends.collect::<Vec<_>>(), "join")
        .add_conditional_edges("join", again("fork", |book| book.x), ["fork", END])
        .add_conditional_edges("side", again("side", |book| book.y), ["side", END])
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn what_is_kept_does_not_grow_with_the_rounds_of_branches_that_meet(
        branches in vec(1_usize..5, 2..5),
        pace: u64,
    ) {
        let counts = Arc::default();
        let graph = rounds(&branches, pace, &counts);
        let (book, most) = on_one_thread(most_pages(graph, &counts, Book::update()));
        let of_a_round: usize = 2 + branches.iter().sum::<usize>();
        prop_assert_eq!(book.n, ROUNDS * (of_a_round as u64 + 1));
        prop_assert!(most < 64 + 8 * of_a_round, "{most} pages at once, {of_a_round} a round");
    }
}
