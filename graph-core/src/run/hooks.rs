//! What can be put around the loop. A program that uses neither does not
//! contain them, since the loop knows them only as trait objects.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::attempt::{Done, Ended, Shared};
use super::execute::Results;
use super::settle::TaskKey;
use crate::compile::{Exits, Frozen};
use crate::node::{Asked, Desk, NodeError, Outcome};
use crate::plan::{Chosen, Frontier, Task};
use crate::state::State;

/// Is told of a run while it goes on.
pub(super) trait Observer<S: State, C>: Send + Sync {
    /// A superstep begins.
    fn begin(&mut self, superstep: u64, tasks: &[Task]);

    /// All tasks of the superstep have succeeded; here they are in task order.
    fn done(&mut self, done: &[Done<S>]);

    /// The superstep waits for answers; here are its tasks that do not, in task
    /// order.
    fn paused(&mut self, done: &[Option<Done<S>>]);

    /// The superstep failed before its updates were merged.
    fn unmerged(&mut self);

    /// An ephemeral field has been reset.
    fn expired(&mut self, field: usize);

    /// A task, or `START`, is about to make these ready.
    fn leads(
        &mut self,
        task: Option<usize>,
        graph: &Frozen<S, C>,
        frontier: &Frontier,
        exits: &Exits<S>,
        chosen: &[Chosen],
    );
}

/// Runs the tasks of each superstep in another way than at the same time.
pub(super) trait Executor<S: State, C>: Send + Sync {
    fn execute<'a>(
        &'a self,
        shared: &'a Arc<Shared<S, C>>,
        state: &'a Arc<S>,
        superstep: u64,
        tasks: Vec<Task>,
    ) -> Pin<Box<dyn Future<Output = Results<S>> + Send + 'a>>;

    /// An order in which to merge that many updates, if not in task order.
    fn merge_order(&self, superstep: u64, n: usize) -> Option<Vec<usize>>;

    /// Whether tasks are to wait for their siblings, whatever the graph says.
    fn in_supersteps(&self) -> bool;

    /// For how many rounds of polls an eager task is held back.
    fn hold(&self, task: u64) -> u64;

    /// In which order eager tasks are polled in a round.
    fn poll_order(&self, round: u64, n: usize) -> Vec<usize>;
}

/// Gives each task what is known of it, and takes down what it leaves, while
/// its superstep is still at work.
pub(super) trait Ledger<S: State>: Send + Sync {
    /// Returns once nothing that is at work is wanted any more.
    fn stopped<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    /// The answers and effects that the task has.
    fn desk(&self, task: TaskKey) -> Arc<Desk>;

    /// An attempt, of that number, or the fallback after it has ended, having
    /// asked that. Returns how the task ended, if
    /// it did: by success, by a question, or by a failure that is not to be
    /// tried again.
    fn take_down(
        &self,
        task: TaskKey,
        attempt: (u32, bool),
        asked: Asked,
        result: &mut Result<Outcome<S>, NodeError>,
    ) -> Option<Ended<S>>;
}
