//! Whose turn it is on the runtime: a run that computes lets others run.
//!
//! All that goes by a clock in how tasks are scheduled goes by tokio's. While that is
//! paused, as in tests, no time passes for who computes: then only what a run has done
//! decides, and two runs of the same go the same way, however busy the machine is.

use std::time::Duration;

use tokio::time::Instant;

/// How long a run goes on without letting others of the runtime run.
pub(super) const SLICE: Duration = Duration::from_micros(500);

/// How often a run that no time passes for goes on without letting others run.
const MOST_PASSES: u32 = 32;

/// Since when, and since how many passes, nobody else of the runtime had a turn.
pub(super) struct Turn {
    begin: Instant,
    passes: u32,
}

impl Turn {
    pub(super) fn begin() -> Self {
        Self {
            begin: Instant::now(),
            passes: 0,
        }
    }

    /// Lets others run, if it is their turn.
    pub(super) async fn pass(&mut self) {
        self.passes += 1;
        if self.passes > MOST_PASSES || self.begin.elapsed() > SLICE {
            tokio::task::yield_now().await;
            *self = Self::begin();
        }
    }
}
