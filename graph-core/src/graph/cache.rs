//! What a builder records of the cache.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::cache::{DynCache, Flights};

/// The cache of a graph.
pub(crate) struct Caching {
    pub(crate) store: Arc<dyn DynCache>,
    /// How a task runs whose result may be known: the runs know the type. A
    /// program whose graphs have no cache does not contain it.
    pub(crate) run: Box<dyn Any + Send + Sync>,
    pub(crate) flights: Flights,
    pub(crate) counts: CacheCounts,
}

/// How often which of these was.
#[derive(Default)]
pub(crate) struct CacheCounts {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) failures: AtomicU64,
}

impl Caching {
    pub(crate) fn new(store: Arc<dyn DynCache>, run: Box<dyn Any + Send + Sync>) -> Self {
        Self {
            store,
            run,
            flights: Flights::default(),
            counts: CacheCounts::default(),
        }
    }
}
