//! A task under its node's policies: attempts, waits, timeouts, a fallback.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::attempt::{Done, Ended, Failed, Given, Shared, call_body, caught, place};
use super::error::RunError;
use super::limits::{Called, admit};
use super::race::{Begin, Race};
use super::settle::TaskKey;
use super::spans::{Ended as SpanEnd, OpenSpan};
use super::timed::limited;
use super::traced::TaskTrace;
use super::watch::{Room, WatchedTask};
use crate::compile::FrozenNode;
use crate::event::PhaseKind;
use crate::id::TaskId;
use crate::node::{
    Arrivals, Asked, Body, Desk, Emitter, Failure, FallbackFailed, NodeError, Outcome, Payload,
    Place, with_desk,
};
use crate::plan::Task;
use crate::slots::Held;
use crate::state::State;

/// Tries until the task succeeds or its policies give up.
pub(super) async fn attempts<S: State, C: Send + Sync + 'static>(
    shared: Arc<Shared<S, C>>,
    state: Arc<S>,
    superstep: u64,
    task: Task,
) -> Ended<S> {
    let (watched, ended) = untold(shared, state, superstep, task).await;
    told(watched, ended).await
}

/// The same, but for telling of the end.
pub(super) async fn untold<S: State, C: Send + Sync + 'static>(
    shared: Arc<Shared<S, C>>,
    state: Arc<S>,
    superstep: u64,
    task: Task,
) -> (Option<WatchedTask>, Ended<S>) {
    let (key, place) = (TaskKey::of(&task), place(superstep, 1, &task));
    let mut watched = shared.watch().map(|it| WatchedTask::new(it, place));
    let traced = shared.tracer.task(place);
    let mut span = OpenSpan::begin(&shared.spans, superstep, key);
    let mut work = Work {
        node: shared.graph.node(task.node),
        key,
        place,
        arrivals: task.arrivals,
        input: task.send.map(|(_, input)| input),
        desk: desk_of(&shared, key),
        shared: &shared,
        state: &state,
        traced: &traced,
        first: None,
    };
    let ended = work.all_attempts(&mut watched, &mut span).await;
    span.ends(how(&ended));
    traced.ends(&ended);
    (watched, ended)
}

/// What all attempts of a task have in common, if there is anything.
fn desk_of<S: State, C>(shared: &Shared<S, C>, task: TaskKey) -> Option<Arc<Desk>> {
    let node = shared.graph.node(task.node);
    let budget = shared.limits.budget();
    let desk = match &shared.ledger {
        Some(ledger) => ledger.desk(task),
        // What was done once is known to all attempts.
        None if node.policy.retry.is_some() || node.fallback.is_some() || budget.is_some() => {
            Arc::default()
        }
        None => return None,
    };
    if let Some(budget) = budget {
        desk.lend(budget);
    }
    Some(desk)
}

/// The task that failed: this one, or the one inside it that its graph failed with.
fn task_inside(task: &TaskId, error: &(dyn Error + 'static)) -> String {
    let mut path = task.to_string();
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let mut send = task.send;
    for cause in causes {
        let Some(RunError::Node {
            task, superstep, ..
        }) = cause.downcast_ref()
        else {
            break;
        };
        let around = if send.is_none() { "/0" } else { "" };
        path = format!("{path}{around}/{superstep}/{task}");
        send = task.send;
    }
    path
}

/// How a task ended, for its span.
fn how<S: State>(ended: &Ended<S>) -> SpanEnd {
    match ended {
        Ok(done) if done.paused => SpanEnd::Paused,
        Ok(done) if !done.has_succeeded() => SpanEnd::Cancelled,
        Ok(_) => SpanEnd::Done,
        Err(_) => SpanEnd::Failed,
    }
}

/// Tells of a task's end.
pub(super) async fn told<S: State>(watched: Option<WatchedTask>, ended: Ended<S>) -> Ended<S> {
    if let Some(watched) = watched {
        watched.ends(&ended).await;
    }
    ended
}

async fn wait(delay: Duration) {
    if delay.is_zero() {
        // Or else a node that always fails at once could not be cancelled.
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(delay).await;
    }
}

/// A task at work.
struct Work<'a, S: State, C> {
    shared: &'a Shared<S, C>,
    state: &'a Arc<S>,
    traced: &'a TaskTrace,
    node: &'a FrozenNode<S, C>,
    key: TaskKey,
    place: Place,
    arrivals: Option<Arc<Arrivals>>,
    /// What was sent, as long as it is needed.
    input: Option<Box<dyn Payload>>,
    desk: Option<Arc<Desk>>,
    /// What the fallback is called for, once it is its turn.
    first: Option<Failure>,
}

/// What is called next, and with what.
struct Turn<'a, S: State, C> {
    body: &'a dyn Body<S, C>,
    input: Option<Box<dyn Payload>>,
    /// After what time it is called a second time, and with what.
    hedge: Option<(Duration, Option<Box<dyn Payload>>)>,
    desk: Option<Arc<Desk>>,
}

impl<'a, S: State, C: Send + Sync + 'static> Work<'a, S, C> {
    /// Attempts, and waits between them, until the task has ended.
    async fn all_attempts(
        &mut self,
        watched: &mut Option<WatchedTask>,
        span: &mut OpenSpan,
    ) -> Ended<S> {
        loop {
            let result = self.attempt(watched, span).await;
            let error = match self.over(result) {
                Ok(ended) => return ended,
                Err(error) => error,
            };
            let told_of = watched.as_ref().and_then(|watched| watched.text(&error));
            match self.next(error) {
                Ok(delay) => {
                    if let (Some(watched), Some(error)) = (&watched, told_of) {
                        watched.retries(error, delay);
                    }
                    span.does(PhaseKind::Backoff);
                    wait(delay).await;
                }
                Err(error) => {
                    self.fall_back(error)?;
                    if let (Some(watched), Some(error)) = (&watched, told_of) {
                        watched.falls_back(error);
                    }
                }
            }
        }
    }

    /// An attempt, or the fallback after the last, from its admission on.
    async fn attempt(
        &mut self,
        watched: &mut Option<WatchedTask>,
        span: &mut OpenSpan,
    ) -> Result<Outcome<S>, NodeError> {
        let node = self.node;
        let called = match &self.first {
            Some(_) => Called::Fallback,
            None if node.nested => Called::Graph,
            None => Called::Function,
        };
        span.does(PhaseKind::Queued);
        let limits = &self.shared.limits;
        let admitted = admit(limits, &node.policy, self.key.node, called, span).await;
        if let Some(watched) = watched {
            let waits = span.waits_so_far();
            watched.starts(self.place.attempt, waits).await;
        }
        span.does(PhaseKind::Attempt(self.place.attempt));
        // Given back when this returns, before any wait for another attempt.
        let admitted = admitted?;
        let turn = caught(|| self.turn())?;
        self.call(turn, admitted.held.as_ref()).await
    }

    /// An attempt, or the fallback after the last.
    fn turn(&mut self) -> Turn<'a, S, C> {
        let node = self.node;
        if let (Some(first), Some(handler)) = (&self.first, &node.fallback) {
            return Turn {
                body: &**handler,
                hedge: None,
                desk: Some(Arc::new(Desk::after(self.desk.as_ref(), first.clone()))),
                input: self.input.take(),
            };
        }
        let hedge = node.policy.hedge.map(|after| (after, self.input.clone()));
        let desk = match hedge {
            Some(_) => Some(Arc::new(Desk::hedged(self.desk.as_ref()))),
            None => self.desk.clone(),
        };
        let retry = node.policy.retry.as_ref();
        let is_last = retry.is_none_or(|retry| retry.is_last(self.place.attempt));
        let input = if is_last && node.fallback.is_none() {
            self.input.take()
        } else {
            self.input.clone()
        };
        Turn {
            body: &*node.body,
            input,
            hedge,
            desk,
        }
    }

    /// Calls a body once, or twice if it is slow and hedged, within the node's
    /// timeouts.
    async fn call(
        &self,
        turn: Turn<'_, S, C>,
        held: Option<&Arc<Held>>,
    ) -> Result<Outcome<S>, NodeError> {
        let Turn {
            body,
            input,
            hedge,
            desk,
        } = turn;
        if let Some(desk) = &desk {
            desk.begin_attempt();
        }
        let watch = self.shared.watch();
        let stood = || watch.map_or(Duration::ZERO, |watch| watch.stood());
        let (desk, mut limit) = limited(&self.node.policy, desk, stood);
        let (shared, state, place) = (self.shared, self.state, self.place);
        let given = |sent| Given {
            sent,
            desk: desk.as_ref(),
            arrivals: self.arrivals.as_ref(),
            held,
        };
        let trace = self.traced.attempt(place.attempt, self.first.is_some());
        let calls = || call_body(shared, body, state, place, given(input));
        let (scope, at_desk) = (shared.scope(), desk.as_ref());
        let calls = || with_desk(scope, place, at_desk, || trace.within(calls));
        let call = caught(calls).inspect_err(|error| trace.fails(error))?;
        let second = hedge.map(|(after, input)| {
            let given = given(input);
            let begin: Begin<'_, S> =
                Box::new(move || call_body(shared, body, state, place, given));
            (after, begin)
        });
        let mut race = Race::new(call, second);
        // What is inside a graph waits for itself, and its time stands still.
        let nested = self.node.nested && self.first.is_none();
        let held_up = watch.filter(|_| !nested || limit.is_some());
        let mut room = held_up.map(|watch| Room::new(watch, nested));
        let result = poll_fn(|cx| {
            loop {
                let waits = room.as_mut().is_some_and(|room| room.poll(cx).is_pending());
                if (!waits || nested)
                    && let Poll::Ready(result) =
                        with_desk(scope, place, at_desk, || trace.within(|| race.poll(cx)))
                {
                    return Poll::Ready(result);
                }
                let Some(limit) = limit.as_mut().filter(|_| !waits) else {
                    return Poll::Pending;
                };
                if let Poll::Ready(late) = limit.poll(cx, stood()) {
                    return Poll::Ready(Err(late.into()));
                }
                // If it has just filled the buffer, it is to be told of room.
                if !room.as_ref().is_some_and(Room::is_wanting) {
                    return Poll::Pending;
                }
            }
        })
        .await;
        trace.ends(&result);
        let stopped = race.stop();
        if self.node.nested {
            shared.nothing_remains(Some(self.key)).await;
        }
        stopped.and(result)
    }

    /// Takes down what a call left: how the task ended, or its failure.
    fn over(&self, mut result: Result<Outcome<S>, NodeError>) -> Result<Ended<S>, NodeError> {
        let (attempts, fallback) = (self.place.attempt, self.first.is_some());
        // Without a thread there is nobody to ask.
        let desk = self.desk.as_ref().filter(|_| self.shared.ledger.is_some());
        let asked = desk.map_or(Asked::Nothing, |desk| desk.asked());
        let attempt = (attempts, fallback);
        let taken_down = self.shared.take_down(self.key, attempt, asked, &mut result);
        if let Some(ended) = taken_down {
            return Ok(ended);
        }
        let done = |outcome| Done {
            attempts,
            paused: false,
            fallback,
            ending: None,
            outcome,
        };
        result.map(|outcome| Ok(done(outcome)))
    }

    /// How long to wait until the next attempt, or the error that there is none
    /// after.
    fn next(&mut self, error: NodeError) -> Result<Duration, NodeError> {
        let Some(retry) = self
            .node
            .policy
            .retry
            .as_ref()
            .filter(|_| self.first.is_none())
        else {
            return Err(error);
        };
        let (superstep, attempt) = (self.place.superstep, self.place.attempt);
        let draw = || {
            let task = self.shared.task_id(self.key);
            self.shared.seed.draw(superstep, &task, attempt)
        };
        let delay = caught(|| retry.next(attempt, error, draw)).flatten()?;
        self.place.attempt += 1;
        Ok(delay)
    }

    /// There is no further attempt: it is the fallback's turn, or the task fails.
    fn fall_back(&mut self, error: NodeError) -> Result<(), Failed> {
        let attempts = self.place.attempt;
        // A question that nobody can be asked is a mistake, not bad luck.
        let asks = error.is_of_question();
        match self.first.take() {
            None if self.node.fallback.is_some() && !asks => {
                let task = self.shared.task_id(self.key);
                let task = task_inside(&task, error.as_error());
                self.first = Some(Failure::new(error, task, attempts));
                Ok(())
            }
            None => Err(Failed { attempts, error }),
            Some(first) => {
                // Another run of both can do better if one of them can.
                let permanent = first.is_permanent() && error.is_permanent();
                let source = error.into_error();
                let error = NodeError::from(FallbackFailed { first, source });
                let error = match permanent {
                    true => NodeError::permanent(error),
                    false => error,
                };
                Err(Failed { attempts, error })
            }
        }
    }
}
