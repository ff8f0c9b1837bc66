//! The entries of a checkpoint, read: what its tasks have left so far.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde_json::Value;

use super::migrate::migrate_update;
use super::paths;
use super::problem::Problem;
use super::within::renamed;
use crate::checkpoint::{Body, CheckpointError, EntryRecord};
use crate::compile::Frozen;
use crate::id::TaskId;
use crate::node::QuestionKey;
use crate::state::{Fields, State};

/// The entry that says that the thread stopped at a breakpoint before these
/// tasks: they run when it goes on. For a graph inside, with the number of the
/// superstep before which that has stopped.
pub(super) const BREAKPOINT: &str = "breakpoint";

/// The entry that says that the superstep has ended, where its entries are kept.
pub(super) const OVER: &str = "over";

/// The key of a task's result.
pub(super) const RESULT: &str = "result";

/// What the tasks of a superstep have left so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    by_task: BTreeMap<String, TaskEntries>,
    /// Whether the thread has stopped here at a breakpoint.
    pub(super) stopped: bool,
    /// Whether the superstep has ended, and what is here is kept for who looks
    /// inside. At a thread's head it says nothing: who wrote it came no further.
    pub(super) over: bool,
}

/// What one task has left so far.
#[derive(Debug, Clone, Default)]
pub(super) struct TaskEntries {
    /// What it came to, as JSON.
    pub(super) result: Option<String>,
    pub(super) asked: BTreeMap<QuestionKey, Value>,
    pub(super) answers: BTreeMap<QuestionKey, Value>,
    pub(super) once: BTreeMap<String, String>,
    /// Of a graph inside, the supersteps before which it has stopped.
    pub(super) stops: BTreeSet<u64>,
}

/// How a task of the plan stands.
pub(super) enum Standing<'e> {
    /// It is to run.
    Ready,
    /// It has run; what it came to, as JSON.
    Finished(&'e str),
    /// Nobody has answered it.
    Parked,
}

impl TaskEntries {
    /// The questions that have no answer.
    pub(super) fn open(&self) -> impl Iterator<Item = (&QuestionKey, &Value)> {
        let asked = self.asked.iter();
        asked.filter(|(key, _)| !self.answers.contains_key(*key))
    }

    /// Parked until every question that it asked last has an answer, or at
    /// least one of several that it asked at once.
    fn is_parked(&self, just_answered: bool) -> bool {
        self.open().next().is_some() && !just_answered
    }
}

impl Entries {
    /// Of a checkpoint that nobody has gone on from.
    pub(super) fn stopped(stopped: bool) -> Self {
        Self {
            stopped,
            ..Self::default()
        }
    }

    /// Reads entries; `renamed` gives a task the name that its node has now.
    fn read(
        records: Vec<EntryRecord>,
        renamed: impl Fn(&str) -> String,
    ) -> Result<Self, CheckpointError> {
        let mut entries = Self::default();
        for record in records {
            let what = || format!("entry `{}` of task `{}`", record.key, record.task);
            if !record.is_whole() {
                return Err(CheckpointError::corrupt(what(), Problem::Changed));
            }
            let json = record.json.as_deref().unwrap_or_default();
            match record.key.as_str() {
                BREAKPOINT => entries.stopped = true,
                OVER => entries.over = true,
                key => {
                    let task = entries.by_task.entry(renamed(&record.task)).or_default();
                    task.read(key, json)
                        .map_err(|problem| CheckpointError::corrupt(what(), problem))?;
                }
            }
        }
        Ok(entries)
    }

    /// Reads the entries of a checkpoint of a graph, as that is now.
    pub(super) fn of_graph<S: State, C>(
        graph: &Frozen<S, C>,
        body: &Body,
        records: Vec<EntryRecord>,
    ) -> Result<Self, CheckpointError> {
        let mut entries = Self::read(records, |task| renamed(graph, task))?;
        entries.migrate::<S>(body.version)?;
        Ok(entries)
    }

    /// Reads entries that are as the graph is now.
    pub(super) fn of_now(records: Vec<EntryRecord>) -> Result<Self, CheckpointError> {
        Self::read(records, str::to_owned)
    }

    /// Makes the updates of results into those of this version of the state.
    fn migrate<S: State>(&mut self, from: u32) -> Result<(), CheckpointError> {
        if from == S::VERSION {
            return Ok(());
        }
        // Those of tasks inside others are of other states, and say their version.
        let tasks = self.by_task.iter_mut();
        let tasks = tasks.filter(|(task, _)| !paths::is_inside(task));
        for (task, entries) in tasks {
            if let Some(json) = &mut entries.result {
                *json = migrate_result::<S>(from, json).map_err(|problem| {
                    CheckpointError::corrupt(format!("the result of task `{task}`"), problem)
                })?;
            }
        }
        Ok(())
    }

    /// Whether nobody has gone on from the checkpoint.
    pub(super) fn is_empty(&self) -> bool {
        self.by_task.is_empty() && !self.stopped
    }

    pub(super) fn of(&self, task: &str) -> Option<&TaskEntries> {
        self.by_task.get(task)
    }

    /// Of the tasks whose paths begin so.
    pub(super) fn inside(&self, prefix: String) -> impl Iterator<Item = (&str, &TaskEntries)> {
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let from = self.by_task.range::<str, _>(from);
        from.take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, entries)| (path.as_str(), entries))
    }

    /// Whether a task, or one that it is inside, has ended.
    pub(super) fn is_over(&self, task: &str) -> bool {
        let ends = task.match_indices('/').map(|(end, _)| end);
        let around = ends.chain([task.len()]).map(|end| self.of(&task[..end]));
        around.flatten().any(|entries| entries.result.is_some())
    }

    /// Whether a run inside a task has left something, that has this path.
    pub(super) fn has_begun(&self, path: &str) -> bool {
        let stopped = self.of(path).is_some_and(|run| !run.stops.is_empty());
        stopped || self.inside(format!("{path}/")).next().is_some()
    }

    /// Whether any run inside has left something.
    pub(super) fn have_inside(&self) -> bool {
        let mut tasks = self.by_task.iter();
        tasks.any(|(task, entries)| paths::is_inside(task) || !entries.stops.is_empty())
    }

    /// Whether somebody has answered a task, or one inside it.
    pub(super) fn are_answered(&self, task: &str) -> bool {
        let inside = self.inside(format!("{task}/")).map(|(_, entries)| entries);
        let all = self.of(task).into_iter().chain(inside);
        all.into_iter().any(|entries| !entries.answers.is_empty())
    }

    /// Nothing is asked any more by tasks whose paths begin so.
    pub(super) fn forget_inside(&mut self, prefix: &str) {
        let inside = self.by_task.iter_mut();
        let inside = inside.filter(|(path, _)| path.starts_with(prefix));
        inside.for_each(|(_, entries)| entries.asked.clear());
    }

    pub(super) fn of_mut(&mut self, task: &str) -> &mut TaskEntries {
        self.by_task.entry(task.to_owned()).or_default()
    }

    /// How a task stands; `answered` are the tasks that have just been.
    pub(super) fn standing(&self, task: &str, answered: &BTreeSet<String>) -> Standing<'_> {
        let Some(entries) = self.by_task.get(task) else {
            return Standing::Ready;
        };
        match &entries.result {
            Some(json) => Standing::Finished(json),
            None if entries.is_parked(answered.contains(task)) => Standing::Parked,
            None => Standing::Ready,
        }
    }
}

impl TaskEntries {
    fn read(&mut self, key: &str, json: &str) -> Result<(), Problem> {
        let value = || serde_json::from_str(json).map_err(Problem::Json);
        match key.split_once('/') {
            None if key == RESULT => self.result = Some(json.to_owned()),
            Some(("ask", question)) => {
                self.asked.insert(question_of(question)?, value()?);
            }
            Some(("answer", question)) => {
                self.answers.insert(question_of(question)?, value()?);
            }
            Some(("once", key)) => {
                self.once.insert(key.to_owned(), json.to_owned());
            }
            Some((BREAKPOINT, superstep)) => {
                let unknown = |_| Problem::Unknown(key.to_owned());
                self.stops.insert(superstep.parse().map_err(unknown)?);
            }
            _ => return Err(Problem::Unknown(key.to_owned())),
        }
        Ok(())
    }
}

/// A result whose update is as this version of the state has it.
pub(super) fn migrate_result<S: State>(from: u32, json: &str) -> Result<String, Problem> {
    let mut result: Fields = serde_json::from_str(json).map_err(Problem::Json)?;
    if let Some(update) = result.get_mut("update") {
        *update = migrate_update::<S>(from, update.take())?;
    }
    Ok(Value::Object(result).to_string())
}

/// The key under which a question, or its answer, is written.
pub(super) fn key_of(kind: &str, (name, number): &QuestionKey) -> String {
    format!("{kind}/{number}/{name}")
}

fn question_of(text: &str) -> Result<QuestionKey, Problem> {
    let unknown = || Problem::Unknown(text.to_owned());
    let (number, name) = text.split_once('/').ok_or_else(unknown)?;
    let number = number.parse().map_err(|_| unknown())?;
    Ok((name.to_owned(), number))
}

/// The path by which people name a question: `approve/0/limit`.
pub(super) fn interrupt_id(task: &TaskId, (name, number): &QuestionKey) -> String {
    let (node, send) = (&task.node, task.send.unwrap_or(0));
    match number {
        0 => format!("{node}/{send}/{name}"),
        number => format!("{node}/{send}/{name}#{}", u64::from(*number) + 1),
    }
}
