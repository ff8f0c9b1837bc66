//! Threads from outside: to be looked at, copied and deleted.

use std::fmt;
use std::sync::Arc;

use super::super::attempt::Shared;
use super::super::chance::Seed;
use super::super::error::RunError;
use super::super::joins::referee_of;
use super::super::limits::RunLimits;
use super::super::nest::Around;
use super::super::spans::Spans;
use super::super::traced::Tracer;
use super::call::ThreadCall;
use super::drive::Threaded;
use super::entries::OVER;
use super::history::History;
use super::line::failed;
use super::snapshot::{Snapshot, snapshot_of};
use super::update::ThreadUpdate;
use super::within::unknown_thread;
use crate::checkpoint::{DynCheckpointer, Loaded};
use crate::compile::Graph;
use crate::id::{CheckpointId, ThreadId};
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
    pub(super) graph: Graph<S, C>,
    pub(super) id: ThreadId,
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
        let loaded = self.load_newest().await?;
        self.snapshot(loaded, true)
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
        // What is there is over only if something follows it.
        let is_over = loaded.entries.iter().any(|entry| entry.key == OVER);
        let is_head = is_over && self.head().await? == Some(checkpoint);
        self.snapshot(loaded, is_head)
    }

    /// Its checkpoints, newest first, those of all forks; none if the thread is
    /// not there. `.await` reads them.
    pub fn history(&self) -> History<S, C> {
        History::new(self.clone())
    }

    /// Writes to its state. Awaited as it is, it changes values and keeps the
    /// plan: what is ready stays ready, what has finished stays finished, what
    /// is asked stays asked. [`as_node`](ThreadUpdate::as_node) acts in a node's
    /// place instead. Nothing runs.
    pub fn update(&self, update: S::Update) -> ThreadUpdate<S, C> {
        ThreadUpdate::new(self.clone(), update)
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
        self.load_newest().await?;
        let copied = store.copy(&self.id, &to).await;
        copied.map_err(|error| failed(&to, error))?;
        Ok(self.graph.thread(to))
    }

    /// Where it is, as JSON that says all: the checkpoint, its fields, and what its
    /// tasks have left. For tests: `testing::check_compatible` says whether a
    /// graph can go on from there.
    ///
    /// # Errors
    ///
    /// When it is not there, or the checkpointer fails.
    #[expect(
        clippy::missing_panics_doc,
        reason = "texts and numbers can always be written"
    )]
    pub async fn export(&self) -> Result<String, RunError> {
        let loaded = self.load_newest().await?;
        Ok(serde_json::to_string_pretty(&loaded).expect("records are texts and numbers"))
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

    async fn load_newest(&self) -> Result<Loaded, RunError> {
        match self.load(None).await? {
            Some(loaded) => Ok(loaded),
            None => Err(unknown_thread(&*store_of(&self.graph)?, &self.id).await),
        }
    }

    async fn load(&self, at: Option<CheckpointId>) -> Result<Option<Loaded>, RunError> {
        let store = store_of(&self.graph)?;
        let loaded = store.load(&self.id, at).await;
        loaded.map_err(|error| failed(&self.id, error))
    }

    async fn head(&self) -> Result<Option<CheckpointId>, RunError> {
        let newest = store_of(&self.graph)?.list(&self.id, None, 1).await;
        let newest = newest.map_err(|error| failed(&self.id, error))?;
        Ok(newest.first().map(|record| record.id))
    }

    fn snapshot(&self, loaded: Loaded, is_head: bool) -> Result<Snapshot<S>, RunError> {
        snapshot_of(&self.graph.frozen, &self.id, loaded, is_head)
    }

    /// Takes the lease, to write something without a run.
    pub(super) async fn open(&self, call: ThreadCall) -> Result<Threaded<'static, S, C>, RunError> {
        let shared = Shared {
            graph: Arc::clone(&self.graph.frozen),
            context: None,
            limits: RunLimits::default(),
            ledger: None,
            referee: referee_of(&self.graph.frozen),
            watching: None,
            stops: None,
            nest: None,
            within: None,
            seed: Seed::default(),
            spans: Arc::new(Spans::new(tokio::time::Instant::now())),
            tracer: Tracer::none(),
            scope: None,
        };
        Threaded::open(shared, 0, Around::default(), self.id.clone(), call).await
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

pub(super) fn store_of<S: State, C>(
    graph: &Graph<S, C>,
) -> Result<Arc<dyn DynCheckpointer>, RunError> {
    let store = graph.frozen.threads.checkpointer.clone();
    store.ok_or(RunError::NoThread {
        what: "the graph has no checkpointer, so that it has no threads",
        help: "give the builder one: `.checkpointer(MemoryCheckpointer::new())`",
    })
}
