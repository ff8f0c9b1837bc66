//! The timeline in the trace format that browsers and Perfetto read.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

use super::judge::Judged;
use super::pieces::{Piece, Use, end};
use super::rows::{Row, RowKind, all_rows};

/// The track of the supersteps; rows have those after it.
const SUPERSTEPS: usize = 0;

/// One event on each line, so that traces can be compared.
pub(super) fn chrome_trace(graph: &str, judged: &Judged<'_>) -> String {
    let rows = all_rows(judged);
    let name = graph.to_owned();
    let mut events = vec![Event::new("M", SUPERSTEPS, "process_name").with(Args::Name { name })];
    track(&mut events, SUPERSTEPS, "supersteps".to_owned());
    for (at, row) in rows.iter().enumerate() {
        let indent = "  ".repeat(row.depth);
        track(&mut events, at + 1, format!("{indent}{}", row.label));
    }
    supersteps(&mut events, judged);
    let mut track_of = vec![SUPERSTEPS; judged.spans.len()];
    for (at, row) in rows.iter().enumerate() {
        for &span in spans(row) {
            track_of[span] = at + 1;
            slices(&mut events, judged, span, at + 1);
        }
    }
    flow(&mut events, judged, &track_of);
    let mut out = String::from("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
    for (at, event) in events.iter().enumerate() {
        if at > 0 {
            out.push_str(",\n");
        }
        out.push_str(&serde_json::to_string(event).expect("an event is plain data"));
    }
    out.push_str("\n]}\n");
    out
}

fn spans(row: &Row) -> &[usize] {
    match &row.kind {
        RowKind::Heading => &[],
        RowKind::Lane(spans) | RowKind::Band(spans) => spans,
    }
}

/// One event; times are in microseconds, as the format has them.
#[derive(Serialize)]
struct Event<'t> {
    ph: &'static str,
    pid: u32,
    tid: usize,
    name: Cow<'t, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    /// Which arrow, and that it ends in the slice around it.
    #[serde(flatten)]
    arrow: Option<Arrow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Args<'t>>,
}

#[derive(Serialize)]
struct Arrow {
    id: usize,
    bp: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Args<'t> {
    Name {
        name: String,
    },
    Place {
        sort_index: usize,
    },
    Task {
        #[serde(skip_serializing_if = "str::is_empty")]
        path: &'t str,
        superstep: u64,
        outcome: &'static str,
        attempts: usize,
    },
}

impl<'t> Event<'t> {
    fn new(ph: &'static str, tid: usize, name: impl Into<Cow<'t, str>>) -> Self {
        Event {
            ph,
            pid: 1,
            tid,
            name: name.into(),
            cat: None,
            ts: None,
            dur: None,
            arrow: None,
            args: None,
        }
    }

    fn with(mut self, args: Args<'t>) -> Self {
        self.args = Some(args);
        self
    }
}

/// Names a track, and puts it in its place.
fn track(events: &mut Vec<Event<'_>>, tid: usize, name: String) {
    events.push(Event::new("M", tid, "thread_name").with(Args::Name { name }));
    let place = Args::Place { sort_index: tid };
    events.push(Event::new("M", tid, "thread_sort_index").with(place));
}

fn slice<'t>(
    tid: usize,
    name: impl Into<Cow<'t, str>>,
    category: impl Into<Cow<'static, str>>,
    (start, end): (Duration, Duration),
) -> Event<'t> {
    Event {
        cat: Some(category.into()),
        ts: Some(micros(start)),
        dur: Some(micros(end.saturating_sub(start))),
        ..Event::new("X", tid, name)
    }
}

/// Where supersteps overlap they would not nest: each ends where the next begins.
fn supersteps(events: &mut Vec<Event<'_>>, judged: &Judged<'_>) {
    let steps = judged.scopes.root().map(|root| root.steps.as_slice());
    let mut begin = Duration::ZERO;
    let steps = steps.unwrap_or_default();
    for (at, step) in steps.iter().enumerate() {
        begin = begin.max(step.begin);
        let next = steps.get(at + 1).map_or(step.end, |next| next.begin);
        let times = (begin, step.end.min(next).max(begin));
        let name = format!("superstep {}", step.number);
        events.push(slice(SUPERSTEPS, name, "superstep", times));
    }
}

/// The slices of a span: its waits before it began, itself with its attempts
/// and the waits between them inside, and its wait at the barrier.
fn slices<'t>(events: &mut Vec<Event<'t>>, judged: &Judged<'t>, at: usize, tid: usize) {
    let span = &judged.spans[at];
    let (early, late): (Vec<Piece>, Vec<Piece>) = judged.pieces[at]
        .iter()
        .partition(|piece| piece.start < span.start);
    for piece in early {
        let times = (piece.start, piece.end.min(span.start));
        events.push(slice(tid, piece.used.word(), "wait", times));
    }
    let outcome = span.outcome.word();
    let critical = if judged.is_critical[at] {
        ",critical"
    } else {
        ""
    };
    let category = format!("task,{outcome}{critical}");
    let whole = slice(tid, span.task.as_str(), category, (span.start, end(span)));
    events.push(whole.with(Args::Task {
        path: &span.path,
        superstep: span.superstep,
        outcome,
        attempts: late.iter().filter(|piece| piece.used.is_work()).count(),
    }));
    if late.len() > 1 {
        let mut attempt = 0;
        for piece in late {
            let is_work = piece.used.is_work();
            attempt += usize::from(is_work);
            let (name, category) = match piece.used {
                Use::Work | Use::Failed => (format!("attempt {attempt}"), "attempt"),
                wait => (wait.word().to_owned(), "wait"),
            };
            events.push(slice(tid, name, category, (piece.start, piece.end)));
        }
    }
    let barrier = judged.barrier[at];
    if !barrier.is_zero() {
        let times = (end(span), end(span).saturating_add(barrier));
        events.push(slice(tid, "barrier", "wait", times));
    }
}

/// The critical path as arrows from slice to slice.
fn flow(events: &mut Vec<Event<'_>>, judged: &Judged<'_>, track_of: &[usize]) {
    let leaves = judged.critical.iter().map(|link| link.span);
    let leaves: Vec<usize> = leaves.filter(|&span| !judged.is_parent(span)).collect();
    for (id, pair) in leaves.windows(2).enumerate() {
        let (from, to) = (&judged.spans[pair[0]], &judged.spans[pair[1]]);
        // An arrow begins in the slice that is there at its time: just before the end.
        let leaves = end(from).saturating_sub(Duration::from_nanos(1));
        let leaves = leaves.clamp(from.start, to.start.max(from.start));
        for (ph, span, time) in [("s", pair[0], leaves), ("f", pair[1], to.start)] {
            events.push(Event {
                cat: Some("critical".into()),
                ts: Some(micros(time)),
                arrow: Some(Arrow {
                    id: id + 1,
                    bp: "e",
                }),
                ..Event::new(ph, track_of[span], "critical path")
            });
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}
