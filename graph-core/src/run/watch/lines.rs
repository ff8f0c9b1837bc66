//! The events of a run as a log: one line of JSON each.

use std::fmt;
use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::Watcher;
use crate::event::{Event, EventKind};
use crate::run::clock;
use crate::state::State;

/// Writes each event of a run as one line of JSON.
///
/// A line is what serde makes of an [`Event`]: `event`, `run`, `sequence`,
/// `elapsed_us`, `superstep`, and what belongs to the event. Times count from the
/// begin of the run; the line `run_started` has the date of that, `began_ms`, in
/// milliseconds since 1970 in UTC. Fields may be added in later versions.
///
/// What was written is flushed at the end of each superstep and of the run, also
/// of one that is dropped. Wherever it goes, writing holds the run up for as
/// long as it takes.
///
/// # Errors
///
/// A run does not fail for its log. The first error is given to
/// [`on_error`](Self::on_error), and nothing more is written: a log that ends is
/// better than one that leaves things out. A value that cannot be JSON is none: its
/// line has `error`, why not, in its place.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use std::fs::{self, File};
/// use superstep::JsonLines;
/// use superstep::prelude::*;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Count {
///     #[reduce(Sum)]
///     n: u32,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("run.jsonl");
/// let graph = StateGraph::<Count>::new("count")
///     .add_node("one", async |_: View<Count>| Count::update().n(1))
///     .add_edge(START, "one")
///     .compile()?;
///
/// let log = JsonLines::new(File::create(&path)?);
/// graph.invoke(Count::update()).watch(log).await?;
///
/// let log = fs::read_to_string(&path)?;
/// let finished = log.lines().find(|line| line.contains("task_finished"));
/// let finished: serde_json::Value = serde_json::from_str(finished.unwrap())?;
/// assert_eq!(finished["task"], "one");
/// assert_eq!(finished["update"]["n"], 1);
/// # Ok(())
/// # }
/// ```
pub struct JsonLines {
    /// Nothing, after an error.
    out: Option<BufWriter<Box<dyn Write + Send>>>,
    on_error: Option<Box<dyn FnOnce(io::Error) + Send>>,
    line: Vec<u8>,
}

impl JsonLines {
    /// Writes to this file or whatever else; it need not be buffered.
    #[must_use]
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self {
            out: Some(BufWriter::new(Box::new(out))),
            on_error: None,
            line: Vec::new(),
        }
    }

    /// Says what is done about an error: it is called with the first, once.
    #[must_use]
    pub fn on_error(mut self, does: impl FnOnce(io::Error) + Send + 'static) -> Self {
        self.on_error = Some(Box::new(does));
        self
    }

    /// Writes the line that was made.
    fn write(&mut self, made: serde_json::Result<()>, flushes: bool) {
        let Some(out) = &mut self.out else {
            return;
        };
        self.line.push(b'\n');
        let written = made.map_err(io::Error::from);
        let written = written.and_then(|()| out.write_all(&self.line));
        let written = written.and_then(|()| if flushes { out.flush() } else { Ok(()) });
        self.line.clear();
        if let Err(error) = written {
            self.fail(error);
        }
    }

    #[cold]
    fn fail(&mut self, error: io::Error) {
        if let Some(out) = self.out.take() {
            // What did not get out then would not now.
            drop(out.into_parts());
        }
        if let Some(on_error) = self.on_error.take() {
            on_error(error);
        }
    }
}

/// The first line of a run.
#[derive(Serialize)]
#[serde(bound = "")]
struct First<'e, S: State> {
    #[serde(flatten)]
    event: &'e Event<S>,
    began_ms: i64,
}

impl<S: State> Watcher<S> for JsonLines {
    fn see(&mut self, event: &Event<S>) {
        if self.out.is_none() {
            return;
        }
        let made = match event.kind {
            EventKind::RunStarted => {
                let elapsed = i64::try_from(event.elapsed().as_millis()).unwrap_or(i64::MAX);
                let began_ms = clock::now().saturating_sub(elapsed);
                serde_json::to_writer(&mut self.line, &First { event, began_ms })
            }
            _ => serde_json::to_writer(&mut self.line, event),
        };
        let flushes = matches!(
            event.kind,
            EventKind::SuperstepFinished { .. }
                | EventKind::RunFinished { .. }
                | EventKind::RunFailed { .. }
        );
        self.write(made, flushes);
    }
}

/// What was not yet flushed is.
impl Drop for JsonLines {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.out.as_mut().map(BufWriter::flush) {
            self.fail(error);
        }
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines")
            .field("writes", &self.out.is_some())
            .finish_non_exhaustive()
    }
}
