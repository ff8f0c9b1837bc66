//! The timeline as a Gantt chart in SVG that stands for itself.

mod bands;
mod bars;
mod marks;

use std::fmt::Write as _;

use super::axis::{Column, Scale, columns, length, ticks};
use super::judge::Judged;
use super::rows::{Row, RowKind, peaks, rows};
use super::words::{counts, speed, spent};
use crate::compile::{escape, fit, number, text_width};

const WIDTH: f64 = 1080.0;
const MARGIN: f64 = 24.0;
/// The room beside the plot, for lengths at the ends of bars.
const BESIDE: f64 = 56.0;
/// The most rows that are drawn one by one.
const MOST_ROWS: usize = 60;
/// The most bars of one lane.
const MOST_BARS: usize = 140;
/// The most bars in all.
const MOST_IN_ALL: usize = 2500;
const INDENT: f64 = 14.0;
const FONT: f64 = 12.0;
const SMALL: f64 = 11.0;
const FAMILY: &str =
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/// Where everything is.
struct Page<'t> {
    judged: &'t Judged<'t>,
    rows: Vec<Row>,
    /// The upper edge of each row, and the lower edge of the last.
    tops: Vec<f64>,
    /// The row of each span.
    row_of: Vec<Option<usize>>,
    scale: Scale,
    left: f64,
    right: f64,
    bar: f64,
    bottom: f64,
}

impl Page<'_> {
    /// The middle of a row.
    fn middle(&self, row: usize) -> f64 {
        f64::midpoint(self.tops[row], self.tops[row + 1])
    }
}

/// The picture as an SVG document.
pub(super) fn svg(graph: &str, judged: &Judged<'_>) -> String {
    let head = head(graph, judged);
    let page = page(judged, MARGIN + 20.0 * head.len() as f64 + 30.0);
    let mut body = String::new();
    columns_behind(&mut body, &page);
    axis(&mut body, &page);
    labels(&mut body, &page);
    let words = bars::bars(&mut body, &page);
    bars::critical(&mut body, &page);
    // Words last, so that no line runs through them.
    body.push_str(&words);
    let height = marks::legend(&mut body, &page, page.bottom + 44.0) + MARGIN;
    let (width, height) = (number(WIDTH), number(height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILY}\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#ffffff\"/>\n",
        escape(&head[0]),
    );
    marks::patterns(&mut out);
    for (at, line) in head.iter().enumerate() {
        let y = MARGIN + 12.0 + 20.0 * at as f64;
        let (size, look) = match at {
            0 => (17.0, "fill=\"#0f172a\" font-weight=\"600\""),
            _ => (13.0, "fill=\"#334155\""),
        };
        let line = fit(line, size, WIDTH - 2.0 * MARGIN);
        text(&mut out, (MARGIN, y), size, look, &line);
    }
    out.push_str(&body);
    out.push_str("</svg>\n");
    out
}

/// The lines above the picture.
fn head(graph: &str, judged: &Judged<'_>) -> Vec<String> {
    let name = if graph.trim().is_empty() {
        "timeline"
    } else {
        graph
    };
    let mut head = vec![
        format!("{name} · {}", length(judged.total)),
        format!("{} · {}", counts(judged), speed(judged)),
    ];
    head.extend(spent(judged));
    head
}

fn page<'t>(judged: &'t Judged<'t>, top: f64) -> Page<'t> {
    let rows = thinned(rows(judged, MOST_ROWS));
    let (tall, bar) = if rows.len() > 30 {
        (18.0, 12.0)
    } else {
        (24.0, 15.0)
    };
    let indented = |row: &Row| row.depth as f64 * INDENT + label_width(&row.label);
    let widest = rows
        .iter()
        .map(indented)
        .fold(text_width("superstep", SMALL), f64::max);
    let left = MARGIN + widest.min(220.0) + 12.0;
    let right = WIDTH - MARGIN - BESIDE;
    let mut row_of = vec![None; judged.spans.len()];
    let mut tops = vec![top];
    let mut y = top;
    for (at, row) in rows.iter().enumerate() {
        let (spans, height): (&[usize], f64) = match &row.kind {
            RowKind::Heading => (&[], tall),
            RowKind::Lane(spans) => (spans, tall),
            RowKind::Band(spans) if peaks(judged, spans).0 > 1 => (spans, 3.0 * tall),
            RowKind::Band(spans) => (spans, 1.5 * tall),
        };
        for &span in spans {
            row_of[span] = Some(at);
        }
        y += height;
        tops.push(y);
    }
    Page {
        judged,
        rows,
        tops,
        row_of,
        scale: Scale::new(judged.total, left, right - left),
        left,
        right,
        bar,
        bottom: y.max(top + tall) + 4.0,
    }
}

/// The rows, of which those with more bars than can be seen are bands.
fn thinned(mut rows: Vec<Row>) -> Vec<Row> {
    let n = rows.len().max(1);
    let most = (MOST_IN_ALL / n).min(MOST_BARS);
    for row in &mut rows {
        if let RowKind::Lane(spans) = &mut row.kind
            && spans.len() > most
        {
            row.kind = RowKind::Band(std::mem::take(spans));
        }
    }
    rows
}

/// The supersteps, behind all else, with their numbers above.
fn columns_behind(out: &mut String, page: &Page<'_>) {
    let Some(root) = page.judged.scopes.root() else {
        return;
    };
    let top = page.tops[0];
    let x = |time| page.scale.at(time);
    let wide = |begin, end| x(end) - x(begin);
    let label = |column: &Column| text_width(&column.label(), SMALL) + 8.0;
    let columns = columns(&root.steps, page.judged.total, 4.0, wide, label);
    let look = "fill=\"#64748b\" text-anchor=\"end\"";
    text(out, (page.left - 8.0, top - 9.0), SMALL, look, "superstep");
    for (at, column) in columns.iter().enumerate() {
        let (left, right) = (x(column.begin), x(column.end));
        let fill = if at % 2 == 0 { "#f1f5f9" } else { "#ffffff" };
        rect(
            out,
            (left, top - 22.0),
            (right - left, page.bottom - top + 22.0),
            &format!("fill=\"{fill}\""),
        );
        line(
            out,
            (left, top - 22.0),
            (left, page.bottom),
            "stroke=\"#cbd5e1\"",
        );
        if right - left >= label(column) {
            let look = "fill=\"#475569\" text-anchor=\"middle\"";
            let at = (f64::midpoint(left, right), top - 9.0);
            text(out, at, SMALL, look, &column.label());
        }
    }
}

/// The time axis below, and a thin line for each of its ticks.
fn axis(out: &mut String, page: &Page<'_>) {
    let y = page.bottom;
    for (time, label) in ticks(page.judged.total, 8) {
        let x = page.scale.at(time);
        line(
            out,
            (x, page.tops[0]),
            (x, y + 4.0),
            "stroke=\"#94a3b8\" stroke-opacity=\"0.35\"",
        );
        let look = "fill=\"#475569\" text-anchor=\"middle\"";
        text(out, (x, y + 17.0), SMALL, look, &label);
    }
    line(out, (page.left, y), (page.right, y), "stroke=\"#64748b\"");
}

/// The names of the rows; those inside a subgraph stand behind a line.
fn labels(out: &mut String, page: &Page<'_>) {
    for (at, row) in page.rows.iter().enumerate() {
        let (top, below) = (page.tops[at], page.tops[at + 1]);
        for depth in 0..row.depth {
            let x = MARGIN + depth as f64 * INDENT + 5.0;
            line(
                out,
                (x, top),
                (x, below),
                "stroke=\"#cbd5e1\" stroke-width=\"1.5\"",
            );
        }
        let x = MARGIN + row.depth as f64 * INDENT;
        let label = middle_cut(&row.label, page.left - 11.0 - x);
        let critical = match &row.kind {
            RowKind::Lane(spans) | RowKind::Band(spans) => {
                spans.iter().any(|&span| page.judged.is_critical[span])
            }
            RowKind::Heading => false,
        };
        let look = if critical {
            "fill=\"#0f172a\" font-weight=\"600\""
        } else {
            "fill=\"#475569\""
        };
        if label != row.label {
            let _ = write!(out, "<g><title>{}</title>", escape(&row.label));
        }
        text(out, (x, page.middle(at) + 4.0), FONT, look, &label);
        if label != row.label {
            out.push_str("</g>\n");
        }
    }
}

/// The width of a label, which may be bold.
fn label_width(label: &str) -> f64 {
    text_width(label, FONT) * 1.08
}

/// A label with its middle left out where it is too wide.
fn middle_cut(label: &str, most: f64) -> String {
    if label_width(label) <= most {
        return label.to_owned();
    }
    let characters: Vec<char> = label.chars().collect();
    let mut kept = characters.len().min(80);
    loop {
        let cut = super::words::middle(&characters, kept);
        if kept <= 3 || label_width(&cut) <= most {
            return cut;
        }
        kept -= 1;
    }
}

fn text(out: &mut String, (x, y): (f64, f64), size: f64, look: &str, words: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" font-size=\"{size}\" {look}>{}</text>",
        number(x),
        number(y),
        escape(words),
    );
}

fn rect(out: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), look: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {look}/>",
        number(x),
        number(y),
        number(width.max(0.0)),
        number(height),
    );
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), look: &str) {
    let _ = writeln!(
        out,
        "<path d=\"M{},{} L{},{}\" fill=\"none\" {look}/>",
        number(from.0),
        number(from.1),
        number(to.0),
        number(to.1),
    );
}
