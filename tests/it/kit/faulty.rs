//! A checkpointer with one fault, over the one in memory.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use superstep::{
    CheckpointError, CheckpointId, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord,
    FieldRecord, Lease, Loaded, MemoryCheckpointer, ThreadId,
};

use tokio::runtime::Handle;

use super::fault::Fault;

pub(super) struct Faulty {
    pub(super) fault: Fault,
    pub(super) inner: MemoryCheckpointer,
    /// The newest lease of each thread.
    newest: Mutex<BTreeMap<ThreadId, Lease>>,
    /// What is taken off the tokens of a thread that was deleted.
    less: Mutex<BTreeMap<ThreadId, u64>>,
    abandoned: Mutex<Vec<ThreadId>>,
}

impl Faulty {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            fault,
            inner: MemoryCheckpointer::new(),
            newest: Mutex::default(),
            less: Mutex::default(),
            abandoned: Mutex::default(),
        }
    }

    pub(super) fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// The lease as the one inside gave it.
    fn inside(&self, thread: &ThreadId, lease: &Lease) -> Lease {
        let less = self.less.lock().expect("no panic").get(thread).copied();
        let token = lease.token + less.unwrap_or_default();
        Lease { token, ..*lease }
    }

    /// The thread's newest lease, whoever has it.
    fn newest(&self, thread: &ThreadId, lease: &Lease) -> Lease {
        let newest = self.newest.lock().expect("no panic").get(thread).copied();
        newest.unwrap_or(*lease)
    }

    /// The lease, or the newest in its place.
    fn lease(&self, thread: &ThreadId, lease: &Lease, with: Fault) -> Lease {
        if self.is(with) {
            self.newest(thread, lease)
        } else {
            self.inside(thread, lease)
        }
    }

    fn was_abandoned(&self, thread: &ThreadId) -> bool {
        self.abandoned.lock().expect("no panic").contains(thread)
    }

    fn name(&self, thread: &ThreadId) -> ThreadId {
        match self.fault {
            Fault::IgnoresCase => thread.to_lowercase().into(),
            Fault::TrimsNames => thread.trim().into(),
            Fault::CutsNamesOff => thread.chars().take(200).collect::<String>().into(),
            Fault::EndsNamesAtNul => thread.split('\0').next().unwrap_or_default().into(),
            _ => thread.clone(),
        }
    }
}

impl Checkpointer for Faulty {
    async fn acquire(&self, thread: &ThreadId, claim: Claim) -> Result<Lease, CheckpointError> {
        let thread = &self.name(thread);
        let mut claim = claim;
        match self.fault {
            Fault::AlwaysTakesOver => claim.takes_over = true,
            Fault::KeepsWhatWasAbandoned if self.was_abandoned(thread) && !claim.takes_over => {
                let free_in = claim.lasts;
                return Err(CheckpointError::Busy { free_in });
            }
            Fault::AddsToItsClock if Instant::now().checked_add(claim.lasts).is_none() => {
                resume_unwind(Box::new("overflow"));
            }
            Fault::NeverTakesOver => claim.takes_over = false,
            Fault::LeasesNeverEnd => claim.lasts = Duration::from_secs(7200),
            Fault::NoLeaseOfNoLength => claim.lasts = claim.lasts.max(Duration::from_secs(7200)),
            _ => {}
        }
        let claimed = self.inner.acquire(thread, claim).await;
        if self.is(Fault::CountsBeforeItLooks) && claimed.is_err() {
            let takes_over = true;
            self.inner
                .acquire(
                    thread,
                    Claim {
                        takes_over,
                        ..claim
                    },
                )
                .await?;
        }
        let mut lease = claimed.map_err(|error| match error {
            CheckpointError::Busy { .. } if self.is(Fault::SaysNotWhenItIsFree) => {
                let free_in = Duration::ZERO;
                CheckpointError::Busy { free_in }
            }
            error => error,
        })?;
        self.newest
            .lock()
            .expect("no panic")
            .insert(thread.clone(), lease);
        let less = self.less.lock().expect("no panic").get(thread).copied();
        lease.token -= less.unwrap_or_default();
        match self.fault {
            Fault::ForgetsWhoWroteTheHead => lease.head_token = 0,
            Fault::MakesUpAHeadsToken if lease.head.is_none() => lease.head_token = lease.token,
            Fault::ForgetsTheHead => lease.head = None,
            Fault::SaysItWroteTheHead if lease.head.is_some() => lease.head_token = lease.token,
            _ => {}
        }
        Ok(lease)
    }

    async fn renew(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        lasts: Duration,
    ) -> Result<(), CheckpointError> {
        let thread = &self.name(thread);
        let lease = self.lease(thread, lease, Fault::RenewsForAnybody);
        if self.is(Fault::RenewsNothing) {
            return self
                .inner
                .put_entries(thread, &lease, 1.into(), vec![])
                .await;
        }
        self.inner.renew(thread, &lease, lasts).await
    }

    async fn release(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        let thread = &self.name(thread);
        let lease = self.lease(thread, lease, Fault::ReleasesForAnybody);
        match self.fault {
            Fault::ReleasesNothing => Ok(()),
            Fault::ReleasesWithAnError => self.inner.renew(thread, &lease, Duration::ZERO).await,
            _ => self.inner.release(thread, &lease).await,
        }
    }

    fn abandon(&self, thread: &ThreadId, lease: &Lease) {
        let thread = &self.name(thread);
        if self.is(Fault::AbandonsInTheRuntime) && Handle::try_current().is_err() {
            resume_unwind(Box::new("there is no runtime"));
        }
        self.abandoned
            .lock()
            .expect("no panic")
            .push(thread.clone());
        let lease = self.lease(thread, lease, Fault::AbandonsForAnybody);
        self.inner.abandon(thread, &lease);
    }

    async fn commit(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        commit: Commit,
    ) -> Result<(), CheckpointError> {
        let thread = &self.name(thread);
        let lease = self.lease(thread, lease, Fault::CommitsForAnybody);
        self.write(thread, &lease, self.bent(commit)).await
    }

    async fn put_entries(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        checkpoint: CheckpointId,
        entries: Vec<EntryRecord>,
    ) -> Result<(), CheckpointError> {
        let thread = &self.name(thread);
        let lease = self.lease(thread, lease, Fault::PutsForAnybody);
        self.put(thread, &lease, checkpoint, entries).await
    }

    async fn load(
        &self,
        thread: &ThreadId,
        checkpoint: Option<CheckpointId>,
    ) -> Result<Option<Loaded>, CheckpointError> {
        self.read(&self.name(thread), checkpoint).await
    }

    async fn list(
        &self,
        thread: &ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<CheckpointRecord>, CheckpointError> {
        self.listed(&self.name(thread), before, limit).await
    }

    async fn changes(
        &self,
        thread: &ThreadId,
        checkpoint: CheckpointId,
    ) -> Result<Vec<FieldRecord>, CheckpointError> {
        let thread = &self.name(thread);
        if self.is(Fault::ChangesAreAllThatIsLoaded) {
            let loaded = self.inner.load(thread, Some(checkpoint)).await?;
            return Ok(loaded.map_or(vec![], |loaded| loaded.fields));
        }
        self.inner.changes(thread, checkpoint).await
    }

    async fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> Result<Vec<ThreadId>, CheckpointError> {
        let leased: Vec<_> = self
            .newest
            .lock()
            .expect("no panic")
            .keys()
            .cloned()
            .collect();
        self.named(after, limit, leased).await
    }

    async fn copy(&self, from: &ThreadId, to: &ThreadId) -> Result<(), CheckpointError> {
        let (from, to) = (&self.name(from), &self.name(to));
        self.copied(from, to).await
    }

    async fn delete(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        let thread = &self.name(thread);
        let lease = self.lease(thread, lease, Fault::DeletesForAnybody);
        if self.is(Fault::DeletesNothing) {
            return Ok(());
        }
        if self.is(Fault::DeletesAllThatBeginAlike) {
            let named = self.inner.threads(None, usize::MAX).await?;
            for other in named
                .iter()
                .filter(|other| other.starts_with(thread.as_str()))
            {
                let lease = self.newest(other, &lease);
                self.inner.delete(other, &lease).await?;
            }
        }
        self.inner.delete(thread, &lease).await?;
        if self.is(Fault::UsesTokensAgain) {
            let last = self.newest(thread, &lease).token;
            self.less
                .lock()
                .expect("no panic")
                .insert(thread.clone(), last);
        }
        Ok(())
    }
}
