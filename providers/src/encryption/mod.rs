//! What a checkpointer keeps, encrypted.

mod keys;
mod place;
mod seal;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use superstep_core::{
    CheckpointError, CheckpointId, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord,
    FieldRecord, Lease, Loaded, ThreadId,
};

pub use keys::{Key, Keys};
use place::Place;
use seal::{Opened, Origin, open, seal};

/// The most threads of which the origin is remembered.
const MOST_REMEMBERED: usize = 4096;

/// Encrypts what another checkpointer keeps: bodies of checkpoints, values of
/// fields, entries. It is XChaCha20-Poly1305, under a key that never leaves the
/// process.
///
/// Names are not encrypted: of threads, fields, tasks and keys of entries. Nor
/// are numbers, times, and how long a text is.
///
/// A text is bound to where it belongs: to its thread, checkpoint, field or task
/// and key, and to all that is told beside it. One that was changed, or stands
/// where another was, is [`Corrupt`](CheckpointError::Corrupt); so is one that
/// is not encrypted. What is not noticed: that an entry is an older one of the
/// same task and key, that all of a thread is another thread's or an older
/// state, and that a text of a copy stands in the same place of its original.
///
/// What an old key sealed is read, and sealed with the new one when it is
/// written the next time.
///
/// # Examples
///
/// ```
/// use superstep_core::{Checkpointer, MemoryCheckpointer};
/// use superstep_providers::{Encrypted, Key, Keys};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (bytes, bytes_of_last_year) = ([7; 32], [3; 32]);
/// let keys = Keys::new(Key::new("2026", bytes)).with_old(Key::new("2025", bytes_of_last_year));
/// let threads = Encrypted::new(MemoryCheckpointer::new(), keys);
/// assert!(threads.threads(None, 10).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Encrypted<K> {
    inner: K,
    keys: Keys,
    /// Of threads that were written to, by name and token.
    origins: Arc<Mutex<BTreeMap<(ThreadId, u64), Origin>>>,
}

impl<K: Checkpointer> Encrypted<K> {
    /// Encrypts what that one keeps.
    #[must_use]
    pub fn new(inner: K, keys: Keys) -> Self {
        Self {
            inner,
            keys,
            origins: Arc::default(),
        }
    }

    /// What tells the thread from others: that of its head, or a new one.
    async fn origin(&self, thread: &ThreadId, lease: &Lease) -> Result<Origin, CheckpointError> {
        let name = (thread.clone(), lease.token);
        if let Some(origin) = self.origins().get(&name) {
            return Ok(*origin);
        }
        let head = self.inner.list(thread, None, 1).await?;
        let origin = match head.first() {
            Some(head) => open(&self.keys, &Place::Body(head), &head.body)?.origin,
            None => Origin::by_chance(),
        };
        let mut origins = self.origins();
        if origins.len() >= MOST_REMEMBERED {
            origins.clear();
        }
        Ok(*origins.entry(name).or_insert(origin))
    }

    fn origins(&self) -> std::sync::MutexGuard<'_, BTreeMap<(ThreadId, u64), Origin>> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seal_entries(
        &self,
        origin: Origin,
        checkpoint: CheckpointId,
        entries: &mut [EntryRecord],
    ) -> Result<(), CheckpointError> {
        for entry in entries {
            let Some(json) = entry.json.take() else {
                continue;
            };
            let place = Place::Entry(checkpoint, entry);
            entry.json = Some(seal(&self.keys, origin, &place, &json, entry.checksum)?);
            entry.checksum = 0;
        }
        Ok(())
    }

    /// Opens a text, which must be of the same thread as those before it.
    fn open(
        &self,
        origin: &mut Option<Origin>,
        place: &Place<'_>,
        text: &str,
    ) -> Result<(String, u64), CheckpointError> {
        let Opened {
            origin: found,
            text,
            checksum,
        } = open(&self.keys, place, text)?;
        if *origin.get_or_insert(found) != found {
            let why = "it was sealed for another thread";
            return Err(CheckpointError::corrupt(place.to_string(), why));
        }
        Ok((text, checksum))
    }

    fn open_body(
        &self,
        origin: &mut Option<Origin>,
        record: &mut CheckpointRecord,
    ) -> Result<(), CheckpointError> {
        let opened = self.open(origin, &Place::Body(record), &record.body)?;
        (record.body, record.checksum) = opened;
        Ok(())
    }

    fn open_fields(
        &self,
        origin: &mut Option<Origin>,
        records: &mut [FieldRecord],
    ) -> Result<(), CheckpointError> {
        for record in records {
            let opened = self.open(origin, &Place::Field(record), &record.json)?;
            (record.json, record.checksum) = opened;
        }
        Ok(())
    }

    fn open_entries(
        &self,
        origin: &mut Option<Origin>,
        checkpoint: CheckpointId,
        records: &mut [EntryRecord],
    ) -> Result<(), CheckpointError> {
        for record in records {
            if let Some(json) = &record.json {
                let opened = self.open(origin, &Place::Entry(checkpoint, record), json)?;
                record.json = Some(opened.0);
                record.checksum = opened.1;
            }
        }
        Ok(())
    }
}

impl<K: Checkpointer> Checkpointer for Encrypted<K> {
    async fn acquire(&self, thread: &ThreadId, claim: Claim) -> Result<Lease, CheckpointError> {
        self.inner.acquire(thread, claim).await
    }

    async fn renew(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        lasts: Duration,
    ) -> Result<(), CheckpointError> {
        self.inner.renew(thread, lease, lasts).await
    }

    async fn release(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        self.inner.release(thread, lease).await
    }

    fn abandon(&self, thread: &ThreadId, lease: &Lease) {
        self.inner.abandon(thread, lease);
    }

    async fn commit(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        mut commit: Commit,
    ) -> Result<(), CheckpointError> {
        let origin = self.origin(thread, lease).await?;
        let record = &mut commit.checkpoint;
        let place = Place::Body(record);
        record.body = seal(&self.keys, origin, &place, &record.body, record.checksum)?;
        record.checksum = 0;
        for field in &mut commit.fields {
            let place = Place::Field(field);
            field.json = seal(&self.keys, origin, &place, &field.json, field.checksum)?;
            field.checksum = 0;
        }
        self.seal_entries(origin, commit.checkpoint.id, &mut commit.entries)?;
        self.inner.commit(thread, lease, commit).await
    }

    async fn put_entries(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        checkpoint: CheckpointId,
        mut entries: Vec<EntryRecord>,
    ) -> Result<(), CheckpointError> {
        let origin = self.origin(thread, lease).await?;
        self.seal_entries(origin, checkpoint, &mut entries)?;
        self.inner
            .put_entries(thread, lease, checkpoint, entries)
            .await
    }

    async fn load(
        &self,
        thread: &ThreadId,
        checkpoint: Option<CheckpointId>,
    ) -> Result<Option<Loaded>, CheckpointError> {
        let Some(mut loaded) = self.inner.load(thread, checkpoint).await? else {
            return Ok(None);
        };
        let mut origin = None;
        self.open_body(&mut origin, &mut loaded.checkpoint)?;
        self.open_fields(&mut origin, &mut loaded.fields)?;
        self.open_entries(&mut origin, loaded.checkpoint.id, &mut loaded.entries)?;
        Ok(Some(loaded))
    }

    async fn list(
        &self,
        thread: &ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<CheckpointRecord>, CheckpointError> {
        let mut records = self.inner.list(thread, before, limit).await?;
        let mut origin = None;
        for record in &mut records {
            self.open_body(&mut origin, record)?;
        }
        Ok(records)
    }

    async fn changes(
        &self,
        thread: &ThreadId,
        checkpoint: CheckpointId,
    ) -> Result<Vec<FieldRecord>, CheckpointError> {
        let mut records = self.inner.changes(thread, checkpoint).await?;
        self.open_fields(&mut None, &mut records)?;
        Ok(records)
    }

    async fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> Result<Vec<ThreadId>, CheckpointError> {
        self.inner.threads(after, limit).await
    }

    async fn copy(&self, from: &ThreadId, to: &ThreadId) -> Result<(), CheckpointError> {
        self.inner.copy(from, to).await
    }

    async fn delete(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        self.inner.delete(thread, lease).await
    }
}

impl<K: fmt::Debug> fmt::Debug for Encrypted<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted")
            .field("inner", &self.inner)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
