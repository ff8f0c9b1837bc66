//! A thread taken in: as the last run left it, or from one of its checkpoints.

use std::sync::Arc;

use super::super::error::RunError;
use super::drive::Threaded;
use super::entries::Entries;
use super::fields::Changes;
use super::line::Head;
use super::read::{read_body, read_state};
use super::warm::{Warm, WarmThreads};
use crate::checkpoint::{Body, CheckpointError, Loaded};
use crate::compile::Frozen;
use crate::id::CheckpointId;
use crate::plan::{Frontier, Gone, Task, read_tasks};
use crate::state::State;

impl<S: State, C: Send + Sync + 'static> Threaded<'_, S, C> {
    /// Takes the thread as the last run left it, if nobody has written to it
    /// since.
    pub(super) fn take_warm(&mut self, graph: &Frozen<S, C>) -> bool {
        let warm = match self.call.checkpoint {
            None => warm_threads::<S, C>(graph).take(&self.line.thread, self.line.lease()),
            Some(_) => None,
        };
        let Some(warm) = warm else {
            return false;
        };
        self.progress.state = Arc::new(warm.state);
        self.progress
            .ephemerals
            .hold(self.progress.fields, &warm.held);
        self.logs = warm.logs;
        self.ledger.memories.restore(warm.memories);
        self.line.head = Some(warm.head);
        true
    }

    /// Reads the head, or that checkpoint; false if there is none.
    pub(super) async fn load(
        &mut self,
        graph: &Frozen<S, C>,
        at: Option<CheckpointId>,
        tasks: &mut Vec<Task>,
    ) -> Result<bool, RunError> {
        let Some(loaded) = self.fetch(at).await? else {
            return Ok(false);
        };
        let body = read_body(&loaded.checkpoint).map_err(|error| self.line.failed(error))?;
        self.take_loaded(graph, loaded, &body, tasks)?;
        Ok(true)
    }

    /// Takes in a checkpoint, for whose plan the graph must have a place.
    pub(super) fn take_loaded(
        &mut self,
        graph: &Frozen<S, C>,
        loaded: Loaded,
        body: &Body,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        let id = loaded.checkpoint.id;
        let mut gone = Vec::new();
        *tasks = self.take_plan(graph, body, &mut gone);
        if let Some(gone) = gone.into_iter().next() {
            return Err(self.gone(id, gone));
        }
        self.take_state(graph, loaded, body)
    }

    /// Takes in a checkpoint's plan, as far as the graph has a place for it.
    pub(super) fn take_plan(
        &mut self,
        graph: &Frozen<S, C>,
        body: &Body,
        gone: &mut Vec<Gone>,
    ) -> Vec<Task> {
        let tasks = read_tasks(graph, &body.next, gone);
        self.plan = self.plan_of(graph, &tasks);
        self.progress.frontier = Frontier::read(graph, body, gone);
        tasks
    }

    pub(super) async fn fetch(
        &mut self,
        at: Option<CheckpointId>,
    ) -> Result<Option<Loaded>, RunError> {
        let loaded = self.line.store.load(&self.line.thread, at).await;
        let loaded = loaded.map_err(|error| self.line.failed(error))?;
        match (loaded, at) {
            (None, Some(checkpoint)) => Err(RunError::UnknownCheckpoint {
                thread: self.line.thread.clone(),
                checkpoint,
            }),
            (loaded, _) => Ok(loaded),
        }
    }

    /// Takes in all of a checkpoint but its plan.
    pub(super) fn take_state(
        &mut self,
        graph: &Frozen<S, C>,
        mut loaded: Loaded,
        body: &Body,
    ) -> Result<(), RunError> {
        let checkpoint = &loaded.checkpoint;
        let memories = &self.ledger.memories;
        memories.load(checkpoint.id, &body.memories, &mut loaded.fields);
        let read = read_state::<S>(checkpoint, body, &loaded.fields);
        let (state, logs) = read.map_err(|error| self.line.failed(error))?;
        let foreign = logs.has_foreign(&state);
        let foreign = foreign.map_err(|error| self.unwritable("the state", error))?;
        self.progress.state = Arc::new(state);
        self.progress
            .ephemerals
            .hold(self.progress.fields, &body.held);
        self.logs = logs;
        self.changes = match body.version == S::VERSION && !foreign {
            true => Changes::default(),
            // The next checkpoint is one of this version: fields that have other
            // names now must not be there twice.
            false => Changes::all(),
        };
        self.line.head = Some(Head {
            id: checkpoint.id,
            line: checkpoint.line,
            step: checkpoint.step,
        });
        let entries = if Some(checkpoint.id) == self.line.lease().head {
            let entries = Entries::of_graph(graph, body, loaded.entries);
            entries.map_err(|error| self.line.failed(error))?
        } else {
            Entries::default()
        };
        self.entries = Arc::new(entries);
        Ok(())
    }

    fn gone(&self, id: CheckpointId, gone: Gone) -> RunError {
        match gone {
            Gone::Node(node) => RunError::GoneNode {
                thread: self.line.thread.clone(),
                node,
            },
            Gone::Input(worker, error) => self.line.failed(CheckpointError::corrupt(
                format!("what was sent to `{worker}` in checkpoint {id}"),
                error,
            )),
        }
    }

    /// Keeps the thread as it is for the next run.
    pub(super) fn keep_warm(&mut self) {
        let graph = &self.progress.shared.graph;
        if let (Some(state), Some(head)) = (self.copy.take(), self.line.head) {
            let warm = Warm {
                head,
                token: self.line.lease().token,
                state,
                logs: std::mem::take(&mut self.logs),
                held: self.progress.held(),
                memories: self.ledger.memories.take(),
            };
            let thread = self.line.thread.clone();
            warm_threads::<S, C>(graph).put(thread, warm, graph.threads.most_warm);
        }
    }
}

/// The graph's warm threads.
fn warm_threads<S: State, C>(graph: &Frozen<S, C>) -> &WarmThreads<S> {
    let warm = graph
        .threads
        .warm
        .get_or_init(|| Box::new(WarmThreads::<S>::default()));
    let warm = warm.downcast_ref();
    warm.expect("only runs put something there, and of this type")
}
