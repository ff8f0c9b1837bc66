//! The bars of a timeline, and the critical path over them.

use std::fmt::Write as _;

use super::super::axis::length;
use super::super::pieces::{Piece, Use};
use super::super::rows::RowKind;
use super::super::span::SpanOutcome;
use super::super::words::{describe, shown_as, took};
use super::bands::band;
use super::marks::{self, SIGN, barrier, piece, sign};
use super::{BESIDE, Page, SMALL, rect, text};
use crate::compile::{escape, number, text_width};

/// The least width of a bar.
const LEAST: f64 = 2.0;

/// Everything in the rows; gives the words to be written over it.
pub(super) fn bars(out: &mut String, page: &Page<'_>) -> String {
    let mut words = String::new();
    for (at, row) in page.rows.iter().enumerate() {
        match &row.kind {
            RowKind::Heading => {}
            RowKind::Band(spans) => band(out, &mut words, page, at, spans),
            RowKind::Lane(spans) => {
                for (place, &span) in spans.iter().enumerate() {
                    let next = spans.get(place + 1).map(|&next| {
                        let next = &page.judged.spans[next];
                        page.scale.at(next.ready.min(next.start))
                    });
                    let bar = Bar {
                        page,
                        span,
                        y: page.middle(at),
                        until: next.unwrap_or(page.right + BESIDE),
                    };
                    bar.draw(out, &mut words);
                }
            }
        }
    }
    words
}

/// One span in its lane.
struct Bar<'p> {
    page: &'p Page<'p>,
    span: usize,
    /// The middle of the lane.
    y: f64,
    /// Where the next bar begins.
    until: f64,
}

/// Where a piece is, and how wide.
type Place = (f64, f64);

impl Bar<'_> {
    fn draw(&self, out: &mut String, words: &mut String) {
        let (page, judged, y) = (self.page, self.page.judged, self.y);
        let span = &judged.spans[self.span];
        let title = escape(&describe(judged, self.span));
        let _ = writeln!(out, "<g><title>{title}</title>");
        let mut work: Vec<Place> = Vec::new();
        for part in &judged.pieces[self.span] {
            let used = shown_as(judged, self.span, *part);
            let place = self.piece(out, used, *part);
            work.extend(place.filter(|_| used == Use::Work));
        }
        let end = page.scale.at(span.end.max(span.start));
        if work.is_empty() {
            // It was too short to be seen, or never got as far as to work.
            let at = (end, y - page.bar / 2.0);
            piece(out, at, (LEAST, page.bar), Use::Work, span.outcome);
            work.push((end, LEAST));
        }
        let waits = page
            .scale
            .at(span.end.saturating_add(judged.barrier[self.span]));
        if waits - end >= 4.0 {
            barrier(out, end, waits, y);
        }
        let after = self.sign(out, end, work.last().copied());
        let is_one = judged.pieces[self.span].len() == 1 && !judged.is_parent(self.span);
        self.length(words, work.first().copied().filter(|_| is_one), after);
        out.push_str("</g>\n");
    }

    /// One piece, if it can be seen.
    fn piece(&self, out: &mut String, used: Use, part: Piece) -> Option<Place> {
        let page = self.page;
        let left = page.scale.at(part.start);
        let wide = page.scale.at(part.end) - left;
        let wide = if used.is_work() {
            wide.max(LEAST)
        } else {
            wide
        };
        if wide < 0.5 {
            return None;
        }
        // A bar around others leaves the weight to them.
        let thin = used == Use::Work && page.judged.is_parent(self.span);
        let tall = if thin { page.bar / 2.0 } else { page.bar };
        let at = (left, self.y - tall / 2.0);
        let outcome = page.judged.spans[self.span].outcome;
        piece(out, at, (wide, tall), used, outcome);
        if used == Use::Failed && wide >= SIGN + 2.0 {
            let x = left + wide - SIGN / 2.0 - 1.0;
            sign(out, (x, self.y), SpanOutcome::Failed);
        }
        Some((left, wide))
    }

    /// The sign of the outcome, in the bar or behind it; gives where there is
    /// room behind it.
    fn sign(&self, out: &mut String, end: f64, last: Option<Place>) -> f64 {
        let outcome = self.page.judged.spans[self.span].outcome;
        let (left, wide) = last.unwrap_or((end, 0.0));
        let after = end.max(left + wide) + 4.0;
        if outcome == SpanOutcome::Done {
            return after;
        }
        if wide >= SIGN + 4.0 {
            sign(out, (left + wide - SIGN / 2.0 - 1.0, self.y), outcome);
            return after;
        }
        if after + SIGN > self.until {
            return after;
        }
        sign(out, (after + SIGN / 2.0 - 2.0, self.y), outcome);
        after + SIGN
    }

    /// How long it took: in its bar if it is one piece, else behind it, if there
    /// is room.
    fn length(&self, words: &mut String, only: Option<Place>, after: f64) {
        let span = &self.page.judged.spans[self.span];
        let took = took(span);
        if took.is_zero() {
            return;
        }
        let length = length(took);
        let wide = text_width(&length, SMALL);
        let halo = "stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\"";
        let signed = if span.outcome == SpanOutcome::Done {
            0.0
        } else {
            SIGN
        };
        if let Some((left, room)) = only
            && room >= wide + signed + 10.0
        {
            let at = (left + (room - signed) / 2.0, self.y + 4.0);
            let fill = marks::outcome_fill(span.outcome);
            let look = format!("fill=\"#0f172a\" stroke=\"{fill}\" text-anchor=\"middle\" {halo}");
            text(words, at, SMALL, &look, &length);
        } else if after + wide + 2.0 <= self.until {
            let look = format!("fill=\"#475569\" stroke=\"#ffffff\" {halo}");
            text(words, (after, self.y + 4.0), SMALL, &look, &length);
        }
    }
}

/// Frames what is on the critical path, and joins it by a line.
pub(super) fn critical(out: &mut String, page: &Page<'_>) {
    let judged = page.judged;
    let leaves = judged
        .critical
        .iter()
        .filter(|link| !judged.is_parent(link.span));
    let mut last: Option<(f64, f64, bool)> = None;
    let (mut path, mut frames) = (String::new(), String::new());
    for link in leaves {
        let Some(row) = page.row_of[link.span] else {
            continue;
        };
        let (from, until) = (page.scale.at(link.from), page.scale.at(link.until));
        let y = page.middle(row);
        let in_band = matches!(page.rows[row].kind, RowKind::Band(_));
        if !in_band {
            let end = page.scale.at(judged.spans[link.span].end);
            let size = ((end - from).max(LEAST), page.bar);
            let look = format!("rx=\"2\" {}", marks::CRITICAL);
            rect(&mut frames, (from, y - page.bar / 2.0), size, &look);
        }
        // From band to band there would be more lines than can be told apart.
        if let Some((x, above, band)) = last
            && above != y
            && !(band && in_band)
        {
            let (x, from) = (number(x), number(from));
            let _ = write!(path, "M{x},{} H{from} V{} ", number(above), number(y));
        }
        last = Some((until, y, in_band));
    }
    for look in [
        "stroke=\"#ffffff\" stroke-width=\"4\" stroke-opacity=\"0.8\"",
        "stroke=\"#0f172a\" stroke-width=\"1.5\" stroke-linejoin=\"round\"",
    ] {
        if !path.is_empty() {
            let _ = writeln!(
                out,
                "<path d=\"{}\" fill=\"none\" {look}/>",
                path.trim_end()
            );
        }
    }
    out.push_str(&frames);
}
