//! What is too much to be drawn bar by bar: how many were at work, and above
//! that how many waited.

use std::fmt::Write as _;

use super::super::rows::{density, peaks};
use super::super::span::SpanOutcome;
use super::super::words::several;
use super::{Page, SMALL, line, marks, text};
use crate::compile::{escape, number, text_width};

/// How many parts of the time a band tells apart.
const PARTS: usize = 240;

/// Two areas, each as high as its most: those at work, and, if any waited, above
/// them the waiting.
pub(super) fn band(
    out: &mut String,
    words: &mut String,
    page: &Page<'_>,
    row: usize,
    spans: &[usize],
) {
    let levels = density(page.judged, spans, PARTS);
    let (most_work, most_wait) = peaks(page.judged, spans);
    let mut said = several(spans.len(), "task");
    if most_work > 1 || most_wait > 0 {
        let _ = write!(said, ": at most {most_work} at work");
    }
    if most_wait > 0 {
        let _ = write!(said, ", {most_wait} waiting");
    }
    let _ = writeln!(out, "<g><title>{}</title>", escape(&said));
    let (top, floor) = (page.tops[row] + 3.0, page.tops[row + 1] - 3.0);
    let mut floor_of_wait = top;
    if most_wait > 0 {
        floor_of_wait = top + (floor - top) * 0.4;
        let parts: Vec<f64> = levels
            .iter()
            .map(|&(_, wait)| wait / most_wait as f64)
            .collect();
        let edges = (top, floor_of_wait - 2.0);
        area(out, page, edges, &parts, "url(#superstep-queued)");
    }
    let most = most_work.max(1) as f64;
    let parts: Vec<f64> = levels.iter().map(|&(work, _)| work / most).collect();
    let fill = marks::outcome_fill(SpanOutcome::Done);
    area(out, page, (floor_of_wait, floor), &parts, fill);
    out.push_str("</g>\n");
    let wide = text_width(&said, SMALL);
    if wide < page.right - page.left {
        let look = "fill=\"#0f172a\" text-anchor=\"end\" stroke=\"#ffffff\" stroke-width=\"4\" \
                    stroke-linejoin=\"round\" paint-order=\"stroke\"";
        text(words, (page.right - 6.0, top + 10.0), SMALL, look, &said);
    }
}

/// Steps up from the floor, by parts of the height.
fn area(out: &mut String, page: &Page<'_>, (top, floor): (f64, f64), parts: &[f64], fill: &str) {
    let wide = (page.right - page.left) / parts.len() as f64;
    let mut path = format!("M{},{}", number(page.left), number(floor));
    let mut last = number(floor);
    for (at, part) in parts.iter().enumerate() {
        let height = number(floor - part.min(1.0) * (floor - top));
        if height != last {
            let x = number(page.left + wide * at as f64);
            let _ = write!(path, " H{x} V{height}");
            last = height;
        }
    }
    let (right, below) = (number(page.right), number(floor));
    let _ = writeln!(
        out,
        "<path d=\"{path} H{right} V{below} Z\" fill=\"{fill}\"/>"
    );
    line(
        out,
        (page.left, floor),
        (page.right, floor),
        "stroke=\"#cbd5e1\"",
    );
}
