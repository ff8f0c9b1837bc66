//! What a task does for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A part of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Phase {
    /// What went on.
    pub kind: PhaseKind,
    /// From when, since the run began.
    #[serde(rename = "start_ns", with = "nanos")]
    pub start: Duration,
    /// Until when.
    #[serde(rename = "end_ns", with = "nanos")]
    pub end: Duration,
}

/// What a task did for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PhaseKind {
    /// It waited for a permit, since as many tasks were at work as may be.
    Queued,
    /// It waited since a rate was used up, or a limiter rested; also if there was no
    /// permit either.
    Limited,
    /// Its body ran for this time, counted from 1.
    Attempt(u32),
    /// It waited after a failed attempt.
    Backoff,
}

impl Phase {
    /// Adds it to those before it: not if it took no time, unless it is an attempt; a
    /// wait that goes on is one.
    pub(crate) fn add(self, phases: &mut Vec<Self>) {
        let is_attempt = matches!(self.kind, PhaseKind::Attempt(_));
        match phases.last_mut() {
            _ if is_attempt => phases.push(self),
            _ if self.start >= self.end => {}
            Some(last) if (last.kind, last.end) == (self.kind, self.start) => last.end = self.end,
            _ => phases.push(self),
        }
    }
}

/// Times as whole nanoseconds; what 64 bits cannot hold, some 584 years, is cut.
pub(crate) mod nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}
