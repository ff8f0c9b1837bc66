//! How long the graphs may run that are built here.

/// The most supersteps of a run, unless it needs more.
const SUPERSTEPS: u64 = 1000;

/// The limit of a graph that something of its own bounds: so many rounds of so many
/// supersteps, and `more`.
pub(crate) fn supersteps(rounds: usize, each: usize, more: usize) -> u64 {
    let all = rounds.saturating_mul(each).saturating_add(more);
    u64::try_from(all).unwrap_or(u64::MAX).max(SUPERSTEPS)
}
