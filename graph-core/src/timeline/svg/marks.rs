//! What bars look like, and the legend that says so. Nothing is told by colour
//! alone: waits have patterns, and each outcome but the usual one has a sign.

use std::fmt::Write as _;

use super::super::pieces::Use;
use super::super::span::SpanOutcome;
use super::super::words::Occurs;
use super::{MARGIN, Page, SMALL, WIDTH, line, rect, text};
use crate::compile::{number, text_width};

/// The patterns of waits. Their ids are long, since a page may hold more than
/// one picture.
pub(super) fn patterns(out: &mut String) {
    out.push_str(
        "<defs>\n\
         <pattern id=\"superstep-queued\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <rect width=\"6\" height=\"6\" fill=\"#ffffff\"/><rect width=\"1.6\" height=\"6\" fill=\"#94a3b8\"/></pattern>\n\
         <pattern id=\"superstep-limited\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
         <rect width=\"5\" height=\"5\" fill=\"#f5f3ff\"/><circle cx=\"2.5\" cy=\"2.5\" r=\"1.2\" fill=\"#7c3aed\"/></pattern>\n\
         <pattern id=\"superstep-backoff\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
         <rect width=\"5\" height=\"5\" fill=\"#fffbeb\"/><rect width=\"1.4\" height=\"5\" fill=\"#d97706\"/></pattern>\n\
         </defs>\n",
    );
}

/// How a piece of a span with this outcome is filled.
pub(super) fn fill(used: Use, outcome: SpanOutcome) -> &'static str {
    match used {
        Use::Work => outcome_fill(outcome),
        Use::Failed => "#fca5a5",
        Use::Queued => "url(#superstep-queued)",
        Use::Limited => "url(#superstep-limited)",
        Use::Backoff => "url(#superstep-backoff)",
        Use::Unknown => "#e2e8f0",
    }
}

pub(super) fn outcome_fill(outcome: SpanOutcome) -> &'static str {
    match outcome {
        SpanOutcome::Done => "#60a5fa",
        SpanOutcome::Failed => "#ef4444",
        SpanOutcome::Cancelled => "#cbd5e1",
        SpanOutcome::Paused => "#fbbf24",
        SpanOutcome::Cached => "#34d399",
    }
}

/// The colour of a piece's edge.
pub(super) fn edge(used: Use, outcome: SpanOutcome) -> &'static str {
    match (used, outcome) {
        (Use::Work, SpanOutcome::Done) => "#2563eb",
        (Use::Work, SpanOutcome::Failed) | (Use::Failed, _) => "#b91c1c",
        (Use::Work, SpanOutcome::Paused) => "#b45309",
        (Use::Work, SpanOutcome::Cached) => "#047857",
        (Use::Limited, _) => "#7c3aed",
        (Use::Backoff, _) => "#d97706",
        (Use::Work, SpanOutcome::Cancelled) | (Use::Queued | Use::Unknown, _) => "#94a3b8",
    }
}

/// How wide a sign is with the room around it.
pub(super) const SIGN: f64 = 15.0;

/// The sign of an outcome, in a small disc; the usual outcome has none.
pub(super) fn sign(out: &mut String, (x, y): (f64, f64), outcome: SpanOutcome) -> bool {
    let (path, colour) = match outcome {
        SpanOutcome::Done => return false,
        SpanOutcome::Failed => ("M-2.6,-2.6 L2.6,2.6 M2.6,-2.6 L-2.6,2.6", "#b91c1c"),
        SpanOutcome::Cancelled => ("M-3.8,3.8 L3.8,-3.8", "#475569"),
        SpanOutcome::Paused => ("M-1.6,-2.6 V2.6 M1.6,-2.6 V2.6", "#b45309"),
        SpanOutcome::Cached => ("M-3.0,0.2 L-0.8,2.4 L3.0,-2.2", "#047857"),
    };
    let (x, y) = (number(x), number(y));
    let _ = writeln!(
        out,
        "<g transform=\"translate({x},{y})\"><circle r=\"5.5\" fill=\"#ffffff\" stroke=\"{colour}\" stroke-width=\"1.2\"/>\
         <path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" stroke-linecap=\"round\"/></g>"
    );
    true
}

/// The dashed line of who waits at a barrier, and the barrier.
pub(super) fn barrier(out: &mut String, from: f64, to: f64, y: f64) {
    let dashed = "stroke=\"#64748b\" stroke-width=\"1.5\" stroke-dasharray=\"2 3\"";
    line(out, (from, y), (to, y), dashed);
    let post = "stroke=\"#64748b\" stroke-width=\"1.5\"";
    line(out, (to - 0.7, y - 4.0), (to - 0.7, y + 4.0), post);
}

/// The frame of what is on the critical path.
pub(super) const CRITICAL: &str = "fill=\"none\" stroke=\"#0f172a\" stroke-width=\"2\"";

/// One thing to explain.
#[derive(Clone, Copy)]
enum Entry {
    Outcome(SpanOutcome),
    Piece(Use),
    Barrier,
    Critical,
}

impl Entry {
    fn words(self) -> &'static str {
        match self {
            Self::Outcome(outcome) => outcome.word(),
            Self::Piece(Use::Queued) => "queued for a permit",
            Self::Piece(used) => used.word(),
            Self::Barrier => "waits for the rest of its superstep",
            Self::Critical => "critical path",
        }
    }

    fn draw(self, out: &mut String, (x, y): (f64, f64)) {
        let (at, size) = ((x, y - 6.0), (24.0, 12.0));
        match self {
            Self::Outcome(outcome) => {
                piece(out, at, size, Use::Work, outcome);
                sign(out, (x + 12.0, y), outcome);
            }
            Self::Piece(used) => {
                piece(out, at, size, used, SpanOutcome::Done);
                if used == Use::Failed {
                    sign(out, (x + 12.0, y), SpanOutcome::Failed);
                }
            }
            Self::Barrier => barrier(out, x, x + 24.0, y),
            Self::Critical => rect(out, at, size, &format!("rx=\"2\" {CRITICAL}")),
        }
    }
}

/// One piece of a bar.
pub(super) fn piece(
    out: &mut String,
    at: (f64, f64),
    size: (f64, f64),
    used: Use,
    outcome: SpanOutcome,
) {
    let (fill, edge) = (fill(used, outcome), edge(used, outcome));
    let dashes = match (used, outcome) {
        (Use::Work, SpanOutcome::Cancelled) => " stroke-dasharray=\"3 2\"",
        _ => "",
    };
    let look = format!("rx=\"2\" fill=\"{fill}\" stroke=\"{edge}\" stroke-width=\"0.8\"{dashes}");
    rect(out, at, size, &look);
}

/// Explains what there is in the picture; gives its lower edge.
pub(super) fn legend(out: &mut String, page: &Page<'_>, top: f64) -> f64 {
    let occurs = Occurs::new(page.judged);
    let mut entries: Vec<Entry> = occurs.outcomes.into_iter().map(Entry::Outcome).collect();
    if occurs.failed_attempts {
        entries.push(Entry::Piece(Use::Failed));
    }
    entries.extend(occurs.waits.into_iter().map(Entry::Piece));
    if occurs.barriers {
        entries.push(Entry::Barrier);
    }
    if !page.judged.critical.is_empty() {
        entries.push(Entry::Critical);
    }
    let (mut x, mut y) = (MARGIN, top);
    for entry in entries {
        let words = entry.words();
        let wide = 24.0 + 6.0 + text_width(words, SMALL) + 18.0;
        if x + wide > WIDTH - MARGIN && x > MARGIN {
            (x, y) = (MARGIN, y + 20.0);
        }
        entry.draw(out, (x, y));
        text(out, (x + 30.0, y + 4.0), SMALL, "fill=\"#334155\"", words);
        x += wide;
    }
    y + 6.0
}
