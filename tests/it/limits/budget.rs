//! What runs may use in all.

use std::sync::Arc;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{
    Budget, BudgetExhausted, CachePolicy, Cost, Left, Limiter, MemoryCheckpointer, NodeError,
    OnFailure, RunError, Usage,
};
use tokio::time::sleep;

use super::cache::Shelf;
use super::{Log, logged, send};
use crate::common::{Trace, TraceUpdate, chain, oops, sound, within_a_day};

const WORK: Worker<u32> = Worker::new("work");

fn left(budget: &Budget) -> [Option<u64>; 3] {
    let Left {
        tokens,
        calls,
        cost,
        ..
    } = budget.left();
    [tokens, calls, cost.map(Cost::as_micros)]
}

/// Reserves a hundred tokens, and uses as many as it was sent.
async fn hundred(used: u32, ctx: Ctx) -> NodeResult<TraceUpdate> {
    let reserved = ctx.reserve(100)?;
    tokio::task::yield_now().await;
    reserved.settle(u64::from(used));
    Ok(Trace::update().sum(u64::from(used)))
}

fn hundreds(used: &'static [u32]) -> StateGraph<Trace> {
    StateGraph::<Trace>::new("hundreds")
        .add_worker(WORK, hundred)
        .add_conditional_edges(
            START,
            |_: &Trace| used.iter().map(|&n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        )
        .on_failure(OnFailure::Finish)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_three_that_want_all_that_is_left_one_gets_it() {
    let body = async |_: u32, ctx: Ctx<Log>| {
        let reserved = ctx.reserve(100);
        ctx.note(reserved.is_ok());
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        if let Ok(reserved) = reserved {
            reserved.settle(100);
        }
    };
    let graph = StateGraph::<Trace, Log>::new("three")
        .add_worker(WORK, body)
        .add_conditional_edges(START, send(WORK, 3), [WORK]);
    let graph = sound(graph);
    for _ in 0..50 {
        let (budget, log) = (Budget::new().tokens(100), Log::new());
        let run = graph.invoke(Trace::update()).context(log.clone());
        run.budget(&budget).await.unwrap();
        assert_eq!(log.text().matches("true").count(), 1);
        assert_eq!(log.text().matches("false").count(), 2);
        assert_eq!(budget.used(), Usage::new().tokens(100));
        assert_eq!(budget.reserved(), Usage::new());
    }
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_budget_fails_the_node_with_what_was_asked_and_left() {
    let budget = Budget::new().tokens(250);
    let graph = sound(hundreds(&[100, 90, 80]));
    let run = graph.invoke(Trace::update()).budget(&budget);
    let error = run.await.unwrap_err();
    assert_eq!(
        chain(&error),
        [
            "node `work/2` failed in superstep 1, attempt 1",
            "100 tokens were asked of a budget that has 50 left"
        ]
    );
    let help = "raise the budget of the run, or let the node go on without what it asked for";
    assert_eq!(error.help(), help);
    let RunError::Node { source, .. } = error else {
        panic!("{error}");
    };
    let exhausted: &BudgetExhausted = source.downcast_ref().unwrap();
    let facts = (exhausted.what, exhausted.asked, exhausted.left);
    assert_eq!(facts, ("tokens", 100, 50));
    assert_eq!((budget.used().tokens, left(&budget)[0]), (190, Some(60)));
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_everything_is_allowed() {
    let run = sound(hundreds(&[1, 2])).invoke(Trace::update());
    assert_eq!(run.await.unwrap().state.sum, 3);
    let ctx = Ctx::new(());
    let reserved = ctx.reserve(Usage::new().tokens(u64::MAX).calls(7)).unwrap();
    assert_eq!(reserved.usage().calls, 7);
    reserved.release();
    let policies = node(async |_: View<Trace>| {}).reserves(Usage::new().calls(u64::MAX));
    let graph = StateGraph::<Trace>::new("free")
        .add_node("a", policies)
        .add_edge(START, "a");
    assert!(sound(graph).invoke(Trace::update()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn several_runs_share_a_budget() {
    let budget = Budget::new().tokens(300);
    let graph = sound(hundreds(&[100]));
    let run = || graph.invoke(Trace::update()).budget(&budget);
    let (a, b, c, d) = tokio::join!(run(), run(), run(), run());
    let n_ok = [a, b, c, d].iter().filter(|run| run.is_ok()).count();
    assert_eq!(n_ok, 3);
    assert_eq!(left(&budget), [Some(0), None, None]);
}

#[test]
fn a_budget_bounds_each_of_tokens_calls_and_cost_and_takes_all_or_nothing() {
    let budget = Budget::new().tokens(10).calls(2).cost(Cost::whole(1));
    let asked = Usage::new().tokens(4).calls(1).cost("0.6".parse().unwrap());
    budget.reserve(asked).unwrap().settle(asked);
    assert_eq!(left(&budget), [Some(6), Some(1), Some(400_000)]);
    let refused = |usage| budget.reserve(usage).unwrap_err().to_string();
    assert_eq!(
        refused(asked),
        "a cost of 0.6 was asked of a budget that has 0.4 left"
    );
    assert_eq!(
        refused(Usage::new().tokens(1).calls(2)),
        "2 calls were asked of a budget that has 1 left"
    );
    assert_eq!(
        refused(Usage::new().tokens(u64::MAX)),
        "18446744073709551615 tokens were asked of a budget that has 6 left"
    );
    assert_eq!(left(&budget), [Some(6), Some(1), Some(400_000)]);
    assert_eq!(left(&Budget::new()), [None; 3]);
    assert!(Budget::new().tokens(0).reserve(0).is_ok());
}

#[test]
fn what_is_settled_counts_released_does_not_and_dropped_counts_in_full() {
    let budget = Budget::new().tokens(100);
    let reserve = |tokens: u64| budget.reserve(tokens).unwrap();
    let reserved = reserve(60);
    assert_eq!(budget.reserved().tokens, 60);
    assert_eq!(left(&budget)[0], Some(40));
    reserved.settle(10);
    assert_eq!((budget.reserved().tokens, budget.used().tokens), (0, 10));
    reserve(50).release();
    assert_eq!(budget.used().tokens, 10);
    drop(reserve(20));
    assert_eq!(budget.used().tokens, 30);
    // More than was reserved, and than there was: it is spent.
    reserve(70).settle(90);
    assert_eq!((budget.used().tokens, left(&budget)[0]), (120, Some(0)));
    assert!(budget.reserve(1).is_err());
    assert_eq!(
        format!("{:?}", Budget::new().calls(1))
            .split(", used")
            .next(),
        Some("Budget { most: Left { tokens: None, calls: Some(1), cost: None }")
    );
}

#[test]
fn a_clone_counts_into_the_same_sums_under_limits_of_its_own() {
    let all = Budget::new().calls(10);
    let part = all.clone().calls(3);
    let call = Usage::new().calls(2);
    part.reserve(call).unwrap().settle(call);
    assert!(part.reserve(call).is_err());
    all.reserve(call).unwrap().settle(call);
    assert_eq!((left(&all)[1], left(&part)[1]), (Some(6), Some(0)));
    assert_eq!(part.used().calls, 4);
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_budget_is_not_asked_again() {
    let asks = async |ctx: Ctx<Log>| {
        ctx.note(ctx.attempt());
        if ctx.attempt() == 1 {
            return Err(oops());
        }
        drop(ctx.reserve(Usage::new().calls(1))?);
        Ok(())
    };
    let retry = Retry::attempts(9).delay(Duration::ZERO);
    let graph = StateGraph::<Trace, Log>::new("asks")
        .add_node("a", node(asks).retry(retry))
        .add_edge(START, "a");
    let log = Log::new();
    let run = sound(graph).invoke(Trace::update()).context(log.clone());
    let error = run.budget(Budget::new().calls(0)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "node `a` failed in superstep 1, attempt 2"
    );
    assert_eq!(log.text(), "0 1, 0 2");
}

#[tokio::test(start_paused = true)]
async fn a_node_reserves_for_each_attempt_before_it_begins() {
    let body = async |ctx: Ctx<Log>| {
        ctx.note(ctx.attempt());
        if ctx.attempt() < 3 {
            Err(oops())
        } else {
            Ok(())
        }
    };
    for (calls, ok, ran) in [
        (3, true, "0 1, 0 2, 0 3"),
        (2, false, "0 1, 0 2"),
        (0, false, ""),
    ] {
        let policies = node(body)
            .reserves(Usage::new().calls(1).tokens(10))
            .retry(Retry::attempts(9).delay(Duration::ZERO));
        let graph = StateGraph::<Trace, Log>::new("reserves")
            .add_node("a", policies)
            .add_edge(START, "a");
        let (budget, log) = (Budget::new().calls(calls), Log::new());
        let run = sound(graph).invoke(Trace::update()).context(log.clone());
        assert_eq!(run.budget(&budget).await.is_ok(), ok);
        assert_eq!(log.text(), ran);
        assert_eq!(budget.used(), Usage::new().calls(calls).tokens(calls * 10));
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_has_reserved_and_uses_nothing_before_it_begins() {
    let limiter = Limiter::new().max_concurrency(1);
    let body = async |_: u32| sleep(Duration::from_secs(10)).await;
    let policies = node(body).limiter(&limiter).reserves(Usage::new().calls(1));
    let graph = StateGraph::<Trace>::new("waits")
        .add_worker(WORK, policies)
        .add_conditional_edges(START, send(WORK, 3), [WORK]);
    let (graph, budget) = (sound(graph), Budget::new().calls(3));
    let run = graph.invoke(Trace::update()).budget(&budget);
    let cancelled = tokio::time::timeout(Duration::from_secs(15), run).await;
    assert!(cancelled.is_err());
    tokio::task::yield_now().await; // what was aborted is dropped
    // Two had begun, the third stood in line.
    assert_eq!(budget.used(), Usage::new().calls(2));
    assert_eq!(left(&budget)[1], Some(1));
    let run = graph.invoke(Trace::update()).budget(&budget);
    let error = within_a_day(run).await.unwrap_err();
    assert_eq!(
        chain(&error)[1],
        "1 call was asked of a budget that has 0 left"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_counts_in_full() {
    let body = async |ctx: Ctx| {
        let reserved = ctx.reserve(70)?;
        sleep(Duration::from_secs(10)).await;
        reserved.settle(1);
        NodeResult::Ok(())
    };
    let policies = node(body).timeout(Duration::from_secs(1));
    let graph = StateGraph::<Trace>::new("cancelled")
        .add_node("a", policies)
        .add_edge(START, "a");
    let budget = Budget::new().tokens(100);
    let run = sound(graph).invoke(Trace::update()).budget(&budget);
    assert!(run.await.is_err());
    assert_eq!(budget.used().tokens, 70);
}

#[tokio::test(start_paused = true)]
async fn a_hit_of_the_cache_reserves_nothing() {
    let body = async |number: u32| Trace::update().sum(u64::from(number));
    let policies = node(body)
        .cache(CachePolicy::new(|number: &u32| *number / 2))
        .reserves(Usage::new().calls(1));
    let graph = StateGraph::<Trace>::new("cached")
        .add_worker(WORK, policies)
        .add_conditional_edges(START, send(WORK, 4), [WORK])
        .cache(Shelf::default());
    let budget = Budget::new().calls(2);
    let run = sound(graph).invoke(Trace::update()).budget(&budget);
    assert_eq!(run.await.unwrap().state.sum, 4);
    assert_eq!(budget.used().calls, 2);
}

#[tokio::test(start_paused = true)]
async fn runs_on_threads_and_recorded_runs_have_budgets_too() {
    let graph = hundreds(&[10]).checkpointer(MemoryCheckpointer::new());
    let (graph, budget) = (sound(graph), Budget::new().tokens(105));
    let run = graph.invoke(Trace::update()).budget(&budget).thread("a");
    assert!(run.await.is_ok());
    let run = graph.invoke(Trace::update()).thread("b").budget(&budget);
    let transcript = run.transcript().await.to_string();
    let why = "100 tokens were asked of a budget that has 95 left";
    assert!(transcript.contains(why), "{transcript}");
    // More money, and the thread goes on.
    let run = graph
        .proceed()
        .thread("b")
        .budget(Budget::new().tokens(100));
    assert_eq!(run.await.unwrap().state.sum, 10);
}

#[tokio::test(start_paused = true)]
async fn a_node_can_go_on_with_what_it_has() {
    let body = async |number: u32, ctx: Ctx<Log>| {
        match ctx.reserve(Usage::new().calls(1)) {
            Ok(reserved) => {
                ctx.note(number);
                drop(reserved);
            }
            Err(BudgetExhausted { .. }) => ctx.note("nothing left"),
        }
        Ok::<_, NodeError>(())
    };
    let graph = StateGraph::<Trace, Log>::new("partial")
        .add_worker(WORK, body)
        .add_conditional_edges(START, send(WORK, 3), [WORK]);
    let graph = Arc::new(sound(graph));
    let log = Log::new();
    let run = graph.invoke(Trace::update()).context(log.clone());
    run.budget(Budget::new().calls(2)).await.unwrap();
    assert_eq!(log.text(), "0 0, 0 1, 0 nothing left");
    assert_eq!(logged(&graph).await.text(), "0 0, 0 1, 0 2");
}

#[test]
fn costs_are_read_and_shown_without_a_millionth_lost() {
    for (text, micros) in [
        ("0", 0),
        ("5", 5_000_000),
        ("0.000001", 1),
        ("12.5", 12_500_000),
        ("18446744073709.551615", u64::MAX),
    ] {
        let cost: Cost = text.parse().unwrap();
        assert_eq!(cost, Cost::micros(micros));
        assert_eq!(cost.to_string(), text);
    }
    for text in [
        "",
        ".",
        "1.",
        ".5",
        "-1",
        "+1",
        "1.0000001",
        "1e3",
        "1,5",
        " 1",
        "1.+5",
        "18446744073709.551616",
        "99999999999999999999",
    ] {
        let error = text.parse::<Cost>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("`{text}` is not an amount")),
            "{error}"
        );
    }
    let price: Cost = "0.15".parse().unwrap();
    assert_eq!(price.for_tokens(1_000_000), price);
    assert_eq!(price.for_tokens(7), Cost::micros(2)); // 1.05, rounded up
    assert_eq!(
        Cost::whole(u64::MAX).for_tokens(u64::MAX),
        Cost::micros(u64::MAX)
    );
}
