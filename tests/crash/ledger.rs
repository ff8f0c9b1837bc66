//! The file in which processes write down what they do, and which outlives
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// What a body is called by what it is and where it runs: `leaf-3@1.2` is task
/// `leaf-3` in round 2 of the first run.
pub(crate) type Label = String;

/// A line of a ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// A body began.
    Start(Label),
    /// It came to its end.
    End(Label),
    /// An effect happened, under a key that has the body's label in it, and
    /// came to that.
    Effect(String, String),
    /// What a body got from an effect, which may have happened earlier.
    Got(String, String),
    /// A body got the answer to a question, whose key has its label in it.
    Answered(String),
    /// What a process found in the store before it did anything; nothing if the
    /// thread was not there.
    Seen(Option<Seen>),
    /// A run of a race was done.
    Done(String),
    /// A run of a race was not done, and said so by that code.
    Lost(String, String),
}

/// What was found in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// How many inputs.
    pub(crate) n_inputs: usize,
    /// The bodies whose results are there.
    pub(crate) recorded: BTreeSet<Label>,
    /// Those of them whose superstep has not ended.
    pub(crate) finished: BTreeSet<Label>,
    /// The effects whose results are there.
    pub(crate) kept: BTreeSet<String>,
    /// The questions that have no answer.
    pub(crate) open: BTreeSet<String>,
}

/// A ledger to write to.
pub(crate) struct Ledger {
    file: File,
    n_starts: Mutex<BTreeMap<Label, u64>>,
}

impl Ledger {
    pub(crate) fn open(path: &Path) -> Self {
        let mut n_starts = BTreeMap::new();
        for event in events(path) {
            if let Event::Start(label) = event {
                *n_starts.entry(label).or_default() += 1;
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(path);
        Self {
            file: file.expect("the ledger opens"),
            n_starts: Mutex::new(n_starts),
        }
    }

    /// Writes a line, in one piece. One that a kill tears is between two ends
    /// of lines, and is no line.
    pub(crate) fn note(&self, event: &Event) {
        let line = serde_json::to_string(event).expect("an event is JSON");
        let written = (&self.file).write_all(format!("\n{line}\n").as_bytes());
        written.expect("the ledger takes a line");
    }

    /// Notes that a body begins; returns how often it has by now.
    pub(crate) fn start(&self, label: &str) -> u64 {
        self.note(&Event::Start(label.to_owned()));
        let mut n_starts = self.n_starts.lock().unwrap_or_else(PoisonError::into_inner);
        let n_starts = n_starts.entry(label.to_owned()).or_default();
        *n_starts += 1;
        *n_starts
    }
}

/// What was written down so far.
pub(crate) fn events(path: &Path) -> Vec<Event> {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
