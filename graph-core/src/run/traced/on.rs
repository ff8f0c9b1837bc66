//! Spans of a run: who makes which, and when they end.

use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tracing::{Span, dispatcher};

use super::spans::{
    Held, attempt_span, ends_as, ends_failed, ends_with, kind, number, run_span, superstep_span,
    task_span,
};
use crate::compile::Frozen;
use crate::event::Status;
use crate::id::{NodeName, RunId, ThreadId};
use crate::node::{BoxCall, NodeError, Outcome, Place};
use crate::run::attempt::{Ended, caught};
use crate::run::error::RunError;
use crate::run::invocation::Call;
use crate::run::thread::Running;
use crate::run::watch::{WatchedBy, next_run};
use crate::state::State;

/// Makes the spans of one graph's run; none if nobody wants them.
#[derive(Clone, Default)]
pub(in crate::run) struct Tracer(Option<Arc<Traced>>);

struct Traced {
    run: Held,
    run_id: RunId,
    path: String,
    names: Arc<[NodeName]>,
    /// The superstep at work.
    superstep: Mutex<Option<Held>>,
}

impl Tracer {
    /// One that says nothing.
    pub(in crate::run) fn none() -> Self {
        Self(None)
    }

    /// Of a run that begins.
    pub(in crate::run) fn of_run<S: State, C>(
        graph: &Frozen<S, C>,
        watched_by: Option<&WatchedBy<S>>,
        call: Option<&Call<S, C>>,
    ) -> Self {
        let run = watched_by.and_then(|by| by.run_id.as_ref());
        let thread = call.and_then(|call| call.thread.as_ref());
        let thread = thread.map(|(id, _)| id);
        Self::of_names(&graph.name, &graph.names, run, thread)
    }

    fn of_names(
        graph: &str,
        names: &Arc<[NodeName]>,
        run: Option<&RunId>,
        thread: Option<&ThreadId>,
    ) -> Self {
        let span = run_span(graph);
        let run_id = || run.cloned().unwrap_or_else(|| next_run(graph));
        let tracer = Self::of_span(span, names, run_id, String::new());
        if let (Some(traced), Some(thread)) = (&tracer.0, thread) {
            traced.run.span.record("thread", thread.as_str());
            traced
                .run
                .span
                .record("gen_ai.conversation.id", thread.as_str());
        }
        tracer
    }

    /// Of a graph that is a node, in a task of this one.
    pub(in crate::run) fn inside(
        &self,
        place: Place,
        graph: &str,
        names: &Arc<[NodeName]>,
    ) -> Self {
        let Some(outer) = &self.0 else {
            return Self(None);
        };
        let (node, send) = (&outer.names[place.node as usize], place.send.unwrap_or(0));
        let path = match outer.path.as_str() {
            "" => format!("{node}/{send}"),
            path => format!("{path}/{node}/{send}"),
        };
        let run_id = || outer.run_id.clone();
        Self::of_span(run_span(graph), names, run_id, path)
    }

    fn of_span(
        span: Span,
        names: &Arc<[NodeName]>,
        run_id: impl FnOnce() -> RunId,
        path: String,
    ) -> Self {
        let Some(dispatch) = span.with_subscriber(|(_, dispatch)| dispatch.clone()) else {
            return Self(None);
        };
        let run_id = run_id();
        span.record("run_id", run_id.as_str());
        if !path.is_empty() {
            span.record("path", path.as_str());
        }
        let dispatch = Arc::new(dispatch);
        Self(Some(Arc::new(Traced {
            run: Held { span, dispatch },
            run_id,
            path,
            names: Arc::clone(names),
            superstep: Mutex::new(None),
        })))
    }

    /// The run, in its span.
    pub(in crate::run) fn around<'h, S: State>(&self, run: Running<'h, S>) -> Running<'h, S> {
        let Some(traced) = self.0.clone() else {
            return run;
        };
        Box::pin(async move {
            let unended = Unended::new(traced.run.clone());
            let ended = traced.polled(run).await;
            unended.ends(|span| match &ended {
                Ok(run) => {
                    span.record("supersteps", number(run.supersteps()));
                    ends_as(span, status(run.status));
                }
                Err(RunError::Cancelled { .. }) => ends_as(span, "cancelled"),
                Err(error) => ends_failed(span, error, error.code()),
            });
            ended
        })
    }

    /// As [`around`](Self::around), of a graph that is a node.
    pub(in crate::run) async fn around_inside<T>(
        &self,
        run: impl Future<Output = Result<T, NodeError>>,
    ) -> Result<T, NodeError> {
        let Some(traced) = &self.0 else {
            return run.await;
        };
        let unended = Unended::new(traced.run.clone());
        let ended = traced.polled(run).await;
        unended.ends(|span| ends_with(span, &ended));
        ended
    }

    /// A superstep begins.
    pub(in crate::run) fn superstep(&self, superstep: u64, tasks: usize) {
        if let Some(traced) = &self.0 {
            traced.superstep_ends();
            let span = traced.make(|| superstep_span(&traced.run.span, superstep, tasks));
            *traced.superstep.lock() = Some(span);
        }
    }

    /// The superstep at work has ended.
    pub(in crate::run) fn superstep_ends(&self) {
        if let Some(traced) = &self.0 {
            traced.superstep_ends();
        }
    }

    /// Calls the body of a plain task, in spans of its own.
    #[inline]
    pub(in crate::run) fn call<S: State>(
        &self,
        place: Place,
        call: impl FnOnce() -> BoxCall<S>,
    ) -> BoxCall<S> {
        match &self.0 {
            None => call(),
            Some(traced) => traced.call(None, place, Box::new(call)),
        }
    }

    /// As [`call`](Self::call), of a task that is its superstep.
    #[inline]
    pub(in crate::run) fn row_call<S: State>(
        &self,
        place: Place,
        call: impl FnOnce() -> BoxCall<S>,
    ) -> BoxCall<S> {
        match &self.0 {
            None => call(),
            Some(traced) => {
                let superstep =
                    traced.make(|| superstep_span(&traced.run.span, place.superstep, 1));
                traced.call(Some(superstep), place, Box::new(call))
            }
        }
    }

    /// A task that has policies, or is taken down, is about to begin.
    pub(in crate::run) fn task(&self, place: Place) -> TaskTrace {
        TaskTrace(self.0.as_ref().map(|traced| {
            let superstep = traced.superstep();
            Task {
                unended: Unended::new(traced.task(&superstep, place)),
                traced: Arc::clone(traced),
            }
        }))
    }
}

impl Traced {
    /// Makes a span for the run's subscriber.
    fn make(&self, span: impl FnOnce() -> Span) -> Held {
        let dispatch = &self.run.dispatch;
        Held {
            span: dispatcher::with_default(dispatch, span),
            dispatch: Arc::clone(dispatch),
        }
    }

    /// The superstep at work, or the run where there is none.
    fn superstep(&self) -> Held {
        let superstep = self.superstep.lock().clone();
        superstep.unwrap_or_else(|| self.run.clone())
    }

    fn superstep_ends(&self) {
        let ended = self.superstep.lock().take();
        // Outside the lock: somebody is told.
        drop(ended);
    }

    fn task(&self, superstep: &Held, place: Place) -> Held {
        self.make(|| task_span(&superstep.span, &self.path, &self.names, place))
    }

    fn attempt(&self, task: &Held, attempt: u32, fallback: bool) -> AttemptTrace {
        let held = self.make(|| attempt_span(&task.span, attempt, fallback));
        AttemptTrace(Some(Unended::new(held)))
    }

    async fn polled<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let ended = poll_fn(|cx| self.run.within(|| future.as_mut().poll(cx))).await;
        self.superstep_ends();
        ended
    }

    fn call<S: State>(
        &self,
        superstep: Option<Held>,
        place: Place,
        call: Box<dyn FnOnce() -> BoxCall<S> + '_>,
    ) -> BoxCall<S> {
        let parent = superstep.clone().unwrap_or_else(|| self.superstep());
        let task = Unended::new(self.task(&parent, place));
        let attempt = self.attempt(&task.held, place.attempt, false);
        let call = caught(|| attempt.within(call));
        let call = call.unwrap_or_else(|panic| Box::pin(ready(Err::<Outcome<S>, _>(panic))));
        Box::pin(TracedCall {
            call,
            attempt,
            task,
            _superstep: superstep,
        })
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Done => "done",
        Status::Interrupted => "interrupted",
        Status::Drained => "drained",
    }
}

/// The span of a task that can have several attempts.
pub(in crate::run) struct TaskTrace(Option<Task>);

struct Task {
    unended: Unended,
    traced: Arc<Traced>,
}

/// The span of an attempt.
pub(in crate::run) struct AttemptTrace(Option<Unended>);

impl TaskTrace {
    pub(in crate::run) fn attempt(&self, attempt: u32, fallback: bool) -> AttemptTrace {
        match &self.0 {
            None => AttemptTrace(None),
            Some(task) => task.traced.attempt(&task.unended.held, attempt, fallback),
        }
    }

    pub(in crate::run) fn ends<S: State>(&self, ended: &Ended<S>) {
        let Some(task) = &self.0 else {
            return;
        };
        task.unended.ends(|span| match ended {
            Ok(done) => {
                span.record("attempts", number(done.attempts));
                if done.fallback {
                    span.record("fallback", true);
                }
                ends_as(
                    span,
                    match done.has_succeeded() {
                        _ if done.paused => "paused",
                        // Nothing was tried: it was known.
                        true if done.attempts == 0 => "cached",
                        true => "done",
                        false => "cancelled",
                    },
                );
            }
            Err(failed) => {
                span.record("attempts", number(failed.attempts));
                ends_failed(span, failed.error.as_error(), kind(&failed.error));
            }
        });
    }
}

impl AttemptTrace {
    /// Does something in the span.
    pub(in crate::run) fn within<T>(&self, does: impl FnOnce() -> T) -> T {
        match &self.0 {
            None => does(),
            Some(attempt) => attempt.held.within(does),
        }
    }

    /// The body failed before there was a future.
    pub(in crate::run) fn fails(&self, error: &NodeError) {
        if let Some(attempt) = &self.0 {
            attempt.ends(|span| ends_failed(span, error.as_error(), kind(error)));
        }
    }

    pub(in crate::run) fn ends<S: State>(&self, result: &Result<Outcome<S>, NodeError>) {
        if let Some(attempt) = &self.0 {
            attempt.ends(|span| ends_with(span, result));
        }
    }
}

/// The call of a plain body, in the spans of its task and attempt.
struct TracedCall<S: State> {
    call: BoxCall<S>,
    attempt: AttemptTrace,
    task: Unended,
    /// That of a task that is its superstep.
    _superstep: Option<Held>,
}

impl<S: State> Future for TracedCall<S> {
    type Output = Result<Outcome<S>, NodeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let poll = || this.call.as_mut().poll_outcome(cx);
        let polled = caught(|| this.attempt.within(poll));
        let polled = polled.unwrap_or_else(|panic| Poll::Ready(Err(panic)));
        if let Poll::Ready(result) = &polled {
            this.attempt.ends(result);
            this.task.ends(|span| {
                span.record("attempts", 1);
                ends_with(span, result);
            });
        }
        polled
    }
}

/// The span of what has not ended. If it is dropped before that, it was
/// cancelled.
struct Unended {
    held: Held,
    has_ended: AtomicBool,
}

impl Unended {
    fn new(held: Held) -> Self {
        Self {
            held,
            has_ended: AtomicBool::new(false),
        }
    }

    fn ends(&self, records: impl FnOnce(&Span)) {
        self.has_ended.store(true, Ordering::Relaxed);
        records(&self.held.span);
    }
}

impl Drop for Unended {
    fn drop(&mut self) {
        if !self.has_ended.load(Ordering::Relaxed) {
            ends_as(&self.held.span, "cancelled");
        }
    }
}
