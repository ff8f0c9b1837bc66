//! The timeline as text for a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use super::axis::{Column, Scale, columns, length, ticks};
use super::judge::Judged;
use super::pieces::{Use, end};
use super::rows::{Row, RowKind, density, peaks, rows};
use super::span::SpanOutcome;
use super::words::{Occurs, counts, middle, shown_as, speed, spent, took};

/// The narrowest picture.
const LEAST: usize = 48;
/// The most rows.
const MOST_ROWS: usize = 40;
/// The room for lengths at the right.
const BESIDE: usize = 12;
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const BARRIER: char = '·';
const OFF_PATH: char = '▒';
const ON_PATH: char = '█';

struct Page<'t> {
    judged: &'t Judged<'t>,
    rows: Vec<Row>,
    gutter: usize,
    plot: usize,
    scale: Scale,
    columns: Vec<Column>,
}

impl Page<'_> {
    /// Whether these spans of one lane are more than can be told apart.
    fn is_full(&self, spans: &[usize]) -> bool {
        2 * spans.len() > self.plot
    }
}

/// The picture, `width` characters wide.
pub(super) fn text(graph: &str, judged: &Judged<'_>, width: usize) -> String {
    let page = page(judged, width.max(LEAST));
    let mut out = String::new();
    for line in head(graph, judged, width.max(LEAST)) {
        let _ = writeln!(out, "{line}");
    }
    out.push('\n');
    let numbers = page
        .columns
        .iter()
        .map(|column| (column.begin, column.label()));
    if !page.columns.is_empty() {
        words_below(&mut out, &page, "  superstep", numbers);
    }
    for row in &page.rows {
        row_of(&mut out, &page, row);
    }
    words_below(
        &mut out,
        &page,
        "",
        ticks(judged.total, (page.plot / 10) as u32),
    );
    let legend = legend(&page);
    if !legend.is_empty() {
        let _ = writeln!(out, "\n{}", wrapped(&legend, width.max(LEAST)));
    }
    out
}

/// The lines above the picture.
fn head(graph: &str, judged: &Judged<'_>, width: usize) -> Vec<String> {
    let name = if graph.trim().is_empty() {
        "timeline"
    } else {
        graph
    };
    let total = length(judged.total);
    let name = cut(&flat(name), width - 3 - cells(&total));
    let mut head = vec![format!("{name} · {total}")];
    let (counts, speed) = (counts(judged), speed(judged));
    let both = format!("{counts} · {speed}");
    if cells(&both) <= width {
        head.push(both);
    } else {
        head.extend([counts, speed]);
    }
    head.extend(spent(judged));
    head.iter().map(|line| cut(line, width)).collect()
}

fn page<'t>(judged: &'t Judged<'t>, width: usize) -> Page<'t> {
    let rows = rows(judged, MOST_ROWS);
    let widest = rows
        .iter()
        .map(|row| 2 * row.depth + cells(&flat(&row.label)));
    let widest = widest.max().unwrap_or_default().max("superstep".len());
    let gutter = 2 + widest.min(width / 4) + 1;
    let plot = width - gutter - BESIDE;
    let scale = Scale::new(judged.total, 0.0, plot as f64);
    let wide = |begin, end| scale.at(end) - scale.at(begin);
    let label = |column: &Column| column.label().chars().count() as f64 + 1.0;
    let root = judged.scopes.root();
    let columns = root.map(|root| columns(&root.steps, judged.total, 1.0, wide, label));
    Page {
        judged,
        rows,
        gutter,
        plot,
        scale,
        columns: columns.unwrap_or_default(),
    }
}

/// The cell that a time lies in; the end lies in the last.
fn cell(scale: &Scale, plot: usize, time: Duration) -> usize {
    (scale.at(time) as usize).min(plot - 1)
}

/// A line of words, each where its time is, if there is room.
fn words_below(
    out: &mut String,
    page: &Page<'_>,
    name: &str,
    words: impl IntoIterator<Item = (Duration, String)>,
) {
    let mut line = format!("{name:<width$}", width = page.gutter);
    let mut used = page.gutter;
    for (time, word) in words {
        let at = page.gutter + cell(&page.scale, page.plot, time);
        let end = at + word.chars().count();
        if at < used || end > page.gutter + page.plot + BESIDE {
            continue;
        }
        line.extend(std::iter::repeat_n(' ', at - used));
        line.push_str(&word);
        line.push(' ');
        used = end + 1;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

fn row_of(out: &mut String, page: &Page<'_>, row: &Row) {
    let judged = page.judged;
    let mut line = vec![' '; page.plot];
    for column in &page.columns {
        line[cell(&page.scale, page.plot, column.begin)] = '┊';
    }
    let (spans, beside) = match &row.kind {
        RowKind::Heading => (&Vec::new(), String::new()),
        RowKind::Lane(spans) => {
            if page.is_full(spans) {
                band(page, spans, &mut line, 1);
            } else {
                lane(page, spans, &mut line);
            }
            let took = spans.iter().map(|&at| took(&judged.spans[at]));
            (
                spans,
                length(took.fold(Duration::ZERO, Duration::saturating_add)),
            )
        }
        RowKind::Band(spans) => {
            let (most, _) = peaks(judged, spans);
            band(page, spans, &mut line, most);
            (spans, format!("max {most}"))
        }
    };
    let critical = spans.iter().any(|&at| judged.is_critical[at]);
    let mut label = String::from(if critical { "* " } else { "  " });
    let indent = (2 * row.depth).min(page.gutter.saturating_sub(8));
    label.extend(std::iter::repeat_n(' ', indent));
    let room = page.gutter.saturating_sub(1 + cells(&label));
    label.push_str(&cut(&flat(&row.label), room));
    let pad = page.gutter.saturating_sub(cells(&label));
    let line: String = line.into_iter().collect();
    let whole = format!("{label}{:pad$}{line}{beside:>BESIDE$}", "");
    let _ = writeln!(out, "{}", whole.trim_end());
}

/// Draws spans: each cell shows what most of its time went into.
fn lane(page: &Page<'_>, spans: &[usize], line: &mut [char]) {
    let mut shares = vec![0.0; line.len()];
    for &at in spans {
        let span = &page.judged.spans[at];
        let until = end(span).saturating_add(page.judged.barrier[at]);
        paint(page, (line, &mut shares), (end(span), until), BARRIER);
        for piece in &page.judged.pieces[at] {
            let sign = sign(page.judged, at, shown_as(page.judged, at, *piece));
            paint(page, (line, &mut shares), (piece.start, piece.end), sign);
        }
    }
    // What is too short to win a cell is seen all the same.
    for &at in spans {
        let span = &page.judged.spans[at];
        let seen = sign(page.judged, at, Use::Work);
        let worked = page.judged.pieces[at]
            .iter()
            .find(|piece| piece.used == Use::Work);
        let place = worked.map_or(end(span), |piece| piece.start);
        let place = cell(&page.scale, page.plot, place);
        if !"█▒×/?=".contains(line[place]) {
            line[place] = seen;
        }
    }
}

fn paint(
    page: &Page<'_>,
    (line, shares): (&mut [char], &mut [f64]),
    (start, end): (Duration, Duration),
    sign: char,
) {
    let (start, end) = (page.scale.at(start), page.scale.at(end));
    if end <= start {
        return;
    }
    let last = (end as usize).min(line.len() - 1);
    for cell in (start as usize).min(last)..=last {
        let share = end.min(cell as f64 + 1.0) - start.max(cell as f64);
        if share > shares[cell] {
            (line[cell], shares[cell]) = (sign, share);
        }
    }
}

/// What a piece of a span is drawn with.
fn sign(judged: &Judged<'_>, at: usize, used: Use) -> char {
    match used {
        Use::Failed => '×',
        Use::Work if judged.spans[at].outcome != SpanOutcome::Done => {
            outcome_sign(judged.spans[at].outcome)
        }
        Use::Work if judged.is_critical[at] => ON_PATH,
        Use::Work => OFF_PATH,
        Use::Queued => '░',
        Use::Limited => ':',
        Use::Backoff => '~',
        Use::Unknown => '-',
    }
}

fn outcome_sign(outcome: SpanOutcome) -> char {
    match outcome {
        SpanOutcome::Done => OFF_PATH,
        SpanOutcome::Failed => '×',
        SpanOutcome::Cancelled => '/',
        SpanOutcome::Paused => '?',
        SpanOutcome::Cached => '=',
    }
}

/// Draws how many spans were at work; of a lane, which part of the time one was.
fn band(page: &Page<'_>, spans: &[usize], line: &mut [char], most: usize) {
    let levels = density(page.judged, spans, line.len());
    for (cell, (work, wait)) in line.iter_mut().zip(levels) {
        let level = (work / most.max(1) as f64 * 8.0).ceil() as usize;
        if level > 0 {
            *cell = LEVELS[level.min(8)];
        } else if wait > 0.0 {
            *cell = '░';
        }
    }
}

/// What the signs in this picture mean.
fn legend(page: &Page<'_>) -> Vec<String> {
    let judged = page.judged;
    let occurs = Occurs::new(judged);
    let mut legend = Vec::new();
    if !judged.critical.is_empty() {
        legend.push("* on the critical path".to_owned());
    }
    let done: Vec<usize> = (0..judged.spans.len())
        .filter(|&at| judged.spans[at].outcome == SpanOutcome::Done)
        .collect();
    if done.iter().any(|&at| judged.is_critical[at]) {
        legend.push(format!("{ON_PATH} work on it"));
    }
    if done.iter().any(|&at| !judged.is_critical[at]) {
        legend.push(format!("{OFF_PATH} other work"));
    }
    let is_band = |row: &Row| match &row.kind {
        RowKind::Band(_) => true,
        RowKind::Lane(spans) => page.is_full(spans),
        RowKind::Heading => false,
    };
    if page.rows.iter().any(is_band) {
        legend.push("▂▅█ how many at work".to_owned());
    }
    let failed = occurs.failed_attempts || occurs.outcomes.contains(&SpanOutcome::Failed);
    if failed {
        legend.push("× failed".to_owned());
    }
    for outcome in occurs.outcomes {
        if !matches!(outcome, SpanOutcome::Done | SpanOutcome::Failed) {
            legend.push(format!("{} {}", outcome_sign(outcome), outcome.word()));
        }
    }
    for wait in occurs.waits {
        legend.push(format!("{} {}", sign(judged, 0, wait), wait.word()));
    }
    if occurs.barriers {
        legend.push(format!("{BARRIER} waits for the rest of its superstep"));
    }
    legend
}

/// Words three spaces apart, on as many lines as it takes.
fn wrapped(words: &[String], width: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in words {
        let wide = cells(word);
        if used > 0 && used + 3 + wide > width {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push_str("   ");
            used += 3;
        }
        out.push_str(word);
        used += wide;
    }
    out
}

/// On one line, whatever it holds.
fn flat(text: &str) -> String {
    let flat = text.chars();
    flat.map(|character| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    })
    .collect()
}

/// The text with its middle left out, so that it takes at most `most` cells.
fn cut(text: &str, most: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut kept = characters.len().min(most);
    loop {
        let cut = middle(&characters, kept);
        if kept <= 1 || cells(&cut) <= most {
            return cut;
        }
        kept -= 1;
    }
}

/// How many cells of a terminal a text takes, about.
fn cells(text: &str) -> usize {
    let cells = text.chars().map(|character| match character {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f000}'.. => 2,
        _ => 1,
    });
    cells.sum()
}
