//! What looks like chance and can be done again.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use super::invocation::Invocation;
use crate::id::TaskId;
use crate::state::State;

/// Numbers from a seed: `SplitMix64` (Steele, Lea and Flood, 2014).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64, superstep: u64) -> Self {
        let mut chance = Self(seed);
        chance.mix(superstep);
        chance
    }

    /// One that an attempt of a task always finds.
    fn of_attempt(seed: u64, superstep: u64, task: &TaskId, attempt: u32) -> Self {
        let mut chance = Self::new(seed, superstep);
        task.node
            .as_str()
            .bytes()
            .for_each(|byte| chance.mix(byte.into()));
        chance.mix(task.send.map_or(0, |number| u64::from(number) + 1));
        chance.mix(attempt.into());
        chance
    }

    fn mix(&mut self, number: u64) {
        self.0 ^= self.next().wrapping_add(number);
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The seed of a run: given, or drawn when it is first needed, so that
/// processes that fail together do not come back together.
#[derive(Debug, Default, Clone)]
pub(super) struct Seed(OnceLock<u64>);

impl Seed {
    pub(super) fn new(given: Option<u64>) -> Self {
        Self(given.map_or_else(OnceLock::new, OnceLock::from))
    }

    /// That of a run inside a task: another for each.
    pub(super) fn inside(&self, superstep: u64, task: &TaskId) -> Self {
        let inside = |&seed: &u64| Chance::of_attempt(seed, superstep, task, 0).next();
        Self::new(self.0.get().map(inside))
    }

    /// A number from 0 to 1, the same for the same attempt under the same seed.
    pub(super) fn draw(&self, superstep: u64, task: &TaskId, attempt: u32) -> f64 {
        let seed = *self.0.get_or_init(|| RandomState::new().hash_one(0));
        let number = Chance::of_attempt(seed, superstep, task, attempt).next();
        // The 53 bits that a float holds.
        (number >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl<S: State, C, X> Invocation<S, C, X> {
    /// What the run's chance is drawn from, for
    /// [`Retry::jitter`](crate::Retry::jitter): waits are then the same each
    /// time. Without one, each run draws its own.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}
