//! A thread that a run writes to: its lease, its head, and what is on its way
//! to the checkpointer.
//!
//! 1. One operation is at work at a time, in order: checkpoints, then entries
//!    of the last of them.
//! 2. Nothing that was begun is dropped before its end, unless the run is.
//! 3. The lease is renewed while tasks are at work.
//! 4. Where something could not be written, nothing after it is: entries would
//!    be those of a checkpoint that is not there.
//! 5. When it is dropped it lets the checkpointer know, which may give the
//!    lease back.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::super::error::RunError;
use super::options::Durability;
use super::outbox::{Batch, Outbox};
use super::squash::{squash, tidied};
use crate::checkpoint::{CheckpointError, Claim, Commit, DynCheckpointer, EntryRecord, Lease};
use crate::id::{CheckpointId, ThreadId};

/// How many checkpoints may be on their way while the run goes on.
const MOST_QUEUED: usize = 2;

pub(super) struct Line {
    pub(super) store: Arc<dyn DynCheckpointer>,
    pub(super) thread: ThreadId,
    pub(super) outbox: Arc<Outbox>,
    pub(super) durability: Durability,
    lease: Lease,
    lasts: Duration,
    renew_at: Instant,
    /// The newest checkpoint, written or on its way.
    pub(super) head: Option<Head>,
    queued: VecDeque<Commit>,
    /// Whether something could not be written: what follows it must not be.
    broken: bool,
    /// Whether the lease is there no more.
    released: bool,
    /// Is told of each checkpoint that was written.
    pub(super) on_written: Option<OnWritten>,
}

type OnWritten = Box<dyn Fn(CheckpointId) + Send + Sync>;

/// What follows needs to know of a checkpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) id: CheckpointId,
    pub(super) line: CheckpointId,
    pub(super) step: u64,
}

impl Line {
    pub(super) async fn acquire(
        store: Arc<dyn DynCheckpointer>,
        thread: ThreadId,
        claim: Claim,
        durability: Durability,
    ) -> Result<Self, RunError> {
        let lease = store.acquire(&thread, claim).await;
        let lease = lease.map_err(|error| failed(&thread, error))?;
        Ok(Self {
            store,
            thread,
            outbox: Arc::new(Outbox::new()),
            durability,
            lease,
            lasts: claim.lasts,
            renew_at: Instant::now() + claim.lasts / 3,
            head: None,
            queued: VecDeque::new(),
            broken: false,
            released: false,
            on_written: None,
        })
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    pub(super) fn failed(&self, error: CheckpointError) -> RunError {
        failed(&self.thread, error)
    }

    /// What names the superstep at work among all of all threads: a fork is
    /// another line.
    pub(super) fn place(&self) -> String {
        let (line, step) = self
            .head
            .map_or((0, 0), |head| (head.line.number(), head.step));
        format!("{}/{line}/{step}", self.thread)
    }

    /// The number of the checkpoint that comes next.
    pub(super) fn next_id(&self) -> CheckpointId {
        match self.queued.back() {
            Some(pending) if self.durability == Durability::Exit => pending.checkpoint.id,
            _ => CheckpointId::after(self.newest()),
        }
    }

    /// Whether what comes next follows another than the newest checkpoint.
    pub(super) fn forks(&self) -> bool {
        self.head.is_some_and(|head| Some(head.id) != self.newest())
    }

    /// The newest number that is taken, written or on its way.
    fn newest(&self) -> Option<CheckpointId> {
        let queued = self.queued.back().map(|commit| commit.checkpoint.id);
        queued.or(self.lease.head)
    }

    /// Writes a checkpoint, or puts it on its way.
    pub(super) async fn commit(&mut self, mut commit: Commit) -> Result<(), RunError> {
        self.head = Some(Head {
            id: commit.checkpoint.id,
            line: commit.checkpoint.line,
            step: commit.checkpoint.step,
        });
        // Whatever tasks have left is part of it now.
        drop(self.outbox.take());
        match self.durability {
            Durability::Sync => self.write(commit).await,
            Durability::Async => {
                self.queued.push_back(commit);
                self.drain(MOST_QUEUED).await
            }
            Durability::Exit => {
                if let Some(pending) = self.queued.pop_back() {
                    commit = squash(pending, commit);
                }
                self.queued.push_back(commit);
                Ok(())
            }
        }
    }

    async fn write(&mut self, commit: Commit) -> Result<(), RunError> {
        let (id, release) = (commit.checkpoint.id, commit.release);
        let written = self.store.commit(&self.thread, &self.lease, commit).await;
        self.notice(written)?;
        self.lease.head = Some(id);
        self.lease.head_token = self.lease.token;
        self.released = release;
        if let Some(tell) = &self.on_written {
            tell(id);
        }
        Ok(())
    }

    /// Writes queued checkpoints until at most so many are left.
    async fn drain(&mut self, left: usize) -> Result<(), RunError> {
        while self.queued.len() > left
            && let Some(mut commit) = self.queued.pop_front()
        {
            if self.durability == Durability::Exit {
                commit = tidied(commit);
            }
            self.write(commit).await?;
        }
        Ok(())
    }

    /// Everything that is on its way has come through when it returns, unless
    /// something before it has not.
    pub(super) async fn flush(&mut self) -> Result<(), RunError> {
        if self.broken {
            return Ok(());
        }
        let batch = self.outbox.take();
        if self.durability == Durability::Exit
            && let (Some(pending), Some(batch)) = (self.queued.back_mut(), &batch)
        {
            pending.entries.extend(batch.entries.iter().cloned());
            return self.drain(0).await;
        }
        self.drain(0).await?;
        match batch {
            Some(batch) => self.write_entries(batch).await,
            None => Ok(()),
        }
    }

    /// Writes entries of the newest checkpoint.
    pub(super) async fn put(&mut self, entries: Vec<EntryRecord>) -> Result<(), RunError> {
        if !entries.is_empty() {
            self.outbox.put(entries);
        }
        if self.durability == Durability::Exit && !self.queued.is_empty() {
            return Ok(());
        }
        self.flush().await
    }

    async fn write_entries(&mut self, batch: Batch) -> Result<(), RunError> {
        let Some(head) = self.head else {
            return Ok(());
        };
        let until = batch.until();
        let store = Arc::clone(&self.store);
        let put = store.put_entries(&self.thread, &self.lease, head.id, batch.entries);
        let put = put.await;
        self.notice(put)?;
        self.outbox.wrote(until);
        Ok(())
    }

    /// Notes whether something was written.
    fn notice(&mut self, written: Result<(), CheckpointError>) -> Result<(), RunError> {
        written.map_err(|error| {
            self.broken = true;
            self.queued.clear();
            self.failed(error)
        })
    }

    /// Gives the lease back; nothing is on its way any more.
    pub(super) async fn release(&mut self) -> Result<(), RunError> {
        if self.released {
            return Ok(());
        }
        let released = self.store.release(&self.thread, &self.lease).await;
        // Until here, a run that is dropped gives it back in another way.
        self.released = true;
        released.map_err(|error| self.failed(error))
    }

    /// Awaits `work`, writes what comes in meanwhile, and keeps the lease. If
    /// one of the two fails, tasks at work are stopped and awaited.
    pub(super) async fn alongside<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, RunError> {
        let (mut work, mut output) = (pin!(work), None);
        let served = self.serve(work.as_mut(), &mut output).await;
        if served.is_err() && output.is_none() {
            self.outbox.stop();
            // An effect must not wait for what will not be written.
            self.outbox.close();
            work.await;
        }
        served?;
        output.ok_or_else(|| unreachable!("it is served until there is an output"))
    }

    async fn serve<W: Future>(
        &mut self,
        mut work: Pin<&mut W>,
        output: &mut Option<W::Output>,
    ) -> Result<(), RunError> {
        while output.is_none() {
            if Instant::now() >= self.renew_at {
                meanwhile(self.renew(), work.as_mut(), output).await?;
            } else if let Some(commit) = self.next_queued() {
                meanwhile(self.write(commit), work.as_mut(), output).await?;
            } else if let Some(batch) = self.next_batch() {
                meanwhile(self.write_entries(batch), work.as_mut(), output).await?;
            } else {
                let outbox = Arc::clone(&self.outbox);
                let news = tokio::time::timeout_at(self.renew_at, outbox.filled());
                either(news, work.as_mut(), output).await;
            }
        }
        Ok(())
    }

    fn next_queued(&mut self) -> Option<Commit> {
        match self.durability {
            Durability::Exit => None,
            Durability::Sync | Durability::Async => self.queued.pop_front(),
        }
    }

    fn next_batch(&self) -> Option<Batch> {
        match self.durability {
            Durability::Exit => None,
            Durability::Sync | Durability::Async => self.outbox.take(),
        }
    }

    async fn renew(&mut self) -> Result<(), RunError> {
        self.renew_at = Instant::now() + self.lasts / 3;
        let renewed = self
            .store
            .renew(&self.thread, &self.lease, self.lasts)
            .await;
        renewed.map_err(|error| self.failed(error))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.outbox.close();
        if !self.released {
            self.store.abandon(&self.thread, &self.lease);
        }
    }
}

/// Polls `work` as long as `main` takes, and keeps its output if it ends.
async fn meanwhile<M: Future, W: Future>(
    main: M,
    mut work: Pin<&mut W>,
    output: &mut Option<W::Output>,
) -> M::Output {
    let mut main = pin!(main);
    poll_fn(|cx| {
        if output.is_none()
            && let Poll::Ready(ended) = work.as_mut().poll(cx)
        {
            *output = Some(ended);
        }
        main.as_mut().poll(cx)
    })
    .await
}

/// Returns when one of the two has ended.
async fn either<M: Future, W: Future>(
    other: M,
    mut work: Pin<&mut W>,
    output: &mut Option<W::Output>,
) {
    let mut other = pin!(other);
    poll_fn(|cx| {
        if let Poll::Ready(ended) = work.as_mut().poll(cx) {
            *output = Some(ended);
            return Poll::Ready(());
        }
        other.as_mut().poll(cx).map(|_| ())
    })
    .await;
}

/// What a checkpointer's failure is to a run.
pub(super) fn failed(thread: &ThreadId, error: CheckpointError) -> RunError {
    let thread = thread.clone();
    match error {
        CheckpointError::Busy { free_in } => RunError::ThreadBusy { thread, free_in },
        CheckpointError::Stale => RunError::Stale { thread },
        source => RunError::Checkpoint { thread, source },
    }
}
