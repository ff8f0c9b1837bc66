//! Rates: how much may go on in a time. What measures one stays behind a trait.

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Usage, UsedUp};
use crate::slots::Slots;

/// How much may go on in a time.
pub(crate) struct Rate {
    /// What it counts: `tokens` or `calls`.
    pub(crate) what: &'static str,
    /// How many of these there are.
    pub(crate) of: fn(&Usage) -> u64,
    /// So many at once at the most.
    pub(crate) burst: u32,
    /// For who is the next to go: one at a time, first come, first served.
    pub(crate) line: Slots,
    pub(crate) used_up: Mutex<UsedUp>,
    pub(crate) meter: Box<dyn Meter>,
}

/// Measures a rate.
pub(crate) trait Meter: Send + Sync {
    /// Takes so many, from 1 to the burst, or else says how long to wait before
    /// asking again.
    fn take(&self, n: u32) -> Result<(), Duration>;
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rate")
            .field("what", &self.what)
            .field("burst", &self.burst)
            .finish_non_exhaustive()
    }
}

/// More was asked of a limiter at once than it ever gives. No other attempt is
/// made after it, whatever the node's retry policy says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{asked} {what} were asked of a limiter that gives {burst} at once at the most")]
#[non_exhaustive]
pub struct ExceedsBurst {
    /// What was asked for: `tokens` or `calls`.
    pub what: &'static str,
    /// How many.
    pub asked: u64,
    /// The most that the limiter gives at once.
    pub burst: u32,
}
