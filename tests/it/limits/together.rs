//! Limits, caches and budgets beside the other policies of nodes, in subgraphs,
//! and as they are told of.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{
    Budget, BudgetExhausted, Graph, Limiter, MemoryCheckpointer, NodeError, Status, Usage, subgraph,
};
use tokio::time::{Instant, sleep};

use super::cache::{Shelf, by_n, doubling, stats};
use super::{Log, logged, send};
use crate::common::{Alive, Trace, TraceUpdate, chain, oops, ran, sound, within_a_day};
use crate::events::lines;

const SECOND: Duration = Duration::from_secs(1);
const WORK: Worker<u32> = Worker::new("work");

async fn a_second(_: u32, ctx: Ctx<Alive>) -> TraceUpdate {
    let _alive = ctx.enter();
    sleep(SECOND).await;
    Trace::update().sum(1_u64)
}

#[tokio::test(start_paused = true)]
async fn a_task_has_started_when_its_turn_has_come() {
    let body = async |_: u32| tokio::task::yield_now().await;
    let graph = StateGraph::<Trace>::new("line")
        .add_worker(WORK, node(body).max_concurrency(1))
        .add_conditional_edges(START, send(WORK, 2), [WORK]);
    let mut events = sound(graph).invoke(Trace::update()).stream();
    let mut lines = lines(&mut events).await;
    lines.retain(|line| line.contains("work/"));
    assert_eq!(
        lines,
        [
            "1 work/0 task_started",
            "1 work/0 task_finished",
            "1 work/1 task_started",
            "1 work/1 task_finished",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_budget_refuses_has_started_and_failed() {
    let body = async |_: View<Trace>| Trace::update().sum(1_u64);
    let graph = StateGraph::<Trace>::new("poor")
        .add_node("a", node(body).reserves(Usage::new().calls(2)))
        .add_edge(START, "a");
    let graph = sound(graph);
    let run = graph.invoke(Trace::update());
    let mut events = run.budget(Budget::new().calls(1)).stream();
    let lines = lines(&mut events).await;
    assert_eq!(lines[3..5], ["1 a task_started", "1 a task_failed"]);
}

/// Sends three to a worker that fails, and whose fallback takes a second.
fn failing(limiter: &Limiter, most: usize) -> Graph<Trace, Alive> {
    let policed = node(async |_: u32| Err::<(), _>(oops()))
        .on_error(a_second)
        .limiter(limiter)
        .max_concurrency(most);
    let graph = StateGraph::<Trace, Alive>::new("failing")
        .add_worker(WORK, policed)
        .add_conditional_edges(START, send(WORK, 3), [WORK]);
    sound(graph)
}

#[tokio::test(start_paused = true)]
async fn a_fallback_takes_slots_of_its_node_and_its_run_and_none_of_a_limiter() {
    for (of_node, of_run, at_once) in [(9, 9, 3), (2, 9, 2), (9, 1, 1)] {
        let (alive, limiter) = (Alive::default(), Limiter::new().max_concurrency(1));
        let graph = failing(&limiter, of_node);
        let run = graph.invoke(Trace::update()).context(alive.clone());
        let run = within_a_day(run.max_concurrency(of_run)).await.unwrap();
        assert_eq!((run.state.sum, alive.most()), (3, at_once));
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_when_the_budget_is_exhausted() {
    let tells = async |ctx: Ctx| {
        let failure = ctx.failure().expect("it is told of a failure");
        assert!(failure.as_error().is::<BudgetExhausted>());
        Trace::update().log(format!("after {}", failure.attempts()))
    };
    let graph = StateGraph::<Trace>::new("poor")
        .add_node(
            "a",
            node(async |_: View<Trace>| {})
                .reserves(Usage::new().calls(2))
                .retry(Retry::attempts(3))
                .on_error(tells),
        )
        .add_edge(START, "a");
    let budget = Budget::new().calls(1);
    let run = sound(graph).invoke(Trace::update()).budget(&budget).await;
    assert_eq!(run.unwrap().state.log, ["after 1"]);
    assert_eq!(budget.used(), Usage::new());
}

#[tokio::test(start_paused = true)]
async fn both_calls_of_an_attempt_take_one_slot_and_one_reservation() {
    let body = async |number: u32, ctx: Ctx<Alive>| {
        let alive = ctx.enter();
        // The second call of each is quick.
        let slow = ctx.ever() % 2 == 1;
        sleep(if slow { 60 * SECOND } else { SECOND }).await;
        drop(alive);
        Trace::update().sum(u64::from(number) + 1)
    };
    let limiter = Limiter::new().max_concurrency(1);
    let policed = node(body)
        .idempotent()
        .hedge(2 * SECOND)
        .timeout(4 * SECOND)
        .limiter(&limiter)
        .max_concurrency(1)
        .reserves(Usage::new().calls(1));
    let graph = StateGraph::<Trace, Alive>::new("hedged")
        .add_worker(WORK, policed)
        .add_conditional_edges(START, send(WORK, 3), [WORK])
        .max_concurrency(1);
    let (alive, budget, begin) = (Alive::default(), Budget::new().calls(3), Instant::now());
    let graph = sound(graph);
    let run = graph.invoke(Trace::update()).context(alive.clone());
    let run = within_a_day(run.budget(&budget)).await.unwrap();
    assert_eq!((run.state.sum, alive.ever(), alive.most()), (6, 6, 2));
    assert_eq!(budget.used(), Usage::new().calls(3));
    // None of the timeouts began in the line.
    assert_eq!(begin.elapsed(), 9 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_subgraph_has_the_budget_of_its_run() {
    let body = async |ctx: Ctx| {
        ctx.reserve(60)?.settle(60);
        NodeResult::Ok(Trace::update().sum(1_u64))
    };
    let inner = StateGraph::<Trace>::new("inner")
        .add_node("a", node(body).reserves(Usage::new().calls(1)))
        .add_edge(START, "a");
    let retry = Retry::attempts(3).delay(SECOND);
    let graph = StateGraph::<Trace>::new("outer")
        .add_node("in", node(sound(inner)).retry(retry))
        .add_edge(START, "in");
    let (graph, budget) = (sound(graph), Budget::new().tokens(100).calls(5));
    let run = || graph.invoke(Trace::update()).budget(&budget);
    assert_eq!(run().await.unwrap().state.sum, 1);
    assert_eq!(budget.used(), Usage::new().tokens(60).calls(1));
    let error = run().await.unwrap_err();
    let why = "60 tokens were asked of a budget that has 40 left";
    assert_eq!(chain(&error).last().unwrap(), why);
    // The graph around does not try it again either.
    assert_eq!(budget.used().calls, 2);
}

#[tokio::test(start_paused = true)]
async fn a_nodes_slots_are_for_one_run_of_its_subgraph() {
    let inner = StateGraph::<Trace, Alive>::new("inner")
        .add_worker(WORK, node(a_second).max_concurrency(2))
        .add_conditional_edges(START, send(WORK, 5), [WORK]);
    const IN: Worker<u32> = Worker::new("in");
    let update = |inner: &Trace| Trace::update().sum(inner.sum);
    let graph = StateGraph::<Trace, Alive>::new("outer")
        .add_worker(
            IN,
            subgraph(sound(inner), |_: &u32| Trace::update(), update),
        )
        .add_conditional_edges(START, send(IN, 3), [IN]);
    let (graph, alive) = (sound(graph), Alive::default());
    let run = graph.invoke(Trace::update()).context(alive.clone());
    let run = within_a_day(run).await.unwrap();
    assert_eq!((run.state.sum, alive.most()), (15, 6));
}

#[tokio::test(start_paused = true)]
async fn a_subgraph_is_cached_like_any_node() {
    let inner = sound(doubling(by_n()).cache(Shelf::default()));
    let graph = StateGraph::<Trace, Log>::new("outer")
        .add_node("in", node(inner).cache(by_n()))
        .add_node("after", async |_: View<Trace>| Trace::update().log("after"))
        .add_edge(START, "in")
        .add_edge("in", "after")
        .cache(Shelf::default());
    let (graph, log) = (sound(graph), Log::new());
    for _ in 0..2 {
        let run = graph.invoke(Trace::update().n(4)).context(log.clone());
        let run = run.max_concurrency(1).await.unwrap();
        assert_eq!(ran(&run), "in | after");
        assert_eq!(run.state.log, ["next", "after"]);
        assert_eq!(run.state.sum, 8);
    }
    assert_eq!((log.text().as_str(), stats(&graph)), ("0 4", [1, 1, 0]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_inside_counts_although_somebody_else_has_left_a_result() {
    let ask = async |ctx: Ctx<Mutex<bool>>| {
        let asks = *ctx.lock().expect("nobody panics here");
        let sum = if asks {
            ctx.interrupt("how many", ())?
        } else {
            7
        };
        NodeResult::Ok(Trace::update().sum(sum))
    };
    let inner = StateGraph::<Trace, Mutex<bool>>::new("inner")
        .add_node("ask", ask)
        .add_edge(START, "ask");
    let shelf = Shelf::default();
    let graph = StateGraph::<Trace, Mutex<bool>>::new("asking")
        .add_node("in", node(sound(inner)).cache(by_n()))
        .add_edge(START, "in")
        .checkpointer(MemoryCheckpointer::new())
        .cache(shelf.clone());
    let (graph, asks) = (sound(graph), |asks| Arc::new(Mutex::new(asks)));
    let run = graph.invoke(Trace::update()).context(asks(true));
    let run = run.thread("a").await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    assert!(shelf.kept().is_empty());
    let run = graph.invoke(Trace::update()).context(asks(false));
    assert_eq!(run.thread("b").await.unwrap().state.sum, 7);
    let kept = shelf.kept();
    let run = graph.resume(3).context(asks(true)).thread("a");
    assert_eq!(run.await.unwrap().state.sum, 3);
    assert_eq!((kept.len(), &shelf.kept()), (1, &kept));
}

#[tokio::test(start_paused = true)]
async fn what_a_fallback_comes_to_is_not_kept() {
    let body = async |ctx: Ctx<Log>| {
        ctx.note("body");
        Err::<(), _>(oops())
    };
    let shelf = Shelf::default();
    let sorry = async |_: View<Trace>| Trace::update().log("sorry");
    let graph = StateGraph::<Trace, Log>::new("failing")
        // The order of the calls means nothing.
        .add_node("a", node(body).cache(by_n()).on_error(sorry))
        .add_node("b", node(body).on_error(sorry).cache(by_n()))
        .add_edge(START, ["a", "b"])
        .cache(shelf.clone());
    let graph = sound(graph);
    for _ in 0..2 {
        assert_eq!(logged(&graph).await.text(), "0 body, 0 body");
    }
    assert!(shelf.kept().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_leaves_a_subgraph_is_kept_by_the_node_around_it_alone() {
    let leave = async |_: View<Trace>| Command::<Trace>::parent().goto("there");
    let (inside, outside) = (Shelf::default(), Shelf::default());
    let inner = StateGraph::<Trace>::new("inner")
        .add_node("leave", node(leave).cache(by_n()))
        .add_edge(START, "leave")
        .cache(inside.clone());
    let graph = StateGraph::<Trace>::new("outer")
        .add_node("in", node(sound(inner)).cache(by_n()))
        .add_node("there", async |_: View<Trace>| {})
        .add_edge(START, "in")
        .cache(outside.clone());
    let graph = sound(graph);
    for _ in 0..2 {
        let run = graph.invoke(Trace::update()).await.unwrap();
        assert_eq!(ran(&run), "in | there");
    }
    assert_eq!((inside.kept().len(), outside.kept().len()), (0, 1));
    assert_eq!(stats(&graph), [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_made_has_started_and_failed() {
    let policy = superstep::CachePolicy::new(|state: &Trace| {
        assert!(state.n > 0, "there is nothing");
    });
    let graph = sound(doubling(policy).cache(Shelf::default()));
    let run = graph.invoke(Trace::update()).context(Log::new());
    let lines = lines(&mut run.stream()).await;
    assert_eq!(
        lines[3..5],
        ["1 double task_started", "1 double task_failed"]
    );
}

#[test]
fn what_would_fail_again_is_permanent() {
    let exhausted = Budget::new().calls(1).reserve(Usage::new().calls(2));
    let error = NodeError::from(exhausted.unwrap_err());
    assert!(error.is_permanent());
    assert!(!NodeError::retry_after("busy", SECOND).is_permanent());
    assert!(NodeError::retry_after(error, SECOND).is_permanent());
}
#[tokio::test(start_paused = true)]
async fn who_waits_to_tell_of_its_end_holds_up_nobody_else() {
    let body = async |ctx: Ctx| {
        sleep(Duration::from_secs(1)).await;
        // No room is left for its end.
        drop(ctx.emit(1));
        Trace::update().sum(7_u64)
    };
    let graph = StateGraph::<Trace>::new("told")
        .add_node("a", node(body).cache(by_n()))
        // Lets the run spawn them.
        .add_node("b", async |_: View<Trace>| {
            sleep(Duration::from_secs(9)).await;
        })
        .add_edge(START, ["a", "b"])
        .cache(Shelf::default());
    let graph = sound(graph);
    let mut unread = graph.invoke(Trace::update()).stream().buffer(1);
    let mut n_started = 0;
    while n_started < 2 {
        let event = unread.next().await.expect("both start");
        n_started += u32::from(event.kind.name() == "task_started");
    }
    // From here on nobody reads it, and the other run takes what it came to.
    let run = within_a_day(graph.invoke(Trace::update())).await.unwrap();
    assert_eq!((run.state.sum, graph.cache_stats().hits), (7, 1));
    drop(unread);
}
