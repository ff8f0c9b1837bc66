//! The timeline of a run from its log.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use serde::Deserialize;

use super::{Span, SpanOutcome, Timeline};
use crate::event::{Phase, PhaseKind};

/// Why lines are not the log of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A line is not an event as JSON.
    #[error("line {line} is not an event")]
    NotAnEvent {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// There are lines of two runs.
    #[error("line {line} is of run `{run}`, and those before it are of `{before}`")]
    AnotherRun {
        /// The number of the first line of the second run.
        line: usize,
        /// The second run.
        run: String,
        /// The first.
        before: String,
    },
}

/// What a timeline needs of an event.
#[derive(Deserialize)]
struct Line {
    event: String,
    run: String,
    elapsed_us: u64,
    #[serde(default)]
    path: String,
    superstep: u64,
    task: Option<String>,
    #[serde(default)]
    attempt: u32,
    #[serde(default)]
    waits: Vec<Phase>,
}

impl Timeline {
    /// The timeline of a run from what [`JsonLines`](crate::JsonLines) has
    /// written of it.
    ///
    /// It knows nothing of edges, so that each task comes after the whole
    /// superstep before. A last line that was cut off is left out, and tasks that
    /// have no end in the log were cancelled where it ends: so it can be of a run
    /// that crashed, or is still going on. Of waits for slots and rates it has those
    /// after which an attempt began.
    ///
    /// # Errors
    ///
    /// When a line is not an event, or of another run than those before it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use superstep::Timeline;
    ///
    /// let log = r#"
    /// {"event":"run_started","run":"research-1","sequence":0,"elapsed_us":0,"superstep":0}
    /// {"event":"superstep_started","run":"research-1","sequence":1,"elapsed_us":10,"superstep":1,"tasks":1}
    /// {"event":"task_started","run":"research-1","sequence":2,"elapsed_us":12,"superstep":1,"task":"plan","attempt":1}
    /// {"event":"task_finished","run":"research-1","sequence":3,"elapsed_us":900,"superstep":1,"task":"plan","attempt":1}
    /// "#;
    /// let timeline = Timeline::from_json_lines(log)?;
    /// assert_eq!(timeline.spans()[0].task, "plan");
    /// assert_eq!(timeline.total(), Duration::from_micros(900));
    /// # Ok::<(), superstep::LogError>(())
    /// ```
    pub fn from_json_lines(log: &str) -> Result<Self, LogError> {
        let mut reader = Reader::default();
        for (number, text) in log.lines().enumerate() {
            if text.trim().is_empty() {
                continue;
            }
            let number = number + 1;
            let line: Line = match serde_json::from_str(text) {
                Ok(line) => line,
                Err(error) if error.is_eof() && log.ends_with(text) => break,
                Err(error) => {
                    return Err(LogError::NotAnEvent {
                        line: number,
                        source: error.into(),
                    });
                }
            };
            match &reader.run {
                Some(before) if *before != line.run => {
                    return Err(LogError::AnotherRun {
                        line: number,
                        run: line.run,
                        before: before.clone(),
                    });
                }
                _ => reader.read(line),
            }
        }
        Ok(reader.end())
    }
}

/// The spans as far as the log was read.
#[derive(Default)]
struct Reader {
    run: Option<String>,
    /// When the superstep at work began, by path.
    begins: BTreeMap<String, Duration>,
    /// The tasks at work, by path and name.
    open: BTreeMap<(String, String), Open>,
    spans: Vec<Span>,
    now: Duration,
}

/// A task at work.
struct Open {
    span: Span,
    doing: PhaseKind,
    since: Duration,
    /// Whether an attempt of it has begun.
    has_begun: bool,
}

impl Reader {
    fn read(&mut self, line: Line) {
        self.now = Duration::from_micros(line.elapsed_us);
        self.run.get_or_insert(line.run);
        if line.event == "superstep_started" {
            self.begins.insert(line.path.clone(), self.now);
        }
        let Some(task) = line.task else {
            return;
        };
        let key = (line.path, task);
        match line.event.as_str() {
            "task_waited" => {
                for wait in line.waits {
                    self.does(&key, line.superstep, wait.kind, wait.start);
                }
            }
            "task_started" => {
                let doing = PhaseKind::Attempt(line.attempt);
                let now = self.now;
                self.does(&key, line.superstep, doing, now);
            }
            "task_retried" => {
                if let Some(open) = self.open.get_mut(&key) {
                    open.does(PhaseKind::Backoff, self.now);
                }
            }
            "task_cached" => {
                let open = self.open.remove(&key);
                let span = open.map(|open| open.span);
                let span = span.unwrap_or_else(|| self.opened(&key, line.superstep, self.now));
                self.spans.push(span.outcome(SpanOutcome::Cached));
            }
            "task_finished" => self.close(&key, SpanOutcome::Done),
            "task_failed" => self.close(&key, SpanOutcome::Failed),
            "task_paused" => self.close(&key, SpanOutcome::Paused),
            "task_cancelled" => self.close(&key, SpanOutcome::Cancelled),
            _ => {}
        }
    }

    /// From then on a task does this, whether or not it was at work before.
    fn does(&mut self, key: &(String, String), superstep: u64, doing: PhaseKind, at: Duration) {
        if let Some(open) = self.open.get_mut(key) {
            open.does(doing, at);
        } else {
            let open = Open {
                span: self.opened(key, superstep, at),
                doing,
                since: at,
                has_begun: matches!(doing, PhaseKind::Attempt(_)),
            };
            self.open.insert(key.clone(), open);
        }
    }

    fn opened(&self, (path, task): &(String, String), superstep: u64, at: Duration) -> Span {
        let ready = self.begins.get(path).copied().unwrap_or(at);
        Span::new(task, superstep, at, at).inside(path).ready(ready)
    }

    fn close(&mut self, key: &(String, String), outcome: SpanOutcome) {
        if let Some(open) = self.open.remove(key) {
            self.spans.push(open.closed(self.now, outcome));
        }
    }

    fn end(self) -> Timeline {
        let mut spans = self.spans;
        let open = self.open.into_values();
        spans.extend(open.map(|open| open.closed(self.now, SpanOutcome::Cancelled)));
        Timeline::new(self.run.unwrap_or_default(), spans)
    }
}

impl Open {
    fn does(&mut self, doing: PhaseKind, at: Duration) {
        let at = at.max(self.since);
        self.close(at);
        (self.doing, self.since) = (doing, at);
        if !self.has_begun && matches!(doing, PhaseKind::Attempt(_)) {
            self.has_begun = true;
            self.span.start = at;
        }
    }

    fn close(&mut self, end: Duration) {
        let (kind, start) = (self.doing, self.since);
        Phase { kind, start, end }.add(&mut self.span.phases);
    }

    fn closed(mut self, now: Duration, outcome: SpanOutcome) -> Span {
        // One attempt and nothing else is no phase.
        if !self.span.phases.is_empty() || !self.has_begun {
            self.close(now);
        }
        self.span.end = now;
        self.span.outcome(outcome)
    }
}
