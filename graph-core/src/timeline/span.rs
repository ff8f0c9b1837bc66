//! What a timeline is made of.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Phase, PhaseKind, nanos};

/// One task of a run and its times, all since the run began.
///
/// Serialises with whole nanoseconds: `"start_ns": 1500000`.
///
/// # Examples
///
/// A task that queued for 10 ms, failed, waited, and was done at its second
/// attempt:
///
/// ```
/// use std::time::Duration;
/// use superstep::{PhaseKind, Span, SpanOutcome};
///
/// let ms = Duration::from_millis;
/// let span = Span::new("fetch", 2, ms(30), ms(90))
///     .ready(ms(20))
///     .phase(PhaseKind::Queued, ms(20), ms(30))
///     .phase(PhaseKind::Attempt(1), ms(30), ms(50))
///     .phase(PhaseKind::Backoff, ms(50), ms(70))
///     .phase(PhaseKind::Attempt(2), ms(70), ms(90))
///     .after([0]);
/// assert_eq!(span.outcome, SpanOutcome::Done);
/// assert_eq!(span.name(), "fetch");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Span {
    /// The task whose subgraph it ran in, `review/0`; empty for the graph
    /// itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The task: `plan`, or `review/2` for the third send to `review`.
    pub task: String,
    /// The number of its superstep in its graph.
    pub superstep: u64,
    /// When it could have begun: its superstep did, or all that it waits for
    /// had ended.
    #[serde(rename = "ready_ns", with = "nanos")]
    pub ready: Duration,
    /// When its first attempt began.
    #[serde(rename = "start_ns", with = "nanos")]
    pub start: Duration,
    /// When it had ended.
    #[serde(rename = "end_ns", with = "nanos")]
    pub end: Duration,
    /// What the time between was spent on. With none, all from `start` to `end`
    /// is one attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// How it ended.
    pub outcome: SpanOutcome,
    /// The spans that made it ready, by their places in the timeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<usize>,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SpanOutcome {
    /// It gave what it should.
    #[default]
    Done,
    /// It failed for good.
    Failed,
    /// It was stopped, for another one's sake.
    Cancelled,
    /// It waits for an answer.
    Paused,
    /// Its result was at hand, and it did not run.
    Cached,
}

impl Span {
    /// A task that was ready at `start`, was at work from then to `end`, and was
    /// done.
    #[must_use]
    pub fn new(task: impl Into<String>, superstep: u64, start: Duration, end: Duration) -> Self {
        Self {
            path: String::new(),
            task: task.into(),
            superstep,
            ready: start,
            start,
            end,
            phases: Vec::new(),
            outcome: SpanOutcome::Done,
            after: Vec::new(),
        }
    }

    /// Puts it inside the subgraph that a task ran: `review/0`.
    #[must_use]
    pub fn inside(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets when it could have begun.
    #[must_use]
    pub fn ready(mut self, ready: Duration) -> Self {
        self.ready = ready;
        self
    }

    /// Adds what it did for a while.
    #[must_use]
    pub fn phase(mut self, kind: PhaseKind, start: Duration, end: Duration) -> Self {
        self.phases.push(Phase { kind, start, end });
        self
    }

    /// Sets how it ended.
    #[must_use]
    pub fn outcome(mut self, outcome: SpanOutcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Adds spans that made it ready, by their places in the timeline.
    #[must_use]
    pub fn after(mut self, spans: impl IntoIterator<Item = usize>) -> Self {
        self.after.extend(spans);
        self
    }

    /// The task and its path: `review/0/draft`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.path.is_empty() {
            self.task.clone()
        } else {
            format!("{}/{}", self.path, self.task)
        }
    }
}

impl SpanOutcome {
    /// Its name, in one word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
            Self::Cached => "cached",
        }
    }
}
