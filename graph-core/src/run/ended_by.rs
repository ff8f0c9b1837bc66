//! What ended an attempt, also where that was inside a graph that is a node.

use std::error::Error;

use super::error::RunError;
use crate::node::{NodeError, Panicked, TimedOut};

impl NodeError {
    /// Whether an attempt ran into its node's `.timeout(..)` or
    /// `.idle_timeout(..)`. Of a node that is a graph, also whether an attempt
    /// inside it did and the graph has failed of it, or the graph ran into its own
    /// `run_timeout` or `superstep_timeout`.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        let cause = cause(self);
        cause.is::<TimedOut>() || matches!(cause.downcast_ref(), Some(RunError::TimedOut { .. }))
    }

    /// Whether the node panicked, or, where it is a graph, the node inside it of
    /// which it has failed.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        cause(self).is::<Panicked>()
    }
}

/// The error, or that of the innermost node of which graphs have failed.
fn cause(error: &NodeError) -> &(dyn Error + 'static) {
    let mut cause: &(dyn Error + 'static) = error.as_error();
    while let Some(RunError::Node { source, .. }) = cause.downcast_ref() {
        cause = &**source;
    }
    cause
}
