//! What a join waits for, and how long.

use std::fmt::Write as _;
use std::time::Duration;

use crate::node::IntoNames;

/// What a join waits for: given to
/// [`StateGraph::add_join`](crate::StateGraph::add_join).
///
/// [`all`](Self::all) is what `add_edge` from several sources does. The others
/// are tolerant: that a source fails, after its retries, is something that its
/// target sees in [`Ctx::arrivals`](crate::Ctx::arrivals), and not the end of the
/// run; and they do not wait for a source that cannot come any more, since a
/// route went elsewhere.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use superstep::Join;
///
/// let vote = Join::quorum(2).within(Duration::from_secs(5)).cancel_rest();
/// let trip = Join::settled().require(["flights"]);
/// assert_ne!(vote, trip);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a join does nothing until it is given to `add_join`"]
pub struct Join(pub(crate) Rule);

/// A join's rule, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) kind: JoinKind,
    pub(crate) within: Option<Duration>,
    /// The sources that must have succeeded when it fires.
    pub(crate) require: Vec<String>,
    pub(crate) cancel_rest: bool,
    pub(crate) strict: bool,
}

/// What a join waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum JoinKind {
    All,
    Settled,
    First,
    Quorum(usize),
}

impl Join {
    fn of(kind: JoinKind) -> Self {
        Self(Rule {
            kind,
            within: None,
            require: Vec::new(),
            cancel_rest: kind == JoinKind::First,
            strict: false,
        })
    }

    /// Waits until all sources have run, as
    /// [`add_edge`](crate::StateGraph::add_edge) from several sources does. A
    /// source's failure is the run's, and in the target each is done.
    pub fn all() -> Self {
        Self::of(JoinKind::All)
    }

    /// Waits until every source has come to something: a success, a failure, or
    /// nothing any more.
    pub fn settled() -> Self {
        Self::of(JoinKind::Settled)
    }

    /// Waits for the first success, and cancels what is still at work for it.
    pub fn first() -> Self {
        Self::of(JoinKind::First)
    }

    /// Waits until so many have succeeded. Of a worker each task counts by
    /// itself.
    ///
    /// The others go on, unless [`cancel_rest`](Self::cancel_rest) is said, and
    /// what they write is merged; they do not count towards the next time.
    pub fn quorum(successes: usize) -> Self {
        Self::of(JoinKind::Quorum(successes))
    }

    /// Waits so long at most, from the begin of the superstep in which the first
    /// of its sources starts, or of what leads only to them. What has not come by
    /// then counts as timed out, and is dropped where nothing else waits for it.
    ///
    /// Counted anew when a thread is resumed.
    pub fn within(mut self, time: Duration) -> Self {
        self.0.within = Some(time);
        self
    }

    /// Names sources without whose success the target cannot do: the run fails
    /// with [`RunError::Join`](crate::RunError::Join) if one has not succeeded
    /// when the join fires. [`first`](Self::first) and a [`quorum`](Self::quorum)
    /// wait for them, too, as long as they can succeed and there is time.
    /// [`all`](Self::all) without a time requires all of them anyway.
    pub fn require(mut self, sources: impl IntoNames) -> Self {
        self.0.require.extend(sources.into_names());
        self
    }

    /// Cancels what is still at work for the join when it fires; what it wrote is
    /// not merged. What is [required](Self::require) is waited for before.
    ///
    /// For a [`quorum`](Self::quorum): [`first`](Self::first) does so by itself, and
    /// when [`all`](Self::all) or [`settled`](Self::settled) fires, nothing is left
    /// at work for it.
    pub fn cancel_rest(mut self) -> Self {
        self.0.cancel_rest = true;
        self
    }

    /// Makes it an error to be short of what the join waits for. Of
    /// [`all`](Self::all), that the run ends half-way:
    /// [`RunError::Starved`](crate::RunError::Starved). Of any with
    /// [`within`](Self::within), that it has too little when the time is over, where
    /// it would else fire with what is there:
    /// [`RunError::Join`](crate::RunError::Join). For [`settled`](Self::settled)
    /// that is a source that did not come in time, and not one that failed.
    ///
    /// Without a time a [`first`](Self::first) or a [`quorum`](Self::quorum) that is
    /// out of reach is an error anyway, and a settled join is never short.
    pub fn strict(mut self) -> Self {
        self.0.strict = true;
        self
    }
}

impl Rule {
    /// Whether it is what an edge from several sources does.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Join::all().0
    }

    /// Whether it fires only when all its sources have run.
    pub(crate) fn waits_for_all(&self) -> bool {
        !self.is_tolerant() && self.within.is_none()
    }

    /// How many successes it waits for, if that is a number.
    pub(crate) fn successes(&self) -> Option<usize> {
        match self.kind {
            JoinKind::All | JoinKind::Settled => None,
            JoinKind::First => Some(1),
            JoinKind::Quorum(successes) => Some(successes),
        }
    }

    /// Whether failures of its sources are data.
    pub(crate) fn is_tolerant(&self) -> bool {
        self.kind != JoinKind::All
    }

    /// The rule in a few words: `quorum 2, ≤ 5 s`.
    pub(crate) fn in_short(&self) -> String {
        let mut label = match self.kind {
            JoinKind::All => "all".to_owned(),
            JoinKind::Settled => "settled".to_owned(),
            JoinKind::First => "first".to_owned(),
            JoinKind::Quorum(n) => format!("quorum {n}"),
        };
        if let Some(within) = self.within {
            let (number, unit) = match within.as_secs() {
                0 => (within.as_secs_f64() * 1000.0, "ms"),
                _ => (within.as_secs_f64(), "s"),
            };
            // Writing into a string does not fail.
            let _ = write!(label, ", ≤ {number} {unit}");
        }
        if self.strict {
            label.push_str(", strict");
        }
        label
    }

    /// All of it, by which it is told from others between the same nodes.
    pub(crate) fn in_full(&self) -> String {
        let mut text = self.in_short();
        if self.cancel_rest {
            text.push_str(", cancels the rest");
        }
        if !self.require.is_empty() {
            let names = self.require.join(", ");
            // Writing into a string does not fail.
            let _ = write!(text, ", requires {names}");
        }
        text
    }
}
