//! The time that timeouts count: it stands still while whoever reads is elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use superstep_core::CurrentTask;
use tokio::time::Instant;

/// The time of one call.
pub(super) struct Time {
    /// Of a run, whose events somebody may read.
    task: Option<CurrentTask>,
    /// For how long the call's own reader was elsewhere, in nanoseconds.
    away: AtomicU64,
}

impl Time {
    pub(super) fn new(task: Option<CurrentTask>) -> Self {
        let away = AtomicU64::new(0);
        Self { task, away }
    }

    /// Now, without the time that does not count.
    pub(super) fn now(&self) -> Instant {
        let now = Instant::now();
        let held_up = self.task.as_ref().map(CurrentTask::held_up);
        let away = Duration::from_nanos(self.away.load(Ordering::Relaxed));
        now.checked_sub(held_up.unwrap_or_default() + away)
            .unwrap_or(now)
    }
}

/// Whoever reads what a call comes to, piece by piece, and polls it.
pub(super) struct Reader {
    time: Arc<Time>,
    /// When they went elsewhere.
    left: Option<Instant>,
}

impl Reader {
    pub(super) fn new(time: Arc<Time>) -> Self {
        Self { time, left: None }
    }

    pub(super) fn leaves(&mut self) {
        // In the time that counts, so that nothing is taken off twice.
        self.left = Some(self.time.now());
    }

    pub(super) fn is_back(&mut self) {
        if let Some(left) = self.left.take() {
            let away = self.time.now().saturating_duration_since(left).as_nanos();
            let away = u64::try_from(away).unwrap_or(u64::MAX);
            self.time.away.fetch_add(away, Ordering::Relaxed);
        }
    }
}
