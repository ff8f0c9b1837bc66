//! A span as a row of pieces that follow one another.

use std::time::Duration;

use super::span::{Span, SpanOutcome};
use crate::event::{Phase, PhaseKind};

/// What a piece of a span's time went into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// An attempt that was the last.
    Work,
    /// An attempt that failed and was followed by another.
    Failed,
    Queued,
    Limited,
    Backoff,
    /// Nothing is recorded.
    Unknown,
}

/// A piece of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) used: Use,
    pub(super) start: Duration,
    pub(super) end: Duration,
}

impl Use {
    /// Whether a body ran.
    pub(super) fn is_work(self) -> bool {
        matches!(self, Self::Work | Self::Failed)
    }
}

impl Piece {
    pub(super) fn length(self) -> Duration {
        self.end.saturating_sub(self.start)
    }
}

/// When the span could have begun, and did not end before.
pub(super) fn ready(span: &Span) -> Duration {
    span.ready.min(span.start)
}

/// When the span had ended, and did not begin after.
pub(super) fn end(span: &Span) -> Duration {
    span.end.max(span.start)
}

/// The pieces from when the span was ready to its end: in order, without gaps
/// and overlaps. Of phases that overlap, the one that begins first counts.
pub(super) fn pieces(span: &Span) -> Vec<Piece> {
    let (ready, end) = (ready(span), end(span));
    let mut phases = span.phases.clone();
    if phases.is_empty() && span.outcome != SpanOutcome::Cached {
        phases.push(Phase {
            kind: PhaseKind::Attempt(1),
            start: span.start,
            end,
        });
    }
    phases.sort_by_key(|phase| (phase.start, phase.end));
    let is_attempt = |kind| matches!(kind, PhaseKind::Attempt(_));
    let last = phases.iter().rposition(|phase| is_attempt(phase.kind));
    let mut out = Vec::with_capacity(phases.len() + 1);
    let mut at = ready;
    for (place, phase) in phases.iter().enumerate() {
        let start = phase.start.clamp(at, end);
        let stop = phase.end.clamp(start, end);
        push(&mut out, Use::Unknown, at, start);
        let used = match phase.kind {
            PhaseKind::Queued => Use::Queued,
            PhaseKind::Limited => Use::Limited,
            PhaseKind::Backoff => Use::Backoff,
            PhaseKind::Attempt(_) if Some(place) == last => Use::Work,
            PhaseKind::Attempt(_) => Use::Failed,
        };
        push(&mut out, used, start, stop);
        at = stop;
    }
    push(&mut out, Use::Unknown, at, end);
    out
}

fn push(out: &mut Vec<Piece>, used: Use, start: Duration, end: Duration) {
    if end > start {
        out.push(Piece { used, start, end });
    }
}

/// How long the span was used so.
pub(super) fn time_in(pieces: &[Piece], is: impl Fn(Use) -> bool) -> Duration {
    let so = pieces.iter().filter(|piece| is(piece.used));
    so.map(|piece| piece.length())
        .fold(Duration::ZERO, Duration::saturating_add)
}
