//! One task from its start to its end: attempts, timeouts, panics.

use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::cached::RunCached;
use super::hooks::Ledger;
use super::limits::{RunLimits, admit};
use super::settle::TaskKey;
use crate::compile::Frozen;
use crate::merge::panic_message;
use crate::node::{
    BoxCall, BoxFuture, Desk, Frame, Input, NodeError, Outcome, Panicked, Payload, Place, TimedOut,
};
use crate::plan::Task;
use crate::state::State;

/// What all tasks of a run share.
pub(super) struct Shared<S: State, C> {
    pub(super) graph: Arc<Frozen<S, C>>,
    /// There is none where no body runs.
    pub(super) context: Option<Arc<C>>,
    pub(super) limits: RunLimits,
    /// Takes down what tasks leave, on a thread.
    pub(super) ledger: Option<Arc<dyn Ledger<S>>>,
}

impl<S: State, C> Shared<S, C> {
    /// Whether a task of the node is one call, with nothing around it.
    #[inline]
    pub(super) fn calls_plainly(&self, task: &Task) -> bool {
        self.limits.are_none() && self.ledger.is_none() && self.graph.node(task.node).plain
    }
}

/// A task that did not fail.
pub(super) struct Done<S: State> {
    /// How many attempts were made; 0 if what it comes to was known.
    pub(super) attempts: u32,
    /// Whether it waits for answers; the outcome is then empty.
    pub(super) paused: bool,
    pub(super) outcome: Outcome<S>,
}

impl<S: State> Done<S> {
    /// A task that ended in this way at its first attempt.
    pub(super) fn of(outcome: Outcome<S>) -> Self {
        Self {
            attempts: 1,
            paused: false,
            outcome,
        }
    }
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
}

/// How a task ended.
pub(super) type Ended<S> = Result<Done<S>, Failed>;

/// A task from its start on. Neither its polls nor its drop at the end panic.
pub(super) enum TaskFuture<S: State> {
    /// The one attempt of a node without policies.
    Once(BoxCall<S>),
    /// Whatever its policies make of it.
    Policed(BoxFuture<Ended<S>>),
    /// Nothing more, but for a failure at the start.
    Over(Option<Failed>),
}

/// Starts a task. Most bodies end at their first poll.
#[inline]
pub(super) fn start<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    task: Task,
) -> TaskFuture<S> {
    if !shared.calls_plainly(&task) {
        let (shared, state) = (Arc::clone(shared), Arc::clone(state));
        let graph = &shared.graph;
        let cache = match &graph.node(task.node).policy.cache {
            Some(_) => graph.cache.as_ref(),
            None => None,
        };
        let run = cache.and_then(|cache| cache.run.downcast_ref::<RunCached<S, C>>());
        return TaskFuture::Policed(match run {
            Some(run) => run(shared, state, superstep, task),
            None => Box::pin(attempts(shared, state, superstep, task)),
        });
    }
    let place = place(superstep, 1, &task);
    let sent = task.send.map(|(_, input)| input);
    match caught(|| call(shared, state, place, sent, None)) {
        Ok(call) => TaskFuture::Once(call),
        Err(panic) => TaskFuture::Over(Some(Failed::once(panic))),
    }
}

pub(super) fn ended<S: State>(attempts: u32, result: Result<Outcome<S>, NodeError>) -> Ended<S> {
    match result {
        Ok(outcome) => Ok(Done {
            attempts,
            paused: false,
            outcome,
        }),
        Err(error) => Err(Failed { attempts, error }),
    }
}

impl<S: State> Future for TaskFuture<S> {
    type Output = Ended<S>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<S>> {
        let polled = caught(|| {
            let ended = match &mut *self {
                Self::Once(call) => ended(1, ready!(call.as_mut().poll_outcome(cx))),
                Self::Policed(future) => ready!(future.as_mut().poll(cx)),
                Self::Over(failed) => Err(failed.take().expect("it is not polled after its end")),
            };
            // In here, since what the future holds can panic when it is dropped.
            drop(mem::replace(&mut *self, Self::Over(None)));
            Poll::Ready(ended)
        });
        polled.unwrap_or_else(|panic| {
            drop(caught(|| drop(mem::replace(&mut *self, Self::Over(None)))));
            Poll::Ready(Err(Failed::once(panic)))
        })
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
    desk: Option<&Arc<Desk>>,
) -> BoxCall<S> {
    let graph = &shared.graph;
    let frame = Frame {
        context: shared
            .context
            .as_ref()
            .expect("bodies run in runs, which have one"),
        names: &graph.names,
        place,
        desk,
    };
    let input = match sent {
        None => Input::State(state),
        Some(payload) => Input::Sent(payload),
    };
    graph.node(place.node).body.call(input, &frame)
}

/// Tries until the task succeeds or its policy gives up.
pub(super) async fn attempts<S: State, C: Send + Sync + 'static>(
    shared: Arc<Shared<S, C>>,
    state: Arc<S>,
    superstep: u64,
    mut task: Task,
) -> Ended<S> {
    let retry = shared.graph.node(task.node).policy.retry.as_ref();
    let budget = shared.limits.budget();
    let key = TaskKey::of(&task);
    let desk = match &shared.ledger {
        Some(ledger) => Some(ledger.desk(key)),
        None if retry.is_some() || budget.is_some() => Some(Arc::default()),
        None => None,
    };
    if let (Some(desk), Some(budget)) = (&desk, budget) {
        desk.lend(budget);
    }
    let mut attempt = 1;
    loop {
        let place = place(superstep, attempt, &task);
        let is_last = retry.is_none_or(|retry| retry.is_last(attempt));
        let mut result =
            one_attempt(&shared, &state, place, &mut task, is_last, desk.as_ref()).await;
        if let (Some(desk), Some(ledger)) = (&desk, &shared.ledger)
            && let Some(ended) = ledger.take_down(key, attempt, desk.asked(), &mut result)
        {
            return ended;
        }
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

/// The input of an attempt: a copy, unless it is the last.
fn sent(task: &mut Task, is_last: bool) -> Option<Box<dyn Payload>> {
    if is_last {
        task.send.take().map(|(_, input)| input)
    } else {
        task.send.as_ref().map(|(_, input)| input.clone())
    }
}

async fn wait(delay: Duration) {
    if delay.is_zero() {
        // Or else a node that always fails at once could not be cancelled.
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(delay).await;
    }
}

/// Waits until an attempt may begin, and makes it.
async fn one_attempt<S: State, C: Send + Sync + 'static>(
    shared: &Shared<S, C>,
    state: &Arc<S>,
    place: Place,
    task: &mut Task,
    is_last: bool,
    desk: Option<&Arc<Desk>>,
) -> Result<Outcome<S>, NodeError> {
    if let Some(desk) = desk {
        desk.begin_attempt();
    }
    let policy = &shared.graph.node(place.node).policy;
    // Given back when this returns, before any wait for another attempt.
    let _admitted = admit(&shared.limits, policy, place.node).await?;
    let sent = caught(|| sent(task, is_last))?;
    let mut call = caught(|| call(shared, state, place, sent, desk))?;
    let guarded = poll_fn(|cx| {
        let polled = caught(|| call.as_mut().poll_outcome(cx));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panic)))
    });
    let result = match policy.timeout {
        None => guarded.await,
        Some(timeout) => tokio::time::timeout(timeout, guarded)
            .await
            .unwrap_or_else(|_elapsed| Err(TimedOut(timeout).into())),
    };
    // What the future holds can panic when it is dropped.
    caught(|| drop(call))?;
    result
}
