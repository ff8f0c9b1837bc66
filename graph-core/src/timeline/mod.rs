//! A run made to be looked at: where its time went.
//!
//! The rules of what is shown, so that code and tests can cite them:
//!
//! 1. **Times** count from the begin of the run. A span is *ready* when it could
//!    have begun, *starts* when its first attempt does, and *ends* for good once.
//!    Its pieces are its phases; of phases that overlap, the first counts.
//! 2. **Scope.** Spans of one path inside one and the same span are one scope,
//!    with supersteps of its own. A span is inside the span that its path names,
//!    and of several (a loop) inside the one that was ready last before it.
//! 3. **After.** `after` names spans of the same scope that come earlier; what
//!    else it names does not count. The order is that of being ready, then of
//!    supersteps, then of tasks, whatever order the spans are given in.
//! 4. **Barrier.** A span waits from its end until the first span that it made
//!    ready is ready; if it made none ready, until the end of its superstep.
//!    Where the next superstep begins before that end, there is no barrier.
//! 5. **Critical path.** It begins with the outermost span that ends last,
//!    and goes back from each span to the one that held its begin up. If
//!    its last wait, but for one for a rate, was for a permit, that is the
//!    span whose attempt ended last before the wait did. Else it is the
//!    span that ended last of the superstep before, if it had ended when
//!    this span was ready, or the last to end of `after`, if there is no
//!    such superstep or it ended sooner. All other waits are a part of the
//!    path. A span with others inside is followed by the path that ends
//!    with the last of those.
//! 6. **Work** is the sum of all attempts of the spans with no others inside;
//!    the **speed-up** is work by wall time.
//! 7. **Ideal** is the longest chain of spans, each beginning when all its
//!    `after` have ended, or the whole superstep before where it names none, and
//!    lasting as long as it did without waits for permits and rates. A span with
//!    others inside lasts as long as their longest chain, and what it took
//!    beside them.

mod axis;
mod chrome;
mod judge;
mod of_lines;
mod of_run;
mod pieces;
mod rows;
mod scopes;
mod span;
mod svg;
mod text;
mod words;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::of_lines::LogError;
pub use self::span::{Span, SpanOutcome};
use self::{judge::Judged, words::ratio};

/// Where the time of a run went: its tasks as spans, and pictures of them.
///
/// Displays as a picture for terminals, 100 characters wide. A picture is the
/// same for the same spans, in whatever order they are given.
///
/// # Examples
///
/// Two tasks side by side, and one that waits for both:
///
/// ```
/// use std::time::Duration;
/// use superstep::{Span, Timeline};
///
/// let ms = Duration::from_millis;
/// let timeline = Timeline::new(
///     "research",
///     vec![
///         Span::new("terms", 1, ms(0), ms(30)),
///         Span::new("summarize", 1, ms(0), ms(80)),
///         Span::new("synthesize", 2, ms(80), ms(100)).after([0, 1]),
///     ],
/// );
/// assert_eq!(timeline.total(), ms(100));
/// assert_eq!(timeline.work(), ms(130));
/// assert_eq!(timeline.critical_path(), [1, 2]);
/// assert_eq!(timeline.barrier_waits(), [ms(50), ms(0), ms(0)]);
/// assert!(timeline.to_svg().starts_with("<svg"));
/// ```
///
/// Spans from elsewhere, such as a log:
///
/// ```
/// # use superstep::Timeline;
/// let timeline: Timeline = serde_json::from_str(
///     r#"{
///         "graph": "research",
///         "spans": [{
///             "task": "terms",
///             "superstep": 1,
///             "ready_ns": 0,
///             "start_ns": 0,
///             "end_ns": 30000000,
///             "outcome": "done"
///         }]
///     }"#,
/// )?;
/// assert_eq!(timeline.spans()[0].task, "terms");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    graph: String,
    spans: Vec<Span>,
}

impl Timeline {
    /// A timeline of these spans, whose `after` are places in the vector.
    #[must_use]
    pub fn new(graph: impl Into<String>, spans: Vec<Span>) -> Self {
        Self {
            graph: graph.into(),
            spans,
        }
    }

    /// The graph's name.
    #[must_use]
    pub fn graph(&self) -> &str {
        &self.graph
    }

    /// The spans, as they were given.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// How long it all took: from the begin of the run to the last end.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.spans.iter().map(pieces::end).max().unwrap_or_default()
    }

    /// The time of all attempts together: how long the run had taken with one
    /// task after another.
    #[must_use]
    pub fn work(&self) -> Duration {
        self.judged().work
    }

    /// How much faster the run was than one task after another: the
    /// [`work`](Self::work) by the [`total`](Self::total) time; 1 if it took
    /// none.
    #[must_use]
    pub fn speedup(&self) -> f64 {
        let judged = self.judged();
        ratio(judged.work, judged.total)
    }

    /// How long the run had taken if tasks had waited only for those that they
    /// need: with no barriers, permits and rates. Never more than it took.
    #[must_use]
    pub fn ideal(&self) -> Duration {
        self.judged().ideal
    }

    /// The spans that held up the end of the run, in the order of their starts,
    /// by their places: a run is faster only if one of these is.
    ///
    /// A span is followed by those inside it that held up its end.
    #[must_use]
    pub fn critical_path(&self) -> Vec<usize> {
        let judged = self.judged();
        judged.critical.iter().map(|link| link.span).collect()
    }

    /// How long each span waited at its end: for those that its superstep or its
    /// join was still waiting for.
    #[must_use]
    pub fn barrier_waits(&self) -> Vec<Duration> {
        self.judged().barrier
    }

    /// The timeline as a Gantt chart: an SVG document that stands for itself,
    /// with details on pointing at a bar.
    ///
    /// One row is one node, or as many as its tasks overlap; what is inside a
    /// task stands indented below it. Of more than 60 rows, the rest are bands
    /// that show how many tasks were at work.
    #[must_use]
    pub fn to_svg(&self) -> String {
        svg::svg(&self.graph, &self.judged())
    }

    /// The timeline in the JSON that `chrome://tracing` and Perfetto
    /// (<https://ui.perfetto.dev>) read.
    ///
    /// Tracks are the rows of the pictures, all of them. Waits are slices of
    /// their own, and arrows follow the critical path, whose slices have the
    /// category `critical`.
    #[must_use]
    pub fn to_chrome_trace(&self) -> String {
        chrome::chrome_trace(&self.graph, &self.judged())
    }

    /// The timeline as text for a terminal, at most `width` characters wide, but
    /// at least 48.
    #[must_use]
    pub fn to_text(&self, width: usize) -> String {
        text::text(&self.graph, &self.judged(), width)
    }

    fn judged(&self) -> Judged<'_> {
        Judged::new(&self.spans)
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(100))
    }
}
