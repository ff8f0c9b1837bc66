//! What tasks leave while their superstep is at work, on its way to the
//! checkpointer: many tasks put it in, and the run takes it out in batches.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::checkpoint::EntryRecord;
use crate::node::{BoxError, BoxFuture, Keep};

/// Entries that are not written yet.
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    /// Rings when there is something to take out.
    bell: Notify,
    written: watch::Sender<Written>,
    /// Whether tasks at work are to stop.
    stopped: watch::Sender<bool>,
}

#[derive(Default)]
struct Waiting {
    entries: Vec<EntryRecord>,
    /// How many were ever put in.
    n_put: u64,
}

/// How far the writing has come.
#[derive(Clone, Copy, Default)]
struct Written {
    n_written: u64,
    /// Nothing will be written any more.
    closed: bool,
}

/// What was taken out together.
pub(super) struct Batch {
    pub(super) entries: Vec<EntryRecord>,
    until: u64,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            bell: Notify::new(),
            written: watch::Sender::new(Written::default()),
            stopped: watch::Sender::new(false),
        }
    }

    /// Puts entries in; returns the number to wait for.
    pub(super) fn put(&self, entries: impl IntoIterator<Item = EntryRecord>) -> u64 {
        let mut waiting = self.waiting.lock();
        let before = waiting.entries.len();
        waiting.entries.extend(entries);
        waiting.n_put += (waiting.entries.len() - before) as u64;
        let number = waiting.n_put;
        drop(waiting);
        self.bell.notify_one();
        number
    }

    /// Everything that is in it, if there is anything.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut waiting = self.waiting.lock();
        let entries = std::mem::take(&mut waiting.entries);
        (!entries.is_empty()).then_some(Batch {
            entries,
            until: waiting.n_put,
        })
    }

    /// A batch was written.
    pub(super) fn wrote(&self, batch_until: u64) {
        self.written
            .send_modify(|written| written.n_written = batch_until);
    }

    /// Returns once there may be something to take out.
    pub(super) async fn filled(&self) {
        self.bell.notified().await;
    }

    /// Tasks at work are to stop: what they leave cannot be written.
    pub(super) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Returns once tasks at work are to stop.
    pub(super) async fn stopped(&self) {
        let mut stopped = self.stopped.subscribe();
        // It cannot fail: the sender is in `self`.
        drop(stopped.wait_for(|stopped| *stopped).await);
    }

    /// Nothing will be written any more: whoever waits fails.
    pub(super) fn close(&self) {
        self.written.send_modify(|written| written.closed = true);
    }

    async fn until_written(&self, number: u64) -> Result<(), BoxError> {
        let mut written = self.written.subscribe();
        let done = |written: &Written| written.n_written >= number || written.closed;
        match written.wait_for(done).await.map(|written| *written) {
            Ok(written) if written.n_written >= number => Ok(()),
            _ => Err("the run ended before it was written".into()),
        }
    }
}

impl Batch {
    pub(super) fn until(&self) -> u64 {
        self.until
    }
}

/// Where a task's effects are kept.
pub(super) struct KeepInOutbox {
    pub(super) outbox: Arc<Outbox>,
    pub(super) task: String,
    /// Whether to wait until it is written.
    pub(super) waits: bool,
}

impl Keep for KeepInOutbox {
    fn keep(&self, key: &str, json: String) -> u64 {
        let entry = EntryRecord::new(&self.task, &format!("once/{key}"), Some(json));
        self.outbox.put([entry])
    }

    fn kept(&self, number: u64) -> BoxFuture<Result<(), BoxError>> {
        let outbox = Arc::clone(&self.outbox);
        let waits = self.waits;
        Box::pin(async move {
            if waits {
                outbox.until_written(number).await?;
            }
            Ok(())
        })
    }
}
