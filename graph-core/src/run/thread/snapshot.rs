//! A thread at one of its checkpoints, to be looked at.

use std::time::SystemTime;

use super::super::clock::time_of;
use super::entries::Entries;
use super::pending::{Open, open};
use super::read::{read_body, read_state};
use crate::checkpoint::{CheckpointError, Loaded, Source};
use crate::event::Interrupt;
use crate::id::{CheckpointId, TaskId};
use crate::merge;
use crate::node::read_update;
use crate::state::{State, Update};

/// A thread at one of its checkpoints.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot<S> {
    /// The checkpoint.
    pub id: CheckpointId,
    /// Its number along its line: 0 for the first input, one more for each
    /// superstep and each update, and two more for a later input. A fork has
    /// that of the checkpoint it forked from.
    pub step: u64,
    /// The state. At the head, what tasks wrote is in it that have finished in
    /// a superstep that has not.
    pub values: S,
    /// The nodes that run next, in task order, a worker once for each of its
    /// sends. The last run is done if there is nothing here nor in `finished`: a
    /// process may have died when all had finished, before that was merged.
    pub next: Vec<String>,
    /// The tasks that have finished in a superstep that has not, in task order.
    pub finished: Vec<TaskId>,
    /// What is asked, in task order.
    pub interrupts: Vec<Interrupt>,
    /// The checkpoint that it follows.
    pub parent: Option<CheckpointId>,
    /// When it was written.
    pub created_at: SystemTime,
    /// By what it came about.
    pub source: Source,
    /// The nodes that ran since the checkpoint before, sorted.
    pub ran: Vec<String>,
}

/// What a checkpoint shows. `renamed` gives a task the name that its node has
/// now.
pub(super) fn snapshot_of<S: State>(
    loaded: Loaded,
    renamed: impl Fn(&str) -> String,
) -> Result<Snapshot<S>, CheckpointError> {
    let checkpoint = loaded.checkpoint;
    let body = read_body(&checkpoint)?;
    let (mut values, _) = read_state::<S>(&checkpoint, &body, &loaded.fields)?;
    let mut entries = Entries::read(loaded.entries, &renamed)?;
    entries.migrate::<S>(body.version)?;
    let plan: Vec<TaskId> = body
        .next
        .iter()
        .map(|task| TaskId {
            node: renamed(&task.node).into(),
            send: task.send,
        })
        .collect();
    let result = |task: &TaskId| entries.of(&task.to_string())?.result.as_deref();
    let (finished, next): (Vec<TaskId>, Vec<TaskId>) = plan
        .iter()
        .cloned()
        .partition(|task| result(task).is_some());
    let mut updates = Vec::new();
    for task in &finished {
        let update = read_update::<S>(result(task).unwrap_or_default());
        let update = update.map_err(|error| {
            CheckpointError::corrupt(format!("the result of task `{task}`"), error)
        })?;
        updates.extend(update);
    }
    let numbered = updates.iter().enumerate();
    if merge::conflict(S::schema().fields, numbered).is_none() {
        for update in &mut updates {
            update.apply(&mut values, &mut 0);
        }
    }
    let interrupts = open(&plan, &entries).into_iter().map(Open::into_interrupt);
    Ok(Snapshot {
        id: checkpoint.id,
        step: checkpoint.step,
        values,
        next: next.iter().map(|task| task.node.to_string()).collect(),
        finished,
        interrupts: interrupts.collect(),
        parent: checkpoint.parent,
        created_at: time_of(checkpoint.created_at),
        source: checkpoint.source,
        ran: body.ran,
    })
}
