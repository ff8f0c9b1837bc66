//! What bounds a run, as its call says it.

use super::invocation::Invocation;
use crate::node::Budget;
use crate::state::State;

impl<S: State, C, X> Invocation<S, C, X> {
    /// The most supersteps of this run, in place of the graph's limit.
    pub fn recursion_limit(mut self, supersteps: u64) -> Self {
        self.recursion_limit = Some(supersteps);
        self
    }

    /// The most tasks at work at once, in place of the graph's limit; 0 counts
    /// as 1.
    pub fn max_concurrency(mut self, tasks: usize) -> Self {
        self.max_concurrency = Some(tasks.max(1));
        self
    }

    /// What this run may use, together with all others that are given the same
    /// budget; see [`Budget`].
    ///
    /// It bounds what nodes reserve, by [`Ctx::reserve`](crate::Ctx::reserve) or
    /// [`reserves`](crate::NodeBuilder::reserves); when it is exhausted, these
    /// nodes fail.
    pub fn budget(mut self, budget: impl Into<Budget>) -> Self {
        self.budget = Some(budget.into());
        self
    }
}
