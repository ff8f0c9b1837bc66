//! What is left of graphs that are nodes, once they were dropped at work.
//!
//! 1. Who drops a graph at work only aborts its tasks: the runtime drops each when it
//!    comes to it, and one that computes goes on to its next await.
//! 2. So each task that such a graph spawns is counted, in the tasks of all graphs
//!    around it, until it is gone.
//! 3. A superstep ends when nothing is left in its tasks, and the call of a task under
//!    policies when nothing is left in that task: what comes after finds nobody at
//!    work.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::settle::TaskKey;

/// How much is alive in the tasks of one graph.
#[derive(Default)]
pub(super) struct Remains {
    alive: Mutex<BTreeMap<TaskKey, usize>>,
    gone: Notify,
}

impl Remains {
    /// Returns when nothing is alive in a task of the graph, or in this one.
    pub(super) async fn gone(&self, task: Option<TaskKey>) {
        let is_gone = || {
            let alive = self.alive.lock();
            task.map_or(alive.is_empty(), |task| !alive.contains_key(&task))
        };
        while !is_gone() {
            let notified = self.gone.notified();
            // It may have gone before somebody listened.
            if is_gone() {
                return;
            }
            notified.await;
        }
    }

    fn begins(&self, task: TaskKey) {
        *self.alive.lock().entry(task).or_default() += 1;
    }

    fn ends(&self, task: TaskKey) {
        let mut alive = self.alive.lock();
        if let Some(n_alive) = alive.get_mut(&task) {
            *n_alive -= 1;
            if *n_alive == 0 {
                alive.remove(&task);
                drop(alive);
                self.gone.notify_waiters();
            }
        }
    }
}

/// The task that a graph is in, and those around that.
pub(super) struct Inside {
    pub(super) of: Arc<Remains>,
    pub(super) task: TaskKey,
    pub(super) around: Option<Arc<Self>>,
}

impl Inside {
    fn each(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |inside| inside.around.as_deref())
    }
}

/// Something of a graph that is alive, as long as this is.
pub(super) struct Alive(Option<Arc<Inside>>);

impl Alive {
    /// Counts one more; in a graph that is no node nobody counts.
    pub(super) fn new(inside: Option<&Arc<Inside>>) -> Self {
        for inside in inside.into_iter().flat_map(|inside| inside.each()) {
            inside.of.begins(inside.task);
        }
        Self(inside.map(Arc::clone))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        for inside in self.0.iter().flat_map(|inside| inside.each()) {
            inside.of.ends(inside.task);
        }
    }
}
