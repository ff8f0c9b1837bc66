//! Threads that were here lately: a run that finds its thread as the last one
//! left it need not read it again.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::fields::FieldLogs;
use super::line::Head;
use super::memory::Kept;
use crate::checkpoint::Lease;
use crate::id::ThreadId;

/// A thread as the last run left it.
pub(super) struct Warm<S> {
    pub(super) head: Head,
    /// The token under which the head was written.
    pub(super) token: u64,
    pub(super) state: S,
    pub(super) logs: FieldLogs,
    /// The ephemeral fields that hold something.
    pub(super) held: Vec<String>,
    /// What graphs inside remember.
    pub(super) memories: Kept,
}

/// The threads that were here lately, the latest last.
pub(super) struct WarmThreads<S>(Mutex<VecDeque<(ThreadId, Warm<S>)>>);

impl<S> Default for WarmThreads<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S> WarmThreads<S> {
    /// Takes the thread out, if it is as the lease found it.
    pub(super) fn take(&self, thread: &ThreadId, lease: &Lease) -> Option<Warm<S>> {
        let mut threads = self.0.lock();
        let at = threads.iter().position(|(id, _)| id == thread)?;
        let (_, warm) = threads.remove(at)?;
        drop(threads);
        let same = lease.head == Some(warm.head.id) && lease.head_token == warm.token;
        same.then_some(warm)
    }

    /// Puts a thread in, in place of the one that was here longest ago if there
    /// are more than `most`.
    pub(super) fn put(&self, thread: ThreadId, warm: Warm<S>, most: usize) {
        let mut threads = self.0.lock();
        threads.retain(|(id, _)| *id != thread);
        threads.push_back((thread, warm));
        let oldest = (threads.len() > most).then(|| threads.pop_front());
        drop(threads);
        // Outside the lock: what users keep in a state may do anything.
        drop(oldest);
    }
}
