//! Threads from outside: to be looked at, written to, copied and deleted.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use super::super::attempt::{Done, Shared};
use super::super::error::RunError;
use super::super::execute::Results;
use super::super::settle::TaskKey;
use super::begin::{node, renamed};
use super::call::ThreadCall;
use super::drive::{Threaded, guarded};
use super::ledger::read_result;
use super::line::failed;
use super::options::OnBusy;
use super::snapshot::{Snapshot, snapshot_of};
use crate::checkpoint::{CheckpointError, Commit, DynCheckpointer, Loaded, Source};
use crate::compile::{Frozen, Graph, NodeIndex};
use crate::id::{CheckpointId, ThreadId};
use crate::node::{BoxFuture, Outcome};
use crate::plan::Task;
use crate::state::State;

impl<S: State, C: Send + Sync + 'static> Graph<S, C> {
    /// The thread of that name, to be looked at and written to. Whether it is
    /// there is seen when it is.
    #[must_use]
    pub fn thread(&self, id: impl Into<ThreadId>) -> Thread<S, C> {
        Thread {
            graph: self.clone(),
            id: id.into(),
        }
    }

    /// The names of the threads that there are, sorted: those after that one,
    /// or all, so many at the most.
    ///
    /// # Errors
    ///
    /// When the graph has no checkpointer, or that fails.
    pub async fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> Result<Vec<ThreadId>, RunError> {
        let store = store_of(self)?;
        let threads = store.threads(after, limit).await;
        threads.map_err(|error| failed(&"".into(), error))
    }
}

/// A thread: all runs under one name, and the checkpoints they left.
///
/// Looking at it takes no lease, and shows what is there even while a run is at
/// work. Writing to it does: [`RunError::ThreadBusy`] if a run has it.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::MemoryCheckpointer;
/// use superstep::prelude::*;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Order {
///     total: u32,
///     note: String,
/// }
///
/// async fn price(_: View<Order>) -> OrderUpdate {
///     Order::update().total(900)
/// }
///
/// async fn pack(order: View<Order>) -> OrderUpdate {
///     Order::update().note(format!("packed for {}", order.total))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Order>::new("order")
///     .add_node("price", price)
///     .add_node("pack", pack)
///     .add_edge(START, "price")
///     .add_edge("price", "pack")
///     .interrupt_before("pack")
///     .checkpointer(MemoryCheckpointer::new())
///     .compile()?;
/// graph.invoke(Order::update()).thread("order-17").await?;
///
/// let thread = graph.thread("order-17");
/// let snapshot = thread.state().await?;
/// assert_eq!(snapshot.next, ["pack"]);
/// assert_eq!(snapshot.values.total, 900);
///
/// // Somebody corrects the price; what is ready stays ready.
/// thread.update(Order::update().total(10)).await?;
/// let run = graph.proceed().thread("order-17").await?;
/// assert_eq!(run.state.note, "packed for 10");
///
/// // Back to where nobody had corrected it: the old branch stays.
/// let history = thread.history().await?;
/// let before = history.iter().find(|snapshot| snapshot.values.total == 900).unwrap();
/// let run = graph.proceed().thread("order-17").checkpoint(before.id).await?;
/// assert_eq!(run.state.note, "packed for 900");
/// # Ok(())
/// # }
/// ```
pub struct Thread<S: State, C = ()> {
    graph: Graph<S, C>,
    id: ThreadId,
}

impl<S: State, C: Send + Sync + 'static> Thread<S, C> {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> &ThreadId {
        &self.id
    }

    /// Where it is.
    ///
    /// # Errors
    ///
    /// [`RunError::UnknownThread`] when nothing was written under the name;
    /// [`RunError::Checkpoint`] when it cannot be read.
    pub async fn state(&self) -> Result<Snapshot<S>, RunError> {
        let loaded = self.load(None).await?;
        let loaded = loaded.ok_or_else(|| RunError::UnknownThread {
            thread: self.id.clone(),
        })?;
        self.snapshot(loaded)
    }

    /// Where it was at a checkpoint.
    ///
    /// # Errors
    ///
    /// [`RunError::UnknownCheckpoint`] when there is none of that number;
    /// [`RunError::Checkpoint`] when it cannot be read.
    pub async fn state_at(&self, checkpoint: CheckpointId) -> Result<Snapshot<S>, RunError> {
        let loaded = self.load(Some(checkpoint)).await?;
        let loaded = loaded.ok_or_else(|| RunError::UnknownCheckpoint {
            thread: self.id.clone(),
            checkpoint,
        })?;
        self.snapshot(loaded)
    }

    /// Its checkpoints, newest first, those of all forks; none if the thread is
    /// not there. `.await` reads them.
    pub fn history(&self) -> History<S, C> {
        History {
            thread: self.clone(),
            before: None,
            limit: usize::MAX,
        }
    }

    /// Writes to its state. Awaited as it is, it changes values and keeps the
    /// plan: what is ready stays ready, what has finished stays finished, what
    /// is asked stays asked. [`as_node`](ThreadUpdate::as_node) acts in a node's
    /// place instead. Nothing runs.
    pub fn update(&self, update: S::Update) -> ThreadUpdate<S, C> {
        ThreadUpdate {
            thread: self.clone(),
            update,
            as_node: None,
            checkpoint: None,
            on_busy: OnBusy::Reject,
        }
    }

    /// Makes an older checkpoint the head: the thread goes on from there, and
    /// what came after it stays as a branch. Nothing runs, and what was asked
    /// there is asked again.
    ///
    /// # Errors
    ///
    /// [`RunError::UnknownCheckpoint`] when there is none of that number; when
    /// the thread is busy, or cannot be read or written.
    pub async fn fork(&self, checkpoint: CheckpointId) -> Result<Snapshot<S>, RunError> {
        let call = ThreadCall {
            checkpoint: Some(checkpoint),
            ..ThreadCall::default()
        };
        let mut open = self.open(call).await?;
        let graph = &*self.graph.frozen;
        let mut tasks = Vec::new();
        open.load(graph, Some(checkpoint), &mut tasks).await?;
        open.fork(graph, &tasks).await?;
        open.line.release().await?;
        self.state().await
    }

    /// Copies it, with its whole history, under another name.
    ///
    /// # Errors
    ///
    /// When it is not there, the other name is taken, or the checkpointer
    /// fails.
    pub async fn copy(&self, to: impl Into<ThreadId>) -> Result<Self, RunError> {
        let to = to.into();
        let store = store_of(&self.graph)?;
        if self.load(None).await?.is_none() {
            return Err(RunError::UnknownThread {
                thread: self.id.clone(),
            });
        }
        let copied = store.copy(&self.id, &to).await;
        copied.map_err(|error| failed(&to, error))?;
        Ok(self.graph.thread(to))
    }

    /// Deletes it, with its whole history. One that is not there is deleted
    /// already.
    ///
    /// # Errors
    ///
    /// When the thread is busy, or the checkpointer fails.
    pub async fn delete(&self) -> Result<(), RunError> {
        let open = self.open(ThreadCall::default()).await?;
        let store = Arc::clone(&open.line.store);
        let deleted = store.delete(&self.id, open.line.lease()).await;
        deleted.map_err(|error| open.line.failed(error))
    }

    async fn load(&self, at: Option<CheckpointId>) -> Result<Option<Loaded>, RunError> {
        let store = store_of(&self.graph)?;
        let loaded = store.load(&self.id, at).await;
        loaded.map_err(|error| failed(&self.id, error))
    }

    fn snapshot(&self, loaded: Loaded) -> Result<Snapshot<S>, RunError> {
        let graph = &*self.graph.frozen;
        let snapshot = snapshot_of(loaded, |task| renamed(graph, task));
        snapshot.map_err(|error| failed(&self.id, error))
    }

    /// Takes the lease, to write something without a run.
    async fn open(&self, call: ThreadCall) -> Result<Threaded<'static, S, C>, RunError> {
        let shared = Shared {
            graph: Arc::clone(&self.graph.frozen),
            context: None,
            permits: None,
            ledger: None,
        };
        Threaded::open(shared, 0, self.id.clone(), call).await
    }
}

impl<S: State, C> Clone for Thread<S, C> {
    fn clone(&self) -> Self {
        Self {
            graph: self.graph.clone(),
            id: self.id.clone(),
        }
    }
}

impl<S: State, C> fmt::Debug for Thread<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A look at a thread's checkpoints before its `.await`; made by
/// [`Thread::history`].
#[must_use = "nothing is read until it is awaited"]
#[derive(Debug)]
pub struct History<S: State, C = ()> {
    thread: Thread<S, C>,
    before: Option<CheckpointId>,
    limit: usize,
}

impl<S: State, C> History<S, C> {
    /// So many at the most; each costs a read of its state.
    pub fn limit(mut self, checkpoints: usize) -> Self {
        self.limit = checkpoints;
        self
    }

    /// Only those that were written before that one.
    pub fn before(mut self, checkpoint: CheckpointId) -> Self {
        self.before = Some(checkpoint);
        self
    }
}

impl<S: State, C: Send + Sync + 'static> IntoFuture for History<S, C> {
    type Output = Result<Vec<Snapshot<S>>, RunError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self {
                thread,
                before,
                limit,
            } = self;
            let store = store_of(&thread.graph)?;
            let records = store.list(&thread.id, before, limit).await;
            let records = records.map_err(|error| failed(&thread.id, error))?;
            let mut snapshots = Vec::with_capacity(records.len());
            for record in records {
                // One that was pruned meanwhile is not there.
                if let Some(loaded) = thread.load(Some(record.id)).await? {
                    snapshots.push(thread.snapshot(loaded)?);
                }
            }
            Ok(snapshots)
        })
    }
}

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
        open.breakpoints = super::drive::Breakpoints::default();
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
        let carried = match self.fetch(at).await? {
            Some(loaded) if Some(loaded.checkpoint.id) == self.line.lease().head => loaded.entries,
            _ => Vec::new(),
        };
        if !self.load(graph, at, &mut tasks).await? {
            self.changes = super::fields::Changes::all();
        }
        self.note(&update)?;
        self.progress.merge(&mut update);
        let step = self.line.head.map_or(0, |head| head.step + 1);
        let checkpoint = self.checkpoint(graph, Source::Update, step, &[], &tasks)?;
        let commit = Commit {
            entries: carried,
            release: true,
            ..checkpoint
        };
        self.line.commit(commit).await
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
            None => self.changes = super::fields::Changes::all(),
            Some(loaded) => {
                let body = super::read::read_body(&loaded.checkpoint);
                let body = body.map_err(|error| self.line.failed(error))?;
                // What the graph has no place for is what this is a way out of.
                let tasks = self.take_plan(graph, &body, &mut Vec::new());
                self.take_state(graph, loaded, &body)?;
                acted.extend(self.finished_beside(graph, node, &tasks)?);
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
                self.note(update)?;
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

    fn note(&mut self, update: &S::Update) -> Result<(), RunError> {
        self.progress.at.writes();
        let noted = self.changes.note(self.progress.fields, update);
        noted.map_err(|error| self.unwritable("an update", error))
    }

    /// The tasks that have finished, but for those of the node.
    fn finished_beside(
        &self,
        graph: &Frozen<S, C>,
        node: NodeIndex,
        tasks: &[Task],
    ) -> Result<Vec<(TaskKey, Done<S>)>, RunError> {
        let mut finished = Vec::new();
        for (task, name) in tasks.iter().zip(&self.plan) {
            let result = self
                .entries
                .of(&name.to_string())
                .and_then(|task| task.result.as_deref());
            if let Some(json) = result
                && task.node != node
            {
                let done = read_result(graph, json).map_err(|why| {
                    let what = format!("the result of task `{name}`");
                    self.line.failed(CheckpointError::corrupt(what, why))
                })?;
                finished.push((TaskKey::of(task), done));
            }
        }
        Ok(finished)
    }
}

fn store_of<S: State, C>(graph: &Graph<S, C>) -> Result<Arc<dyn DynCheckpointer>, RunError> {
    let store = graph.frozen.threads.checkpointer.clone();
    store.ok_or(RunError::NoThread {
        what: "the graph has no checkpointer, so that it has no threads",
        help: "give the builder one: `.checkpointer(MemoryCheckpointer::new())`",
    })
}
