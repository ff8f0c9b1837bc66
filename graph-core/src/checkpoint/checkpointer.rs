//! The trait of what keeps threads, and its object-safe twin.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::{CheckpointError, CheckpointRecord, Commit, EntryRecord, FieldRecord, Loaded};
use crate::id::{CheckpointId, ThreadId};

/// Keeps threads: in memory, in a file, in a database.
///
/// Seven rules hold for every implementation, and `checkpointer_kit!` judges one
/// by them:
///
/// 1. A thread is a row of checkpoints, numbered from 1 without a gap. The last
///    one written is its head.
/// 2. [`commit`](Self::commit) writes all of a checkpoint or nothing, and only
///    onto the head before it.
/// 3. [`load`](Self::load) finds each field's newest value at a checkpoint, and
///    what was added since, along the checkpoint's line and on along the
///    parent of the line's first. Where that first is gone, or has no parent,
///    there is nothing older.
/// 4. Entries belong to a checkpoint; one of the same task and key takes the
///    place of the one before, also within one call. Taking away what is not
///    there is done already.
/// 5. Of two that want to write to a thread, one has the lease. Tokens of a
///    thread only grow, also after it was deleted, and a write under a token
///    that is not the newest is [`Stale`](CheckpointError::Stale). A lease whose
///    time is over, and which nobody took since, still writes.
/// 6. Text comes back byte for byte; it is never looked into. Names and texts
///    may hold any character.
/// 7. Names and keys are ordered by their bytes.
///
/// # Cancel safety
///
/// A future that is dropped before its end has done all of what it was asked,
/// or nothing; it may still do so afterwards, but not once another has the
/// lease.
pub trait Checkpointer: Send + Sync + 'static {
    /// Takes the thread's lease; there need be no checkpoint yet.
    ///
    /// # Errors
    ///
    /// [`Busy`](CheckpointError::Busy) when another holds the lease, has not
    /// let it end, and the claim does not take it over.
    fn acquire(
        &self,
        thread: &ThreadId,
        claim: Claim,
    ) -> impl Future<Output = Result<Lease, CheckpointError>> + Send;

    /// Makes the lease last for `lasts` from now on.
    ///
    /// # Errors
    ///
    /// [`Stale`](CheckpointError::Stale) when somebody took it over.
    fn renew(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        lasts: Duration,
    ) -> impl Future<Output = Result<(), CheckpointError>> + Send;

    /// Gives the lease back. One that was taken over is nothing to give back,
    /// and no error.
    ///
    /// # Errors
    ///
    /// When the store fails.
    fn release(
        &self,
        thread: &ThreadId,
        lease: &Lease,
    ) -> impl Future<Output = Result<(), CheckpointError>> + Send;

    /// Gives the lease back where nobody can wait for it, since the run was
    /// dropped. It may do nothing, and must not block: the lease ends by
    /// itself.
    fn abandon(&self, thread: &ThreadId, lease: &Lease) {
        let _ = (thread, lease);
    }

    /// Writes a checkpoint onto the thread's head.
    ///
    /// # Errors
    ///
    /// [`Stale`](CheckpointError::Stale) when the lease was taken over, or the
    /// head is not the one before.
    fn commit(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        commit: Commit,
    ) -> impl Future<Output = Result<(), CheckpointError>> + Send;

    /// Writes entries of a checkpoint; one without JSON is taken away.
    ///
    /// # Errors
    ///
    /// [`Stale`](CheckpointError::Stale) when the lease was taken over.
    fn put_entries(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        checkpoint: CheckpointId,
        entries: Vec<EntryRecord>,
    ) -> impl Future<Output = Result<(), CheckpointError>> + Send;

    /// A checkpoint with all that is needed to go on from it: that of this
    /// number, or the head. `None` if there is none.
    ///
    /// # Errors
    ///
    /// When the store fails, or what is in it is no record.
    fn load(
        &self,
        thread: &ThreadId,
        checkpoint: Option<CheckpointId>,
    ) -> impl Future<Output = Result<Option<Loaded>, CheckpointError>> + Send;

    /// The checkpoints before that one, or all, newest first, so many at the
    /// most.
    ///
    /// # Errors
    ///
    /// When the store fails, or what is in it is no record.
    fn list(
        &self,
        thread: &ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<CheckpointRecord>, CheckpointError>> + Send;

    /// The changes that a checkpoint made to fields, by field.
    ///
    /// # Errors
    ///
    /// When the store fails, or what is in it is no record.
    fn changes(
        &self,
        thread: &ThreadId,
        checkpoint: CheckpointId,
    ) -> impl Future<Output = Result<Vec<FieldRecord>, CheckpointError>> + Send;

    /// The threads that have checkpoints and come after that one, or all, by
    /// name, so many at the most.
    ///
    /// # Errors
    ///
    /// When the store fails.
    fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ThreadId>, CheckpointError>> + Send;

    /// Copies a thread with all its checkpoints and entries, but not its lease.
    ///
    /// # Errors
    ///
    /// [`Exists`](CheckpointError::Exists) when there are checkpoints under the
    /// other name.
    fn copy(
        &self,
        from: &ThreadId,
        to: &ThreadId,
    ) -> impl Future<Output = Result<(), CheckpointError>> + Send;

    /// Deletes a thread, with its lease. What is not there is deleted already.
    ///
    /// # Errors
    ///
    /// [`Stale`](CheckpointError::Stale) when the lease was taken over.
    fn delete(
        &self,
        thread: &ThreadId,
        lease: &Lease,
    ) -> impl Future<Output = Result<(), CheckpointError>> + Send;
}

/// A wish for a thread's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// How long the lease lasts unless it is renewed.
    pub lasts: Duration,
    /// Whether to take it from one who holds it.
    pub takes_over: bool,
}

/// The right to write to a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Greater than that of every lease of the thread before.
    pub token: u64,
    /// The thread's head when the lease was taken.
    pub head: Option<CheckpointId>,
    /// The token under which the head was written; 0 if there is none.
    pub head_token: u64,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CheckpointError>> + Send + 'a>>;

/// Declares the object-safe twin of [`Checkpointer`], which every one of them
/// has, from one list of its methods.
macro_rules! twin {
    ($($method:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        pub(crate) trait DynCheckpointer: Send + Sync {
            $(fn $method<'a>(&'a self, $($argument: $type),*) -> Answer<'a, $output>;)*

            fn abandon(&self, thread: &ThreadId, lease: &Lease);
        }

        impl<K: Checkpointer> DynCheckpointer for K {
            $(fn $method<'a>(&'a self, $($argument: $type),*) -> Answer<'a, $output> {
                Box::pin(Checkpointer::$method(self, $($argument),*))
            })*

            fn abandon(&self, thread: &ThreadId, lease: &Lease) {
                Checkpointer::abandon(self, thread, lease);
            }
        }
    };
}

twin! {
    acquire(thread: &'a ThreadId, claim: Claim) -> Lease;
    renew(thread: &'a ThreadId, lease: &'a Lease, lasts: Duration) -> ();
    release(thread: &'a ThreadId, lease: &'a Lease) -> ();
    commit(thread: &'a ThreadId, lease: &'a Lease, commit: Commit) -> ();
    put_entries(
        thread: &'a ThreadId,
        lease: &'a Lease,
        checkpoint: CheckpointId,
        entries: Vec<EntryRecord>
    ) -> ();
    load(thread: &'a ThreadId, checkpoint: Option<CheckpointId>) -> Option<Loaded>;
    list(
        thread: &'a ThreadId,
        before: Option<CheckpointId>,
        limit: usize
    ) -> Vec<CheckpointRecord>;
    changes(thread: &'a ThreadId, checkpoint: CheckpointId) -> Vec<FieldRecord>;
    threads(after: Option<&'a ThreadId>, limit: usize) -> Vec<ThreadId>;
    copy(from: &'a ThreadId, to: &'a ThreadId) -> ();
    delete(thread: &'a ThreadId, lease: &'a Lease) -> ();
}
