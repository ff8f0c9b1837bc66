//! One task from its start to its end: attempts, timeouts, panics.

use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::hooks::{Ledger, Referee};
use super::settle::TaskKey;
use super::stop::Stops;
use super::watch::{Watch, WatchedTask};
use crate::compile::Frozen;
use crate::merge::panic_message;
use crate::node::{
    Arrivals, Asked, BoxCall, BoxFuture, Desk, Emitter, Frame, Input, NodeError, Outcome, Panicked,
    Payload, Place, TimedOut,
};
use crate::plan::{How, Task};
use crate::state::State;

/// What all tasks of a run share.
pub(super) struct Shared<S: State, C> {
    pub(super) graph: Arc<Frozen<S, C>>,
    /// There is none where no body runs.
    pub(super) context: Option<Arc<C>>,
    /// One permit for each task that may be at work at once.
    pub(super) permits: Option<Semaphore>,
    /// Takes down what tasks leave, on a thread.
    pub(super) ledger: Option<Arc<dyn Ledger<S>>>,
    /// Decides about joins that have rules, if there are any.
    pub(super) referee: Option<Arc<dyn Referee<S>>>,
    pub(super) watching: Option<Watching<S>>,
    /// What may end the run before its end.
    pub(super) stops: Option<Arc<Stops>>,
}

/// Whoever watches the run.
pub(super) struct Watching<S: State> {
    pub(super) watch: Arc<Watch<S>>,
    /// The same, for bodies.
    emitter: Arc<dyn Emitter>,
}

impl<S: State> Watching<S> {
    pub(super) fn new(watch: Watch<S>) -> Self {
        let watch = Arc::new(watch);
        Self {
            emitter: Arc::clone(&watch) as _,
            watch,
        }
    }
}

impl<S: State, C> Shared<S, C> {
    /// Whether a task of the node is one call, with nothing around it but what
    /// is told of it.
    #[inline]
    pub(super) fn calls_plainly(&self, task: &Task) -> bool {
        self.permits.is_none() && self.ledger.is_none() && self.graph.node(task.node).plain
    }

    /// Whether, moreover, what follows it is found without a look at joins that
    /// have rules.
    #[inline]
    pub(super) fn goes_alone(&self, task: &Task) -> bool {
        self.permits.is_none() && self.ledger.is_none() && self.graph.node(task.node).alone
    }

    pub(super) fn watch(&self) -> Option<&Arc<Watch<S>>> {
        self.watching.as_ref().map(|watching| &watching.watch)
    }
}

/// A task that did not fail, or whose failure is data.
pub(super) struct Done<S: State> {
    /// How many attempts were made.
    pub(super) attempts: u32,
    /// Whether it waits for answers; the outcome is then empty.
    pub(super) paused: bool,
    /// Of a task that a join waits for, how it ended; the outcome is empty unless
    /// it succeeded.
    pub(super) ending: Option<Box<Ending>>,
    pub(super) outcome: Outcome<S>,
}

/// How a task ended that a join waits for.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    /// Its place in the order in which such tasks of the superstep ended; none if
    /// it was dropped.
    pub(super) place: Option<u32>,
    pub(super) how: How,
}

impl<S: State> Done<S> {
    /// A task that ended in this way at its first attempt.
    pub(super) fn of(outcome: Outcome<S>) -> Self {
        Self {
            attempts: 1,
            paused: false,
            ending: None,
            outcome,
        }
    }

    /// Whether what it wrote counts, and its exits are followed.
    #[inline]
    pub(super) fn has_succeeded(&self) -> bool {
        self.ending.as_deref().is_none_or(Ending::is_success)
    }
}

impl Ending {
    pub(super) fn is_success(&self) -> bool {
        self.how == How::Done
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
    if shared.watching.is_some() || !shared.calls_plainly(&task) {
        let key = TaskKey::of(&task);
        let work = Box::pin(attempts(
            Arc::clone(shared),
            Arc::clone(state),
            superstep,
            task,
        ));
        return TaskFuture::Policed(supervised(shared, key, work));
    }
    let place = place(superstep, 1, &task);
    let sent = task.send.map(|(_, input)| input);
    match caught(|| call(shared, state, place, sent, None, task.arrivals.as_ref())) {
        Ok(call) => TaskFuture::Once(call),
        Err(panic) => TaskFuture::Over(Some(Failed::once(panic))),
    }
}

/// The same task; if a join waits for it, until that waits no more.
fn supervised<S: State, C>(
    shared: &Shared<S, C>,
    task: TaskKey,
    work: BoxFuture<Ended<S>>,
) -> BoxFuture<Ended<S>> {
    match &shared.referee {
        Some(referee) if referee.is_member(task) => {
            Arc::clone(referee).supervise(task, shared.ledger.clone(), work)
        }
        _ => work,
    }
}

/// A task that fails at its start.
#[cfg(feature = "testing")]
pub(super) fn start_failing<S: State, C>(
    shared: &Shared<S, C>,
    task: &Task,
    error: NodeError,
) -> TaskFuture<S> {
    let failed = std::future::ready(Err(Failed::once(error)));
    TaskFuture::Policed(supervised(shared, TaskKey::of(task), Box::pin(failed)))
}

fn ended<S: State>(attempts: u32, result: Result<Outcome<S>, NodeError>) -> Ended<S> {
    match result {
        Ok(outcome) => Ok(Done {
            attempts,
            paused: false,
            ending: None,
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
    arrivals: Option<&Arc<Arrivals>>,
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
        emitter: shared.watching.as_ref().map(|watching| &watching.emitter),
        arrivals,
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
    mut task: Task,
) -> Ended<S> {
    let mut watched = shared
        .watch()
        .map(|watch| WatchedTask::new(watch, place(superstep, 1, &task)));
    let _permit = match &shared.permits {
        Some(permits) => permits.acquire().await.ok(),
        None => None,
    };
    let retry = shared.graph.node(task.node).policy.retry.as_ref();
    let key = TaskKey::of(&task);
    let desk = match &shared.ledger {
        Some(ledger) => Some(ledger.desk(key)),
        None => retry.map(|_| Arc::new(Desk::default())),
    };
    let mut attempt = 1;
    loop {
        let place = place(superstep, attempt, &task);
        if let Some(watched) = &mut watched {
            watched.starts(attempt).await;
        }
        let is_last = retry.is_none_or(|retry| retry.is_last(attempt));
        let sent = caught(|| sent(&mut task, is_last));
        let mut result = match sent {
            Ok(sent) => {
                let given = Given {
                    sent,
                    desk: desk.as_ref(),
                    arrivals: task.arrivals.as_ref(),
                };
                one_attempt(&shared, &state, place, given).await
            }
            Err(panic) => Err(panic),
        };
        if let Some(ended) = take_down(&shared, key, attempt, desk.as_deref(), &mut result) {
            return told(watched, ended).await;
        }
        if let (Err(error), Some(retry)) = (&result, retry) {
            match caught(|| retry.goes_on(attempt, error)) {
                Ok(true) => {
                    let delay = retry.delay_after(attempt);
                    if let Some(watched) = &watched {
                        watched.retries(error, delay);
                    }
                    wait(delay).await;
                    attempt += 1;
                    continue;
                }
                Ok(false) => {}
                Err(panic) => result = Err(panic),
            }
        }
        return told(watched, ended(attempt, result)).await;
    }
}

/// Takes down how the task ended, if an attempt was its end.
fn take_down<S: State, C>(
    shared: &Shared<S, C>,
    task: TaskKey,
    attempt: u32,
    desk: Option<&Desk>,
    result: &mut Result<Outcome<S>, NodeError>,
) -> Option<Ended<S>> {
    let ledger = shared.ledger.as_deref();
    if let Some(referee) = &shared.referee
        && referee.is_member(task)
    {
        // Without a thread there is nobody to ask.
        let asked = match (desk, ledger) {
            (Some(desk), Some(_)) => desk.asked(),
            _ => Asked::Nothing,
        };
        return referee.take_down(ledger, task, attempt, asked, result);
    }
    ledger?.take_down(task, attempt, desk?.asked(), result, None)
}

/// Tells of a task's end.
async fn told<S: State>(watched: Option<WatchedTask<S>>, ended: Ended<S>) -> Ended<S> {
    if let Some(watched) = watched {
        watched.ends(&ended).await;
    }
    ended
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

/// What an attempt is given beside the state.
struct Given<'a> {
    sent: Option<Box<dyn Payload>>,
    desk: Option<&'a Arc<Desk>>,
    arrivals: Option<&'a Arc<Arrivals>>,
}

async fn one_attempt<S: State, C: Send + Sync + 'static>(
    shared: &Shared<S, C>,
    state: &Arc<S>,
    place: Place,
    given: Given<'_>,
) -> Result<Outcome<S>, NodeError> {
    let Given {
        sent,
        desk,
        arrivals,
    } = given;
    if let Some(desk) = desk {
        desk.begin_attempt();
    }
    let mut call = caught(|| call(shared, state, place, sent, desk, arrivals))?;
    let watch = shared.watch();
    let mut room: Option<BoxFuture<()>> = None;
    let guarded = poll_fn(|cx| {
        if let Some(watch) = watch.filter(|watch| room.is_some() || watch.is_full()) {
            ready!(
                room.get_or_insert_with(|| watch.boxed_room())
                    .as_mut()
                    .poll(cx)
            );
            room = None;
        }
        let polled = caught(|| call.as_mut().poll_outcome(cx));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panic)))
    });
    let result = match shared.graph.node(place.node).policy.timeout {
        None => guarded.await,
        Some(timeout) => tokio::time::timeout(timeout, guarded)
            .await
            .unwrap_or_else(|_elapsed| Err(TimedOut(timeout).into())),
    };
    // What the future holds can panic when it is dropped.
    caught(|| drop(call))?;
    result
}
