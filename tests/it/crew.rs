//! Who does the work of a wide superstep, and that nothing of it gets lost:
//! threads, failures that close the queue, panics in odd places.

use std::future::Future;
use std::hint::spin_loop;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Graph, NodeBuilder, NodeError, RunError};
use tokio::runtime::{Builder, Runtime};

use crate::common::{Trace, chain, sound};

/// Far more than anything here takes; only what is broken waits for it.
const LONG: Duration = Duration::from_secs(60);

const WORK: Worker<u32> = Worker::new("work");

fn threads(n: usize) -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(n).build();
    runtime.expect("a runtime")
}

/// Computes until it holds; says whether it came to that.
fn compute_until(holds: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while !holds() {
        if begin.elapsed() > LONG {
            return false;
        }
        spin_loop();
    }
    true
}

/// Two nodes that compute until both are at work, and say whether they were.
fn meeting() -> Graph<Trace> {
    let at_work = Arc::new(AtomicUsize::new(0));
    let meet = move |ctx: Ctx| {
        let at_work = Arc::clone(&at_work);
        async move {
            at_work.fetch_add(1, Ordering::SeqCst);
            let met = compute_until(|| at_work.load(Ordering::SeqCst) == 2);
            Trace::update().log(format!("{}: {met}", ctx.node()))
        }
    };
    let graph = StateGraph::new("meeting")
        .add_node("a", meet.clone())
        .add_node("b", meet)
        .add_edge(START, ["a", "b"]);
    sound(graph)
}

#[test]
fn nodes_that_compute_do_so_at_the_same_time_wherever_the_run_is_awaited() {
    let met = ["a: true", "b: true"];
    let graph = meeting();
    let run = threads(2).block_on(async { graph.invoke(Trace::update()).await });
    assert_eq!(run.expect("it ends").state.log, met);

    let runtime = threads(2);
    let graph = meeting();
    let spawned = runtime.spawn(async move { graph.invoke(Trace::update()).await });
    let run = runtime.block_on(spawned).expect("it does not panic");
    assert_eq!(run.expect("it ends").state.log, met);
}

/// A node that waits, and then ends, beside one that computes until it has.
fn waiter_and_computer() -> Graph<Trace> {
    let ended = Arc::new(AtomicBool::new(false));
    let waiter = {
        let ended = Arc::clone(&ended);
        move |_: View<Trace>| {
            let ended = Arc::clone(&ended);
            async move {
                tokio::task::yield_now().await;
                ended.store(true, Ordering::SeqCst);
            }
        }
    };
    let computer = move |_: View<Trace>| {
        let ended = Arc::clone(&ended);
        async move {
            let has = compute_until(|| ended.load(Ordering::SeqCst));
            Trace::update().log(has.to_string())
        }
    };
    let graph = StateGraph::new("waiter")
        .add_node("a waits", waiter)
        .add_node("b computes", computer)
        .add_edge(START, ["a waits", "b computes"]);
    sound(graph)
}

#[test]
fn a_node_that_waits_goes_on_while_another_computes() {
    for _ in 0..20 {
        let runtime = threads(3);
        let graph = waiter_and_computer();
        let spawned = runtime.spawn(async move { graph.invoke(Trace::update()).await });
        let run = runtime.block_on(spawned).expect("it does not panic");
        assert_eq!(run.expect("it ends").state.log, ["true"]);
    }
}

#[test]
fn a_failure_closes_the_queue_even_if_it_comes_late() {
    let failed = Arc::new(AtomicBool::new(false));
    let after = Arc::new(AtomicUsize::new(0));
    let work = {
        let (failed, after) = (Arc::clone(&failed), Arc::clone(&after));
        move |n: u32| {
            let (failed, after) = (Arc::clone(&failed), Arc::clone(&after));
            async move {
                if n == 0 {
                    tokio::task::yield_now().await;
                    failed.store(true, Ordering::SeqCst);
                    return Err(NodeError::msg("late"));
                }
                if failed.load(Ordering::SeqCst) {
                    after.fetch_add(1, Ordering::SeqCst);
                    // So long that it is told before the others are started, also where
                    // its thread has to wait for its turn.
                    let begin = Instant::now();
                    compute_until(|| begin.elapsed() > Duration::from_millis(20));
                } else {
                    compute_until(|| failed.load(Ordering::SeqCst));
                }
                Ok(())
            }
        }
    };
    let graph = StateGraph::<Trace>::new("late")
        .add_worker(WORK, work)
        .add_conditional_edges(
            START,
            |_: &Trace| (0..1000).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        );
    let graph = sound(graph);
    let error = threads(4).block_on(async { graph.invoke(Trace::update()).await });
    assert_eq!(error.expect_err("one fails").code(), "node");
    let after = after.load(Ordering::SeqCst);
    assert!(
        after < 500,
        "{after} of 1000 were started after the failure"
    );
}

#[test]
fn a_failure_that_computed_for_long_is_told_as_that() {
    let compute = |for_ms| {
        let begin = Instant::now();
        compute_until(|| begin.elapsed() > Duration::from_millis(for_ms));
    };
    let graph = StateGraph::<Trace>::new("long")
        .add_node("a", move |_: View<Trace>| async move { compute(4) })
        .add_node("b", move |_: View<Trace>| async move {
            compute(2);
            Err::<(), _>(NodeError::msg("boom"))
        })
        .add_edge(START, ["a", "b"]);
    let graph = sound(graph);
    let runtime = threads(2);
    for _ in 0..10 {
        let run = runtime.block_on(async { graph.invoke(Trace::update()).await });
        let expected = ["node `b` failed in superstep 1, attempt 1", "boom"];
        check_panic(run, &expected);
    }
}

/// Panics when it is dropped, unless somebody is panicking already.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

/// Waits, and then panics in what its future still holds.
async fn drops_a_bomb() {
    let _bomb = Bomb("in a drop");
    tokio::task::yield_now().await;
}

#[track_caller]
fn check_panic(run: Result<superstep::Run<Trace>, RunError>, expected: &[&str]) {
    assert_eq!(chain(&run.expect_err("it fails")), expected);
}

#[test]
fn a_panic_in_a_drop_after_a_wait_is_a_failure_of_its_node() {
    let expected = [
        "node `bomb` failed in superstep 1, attempt 1",
        "it panicked: in a drop",
    ];
    let bomb =
        || StateGraph::<Trace>::new("bomb").add_node("bomb", |_: View<Trace>| drops_a_bomb());
    let alone = sound(bomb().add_edge(START, "bomb"));
    let runtime = threads(2);
    check_panic(
        runtime.block_on(async { alone.invoke(Trace::update()).await }),
        &expected,
    );

    let other = async |_: View<Trace>| Trace::update().log("other");
    let beside = bomb()
        .add_node("other", other)
        .add_edge(START, ["bomb", "other"]);
    let beside = sound(beside);
    check_panic(
        runtime.block_on(async { beside.invoke(Trace::update()).await }),
        &expected,
    );
}

#[test]
fn a_timeout_whose_future_panics_when_dropped_is_tried_again() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let wait = move |_: View<Trace>| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {
            let _bomb = Bomb("in a drop");
            std::future::pending::<()>().await;
        }
    };
    let retry = Retry::attempts(3).delay(Duration::ZERO);
    let graph = StateGraph::<Trace>::new("timeout")
        .add_node(
            "wait",
            node(wait).timeout(Duration::from_millis(5)).retry(retry),
        )
        .add_edge(START, "wait");
    let graph = sound(graph);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let expected = [
        "node `wait` failed in superstep 1, attempt 3",
        "it panicked: in a drop",
    ];
    check_panic(
        runtime.block_on(async { graph.invoke(Trace::update()).await }),
        &expected,
    );
    assert_eq!(tries.load(Ordering::SeqCst), 3);
}

/// Panics when it is dropped before somebody has taken it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Touchy(u32);

impl Drop for Touchy {
    fn drop(&mut self) {
        if self.0 > 0 && !std::thread::panicking() {
            panic!("input {} was dropped", self.0);
        }
    }
}

const TOUCH: Worker<Touchy> = Worker::new("touch");

#[test]
fn inputs_that_panic_when_dropped_hide_no_failure() {
    let touch = async |mut input: Touchy| {
        let n = std::mem::take(&mut input.0);
        if n == 1 {
            return Err(NodeError::msg("the first"));
        }
        Ok(())
    };
    let graph = StateGraph::<Trace>::new("touchy")
        .add_worker(TOUCH, touch)
        .add_conditional_edges(
            START,
            |_: &Trace| (1..=100).map(|n| TOUCH.send(Touchy(n))).collect::<Vec<_>>(),
            [TOUCH],
        );
    let graph = sound(graph);
    let run = threads(2).block_on(async { graph.invoke(Trace::update()).await });
    let expected = [
        "node `touch/0` failed in superstep 1, attempt 1",
        "the first",
    ];
    check_panic(run, &expected);
}

#[test]
fn inputs_that_panic_when_dropped_leave_a_cancelled_run_in_peace() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let touch = move |mut input: Touchy| {
        let counted = Arc::clone(&counted);
        std::mem::take(&mut input.0);
        async move {
            counted.fetch_add(1, Ordering::SeqCst);
            let begin = Instant::now();
            compute_until(|| begin.elapsed() > Duration::from_millis(1));
        }
    };
    let send_all = |_: &Trace| (1..=100).map(|n| TOUCH.send(Touchy(n))).collect::<Vec<_>>();
    let graph = StateGraph::<Trace>::new("touchy")
        .add_worker(TOUCH, touch)
        .add_conditional_edges(START, send_all, [TOUCH]);
    let cancelled = sound(graph);
    let runtime = Builder::new_current_thread().enable_time().build();
    let ended = runtime.expect("a runtime").block_on(async {
        let run = cancelled.invoke(Trace::update());
        tokio::time::timeout(Duration::from_millis(10), run).await
    });
    assert!(ended.is_err(), "the timeout comes first");
    assert!(begun.load(Ordering::SeqCst) < 100);

    let unsent = StateGraph::<Trace>::new("limit")
        .add_worker(TOUCH, async |_: Touchy| {})
        .add_conditional_edges(START, |_: &Trace| TOUCH.send(Touchy(7)), [TOUCH]);
    let unsent = sound(unsent);
    let run =
        threads(2).block_on(async { unsent.invoke(Trace::update()).recursion_limit(0).await });
    let error = run.expect_err("nothing may run");
    assert!(
        matches!(error.code(), "recursion-limit" | "node"),
        "{error}"
    );
}

/// A state whose copies panic, one writer apart.
#[derive(State, Debug, Default, Serialize, Deserialize)]
struct Brittle {
    first: u32,
    second: u32,
    armed: bool,
}

impl Clone for Brittle {
    fn clone(&self) -> Self {
        assert!(!self.armed, "no copies");
        Self {
            first: self.first,
            second: self.second,
            armed: self.armed,
        }
    }
}

async fn run_brittle(graph: StateGraph<Brittle>) -> Vec<String> {
    let run = sound(graph).invoke(Brittle::update().armed(true)).await;
    chain(&run.expect_err("the copy panics"))
}

#[tokio::test]
async fn a_panic_of_the_states_copy_blames_no_reducer() {
    let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = move |state: View<Brittle>| {
        kept.lock().expect("nobody panics with it").push(state);
        async { Brittle::update().first(1) }
    };
    let alone = StateGraph::new("brittle")
        .add_node("keep", keep.clone())
        .add_edge(START, "keep");
    let expected = [
        "node `keep` failed in superstep 1, attempt 1",
        "it panicked: no copies (while the state was copied)",
    ];
    assert_eq!(run_brittle(alone).await, expected);

    let beside = StateGraph::new("brittle")
        .add_node("keep", keep.clone())
        .add_node("other", async |_: View<Brittle>| {})
        .add_edge(START, ["keep", "other"]);
    assert_eq!(run_brittle(beside).await, expected);

    let at_the_end = StateGraph::new("brittle")
        .add_node("keep", move |state: View<Brittle>| {
            drop(keep(state));
            async {}
        })
        .add_edge(START, "keep");
    assert_eq!(run_brittle(at_the_end).await, expected);
}

#[tokio::test]
async fn settings_after_the_first_poll_leave_the_run_as_it_is() {
    let graph = StateGraph::<Trace>::new("once")
        .add_node("wait", async |state: View<Trace>| {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, "wait");
    let mut run = sound(graph).invoke(Trace::update().n(41));
    let first =
        Pin::new(&mut run).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(first.is_pending());
    let run = run.context(()).recursion_limit(1).await.expect("it ends");
    assert_eq!((run.state.n, run.supersteps()), (42, 1));
}

#[tokio::test]
async fn names_in_a_limits_error_are_there_once() {
    const OTHER: Worker<u32> = Worker::new("other");
    let work = async |_: u32| {};
    let graph = StateGraph::<Trace>::new("limit")
        .recursion_limit(1)
        .add_worker(WORK, work)
        .add_worker(OTHER, work)
        .add_node("after", async |_: View<Trace>| {})
        .add_conditional_edges(
            START,
            |_: &Trace| {
                let both = |n| [WORK.send(n), OTHER.send(n)];
                (0..3).flat_map(both).collect::<Vec<_>>()
            },
            [WORK, OTHER],
        )
        .add_edge(WORK, "after");
    let error = sound(graph).invoke(Trace::update()).await;
    let RunError::RecursionLimit { last, next, .. } = error.expect_err("there is more to do")
    else {
        panic!("it is the limit");
    };
    assert_eq!(last, [["other", "work"]]);
    assert_eq!(next, ["after"]);
}

/// How many supersteps of 1 ms run before a timeout of 10 ms has its turn.
fn supersteps_until_a_timeout(
    policies: fn(NodeBuilder<Computing>) -> NodeBuilder<Computing>,
) -> usize {
    let runtime = Builder::new_current_thread().enable_time().build();
    let ran = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ran);
    let again: Computing = Box::new(move |_| {
        let counted = Arc::clone(&counted);
        Box::pin(async move {
            counted.fetch_add(1, Ordering::SeqCst);
            let begin = Instant::now();
            compute_until(|| begin.elapsed() > Duration::from_millis(1));
        })
    });
    let graph = StateGraph::<Trace>::new("loop")
        .add_node("again", policies(node(again)))
        .add_edge(START, "again")
        .add_conditional_edges("again", |_: &Trace| "again", ["again", END]);
    let graph = sound(graph);
    let ended = runtime.expect("a runtime").block_on(async {
        tokio::time::timeout(Duration::from_millis(10), graph.invoke(Trace::update())).await
    });
    assert!(ended.is_err(), "the timeout comes first");
    ran.load(Ordering::SeqCst)
}

type Computing = Box<dyn Fn(View<Trace>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

#[test]
fn loops_that_compute_let_a_timeout_have_its_turn() {
    let plain = supersteps_until_a_timeout(|node| node);
    assert!(plain < 200, "{plain} supersteps ran before it had its turn");
    let policed = supersteps_until_a_timeout(|node| node.timeout(LONG));
    assert!(
        policed < 200,
        "{policed} supersteps ran before it had its turn"
    );
}
