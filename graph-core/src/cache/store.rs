//! The trait of what keeps results, and its object-safe twin.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Keeps what tasks came to: in memory, in a server that many share.
///
/// It may forget anything at any time, and it may fail: the task then runs, and
/// [`CacheStats::failures`](crate::CacheStats::failures) counts it. A task waits
/// for it, though, and a cache that can hang sets itself a timeout.
///
/// `namespace` is `GRAPH/NODE`, and `key` a text in it that says on what the
/// node worked. Both may hold any character, and a key can be long: a cache
/// whose keys are limited takes a hash of it.
///
/// # Cancel safety
///
/// A future that is dropped before its end may have done what it was asked.
///
/// # Examples
///
/// One that keeps everything for ever:
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
/// use std::time::Duration;
///
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::{Cache, CacheError, CachePolicy};
///
/// #[derive(Default)]
/// struct Shelf(Mutex<BTreeMap<(String, String), String>>);
///
/// impl Cache for Shelf {
///     async fn get(&self, namespace: &str, key: &str) -> Result<Option<String>, CacheError> {
///         let shelf = self.0.lock().map_err(|_| CacheError::store("a thread has panicked"))?;
///         Ok(shelf.get(&(namespace.into(), key.into())).cloned())
///     }
///
///     async fn put(
///         &self,
///         namespace: &str,
///         key: &str,
///         json: String,
///         _lasts: Option<Duration>,
///     ) -> Result<(), CacheError> {
///         let mut shelf = self.0.lock().map_err(|_| CacheError::store("a thread has panicked"))?;
///         shelf.insert((namespace.into(), key.into()), json);
///         Ok(())
///     }
///
///     async fn clear(&self, namespace: &str) -> Result<(), CacheError> {
///         let mut shelf = self.0.lock().map_err(|_| CacheError::store("a thread has panicked"))?;
///         shelf.retain(|(of, _), _| of != namespace);
///         Ok(())
///     }
/// }
///
/// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// # struct Text { text: String, length: usize }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn measure(text: View<Text>) -> TextUpdate {
///     Text::update().length(text.text.len())
/// }
///
/// let policy = CachePolicy::new(|text: &Text| text.text.clone());
/// let graph = StateGraph::<Text>::new("measure")
///     .add_node("measure", node(measure).cache(policy))
///     .add_edge(START, "measure")
///     .cache(Shelf::default())
///     .compile()?;
/// for _ in 0..3 {
///     let run = graph.invoke(Text::update().text("four")).await?;
///     assert_eq!(run.state.length, 4);
/// }
/// assert_eq!(graph.cache_stats().hits, 2);
/// # Ok(())
/// # }
/// ```
pub trait Cache: Send + Sync + 'static {
    /// What is kept under that key, if there is something and its time is not
    /// over.
    ///
    /// # Errors
    ///
    /// When the cache fails.
    fn get(
        &self,
        namespace: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<String>, CacheError>> + Send;

    /// Keeps something under that key, in place of what was there, for as long
    /// as it `lasts`, or for as long as there is room.
    ///
    /// # Errors
    ///
    /// When the cache fails.
    fn put(
        &self,
        namespace: &str,
        key: &str,
        json: String,
        lasts: Option<Duration>,
    ) -> impl Future<Output = Result<(), CacheError>> + Send;

    /// Forgets all of a namespace.
    ///
    /// # Errors
    ///
    /// When the cache fails.
    fn clear(&self, namespace: &str) -> impl Future<Output = Result<(), CacheError>> + Send;
}

/// Why a cache did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The memory, the connection or the server failed.
    #[error("the cache failed")]
    Store {
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },

    /// The graph has no cache.
    #[error("the graph has no cache")]
    NoCache,

    /// A name that was given to the call is no node's.
    #[error("`{node}` is not a node of this graph")]
    UnknownNode {
        /// The name.
        node: String,
    },
}

impl CacheError {
    /// A failure of the memory, the connection or the server.
    pub fn store(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Store {
            source: source.into(),
        }
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CacheError>> + Send + 'a>>;

/// The object-safe twin of [`Cache`], which every one of them has.
pub(crate) trait DynCache: Send + Sync {
    fn get<'a>(&'a self, namespace: &'a str, key: &'a str) -> Answer<'a, Option<String>>;

    fn put<'a>(
        &'a self,
        namespace: &'a str,
        key: &'a str,
        json: String,
        lasts: Option<Duration>,
    ) -> Answer<'a, ()>;

    fn clear<'a>(&'a self, namespace: &'a str) -> Answer<'a, ()>;
}

impl<K: Cache> DynCache for K {
    fn get<'a>(&'a self, namespace: &'a str, key: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(Cache::get(self, namespace, key))
    }

    fn put<'a>(
        &'a self,
        namespace: &'a str,
        key: &'a str,
        json: String,
        lasts: Option<Duration>,
    ) -> Answer<'a, ()> {
        Box::pin(Cache::put(self, namespace, key, json, lasts))
    }

    fn clear<'a>(&'a self, namespace: &'a str) -> Answer<'a, ()> {
        Box::pin(Cache::clear(self, namespace))
    }
}
