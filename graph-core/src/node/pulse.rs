//! Signs of life of a body.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When a body gave its last sign of life. To give one wakes nobody: whoever
/// watches looks again when the body would be taken for dead.
#[derive(Debug)]
pub(crate) struct Pulse {
    begin: Instant,
    /// In nanoseconds since then.
    last: AtomicU64,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            begin: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    pub(crate) fn beat(&self) {
        let since = nanos(self.begin.elapsed());
        self.last.fetch_max(since, Ordering::Relaxed);
    }

    /// It could give none for so long until now.
    pub(crate) fn put_off(&self, by: Duration) {
        let now = nanos(self.begin.elapsed());
        let later = |last: u64| Some(last.saturating_add(nanos(by)).min(now));
        // It never says that there is none.
        let _ = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }

    pub(crate) fn last(&self) -> Instant {
        self.begin + Duration::from_nanos(self.last.load(Ordering::Relaxed))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
