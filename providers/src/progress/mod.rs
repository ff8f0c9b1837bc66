//! A run as it goes on, shown to whoever sits in front of it.

mod lines;
mod live;
mod model;
mod view;
mod words;

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use console::Term;
use superstep_core::{Event, EventKind, Kinds, State, TaskId, Watcher};

use lines::Lines;
use live::Live;

/// Shows a run on the terminal, or tells it line by line where there is none.
///
/// On a terminal there is one line for the run and one for each task at work:
/// for how long, at which attempt, and the last of what it
/// [emits](superstep_core::Ctx::emit) or its model says. As many are shown as
/// fit, and the rest is counted. Failures, questions and the end of the run stay
/// there as lines. Otherwise, as in a log of CI, each superstep and each end or
/// retry of a task is a line, and nothing is written twice.
///
/// All of it goes to stderr, so that stdout is the program's own. What the
/// program itself writes to the same terminal while the run goes on may end up
/// within the picture; two runs at once are better told by
/// [`plain`](Self::plain).
///
/// What tasks say is shown without control characters, so that it cannot take
/// the terminal over.
///
/// # Cancel safety
///
/// Dropping the run takes the picture away.
///
/// # Examples
///
/// `graph.invoke(input).watch(Progress::new())` suits every state. What is
/// written to a file reads as in a log:
///
/// ```
/// use std::fs::File;
/// use superstep_providers::Progress;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("run.log");
/// let progress = Progress::to(File::create(path)?);
/// assert!(!progress.is_live());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Progress(Way);

enum Way {
    Hidden,
    /// On the terminal, from the first event on.
    Live(Option<Live>),
    Plain(Lines),
}

impl Progress {
    /// Live where stderr is a terminal, and [plain](Self::plain) where it is
    /// not.
    #[must_use]
    pub fn new() -> Self {
        let terminal = Term::stderr();
        if terminal.is_term() && !console::is_dumb() {
            Self(Way::Live(None))
        } else {
            Self::plain()
        }
    }

    /// As lines on stderr, terminal or not.
    #[must_use]
    pub fn plain() -> Self {
        Self::to(io::stderr())
    }

    /// As lines to a place of one's own. What cannot be written there is left
    /// out: a run does not fail for it.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Self(Way::Plain(Lines::new(Box::new(out))))
    }

    /// Not at all: for tests, and programs that are told to be quiet.
    #[must_use]
    pub fn hidden() -> Self {
        Self(Way::Hidden)
    }

    /// Whether it draws on a terminal.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.0, Way::Live(_))
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: State> Watcher<S> for Progress {
    fn wants(&self) -> Kinds {
        let shown = Kinds::TASKS | Kinds::PROGRESS;
        match self.0 {
            Way::Hidden => Kinds::NONE,
            Way::Live(_) => shown | Kinds::TOKENS | Kinds::CUSTOM,
            Way::Plain(_) => shown,
        }
    }

    fn see(&mut self, event: &Event<S>) {
        let seen = Seen {
            run: event.run(),
            kind: &event.kind,
            path: event.path(),
            superstep: event.superstep(),
            task: event.task(),
            attempt: event.attempt(),
            elapsed: event.elapsed(),
        };
        match &mut self.0 {
            Way::Hidden => {}
            Way::Live(live) => live.get_or_insert_with(|| Live::begin(&seen)).see(&seen),
            Way::Plain(lines) => lines.see(&seen),
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.0 {
            Way::Hidden => "hidden",
            Way::Live(_) => "live",
            Way::Plain(_) => "plain",
        };
        f.debug_tuple("Progress").field(&way).finish()
    }
}

/// An event, without the type of its run's state.
struct Seen<'e> {
    run: &'e str,
    kind: &'e EventKind,
    path: &'e str,
    superstep: u64,
    task: Option<TaskId>,
    attempt: u32,
    elapsed: Duration,
}

impl Seen<'_> {
    /// The task with its path, or the path alone: `review/0/draft`.
    fn place(&self) -> String {
        match (&self.task, self.path) {
            (None, path) => path.to_owned(),
            (Some(task), "") => task.to_string(),
            (Some(task), path) => format!("{path}/{task}"),
        }
    }

    /// Whether it happened in the run's own graph.
    fn is_outermost(&self) -> bool {
        self.path.is_empty()
    }
}
