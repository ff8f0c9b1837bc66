//! Writing to a thread's state without a run.

use std::fmt;
use std::future::IntoFuture;

use super::super::attempt::Done;
use super::super::drive::guarded;
use super::super::error::RunError;
use super::super::results::Results;
use super::super::settle::TaskKey;
use super::begin::node;
use super::breakpoints::Breakpoints;
use super::call::ThreadCall;
use super::drive::Threaded;
use super::entries::{OVER, RESULT};
use super::fields::Changes;
use super::handle::Thread;
use super::options::OnBusy;
use super::read::read_body;
use super::snapshot::Snapshot;
use super::within::renamed;
use crate::checkpoint::{Commit, EntryRecord, Source};
use crate::compile::{Frozen, NodeIndex};
use crate::id::CheckpointId;
use crate::node::{BoxFuture, Outcome};
use crate::plan::Task;
use crate::state::State;

/// A write to a thread's state before its `.await`; made by
/// [`Thread::update`].
#[must_use = "nothing is written until it is awaited"]
pub struct ThreadUpdate<S: State, C = ()> {
    thread: Thread<S, C>,
    update: S::Update,
    as_node: Option<String>,
    checkpoint: Option<CheckpointId>,
    on_busy: OnBusy,
}

impl<S: State, C: Send + Sync + 'static> ThreadUpdate<S, C> {
    pub(super) fn new(thread: Thread<S, C>, update: S::Update) -> Self {
        Self {
            thread,
            update,
            as_node: None,
            checkpoint: None,
            on_busy: OnBusy::Reject,
        }
    }

    /// Acts as that node: as if its task had ended with this update. What was
    /// ready before, and had not finished, is ready no more; in its place comes
    /// what follows that node, by its edges and routes, and what follows the
    /// tasks of the superstep at work that had finished, of which nothing is
    /// lost.
    pub fn as_node(mut self, node: impl Into<String>) -> Self {
        self.as_node = Some(node.into());
        self
    }

    /// Writes to an older checkpoint, as a fork: the thread's head from now on.
    pub fn checkpoint(mut self, checkpoint: CheckpointId) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// What to do when a run is at work on the thread.
    pub fn on_busy(mut self, on_busy: OnBusy) -> Self {
        self.on_busy = on_busy;
        self
    }

    async fn write(self) -> Result<Snapshot<S>, RunError> {
        let call = ThreadCall {
            checkpoint: self.checkpoint,
            on_busy: self.on_busy,
            ..ThreadCall::default()
        };
        let graph = &*self.thread.graph.frozen;
        let as_node = self.as_node.as_deref().map(|name| node(graph, name));
        let as_node = as_node.transpose()?;
        let mut open = self.thread.open(call).await?;
        open.breakpoints = Breakpoints::default();
        let written = guarded(async {
            match as_node {
                None => open.edit(graph, self.update).await,
                Some(node) => open.act_as(graph, node, self.update).await,
            }
        });
        let written = written.await;
        let written = written.unwrap_or_else(|panic| Err(open.progress.panicked(&*panic)));
        let released = open.line.release().await;
        written?;
        released?;
        self.thread.state().await
    }
}

impl<S: State, C: Send + Sync + 'static> IntoFuture for ThreadUpdate<S, C> {
    type Output = Result<Snapshot<S>, RunError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.write())
    }
}

impl<S: State, C> fmt::Debug for ThreadUpdate<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadUpdate")
            .field("thread", &self.thread.id)
            .field("as_node", &self.as_node)
            .finish_non_exhaustive()
    }
}

impl<S: State, C: Send + Sync + 'static> Threaded<'_, S, C> {
    /// Changes values and nothing else.
    async fn edit(&mut self, graph: &Frozen<S, C>, mut update: S::Update) -> Result<(), RunError> {
        let at = self.call.checkpoint;
        let mut tasks = Vec::new();
        let left = match self.fetch(at).await? {
            Some(loaded) if Some(loaded.checkpoint.id) == self.line.lease().head => loaded.entries,
            _ => Vec::new(),
        };
        if !self.load(graph, at, &mut tasks).await? {
            self.changes = Changes::all();
        }
        let carried = left
            .into_iter()
            .filter(|entry| entry.key != OVER)
            .map(|entry| self.as_it_is_now(graph, entry));
        let carried = carried.collect();
        self.note("an update", &update)?;
        self.progress.merge_apart(&mut update);
        let step = self.line.head.map_or(0, |head| head.step + 1);
        let checkpoint = self.checkpoint(graph, Source::Update, step, &[], &tasks)?;
        let commit = Commit {
            entries: carried,
            release: true,
            ..checkpoint
        };
        self.line.commit(commit).await
    }

    /// An entry by the name that its task's node has now, and of this version of
    /// the state.
    pub(super) fn as_it_is_now(&self, graph: &Frozen<S, C>, entry: EntryRecord) -> EntryRecord {
        let task = renamed(graph, &entry.task);
        let result = self.entries.of(&task).and_then(|task| task.result.clone());
        match entry.key.as_str() {
            RESULT => EntryRecord::new(&task, RESULT, result),
            key => EntryRecord::new(&task, key, entry.json),
        }
    }

    /// Settles a superstep in which the node ended with this update, and what
    /// had finished beside it.
    async fn act_as(
        &mut self,
        graph: &Frozen<S, C>,
        node: NodeIndex,
        update: S::Update,
    ) -> Result<(), RunError> {
        let mut acted = vec![(TaskKey::node(node), Done::of(Outcome::update(update)))];
        match self.fetch(self.call.checkpoint).await? {
            None => self.changes = Changes::all(),
            Some(loaded) => {
                let body = read_body(&loaded.checkpoint);
                let body = body.map_err(|error| self.line.failed(error))?;
                // What the graph has no place for is what this is a way out of.
                let tasks = self.take_plan(graph, &body, &mut Vec::new());
                self.take_state(graph, loaded, &body)?;
                acted.extend(self.finished_beside(graph, node, &tasks)?);
                self.progress.frontier.forget(graph, node);
            }
        }
        // In task order: nodes by name, then sends as they were emitted.
        acted.sort_by_key(|(key, _)| {
            (
                key.number().is_some(),
                match key.number() {
                    None => key.node,
                    Some(_) => 0,
                },
            )
        });
        let (keys, done): (Vec<TaskKey>, Vec<_>) = acted.into_iter().unzip();
        let mut results = Results::of(keys.len());
        for (index, done) in done.into_iter().enumerate() {
            if let Some(update) = &done.outcome.update {
                self.note("an update", update)?;
            }
            results.note(index, Ok(done));
        }
        let mut tasks = Vec::new();
        self.progress
            .end_superstep(graph, &keys, results, &mut tasks)?;
        for field in self.progress.take_expired() {
            self.changes.value(field);
        }
        let step = self.line.head.map_or(0, |head| head.step + 1);
        self.commit(graph, Source::Update, step, &[node], &tasks)
            .await
    }

    /// The tasks that have finished, but for those of the node.
    fn finished_beside(
        &mut self,
        graph: &Frozen<S, C>,
        node: NodeIndex,
        tasks: &[Task],
    ) -> Result<Vec<(TaskKey, Done<S>)>, RunError> {
        let (mut finished, mut memories) = (Vec::new(), Vec::new());
        for (task, name) in tasks.iter().zip(&self.plan) {
            let result = self
                .entries
                .of(&name.to_string())
                .and_then(|task| task.result.as_deref());
            // Its own task has now ended with this update; a worker has many.
            let own = task.node == node && task.send.is_none();
            if let Some(json) = result
                && !own
            {
                let done = self.result(graph, &name.to_string(), json)?;
                finished.push((TaskKey::of(task), done));
                memories.push((name.to_string(), json.to_owned()));
            }
        }
        for (task, result) in memories {
            self.note_memory(&task, Some(&result))?;
        }
        Ok(finished)
    }
}
