//! Tasks that need not run, since it is known what they come to.
//!
//! 1. The key is made first, and what is kept under it is the task's outcome,
//!    at its attempt 0. Nothing else is taken or waited for.
//! 2. Else the task runs as any other. If it succeeds, its outcome is kept, before
//!    its end is told.
//! 3. A task that has been given an answer, or has one inside it that has, is none
//!    of the cache's business: its outcome depends on more than its key. Nor is
//!    what a fallback came to, which stands for a failure, nor what leaves the
//!    graph for its parent, which is another each time.
//! 4. Whatever the cache does, short of hanging, the task goes on.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::attempt::{Done, Ended, Failed, Shared, caught, place};
use super::drive::guarded;
use super::policed::{attempts, told, untold};
use super::settle::TaskKey;
use super::traced::TaskTrace;
use super::watch::WatchedTask;
use crate::cache::{Cache, CacheError};
use crate::compile::{Frozen, Graph};
use crate::graph::{Caching, StateGraph};
use crate::id::END;
use crate::node::{
    Asked, BoxFuture, CacheRule, NodeError, Outcome, Target, Written, read_outcome, write_outcome,
};
use crate::plan::Task;
use crate::state::State;

/// How often a graph's cache was asked, by all runs in this process, and what
/// came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheStats {
    /// The tasks that did not run, since it was known what they come to.
    pub hits: u64,
    /// The tasks that ran, since it was not.
    pub misses: u64,
    /// How often the cache failed, what it held could not be read, or an outcome
    /// could not be written.
    pub failures: u64,
}

/// How a task of a node with a cache policy runs.
pub(super) type RunCached<S, C> = fn(Arc<Shared<S, C>>, Arc<S>, u64, Task) -> BoxFuture<Ended<S>>;

impl<S: State, C: Send + Sync + 'static> StateGraph<S, C> {
    /// Where results of nodes are kept that have a
    /// [`CachePolicy`](crate::CachePolicy): `MemoryCache`, by the feature
    /// `cache`, or a [`Cache`] of your own.
    pub fn cache(mut self, cache: impl Cache) -> Self {
        let run: RunCached<S, C> =
            |shared, state, superstep, task| Box::pin(cached(shared, state, superstep, task));
        self.cache = Some(Caching::new(Arc::new(cache), Box::new(run)));
        self
    }
}

impl<S: State, C: Send + Sync + 'static> Graph<S, C> {
    /// How often the graph's cache was asked, and what came of it; zeros if it
    /// has none.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        let Some(cache) = &self.frozen.cache else {
            return CacheStats::default();
        };
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CacheStats {
            hits: read(&cache.counts.hits),
            misses: read(&cache.counts.misses),
            failures: read(&cache.counts.failures),
        }
    }

    /// Forgets what the cache holds of a node, in all versions. A task at work
    /// still puts in what it comes to.
    ///
    /// # Errors
    ///
    /// When the graph has no such node, or no cache, or that fails.
    pub async fn clear_cache(&self, node: &str) -> Result<(), CacheError> {
        if self.frozen.index_of(node).is_none() {
            let node = node.to_owned();
            return Err(CacheError::UnknownNode { node });
        }
        let cache = self.frozen.cache.as_ref().ok_or(CacheError::NoCache)?;
        let namespace = namespace(&self.frozen.name, node);
        cache.store.clear(&namespace).await
    }
}

/// No node's name has a slash in it, so that no two are alike.
fn namespace(graph: &str, node: &str) -> String {
    format!("{graph}/{node}")
}

/// A task of a node with a cache policy, from its start to its end.
async fn cached<S: State, C: Send + Sync + 'static>(
    shared: Arc<Shared<S, C>>,
    state: Arc<S>,
    superstep: u64,
    task: Task,
) -> Ended<S> {
    let graph = Arc::clone(&shared.graph);
    let (task_key, begin) = (TaskKey::of(&task), shared.spans.now());
    let asked_before = |shared: &Shared<S, C>| {
        let ledger = shared.ledger.as_ref();
        ledger.is_some_and(|ledger| ledger.is_answered(task_key))
    };
    let (rule, cache) = match (&graph.node(task.node).policy.cache, &graph.cache) {
        (Some(rule), Some(cache)) if !asked_before(&shared) => (rule, cache),
        _ => return attempts(shared, state, superstep, task).await,
    };
    let watched = |shared: &Shared<S, C>| {
        let watch = shared.watch()?;
        Some(WatchedTask::new(watch, place(superstep, 1, &task)))
    };
    let traced = |shared: &Shared<S, C>| shared.tracer.task(place(superstep, 1, &task));
    let key = caught(|| rule.key(input(&state, &task)));
    let key = match key.and_then(|key| key.map_err(|error| BadKey(error).into())) {
        Ok(key) => key,
        Err(error) => return refused(watched(&shared), &traced(&shared), error).await,
    };
    let entry = Entry {
        cache,
        rule,
        namespace: namespace(&graph.name, graph.name_of(task.node)),
        key,
    };
    // Before its permit, which must be gone first.
    let flight = cache
        .flights
        .join(&format!("{}/{}", entry.namespace, entry.key));
    let turn = flight.line.acquire().await;
    if let Some(outcome) = entry.look_up(&graph).await {
        drop(turn);
        let ended = hit(&shared, task_key, outcome);
        shared.spans.known(superstep, task_key, begin);
        traced(&shared).ends(&ended);
        if let Some(watched) = watched(&shared) {
            watched.was_known(&ended).await;
        }
        return ended;
    }
    let (watched, ended) = untold(shared, state, superstep, task).await;
    if let Ok(done) = &ended
        && is_kept(done)
    {
        let written = caught(|| {
            write_outcome(Written {
                place: None,
                ..done.written(&[])
            })
        });
        entry.keep(written.ok().and_then(Result::ok)).await;
    }
    // Whoever reads of its end holds up nobody else.
    drop(turn);
    told(watched, ended).await
}

/// A task that has no key fails.
async fn refused<S: State>(
    watched: Option<WatchedTask>,
    traced: &TaskTrace,
    error: NodeError,
) -> Ended<S> {
    let ended = Err(Failed::once(error));
    traced.ends(&ended);
    if let Some(mut watched) = watched {
        watched.starts(1, &[]).await;
        watched.ends(&ended).await;
    }
    ended
}

/// A task of which it was known what it comes to.
fn hit<S: State, C>(shared: &Shared<S, C>, task: TaskKey, outcome: Outcome<S>) -> Ended<S> {
    let mut result = Ok(outcome);
    let taken_down = shared.take_down(task, (0, false), Asked::Nothing, &mut result);
    let done = |outcome| Done {
        attempts: 0,
        paused: false,
        fallback: false,
        ending: None,
        outcome,
    };
    taken_down.unwrap_or_else(|| result.map(done).map_err(Failed::once))
}

fn is_kept<S: State>(done: &Done<S>) -> bool {
    let leaves = |target: &Target| matches!(target, Target::Parent(_));
    !done.paused
        && !done.fallback
        && done.has_succeeded()
        && !done.outcome.targets.iter().any(leaves)
}

/// What the key is made of.
fn input<'a, S: State>(state: &'a Arc<S>, task: &'a Task) -> &'a dyn Any {
    match &task.send {
        Some((_, sent)) => sent.as_any(),
        None => &**state,
    }
}

/// The place in the cache of what a task comes to.
struct Entry<'a> {
    cache: &'a Caching,
    rule: &'a CacheRule,
    namespace: String,
    key: String,
}

impl Entry<'_> {
    async fn look_up<S: State, C>(&self, graph: &Frozen<S, C>) -> Option<Outcome<S>> {
        let Caching { store, counts, .. } = self.cache;
        let found = guarded(store.get(&self.namespace, &self.key)).await;
        let count = match found {
            Ok(Ok(Some(json))) => match self.read(graph, &json) {
                Some(outcome) => {
                    add_one(&counts.hits);
                    return Some(outcome);
                }
                None => &counts.failures,
            },
            Ok(Ok(None)) => &counts.misses,
            Ok(Err(_)) | Err(_) => &counts.failures,
        };
        add_one(count);
        None
    }

    /// Nothing, if it was written by another program, or goes to what is not
    /// there any more.
    fn read<S: State, C>(&self, graph: &Frozen<S, C>, json: &str) -> Option<Outcome<S>> {
        let worker = |_: usize, name: &str| graph.node(graph.index_of(name)?).worker;
        let read = caught(|| read_outcome(json, &worker)).ok()?;
        let outcome = read.ok()?.outcome;
        let is_there = |target: &Target| match target {
            Target::Node(name) => name == END || graph.index_of(name).is_some(),
            Target::Send(_) => true,
            Target::Parent(_) => false,
        };
        outcome.targets.iter().all(is_there).then_some(outcome)
    }

    async fn keep(&self, json: Option<String>) {
        let Caching { store, counts, .. } = self.cache;
        let Some(json) = json else {
            return add_one(&counts.failures);
        };
        let put = store.put(&self.namespace, &self.key, json, self.rule.ttl);
        if !matches!(guarded(put).await, Ok(Ok(()))) {
            add_one(&counts.failures);
        }
    }
}

fn add_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// The key of a cache entry cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the key of its cache cannot be written as JSON")]
struct BadKey(#[source] serde_json::Error);
