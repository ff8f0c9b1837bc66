//! A thread's checkpoints, one after another.

use std::collections::{BTreeMap, BTreeSet};
use std::future::IntoFuture;

use super::super::error::RunError;
use super::handle::{Thread, store_of};
use super::line::failed;
use super::snapshot::{Snapshot, snapshot_of};
use crate::checkpoint::{
    CheckpointError, CheckpointRecord, DynCheckpointer, FieldKind, FieldRecord, Loaded,
};
use crate::id::{CheckpointId, ThreadId};
use crate::node::BoxFuture;
use crate::state::State;

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
    pub(super) fn new(thread: Thread<S, C>) -> Self {
        Self {
            thread,
            before: None,
            limit: usize::MAX,
        }
    }

    /// So many at the most. Each holds a whole state.
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

impl<S: State, C: Send + Sync + 'static> History<S, C> {
    async fn read(self) -> Result<Vec<Snapshot<S>>, RunError> {
        let thread = &self.thread.id;
        let store = store_of(&self.thread.graph)?;
        let records = store.list(thread, self.before, self.limit).await;
        let records = records.map_err(|error| failed(thread, error))?;
        let head = records.first().filter(|_| self.before.is_none());
        let head = head.map(|record| record.id);
        let mut reader = Reader::new(&*store, thread, &records);
        let mut snapshots = Vec::with_capacity(records.len());
        // Oldest first: each is what the one before it was, and a little more.
        for record in records.into_iter().rev() {
            let loaded = reader.next(record).await;
            // One that was pruned meanwhile is not there.
            if let Some(loaded) = loaded.map_err(|error| failed(thread, error))? {
                let graph = &*self.thread.graph.frozen;
                let is_head = head == Some(loaded.checkpoint.id);
                snapshots.push(snapshot_of(graph, thread, loaded, is_head)?);
            }
        }
        snapshots.reverse();
        Ok(snapshots)
    }
}

impl<S: State, C: Send + Sync + 'static> IntoFuture for History<S, C> {
    type Output = Result<Vec<Snapshot<S>>, RunError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

/// Reads checkpoints oldest first, of each line the first whole and of the
/// others what they changed.
struct Reader<'r> {
    store: &'r dyn DynCheckpointer,
    thread: &'r ThreadId,
    /// Those that something follows: their entries are gone.
    followed: BTreeSet<CheckpointId>,
    last: Option<CheckpointId>,
    fields: BTreeMap<String, Vec<FieldRecord>>,
}

impl<'r> Reader<'r> {
    fn new(
        store: &'r dyn DynCheckpointer,
        thread: &'r ThreadId,
        records: &[CheckpointRecord],
    ) -> Self {
        Self {
            store,
            thread,
            followed: records.iter().filter_map(|record| record.parent).collect(),
            last: None,
            fields: BTreeMap::new(),
        }
    }

    async fn next(&mut self, record: CheckpointRecord) -> Result<Option<Loaded>, CheckpointError> {
        let follows = self.last.is_some() && self.last == record.parent;
        if !follows || !self.followed.contains(&record.id) {
            let loaded = self.store.load(self.thread, Some(record.id)).await?;
            self.last = loaded.as_ref().map(|loaded| loaded.checkpoint.id);
            self.fields.clear();
            for field in loaded.iter().flat_map(|loaded| &loaded.fields) {
                self.take(field.clone());
            }
            return Ok(loaded);
        }
        for field in self.store.changes(self.thread, record.id).await? {
            self.take(field);
        }
        self.last = Some(record.id);
        Ok(Some(Loaded {
            checkpoint: record,
            fields: self.fields.values().flatten().cloned().collect(),
            entries: Vec::new(),
        }))
    }

    fn take(&mut self, record: FieldRecord) {
        let records = self.fields.entry(record.field.clone()).or_default();
        if record.kind == FieldKind::Value {
            records.clear();
        }
        records.push(record);
    }
}
