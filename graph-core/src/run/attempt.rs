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
}

/// A task that has ended.
pub(super) struct Ended<S: State> {
    /// Its number in the superstep.
    pub(super) index: u32,
    /// How many attempts were made.
    pub(super) attempts: u32,
    pub(super) result: Result<Outcome<S>, NodeError>,
}

/// A task at work. Completes with [`Ended`], never panics, and keeps nothing
/// of the state once it has ended and was dropped.
pub(super) struct TaskFuture<S: State> {
    index: u32,
    work: Work<S>,
}

enum Work<S: State> {
    /// The one attempt of a node without policies.
    Once(BoxFuture<Result<Outcome<S>, NodeError>>),
    /// Whatever its policies make of it.
    Policed(BoxFuture<(u32, Result<Outcome<S>, NodeError>)>),
    /// It failed before there was a future.
    Failed(Option<NodeError>),
}

impl<S: State> TaskFuture<S> {
    pub(super) fn start<C: Send + Sync + 'static>(
        shared: &Arc<Shared<S, C>>,
        state: &Arc<S>,
        superstep: u64,
        index: u32,
        task: Task,
    ) -> Self {
        let policy = &shared.graph.node(task.node).policy;
        let plain = policy.retry.is_none() && policy.timeout.is_none();
        let injected = shared
            .rehearsal
            .as_ref()
            .is_some_and(|rehearsal| rehearsal.fails(superstep, index));
        let work = if injected {
            Work::Failed(Some(NodeError::msg("failure injected by the test")))
        } else if plain && shared.permits.is_none() {
            let place = place(superstep, 1, &task);
            match call(shared, state, place, task.send.map(|(_, input)| input)) {
                Ok(future) => Work::Once(future),
                Err(error) => Work::Failed(Some(error)),
            }
        } else {
            let (shared, state) = (Arc::clone(shared), Arc::clone(state));
            Work::Policed(Box::pin(attempts(shared, state, superstep, task)))
        };
        Self { index, work }
    }
}

impl<S: State> Future for TaskFuture<S> {
    type Output = Ended<S>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<S>> {
        let index = self.index;
        let (attempts, result) = match &mut self.work {
            Work::Once(future) => (1, std::task::ready!(guarded(future, cx))),
            Work::Policed(future) => std::task::ready!(future.as_mut().poll(cx)),
            Work::Failed(error) => {
                let again = || NodeError::msg("polled after its end");
                (1, Err(error.take().unwrap_or_else(again)))
            }
        };
        Poll::Ready(Ended {
            index,
            attempts,
            result,
        })
    }
}

/// Polls a body, and makes a panic its error.
#[inline]
fn guarded<T>(
    future: &mut BoxFuture<Result<T, NodeError>>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, NodeError>> {
    catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)))
        .unwrap_or_else(|panic| Poll::Ready(Err(Panicked(panic_message(&*panic)).into())))
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
) -> Result<BoxFuture<Result<Outcome<S>, NodeError>>, NodeError> {
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
    let body = &graph.node(place.node).body;
    catch_unwind(AssertUnwindSafe(|| body.call(input, &frame)))
        .map_err(|panic| Panicked(panic_message(&*panic)).into())
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
        let Some(retry) = retry.filter(|retry| retry.goes_on(attempt, &error)) else {
            return (attempt, Err(error));
        };
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
    let mut future = call(shared, state, place, sent)?;
    let guarded = std::future::poll_fn(|cx| guarded(&mut future, cx));
    match shared.graph.node(place.node).policy.timeout {
        None => guarded.await,
        Some(timeout) => tokio::time::timeout(timeout, guarded)
            .await
            .unwrap_or_else(|_elapsed| Err(TimedOut(timeout).into())),
    }
}
