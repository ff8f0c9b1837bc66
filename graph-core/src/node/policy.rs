//! The policies a node runs under, as data.

use std::time::Duration;

use super::Retry;

/// What may happen to a task around its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) defer: bool,
    pub(crate) destinations: Option<Vec<String>>,
    pub(crate) writes: Option<Vec<String>>,
    /// Names that the node had before.
    pub(crate) aliases: Vec<String>,
}
