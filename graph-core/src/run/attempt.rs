//! One task from its start to its end: attempts, timeouts, panics.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;

use super::error::{Panicked, TimedOut};
use crate::compile::Frozen;
use crate::merge::panic_message;
use crate::node::{BoxCall, BoxFuture, Frame, Input, NodeError, Outcome, Payload, Place};
use crate::plan::Task;
use crate::state::State;

/// What all tasks of a run share.
pub(super) struct Shared<S: State, C> {
    pub(super) graph: Arc<Frozen<S, C>>,
    pub(super) context: Arc<C>,
    /// One permit for each task that may be at work at once.
    pub(super) permits: Option<Semaphore>,
}

impl<S: State, C> Shared<S, C> {
    /// Whether a task of the node is one call, with nothing around it.
    #[inline]
    pub(super) fn calls_plainly(&self, task: &Task) -> bool {
        self.permits.is_none() && self.graph.node(task.node).plain
    }
}

/// A task that succeeded.
pub(super) struct Done<S: State> {
    /// How many attempts were made.
    pub(super) attempts: u32,
    pub(super) outcome: Outcome<S>,
}

/// A task that failed for good.
pub(super) struct Failed {
    /// How many attempts were made.
    pub(super) attempts: u32,
    pub(super) error: NodeError,
}

impl Failed {
    /// A failure of the first attempt.
    pub(super) fn once(error: impl Into<NodeError>) -> Self {
        Self {
            attempts: 1,
            error: error.into(),
        }
    }

    pub(super) fn panicked(panic: &(dyn Any + Send)) -> Self {
        Self::once(Panicked(panic_message(panic)))
    }
}

/// How a task ended.
pub(super) type Ended<S> = Result<Done<S>, Failed>;

/// A task after its first poll.
pub(super) enum Begun<S: State> {
    Ended(Ended<S>),
    AtWork(TaskFuture<S>),
}

/// A task at work. Never panics.
pub(super) enum TaskFuture<S: State> {
    /// The one attempt of a node without policies.
    Once(BoxCall<S>),
    /// Whatever its policies make of it.
    Policed(BoxFuture<Ended<S>>),
}

/// Starts a task and polls it once: the shortest way to its end, for the many
/// bodies that have nothing to wait for. A panic of the body passes through.
#[inline]
pub(super) fn begin<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    task: Task,
    cx: &mut Context<'_>,
) -> Begun<S> {
    if !shared.calls_plainly(&task) {
        return begin_policed(shared, state, superstep, task, cx);
    }
    let place = place(superstep, 1, &task);
    let mut call = call(shared, state, place, task.send.map(|(_, input)| input));
    match call.as_mut().poll_outcome(cx) {
        Poll::Ready(result) => Begun::Ended(ended(1, result)),
        Poll::Pending => Begun::AtWork(TaskFuture::Once(call)),
    }
}

#[cold]
#[inline(never)]
fn begin_policed<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    task: Task,
    cx: &mut Context<'_>,
) -> Begun<S> {
    let (shared, state) = (Arc::clone(shared), Arc::clone(state));
    let mut future = TaskFuture::Policed(Box::pin(attempts(shared, state, superstep, task)));
    match Pin::new(&mut future).poll(cx) {
        Poll::Ready(ended) => Begun::Ended(ended),
        Poll::Pending => Begun::AtWork(future),
    }
}

#[inline]
pub(super) fn ended<S: State>(attempts: u32, result: Result<Outcome<S>, NodeError>) -> Ended<S> {
    match result {
        Ok(outcome) => Ok(Done { attempts, outcome }),
        Err(error) => Err(Failed { attempts, error }),
    }
}

impl<S: State> Future for TaskFuture<S> {
    type Output = Ended<S>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<S>> {
        let polled = caught(|| match &mut *self {
            Self::Once(call) => call.as_mut().poll_outcome(cx).map(|end| ended(1, end)),
            // What is around the body can panic too, such as a clone of its input.
            Self::Policed(future) => future.as_mut().poll(cx),
        });
        polled.unwrap_or_else(|panic| Poll::Ready(Err(Failed::once(panic))))
    }
}

/// Calls `f`, and makes a panic its error.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, NodeError> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| Panicked(panic_message(&*panic)).into())
}

#[inline]
pub(super) fn place(superstep: u64, attempt: u32, task: &Task) -> Place {
    Place {
        node: task.node,
        send: task.send.as_ref().map(|&(number, _)| number),
        superstep,
        attempt,
    }
}

/// Calls a body. The call itself can panic, before there is a future.
#[inline]
pub(super) fn call<S: State, C: Send + Sync + 'static>(
    shared: &Shared<S, C>,
    state: &Arc<S>,
    place: Place,
    sent: Option<Box<dyn Payload>>,
) -> BoxCall<S> {
    let graph = &shared.graph;
    let frame = Frame {
        context: &shared.context,
        names: &graph.names,
        place,
    };
    let input = match sent {
        None => Input::State(state),
        Some(payload) => Input::Sent(payload),
    };
    graph.node(place.node).body.call(input, &frame)
}

/// Waits for a permit, then tries until the task succeeds or its policy gives
/// up. The permit is held over the waits between attempts.
async fn attempts<S: State, C: Send + Sync + 'static>(
    shared: Arc<Shared<S, C>>,
    state: Arc<S>,
    superstep: u64,
    task: Task,
) -> Ended<S> {
    let _permit = match &shared.permits {
        Some(permits) => permits.acquire().await.ok(),
        None => None,
    };
    let retry = shared.graph.node(task.node).policy.retry.as_ref();
    let mut attempt = 1;
    loop {
        let place = place(superstep, attempt, &task);
        let sent = task.send.as_ref().map(|(_, input)| input.clone());
        let mut result = one_attempt(&shared, &state, place, sent).await;
        if let (Err(error), Some(retry)) = (&result, retry) {
            match caught(|| retry.goes_on(attempt, error)) {
                Ok(true) => {
                    wait(retry.delay_after(attempt)).await;
                    attempt += 1;
                    continue;
                }
                Ok(false) => {}
                Err(panic) => result = Err(panic),
            }
        }
        return ended(attempt, result);
    }
}

async fn wait(delay: std::time::Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

async fn one_attempt<S: State, C: Send + Sync + 'static>(
    shared: &Shared<S, C>,
    state: &Arc<S>,
    place: Place,
    sent: Option<Box<dyn Payload>>,
) -> Result<Outcome<S>, NodeError> {
    let mut call = caught(|| call(shared, state, place, sent))?;
    let guarded = std::future::poll_fn(|cx| {
        let polled = caught(|| call.as_mut().poll_outcome(cx));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panic)))
    });
    match shared.graph.node(place.node).policy.timeout {
        None => guarded.await,
        Some(timeout) => tokio::time::timeout(timeout, guarded)
            .await
            .unwrap_or_else(|_elapsed| Err(TimedOut(timeout).into())),
    }
}
