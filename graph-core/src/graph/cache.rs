//! What a builder records of the cache.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::StateGraph;
use crate::cache::{Cache, DynCache, Flights};
use crate::node::{Outcome, Workers, read_outcome, write_outcome};
use crate::state::State;

/// The cache of a graph, and how outcomes are written into it: a program whose
/// graphs have none does not contain that.
pub(crate) struct Caching<S: State> {
    pub(crate) store: Arc<dyn DynCache>,
    pub(crate) write: fn(u32, &Outcome<S>) -> serde_json::Result<String>,
    pub(crate) read: ReadOutcome<S>,
    pub(crate) flights: Flights,
    pub(crate) counts: CacheCounts,
}

type ReadOutcome<S> = fn(&str, &Workers<'_>) -> Result<(u32, Outcome<S>), String>;

/// How often which of these was.
#[derive(Default)]
pub(crate) struct CacheCounts {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) failures: AtomicU64,
}

impl<S: State, C: Send + Sync + 'static> StateGraph<S, C> {
    /// Where results of nodes are kept that have a
    /// [`CachePolicy`](crate::CachePolicy): `MemoryCache`, by the feature
    /// `cache`, or a [`Cache`] of your own.
    pub fn cache(mut self, cache: impl Cache) -> Self {
        self.cache = Some(Caching {
            store: Arc::new(cache),
            write: write_outcome::<S>,
            read: read_outcome::<S>,
            flights: Flights::default(),
            counts: CacheCounts::default(),
        });
        self
    }
}
