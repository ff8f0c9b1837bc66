//! What is known of a run while it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use superstep_core::EventKind;

use super::Seen;
use super::words::clean;

/// How many bytes of what a task says are kept: more than a line shows.
const MOST_TEXT: usize = 1024;

/// A run and its tasks at work.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) run: String,
    /// The superstep at work of the run's own graph.
    pub(super) superstep: u64,
    /// How many tasks have ended, those of subgraphs included.
    pub(super) n_ended: u64,
    /// By the order of their starts.
    tasks: BTreeMap<u64, Task>,
    /// Where a task is in `tasks`, by its name.
    places: BTreeMap<String, u64>,
    n_started: u64,
}

/// A task at work.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) name: String,
    pub(super) attempt: u32,
    /// The start of its first attempt.
    pub(super) since: Duration,
    /// When its next attempt begins, if it waits for that.
    pub(super) waits_until: Option<Duration>,
    /// The last of what it said.
    pub(super) text: String,
}

impl Model {
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        Self {
            run: clean(seen.run),
            ..Self::default()
        }
    }

    /// Takes an event in, and gives a task that has ended with it.
    pub(super) fn see(&mut self, seen: &Seen<'_>) -> Option<Task> {
        match seen.kind {
            EventKind::SuperstepStarted { .. } if seen.is_outermost() => {
                self.superstep = seen.superstep;
            }
            EventKind::TaskStarted => self.start(seen),
            EventKind::TaskRetried { delay, .. } => {
                if let Some(task) = self.task(seen) {
                    task.waits_until = Some(seen.elapsed + *delay);
                }
            }
            EventKind::TaskFinished { .. }
            | EventKind::TaskCached { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskPaused
            | EventKind::TaskCancelled => {
                self.n_ended += 1;
                let place = self.places.remove(&seen.place())?;
                return self.tasks.remove(&place);
            }
            EventKind::Token { text, .. } => {
                if let Some(task) = self.task(seen) {
                    task.say(text);
                }
            }
            EventKind::Custom(value) => {
                if let Some(task) = self.task(seen) {
                    task.text.clear();
                    match value.to_json() {
                        serde_json::Value::String(text) => task.say(&text),
                        json => task.say(&json.to_string()),
                    }
                }
            }
            _ => {}
        }
        None
    }

    /// The tasks at work, those first that started first.
    pub(super) fn tasks(&self) -> impl ExactSizeIterator<Item = &Task> {
        self.tasks.values()
    }

    fn start(&mut self, seen: &Seen<'_>) {
        if let Some(task) = self.task(seen) {
            task.attempt = seen.attempt;
            task.waits_until = None;
            task.text.clear();
            return;
        }
        let name = seen.place();
        self.places.insert(name.clone(), self.n_started);
        let task = Task {
            name,
            attempt: seen.attempt,
            since: seen.elapsed,
            waits_until: None,
            text: String::new(),
        };
        self.tasks.insert(self.n_started, task);
        self.n_started += 1;
    }

    fn task(&mut self, seen: &Seen<'_>) -> Option<&mut Task> {
        let place = self.places.get(&seen.place())?;
        self.tasks.get_mut(place)
    }
}

impl Task {
    fn say(&mut self, text: &str) {
        self.text += &clean(text);
        if self.text.len() > 2 * MOST_TEXT {
            let mut from = self.text.len() - MOST_TEXT;
            while !self.text.is_char_boundary(from) {
                from += 1;
            }
            self.text.drain(..from);
        }
    }
}
