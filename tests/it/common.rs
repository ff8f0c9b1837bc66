//! What the tests share: a state, nodes that leave a trace, ways to read runs.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::test_runner::{Config, RngSeed};
use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Graph, NodeError, Run, RunError};

#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trace {
    /// One writer a superstep.
    pub(crate) n: i64,
    /// What nodes say, in task order.
    #[reduce(Append)]
    pub(crate) log: Vec<String>,
    #[reduce(Sum)]
    pub(crate) sum: u64,
}

/// A node that says its own name.
pub(crate) async fn mark(ctx: Ctx) -> TraceUpdate {
    Trace::update().log(ctx.task().to_string())
}

/// A builder over [`Trace`] with a marking node for each name.
pub(crate) fn marks<const N: usize>(names: [&str; N]) -> StateGraph<Trace> {
    names
        .into_iter()
        .fold(StateGraph::new("test"), |graph, name| {
            graph.add_node(name, mark)
        })
}

/// What ran, as `a b | c`: a bar between supersteps.
pub(crate) fn ran<S>(run: &Run<S>) -> String {
    let step = |names: &Vec<superstep::NodeName>| {
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        names.join(" ")
    };
    run.ran().iter().map(step).collect::<Vec<_>>().join(" | ")
}

/// Compiles a graph that must be sound.
#[track_caller]
pub(crate) fn sound<S: State, C: Send + Sync + 'static>(graph: StateGraph<S, C>) -> Graph<S, C> {
    graph.compile().expect("the test's graph is sound")
}

/// Polls a future that never waits for anybody else.
pub(crate) fn poll_to_end<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
    panic!("it waits for somebody");
}

/// Runs a graph that must end well, and says what ran.
pub(crate) async fn ran_of(graph: StateGraph<Trace>) -> String {
    ran(&sound(graph)
        .invoke(Trace::update())
        .await
        .expect("the run ends well"))
}

/// Runs a graph that must fail.
pub(crate) async fn error_of(graph: StateGraph<Trace>) -> RunError {
    sound(graph)
        .invoke(Trace::update())
        .await
        .expect_err("the run fails")
}

/// Awaits what must end within a day of the paused clock: a failure for what
/// would otherwise hang.
pub(crate) async fn within_a_day<T>(future: impl IntoFuture<Output = T>) -> T {
    let day = Duration::from_secs(24 * 3600);
    let ended = tokio::time::timeout(day, future.into_future()).await;
    ended.expect("it ends")
}

/// Runs a future under a paused clock: what hangs is found at once.
pub(crate) fn on_one_thread<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async { within_a_day(future).await })
}

/// An error's message and those of its causes.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        messages.push(error.to_string());
        cause = error.source();
    }
    messages
}

/// How a law is tried: so many times, each time on the same cases. `PROPTEST_CASES`
/// and `PROPTEST_RNG_SEED` ask for more and for others.
pub(crate) fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..Config::default()
    }
}

pub(crate) fn oops() -> NodeError {
    NodeError::msg("oops")
}

/// Counts what is alive, and how much ever was at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alive(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    now: AtomicUsize,
    most: AtomicUsize,
    ever: AtomicUsize,
}

/// Alive until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard(Alive);

impl Alive {
    pub(crate) fn enter(&self) -> Guard {
        let now = self.0.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(now, Ordering::SeqCst);
        self.0.ever.fetch_add(1, Ordering::SeqCst);
        Guard(self.clone())
    }

    pub(crate) fn now(&self) -> usize {
        self.0.now.load(Ordering::SeqCst)
    }

    pub(crate) fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }

    pub(crate) fn ever(&self) -> usize {
        self.0.ever.load(Ordering::SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}
