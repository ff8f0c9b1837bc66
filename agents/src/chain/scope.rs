//! What the steps of one call of a chain have in common: a bound for all of
//! them, and where they tell of what they have so far.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::ChainError;
use super::tell::{Tell, Telling};

/// How many models and steps are at work at once in a call, unless something
/// else is set.
pub(super) const AT_ONCE: usize = 100;

/// What a step is told of the call that it is in.
#[derive(Clone)]
pub(super) struct Scope {
    limit: Arc<Limit>,
    tell: Option<Tell>,
}

struct Limit {
    permits: Semaphore,
    at_once: usize,
}

impl Scope {
    pub(super) fn new(at_once: usize, tell: Option<Tell>) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        let permits = Semaphore::new(at_once);
        Self {
            limit: Arc::new(Limit { permits, at_once }),
            tell,
        }
    }

    /// How many may be at work at once.
    pub(super) fn at_once(&self) -> usize {
        self.limit.at_once
    }

    /// The right to be at work. Only what holds nothing else waits for it: a step
    /// that is made of others leaves that to them, so that nothing is stuck.
    pub(super) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.limit.permits.acquire().await.ok()
    }

    /// Where the step tells of what it has so far, if anybody listens.
    pub(super) fn tell(&self) -> Option<&Tell> {
        self.tell.as_ref()
    }

    /// The same, in which nobody listens.
    pub(super) fn silent(&self) -> Self {
        Self {
            limit: Arc::clone(&self.limit),
            tell: None,
        }
    }

    /// The same for a branch of that number and name.
    pub(super) fn branch(&self, index: usize, name: &'static str) -> Self {
        Self {
            limit: Arc::clone(&self.limit),
            tell: self.tell.as_ref().map(|tell| tell.branch(index, name)),
        }
    }

    /// How many pieces were told so far.
    pub(super) fn told(&self) -> usize {
        self.tell.as_ref().map_or(0, Tell::told)
    }

    /// Tells of the whole, if somebody listens and its pieces do not add up to it.
    pub(super) fn whole<T: Serialize>(&self, value: &T) -> Result<Option<Telling<'_>>, ChainError> {
        match &self.tell {
            None => Ok(None),
            Some(tell) => tell.whole(value),
        }
    }
}
