//! What can be put around the loop. A program that uses neither does not
//! contain them, since the loop knows them only as trait objects.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::attempt::{Done, Shared};
use super::execute::Results;
use crate::compile::{Exits, Frozen};
use crate::plan::{Chosen, Frontier, Task};
use crate::state::State;

/// Is told of a run while it goes on.
pub(super) trait Observer<S: State, C>: Send {
    /// A superstep begins.
    fn begin(&mut self, superstep: u64, tasks: &[Task]);

    /// All tasks of the superstep have succeeded; here they are in task order.
    fn done(&mut self, done: &[Done<S>]);

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
}
