//! What is special about an agent, where its state keeps more than what is said.

use superstep_core::{NodeError, State};

use super::Called;

/// What an agent adds to its turns. Whatever it leaves out is nothing.
pub(crate) trait Special<S: State>: Send + Sync {
    /// What is written as the agent begins; nothing, if it is at work already.
    fn begins(&self, _: &S) -> Option<S::Update> {
        None
    }

    /// What is written of whom it has handed on to.
    fn hands_on(&self, _to: String) -> S::Update {
        S::Update::default()
    }

    /// What is written beside the results of calls.
    fn beside(&self, _: &Called) -> Option<S::Update> {
        None
    }

    /// Whether it is left by these calls: what it says beside them is then its answer.
    fn is_left_by(&self, _: &Called) -> bool {
        false
    }

    /// What is written so that [`is_given`](Self::is_given) knows, once the program
    /// has given its answer, and no model.
    fn gives(&self) -> S::Update {
        S::Update::default()
    }

    fn is_given(&self, _: &S) -> bool {
        false
    }

    /// What is written when the answer that was given is kept.
    fn keeps(&self) -> S::Update {
        S::Update::default()
    }

    /// The error with which it is left without an answer.
    fn fails(&self, error: NodeError) -> NodeError {
        error
    }
}

/// An agent about which nothing is special.
pub(super) struct Plain;

impl<S: State> Special<S> for Plain {}
