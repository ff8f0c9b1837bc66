//! How many tasks are at work at once: of a node, and under a limiter.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, Limiter, OnFailure};
use tokio::time::{Instant, sleep};

use super::{Log, logged, send};
use crate::common::{Alive, Trace, oops, sound, within_a_day};

const WORK: Worker<u32> = Worker::new("work");
const OTHER: Worker<u32> = Worker::new("other");

async fn a_second(_: u32, ctx: Ctx<Alive>) {
    let _guard = ctx.enter();
    sleep(Duration::from_secs(1)).await;
}

async fn note(number: u32, ctx: Ctx<Log>) {
    ctx.note(number);
    sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn so_many_tasks_of_a_node_are_at_work_at_once_and_others_do_not_count() {
    for (most, at_once, seconds) in [(3, 3, 4), (1, 1, 12), (usize::MAX, 12, 1)] {
        let graph = StateGraph::<Trace, Alive>::new("bounded")
            .add_worker(WORK, node(a_second).max_concurrency(most))
            .add_node("beside", async |_: Ctx<Alive>| {
                sleep(Duration::from_millis(999)).await;
            })
            .add_edge(START, "beside")
            .add_conditional_edges(START, send(WORK, 12), [WORK]);
        let (alive, begin) = (Alive::default(), Instant::now());
        let run = sound(graph).invoke(Trace::update()).context(alive.clone());
        within_a_day(run).await.unwrap();
        assert_eq!((alive.most(), alive.ever()), (at_once, 12));
        assert_eq!(begin.elapsed(), Duration::from_secs(seconds));
    }
}

#[tokio::test(start_paused = true)]
async fn each_run_has_a_nodes_slots_for_itself() {
    let graph = StateGraph::<Trace, Alive>::new("bounded")
        .add_worker(WORK, node(a_second).max_concurrency(1))
        .add_conditional_edges(START, send(WORK, 2), [WORK]);
    let (graph, alive) = (sound(graph), Alive::default());
    let run = || graph.invoke(Trace::update()).context(alive.clone());
    let (a, b) = tokio::join!(run(), run());
    assert!(a.is_ok() && b.is_ok());
    assert_eq!((alive.most(), alive.ever()), (2, 4));
}

#[tokio::test(start_paused = true)]
async fn a_graphs_own_bound_holds_where_it_is_a_node_beside_the_runs() {
    let around = |inner| StateGraph::<Trace, Alive>::new("around").add_node("inner", inner);
    let inner = StateGraph::<Trace, Alive>::new("inner")
        .add_worker(WORK, a_second)
        .add_conditional_edges(START, send(WORK, 6), [WORK])
        .max_concurrency(2);
    let inner = sound(inner);
    let narrow = around(inner.clone()).add_edge(START, "inner");
    let narrow = sound(narrow.max_concurrency(1));
    let outer = around(inner).add_node("narrow", narrow);
    let outer = sound(outer.add_edge(START, ["inner", "narrow"]));
    // Two in the one and one in the other, if the run lets as many.
    for (run, at_once, seconds) in [(12, 3, 6), (2, 2, 9), (1, 1, 12)] {
        let (alive, begin) = (Alive::default(), Instant::now());
        let run = outer.invoke(Trace::update()).max_concurrency(run);
        within_a_day(run.context(alive.clone())).await.unwrap();
        assert_eq!((alive.most(), alive.ever()), (at_once, 12));
        assert_eq!(begin.elapsed(), Duration::from_secs(seconds));
    }
}

fn limited(limiter: &Limiter) -> Graph<Trace, Alive> {
    let graph = StateGraph::<Trace, Alive>::new("limited")
        .add_worker(WORK, node(a_second).limiter(limiter))
        .add_worker(OTHER, node(a_second).limiter(limiter.clone()))
        .add_conditional_edges(START, send(WORK, 4), [WORK])
        .add_conditional_edges(START, send(OTHER, 4), [OTHER]);
    sound(graph)
}

#[tokio::test(start_paused = true)]
async fn a_limiter_bounds_all_nodes_graphs_and_runs_that_have_it() {
    let limiter = Limiter::new().max_concurrency(3);
    let (one, two) = (limited(&limiter), limited(&limiter));
    let (alive, begin) = (Alive::default(), Instant::now());
    let run = |graph: &Graph<Trace, Alive>| graph.invoke(Trace::update()).context(alive.clone());
    let all = async { tokio::join!(run(&one), run(&one), run(&two)) };
    let (a, b, c) = within_a_day(Box::pin(all)).await;
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!((alive.most(), alive.ever()), (3, 24));
    assert_eq!(begin.elapsed(), Duration::from_secs(8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn limiters_in_whatever_order_bound_on_several_threads_and_nothing_locks_up() {
    let busy = async |_: u32, ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
    };
    let (a, b) = (Limiter::new().max_concurrency(2), Limiter::new());
    let b = b.max_concurrency(3);
    let graph = StateGraph::<Trace, Alive>::new("crossed")
        .add_worker(WORK, node(busy).limiter(&a).limiter(&b))
        .add_worker(OTHER, node(busy).limiter(&b).limiter(&a).max_concurrency(2))
        .add_conditional_edges(START, send(WORK, 300), [WORK])
        .add_conditional_edges(START, send(OTHER, 300), [OTHER])
        .max_concurrency(3);
    let graph = sound(graph);
    let alive = Alive::default();
    let run = || graph.invoke(Trace::update()).context(alive.clone());
    let (one, two) = within_a_day(async { tokio::join!(run(), run()) }).await;
    assert!(one.is_ok() && two.is_ok());
    assert!(alive.most() <= 2, "{}", alive.most());
    assert_eq!(alive.ever(), 1200);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_a_limiter_takes_no_place_of_the_runs() {
    let slow = Limiter::new().max_concurrency(1);
    let mut graph = StateGraph::<Trace, Log>::new("slow")
        .add_worker(WORK, node(note).limiter(&slow))
        .add_conditional_edges(START, send(WORK, 3), [WORK])
        .max_concurrency(2);
    for name in ["x", "y", "z"] {
        let body = async |ctx: Ctx<Log>| {
            ctx.note(ctx.node());
            sleep(Duration::from_secs(1)).await;
        };
        graph = graph.add_node(name, body).add_edge(START, name);
    }
    let log = logged(&sound(graph)).await;
    // Two at a time from the first second on: nobody sits on a place.
    assert_eq!(log.text(), "0 x, 0 y, 1 z, 1 0, 2 1, 3 2");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_its_run_takes_no_slot_of_a_limiter() {
    let shared = Limiter::new().max_concurrency(1);
    let graph = |n| {
        StateGraph::<Trace, Log>::new("shared")
            .add_worker(WORK, node(note).limiter(&shared))
            .add_conditional_edges(START, send(WORK, n), [WORK])
    };
    let hog = async |_: Ctx<Log>| sleep(Duration::from_secs(10)).await;
    let narrow = graph(2).add_node("hog", hog).add_edge(START, "hog");
    let (narrow, wide) = (sound(narrow.max_concurrency(1)), sound(graph(3)));
    let (narrow, wide) = tokio::join!(logged(&narrow), logged(&wide));
    assert_eq!(narrow.seconds(), [10.0, 11.0]);
    assert_eq!(wide.seconds(), [0.0, 1.0, 2.0]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_is_served_first() {
    let limiter = Limiter::new().max_concurrency(1);
    let graph = |names: [&'static str; 3]| {
        names
            .into_iter()
            .fold(StateGraph::<Trace, Log>::new("line"), |graph, name| {
                let body = async |ctx: Ctx<Log>| {
                    ctx.note(ctx.node());
                    sleep(Duration::from_secs(1)).await;
                };
                graph
                    .add_node(name, node(body).limiter(&limiter))
                    .add_edge(START, name)
            })
    };
    let (one, two) = (sound(graph(["c", "a", "b"])), sound(graph(["d", "f", "e"])));
    let log = Log::new();
    let run = |graph: &Graph<Trace, Log>| graph.invoke(Trace::update()).context(log.clone());
    let later = async {
        sleep(Duration::from_millis(500)).await;
        run(&two).await
    };
    let (first, second) = tokio::join!(run(&one), later);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(log.text(), "0 a, 1 b, 2 c, 3 d, 4 e, 5 f");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_held_over_the_waits_between_attempts() {
    let fails_once = async |_: u32, ctx: Ctx<Log>| {
        ctx.note(format!("{}#{}", ctx.task(), ctx.attempt()));
        sleep(Duration::from_secs(1)).await;
        if ctx.attempt() == 1 {
            Err(oops())
        } else {
            Ok(())
        }
    };
    let retry = Retry::attempts(2).delay(Duration::from_secs(10));
    for policies in [
        node(fails_once).limiter(Limiter::new().max_concurrency(1)),
        node(fails_once).max_concurrency(1),
    ] {
        let graph = StateGraph::<Trace, Log>::new("retried")
            .add_worker(WORK, policies.retry(retry.clone()))
            .add_conditional_edges(START, send(WORK, 2), [WORK]);
        let log = logged(&sound(graph)).await;
        assert_eq!(
            log.text(),
            "0 work/0#1, 1 work/1#1, 11 work/0#2, 12 work/1#2"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_limiter_that_is_given_twice_counts_once() {
    let limiter = Limiter::new().max_concurrency(1);
    let policies = node(note).limiter(&limiter).limiter(&limiter);
    let graph = StateGraph::<Trace, Log>::new("twice")
        .add_worker(WORK, policies)
        .add_conditional_edges(START, send(WORK, 2), [WORK]);
    let log = within_a_day(logged(&sound(graph))).await;
    assert_eq!(log.text(), "0 0, 1 1");
}

#[tokio::test(start_paused = true)]
async fn what_fails_panics_or_is_cancelled_gives_its_slot_back() {
    let limiter = Limiter::new().max_concurrency(1);
    let body = async |number: u32, ctx: Ctx<Log>| {
        ctx.note(number);
        sleep(Duration::from_secs(1)).await;
        match number {
            0 => Err(oops()),
            1 => panic!("{number}"),
            _ => Ok(()),
        }
    };
    let graph = |n| {
        let graph = StateGraph::<Trace, Log>::new("failing")
            .add_worker(WORK, node(body).limiter(&limiter))
            .add_conditional_edges(START, send(WORK, n), [WORK])
            .on_failure(OnFailure::Finish);
        sound(graph)
    };
    let log = Log::new();
    let run = |n| graph(n).invoke(Trace::update()).context(log.clone());
    assert!(within_a_day(run(3)).await.is_err());
    let cancelled = tokio::time::timeout(Duration::from_millis(500), run(4)).await;
    assert!(cancelled.is_err());
    assert!(within_a_day(run(1)).await.is_err());
    assert_eq!(log.text(), "0 0, 1 1, 2 2, 3 0, 3.5 0");
}

#[tokio::test(start_paused = true)]
async fn the_timeout_begins_with_the_attempt_and_not_in_the_line() {
    let limiter = Limiter::new().max_concurrency(1);
    let policies = node(note).limiter(&limiter);
    let graph = StateGraph::<Trace, Log>::new("timed")
        .add_worker(WORK, policies.timeout(Duration::from_millis(1500)))
        .add_conditional_edges(START, send(WORK, 3), [WORK]);
    assert_eq!(logged(&sound(graph)).await.seconds(), [0.0, 1.0, 2.0]);
}

#[test]
fn a_limiter_shows_how_much_of_it_is_free() {
    let limiter = Limiter::new().max_concurrency(4);
    assert_eq!(
        format!("{limiter:?}"),
        "Limiter { free: Some(4), rates: [] }"
    );
}
