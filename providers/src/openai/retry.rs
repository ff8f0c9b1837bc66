//! How often something is tried, and how long to wait in between. This is the
//! only layer that tries again: async-openai's own is not in use.
//!
//! 1. Tried again is what may go better, unless the provider says that it will
//!    not, and what the provider says may.
//! 2. The wait is at least the one that the provider asks for. One that is longer
//!    than the most ends the trying.
//! 3. Without such a one, waits double.
//! 4. Each is spread by chance, so that many who failed at once do not come back at
//!    once: one that was asked for is made longer, up to the most, and any other
//!    shorter.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use superstep_core::Retryable as _;

use crate::ModelError;

/// By what part of it a wait is spread.
const SPREAD: f64 = 0.25;

/// What is doubled at the most.
const MOST_DOUBLINGS: u32 = 16;

#[derive(Debug, Clone)]
pub(super) struct Tries {
    pub(super) attempts: u32,
    pub(super) delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) max_retry_after: Duration,
    pub(super) seed: Option<u64>,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            attempts: 3,
            delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(8),
            max_retry_after: Duration::from_secs(60),
            seed: None,
        }
    }
}

impl Tries {
    /// What the waits of one call are spread by.
    pub(super) fn chance(&self, body: &str) -> u64 {
        let Some(seed) = self.seed else {
            return RandomState::new().hash_one(body);
        };
        // FNV-1a: the same for the same body, in every process.
        body.bytes()
            .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
    }

    /// How long to wait after that attempt, from 1, has failed; none when there is
    /// to be no other.
    pub(super) fn wait(&self, error: &ModelError, attempt: u32, chance: u64) -> Option<Duration> {
        let asked = error.retry_after().filter(|wait| !wait.is_zero());
        let is_long = asked.is_some_and(|wait| wait > self.max_retry_after);
        if !error.is_retryable() || is_long || attempt >= self.attempts {
            return None;
        }
        let chance = fraction(chance, attempt);
        Some(match asked {
            Some(wait) => {
                let spread = wait.mul_f64(SPREAD * chance);
                wait.saturating_add(spread).min(self.max_retry_after)
            }
            None => self.doubled(attempt, chance),
        })
    }

    fn doubled(&self, attempt: u32, chance: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(MOST_DOUBLINGS);
        let wait = self.delay.saturating_mul(1 << doublings);
        wait.min(self.max_delay).mul_f64(1.0 - SPREAD * chance)
    }
}

/// From 0 to 1, by chance.
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
fn fraction(chance: u64, attempt: u32) -> f64 {
    // One step of SplitMix64.
    let mut z = chance.wrapping_add(u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
