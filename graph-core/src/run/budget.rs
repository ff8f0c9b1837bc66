//! The budget of a run.

use super::invocation::Invocation;
use crate::node::Budget;
use crate::state::State;

impl<S: State, C, X> Invocation<S, C, X> {
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
