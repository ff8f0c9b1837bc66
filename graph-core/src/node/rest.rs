//! Rests: for how long a service gives nothing, whoever asks; and when a rate was
//! used up.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Until when nothing is given.
#[derive(Debug, Default)]
pub(crate) struct Rest(Mutex<Option<Instant>>);

impl Rest {
    /// Rests for so long from now on, or for longer if it does already.
    pub(crate) fn rest(&self, wait: Duration) {
        // What never ends bounds nothing any more, and is not meant.
        if let Some(end) = Instant::now().checked_add(wait) {
            let mut until = self.0.lock();
            *until = (*until).max(Some(end));
        }
    }

    /// How long it still rests.
    pub(crate) fn left(&self) -> Option<Duration> {
        let until = *self.0.lock();
        let left = until?.saturating_duration_since(Instant::now());
        Some(left).filter(|left| !left.is_zero())
    }
}

/// When a rate had no room for who was the next to go.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UsedUp {
    /// For how long in all.
    pub(crate) total: Duration,
    /// Until when the last time.
    pub(crate) until: Option<Instant>,
}
