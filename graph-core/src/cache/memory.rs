//! Results in memory, as many as there is room for.

use std::fmt;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache as Moka;
use tokio::time::Instant;

use super::{Cache, CacheError};

/// How many bytes are kept, unless it is said otherwise.
const MOST_BYTES: u64 = 64 << 20;

/// What an entry takes beside its texts, roughly.
const ENTRY: usize = 128;

/// Keeps what tasks came to in memory: 64 MiB, or
/// [`as much as you say`](Self::max_bytes). What was not asked for longest goes
/// first. Needs the feature `cache`.
///
/// A clone is the same cache, so that several graphs can share it.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use std::time::Duration;
/// use superstep::prelude::*;
/// use superstep::{CachePolicy, MemoryCache};
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Research {
///     topic: String,
///     summary: String,
///     #[reduce(Append)]
///     log: Vec<String>,
/// }
///
/// async fn summarize(state: View<Research>) -> ResearchUpdate {
///     Research::update().summary(format!("{} in short", state.topic)).log("asked the model")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let by_topic = CachePolicy::new(|state: &Research| state.topic.clone());
/// let graph = StateGraph::<Research>::new("research")
///     .add_node("summarize", node(summarize).cache(by_topic.ttl(Duration::from_secs(3600))))
///     .add_edge(START, "summarize")
///     .cache(MemoryCache::new())
///     .compile()?;
///
/// let first = graph.invoke(Research::update().topic("space")).await?;
/// let again = graph.invoke(Research::update().topic("space")).await?;
/// assert_eq!(again.state.summary, first.state.summary);
/// assert_eq!(again.state.log, ["asked the model"]); // by the first run
/// assert_eq!(graph.cache_stats().hits, 1);
///
/// graph.clear_cache("summarize").await?;
/// graph.invoke(Research::update().topic("space")).await?;
/// assert_eq!(graph.cache_stats().hits, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryCache(Moka<(String, String), Kept>);

#[derive(Clone)]
struct Kept {
    json: String,
    /// When its time is over. Kept here and not by what holds it, which has a
    /// clock of its own.
    until: Option<Instant>,
}

impl MemoryCache {
    /// An empty cache with room for 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::max_bytes(MOST_BYTES)
    }

    /// An empty cache with room for so many bytes of keys and JSON.
    #[must_use]
    pub fn max_bytes(bytes: u64) -> Self {
        let kept = Moka::builder()
            .max_capacity(bytes)
            .weigher(|(namespace, key): &(String, String), kept: &Kept| {
                let bytes = namespace.len() + key.len() + kept.json.len() + ENTRY;
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self(kept)
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Cache for MemoryCache {
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<String>, CacheError> {
        let place = (namespace.to_owned(), key.to_owned());
        let Some(kept) = self.0.get(&place) else {
            return Ok(None);
        };
        if kept.until.is_some_and(|until| Instant::now() >= until) {
            self.0.invalidate(&place);
            return Ok(None);
        }
        Ok(Some(kept.json))
    }

    async fn put(
        &self,
        namespace: &str,
        key: &str,
        json: String,
        lasts: Option<Duration>,
    ) -> Result<(), CacheError> {
        let place = (namespace.to_owned(), key.to_owned());
        // A time too far away for the clock never comes.
        let until = lasts.and_then(|lasts| Instant::now().checked_add(lasts));
        self.0.insert(place, Kept { json, until });
        // Or else it would grow beyond its bounds for a while.
        self.0.run_pending_tasks();
        Ok(())
    }

    async fn clear(&self, namespace: &str) -> Result<(), CacheError> {
        for (place, _) in &self.0 {
            if place.0 == namespace {
                self.0.invalidate(&*place);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache")
            .field("entries", &self.0.entry_count())
            .field("bytes", &self.0.weighted_size())
            .finish()
    }
}
