//! What can be put around the loop. A program that uses neither does not
//! contain them, since the loop knows them only as trait objects.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::attempt::{Done, Ended, Ending, Shared, Watching};
use super::record::Insides;
use super::results::Results;
use super::settle::TaskKey;
use crate::compile::{Exits, Frozen, FrozenJoin};
use crate::id::NodeName;
use crate::node::{Asked, BoxFuture, Desk, NodeError, Outcome};
use crate::plan::{Came, Chosen, Frontier, Short, Task};
use crate::state::State;

/// What is put around a run.
pub(super) struct Hooks<'h, S: State, C> {
    pub(super) observer: Option<&'h mut dyn Observer<S, C>>,
    pub(super) executor: Option<&'h dyn Executor<S, C>>,
    pub(super) watch: Option<Watching>,
}

impl<S: State, C> Default for Hooks<'_, S, C> {
    fn default() -> Self {
        Self {
            observer: None,
            executor: None,
            watch: None,
        }
    }
}

/// Is told of a run while it goes on.
pub(super) trait Observer<S: State, C>: Send + Sync {
    /// Where graphs that are nodes leave what they have recorded.
    fn insides(&self) -> Arc<Insides>;

    /// A superstep begins.
    fn begin(&mut self, superstep: u64, tasks: &[Task]);

    /// All tasks of the superstep have ended; here they are in task order.
    fn done(&mut self, done: &[Done<S>]);

    /// The superstep waits for answers; here are its tasks that do not, in task
    /// order.
    fn paused(&mut self, done: &[Option<Done<S>>]);

    /// The superstep failed before its updates were merged.
    fn unmerged(&mut self);

    /// Joins were decided by these tasks, in the order in which they ended.
    fn decided(&mut self, by: &[TaskKey]);

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

    /// Whether somebody has answered the task, or one inside it.
    fn is_answered(&self, task: TaskKey) -> bool;

    /// An attempt, of that number, or the fallback after it has ended, having
    /// asked that. Returns how the task ended, if
    /// it did: by success, by a question, or by a failure that is not to be
    /// tried again. `ending` goes with a success, or what a join makes of it.
    fn take_down(
        &self,
        task: TaskKey,
        attempt: (u32, bool),
        asked: Asked,
        result: &mut Result<Outcome<S>, NodeError>,
        ending: Option<Box<Ending>>,
    ) -> Option<Ended<S>>;
}

/// Decides about joins that have rules: while tasks are at work, who has come in
/// time, and at the end of the superstep, which joins fire.
pub(super) trait Referee<S: State>: Send + Sync {
    /// A superstep of these tasks begins.
    fn begin(&self, frontier: &Frontier, tasks: &[TaskKey]);

    /// Tasks of the superstep had ended in an earlier run.
    fn replay(&self, ended: &[(TaskKey, &Ending)]);

    /// Whether a join waits for the task, or for what follows it.
    fn is_member(&self, task: TaskKey) -> bool;

    /// What became of the task, if its join has closed without it.
    fn lost(&self, task: TaskKey) -> Option<Ending>;

    /// Runs a member's task, and drops it when it is lost.
    fn supervise(
        self: Arc<Self>,
        task: TaskKey,
        ledger: Option<Arc<dyn Ledger<S>>>,
        work: BoxFuture<Ended<S>>,
    ) -> BoxFuture<Ended<S>>;

    /// Of a member's task, as [`Ledger::take_down`].
    fn take_down(
        &self,
        ledger: Option<&dyn Ledger<S>>,
        task: TaskKey,
        attempt: (u32, bool),
        asked: Asked,
        result: &mut Result<Outcome<S>, NodeError>,
    ) -> Option<Ended<S>>;

    /// For each join whose time is over, how many tasks had ended by then.
    fn timed_out(&self) -> Vec<Option<u32>>;

    /// The tasks by whose ends joins closed, in the order of these.
    fn closers(&self) -> Vec<TaskKey>;

    /// Notes at the end of the superstep how a task has ended; in task order.
    fn arrive(&self, frontier: &mut Frontier, came: &Came, timed_out: &[Option<u32>]);

    /// Decides which joins fire; the graph's names and its other joins are given.
    fn judge(
        &self,
        frontier: &mut Frontier,
        graph: (&[NodeName], &[FrozenJoin]),
        came: &[Came],
        timed_out: &[Option<u32>],
        tasks: &mut Vec<Task>,
    ) -> Result<(), Short>;
}
