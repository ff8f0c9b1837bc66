//! Rule 14 inside: of a graph that was dropped at work nothing is alive when what
//! comes after it begins.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use superstep::prelude::*;
use superstep::{Join, Retry, RunControl};
use tokio::task::yield_now;

use crate::common::{Alive, Trace, oops, sound, within_a_day};

type Builder = StateGraph<Trace, Alive>;

async fn hangs(ctx: Ctx<Alive>) {
    let _guard = ctx.enter();
    pending::<()>().await;
}

async fn counts(ctx: Ctx<Alive>) {
    assert_eq!(ctx.now(), 0, "somebody is alive");
}

/// Two that hang, so many levels down, beside nobody or beside each other.
fn inside(levels: usize, eager: bool) -> Builder {
    let graph = Builder::new("inside");
    let graph = match levels {
        0 => graph.add_node("a", hangs).add_node("b", hangs),
        _ => {
            let inner = sound(inside(levels - 1, eager));
            graph.add_node("a", inner.clone()).add_node("b", inner)
        }
    };
    let graph = graph.add_edge(START, ["a", "b"]);
    if eager { graph.eager() } else { graph }
}

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn when_a_run_is_cancelled_or_late_or_fails() {
    let fails = async |_: View<Trace>| {
        tokio::time::sleep(5 * MS).await;
        Err::<(), _>(oops())
    };
    for (levels, eager) in [(0, false), (0, true), (1, false), (1, true), (3, false)] {
        let alone = || {
            let inner = sound(inside(levels, eager));
            Builder::new("test")
                .add_node("in", inner)
                .add_edge(START, "in")
        };
        let beside = || alone().add_node("fails", fails).add_edge(START, "fails");
        let ways = [alone(), alone().eager(), beside(), beside().eager()];
        for (way, graph) in ways.into_iter().enumerate() {
            let (graph, alive, stop) = (sound(graph), Alive::default(), RunControl::new());
            let run = graph.invoke(Trace::update()).context(alive.clone());
            let cancels = async {
                tokio::time::sleep(MS).await;
                stop.cancel();
            };
            let (ended, ()) = match way {
                0 | 1 => tokio::join!(run.control(&stop), cancels),
                _ => tokio::join!(run, async {}),
            };
            ended.unwrap_err();
            let all = 2 << levels;
            assert_eq!(
                (alive.now(), alive.ever()),
                (0, all),
                "{levels} {eager} {way}"
            );
            let late = graph.invoke(Trace::update()).context(alive.clone());
            late.timeout(MS).await.unwrap_err();
            assert_eq!(
                (alive.now(), alive.ever()),
                (0, 2 * all),
                "{levels} {eager} {way}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn before_another_attempt_and_the_fallback() {
    for eager in [false, true] {
        let inner = node(sound(inside(1, eager))).timeout(5 * MS);
        let inner = inner
            .retry(Retry::attempts(3).delay(Duration::ZERO))
            .on_error(counts);
        let graph = Builder::new("test")
            .add_node("in", inner)
            .add_edge(START, "in");
        let alive = Alive::default();
        let run = sound(graph).invoke(Trace::update()).context(alive.clone());
        within_a_day(run).await.unwrap();
        assert_eq!((alive.most(), alive.ever()), (4, 12));
    }
}

/// Computes for a while, as soon as it has told that it is alive.
async fn computes(ctx: Ctx<Alive>) {
    let _guard = ctx.enter();
    yield_now().await;
    let begin = Instant::now();
    while begin.elapsed() < 20 * MS {}
    pending::<()>().await;
}

async fn until_it_computes(ctx: Ctx<Alive>) {
    while ctx.now() == 0 {
        yield_now().await;
    }
}

fn computing() -> Builder {
    let graph = Builder::new("computing").add_node("a", computes);
    graph.add_node("b", computes).add_edge(START, ["a", "b"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn before_the_target_of_a_join_that_it_has_lost() {
    let graph = Builder::new("test")
        .add_node("in", sound(computing()))
        .add_node("quick", until_it_computes)
        .add_node("target", counts)
        .add_edge(START, ["in", "quick"])
        .add_join(["in", "quick"], "target", Join::first());
    let graph = sound(graph);
    for _ in 0..5 {
        let run = graph.invoke(Trace::update());
        run.context(Alive::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_the_faster_call_of_a_hedged_one_has_ended() {
    let n_calls = AtomicUsize::new(0);
    let slow_then_quick = move |_: &Trace| match n_calls.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => "slow",
        _ => "quick",
    };
    let inner = Builder::new("inner")
        .add_node("slow", sound(computing()))
        .add_node("quick", until_it_computes)
        .add_conditional_edges(START, slow_then_quick, ["slow", "quick"]);
    let inner = node(sound(inner)).idempotent().hedge(MS);
    let graph = Builder::new("test")
        .add_node("in", inner)
        .add_node("after", counts)
        .add_edge(START, "in")
        .add_edge("in", "after");
    let graph = sound(graph);
    for _ in 0..5 {
        let run = graph.invoke(Trace::update());
        run.context(Alive::default()).await.unwrap();
    }
}
