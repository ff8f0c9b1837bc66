//! What is wrong with how agents are put together.

use superstep_core::State;

use crate::tools::Toolbox;

/// All that is wrong with agents that are put together, as far as the graph that
/// they make cannot tell by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", mistakes.join("; "))]
pub struct PatternError {
    mistakes: Vec<String>,
}

impl PatternError {
    /// What is wrong, in the order of the agents.
    #[must_use]
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }
}

/// Mistakes that are collected.
#[derive(Default)]
pub(super) struct Mistakes(Vec<String>);

impl Mistakes {
    pub(super) fn toolbox<C, S: State>(&mut self, toolbox: &Toolbox<C, S>) {
        if let Err(error) = toolbox.clone().check() {
            self.0.extend_from_slice(error.mistakes());
        }
    }

    pub(super) fn check(self) -> Result<(), PatternError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(PatternError { mistakes: self.0 }),
        }
    }
}
