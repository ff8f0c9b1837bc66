//! A thread at one of its checkpoints, to be looked at.

use std::sync::Arc;
use std::time::SystemTime;

use super::super::clock::time_of;
use super::super::error::RunError;
use super::entries::Entries;
use super::inspect::InsideSnapshot;
use super::line::failed;
use super::memory::Memories;
use super::pending::{Open, open};
use super::read::{read_body, read_state};
use super::replay::{Replay, Wanted};
use super::within::renamed;
use crate::checkpoint::{Body, CheckpointError, Loaded, Source};
use crate::compile::Frozen;
use crate::event::Interrupt;
use crate::id::{CheckpointId, TaskId, ThreadId};
use crate::merge;
use crate::node::read_update;
use crate::plan::read_tasks;
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
    /// Where the subgraphs stand that are at work in a superstep that has not ended,
    /// in task order, each before those inside it. None, if what their tasks have
    /// left cannot be read: [`InsideThread::history`](crate::InsideThread::history)
    /// says why.
    pub inside: Vec<InsideSnapshot>,
}

/// What a checkpoint shows; at the thread's head, what its superstep has come to
/// as well.
pub(super) fn snapshot_of<S: State, C>(
    graph: &Frozen<S, C>,
    thread: &ThreadId,
    loaded: Loaded,
    is_head: bool,
) -> Result<Snapshot<S>, RunError> {
    let checkpoint = loaded.checkpoint;
    let failed = |error| failed(thread, error);
    let body = read_body(&checkpoint).map_err(failed)?;
    let read = read_state::<S>(&checkpoint, &body, &loaded.fields);
    let (mut values, _) = read.map_err(failed)?;
    let read = Entries::of_graph(graph, &body, loaded.entries);
    let mut entries = read.map_err(failed)?;
    if entries.over && !is_head {
        entries = Entries::default();
    }
    let plan = plan_of(graph, &body);
    let entries = Arc::new(entries);
    let mut inside = Vec::new();
    if entries.have_inside() {
        let tasks = read_tasks(graph, &body.next, &mut Vec::new());
        let (id, fields) = (checkpoint.id, &loaded.fields);
        let memories = Memories::of_checkpoint(&graph.memories, id, &body.memories, fields);
        let replay = Replay::new(&entries, (id, memories), Wanted::Now);
        // Who looks at a thread is to see it, whatever is wrong inside.
        let found = replay.of_tasks(graph, &Arc::new(values.clone()), &tasks);
        inside = found.unwrap_or_default();
    }
    let result = |task: &TaskId| entries.of(&task.to_string())?.result.as_deref();
    let (finished, next): (Vec<TaskId>, Vec<TaskId>) = plan
        .iter()
        .cloned()
        .partition(|task| result(task).is_some());
    let written = finished.iter().map(|task| (task, result(task)));
    merge_written(&mut values, written).map_err(failed)?;
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
        inside,
    })
}

/// The tasks of a plan, by the names that their nodes have now.
fn plan_of<S: State, C>(graph: &Frozen<S, C>, body: &Body) -> Vec<TaskId> {
    let tasks = body.next.iter().map(|task| TaskId {
        node: renamed(graph, &task.node).into(),
        send: task.send,
    });
    tasks.collect()
}

/// Merges what tasks wrote that have finished; not if that is a conflict.
fn merge_written<'t, S: State>(
    values: &mut S,
    results: impl Iterator<Item = (&'t TaskId, Option<&'t str>)>,
) -> Result<(), CheckpointError> {
    let mut updates = Vec::new();
    for (task, json) in results {
        let update = read_update::<S>(json.unwrap_or_default());
        let update = update.map_err(|error| {
            CheckpointError::corrupt(format!("the result of task `{task}`"), error)
        })?;
        updates.extend(update);
    }
    let numbered = updates.iter().enumerate();
    if merge::conflict(S::schema().fields, numbered).is_none() {
        for update in &mut updates {
            update.apply(values, &mut 0);
        }
    }
    Ok(())
}
