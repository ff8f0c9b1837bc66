//! The policies a node runs under, as data.

use std::time::Duration;

use super::cache::CacheRule;
use super::limiter::Gates;
use super::{Retry, Usage};

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
    /// How many tasks of the node may be at work at once in a run.
    pub(crate) max_concurrency: Option<usize>,
    pub(crate) gates: Gates,
    pub(crate) cache: Option<CacheRule>,
    /// What each attempt reserves of the run's budget.
    pub(crate) reserves: Option<Usage>,
    pub(crate) defer: bool,
    pub(crate) destinations: Option<Vec<String>>,
    pub(crate) writes: Option<Vec<String>>,
    /// Names that the node had before.
    pub(crate) aliases: Vec<String>,
}

impl Policy {
    /// With the defaults where it says nothing, and without what says that there
    /// is no policy.
    pub(crate) fn settled(mut self, defaults: &NodeDefaults) -> Self {
        let NodeDefaults(defaults) = defaults;
        self.retry = self.retry.or_else(|| defaults.retry.clone());
        self.timeout = self.timeout.or(defaults.timeout);
        self.idle_timeout = self.idle_timeout.or(defaults.idle_timeout);
        self.hedge = self.hedge.or(defaults.hedge.filter(|_| self.idempotent));
        self.retry = self.retry.filter(|retry| !retry.is_last(1));
        let ends = |timeout: &Duration| *timeout < Duration::MAX;
        self.timeout = self.timeout.filter(ends);
        self.idle_timeout = self.idle_timeout.filter(ends);
        self.hedge = self.hedge.filter(ends);
        self
    }

    /// What is 0 of it and must not be.
    pub(crate) fn zeros(&self) -> Vec<Zero> {
        const LATE: &str = "every attempt would be late";
        let no_time = |time: Option<Duration>| time.is_some_and(|time| time.is_zero());
        let attempts = self.retry.as_ref().is_some_and(Retry::is_never);
        let ttl = self.cache.as_ref().and_then(|cache| cache.ttl);
        let own = [
            ("Retry::attempts", "it would never run", attempts),
            ("timeout", LATE, no_time(self.timeout)),
            ("idle_timeout", LATE, no_time(self.idle_timeout)),
            (
                "hedge",
                "every attempt would be made twice",
                no_time(self.hedge),
            ),
            (
                "max_concurrency",
                "it would never run",
                self.max_concurrency == Some(0),
            ),
            ("CachePolicy::ttl", "no result would be kept", no_time(ttl)),
        ];
        let own = own.into_iter().filter(|&(_, _, zero)| zero);
        let own = own.map(|(what, why, _)| Zero { what, why });
        own.chain(self.gates.zeros.iter().copied()).collect()
    }

    /// Whether nothing is to be done around the one attempt.
    pub(crate) fn is_plain(&self) -> bool {
        self.retry.is_none()
            && self.timeout.is_none()
            && self.idle_timeout.is_none()
            && self.hedge.is_none()
            && !self.is_limited()
    }

    /// Whether something is done before an attempt begins.
    fn is_limited(&self) -> bool {
        self.max_concurrency.is_some()
            || !self.gates.is_empty()
            || self.cache.is_some()
            || self.reserves.is_some()
    }
}

/// A number that is 0, and that there is no use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zero {
    /// The method that was given it.
    pub(crate) what: &'static str,
    /// What it would come to.
    pub(crate) why: &'static str,
}

/// The policies of nodes that set none of their own; see
/// [`StateGraph::node_defaults`](crate::StateGraph::node_defaults).
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct NodeDefaults(Policy);

impl NodeDefaults {
    /// What is 0 of them and must not be.
    pub(crate) fn zeros(&self) -> Vec<Zero> {
        self.0.zeros()
    }

    /// Tries again after a failure; a node's own `Retry::attempts(1)` is the way
    /// out.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = Some(retry);
        self
    }

    /// Ends each attempt that takes longer than that; a node's own
    /// `.timeout(Duration::MAX)` is the way out.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = Some(timeout);
        self
    }

    /// Ends each attempt that gives no sign of life for so long; a node's own
    /// `.idle_timeout(Duration::MAX)` is the way out.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.0.idle_timeout = Some(timeout);
        self
    }

    /// Makes attempts a second time that take longer than that, of those nodes
    /// that are `.idempotent()`; a node's own `.hedge(Duration::MAX)` is the way
    /// out.
    pub fn hedge(mut self, after: Duration) -> Self {
        self.0.hedge = Some(after);
        self
    }
}
