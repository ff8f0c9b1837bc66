//! The file in which processes write down what they do, and which outlives
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::label::Label;

/// A line of a ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// A body began.
    Start(Label),
    /// It came to its end.
    End(Label),
    /// It began for the so manyth time in its task.
    Attempt(Label, u32),
    /// A fallback began, after so many attempts.
    Fallback(Label, u32),
    /// The target of a join was told that this came.
    Told(Label, String),
    /// An effect happened, under a key that has the body's label in it, and
    /// came to that.
    Effect(String, String),
    /// What a body got from an effect, which may have happened earlier.
    Got(String, String),
    /// A body got the answer to a question, whose key has its label in it.
    Answered(String),
    /// A join was short of what it needs: what has not succeeded is to run again.
    Short,
    /// The store failed: what was on its way to it may be lost.
    Broken,
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
    /// The newest checkpoint.
    pub(crate) head: u64,
    /// How many inputs.
    pub(crate) n_inputs: usize,
    /// The bodies whose results are there.
    pub(crate) recorded: BTreeSet<Label>,
    /// Those of them whose superstep has not ended.
    pub(crate) finished: BTreeSet<Label>,
    /// What the tasks of that superstep have left, and those inside them: of
    /// graphs, too.
    pub(crate) results: BTreeMap<Label, Came>,
    /// What the targets of joins were told.
    pub(crate) told: BTreeMap<Label, String>,
    /// The effects whose results are there.
    pub(crate) kept: BTreeSet<String>,
    /// The questions that have no answer, by their ids and places.
    pub(crate) open: BTreeSet<String>,
}

/// What a task came to that has left a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Came {
    /// How many had ended before, of those that a join waits for.
    pub(crate) place: Option<u64>,
    /// As the target of the join is told.
    pub(crate) how: String,
}

impl Came {
    pub(crate) fn is_done(&self) -> bool {
        self.how == "done"
    }
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

    /// Notes that an attempt begins.
    pub(crate) fn attempt(&self, label: &str, attempt: u32) {
        self.start(label);
        self.note(&Event::Attempt(label.to_owned(), attempt));
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
