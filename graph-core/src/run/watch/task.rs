//! A task whose run is watched, from its start to its end.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::Watch;
use crate::event::{EventKind, Kinds, Spot};
use crate::node::{NodeError, Outcome, Place};
use crate::run::attempt::Ended;
use crate::state::State;

/// Tells of a task. If it is dropped before the task's end, the task was
/// cancelled.
pub(crate) struct WatchedTask<S: State> {
    watch: Arc<Watch<S>>,
    at: Spot,
    has_ended: bool,
}

impl<S: State> WatchedTask<S> {
    /// A task is about to start.
    pub(crate) fn new(watch: &Arc<Watch<S>>, place: Place) -> Self {
        Self {
            watch: Arc::clone(watch),
            at: Spot::of(place),
            // It has not begun.
            has_ended: true,
        }
    }

    /// A task has started.
    pub(crate) fn begun(watch: &Arc<Watch<S>>, at: Spot) -> Self {
        Self {
            watch: Arc::clone(watch),
            at,
            has_ended: false,
        }
    }

    /// An attempt begins.
    pub(crate) async fn starts(&mut self, attempt: u32) {
        self.watch.room().await;
        self.at.attempt = attempt;
        self.watch.tell(self.at, EventKind::TaskStarted);
        self.has_ended = false;
    }

    /// The attempt has failed, and another follows.
    pub(crate) fn retries(&self, error: &NodeError, delay: Duration) {
        if self.watch.wants(Kinds::TASKS) {
            let error = with_causes(error.as_error());
            self.watch
                .tell(self.at, EventKind::TaskRetried { error, delay });
        }
    }

    /// The task has ended.
    pub(crate) async fn ends(mut self, ended: &Ended<S>) {
        self.watch.room().await;
        self.has_ended = true;
        match ended {
            Ok(done) if done.paused => self.watch.tell(self.at, EventKind::TaskPaused),
            Ok(done) if !done.has_succeeded() => self.watch.tell(self.at, EventKind::TaskCancelled),
            Ok(done) => self.watch.finished(self.at, &done.outcome),
            Err(failed) => self.watch.failed(self.at, &failed.error),
        }
    }
}

impl<S: State> Drop for WatchedTask<S> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.watch.tell(self.at, EventKind::TaskCancelled);
        }
    }
}

impl<S: State> Watch<S> {
    /// A task has succeeded.
    pub(crate) fn finished(&self, at: Spot, outcome: &Outcome<S>) {
        if self.wants(Kinds::UPDATES | Kinds::TASKS) {
            self.tell(at, finished(outcome));
        }
    }

    /// A task has failed for good.
    pub(crate) fn failed(&self, at: Spot, error: &NodeError) {
        if self.wants(Kinds::TASKS) {
            let error = with_causes(error.as_error());
            self.tell(at, EventKind::TaskFailed { error });
        }
    }
}

/// A task has succeeded.
pub(crate) fn finished<S: State>(outcome: &Outcome<S>) -> EventKind<S> {
    EventKind::TaskFinished {
        update: outcome.update.clone().map(Arc::new),
    }
}

/// An error's message and those of its causes, joined by colons.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> Arc<str> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing into a string does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text.into()
}

impl Spot {
    pub(crate) fn of(place: Place) -> Self {
        Self {
            superstep: place.superstep,
            task: Some((place.node, place.send)),
            attempt: place.attempt,
        }
    }
}
