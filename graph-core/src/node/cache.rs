//! When a task need not run, since it is known what it comes to.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::{Bare, Definition, IntoNode, IntoOutcome, IntoWorker, MayFail};
use crate::state::{Data, State};

/// By what a node's result is known again, and for how long it is kept.
///
/// The key is made of what the node works on: the state, or what was sent to a
/// worker. Put everything into it that the result depends on, and nothing else.
/// A task whose key is known does not run: what the earlier one wrote is merged
/// and where it went is gone to, and it takes no slot, no rate and no budget. Of
/// several tasks with one key at the same time one runs, and the others get
/// what it comes to.
///
/// Results are kept where the graph says: `StateGraph::cache`. Kept are
/// successes of the node alone: neither failures nor questions, nor what its
/// fallback came to, nor what a task came to that was given an answer, itself or
/// inside a subgraph, nor what leaves a subgraph for its parent. A cache that
/// fails does not fail the task, which then runs.
///
/// Where the key has sets or maps in it, take those that are ordered: a
/// `HashSet` comes in another order each time.
///
/// # Examples
///
/// The policy of a worker, by what is sent to it:
///
/// ```
/// use std::time::Duration;
/// use superstep::CachePolicy;
///
/// struct Page { url: String, depth: u32 }
///
/// let policy = CachePolicy::new(|page: &Page| page.url.clone())
///     .version("2") // raise it when the node does something else
///     .ttl(Duration::from_secs(600));
/// let page = Page { url: "https://example.org".into(), depth: 3 };
/// assert_eq!(policy.key(&page)?, r#"["2","https://example.org"]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// A key made of another type than the node's does not compile:
///
/// ```compile_fail
/// # use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::CachePolicy;
///
/// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// # struct Report { n: u32 }
/// let by_text = CachePolicy::new(|text: &String| text.clone());
/// StateGraph::<Report>::new("report")
///     .add_node("count", node(async |_: View<Report>| {}).cache(by_text));
/// ```
#[must_use = "a policy does nothing until a node has it"]
pub struct CachePolicy<I> {
    pub(super) rule: CacheRule,
    input: PhantomData<fn(&I)>,
}

/// A policy without the type of what keys are made of.
#[derive(Clone)]
pub(crate) struct CacheRule {
    key: Arc<MakeKey>,
    version: String,
    /// How long a result is kept.
    pub(crate) ttl: Option<Duration>,
}

type MakeKey = dyn Fn(&dyn Any, &str) -> serde_json::Result<String> + Send + Sync;

impl<I: 'static> CachePolicy<I> {
    /// Results are known again by what `key` makes of the node's input.
    pub fn new<K: Serialize>(key: impl Fn(&I) -> K + Send + Sync + 'static) -> Self {
        let key = move |input: &dyn Any, version: &str| {
            let Some(input) = input.downcast_ref() else {
                unreachable!("a key's type is checked where its node is added");
            };
            written(version, serde_json::to_value(key(input))?)
        };
        Self {
            rule: CacheRule {
                key: Arc::new(key),
                version: String::new(),
                ttl: None,
            },
            input: PhantomData,
        }
    }

    /// For how long a result is kept; for as long as there is room by default.
    pub fn ttl(mut self, lasts: Duration) -> Self {
        self.rule.ttl = Some(lasts);
        self
    }

    /// What makes results of an older program no results: raise it when the
    /// node does something else with the same input.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.rule.version = version.into();
        self
    }

    /// The key of an input, as the cache is given it.
    ///
    /// # Errors
    ///
    /// When the key cannot be written as JSON.
    pub fn key(&self, input: &I) -> serde_json::Result<String> {
        self.rule.key(input)
    }
}

impl CacheRule {
    pub(crate) fn key(&self, input: &dyn Any) -> serde_json::Result<String> {
        (self.key)(input, &self.version)
    }
}

/// Entries are sorted, whichever way maps are written in this program.
fn written(version: &str, mut key: serde_json::Value) -> serde_json::Result<String> {
    key.sort_all_objects();
    serde_json::to_string(&(version, key))
}

impl<I> Clone for CachePolicy<I> {
    fn clone(&self) -> Self {
        Self {
            rule: self.rule.clone(),
            input: PhantomData,
        }
    }
}

impl<I> fmt::Debug for CachePolicy<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.rule, f)
    }
}

impl fmt::Debug for CacheRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachePolicy")
            .field("version", &self.version)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// A function whose results are kept by keys made of an `I`: a node where that
/// is the state, a worker where it is what is sent. The name is read in what the
/// compiler says where it is neither.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct CachedByKeyOf<I, F> {
    function: F,
    input: PhantomData<fn(&I)>,
}

impl<I, F> CachedByKeyOf<I, F> {
    pub(super) fn new(function: F) -> Self {
        Self {
            function,
            input: PhantomData,
        }
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Keyed<Marker>(PhantomData<Marker>);

impl<Marker: MayFail> MayFail for Keyed<Marker> {}

impl<Marker: Bare> Bare for Keyed<Marker> {}

#[diagnostic::do_not_recommend]
impl<S, C, Marker, F> IntoNode<S, C, Keyed<Marker>> for CachedByKeyOf<S, F>
where
    S: State,
    F: IntoNode<S, C, Marker>,
{
    type Future = F::Future;

    fn into_node(self) -> Definition<S, C>
    where
        F::Future: Send,
        <F::Future as Future>::Output: IntoOutcome<S>,
    {
        self.function.into_node()
    }
}

#[diagnostic::do_not_recommend]
impl<T, S, C, Marker, F> IntoWorker<T, S, C, Keyed<Marker>> for CachedByKeyOf<T, F>
where
    S: State,
    F: IntoWorker<T, S, C, Marker>,
{
    type Future = F::Future;

    fn into_worker(self) -> Definition<S, C>
    where
        T: Data,
        F::Future: Send,
        <F::Future as Future>::Output: IntoOutcome<S>,
    {
        self.function.into_worker()
    }
}
