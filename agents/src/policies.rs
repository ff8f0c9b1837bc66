//! The policies of nodes that builders make.

use std::time::Duration;

use superstep_core::{Limiter, NodeBuilder, Retry, node};

/// The policies of a node.
#[derive(Clone, Default)]
pub(crate) struct Policies {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) limiter: Option<Limiter>,
}

impl Policies {
    pub(crate) fn is_none(&self) -> bool {
        let Self {
            timeout,
            retry,
            limiter,
        } = self;
        timeout.is_none() && retry.is_none() && limiter.is_none()
    }

    /// What is to be a node of a graph, with these policies.
    pub(crate) fn node<F>(&self, function: F) -> NodeBuilder<F> {
        let mut node = node(function);
        if let Some(timeout) = self.timeout {
            node = node.timeout(timeout);
        }
        if let Some(retry) = &self.retry {
            node = node.retry(retry.clone());
        }
        if let Some(limiter) = &self.limiter {
            node = node.limiter(limiter);
        }
        node
    }
}
