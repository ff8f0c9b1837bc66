//! Exploration finds what depends on order, and nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use expect_test::expect;
use serde::{Deserialize, Serialize};
use superstep::OnFailure;
use superstep::prelude::*;
use superstep::testing::explore;
use tokio::time::{Instant, sleep};

use crate::common::{Trace, TraceUpdate, mark, marks, sound};

const WORK: Worker<u32> = Worker::new("work");

/// A graph with everything in it: fan-out, sends, joins, a loop, a deferred
/// node, and bodies that wait and yield.
fn clean() -> StateGraph<Trace> {
    let wait = async |ctx: Ctx| {
        for _ in 0..ctx.node().len() {
            tokio::task::yield_now().await;
        }
        sleep(Duration::from_secs(ctx.superstep() % 3)).await;
        mark(ctx).await
    };
    StateGraph::<Trace>::new("clean")
        .add_worker(WORK, async |n: u32| Trace::update().sum(u64::from(n)))
        .add_node("a", wait)
        .add_node("bb", wait)
        .add_node("ccc", wait)
        .add_node("turn", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_node("late", node(mark).defer())
        .add_edge(START, ["a", "bb", "ccc", "late"])
        .add_edge(["a", "bb", "ccc", "work"], "turn")
        .add_conditional_edges("bb", |_: &Trace| [WORK.send(1), WORK.send(2)], [WORK])
        .add_conditional_edges(
            "turn",
            |state: &Trace| {
                if state.n < 2 {
                    vec!["a", "bb", "ccc"]
                } else {
                    vec![]
                }
            },
            ["a", "bb", "ccc", END],
        )
}

#[tokio::test(start_paused = true)]
async fn a_clean_graph_agrees_with_itself_and_with_an_ordinary_run() {
    let graph = sound(clean());
    let begin = Instant::now();
    let explored = explore(&graph, Trace::update()).orders(100).await.unwrap();
    assert_eq!(explored.orders, 100);
    let n_tasks: usize = explored
        .transcript
        .supersteps
        .iter()
        .map(|step| step.tasks.len())
        .sum();
    assert_eq!(explored.failures, n_tasks);
    assert!(begin.elapsed() >= Duration::from_secs(100), "orders ran");
    let told = graph.invoke(Trace::update()).transcript().await;
    assert_eq!(explored.transcript.to_string(), told.to_string());
}

/// Takes a number from a counter that all tasks share: the planted mistake.
async fn take(ctx: Ctx<AtomicUsize>) -> TraceUpdate {
    let number = ctx.fetch_add(1, Ordering::SeqCst);
    Trace::update().log(format!("{} took {number}", ctx.node()))
}

fn taking(on_failure: OnFailure) -> StateGraph<Trace, AtomicUsize> {
    StateGraph::<Trace, AtomicUsize>::new("taking")
        .add_node("a", take)
        .add_node("b", take)
        .add_edge(START, ["a", "b"])
        .on_failure(on_failure)
}

#[tokio::test]
async fn a_node_that_depends_on_who_is_first_is_found_and_shown() {
    let graph = sound(taking(OnFailure::Stop));
    let disagreement = explore(&graph, Trace::update())
        .context_with(AtomicUsize::default)
        .await
        .unwrap_err();
    expect![[r#"
        the completion orders of seeds 0 and 3 disagree, first in line 8 of their transcripts, under `superstep 1`
          0: writes {"log":["a took 0"]}
          3: writes {"log":["a took 1"]}"#]].assert_eq(&disagreement.to_string());
    assert_eq!(format!("{disagreement:?}"), disagreement.to_string());
    assert_eq!(disagreement.failure, None);
    assert_ne!(disagreement.first, disagreement.second);
    let (one, other) = &*disagreement.transcripts;
    let line = |transcript: &superstep::Transcript| {
        let text = transcript.to_string();
        let line = text.lines().nth(disagreement.line - 1);
        line.expect("the line is there").to_owned()
    };
    assert_eq!(line(one), disagreement.first);
    assert_eq!(line(other), disagreement.second);
}

#[tokio::test]
async fn one_order_disagrees_with_nobody() {
    let graph = sound(taking(OnFailure::Finish));
    let explored = explore(&graph, Trace::update())
        .orders(1)
        .context_with(AtomicUsize::default)
        .await;
    assert_eq!(explored.unwrap().orders, 1);
}

#[tokio::test]
async fn a_disagreement_can_be_had_again_from_its_seeds() {
    let graph = sound(taking(OnFailure::Stop));
    let found = || {
        explore(&graph, Trace::update())
            .seed(7)
            .context_with(AtomicUsize::default)
    };
    let first = found().await.unwrap_err();
    let again = found().await.unwrap_err();
    assert_eq!(first.to_string(), again.to_string());
    assert_eq!(first.seeds.0, 7);
}

#[tokio::test]
async fn which_of_two_failures_ends_a_run_depends_on_the_order_unless_both_may_end() {
    let two = |on_failure| {
        let fails = async |_: View<Trace>| Err::<(), _>(std::io::Error::other("no"));
        let graph = StateGraph::<Trace>::new("two")
            .add_node("a", fails)
            .add_node("b", fails)
            .add_edge(START, ["a", "b"])
            .on_failure(on_failure);
        sound(graph)
    };
    let found = explore(&two(OnFailure::Stop), Trace::update()).await;
    assert!(found.is_err(), "each of them is first in some order");
    let found = explore(&two(OnFailure::Finish), Trace::update()).await;
    let outcome = found.unwrap().transcript.to_string();
    assert!(outcome.contains("node `a` failed"), "{outcome}");
}

#[tokio::test]
async fn a_context_that_is_given_is_shared_by_all_runs() {
    let graph = sound(taking(OnFailure::Stop));
    let found = explore(&graph, Trace::update())
        .orders(2)
        .context(AtomicUsize::default())
        .await;
    assert!(found.is_err(), "the second run goes on counting");
}

/// A reducer that depends on the order of its writes, as `Last` does.
struct Chained;

impl superstep::Reducer<u32> for Chained {
    type Update = u32;

    fn reduce(value: &mut u32, update: u32) {
        *value = *value * 10 + update;
    }
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Digits {
    #[reduce(Chained)]
    digits: u32,
    #[reduce(Sum)]
    sum: u32,
}

fn digits() -> StateGraph<Digits> {
    StateGraph::<Digits>::new("digits")
        .add_node("a", async |_: View<Digits>| {
            Digits::update().digits(1).sum(1)
        })
        .add_node("b", async |_: View<Digits>| {
            Digits::update().digits(2).sum(2)
        })
        .add_node("c", async |_: View<Digits>| {
            Digits::update().digits(3).sum(3)
        })
        .add_edge(START, ["a", "b", "c"])
}

#[tokio::test]
async fn a_reducer_that_does_not_commute_is_no_matter_in_any_completion_order() {
    let graph = sound(digits());
    let explored = explore(&graph, Digits::update()).await.unwrap();
    assert!(explored.transcript.to_string().contains("digits: 123"));
}

#[tokio::test]
async fn a_reducer_that_does_not_commute_is_found_by_shuffled_merges() {
    let graph = sound(digits());
    let disagreement = explore(&graph, Digits::update())
        .shuffle_merges()
        .await
        .unwrap_err();
    expect![[r#"
        the completion orders of seeds 0 and 1 disagree, first in line 20 of their transcripts, under `state`
          0: digits: 321
          1: digits: 213"#]].assert_eq(&disagreement.to_string());
}

#[tokio::test]
async fn reducers_that_commute_agree_under_shuffled_merges() {
    let graph = StateGraph::<Digits>::new("commuting")
        .add_node("a", async |_: View<Digits>| Digits::update().sum(1))
        .add_node("b", async |_: View<Digits>| Digits::update().sum(2))
        .add_edge(START, ["a", "b"]);
    let explored = explore(&sound(graph), Digits::update()).shuffle_merges();
    assert!(explored.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_injected_at_each_task_up_to_the_bound() {
    let graph = sound(clean());
    for bound in [0, 3] {
        let explored = explore(&graph, Trace::update())
            .orders(2)
            .failures(bound)
            .await
            .unwrap();
        assert_eq!(explored.failures, bound);
    }
}

#[tokio::test]
async fn an_order_that_matters_only_when_a_task_fails_is_found_and_names_the_task() {
    // `b` always fails, after a while. When a failure is injected into `a`,
    // either can be the one that ends the run.
    let graph = marks(["a"])
        .add_node("b", async |_: View<Trace>| {
            tokio::task::yield_now().await;
            Err::<(), _>(crate::common::oops())
        })
        .add_edge(START, ["a", "b"]);
    let disagreement = explore(&sound(graph), Trace::update()).await.unwrap_err();
    expect![[r#"
        the completion orders of seeds 0 and 3 disagree when `a` of superstep 1 fails, first in line 11 of their transcripts, under `failed: node`
          0: node `a` failed in superstep 1, attempt 1
          3: node `b` failed in superstep 1, attempt 1"#]].assert_eq(&disagreement.to_string());
    assert_eq!(disagreement.failure.as_deref(), Some("`a` of superstep 1"));
}

#[tokio::test]
async fn two_failures_of_which_the_first_counts_are_a_disagreement_unless_all_may_finish() {
    let fail = async |ctx: Ctx| {
        tokio::task::yield_now().await;
        Err::<(), _>(superstep::NodeError::msg(ctx.node()))
    };
    for (on_failure, agree) in [(OnFailure::Stop, false), (OnFailure::Finish, true)] {
        let graph = marks(["c"])
            .add_node("a", fail)
            .add_node("b", fail)
            .add_edge(START, ["a", "b", "c"])
            .on_failure(on_failure);
        let explored = explore(&sound(graph), Trace::update()).await;
        assert_eq!(explored.is_ok(), agree, "{on_failure:?}");
    }
}
