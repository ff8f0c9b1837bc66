//! The tasks of a superstep on one thread, in an order drawn from a seed.
//!
//! For tests: what a real scheduler does by chance is done on purpose, and
//! can be done again.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::attempt::{Shared, TaskFuture, start, start_failing};
use super::chance::Chance;
use super::hooks::Executor;
use super::results::Results;
use crate::graph::OnFailure;
use crate::node::NodeError;
use crate::plan::Task;
use crate::state::State;

/// How a run is to be rehearsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rehearsal {
    /// Decides the order in which tasks are polled, and so end.
    pub(crate) seed: u64,
    /// The superstep and the number of the task that is to fail.
    pub(crate) failure: Option<(u64, usize)>,
    /// Whether updates are merged in an order drawn from the seed, too.
    pub(crate) shuffle_merges: bool,
    /// Whether an eager graph runs in supersteps all the same.
    pub(crate) supersteps: bool,
}

/// The longest that a task is held back, in rounds of polls.
const HOLD: u64 = 8;

/// The longest that an eager task is, so that others get several depths ahead.
const LONG_HOLD: u64 = 24;

impl<S: State, C: Send + Sync + 'static> Executor<S, C> for Rehearsal {
    fn execute<'a>(
        &'a self,
        shared: &'a Arc<Shared<S, C>>,
        state: &'a Arc<S>,
        superstep: u64,
        tasks: Vec<Task>,
    ) -> Pin<Box<dyn Future<Output = Results<S>> + Send + 'a>> {
        Box::pin(self.rehearse(shared, state, superstep, tasks))
    }

    fn merge_order(&self, superstep: u64, n: usize) -> Option<Vec<usize>> {
        self.shuffle_merges.then(|| {
            let mut order: Vec<usize> = (0..n).collect();
            Chance::new(self.seed, superstep).shuffle(&mut order);
            order
        })
    }

    fn in_supersteps(&self) -> bool {
        self.supersteps
    }

    fn hold(&self, task: u64) -> u64 {
        Chance::new(self.seed, task).below(LONG_HOLD)
    }

    fn poll_order(&self, round: u64, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        Chance::new(self.seed, !round).shuffle(&mut order);
        order
    }
}

impl Rehearsal {
    /// Runs all tasks, or up to the first failure if the graph stops on it.
    async fn rehearse<S: State, C: Send + Sync + 'static>(
        &self,
        shared: &Arc<Shared<S, C>>,
        state: &Arc<S>,
        superstep: u64,
        tasks: Vec<Task>,
    ) -> Results<S> {
        let mut chance = Chance::new(self.seed, superstep);
        let stops = shared.graph.limits.on_failure == OnFailure::Stop;
        let mut results = Results::of(tasks.len());
        // A task is started when it is first polled, as a scheduler would.
        let mut waiting: Vec<_> = (0..)
            .zip(tasks)
            .map(|(index, task)| (chance.below(HOLD), index, Held::Task(task)))
            .collect();
        poll_fn(|cx| {
            chance.shuffle(&mut waiting);
            let mut held_back = false;
            let mut still = Vec::with_capacity(waiting.len());
            for (hold, index, held) in waiting.drain(..) {
                if hold > 0 {
                    held_back = true;
                    still.push((hold - 1, index, held));
                    continue;
                }
                let mut future = match held {
                    Held::Task(task) if self.failure == Some((superstep, index)) => {
                        let error = NodeError::msg("failure injected by the test");
                        start_failing(shared, &task, error)
                    }
                    Held::Task(task) => start(shared, state, superstep, task),
                    Held::Future(future) => future,
                };
                match shared.poll(&mut future, cx) {
                    Poll::Pending => still.push((0, index, Held::Future(future))),
                    Poll::Ready(ended) => {
                        if !results.note(index, ended) && stops {
                            return Poll::Ready(());
                        }
                    }
                }
            }
            waiting = still;
            if held_back {
                cx.waker().wake_by_ref();
            }
            if waiting.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        results
    }
}

/// A task before and after its first poll.
enum Held<S: State> {
    Task(Task),
    Future(TaskFuture<S>),
}

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Fisher and Yates' shuffle.
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1);
            items.swap(last, usize::try_from(other).unwrap_or(last));
        }
    }
}
