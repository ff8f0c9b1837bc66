//! A task whose run is watched, from its start to its end.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::Watch;
use crate::event::{EventKind, Kinds, Phase, Spot};
use crate::node::{EventValue, NodeError, Outcome, Place};
use crate::run::attempt::Ended;
use crate::state::State;

/// Tells of a task. If it is dropped before the task's end, the task was
/// cancelled.
pub(crate) struct WatchedTask {
    watch: Arc<Watch>,
    at: Spot,
    has_ended: bool,
}

impl WatchedTask {
    /// A task is about to start.
    pub(crate) fn new(watch: &Arc<Watch>, place: Place) -> Self {
        Self {
            watch: Arc::clone(watch),
            at: Spot::of(place),
            // It has not begun.
            has_ended: true,
        }
    }

    /// A task has started.
    pub(crate) fn begun(watch: &Arc<Watch>, at: Spot) -> Self {
        Self {
            watch: Arc::clone(watch),
            at,
            has_ended: false,
        }
    }

    /// An attempt begins, after these waits.
    pub(crate) async fn starts(&mut self, attempt: u32, waits: &[Phase]) {
        self.watch.room().await;
        self.at.attempt = attempt;
        if !waits.is_empty() {
            let waits = waits.into();
            self.watch.tell(self.at, EventKind::TaskWaited { waits });
            self.watch.room().await;
        }
        self.watch.tell(self.at, EventKind::TaskStarted);
        self.has_ended = false;
    }

    /// The task did not run: it was known that it ends like this.
    pub(crate) async fn was_known<S: State>(mut self, ended: &Ended<S>) {
        self.watch.room().await;
        self.at.attempt = 0;
        match ended {
            Ok(done) if self.watch.wants(Kinds::UPDATES | Kinds::TASKS) => {
                let update = update_of(&done.outcome);
                self.watch.tell(self.at, EventKind::TaskCached { update });
            }
            Ok(_) => {}
            Err(failed) => self.watch.failed(self.at, &failed.error),
        }
    }

    /// The attempt has failed, and another follows.
    pub(crate) fn retries(&self, error: Arc<str>, delay: Duration) {
        self.watch
            .tell(self.at, EventKind::TaskRetried { error, delay });
    }

    /// The last attempt has failed, and the fallback follows.
    pub(crate) fn falls_back(&self, error: Arc<str>) {
        self.watch.tell(self.at, EventKind::TaskFallback { error });
    }

    /// What is told of an error, if somebody wants to know.
    pub(crate) fn text(&self, error: &NodeError) -> Option<Arc<str>> {
        let wanted = self.watch.wants(Kinds::TASKS);
        wanted.then(|| with_causes(error.as_error()))
    }

    /// The task has ended.
    pub(crate) async fn ends<S: State>(mut self, ended: &Ended<S>) {
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

impl Drop for WatchedTask {
    fn drop(&mut self) {
        if !self.has_ended {
            self.watch.tell(self.at, EventKind::TaskCancelled);
        }
    }
}

impl Watch {
    /// A task has succeeded.
    pub(crate) fn finished<S: State>(&self, at: Spot, outcome: &Outcome<S>) {
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
pub(crate) fn finished<S: State>(outcome: &Outcome<S>) -> EventKind {
    EventKind::TaskFinished {
        update: update_of(outcome),
    }
}

fn update_of<S: State>(outcome: &Outcome<S>) -> Option<EventValue> {
    let update = outcome.update.clone();
    update.map(|update| EventValue::new(Arc::new(update)))
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
