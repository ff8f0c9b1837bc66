//! Where a case plays: a checkpointer, and threads that no other case names.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::model::{Change, Model};
use super::verdict::{Broken, Verdict, equal};
use crate::checkpoint::{
    CheckpointError, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord, FieldRecord,
    Lease, Loaded,
};
use crate::id::{CheckpointId, ThreadId};

/// Longer than any case takes.
pub(super) const LONG: Duration = Duration::from_secs(3600);

/// What a case is given.
pub struct Scene<K> {
    store: Arc<K>,
    mark: String,
    named: Arc<Mutex<Vec<ThreadId>>>,
}

impl<K> fmt::Debug for Scene<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scene").field(&self.mark).finish()
    }
}

impl<K> Clone for Scene<K> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            mark: self.mark.clone(),
            named: Arc::clone(&self.named),
        }
    }
}

impl<K: Checkpointer> Scene<K> {
    pub(super) fn new(store: K) -> Self {
        // Not the same in two runs: a database may hold what one left behind.
        let chance = RandomState::new().build_hasher().finish();
        Self {
            store: Arc::new(store),
            mark: format!("kit-{chance:016x}"),
            named: Arc::default(),
        }
    }

    /// What the names of all the case's threads begin with.
    pub(super) fn mark(&self) -> ThreadId {
        ThreadId::from(&self.mark)
    }

    pub(super) fn thread(&self, name: &str) -> Thread<K> {
        let id = ThreadId::from(format!("{}/{name}", self.mark));
        self.named.lock().push(id.clone());
        Thread {
            store: Arc::clone(&self.store),
            id,
        }
    }

    /// A thread, and the lease of it.
    pub(super) async fn written(&self, name: &str) -> Result<Written<K>, Broken> {
        self.thread(name).written().await
    }

    /// The case's threads that have checkpoints.
    pub(super) async fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> Result<Vec<ThreadId>, CheckpointError> {
        let mark = self.mark();
        self.store.threads(after.or(Some(&mark)), limit).await
    }

    /// All threads of the store.
    pub(super) async fn all_threads(&self) -> Result<Vec<ThreadId>, CheckpointError> {
        self.store.threads(None, usize::MAX).await
    }

    /// Deletes the case's threads, so that a database does not fill up. The
    /// verdict stands already.
    pub(super) async fn clear(&self) {
        let named = std::mem::take(&mut *self.named.lock());
        for thread in named {
            let claim = Claim {
                lasts: LONG,
                takes_over: true,
            };
            if let Ok(lease) = self.store.acquire(&thread, claim).await {
                let _ = self.store.delete(&thread, &lease).await;
            }
        }
    }
}

/// A thread of a case.
pub(super) struct Thread<K> {
    store: Arc<K>,
    pub(super) id: ThreadId,
}

impl<K> Clone for Thread<K> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            id: self.id.clone(),
        }
    }
}

impl<K: Checkpointer> Thread<K> {
    /// Claims the lease if it is free.
    pub(super) async fn claim(&self, lasts: Duration) -> Result<Lease, CheckpointError> {
        let takes_over = false;
        self.store
            .acquire(&self.id, Claim { lasts, takes_over })
            .await
    }

    /// Claims the lease, whoever has it.
    pub(super) async fn take_over(&self) -> Result<Lease, CheckpointError> {
        let claim = Claim {
            lasts: LONG,
            takes_over: true,
        };
        self.store.acquire(&self.id, claim).await
    }

    pub(super) async fn renew(
        &self,
        lease: &Lease,
        lasts: Duration,
    ) -> Result<(), CheckpointError> {
        self.store.renew(&self.id, lease, lasts).await
    }

    pub(super) async fn release(&self, lease: &Lease) -> Result<(), CheckpointError> {
        self.store.release(&self.id, lease).await
    }

    pub(super) fn abandon(&self, lease: &Lease) {
        self.store.abandon(&self.id, lease);
    }

    pub(super) async fn commit(
        &self,
        lease: &Lease,
        commit: Commit,
    ) -> Result<(), CheckpointError> {
        self.store.commit(&self.id, lease, commit).await
    }

    pub(super) async fn put(
        &self,
        lease: &Lease,
        checkpoint: u64,
        entries: Vec<EntryRecord>,
    ) -> Result<(), CheckpointError> {
        let checkpoint = CheckpointId::from(checkpoint);
        self.store
            .put_entries(&self.id, lease, checkpoint, entries)
            .await
    }

    pub(super) async fn head(&self) -> Result<Option<Loaded>, CheckpointError> {
        self.store.load(&self.id, None).await
    }

    pub(super) async fn load(&self, checkpoint: u64) -> Result<Option<Loaded>, CheckpointError> {
        let checkpoint = CheckpointId::from(checkpoint);
        self.store.load(&self.id, Some(checkpoint)).await
    }

    pub(super) async fn list(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<CheckpointRecord>, CheckpointError> {
        let before = before.map(CheckpointId::from);
        self.store.list(&self.id, before, limit).await
    }

    pub(super) async fn changes(
        &self,
        checkpoint: u64,
    ) -> Result<Vec<FieldRecord>, CheckpointError> {
        let checkpoint = CheckpointId::from(checkpoint);
        self.store.changes(&self.id, checkpoint).await
    }

    pub(super) async fn copy(&self, to: &Self) -> Result<(), CheckpointError> {
        self.store.copy(&self.id, &to.id).await
    }

    pub(super) async fn delete(&self, lease: &Lease) -> Result<(), CheckpointError> {
        self.store.delete(&self.id, lease).await
    }

    /// This thread, and the lease of it.
    pub(super) async fn written(self) -> Result<Written<K>, Broken> {
        let lease = self.claim(LONG).await?;
        Ok(self.written_by(lease))
    }

    /// This thread, which has no checkpoints yet, under that lease.
    pub(super) fn written_by(self, lease: Lease) -> Written<K> {
        Written {
            thread: self,
            lease,
            model: Model::default(),
        }
    }

    /// Compares all that can be read of the thread with what must be there.
    pub(super) async fn is(&self, model: &Model) -> Verdict {
        equal("the head", self.head().await?, model.head())?;
        let n = model.listed().len();
        let listed = self.list(None, n + 1).await?;
        equal("the list of checkpoints", &listed, &model.listed())?;
        for checkpoint in 1..=model.n_checkpoints() {
            let loaded = self.load(checkpoint).await?;
            let what = format!("checkpoint {checkpoint}, loaded,");
            equal(&what, loaded, model.loaded(checkpoint))?;
            let changes = self.changes(checkpoint).await?;
            let what = format!("what checkpoint {checkpoint} changed");
            equal(&what, changes, model.changes(checkpoint))?;
        }
        Ok(())
    }
}

/// A thread that is written to, and what must be found in it.
pub(super) struct Written<K> {
    pub(super) thread: Thread<K>,
    pub(super) lease: Lease,
    pub(super) model: Model,
}

impl<K: Checkpointer> Written<K> {
    /// Writes a checkpoint that follows the head.
    pub(super) async fn step(&mut self, changes: &[Change]) -> Verdict {
        self.commit(self.model.step(changes)).await
    }

    /// Writes a checkpoint that follows an older one.
    pub(super) async fn fork(&mut self, from: u64, changes: &[Change]) -> Verdict {
        self.commit(self.model.fork(Some(from), changes)).await
    }

    pub(super) async fn commit(&mut self, commit: Commit) -> Verdict {
        self.model.commit(&commit);
        Ok(self.thread.commit(&self.lease, commit).await?)
    }

    pub(super) async fn put(&mut self, checkpoint: u64, entries: Vec<EntryRecord>) -> Verdict {
        self.model.put(checkpoint, &entries);
        Ok(self.thread.put(&self.lease, checkpoint, entries).await?)
    }

    /// Compares all that can be read of the thread with what was written.
    pub(super) async fn check(&self) -> Verdict {
        self.thread.is(&self.model).await
    }
}
