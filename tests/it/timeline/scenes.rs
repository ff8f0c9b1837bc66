//! Runs as spans made by hand: each shows one way for time to go.

use std::time::Duration;

use superstep::PhaseKind::{Attempt, Backoff, Limited, Queued};
use superstep::{Span, SpanOutcome, Timeline};

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn span(task: &str, superstep: u64, start: u64, end: u64) -> Span {
    Span::new(task, superstep, ms(start), ms(end))
}

/// One slow sibling, and a chain after one of the quick ones that could have
/// gone on meanwhile.
pub(crate) fn slow_sibling() -> Timeline {
    Timeline::new(
        "research",
        vec![
            span("plan", 1, 0, 300),
            span("questions", 2, 300, 700).after([0]),
            span("search", 2, 300, 2400).after([0]),
            span("terms", 2, 300, 900).after([0]),
            span("define", 3, 2400, 3400).after([3]),
            span("synthesize", 4, 3400, 4200).after([1, 2, 4]),
        ],
    )
}

pub(crate) fn retries() -> Timeline {
    let fetch = span("fetch", 1, 0, 3900)
        .phase(Attempt(1), ms(0), ms(400))
        .phase(Backoff, ms(400), ms(900))
        .phase(Attempt(2), ms(900), ms(1350))
        .phase(Backoff, ms(1350), ms(2350))
        .phase(Attempt(3), ms(2350), ms(3900));
    Timeline::new(
        "news",
        vec![
            fetch,
            span("cached", 1, 0, 5).outcome(SpanOutcome::Cached),
            span("summarize", 2, 3900, 5200).after([0, 1]),
        ],
    )
}

/// When a task of that length gets the next permit, and when it gives it back;
/// `free` says when each permit is.
fn permit(free: &mut [u64], length: u64) -> (u64, u64) {
    let next = free.iter_mut().min().expect("there is a permit");
    let start = *next;
    *next += length;
    (start, *next)
}

fn latest(free: &[u64]) -> u64 {
    free.iter().copied().max().unwrap_or_default()
}

/// Ten tasks and three permits.
pub(crate) fn permits() -> Timeline {
    let mut spans = vec![span("split", 1, 0, 200)];
    let mut free = [200; 3];
    for at in 0..10 {
        let (start, end) = permit(&mut free, 300 + at * 37 % 110 * 4);
        let mut review = span(&format!("review/{at}"), 2, start, end)
            .ready(ms(200))
            .after([0]);
        if start > 200 {
            review = review.phase(Queued, ms(200), ms(start));
        }
        spans.push(review.phase(Attempt(1), ms(start), ms(end)));
    }
    let end = latest(&free);
    spans.push(span("collect", 3, end, end + 250).after(1..=10));
    Timeline::new("reviews", spans)
}

/// Two calls a second.
pub(crate) fn rate_limit() -> Timeline {
    let mut spans: Vec<Span> = (0..6)
        .map(|at| {
            let start = 500 * (at / 2);
            span(&format!("call/{at}"), 1, start, start + 180 + 30 * at)
                .ready(ms(0))
                .phase(Limited, ms(0), ms(start))
                .phase(Attempt(1), ms(start), ms(start + 180 + 30 * at))
        })
        .collect();
    spans.push(span("report", 2, 1330, 1500).after(0..6));
    Timeline::new("limited", spans)
}

pub(crate) fn failure() -> Timeline {
    Timeline::new(
        "order",
        vec![
            span("price", 1, 0, 400),
            span("charge", 2, 400, 1500)
                .phase(Attempt(1), ms(400), ms(800))
                .phase(Backoff, ms(800), ms(1100))
                .phase(Attempt(2), ms(1100), ms(1500))
                .outcome(SpanOutcome::Failed)
                .after([0]),
            span("pack", 2, 400, 1500)
                .outcome(SpanOutcome::Cancelled)
                .after([0]),
            span("print", 2, 1500, 1500)
                .ready(ms(400))
                .phase(Queued, ms(400), ms(1500))
                .outcome(SpanOutcome::Cancelled)
                .after([0]),
            span("approve", 2, 400, 700)
                .outcome(SpanOutcome::Paused)
                .after([0]),
        ],
    )
}

/// Two drafts, each written and checked by a subgraph, one of them twice.
pub(crate) fn nested() -> Timeline {
    let mut spans = vec![span("plan", 1, 0, 150)];
    for (at, (first, last)) in [(150, 900), (150, 1400)].into_iter().enumerate() {
        spans.push(span(&format!("review/{at}"), 2, first, last).after([0]));
        let path = format!("review/{at}");
        let middle = first + 300 + 200 * at as u64;
        let from = spans.len();
        spans.push(span("draft", 1, first, middle).inside(&path));
        spans.push(
            span("facts", 2, middle, last - 200)
                .inside(&path)
                .after([from]),
        );
        spans.push(
            span("style", 2, middle, middle + 90)
                .inside(&path)
                .after([from]),
        );
        spans.push(
            span("vote", 3, last - 200, last)
                .inside(&path)
                .after([from + 1, from + 2]),
        );
    }
    spans.push(span("publish", 3, 1400, 1700).after([1, 6]));
    Timeline::new("magazine", spans)
}

/// Many sends, `permits` of them at once.
pub(crate) fn sends(n: usize, permits: usize) -> Timeline {
    let mut spans = vec![span("split", 1, 0, 120)];
    let mut free = vec![120; permits];
    for at in 0..n {
        let (start, end) = permit(&mut free, 80 + at as u64 * 7919 % 101);
        let outcome = match at % 41 {
            7 => SpanOutcome::Failed,
            _ => SpanOutcome::Done,
        };
        spans.push(
            span(&format!("embed/{at}"), 2, start, end)
                .ready(ms(120))
                .phase(Queued, ms(120), ms(start))
                .phase(Attempt(1), ms(start), ms(end))
                .outcome(outcome)
                .after([0]),
        );
    }
    let end = latest(&free);
    spans.push(span("index", 3, end, end + 300).after(1..=n));
    Timeline::new("library", spans)
}

/// A loop of two nodes.
pub(crate) fn turns(n: usize) -> Timeline {
    let turn = |at: usize| {
        let (node, long) = if at.is_multiple_of(2) {
            ("think", 7)
        } else {
            ("act", 3)
        };
        let start = (at / 2 * 10 + at % 2 * 7) as u64;
        span(node, at as u64 + 1, start, start + long).after(at.checked_sub(1))
    };
    Timeline::new("agent", (0..n).map(turn).collect())
}
