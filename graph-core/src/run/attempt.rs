//! One task from its start to its end, and its panics.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::cached::RunCached;
use super::chance::Seed;
use super::hooks::{Ledger, Referee};
use super::limits::RunLimits;
use super::policed::attempts;
use super::remains::Inside;
use super::settle::TaskKey;
use super::spans::Spans;
use super::stop::Stops;
use super::traced::Tracer;
use super::watch::Watch;
use crate::compile::Frozen;
use crate::id::{NodeName, TaskId};
use crate::merge::panic_message;
use crate::node::{
    Arrivals, Asked, Body, BoxCall, BoxFuture, Desk, Emitter, Frame, Input, NodeError, Outcome,
    Panicked, Payload, Place, Scope, Written, WrittenEnd, within,
};
use crate::plan::{How, Task};
use crate::slots::Held;
use crate::state::State;

/// What all tasks of a run share.
pub(super) struct Shared<S: State, C> {
    pub(super) graph: Arc<Frozen<S, C>>,
    /// There is none where no body runs.
    pub(super) context: Option<Arc<C>>,
    pub(super) limits: RunLimits,
    /// Takes down what tasks leave, on a thread.
    pub(super) ledger: Option<Arc<dyn Ledger<S>>>,
    /// Decides about joins that have rules, if there are any.
    pub(super) referee: Option<Arc<dyn Referee<S>>>,
    pub(super) watching: Option<Watching>,
    /// What may end the run before its end.
    pub(super) stops: Option<Arc<Stops>>,
    /// What graphs that are nodes have of this run, if there are any: a
    /// [`Nest`](super::nest::Nest).
    pub(super) nest: Option<Arc<dyn Any + Send + Sync>>,
    /// The task of another graph that it is in, if its graph is a node.
    pub(super) within: Option<Arc<Inside>>,
    pub(super) seed: Seed,
    /// When its tasks are at work.
    pub(super) spans: Arc<Spans>,
    pub(super) tracer: Tracer,
    /// What bodies find out of their task without being told; there once this is
    /// shared.
    pub(super) scope: Option<Arc<Scope>>,
}

/// Whoever watches the run.
pub(super) struct Watching {
    pub(super) watch: Arc<Watch>,
    /// The same, for bodies.
    pub(super) emitter: Arc<dyn Emitter>,
}

impl Watching {
    pub(super) fn new(watch: Watch) -> Self {
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
        self.limits.are_none() && self.ledger.is_none() && self.graph.node(task.node).plain
    }

    /// Whether, moreover, what follows it is found without a look at joins that
    /// have rules.
    #[inline]
    pub(super) fn goes_alone(&self, task: &Task) -> bool {
        self.limits.are_none() && self.ledger.is_none() && self.graph.node(task.node).alone
    }

    /// Takes down how a task has ended, if its attempt was its end.
    pub(super) fn take_down(
        &self,
        task: TaskKey,
        attempt: (u32, bool),
        asked: Asked,
        result: &mut Result<Outcome<S>, NodeError>,
    ) -> Option<Ended<S>> {
        let ledger = self.ledger.as_deref();
        match &self.referee {
            Some(referee) if referee.is_member(task) => {
                referee.take_down(ledger, task, attempt, asked, result)
            }
            _ => ledger?.take_down(task, attempt, asked, result, None),
        }
    }

    #[inline]
    pub(super) fn scope(&self) -> &Arc<Scope> {
        self.scope.as_ref().expect("it is set when this is shared")
    }

    /// Polls a task, which can find out meanwhile that it is one.
    #[inline]
    pub(super) fn poll(&self, task: &mut TaskFuture<S>, cx: &mut Context<'_>) -> Poll<Ended<S>> {
        match task {
            TaskFuture::Once(_, place) => {
                let place = *place;
                within(self.scope(), place, || Pin::new(task).poll(cx))
            }
            TaskFuture::Policed(_) | TaskFuture::Over(_) => Pin::new(task).poll(cx),
        }
    }

    /// A task to its end, polled in this way.
    pub(super) async fn run(&self, mut task: TaskFuture<S>) -> Ended<S> {
        poll_fn(|cx| self.poll(&mut task, cx)).await
    }

    pub(super) fn watch(&self) -> Option<&Arc<Watch>> {
        self.watching.as_ref().map(|watching| &watching.watch)
    }

    pub(super) fn task_id(&self, task: TaskKey) -> TaskId {
        TaskId {
            node: self.graph.name_of(task.node).clone(),
            send: task.number(),
        }
    }
}

/// A task that did not fail, or whose failure is data.
pub(super) struct Done<S: State> {
    /// How many attempts were made; 0 if what it comes to was known.
    pub(super) attempts: u32,
    /// Whether it waits for answers; the outcome is then empty.
    pub(super) paused: bool,
    /// Whether it is the fallback's.
    pub(super) fallback: bool,
    /// Of a task that a join waits for, how it ended; the outcome is empty unless
    /// it succeeded.
    pub(super) ending: Option<Box<Ending>>,
    pub(super) outcome: Outcome<S>,
}

/// How a task ended that a join waits for.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    /// Its place in the order in which such tasks of the superstep ended; that at
    /// which the time was over, if it was dropped for that; else none if it was.
    pub(super) place: Option<u32>,
    pub(super) how: How,
}

impl<S: State> Done<S> {
    /// A task that ended in this way at its first attempt.
    pub(super) fn of(outcome: Outcome<S>) -> Self {
        Self {
            attempts: 1,
            paused: false,
            fallback: false,
            ending: None,
            outcome,
        }
    }

    /// One that was dropped, since the join that waited for it waits no more.
    pub(super) fn lost(ending: Ending) -> Self {
        Self {
            attempts: 0,
            ending: Some(Box::new(ending)),
            ..Self::of(Outcome::empty())
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

impl<S: State> Done<S> {
    /// As it is written down; `targets` are those of the joins with rules.
    pub(super) fn written(&self, targets: &[NodeName]) -> Written<&Outcome<S>> {
        let how = self.ending.as_ref().map(|ending| &ending.how);
        Written {
            version: 1,
            attempts: self.attempts,
            fallback: self.fallback,
            place: self.ending.as_ref().and_then(|ending| ending.place),
            ended: how.and_then(|how| match how {
                How::Done => None,
                How::Failed(why) => Some(WrittenEnd::Failed(why.to_string())),
                How::TimedOut(join) => Some(WrittenEnd::TimedOut(targets[*join].to_string())),
                How::Cancelled => Some(WrittenEnd::Cancelled),
            }),
            memories: None,
            starved: None,
            outcome: &self.outcome,
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
    Once(BoxCall<S>, Place),
    /// Whatever its policies make of it.
    Policed(BoxFuture<Ended<S>>),
    /// Nothing more, but for a failure at the start.
    Over(Option<Failed>),
}

/// Starts a task, which can find out that it is one.
pub(super) fn start<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    task: Task,
) -> TaskFuture<S> {
    let place = place(superstep, 1, &task);
    within(shared.scope(), place, || {
        start_here(shared, state, superstep, task)
    })
}

/// As [`start`], where the thread knows of the task.
#[inline]
pub(super) fn start_here<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    task: Task,
) -> TaskFuture<S> {
    if shared.watching.is_some() || !shared.calls_plainly(&task) {
        return start_policed(shared, state, superstep, task);
    }
    let place = place(superstep, 1, &task);
    let sent = task.send.map(|(_, input)| input);
    let calls = || call(shared, state, place, sent, None, task.arrivals.as_ref());
    match caught(|| shared.tracer.call(place, calls)) {
        Ok(call) => TaskFuture::Once(call, place),
        Err(panic) => TaskFuture::Over(Some(Failed::once(panic))),
    }
}

/// Never part of [`start_here`]: each of its callers would be compiled with all
/// of it.
#[inline(never)]
fn start_policed<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    task: Task,
) -> TaskFuture<S> {
    let key = TaskKey::of(&task);
    let (owned, state) = (Arc::clone(shared), Arc::clone(state));
    let cache = match &shared.graph.node(task.node).policy.cache {
        Some(_) => shared.graph.cache.as_ref(),
        None => None,
    };
    let run = cache.and_then(|cache| cache.run.downcast_ref::<RunCached<S, C>>());
    let work = match run {
        Some(run) => run(owned, state, superstep, task),
        None => Box::pin(attempts(owned, state, superstep, task)),
    };
    TaskFuture::Policed(supervised(shared, key, work))
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

fn ended<S: State>(result: Result<Outcome<S>, NodeError>) -> Ended<S> {
    match result {
        Ok(outcome) => Ok(Done::of(outcome)),
        Err(error) => Err(Failed::once(error)),
    }
}

impl<S: State> Future for TaskFuture<S> {
    type Output = Ended<S>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<S>> {
        let polled = caught(|| {
            let ended = match &mut *self {
                Self::Once(call, _) => ended(ready!(call.as_mut().poll_outcome(cx))),
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

/// Calls a node's body. The call itself can panic, before there is a future.
#[inline]
pub(super) fn call<S: State, C: Send + Sync + 'static>(
    shared: &Shared<S, C>,
    state: &Arc<S>,
    place: Place,
    sent: Option<Box<dyn Payload>>,
    desk: Option<&Arc<Desk>>,
    arrivals: Option<&Arc<Arrivals>>,
) -> BoxCall<S> {
    let body = &*shared.graph.node(place.node).body;
    let given = Given {
        sent,
        desk,
        arrivals,
        held: None,
    };
    call_body(shared, body, state, place, given)
}

/// What a body is given beside the state.
pub(super) struct Given<'a> {
    pub(super) sent: Option<Box<dyn Payload>>,
    pub(super) desk: Option<&'a Arc<Desk>>,
    pub(super) arrivals: Option<&'a Arc<Arrivals>>,
    pub(super) held: Option<&'a Arc<Held>>,
}

/// Calls a body in the place of a node's own.
#[inline]
pub(super) fn call_body<S: State, C: Send + Sync + 'static>(
    shared: &Shared<S, C>,
    body: &dyn Body<S, C>,
    state: &Arc<S>,
    place: Place,
    given: Given<'_>,
) -> BoxCall<S> {
    let Given {
        sent,
        desk,
        arrivals,
        held,
    } = given;
    let frame = Frame {
        context: shared
            .context
            .as_ref()
            .expect("bodies run in runs, which have one"),
        names: &shared.graph.names,
        place,
        desk,
        emitter: shared.watching.as_ref().map(|watching| &watching.emitter),
        nest: shared.nest.as_ref(),
        arrivals,
        held,
    };
    let input = match sent {
        None => Input::State(state),
        Some(payload) => Input::Sent(payload),
    };
    body.call(input, &frame)
}
