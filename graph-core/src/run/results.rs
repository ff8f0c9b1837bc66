//! What a superstep's tasks came to, as they end.

use super::attempt::{Done, Ended, Ending, Failed};
use super::settle::TaskKey;
use super::stop::Stop;
use crate::state::State;

/// What the tasks of a superstep came to.
pub(super) struct Results<S: State> {
    pub(super) done: Vec<Option<Done<S>>>,
    /// The first in task order among the tasks that failed.
    failure: Option<(usize, Failed)>,
    /// Why those that have not ended were dropped, if no other has failed.
    pub(super) stop: Option<Stop>,
}

/// [`Results`], taken apart.
pub(super) struct Parts<S: State> {
    pub(super) done: Vec<Option<Done<S>>>,
    pub(super) failure: Option<(usize, Failed)>,
    pub(super) stop: Option<Stop>,
}

/// Why not all tasks have succeeded.
pub(super) enum Incomplete {
    /// The task of that number failed.
    Failed(usize, Failed),
    /// These never ended, and why.
    Lost(Vec<usize>, Stop),
}

impl<S: State> Results<S> {
    pub(super) fn of(n_tasks: usize) -> Self {
        let mut done = Vec::new();
        done.resize_with(n_tasks, || None);
        Self {
            done,
            failure: None,
            stop: None,
        }
    }

    /// Notes how a task ended; says whether it succeeded.
    pub(super) fn note(&mut self, index: usize, ended: Ended<S>) -> bool {
        match ended {
            Ok(done) => {
                self.done[index] = Some(done);
                true
            }
            Err(failed) => {
                if self.failure.as_ref().is_none_or(|first| index < first.0) {
                    self.failure = Some((index, failed));
                }
                false
            }
        }
    }

    /// How the task of that number has ended, if it has.
    pub(super) fn of_task(&self, index: usize) -> Option<&Done<S>> {
        self.done[index].as_ref()
    }

    /// Whether a task waits, or did not run.
    pub(super) fn any_open(&self) -> bool {
        let mut done = self.done.iter();
        done.any(|done| done.as_ref().is_none_or(|done| done.paused))
    }

    /// How tasks have ended that joins wait for.
    pub(super) fn endings(&self, keys: &[TaskKey]) -> Vec<(TaskKey, &Ending)> {
        let ended = keys.iter().zip(&self.done);
        let endings =
            ended.filter_map(|(&key, done)| Some((key, done.as_ref()?.ending.as_deref()?)));
        endings.collect()
    }

    /// The tasks that have succeeded, in task order.
    pub(super) fn done(&self) -> impl Iterator<Item = &Done<S>> {
        self.done.iter().flatten()
    }

    /// The tasks whose results count as they are, no fallback's nor one that a join
    /// does without.
    pub(super) fn counting(&self) -> impl Iterator<Item = usize> {
        let counts = |done: &Done<S>| done.has_succeeded() && !done.paused && !done.fallback;
        let done = self.done.iter().enumerate();
        done.filter_map(move |(index, done)| done.as_ref().is_some_and(counts).then_some(index))
    }

    /// What came of each task that does not wait.
    pub(super) fn not_paused(self) -> Vec<Option<Done<S>>> {
        let done = self.done.into_iter();
        done.map(|done| done.filter(|done| !done.paused)).collect()
    }

    /// What came of each task, and the first failure.
    pub(super) fn into_parts(self) -> Parts<S> {
        Parts {
            done: self.done,
            failure: self.failure,
            stop: self.stop,
        }
    }

    /// All tasks in task order, if all have succeeded.
    pub(super) fn complete(self) -> Result<Vec<Done<S>>, Incomplete> {
        match self.failure {
            Some((index, failed)) => Err(Incomplete::Failed(index, failed)),
            None => {
                let open = self.done.iter().enumerate();
                let open = open.filter_map(|(index, done)| done.is_none().then_some(index));
                let open: Vec<usize> = open.collect();
                // Collected in this way they stay where they are.
                let done = self.done.into_iter().collect::<Option<Vec<_>>>();
                done.ok_or_else(|| Incomplete::Lost(open, self.stop.unwrap_or(Stop::Broken)))
            }
        }
    }
}
