//! Joins that have starved in graphs that are nodes, from the ends of those to the
//! end of the run.
//!
//! 1. They count where the result of their task does: not where a join does
//!    without it, nor of an attempt that failed after all.
//! 2. On a thread they go with that result, and then with the checkpoints until
//!    the next input: see [`thread`](super::thread).
//! 3. Without one they are gathered at the end of the graph around.

use std::collections::BTreeMap;
use std::mem;

use parking_lot::Mutex;

use super::attempt::{Done, Shared};
use super::drive::Progress;
use super::error::RunError;
use super::nest::Nest;
use super::settle::TaskKey;
use super::thread::InsideLedger;
use crate::compile::NodeIndex;
use crate::node::Place;
use crate::plan::StarvedJoin;
use crate::state::State;

/// What graphs have said at their ends, by the tasks that they are in.
#[derive(Debug)]
pub(super) struct Starving<K>(Mutex<BTreeMap<K, Vec<StarvedJoin>>>);

/// A task among those of a run without a thread.
pub(super) type PlainTask = (u64, NodeIndex, Option<u32>);

impl<K> Default for Starving<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord> Starving<K> {
    /// A graph has ended in that task. What was said before in it, by an earlier
    /// attempt, does not count.
    pub(super) fn end(&self, task: K, joins: Vec<StarvedJoin>) {
        let mut now = self.0.lock();
        match joins.is_empty() {
            true => now.remove(&task),
            false => now.insert(task, joins),
        };
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(super) fn of(&self, task: &K) -> Option<Vec<StarvedJoin>> {
        self.0.lock().get(task).cloned()
    }

    pub(super) fn take(&self, task: &K) -> Option<Vec<StarvedJoin>> {
        self.0.lock().remove(task)
    }

    fn take_all(&self) -> impl Iterator<Item = StarvedJoin> + use<K> {
        let all = mem::take(&mut *self.0.lock());
        all.into_values().flatten()
    }
}

impl Nest {
    /// The graph in that task has ended, and these joins have starved in it.
    pub(super) fn ends(
        &self,
        place: Place,
        ledger: Option<&InsideLedger>,
        mut joins: Vec<StarvedJoin>,
    ) {
        if !joins.is_empty() {
            let task = self.path_of(place);
            joins.iter_mut().for_each(|join| join.is_inside(&task));
        }
        match ledger {
            Some(ledger) => ledger.starves(joins),
            None => {
                let task = (place.superstep, place.node, place.send);
                self.starving.end(task, joins);
            }
        }
    }
}

impl<S: State, C> Shared<S, C> {
    /// What graphs that are nodes have of this run, if there are any.
    pub(super) fn nest(&self) -> Option<&Nest> {
        self.nest.as_deref()?.downcast_ref()
    }
}

impl<S: State, C: Send + Sync + 'static> Progress<'_, S, C> {
    /// A superstep has ended: nothing is said of the tasks that a join does without.
    pub(super) fn forget_starved(&self, keys: &[TaskKey], done: &[Done<S>]) {
        let Some(nest) = self.shared.nest() else {
            return;
        };
        let ended = keys.iter().zip(done);
        for (&key, _) in ended.filter(|(_, done)| !done.has_succeeded()) {
            nest.starving
                .take(&(self.superstep, key.node, key.number()));
        }
    }

    /// The joins that have starved, of a run that has ended: its own, and then those
    /// inside graphs that are nodes.
    pub(super) fn starved(&mut self) -> Result<Vec<StarvedJoin>, RunError> {
        if let Some(nest) = self.shared.nest() {
            self.frontier.starve(nest.starving.take_all());
        }
        if self.leaves() {
            // It has gone elsewhere: nobody waits in it any more.
            return Ok(self.frontier.starved_inside().to_vec());
        }
        let mut starved = self.frontier.starved(&self.shared.graph);
        match starved.strict {
            None => Ok(starved.joins),
            Some(strict) => Err(RunError::Starved {
                join: starved.joins.swap_remove(strict),
            }),
        }
    }
}
