//! One task from its start to its end: attempts, timeouts, panics.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;

use super::error::{Panicked, TimedOut};
use crate::compile::Frozen;
use crate::merge::panic_message;
use crate::node::{BoxFuture, Frame, Input, NodeError, Outcome, Payload, Place};
use crate::plan::Task;
use crate::state::State;

/// What all tasks of a run share.
pub(super) struct Shared<S: State, C> {
    pub(super) graph: Arc<Frozen<S, C>>,
    pub(super) context: Arc<C>,
    /// One permit for each task that may be at work at once.
    pub(super) permits: Option<Semaphore>,
    pub(super) rehearsal: Option<super::Rehearsal>,
    /// Whether there are neither permits nor a rehearsal to think of.
    pub(super) plain: bool,
}

/// A task that has ended.
pub(super) struct Ended<S: State> {
    /// Its number in the superstep.
    pub(super) index: u32,
    /// How many attempts were made.
    pub(super) attempts: u32,
    pub(super) result: Result<Outcome<S>, NodeError>,
}

impl<S: State> Ended<S> {
    pub(super) fn failed(&self) -> bool {
        self.result.is_err()
    }
}

/// A task after its first poll.
pub(super) enum Begun<S: State> {
    Ended(Ended<S>),
    AtWork(TaskFuture<S>),
}

/// A task at work. Completes with [`Ended`], and never panics.
pub(super) struct TaskFuture<S: State> {
    index: u32,
    work: Work<S>,
}

enum Work<S: State> {
    /// The one attempt of a node without policies.
    Once(BoxFuture<Result<Outcome<S>, NodeError>>),
    /// Whatever its policies make of it.
    Policed(BoxFuture<(u32, Result<Outcome<S>, NodeError>)>),
}

/// Starts a task and polls it once: the shortest way to its end, for the many
/// bodies that have nothing to wait for.
#[inline(always)]
pub(super) fn begin<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    index: u32,
    task: Task,
    cx: &mut Context<'_>,
) -> Begun<S> {
    let node = shared.graph.node(task.node);
    if !node.plain || !shared.plain {
        return begin_policed(shared, state, superstep, index, task, cx);
    }
    let place = place(superstep, 1, &task);
    let sent = task.send.map(|(_, input)| input);
    // The call can panic as well as the poll: one guard for both.
    let begun = caught(|| {
        let mut future = call(shared, state, place, sent);
        match future.as_mut().poll(cx) {
            Poll::Ready(result) => Ok(result),
            Poll::Pending => Err(future),
        }
    });
    let result = match begun {
        Ok(Ok(result)) => result,
        Ok(Err(future)) => {
            let work = Work::Once(future);
            return Begun::AtWork(TaskFuture { index, work });
        }
        Err(panic) => Err(panic),
    };
    Begun::Ended(Ended {
        index,
        attempts: 1,
        result,
    })
}

#[cold]
#[inline(never)]
fn begin_policed<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    index: u32,
    task: Task,
    cx: &mut Context<'_>,
) -> Begun<S> {
    let rehearsal = shared.rehearsal.as_ref();
    if rehearsal.is_some_and(|rehearsal| rehearsal.fails(superstep, index)) {
        return Begun::Ended(Ended {
            index,
            attempts: 1,
            result: Err(NodeError::msg("failure injected by the test")),
        });
    }
    let (shared, state) = (Arc::clone(shared), Arc::clone(state));
    let work = Work::Policed(Box::pin(attempts(shared, state, superstep, task)));
    let mut future = TaskFuture { index, work };
    match Pin::new(&mut future).poll(cx) {
        Poll::Ready(ended) => Begun::Ended(ended),
        Poll::Pending => Begun::AtWork(future),
    }
}

impl<S: State> Future for TaskFuture<S> {
    type Output = Ended<S>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<S>> {
        let index = self.index;
        let (attempts, result) = match &mut self.work {
            Work::Once(future) => (1, std::task::ready!(guarded(future, cx))),
            // What is around the body can panic too, such as a clone of its input.
            Work::Policed(future) => match caught(|| future.as_mut().poll(cx)) {
                Ok(poll) => std::task::ready!(poll),
                Err(panic) => (1, Err(panic)),
            },
        };
        Poll::Ready(Ended {
            index,
            attempts,
            result,
        })
    }
}

/// Polls a body, and makes a panic its error.
fn guarded<T>(
    future: &mut BoxFuture<Result<T, NodeError>>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, NodeError>> {
    caught(|| future.as_mut().poll(cx)).unwrap_or_else(|panic| Poll::Ready(Err(panic)))
}

/// Calls `f`, and makes a panic its error.
fn caught<T>(f: impl FnOnce() -> T) -> Result<T, NodeError> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| Panicked(panic_message(&*panic)).into())
}

fn place(superstep: u64, attempt: u32, task: &Task) -> Place {
    Place {
        node: task.node,
        send: task.send.as_ref().map(|&(number, _)| number),
        superstep,
        attempt,
    }
}

/// Calls a body. The call itself can panic, before there is a future.
#[inline]
fn call<S: State, C: Send + Sync + 'static>(
    shared: &Shared<S, C>,
    state: &Arc<S>,
    place: Place,
    sent: Option<Box<dyn Payload>>,
) -> BoxFuture<Result<Outcome<S>, NodeError>> {
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
) -> (u32, Result<Outcome<S>, NodeError>) {
    let _permit = match &shared.permits {
        Some(permits) => permits.acquire().await.ok(),
        None => None,
    };
    let retry = shared.graph.node(task.node).policy.retry.as_ref();
    let mut attempt = 1;
    loop {
        let place = place(superstep, attempt, &task);
        let sent = task.send.as_ref().map(|(_, input)| input.clone());
        let error = match one_attempt(&shared, &state, place, sent).await {
            Ok(outcome) => return (attempt, Ok(outcome)),
            Err(error) => error,
        };
        let Some(retry) = retry else {
            return (attempt, Err(error));
        };
        match caught(|| retry.goes_on(attempt, &error)) {
            Ok(true) => {}
            Ok(false) => return (attempt, Err(error)),
            Err(panic) => return (attempt, Err(panic)),
        }
        let delay = retry.delay_after(attempt);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        attempt += 1;
    }
}

async fn one_attempt<S: State, C: Send + Sync + 'static>(
    shared: &Shared<S, C>,
    state: &Arc<S>,
    place: Place,
    sent: Option<Box<dyn Payload>>,
) -> Result<Outcome<S>, NodeError> {
    let mut future = caught(|| call(shared, state, place, sent))?;
    let guarded = std::future::poll_fn(|cx| guarded(&mut future, cx));
    match shared.graph.node(place.node).policy.timeout {
        None => guarded.await,
        Some(timeout) => tokio::time::timeout(timeout, guarded)
            .await
            .unwrap_or_else(|_elapsed| Err(TimedOut(timeout).into())),
    }
}
