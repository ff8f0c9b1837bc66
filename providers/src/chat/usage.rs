//! What an answer of a model has used.

use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};
use superstep_core::Usage;

/// The tokens that a call of a model has used.
///
/// `input` and `output` are all of them; the others say which of these were
/// special. What a provider does not report is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TokenUsage {
    /// Of what was sent.
    pub input: u64,
    /// Of what came back.
    pub output: u64,
    /// Of `input`, those that the provider had in its cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cached: u64,
    /// Of `input`, those that the provider put into its cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_written: u64,
    /// Of `output`, those that were thought and not said.
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning: u64,
    /// Of both, those that were sound.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio: u64,
}

impl TokenUsage {
    /// So many tokens sent and received.
    #[must_use]
    pub fn new(input: u64, output: u64) -> Self {
        Self {
            input,
            output,
            ..Self::default()
        }
    }

    /// Those sent and those received.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl Add for TokenUsage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cached: self.cached.saturating_add(other.cached),
            cache_written: self.cache_written.saturating_add(other.cache_written),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            audio: self.audio.saturating_add(other.audio),
        }
    }
}

impl Sum for TokenUsage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// What a budget counts of one call.
impl From<TokenUsage> for Usage {
    fn from(usage: TokenUsage) -> Self {
        Self::new().tokens(usage.total()).calls(1)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
