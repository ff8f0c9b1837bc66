//! Rule 10: limits.

use std::time::Duration;

use superstep::RunError;
use superstep::prelude::*;
use tokio::time::{Instant, sleep};

use super::{WORK, chain_of};
use crate::common::{Alive, Trace, sound};

#[tokio::test]
async fn exactly_as_many_supersteps_run_as_the_limit_allows() {
    for n in [1, 2, 7, 300] {
        let graph = sound(chain_of(n).recursion_limit(n as u64));
        let run = graph.invoke(Trace::update()).await.unwrap();
        assert_eq!(run.supersteps(), n);
        let short = graph.invoke(Trace::update()).recursion_limit(n as u64 - 1);
        let error = short.await.unwrap_err();
        let RunError::RecursionLimit {
            limit, last, next, ..
        } = &error
        else {
            panic!("the limit was reached: {error}");
        };
        assert_eq!(*limit, n as u64 - 1);
        assert_eq!(*next, [format!("n{:04}", n - 1).as_str()]);
        assert_eq!(last.len(), (n - 1).min(3));
    }
}

#[tokio::test]
async fn the_limit_is_a_thousand_unless_it_is_said() {
    let run = sound(chain_of(1000)).invoke(Trace::update()).await;
    assert_eq!(run.unwrap().supersteps(), 1000);
    let error = sound(chain_of(1001)).invoke(Trace::update()).await;
    assert_eq!(error.unwrap_err().code(), "recursion-limit");
}

#[tokio::test]
async fn nothing_of_a_superstep_beyond_the_limit_is_started() {
    let count = async |ctx: Ctx<Alive>| drop(ctx.enter());
    let graph = StateGraph::<Trace, Alive>::new("bounded")
        .add_node("a", count)
        .add_node("b", count)
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| ["a", "b"], ["a", "b", END]);
    let alive = Alive::default();
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    let error = run.recursion_limit(3).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no end was reached within 3 supersteps, the last 3 of which ran `a`, then `a`, `b`, then `a`, `b`"
    );
    assert_eq!(alive.ever(), 5);
}

#[tokio::test(start_paused = true)]
async fn no_more_tasks_are_at_work_at_once_than_allowed() {
    let busy = async |_: u32, ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        sleep(Duration::from_secs(1)).await;
    };
    let graph = StateGraph::<Trace, Alive>::new("bounded")
        .add_worker(WORK, busy)
        .add_conditional_edges(
            START,
            |_: &Trace| (0..12).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        )
        .max_concurrency(3);
    let graph = sound(graph);
    for (of_the_run, most, seconds) in [(None, 3, 4), (Some(5), 5, 3), (Some(0), 1, 12)] {
        let alive = Alive::default();
        let mut run = graph.invoke(Trace::update()).context(alive.clone());
        if let Some(n) = of_the_run {
            run = run.max_concurrency(n);
        }
        let begin = Instant::now();
        run.await.unwrap();
        assert_eq!((alive.most(), alive.ever()), (most, 12));
        assert_eq!(begin.elapsed(), Duration::from_secs(seconds));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_bound_holds_on_several_threads() {
    let busy = async |_: u32, ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
    };
    let graph = StateGraph::<Trace, Alive>::new("bounded")
        .add_worker(WORK, busy)
        .add_conditional_edges(
            START,
            |_: &Trace| (0..500).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        )
        .max_concurrency(2);
    let alive = Alive::default();
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    run.await.unwrap();
    assert!(alive.most() <= 2, "{}", alive.most());
    assert_eq!(alive.ever(), 500);
}
