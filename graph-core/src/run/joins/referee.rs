//! Decides, while a superstep is at work, who has come in time.
//!
//! 1. One lock is held while a task ends and while what it came to is put on its
//!    way to the thread: what is kept is the beginning of what was decided.
//! 2. A join closes when as many have succeeded as it cancels the rest at, and each
//!    source that it requires has or can no longer, or when its time is over. From
//!    then on the tasks of its region that have not ended are lost: dropped at
//!    their next await, and never started.
//! 3. A task asks whether it is lost before each poll of its body, and again when
//!    the body has ended.
//! 4. The time of a join begins with the first superstep that has a task which
//!    leads to a source that the join waits for: anew in each of its rounds, and
//!    when a run goes on with a thread.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::mem;
use std::sync::Arc;
use std::task::{Poll, Waker};

use fixedbitset::FixedBitSet;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

use super::super::attempt::{Done, Ended, Ending, Failed, caught};
use super::super::error::RunError;
use super::super::hooks::{Ledger, Referee};
use super::super::settle::TaskKey;
use super::super::stop::far;
use super::super::thread::BadAnswer;
use super::super::watch::with_causes;
use crate::compile::{FrozenJoin, JoinSource, NodeIndex, Rules, to_index};
use crate::id::NodeName;
use crate::node::{Asked, BoxFuture, NodeError, Outcome};
use crate::plan::{Came, Frontier, How, Judge, Short, Task, Wanted, has_ended};
use crate::state::State;

/// Who decides about the joins of a run.
pub(super) struct JoinReferee {
    rules: Arc<Rules>,
    now: Mutex<Now>,
}

/// The superstep at work.
struct Now {
    joins: Vec<JoinNow>,
    /// Those that a task is inside of, or whose time runs, in order.
    active: Vec<usize>,
    /// The tasks that can be lost, and who is to be woken then.
    seats: BTreeMap<TaskKey, Waker>,
    n_ended: u32,
    /// Those that have ended: what is left of them is to tell of it.
    over: BTreeSet<TaskKey>,
}

#[derive(Default)]
struct JoinNow {
    /// How many successes it closes after, if it does.
    missing: Option<usize>,
    /// The sources without which it does not close.
    wanted: Vec<Wanted>,
    /// The sources that count.
    counts: FixedBitSet,
    /// Who counted, in the order in which they came.
    counted: Vec<(u32, TaskKey)>,
    /// When its time is over, and the round for which that is said.
    deadline: Option<(u64, Instant)>,
    closed: Option<Closed>,
}

/// Why a join waits no more.
#[derive(Clone, Copy)]
enum Closed {
    Won,
    /// Its time was over when so many tasks had ended.
    TimedOut(u32),
}

impl JoinReferee {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        let mut joins = Vec::new();
        joins.resize_with(rules.joins.len(), JoinNow::default);
        Self {
            rules,
            now: Mutex::new(Now {
                joins,
                active: Vec::new(),
                seats: BTreeMap::new(),
                n_ended: 0,
                over: BTreeSet::new(),
            }),
        }
    }

    fn begin(&self, frontier: &Frontier, tasks: &[TaskKey]) {
        let Some(open) = &frontier.open else {
            return;
        };
        let mut now = self.now.lock();
        now.n_ended = 0;
        now.over.clear();
        now.seats.clear();
        let mut nodes: Vec<NodeIndex> = tasks.iter().map(|task| task.node).collect();
        nodes.dedup();
        let n_tasks = |node| tasks.iter().filter(|task| task.node == node).count();
        let now = &mut *now;
        let mut active: BTreeSet<usize> = BTreeSet::new();
        for index in mem::take(&mut now.active) {
            let join = &mut now.joins[index];
            let deadline = join.deadline.filter(|&(of, _)| of == open.round(index));
            *join = JoinNow {
                deadline,
                ..JoinNow::default()
            };
            if deadline.is_some() {
                active.insert(index);
            }
        }
        for &node in &nodes {
            active.extend(self.rules.joins_of(node));
        }
        now.active = active.into_iter().collect();
        for &index in &now.active {
            let (ruled, join) = (&self.rules.joins[index], &mut now.joins[index]);
            join.missing = ruled.closes_at().map(|at| open.short_of(index, at));
            if join.missing.is_some() {
                join.wanted = frontier.wanted(index, ruled, &nodes, &n_tasks);
            }
            let sources = 0..ruled.sources.len();
            let of = |source| JoinSource {
                join: index,
                source,
            };
            join.counts = sources
                .filter(|&source| open.counts(of(source), &ruled.workers))
                .collect();
            let leads = |&node: &NodeIndex| {
                self.rules.is_inside(index, node) && open.waits_for(index, ruled, node)
            };
            if let (Some(within), None) = (ruled.rule.within, join.deadline)
                && nodes.iter().any(leads)
            {
                join.deadline = Some((open.round(index), far(within)));
            }
        }
    }

    /// Closes a join; those who are lost by it are to be woken.
    fn close(&self, now: &mut Now, join: usize, closed: Closed, woken: &mut Vec<Waker>) {
        if now.joins[join].closed.is_some() {
            return;
        }
        now.joins[join].closed = Some(closed);
        for node in self.rules.joins[join].region.ones().map(to_index) {
            let first = TaskKey::node(node);
            while let Some((&task, _)) = now.seats.range(first..).next() {
                if task.node != node {
                    break;
                }
                woken.extend(now.seats.remove(&task));
            }
        }
    }

    /// Closes the joins whose time is over, of those the node is inside of.
    fn look_at_clock(&self, now: &mut Now, node: Option<NodeIndex>, woken: &mut Vec<Waker>) {
        if !self.rules.has_times {
            return;
        }
        match node {
            Some(node) => {
                for index in self.rules.joins_of(node) {
                    self.look_at(now, index, woken);
                }
            }
            None => {
                for index in now.active.clone() {
                    self.look_at(now, index, woken);
                }
            }
        }
    }

    fn look_at(&self, now: &mut Now, index: usize, woken: &mut Vec<Waker>) {
        let join = &now.joins[index];
        let due = |(_, at)| Instant::now() >= at;
        if join.closed.is_none() && join.deadline.is_some_and(due) {
            let closed = Closed::TimedOut(now.n_ended);
            self.close(now, index, closed, woken);
        }
    }

    /// What became of a task whose join has closed.
    fn lost_in(&self, now: &Now, node: NodeIndex) -> Option<Ending> {
        let mut regions = self.rules.member(node).regions.iter();
        regions.find_map(|&join| {
            let (place, how) = match now.joins[join].closed? {
                Closed::Won => (None, How::Cancelled),
                Closed::TimedOut(n_ended) => (Some(n_ended), How::TimedOut(join)),
            };
            Some(Ending { place, how })
        })
    }

    /// Counts a task that has ended; says who is lost by it.
    fn count(
        &self,
        now: &mut Now,
        task: TaskKey,
        (place, success): (u32, bool),
        woken: &mut Vec<Waker>,
    ) {
        for of in &self.rules.member(task.node).sources {
            let join = &mut now.joins[of.join];
            let counts = join.closed.is_none() && join.counts.contains(of.source);
            let Some(missing) = join.missing.as_mut().filter(|_| counts) else {
                continue;
            };
            has_ended(&mut join.wanted, of.source, success);
            if success {
                *missing = missing.saturating_sub(1);
                join.counted.push((place, task));
            }
            if *missing == 0 && join.wanted.is_empty() {
                self.close(now, of.join, Closed::Won, woken);
            }
        }
    }

    /// When the first of the joins that can drop the node's tasks is out of time.
    fn deadline(&self, node: NodeIndex) -> Option<Instant> {
        let now = self.now.lock();
        let regions = self.rules.member(node).regions.iter();
        let deadlines = regions.filter_map(|&join| now.joins[join].deadline);
        deadlines.map(|(_, at)| at).min()
    }

    /// Whether the task is lost; if not, it will be woken when it is.
    fn word(&self, task: TaskKey, waker: &Waker) -> Option<Ending> {
        let mut woken = Vec::new();
        let mut now = self.now.lock();
        if now.over.contains(&task) {
            return None;
        }
        self.look_at_clock(&mut now, Some(task.node), &mut woken);
        let lost = self.lost_in(&now, task.node);
        if lost.is_none() && !self.rules.member(task.node).regions.is_empty() {
            let seat = now.seats.entry(task);
            seat.and_modify(|seat| seat.clone_from(waker))
                .or_insert_with(|| waker.clone());
        }
        drop(now);
        wake(woken);
        lost
    }

    /// A task has ended in this way, unless it is lost.
    fn ends<S: State>(
        &self,
        ledger: Option<&dyn Ledger<S>>,
        task: TaskKey,
        (attempts, fallback): (u32, bool),
        how: How,
        outcome: Outcome<S>,
    ) -> Ended<S> {
        let mut woken = Vec::new();
        let mut now = self.now.lock();
        self.look_at_clock(&mut now, Some(task.node), &mut woken);
        let place = now.n_ended;
        let lost = self.lost_in(&now, task.node);
        let is_lost = lost.is_some();
        let (attempts, ending, mut result, dropped) = match lost {
            // How far it had got is a matter of time.
            Some(ending) => (0, ending, Ok(Outcome::empty()), Some(outcome)),
            None => {
                let place = Some(place);
                (attempts, Ending { place, how }, Ok(outcome), None)
            }
        };
        let success = ending.how == How::Done;
        let ending = Some(Box::new(ending));
        let ended = match ledger {
            None => None,
            Some(ledger) => {
                let ending = ending.clone();
                let attempt = (attempts, fallback);
                ledger.take_down(task, attempt, Asked::Nothing, &mut result, ending)
            }
        };
        let ended = ended.unwrap_or_else(|| {
            Ok(Done {
                attempts,
                paused: false,
                fallback,
                ending,
                outcome: result.unwrap_or_else(|_| Outcome::empty()),
            })
        });
        if ended.is_ok() && !is_lost {
            now.n_ended += 1;
            self.count(&mut now, task, (place, success), &mut woken);
        }
        now.seats.remove(&task);
        now.over.insert(task);
        drop(now);
        wake(woken);
        // What users' values do when they are dropped is not a task's failure.
        drop(caught(|| drop(dropped)));
        ended
    }

    async fn watch_over<S: State>(
        &self,
        task: TaskKey,
        ledger: Option<Arc<dyn Ledger<S>>>,
        mut work: BoxFuture<Ended<S>>,
    ) -> Ended<S> {
        let ledger = ledger.as_deref();
        let deadline = self.deadline(task.node);
        let mut timer = deadline.map(|at| Box::pin(sleep_until(at)));
        let raced = poll_fn(|cx| {
            if let Some(over) = &mut timer
                && over.as_mut().poll(cx).is_ready()
            {
                timer = None;
            }
            match self.word(task, cx.waker()) {
                Some(lost) => Poll::Ready(Err(lost)),
                None => work.as_mut().poll(cx).map(Ok),
            }
        });
        let raced = raced.await;
        // Its body can panic when it is dropped.
        drop(caught(|| drop(work)));
        match raced {
            Ok(Err(failed)) if self.absorbs(task.node, &failed) => {
                let why = with_causes(failed.error.as_error());
                let how = How::Failed(why);
                let attempt = (failed.attempts, false);
                self.ends(ledger, task, attempt, how, Outcome::empty())
            }
            Ok(ended) => ended,
            Err(lost) => self.ends(ledger, task, (0, false), lost.how, Outcome::empty()),
        }
    }

    /// Whether a failure is data; an answer that is not what was asked for is
    /// whose who gave it.
    fn absorbs(&self, node: NodeIndex, failed: &Failed) -> bool {
        let error = failed.error.as_error();
        let inside = error.downcast_ref::<RunError>();
        let is_answer = error.is::<BadAnswer>() || matches!(inside, Some(RunError::Answer { .. }));
        self.rules.member(node).absorbed && !is_answer
    }
}

impl<S: State> Referee<S> for JoinReferee {
    fn begin(&self, frontier: &Frontier, tasks: &[TaskKey]) {
        self.begin(frontier, tasks);
    }

    fn replay(&self, ended: &[(TaskKey, &Ending)]) {
        let mut ended = ended.to_vec();
        // Who has the place at which a time was over came after that.
        let is_over = |how: &How| matches!(how, How::TimedOut(_));
        ended.sort_by_key(|(_, ending)| (ending.place, !is_over(&ending.how)));
        let mut now = self.now.lock();
        for (task, ending) in ended {
            let Some(place) = ending.place else {
                continue;
            };
            if let How::TimedOut(join) = ending.how {
                // The graph may have changed since.
                if let Err(at) = now.active.binary_search(&join) {
                    now.active.insert(at, join);
                }
                let closed = Closed::TimedOut(place);
                self.close(&mut now, join, closed, &mut Vec::new());
                continue;
            }
            now.n_ended = place + 1;
            let success = ending.how == How::Done;
            self.count(&mut now, task, (place, success), &mut Vec::new());
        }
    }

    fn is_member(&self, task: TaskKey) -> bool {
        self.rules.is_member(task.node)
    }

    fn lost(&self, task: TaskKey) -> Option<Ending> {
        self.lost_in(&self.now.lock(), task.node)
    }

    fn supervise(
        self: Arc<Self>,
        task: TaskKey,
        ledger: Option<Arc<dyn Ledger<S>>>,
        work: BoxFuture<Ended<S>>,
    ) -> BoxFuture<Ended<S>> {
        Box::pin(async move { self.watch_over(task, ledger, work).await })
    }

    fn take_down(
        &self,
        ledger: Option<&dyn Ledger<S>>,
        task: TaskKey,
        attempt: (u32, bool),
        asked: Asked,
        result: &mut Result<Outcome<S>, NodeError>,
    ) -> Option<Ended<S>> {
        match (asked, result) {
            (Asked::Nothing, Ok(outcome)) => {
                let outcome = mem::replace(outcome, Outcome::empty());
                Some(self.ends(ledger, task, attempt, How::Done, outcome))
            }
            (_, result) if self.lost_in(&self.now.lock(), task.node).is_some() => {
                drop(caught(|| drop(mem::replace(result, Ok(Outcome::empty())))));
                Some(self.ends(ledger, task, attempt, How::Cancelled, Outcome::empty()))
            }
            (asked, result) => ledger?.take_down(task, attempt, asked, result, None),
        }
    }

    fn timed_out(&self) -> Vec<Option<u32>> {
        let mut now = self.now.lock();
        self.look_at_clock(&mut now, None, &mut Vec::new());
        let joins = now.joins.iter();
        let over = joins.map(|join| match join.closed {
            Some(Closed::TimedOut(n_ended)) => Some(n_ended),
            Some(Closed::Won) | None => None,
        });
        over.collect()
    }

    fn closers(&self) -> Vec<TaskKey> {
        let now = self.now.lock();
        let won = now.active.iter().map(|&join| &now.joins[join]);
        let won = won.filter(|join| matches!(join.closed, Some(Closed::Won)));
        let mut closers: Vec<(u32, TaskKey)> =
            won.flat_map(|join| join.counted.iter().copied()).collect();
        closers.sort_unstable();
        closers.dedup();
        closers.into_iter().map(|(_, task)| task).collect()
    }

    fn arrive(&self, frontier: &mut Frontier, came: &Came, timed_out: &[Option<u32>]) {
        if let Some(open) = &mut frontier.open {
            open.arrive(&self.rules, came, timed_out);
        }
    }

    fn judge(
        &self,
        frontier: &mut Frontier,
        (names, plain): (&[NodeName], &[FrozenJoin]),
        came: &[Came],
        timed_out: &[Option<u32>],
        tasks: &mut Vec<Task>,
    ) -> Result<(), Short> {
        let judge = Judge {
            rules: &self.rules,
            names,
            plain,
            came,
            timed_out,
        };
        judge.judge(frontier, tasks)
    }
}

/// Outside the lock: who is woken may want it.
fn wake(woken: Vec<Waker>) {
    for waker in woken {
        waker.wake();
    }
}
