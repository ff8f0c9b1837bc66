//! A run as lines, for logs.

use std::fmt::Write as _;
use std::io::Write;

use superstep_core::{EventKind, Status};

use super::Seen;
use super::model::{Model, Task};
use super::words::{clean, time};

/// Writes a line for each thing that a log should have.
pub(super) struct Lines {
    out: Box<dyn Write + Send>,
    model: Option<Model>,
}

impl Lines {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, model: None }
    }

    pub(super) fn see(&mut self, seen: &Seen<'_>) {
        let model = self.model.get_or_insert_with(|| Model::of(seen));
        let ended = model.see(seen);
        if let Some(line) = line(seen, model, ended.as_ref()) {
            // In one piece, since others may write there, too.
            let written = self.out.write_all(format!("{line}\n").as_bytes());
            let _ = written.and_then(|()| self.out.flush());
        }
    }
}

/// What an event reads like, if it is worth a line.
pub(super) fn line(seen: &Seen<'_>, model: &Model, ended: Option<&Task>) -> Option<String> {
    let mut line = format!("[{}] ", model.run);
    let place = seen.place();
    if !place.is_empty() {
        line += &format!("{}: ", clean(&place));
    }
    line += &said(seen, model, ended)?;
    Some(line)
}

fn said(seen: &Seen<'_>, model: &Model, ended: Option<&Task>) -> Option<String> {
    Some(match seen.kind {
        EventKind::SuperstepStarted { tasks } => {
            format!("superstep {}, {}", seen.superstep, tasks_in_words(*tasks))
        }
        EventKind::TaskRetried { error, delay } => {
            let (attempt, delay) = (seen.attempt, time(*delay));
            let error = clean(error);
            format!("attempt {attempt} failed, the next comes in {delay}: {error}")
        }
        EventKind::TaskFallback { error } => {
            format!("failed, its fallback is called: {}", clean(error))
        }
        EventKind::TaskFinished { .. } => format!("done in {}", took(seen, ended)),
        EventKind::TaskCached { .. } => "done before, taken from the cache".to_owned(),
        EventKind::TaskPaused => "waits for an answer".to_owned(),
        EventKind::TaskFailed { error } => {
            format!("failed after {}: {}", took(seen, ended), clean(error))
        }
        EventKind::TaskCancelled => format!("cancelled after {}", took(seen, ended)),
        EventKind::Interrupted { interrupt } => {
            let value = clean(&interrupt.value.to_string());
            format!("asks `{}`: {value}", clean(&interrupt.id))
        }
        EventKind::RunFinished { status } => {
            let status = match status {
                Status::Done => "done",
                Status::Interrupted => "interrupted",
                Status::Drained => "drained",
                _ => "ended",
            };
            format!("{status} after {}", totals(seen, model))
        }
        EventKind::RunFailed { error } => {
            format!("failed after {}: {}", totals(seen, model), clean(error))
        }
        EventKind::Lost { events } => format!("{events} events were lost"),
        _ => return None,
    })
}

/// How long a task took, and how often it was tried if that is not once.
fn took(seen: &Seen<'_>, ended: Option<&Task>) -> String {
    let since = ended.map_or(seen.elapsed, |task| task.since);
    let mut took = time(seen.elapsed.saturating_sub(since));
    if seen.attempt > 1 {
        // Writing into a string does not fail.
        let _ = write!(took, ", at attempt {}", seen.attempt);
    }
    took
}

/// What the run has come to.
fn totals(seen: &Seen<'_>, model: &Model) -> String {
    let supersteps = match model.superstep {
        1 => "1 superstep".to_owned(),
        n => format!("{n} supersteps"),
    };
    let tasks = tasks_in_words(usize::try_from(model.n_ended).unwrap_or(usize::MAX));
    format!("{}: {supersteps}, {tasks}", time(seen.elapsed))
}

fn tasks_in_words(n: usize) -> String {
    match n {
        1 => "1 task".to_owned(),
        n => format!("{n} tasks"),
    }
}
