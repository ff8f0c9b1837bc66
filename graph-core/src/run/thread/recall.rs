//! A call of a graph that remembers: from which state it begins, and what it
//! leaves.

use std::sync::Arc;

use super::super::error::RunError;
use super::super::results::Results;
use super::super::settle::TaskKey;
use super::drive::Threaded;
use super::fields::{Changes, FieldLogs};
use super::inside::InsideLedger;
use super::join::join_all;
use super::memory::{Change, Changed, Found, Live, Part, Value, add, record_of};
use super::paths;
use super::problem::Problem;
use super::read::{Assembled, MISFIT, Written};
use crate::checkpoint::{CheckpointError, FieldKind, FieldRecord};
use crate::id::CheckpointId;
use crate::node::NodeError;
use crate::state::{State, pick};

/// What a call begins from.
pub(in crate::run) struct Recalled<S: State> {
    pub(in crate::run) state: Arc<S>,
    /// The ephemeral fields that hold something.
    pub(in crate::run) held: Vec<String>,
    pub(in crate::run) call: Call,
}

/// What is noted of a call while it goes on.
pub(in crate::run) struct Call {
    name: String,
    logs: FieldLogs,
    changes: Changes,
}

impl Call {
    /// Notes what an update writes, or has written.
    pub(in crate::run) fn note<S: State>(&mut self, update: &S::Update) -> Result<(), NodeError> {
        let noted = self.changes.note(S::schema().fields, update);
        noted.map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &serde_json::Error) -> NodeError {
        NodeError::msg(format_args!(
            "what `{}` is to remember cannot be written as JSON: {error}",
            self.name
        ))
    }
}

impl InsideLedger {
    /// What the graph remembers: as the last call has left it.
    pub(in crate::run) fn recall<S: State>(&self) -> Result<Recalled<S>, NodeError> {
        let name = paths::names_of(&self.path);
        let found = self.find(&name);
        let held = found.held.clone();
        let (state, logs, changes) = match found {
            Found {
                value: Value::Taken,
                ..
            } => {
                let error = format_args!("another call has what `{name}` remembers");
                return Err(NodeError::permanent(NodeError::msg(error)));
            }
            Found {
                value: Value::Nothing,
                since,
                ..
            } if since.is_empty() => (Arc::default(), FieldLogs::default(), Changes::all()),
            Found {
                value: Value::Live(live),
                since,
                renamed: false,
                ..
            } if since.is_empty() => {
                let (state, logs) = live.state();
                (state, logs, Changes::default())
            }
            found => {
                let (state, logs, changes) = read(&name, found).map_err(NodeError::permanent)?;
                (Arc::new(state), logs, changes)
            }
        };
        Ok(Recalled {
            state,
            held,
            call: Call {
                name,
                logs,
                changes,
            },
        })
    }

    /// The call has come to this state: it is what the graph remembers, once the
    /// task counts. `expired` are the ephemeral fields that were reset, `held` those
    /// that hold something.
    pub(in crate::run) fn remember<S: State>(
        &self,
        mut call: Call,
        state: &Arc<S>,
        expired: Vec<usize>,
        held: Vec<String>,
    ) -> Result<(), NodeError> {
        for field in expired {
            call.changes.value(field);
        }
        let changes = std::mem::take(&mut call.changes);
        let whole = changes.are_all();
        // Which checkpoint it will be is known when that is written.
        let records = call.logs.records(CheckpointId::from(0), &**state, changes);
        let records = records.map_err(|error| call.unwritable(&error))?;
        let fields = records.into_iter().map(|record| {
            let FieldRecord {
                field, kind, json, ..
            } = record;
            (field, Part { kind, json })
        });
        let change = Change {
            version: S::VERSION,
            held,
            fields: fields.collect(),
            whole,
            live: Some(Live {
                state: Arc::clone(state) as _,
                logs: call.logs,
            }),
        };
        self.take_in([(call.name, change)].into());
        Ok(())
    }

    /// What there is of a memory: what the nearest graph around has in which it was
    /// called since the thread's last checkpoint, or else that.
    fn find(&self, name: &str) -> Found {
        let memories = &self.thread.memories;
        let is_retried = memories.is_retried(name);
        let (mut value, mut newest, mut since) = (None, None, Vec::new());
        let mut next = self.around.as_deref();
        while let (None, Some(ledger)) = (&value, next) {
            next = ledger.around.as_deref();
            let mut remembered = ledger.remembered.lock();
            let Some(change) = remembered.get_mut(name) else {
                continue;
            };
            newest.get_or_insert_with(|| (change.version, change.held.clone()));
            value = match is_retried {
                true => change.live.clone(),
                false => change.live.take(),
            };
            if value.is_none() {
                since.push(change.fields.clone());
            }
        }
        let mut found = match value {
            Some(live) => Found::live(live),
            None => memories.find(name),
        };
        since.reverse();
        found.since.extend(since);
        if let Some((version, held)) = newest {
            (found.version, found.held) = (version, held);
        }
        found
    }

    /// The tasks of a superstep from which what is to be remembered counts, with
    /// their places in it.
    pub(super) fn counting<S: State>(
        &self,
        keys: &[TaskKey],
        results: &Results<S>,
    ) -> Vec<(usize, TaskKey)> {
        match self.thread.memories.any() {
            true => results
                .counting()
                .map(|index| (index, keys[index]))
                .collect(),
            false => Vec::new(),
        }
    }

    /// Takes in what these tasks leave to be remembered; `known` are the results of
    /// those that have not run now.
    pub(super) fn left_by(
        &self,
        counting: Vec<(usize, TaskKey)>,
        known: &[(usize, String)],
    ) -> Result<(), (TaskKey, serde_json::Error)> {
        for (index, task) in counting {
            let known = known.iter().find(|(known, _)| *known == index);
            let result = known.map(|(_, json)| &**json);
            let left = self.thread.memories.left(&self.key(task), result);
            self.take_in(left.map_err(|error| (task, error))?);
        }
        Ok(())
    }

    /// Takes in what calls inside have changed, once they count.
    pub(super) fn take_in(&self, changed: Changed) {
        let mut all = std::mem::take(&mut *self.remembered.lock());
        add(&mut all, changed);
        *self.remembered.lock() = all;
    }

    /// The graph has ended: what is to be remembered goes with its task.
    pub(in crate::run) fn hand_on(&self) {
        let changed = std::mem::take(&mut *self.remembered.lock());
        if !changed.is_empty() {
            self.thread.memories.end(&self.path, changed);
        }
    }
}

impl<S: State, C: Send + Sync + 'static> Threaded<'_, S, C> {
    /// Notes what a superstep that is about to be merged leaves to be remembered.
    pub(super) fn note_memories(&mut self, results: &Results<S>) -> Result<(), RunError> {
        if !self.ledger.memories.any() {
            return Ok(());
        }
        for index in results.counting() {
            let task = self.plan[index].to_string();
            let result = self.entries.of(&task).and_then(|it| it.result.clone());
            self.note_memory(&task, result.as_deref())?;
        }
        Ok(())
    }

    /// Notes what a task leaves to be remembered; its result is that of one that has
    /// not run now.
    pub(super) fn note_memory(&mut self, task: &str, result: Option<&str>) -> Result<(), RunError> {
        let left = self.ledger.memories.left(task, result);
        let left = left.map_err(|error| {
            let what = format!("the result of task `{task}`");
            self.line.failed(CheckpointError::corrupt(what, error))
        })?;
        add(&mut self.remembered, left);
        Ok(())
    }
}

impl Live {
    fn state<S: State>(self) -> (Arc<S>, FieldLogs) {
        let state = self.state.downcast();
        let state = state.unwrap_or_else(|_| unreachable!("a memory is of its graph's state"));
        (state, self.logs)
    }
}

/// The state of a memory that somebody looks at.
pub(super) fn looked_at<S: State>(name: &str, found: Found) -> Result<Arc<S>, CheckpointError> {
    match found.value {
        Value::Nothing if found.since.is_empty() => Ok(Arc::default()),
        _ => read(name, found).map(|(state, _, _)| Arc::new(state)),
    }
}

/// A memory that is there as JSON, or in part: its state, what was written of its
/// fields, and what is to be written with the next change.
fn read<S: State>(name: &str, found: Found) -> Result<(S, FieldLogs, Changes), CheckpointError> {
    let Found {
        value,
        since,
        version,
        at,
        renamed,
        ..
    } = found;
    let corrupt = |field: &str, problem: Problem| {
        let field = record_of(Some(name), field);
        CheckpointError::corrupt(format!("field `{field}` of checkpoint {at}"), problem)
    };
    let (mut fields, mut logs) = match value {
        Value::Nothing | Value::Taken => (Vec::new(), FieldLogs::default()),
        Value::Read(read) => read.written().assemble::<S>()?,
        Value::Live(live) => {
            let (state, logs) = live.state::<S>();
            let fields = pick(&*state, &mut |_| true);
            (
                fields.map_err(|error| corrupt("", Problem::Json(error)))?,
                logs,
            )
        }
    };
    for (field, part) in since.into_iter().flatten() {
        let known = S::schema().has_key(&field);
        let record = FieldRecord {
            field: field.clone(),
            checkpoint: at,
            previous: None,
            kind: part.kind,
            json: part.json,
            checksum: 0,
        };
        logs.take_in(&field, &record, known);
        change(&mut fields, &record)
            .ok_or_else(|| corrupt(&field, Problem::Value(MISFIT.to_owned())))?;
    }
    let written = Written {
        at,
        of: Some(name),
        version,
        ages: &[],
        records: &[],
        others: &[],
    };
    let state = written.state_of::<S>(fields)?;
    let foreign = logs
        .has_foreign(&state)
        .map_err(|error| corrupt("", Problem::Json(error)))?;
    if renamed {
        return Ok((state, FieldLogs::default(), Changes::all()));
    }
    let changes = match version == S::VERSION && !foreign {
        true => Changes::default(),
        false => Changes::all(),
    };
    Ok((state, logs, changes))
}

/// Changes a field as a record says; nothing if that does not fit it.
fn change(fields: &mut Vec<Assembled>, record: &FieldRecord) -> Option<()> {
    let before = fields.iter_mut().find(|(field, _)| *field == record.field);
    match (before, record.kind) {
        (Some((_, json)), FieldKind::Extend) => {
            *json = join_all([&**json, &*record.json].into_iter())?;
        }
        (Some((_, json)), FieldKind::Value) => json.clone_from(&record.json),
        (None, FieldKind::Value) => fields.push((record.field.clone(), record.json.clone())),
        (None, FieldKind::Extend) => return None,
    }
    Some(())
}
