//! No silent success: where a wrong graph, or a wrong engine, could return
//! `Ok` and something else than was asked for. Each test guards one way.

mod ways;

use std::sync::Barrier;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{CompileError, RunError};

use crate::common::{Alive, Trace, TraceUpdate, error_of, mark, marks, oops, sound};

const WORK: Worker<u32> = Worker::new("work");

/// The codes of what compiling finds.
fn codes(result: Result<superstep::Graph<Trace>, CompileError>) -> Vec<&'static str> {
    let error = result.expect_err("the graph is wrong");
    error
        .diagnostics()
        .iter()
        .map(|found| found.code())
        .collect()
}

// State and writes.

#[tokio::test]
async fn conflicting_writes_do_not_vanish() {
    let write = async |_: View<Trace>| Trace::update().n(1);
    let graph = StateGraph::<Trace>::new("conflict")
        .add_node("a", write)
        .add_node("b", write)
        .add_edge(START, ["a", "b"]);
    assert!(matches!(error_of(graph).await, RunError::Conflict { .. }));
}

#[tokio::test]
async fn a_hundred_appends_in_one_superstep_are_a_hundred_items() {
    let names: Vec<String> = (0..100).map(|i| format!("n{i:02}")).collect();
    let graph = names
        .iter()
        .fold(marks([]), |graph, name| graph.add_node(name, mark))
        .add_edge(START, &names);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, names);
}

#[test]
fn a_value_of_another_type_is_not_written() {
    let read = serde_json::from_str::<TraceUpdate>(r#"{"n":"one"}"#);
    assert!(read.is_err());
}

#[test]
fn an_unknown_field_is_not_swallowed() {
    let read = serde_json::from_str::<TraceUpdate>(r#"{"m":1}"#);
    assert!(read.unwrap_err().to_string().contains("unknown field `m`"));
}

#[test]
fn an_unknown_field_among_declared_writes_is_found() {
    let graph = StateGraph::<Trace>::new("typo")
        .add_node("a", node(mark).writes(["lug"]))
        .add_edge(START, "a");
    assert_eq!(codes(graph.compile()), ["unknown-field"]);
}

#[tokio::test]
async fn a_sum_of_integers_stays_one() {
    let graph = marks([])
        .add_node("a", async |_: View<Trace>| {
            Trace::update().sum((1 << 53) + 1)
        })
        .add_edge(START, "a");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(
        run.state.sum, 9_007_199_254_740_993,
        "a float cannot hold it"
    );
}

#[tokio::test]
async fn nodes_that_write_nothing_take_nothing_away() {
    let graph = marks(["b"])
        .add_node("a", async |_: View<Trace>| {})
        .add_edge(START, ["a", "b"]);
    let run = sound(graph).invoke(Trace::update().n(5).sum(2)).await;
    let state = run.unwrap().state;
    assert_eq!((state.n, state.sum), (5, 2));
}

// Limits.

#[tokio::test]
async fn a_limit_never_ends_in_ok() {
    let graph =
        marks(["a"])
            .add_edge(START, "a")
            .add_conditional_edges("a", |_: &Trace| "a", ["a", END]);
    assert!(matches!(
        error_of(graph).await,
        RunError::RecursionLimit { limit: 1000, .. }
    ));
}

#[tokio::test]
async fn the_limits_of_the_builder_and_of_the_run_are_both_read() {
    let graph = marks(["a"])
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| "a", ["a", END])
        .recursion_limit(7);
    let graph = sound(graph);
    for (of_the_run, limit) in [(None, 7), (Some(3), 3), (Some(20), 20)] {
        let mut run = graph.invoke(Trace::update());
        if let Some(n) = of_the_run {
            run = run.recursion_limit(n);
        }
        let error = run.await.unwrap_err();
        let RunError::RecursionLimit { limit: read, .. } = error else {
            panic!("the limit was reached: {error}");
        };
        assert_eq!(read, limit);
    }
}

#[tokio::test(start_paused = true)]
async fn the_bound_on_concurrency_of_the_builder_and_of_the_run_are_both_read() {
    let graph = StateGraph::<Trace, Alive>::new("bounded")
        .add_worker(WORK, async |_: u32, ctx: Ctx<Alive>| {
            let _guard = ctx.enter();
            tokio::task::yield_now().await;
        })
        .add_conditional_edges(START, |_: &Trace| vec![WORK.send(1); 20], [WORK])
        .max_concurrency(4);
    let graph = sound(graph);
    for (of_the_run, most) in [(None, 4), (Some(2), 2), (Some(9), 9)] {
        let alive = Alive::default();
        let mut run = graph.invoke(Trace::update()).context(alive.clone());
        if let Some(n) = of_the_run {
            run = run.max_concurrency(n);
        }
        run.await.unwrap();
        assert_eq!(alive.most(), most);
    }
}

// Parallel, in more than name.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_await_are_at_work_at_the_same_time() {
    // Each pair meets at the barrier: one after another, nobody would pass.
    let meet = async |ctx: Ctx<Barrier>| {
        ctx.wait();
    };
    let mut graph = StateGraph::<Trace, Barrier>::new("rendezvous");
    for i in 0..8 {
        let name = format!("n{i}");
        graph = graph.add_node(&name, meet).add_edge(START, name);
    }
    let run = sound(graph)
        .invoke(Trace::update())
        .context(Barrier::new(2));
    assert_eq!(run.await.unwrap().supersteps(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_that_never_await_are_at_work_at_the_same_time() {
    let graph = StateGraph::<Trace, Barrier>::new("rendezvous")
        .add_worker(WORK, async |_: u32, ctx: Ctx<Barrier>| {
            ctx.wait();
        })
        .add_conditional_edges(START, |_: &Trace| vec![WORK.send(0); 8], [WORK]);
    let run = sound(graph)
        .invoke(Trace::update())
        .context(Barrier::new(2));
    assert!(run.await.is_ok());
}

#[tokio::test]
async fn bodies_that_wait_for_each_other_meet_even_on_one_thread() {
    let meet = async |ctx: Ctx<tokio::sync::Barrier>| {
        ctx.wait().await;
    };
    let mut graph = StateGraph::<Trace, tokio::sync::Barrier>::new("rendezvous");
    for i in 0..50 {
        let name = format!("n{i}");
        graph = graph.add_node(&name, meet).add_edge(START, name);
    }
    let barrier = tokio::sync::Barrier::new(50);
    assert!(
        sound(graph)
            .invoke(Trace::update())
            .context(barrier)
            .await
            .is_ok()
    );
}

// One order, one engine.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_comes_from_a_hash_map() {
    let names = ["web", "papers", "code", "mail", "wiki", "news", "maps"];
    let mut sorted = names;
    sorted.sort_unstable();
    for _ in 0..30 {
        let graph = marks(names).add_edge(START, names);
        let run = sound(graph).invoke(Trace::update()).await.unwrap();
        assert_eq!(run.state.log, sorted);
        assert_eq!(run.ran()[0], sorted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_are_merged_as_they_were_emitted_not_as_they_end() {
    let graph = marks([])
        .add_worker(WORK, async |n: u32| {
            for _ in 0..(97 * n) % 13 {
                tokio::task::yield_now().await;
            }
            Trace::update().log(format!("{n:04}"))
        })
        .add_conditional_edges(
            START,
            |_: &Trace| (0..2000).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        );
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log.len(), 2000);
    assert!(run.state.log.is_sorted());
}

#[tokio::test]
async fn a_watched_run_is_the_run_that_is_not_watched() {
    // Siblings do not see each other's writes, and nothing runs twice.
    let tell = async |state: View<Trace>, ctx: Ctx<Alive>| {
        drop(ctx.enter());
        Trace::update().log(format!("{} saw {}", ctx.node(), state.log.len()))
    };
    let graph = StateGraph::<Trace, Alive>::new("watched")
        .add_node("a", tell)
        .add_node("b", tell)
        .add_node("z", tell)
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "z");
    let graph = sound(graph);
    let (alive, watched) = (Alive::default(), Alive::default());
    let run = graph.invoke(Trace::update()).context(alive.clone());
    let run = run.await.unwrap();
    let told = graph.invoke(Trace::update()).context(watched.clone());
    let told = told.transcript().await;
    let superstep::TranscriptOutcome::Done { state, .. } = told.outcome else {
        panic!("it ends well");
    };
    assert_eq!(serde_json::from_value::<Trace>(state).unwrap(), run.state);
    assert_eq!(run.state.log, ["a saw 0", "b saw 0", "z saw 2"]);
    assert_eq!((alive.ever(), watched.ever()), (3, 3));
}

#[tokio::test]
async fn a_watched_run_fails_where_the_run_that_is_not_watched_does() {
    let graph = marks(["a"])
        .add_node("b", async |_: View<Trace>| Err::<(), _>(oops()))
        .add_edge(START, ["a", "b"]);
    let graph = sound(graph);
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    let told = graph.invoke(Trace::update()).transcript().await;
    let superstep::TranscriptOutcome::Failed { code, error: chain } = told.outcome else {
        panic!("it fails");
    };
    assert_eq!(
        (code.as_str(), chain[0].as_str()),
        (error.code(), error.to_string().as_str())
    );
}

// Policies that are there are kept.

#[tokio::test(start_paused = true)]
async fn retry_and_timeout_are_not_only_stored() {
    let body = async |ctx: Ctx<Alive>| {
        drop(ctx.enter());
        std::future::pending::<()>().await;
    };
    let second = std::time::Duration::from_secs(1);
    let graph = StateGraph::<Trace, Alive>::new("kept")
        .add_node("a", node(body).timeout(second).retry(Retry::attempts(3)))
        .add_edge(START, "a");
    let alive = Alive::default();
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    assert!(run.await.is_err());
    assert_eq!(alive.ever(), 3);
}

#[tokio::test]
async fn a_panic_of_a_spawned_task_is_not_swallowed() {
    let graph = marks(["a", "c"])
        .add_node("b", async |_: View<Trace>| {
            tokio::task::yield_now().await;
            assert!(std::hint::black_box(false), "on purpose");
        })
        .add_edge(START, ["a", "b", "c"]);
    assert_eq!(error_of(graph).await.code(), "node");
}

// A context that a node takes cannot be left out: that does not compile. What
// the compiler cannot see is a state whose data does not survive JSON.

#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Wide {
    #[reduce(Sum)]
    big: u64,
    #[reduce(Max)]
    small: i64,
}

#[test]
fn numbers_survive_json_whole() {
    let update = Wide::update().big(u64::MAX).small(i64::MIN);
    let json = serde_json::to_string(&update).unwrap();
    let read: WideUpdate = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
    assert!(json.contains("18446744073709551615") && json.contains("-9223372036854775808"));
}
