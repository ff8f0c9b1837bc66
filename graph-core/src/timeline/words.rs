//! What pictures say in words.

use std::time::Duration;

use super::axis::length;
use super::judge::Judged;
use super::pieces::{Piece, Use, time_in};
use super::span::{Span, SpanOutcome};

impl Use {
    /// What a piece is called in a legend.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Failed => "failed attempt",
            Self::Queued => "queued",
            Self::Limited => "rate limited",
            Self::Backoff => "backoff",
            Self::Unknown => "other",
        }
    }
}

/// The waits a span can have, in the order of legends.
pub(super) const WAITS: [Use; 4] = [Use::Queued, Use::Limited, Use::Backoff, Use::Unknown];

/// What occurs in a timeline, which is what its legend explains.
pub(super) struct Occurs {
    pub(super) outcomes: Vec<SpanOutcome>,
    pub(super) failed_attempts: bool,
    pub(super) waits: Vec<Use>,
    pub(super) barriers: bool,
}

impl Occurs {
    pub(super) fn new(judged: &Judged<'_>) -> Self {
        let mut outcomes: Vec<SpanOutcome> = judged.spans.iter().map(|span| span.outcome).collect();
        outcomes.sort_unstable();
        outcomes.dedup();
        let occurs = |used| {
            let mut pieces = judged.pieces.iter().flatten();
            pieces.any(|piece| piece.used == used)
        };
        // A cached span has no attempt, and the time it took is no wait.
        let is_held = |span: &usize| judged.spans[*span].outcome != SpanOutcome::Cached;
        let unknown = (0..judged.spans.len()).filter(is_held).any(|span| {
            let mut pieces = judged.pieces[span].iter();
            pieces.any(|piece| piece.used == Use::Unknown)
        });
        let waits = WAITS.into_iter();
        let waits = waits.filter(|&used| {
            if used == Use::Unknown {
                unknown
            } else {
                occurs(used)
            }
        });
        Self {
            outcomes,
            failed_attempts: occurs(Use::Failed),
            waits: waits.collect(),
            barriers: judged.barrier.iter().any(|wait| !wait.is_zero()),
        }
    }
}

/// `12 tasks in 3 supersteps`.
pub(super) fn counts(judged: &Judged<'_>) -> String {
    let tasks = several(judged.spans.len(), "task");
    match judged.scopes.root().map(|root| root.steps.len()) {
        Some(steps) => format!("{tasks} in {}", several(steps, "superstep")),
        None => tasks,
    }
}

pub(super) fn several(n: usize, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {what}{s}")
}

/// `speed-up 2.6× of 3.1× possible`.
pub(super) fn speed(judged: &Judged<'_>) -> String {
    let reached = ratio(judged.work, judged.total);
    let possible = ratio(judged.work, judged.ideal);
    format!("speed-up {reached:.1}× of {possible:.1}× possible")
}

/// How many times the one is the other; 1 where there is nothing to compare.
pub(super) fn ratio(work: Duration, wall: Duration) -> f64 {
    if wall.is_zero() {
        1.0
    } else {
        work.as_secs_f64() / wall.as_secs_f64()
    }
}

/// `critical path: 3.1 s work, 800 ms backoff`.
pub(super) fn spent(judged: &Judged<'_>) -> Option<String> {
    let spent = judged.spent();
    let parts = spent
        .iter()
        .map(|&(used, time)| format!("{} {}", length(time), used.word()));
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| format!("critical path: {}", parts.join(", ")))
}

/// All about a span in one line.
pub(super) fn describe(judged: &Judged<'_>, at: usize) -> String {
    let span = &judged.spans[at];
    let mut parts = vec![
        format!(
            "{}: {} in {}",
            span.name(),
            span.outcome.word(),
            length(took(span))
        ),
        format!("superstep {}", span.superstep),
        format!("{} to {}", length(span.start), length(span.end)),
    ];
    let pieces = &judged.pieces[at];
    let attempts = pieces.iter().filter(|piece| piece.used.is_work()).count();
    if attempts > 1 {
        parts.push(several(attempts, "attempt"));
    }
    for wait in WAITS {
        let time = time_in(pieces, |used| used == wait);
        if !time.is_zero() && wait != Use::Unknown {
            parts.push(format!("{} {}", wait.word(), length(time)));
        }
    }
    if !judged.barrier[at].is_zero() {
        parts.push(format!("barrier {}", length(judged.barrier[at])));
    }
    if judged.is_critical[at] {
        parts.push("on the critical path".to_owned());
    }
    parts.join(" · ")
}

/// How long a span took, waits before its first attempt left out.
pub(super) fn took(span: &Span) -> Duration {
    span.end.saturating_sub(span.start)
}

/// Characters with the middle left out, so that `most` of them are left.
pub(super) fn middle(characters: &[char], most: usize) -> String {
    if characters.len() <= most {
        return characters.iter().collect();
    }
    let kept = most.saturating_sub(1);
    let (head, tail) = (kept - kept / 2, kept / 2);
    let tail = &characters[characters.len() - tail..];
    let head = characters[..head].iter();
    head.chain(&['…']).chain(tail).collect()
}

/// What a piece is shown as: what is not recorded of a cached span is its time.
pub(super) fn shown_as(judged: &Judged<'_>, at: usize, piece: Piece) -> Use {
    let span = &judged.spans[at];
    let cached = span.outcome == SpanOutcome::Cached && piece.start >= span.start;
    if cached && piece.used == Use::Unknown {
        Use::Work
    } else {
        piece.used
    }
}
