//! The policies a node runs under, as data.

use std::time::Duration;

use super::Retry;

/// What may happen to a task around its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    /// After what time an attempt is made twice.
    pub(crate) hedge: Option<Duration>,
    /// Whether the node may run twice at once.
    pub(crate) idempotent: bool,
    pub(crate) defer: bool,
    pub(crate) destinations: Option<Vec<String>>,
    pub(crate) writes: Option<Vec<String>>,
    /// Names that the node had before.
    pub(crate) aliases: Vec<String>,
}

impl Policy {
    /// Without what says that there is no policy.
    pub(crate) fn settled(mut self) -> Self {
        self.retry = self.retry.filter(|retry| !retry.is_last(1));
        let ends = |timeout: &Duration| *timeout < Duration::MAX;
        self.timeout = self.timeout.filter(ends);
        self.idle_timeout = self.idle_timeout.filter(ends);
        self.hedge = self.hedge.filter(ends);
        self
    }

    /// Whether nothing is to be done around the one attempt.
    pub(crate) fn is_plain(&self) -> bool {
        self.retry.is_none()
            && self.timeout.is_none()
            && self.idle_timeout.is_none()
            && self.hedge.is_none()
    }
}
