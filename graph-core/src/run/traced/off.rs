//! What stands in the place of spans where there are none.

use std::sync::Arc;

use crate::compile::Frozen;
use crate::id::NodeName;
use crate::node::{BoxCall, NodeError, Outcome, Place};
use crate::run::attempt::Ended;
use crate::run::invocation::Call;
use crate::run::thread::Running;
use crate::run::watch::WatchedBy;
use crate::state::State;

#[derive(Clone)]
pub(in crate::run) struct Tracer;

pub(in crate::run) struct TaskTrace;

pub(in crate::run) struct AttemptTrace;

impl Tracer {
    /// One that says nothing.
    pub(in crate::run) fn none() -> Self {
        Self
    }

    #[inline]
    pub(in crate::run) fn of_run<S: State, C>(
        _graph: &Frozen<S, C>,
        _watched_by: Option<&WatchedBy<S>>,
        _call: Option<&Call<S, C>>,
    ) -> Self {
        Self
    }

    #[inline]
    pub(in crate::run) fn inside(
        &self,
        _place: Place,
        _graph: &str,
        _names: &Arc<[NodeName]>,
    ) -> Self {
        Self
    }

    #[inline]
    pub(in crate::run) fn around<'h, S: State>(&self, run: Running<'h, S>) -> Running<'h, S> {
        run
    }

    #[inline]
    pub(in crate::run) async fn around_inside<T>(
        &self,
        run: impl Future<Output = Result<T, NodeError>>,
    ) -> Result<T, NodeError> {
        run.await
    }

    #[inline]
    pub(in crate::run) fn superstep(&self, _superstep: u64, _tasks: usize) {}

    #[inline]
    pub(in crate::run) fn superstep_ends(&self) {}

    #[inline]
    pub(in crate::run) fn call<S: State>(
        &self,
        _place: Place,
        call: impl FnOnce() -> BoxCall<S>,
    ) -> BoxCall<S> {
        call()
    }

    #[inline]
    pub(in crate::run) fn row_call<S: State>(
        &self,
        _place: Place,
        call: impl FnOnce() -> BoxCall<S>,
    ) -> BoxCall<S> {
        call()
    }

    #[inline]
    pub(in crate::run) fn task(&self, _place: Place) -> TaskTrace {
        TaskTrace
    }
}

impl TaskTrace {
    #[inline]
    pub(in crate::run) fn attempt(&self, _attempt: u32, _fallback: bool) -> AttemptTrace {
        AttemptTrace
    }

    #[inline]
    pub(in crate::run) fn ends<S: State>(&self, _ended: &Ended<S>) {}
}

impl AttemptTrace {
    #[inline]
    pub(in crate::run) fn within<T>(&self, does: impl FnOnce() -> T) -> T {
        does()
    }

    #[inline]
    pub(in crate::run) fn fails(&self, _error: &NodeError) {}

    #[inline]
    pub(in crate::run) fn ends<S: State>(&self, _result: &Result<Outcome<S>, NodeError>) {}
}
