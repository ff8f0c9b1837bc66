//! Which kinds of events somebody wants.

use std::ops::BitOr;

/// A set of kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// None.
    pub const NONE: Self = Self(0);
    /// The state, at the end of each superstep in which something was written.
    pub const VALUES: Self = Self(1);
    /// What each task wrote, when it has finished.
    pub const UPDATES: Self = Self(1 << 1);
    /// Pieces of text, as nodes receive them from language models.
    pub const TOKENS: Self = Self(1 << 2);
    /// What nodes emit.
    pub const CUSTOM: Self = Self(1 << 3);
    /// Waits, starts, retries and ends of tasks.
    pub const TASKS: Self = Self(1 << 4);
    /// Begins and ends of the run and its supersteps, routes, checkpoints and
    /// questions.
    pub const PROGRESS: Self = Self(1 << 5);
    /// All.
    pub const ALL: Self = Self((1 << 6) - 1);

    /// Whether some kind is in both.
    #[inline]
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn of_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
