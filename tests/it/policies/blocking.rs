//! Functions that are not async, on threads of their own.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a node takes its arguments by value"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use superstep::prelude::*;
use superstep::{Limiter, MemoryCheckpointer, NodeError, Status, blocking};
use tokio::sync::Notify;

use crate::common::{
    Alive, Trace, TraceUpdate, chain, error_of, marks, oops, poll_to_end, ran, sound,
};

/// What a test hands to one call, once.
#[derive(Debug)]
struct Slot<T>(Mutex<Option<T>>);

impl<T> Slot<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    fn take(&self) -> T {
        let taken = self.0.lock().expect("nobody panics here").take();
        taken.expect("it is taken once")
    }
}

/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_secs(60);

fn name(ctx: Ctx) -> TraceUpdate {
    Trace::update().log(ctx.task().to_string())
}

#[tokio::test]
async fn every_shape_of_function_can_block() {
    const WORK: Worker<String> = Worker::new("work");
    const TOLD: Worker<String> = Worker::new("told");
    let graph = StateGraph::<Trace>::new("shapes")
        .add_node(
            "a",
            blocking(|state: View<Trace>| Trace::update().n(state.n + 1)),
        )
        .add_node("b", node(blocking(name)).timeout(LONG))
        .add_node(
            "c",
            blocking(|state: View<Trace>, ctx: Ctx| -> NodeResult<TraceUpdate> {
                Ok(Trace::update().log(format!("{} {}", ctx.node(), state.n)))
            }),
        )
        .add_node("d", blocking(|_: View<Trace>| Command::new().goto("e")))
        .add_node("e", blocking(|_: View<Trace>| {}))
        .add_worker(WORK, blocking(|text: String| Trace::update().log(text)))
        .add_worker(
            TOLD,
            blocking(|text: String, ctx: Ctx| {
                Trace::update().log(format!("{} {text}", ctx.task()))
            }),
        )
        .add_edge(START, ["a", "b", "c", "d"])
        .add_conditional_edges(
            "a",
            |_: &Trace| [WORK.send("sent".into()), TOLD.send("too".into())],
            (WORK, TOLD),
        );
    let run = sound(graph).invoke(Trace::update().n(7)).await.unwrap();
    assert_eq!(ran(&run), "a b c d | e work told");
    assert_eq!(run.state.n, 8);
    assert_eq!(run.state.log, ["b", "c 7", "sent", "told/0 too"]);
}

#[tokio::test]
async fn those_that_block_hold_up_neither_each_other_nor_the_runtime() {
    let (to, from) = channel();
    let (to, from) = (Slot::new(to), Slot::new(from));
    let barrier = Arc::new(Barrier::new(2));
    let other = Arc::clone(&barrier);
    let waits = move |_: View<Trace>| {
        barrier.wait();
        let from: Receiver<i64> = from.take();
        let n = from
            .recv_timeout(LONG)
            .expect("the async node has its turn");
        Trace::update().n(n)
    };
    // On the test's one thread, which is free.
    let tells = move |_: View<Trace>| {
        let to: Sender<i64> = to.take();
        async move { to.send(7).map_err(|_| oops()) }
    };
    let graph = StateGraph::<Trace>::new("blocked")
        .add_node("a", blocking(waits))
        .add_node(
            "b",
            blocking(move |_: View<Trace>| {
                other.wait();
            }),
        )
        .add_node("c", tells)
        .add_edge(START, ["a", "b", "c"]);
    assert_eq!(
        sound(graph).invoke(Trace::update()).await.unwrap().state.n,
        7
    );
}

#[tokio::test]
async fn a_panic_and_an_error_are_the_nodes() {
    let panics = |_: View<Trace>| -> TraceUpdate { panic!("on a thread") };
    let graph = marks([])
        .add_node("a", blocking(panics))
        .add_edge(START, "a");
    assert_eq!(
        chain(&error_of(graph).await)[1..],
        ["it panicked: on a thread"]
    );

    let fails_first = |ctx: Ctx| match ctx.attempt() {
        1 => Err(oops()),
        2 => panic!("again"),
        n => Ok(Trace::update().n(i64::from(n))),
    };
    let retry = |n| Retry::attempts(n).delay(Duration::ZERO);
    let graph = |n| {
        marks([])
            .add_node("a", node(blocking(fails_first)).retry(retry(n)))
            .add_edge(START, "a")
    };
    assert_eq!(
        sound(graph(3))
            .invoke(Trace::update())
            .await
            .unwrap()
            .state
            .n,
        3
    );
    assert_eq!(
        chain(&error_of(graph(2)).await)[1..],
        ["it panicked: again"]
    );
}

#[tokio::test]
async fn a_fallback_may_block_as_well() {
    let fails = |_: View<Trace>| Err::<TraceUpdate, NodeError>(oops());
    let tells = |ctx: Ctx| {
        let why = ctx.failure().map(ToString::to_string);
        Trace::update().log(why.unwrap_or_default())
    };
    let graph = marks([])
        .add_node("a", node(blocking(fails)).on_error(blocking(tells)))
        .add_edge(START, "a");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["oops"]);
}

#[tokio::test]
async fn a_question_pauses_what_blocks() {
    let asks = |ctx: Ctx| {
        let answer: String = ctx.interrupt("what", 1)?;
        NodeResult::Ok(Trace::update().log(answer))
    };
    let graph = marks([])
        .add_node("a", blocking(asks))
        .add_edge(START, "a")
        .checkpointer(MemoryCheckpointer::new());
    let graph = sound(graph);
    let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    let run = graph.resume("yes").thread("t").await.unwrap();
    assert_eq!(run.state.log, ["yes"]);
}

/// What a function sees of its cancellation.
#[derive(Debug, Default)]
struct Seen {
    begun: Notify,
    cancelled: Notify,
}

/// Says that it has begun, and then waits until nobody wants it any more.
fn waits(_: View<Trace>, ctx: Ctx<Seen>) -> TraceUpdate {
    ctx.begun.notify_one();
    let begin = Instant::now();
    while !ctx.is_cancelled() && begin.elapsed() < LONG {
        std::thread::yield_now();
    }
    if ctx.is_cancelled() {
        ctx.cancelled.notify_one();
    }
    Trace::update().n(1)
}

#[tokio::test]
async fn it_can_see_that_the_run_was_dropped() {
    let graph = StateGraph::<Trace, Seen>::new("dropped")
        .add_node("a", blocking(waits))
        .add_edge(START, "a");
    let seen = Arc::new(Seen::default());
    let run = sound(graph)
        .invoke(Trace::update())
        .context(Arc::clone(&seen));
    tokio::select! {
        _ = run => panic!("nothing ends it"),
        () = seen.begun.notified() => {}
    }
    let noticed = tokio::time::timeout(LONG, seen.cancelled.notified()).await;
    assert!(noticed.is_ok());
}

#[tokio::test]
async fn it_can_see_that_its_sibling_failed_and_the_run_does_not_wait_for_it() {
    let fails = async |ctx: Ctx<Seen>| {
        ctx.begun.notified().await;
        Err::<(), _>(oops())
    };
    for policed in [false, true] {
        let graph = StateGraph::<Trace, Seen>::new("failed").add_node("b", fails);
        let graph = match policed {
            true => graph.add_node("a", node(blocking(waits)).retry(Retry::attempts(3))),
            false => graph.add_node("a", blocking(waits)),
        };
        let graph = sound(graph.add_edge(START, ["a", "b"]));
        let seen = Arc::new(Seen::default());
        let run = graph.invoke(Trace::update()).context(Arc::clone(&seen));
        assert_eq!(chain(&run.await.unwrap_err())[1..], ["oops"]);
        let noticed = tokio::time::timeout(LONG, seen.cancelled.notified()).await;
        assert!(noticed.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn it_can_see_that_its_timeout_has_passed_and_what_it_returns_is_dropped() {
    const TIMEOUT: Duration = Duration::from_millis(5);
    let policed = node(blocking(waits)).timeout(TIMEOUT);
    let rescue = async |_: View<Trace>| Trace::update().log("rescued");
    let graph = StateGraph::<Trace, Seen>::new("late")
        .add_node("a", policed.on_error(rescue))
        .add_edge(START, "a");
    let seen = Arc::new(Seen::default());
    let run = sound(graph)
        .invoke(Trace::update())
        .context(Arc::clone(&seen));
    // It has begun, whatever else the machine does, when its time has passed.
    let passes = async {
        seen.begun.notified().await;
        tokio::time::advance(TIMEOUT).await;
    };
    let (run, ()) = tokio::join!(run.into_future(), passes);
    let run = run.unwrap();
    assert_eq!(
        (run.state.n, run.state.log),
        (0, vec!["rescued".to_owned()])
    );
    seen.cancelled.notified().await;
}

#[test]
fn what_has_not_begun_when_it_is_cancelled_never_does() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let counts = move |_: View<Trace>| {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let fails = async |ctx: Ctx<Seen>| {
        ctx.begun.notified().await;
        Err::<(), _>(oops())
    };
    let graph = StateGraph::<Trace, Seen>::new("queued")
        .add_node("a", blocking(waits))
        .add_node("b", blocking(counts))
        .add_node("c", fails)
        .add_edge(START, ["a", "b", "c"]);
    let graph = sound(graph);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build();
    runtime.expect("there is a runtime").block_on(async {
        let run = graph.invoke(Trace::update()).context(Seen::default());
        assert!(run.await.is_err());
        // Behind it in the queue for the one thread.
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    });
    assert_eq!(begun.load(Ordering::SeqCst), 0);
}

#[test]
fn without_a_runtime_it_says_so() {
    let graph = marks([]).add_node("a", blocking(name)).add_edge(START, "a");
    let run = sound(graph).invoke(Trace::update()).into_future();
    let error = poll_to_end(run).unwrap_err();
    assert_eq!(
        chain(&error)[1..],
        ["there is no tokio runtime to run it on"]
    );
}

#[tokio::test]
async fn it_keeps_its_slots_until_it_returns() {
    /// Longer than the timeout and the wait after it, unless another begins: that is
    /// done at once. It fails, since on a busy machine nobody may have looked whether
    /// its time was over.
    fn lingers(alive: &Alive) -> NodeResult<()> {
        let _guard = alive.enter();
        let begin = Instant::now();
        while alive.ever() < 2 && begin.elapsed() < Duration::from_millis(100) {
            std::thread::yield_now();
        }
        match alive.ever() < 2 {
            true => Err(oops()),
            false => Ok(()),
        }
    }
    // An attempt can be over before a thread begins it.
    let retry = Retry::attempts(10_000).delay(Duration::from_millis(1));
    let retry = retry.factor(1.0);
    let timeout = Duration::from_millis(5);
    for limit in 0..3 {
        for sees_ctx in [true, false] {
            let alive = Alive::default();
            let (one, other) = (alive.clone(), alive.clone());
            let shapes = StateGraph::<Trace>::new("lingering");
            let limiter = Limiter::new().max_concurrency(1);
            macro_rules! add {
                ($function:expr) => {{
                    let policed = node(blocking($function)).timeout(timeout);
                    let policed = policed.retry(retry.clone());
                    match limit {
                        0 => shapes.add_node("a", policed.limiter(&limiter)),
                        1 => shapes.add_node("a", policed.max_concurrency(1)),
                        _ => shapes.add_node("a", policed).max_concurrency(1),
                    }
                }};
            }
            let graph = match sees_ctx {
                true => add!(move |_: Ctx| lingers(&one)),
                false => add!(move |_: View<Trace>| lingers(&other)),
            };
            let graph = sound(graph.add_edge(START, "a"));
            // It is given back in the end, or the second would never begin.
            let run = graph.invoke(Trace::update());
            let run = tokio::time::timeout(LONG, run.into_future()).await;
            assert!(run.is_ok_and(|run| run.is_ok()));
            assert_eq!(alive.most(), 1);
        }
    }
}
