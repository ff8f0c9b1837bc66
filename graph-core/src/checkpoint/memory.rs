//! Threads in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    CheckpointError, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord, FieldAt,
    FieldKind, FieldRecord, Lease, Loaded, Retention,
};
use crate::id::{CheckpointId, ThreadId};

/// Keeps threads in memory: for tests, and for runs that need not outlive
/// their process.
///
/// Clones share their threads. Everything is kept until it is deleted, unless a
/// [`Retention`] says otherwise; of a field that grows, what was added is kept
/// once.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::MemoryCheckpointer;
/// use superstep::prelude::*;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Chat {
///     #[reduce(Append)]
///     messages: Vec<String>,
/// }
///
/// async fn answer(chat: View<Chat>) -> ChatUpdate {
///     Chat::update().messages(format!("you said {} things", chat.messages.len()))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Chat>::new("chat")
///     .add_node("answer", answer)
///     .add_edge(START, "answer")
///     .checkpointer(MemoryCheckpointer::new())
///     .compile()?;
/// graph.invoke(Chat::update().messages("hello")).thread("ann").await?;
/// let run = graph.invoke(Chat::update().messages("bye")).thread("ann").await?;
/// assert_eq!(run.state.messages, ["hello", "you said 1 things", "bye", "you said 3 things"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryCheckpointer {
    threads: Arc<Mutex<Threads>>,
    retention: Option<Retention>,
}

#[derive(Default)]
struct Threads {
    by_id: BTreeMap<ThreadId, Kept>,
    /// The last token that was given out, of any thread.
    last_token: u64,
}

/// A thread.
#[derive(Default)]
struct Kept {
    token: u64,
    /// Until when the lease lasts, if somebody has it.
    leased: Option<Instant>,
    /// Who wrote the head.
    head_token: u64,
    checkpoints: BTreeMap<CheckpointId, CheckpointRecord>,
    fields: BTreeMap<String, BTreeMap<CheckpointId, FieldRecord>>,
    entries: BTreeMap<CheckpointId, BTreeMap<(String, String), EntryRecord>>,
}

impl MemoryCheckpointer {
    /// No threads yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Deletes what the retention does not keep, whenever so many checkpoints
    /// were written that it is worth it.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    fn with<T>(
        &self,
        thread: &ThreadId,
        work: impl FnOnce(&mut Kept) -> Result<T, CheckpointError>,
    ) -> Result<T, CheckpointError> {
        let mut threads = self.threads.lock();
        let kept = threads.by_id.get_mut(thread);
        kept.map_or(Err(CheckpointError::Stale), work)
    }
}

impl Kept {
    fn head(&self) -> Option<CheckpointId> {
        self.checkpoints.keys().next_back().copied()
    }

    /// Refuses a lease that is not the newest.
    fn check(&self, lease: &Lease) -> Result<(), CheckpointError> {
        if self.token == lease.token {
            Ok(())
        } else {
            Err(CheckpointError::Stale)
        }
    }

    fn commit(&mut self, lease: &Lease, commit: Commit) -> Result<(), CheckpointError> {
        self.check(lease)?;
        let id = commit.checkpoint.id;
        if id != CheckpointId::after(self.head()) {
            return Err(CheckpointError::Stale);
        }
        self.checkpoints.insert(id, commit.checkpoint);
        for record in commit.fields {
            let records = self.fields.entry(record.field.clone()).or_default();
            records.insert(id, record);
        }
        if let Some(over) = commit.drop_entries_of {
            self.entries.remove(&over);
        }
        self.put(id, commit.entries);
        self.head_token = lease.token;
        if commit.release {
            self.leased = None;
        }
        Ok(())
    }

    fn put(&mut self, id: CheckpointId, entries: Vec<EntryRecord>) {
        if entries.is_empty() {
            return;
        }
        let kept = self.entries.entry(id).or_default();
        for entry in entries {
            let key = (entry.task.clone(), entry.key.clone());
            match entry.json {
                Some(_) => kept.insert(key, entry),
                None => kept.remove(&key),
            };
        }
    }

    fn load(&self, id: CheckpointId) -> Result<Option<Loaded>, CheckpointError> {
        let Some(checkpoint) = self.checkpoints.get(&id) else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        for records in self.fields.values() {
            self.load_field(records, checkpoint, &mut fields)?;
        }
        let entries = self.entries.get(&id);
        Ok(Some(Loaded {
            checkpoint: checkpoint.clone(),
            fields,
            entries: entries
                .into_iter()
                .flatten()
                .map(|(_, entry)| entry.clone())
                .collect(),
        }))
    }

    /// Adds a field's newest value at a checkpoint, and what was added since.
    fn load_field(
        &self,
        records: &BTreeMap<CheckpointId, FieldRecord>,
        checkpoint: &CheckpointRecord,
        loaded: &mut Vec<FieldRecord>,
    ) -> Result<(), CheckpointError> {
        let first = loaded.len();
        let (mut line, mut until) = (checkpoint.line, checkpoint.id);
        'lines: loop {
            for record in records.range(line..=until).rev().map(|(_, record)| record) {
                loaded.push(record.clone());
                if record.kind == FieldKind::Value {
                    break 'lines;
                }
            }
            // Where a line's first is gone, so is all before it.
            let begin = self.checkpoints.get(&line);
            let Some(from) = begin.and_then(|begin| begin.parent) else {
                break;
            };
            let gone = || CheckpointError::NoCheckpoint { id: from };
            let from = self.checkpoints.get(&from).ok_or_else(gone)?;
            (line, until) = (from.line, from.id);
        }
        loaded[first..].reverse();
        Ok(())
    }

    fn prune(&mut self, retention: &Retention) {
        let checkpoints: Vec<_> = self.checkpoints.values().cloned().collect();
        let fields = self.fields.values().flat_map(BTreeMap::values);
        let fields = fields.map(|record| FieldAt {
            field: record.field.clone(),
            checkpoint: record.checkpoint,
            kind: record.kind,
        });
        let fields: Vec<_> = fields.collect();
        let now = checkpoints.last().map_or(0, |head| head.created_at);
        let prunable = retention.prunable(&checkpoints, &fields, now);
        for id in prunable.checkpoints {
            self.checkpoints.remove(&id);
            self.entries.remove(&id);
        }
        for (field, id) in prunable.fields {
            if let Some(records) = self.fields.get_mut(&field) {
                records.remove(&id);
            }
        }
    }
}

impl Checkpointer for MemoryCheckpointer {
    async fn acquire(&self, thread: &ThreadId, claim: Claim) -> Result<Lease, CheckpointError> {
        let now = Instant::now();
        let mut threads = self.threads.lock();
        let token = threads.last_token + 1;
        let kept = threads.by_id.entry(thread.clone()).or_default();
        if let Some(until) = kept.leased
            && until > now
            && !claim.takes_over
        {
            return Err(CheckpointError::Busy {
                free_in: until - now,
            });
        }
        kept.token = token;
        kept.leased = Some(after(now, claim.lasts));
        let lease = Lease {
            token,
            head: kept.head(),
            head_token: kept.head_token,
        };
        threads.last_token = token;
        Ok(lease)
    }

    async fn renew(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        lasts: Duration,
    ) -> Result<(), CheckpointError> {
        self.with(thread, |kept| {
            kept.check(lease)?;
            kept.leased = Some(after(Instant::now(), lasts));
            Ok(())
        })
    }

    async fn release(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        self.abandon(thread, lease);
        Ok(())
    }

    fn abandon(&self, thread: &ThreadId, lease: &Lease) {
        if let Some(kept) = self.threads.lock().by_id.get_mut(thread)
            && kept.check(lease).is_ok()
        {
            kept.leased = None;
        }
    }

    async fn commit(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        commit: Commit,
    ) -> Result<(), CheckpointError> {
        let id = commit.checkpoint.id.number();
        self.with(thread, |kept| {
            kept.commit(lease, commit)?;
            if let Some(retention) = &self.retention
                && id.is_multiple_of(retention.interval())
            {
                kept.prune(retention);
            }
            Ok(())
        })
    }

    async fn put_entries(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        checkpoint: CheckpointId,
        entries: Vec<EntryRecord>,
    ) -> Result<(), CheckpointError> {
        self.with(thread, |kept| {
            kept.check(lease)?;
            kept.put(checkpoint, entries);
            Ok(())
        })
    }

    async fn load(
        &self,
        thread: &ThreadId,
        checkpoint: Option<CheckpointId>,
    ) -> Result<Option<Loaded>, CheckpointError> {
        let threads = self.threads.lock();
        let Some(kept) = threads.by_id.get(thread) else {
            return Ok(None);
        };
        match checkpoint.or_else(|| kept.head()) {
            None => Ok(None),
            Some(id) => kept.load(id),
        }
    }

    async fn list(
        &self,
        thread: &ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<CheckpointRecord>, CheckpointError> {
        let threads = self.threads.lock();
        let Some(kept) = threads.by_id.get(thread) else {
            return Ok(Vec::new());
        };
        let range = (Unbounded, before.map_or(Unbounded, Excluded));
        let newest_first = kept.checkpoints.range(range).rev().take(limit);
        Ok(newest_first.map(|(_, record)| record.clone()).collect())
    }

    async fn changes(
        &self,
        thread: &ThreadId,
        checkpoint: CheckpointId,
    ) -> Result<Vec<FieldRecord>, CheckpointError> {
        let threads = self.threads.lock();
        let fields = threads.by_id.get(thread).map(|kept| &kept.fields);
        let records = fields.into_iter().flat_map(BTreeMap::values);
        Ok(records
            .filter_map(|records| records.get(&checkpoint))
            .cloned()
            .collect())
    }

    async fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> Result<Vec<ThreadId>, CheckpointError> {
        let threads = self.threads.lock();
        let range = (after.map_or(Unbounded, Excluded), Unbounded::<&ThreadId>);
        let written = threads.by_id.range::<ThreadId, _>(range);
        let written = written.filter(|(_, kept)| !kept.checkpoints.is_empty());
        Ok(written.take(limit).map(|(id, _)| id.clone()).collect())
    }

    async fn copy(&self, from: &ThreadId, to: &ThreadId) -> Result<(), CheckpointError> {
        let mut threads = self.threads.lock();
        let there = threads.by_id.get(to);
        if there.is_some_and(|kept| !kept.checkpoints.is_empty()) {
            return Err(CheckpointError::Exists);
        }
        let token = threads.last_token + 1;
        let Some(kept) = threads.by_id.get(from) else {
            return Ok(());
        };
        let copy = Kept {
            token,
            leased: None,
            head_token: token,
            checkpoints: kept.checkpoints.clone(),
            fields: kept.fields.clone(),
            entries: kept.entries.clone(),
        };
        threads.last_token = token;
        threads.by_id.insert(to.clone(), copy);
        Ok(())
    }

    async fn delete(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        let mut threads = self.threads.lock();
        if let Some(kept) = threads.by_id.get(thread) {
            kept.check(lease)?;
            threads.by_id.remove(thread);
        }
        Ok(())
    }
}

/// The clock does not reach as far as a duration can say: then for a lifetime.
fn after(now: Instant, lasts: Duration) -> Instant {
    const LIFETIME: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    now.checked_add(lasts).unwrap_or_else(|| now + LIFETIME)
}

impl fmt::Debug for MemoryCheckpointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCheckpointer")
            .field("threads", &self.threads.lock().by_id.len())
            .field("retention", &self.retention)
            .finish()
    }
}
