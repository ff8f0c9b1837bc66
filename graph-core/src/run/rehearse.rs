//! The tasks of a superstep on one thread, in an order drawn from a seed.
//!
//! For tests: what a real scheduler does by chance is done on purpose, and
//! can be done again.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::attempt::{Begun, Ended, Shared, TaskFuture, begin};
use crate::graph::OnFailure;
use crate::plan::Task;
use crate::state::State;

/// How a run is to be rehearsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rehearsal {
    /// Decides the order in which tasks are polled, and so end.
    pub(crate) seed: u64,
    /// The superstep and the number of the task that is to fail.
    pub(crate) failure: Option<(u64, u32)>,
    /// Whether updates are merged in an order drawn from the seed, too.
    pub(crate) shuffle_merges: bool,
}

/// The longest that a task is held back, in rounds of polls.
const HOLD: u64 = 8;

impl Rehearsal {
    pub(super) fn fails(&self, superstep: u64, index: u32) -> bool {
        self.failure == Some((superstep, index))
    }

    /// An order of `n` things for this superstep.
    pub(super) fn order(&self, superstep: u64, n: usize) -> Vec<usize> {
        let mut chance = Chance::new(self.seed, superstep);
        let mut order: Vec<usize> = (0..n).collect();
        chance.shuffle(&mut order);
        order
    }
}

/// Runs all tasks, and returns those that have ended, in task order.
pub(super) async fn rehearse<S: State, C: Send + Sync + 'static>(
    rehearsal: Rehearsal,
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    tasks: Vec<Task>,
) -> Vec<Ended<S>> {
    let mut chance = Chance::new(rehearsal.seed, superstep);
    let stops = shared.graph.limits.on_failure == OnFailure::Stop;
    // A task is started when it is first polled, as a scheduler would.
    let mut waiting: Vec<_> = (0..)
        .zip(tasks)
        .map(|(index, task)| (chance.below(HOLD), Held::Task(index, task)))
        .collect();
    let mut ended: Vec<Ended<S>> = Vec::with_capacity(waiting.len());
    poll_fn(|cx| {
        chance.shuffle(&mut waiting);
        let mut held_back = false;
        let mut still = Vec::with_capacity(waiting.len());
        for (hold, held) in waiting.drain(..) {
            if hold > 0 {
                held_back = true;
                still.push((hold - 1, held));
                continue;
            }
            let begun = match held {
                Held::Task(index, task) => begin(shared, state, superstep, index, task, cx),
                Held::Future(mut future) => match Pin::new(&mut future).poll(cx) {
                    Poll::Pending => Begun::AtWork(future),
                    Poll::Ready(end) => Begun::Ended(end),
                },
            };
            match begun {
                Begun::AtWork(future) => still.push((0, Held::Future(future))),
                Begun::Ended(end) => {
                    let stop = stops && end.failed();
                    ended.push(end);
                    if stop {
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
    ended.sort_by_key(|ended| ended.index);
    ended
}

/// A task before and after its first poll.
enum Held<S: State> {
    Task(u32, Task),
    Future(TaskFuture<S>),
}

/// Numbers from a seed: `SplitMix64` (Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    fn new(seed: u64, superstep: u64) -> Self {
        let mut chance = Self(seed);
        chance.0 ^= chance.next().wrapping_add(superstep);
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

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
