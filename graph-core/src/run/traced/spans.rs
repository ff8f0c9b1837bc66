//! The spans, their fields, and how they end.
//!
//! Beside fields of its own, a span has those by which tracing-opentelemetry
//! knows its name and status, and those that OpenTelemetry's semantic
//! conventions for generative AI have for agents (v1.41.0, "Invoke agent
//! internal span": `gen_ai.operation.name`, `gen_ai.agent.name`,
//! `gen_ai.conversation.id`, `error.type`). A graph counts as an agent. A node
//! is no tool: what is one says so in a span inside its attempt.

use std::error::Error;
use std::mem;
use std::sync::Arc;

use tracing::dispatcher;
use tracing::field::Empty;
use tracing::{Dispatch, Span};

use crate::id::{NodeName, TaskId};
use crate::node::{Interrupted, NodeError, Place};
use crate::run::thread::PausedInside;
use crate::run::watch::with_causes;

/// Makes a span that can end.
macro_rules! span {
    ($(parent: $parent:expr,)? $name:literal, $($fields:tt)*) => {
        tracing::info_span!(
            target: "superstep",
            $(parent: $parent,)?
            $name,
            $($fields)*
            outcome = Empty,
            error = Empty,
            "error.type" = Empty,
            "otel.status_code" = Empty,
            "otel.status_description" = Empty,
        )
    };
}

/// The span of a run, inside whatever span is current.
pub(super) fn run_span(graph: &str) -> Span {
    span!(
        "run",
        graph,
        run_id = Empty,
        thread = Empty,
        path = Empty,
        supersteps = Empty,
        "otel.name" = format_args!("invoke_agent {graph}"),
        "gen_ai.operation.name" = "invoke_agent",
        "gen_ai.agent.name" = graph,
        "gen_ai.conversation.id" = Empty,
    )
}

pub(super) fn superstep_span(run: &Span, superstep: u64, tasks: usize) -> Span {
    let (superstep, tasks) = (number(superstep), number(tasks));
    tracing::info_span!(target: "superstep", parent: run, "superstep", superstep, tasks)
}

pub(super) fn task_span(superstep: &Span, path: &str, names: &[NodeName], place: Place) -> Span {
    let node = &names[place.node as usize];
    let task = TaskId {
        node: node.clone(),
        send: place.send,
    };
    let span = span!(
        parent: superstep,
        "task",
        task = %task,
        node = node.as_str(),
        superstep = number(place.superstep),
        path = Empty,
        attempts = Empty,
        fallback = Empty,
        "otel.name" = node.as_str(),
    );
    if !path.is_empty() {
        span.record("path", path);
    }
    span
}

pub(super) fn attempt_span(task: &Span, attempt: u32, fallback: bool) -> Span {
    let attempt = number(attempt);
    let span = span!(parent: task, "attempt", attempt, fallback = Empty,);
    if fallback {
        span.record("fallback", true);
    }
    span
}

/// A number as OpenTelemetry has them; others are made texts.
pub(super) fn number(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

/// A span, and the subscriber that it is of. A registry closes a span's parent
/// by way of whatever subscriber is the default, so that it has to be this one
/// when a span is dropped, too.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) span: Span,
    pub(super) dispatch: Arc<Dispatch>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let span = mem::replace(&mut self.span, Span::none());
        dispatcher::with_default(&self.dispatch, || drop(span));
    }
}

impl Held {
    /// Does something with this as the current span.
    pub(super) fn within<T>(&self, does: impl FnOnce() -> T) -> T {
        dispatcher::with_default(&self.dispatch, || self.span.in_scope(does))
    }
}

/// Records how something ended.
pub(super) fn ends_as(span: &Span, outcome: &'static str) {
    span.record("outcome", outcome);
}

/// Records that something failed: whole message, and a word for its kind.
pub(super) fn ends_failed(span: &Span, error: &(dyn Error + 'static), kind: &'static str) {
    let message = with_causes(error);
    span.record("outcome", "failed");
    span.record("error", &*message);
    span.record("error.type", kind);
    span.record("otel.status_code", "ERROR");
    span.record("otel.status_description", &*message);
}

/// Records how a body's call ended.
pub(super) fn ends_with<T>(span: &Span, result: &Result<T, NodeError>) {
    match result {
        Ok(_) => ends_as(span, "done"),
        Err(error) if asks(error) => ends_as(span, "paused"),
        Err(error) => ends_failed(span, error.as_error(), kind(error)),
    }
}

/// Whether it is not an error, but a question.
fn asks(error: &NodeError) -> bool {
    let error = error.as_error();
    error.is::<Interrupted>() || error.is::<PausedInside>()
}

/// `_OTHER` is what the conventions have for errors of which no more is known.
pub(super) fn kind(error: &NodeError) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_panic() {
        "panic"
    } else {
        "_OTHER"
    }
}
