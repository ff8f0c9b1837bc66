//! A graph that is a node, on the thread of the graph around it.
//!
//! 1. What its tasks leave is kept among the entries of the parent's checkpoint,
//!    under paths: `review/0/2/approve` is `approve` in superstep 2 of the graph
//!    that is `review`.
//! 2. When the parent's task runs again it begins from the same state, and what
//!    has finished inside it is not run again: its results are merged anew, and
//!    its routes asked anew.
//! 3. It pauses when a superstep of it does, and its parent's task with it.
//!    So it does at a breakpoint of its own, or of the call.
//! 4. When the parent's superstep is committed, what it handed on is part of
//!    that, and the entries go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::super::attempt::{Done, Ended, Ending, Failed};
use super::super::drive::Progress;
use super::super::error::RunError;
use super::super::hooks::Ledger;
use super::super::results::{Parts as ResultParts, Results};
use super::super::settle::TaskKey;
use super::super::stop::Stop;
use super::super::turn::Turn;
use super::breakpoints::Breakpoints;
use super::drive::keeps_inside;
use super::entries::{RESULT, key_of};
use super::ledger::{BadAnswer, Named, StandingInside, TaskLedger, read_result_inside, targets};
use super::memory::Changed;
use super::paths;
use crate::compile::{Frozen, NodeIndex};
use crate::id::{NodeName, TaskId};
use crate::node::{Asked, Desk, FindWorker, NodeError, Outcome};
use crate::plan::Task;
use crate::state::State;

/// Where on a thread a graph stands that has graphs as nodes.
pub(in crate::run) enum OnThread {
    /// It is the thread's own.
    Itself(Arc<TaskLedger>),
    Inside(Arc<InsideLedger>),
}

impl OnThread {
    /// The ledger of a graph that is a node of it, in a task.
    pub(in crate::run) fn inside<S: State, C>(
        &self,
        node: &NodeName,
        send: Option<u32>,
        graph: &Frozen<S, C>,
    ) -> InsideLedger {
        let send = Some(send.unwrap_or(0));
        let (thread, around, path) = match self {
            Self::Itself(thread) => {
                let node = node.clone();
                (thread, None, TaskId { node, send }.to_string())
            }
            Self::Inside(around) => {
                let path = around.path_of(node, send);
                (&around.thread, Some(Arc::clone(around)), path)
            }
        };
        thread.memories.begin(&path);
        InsideLedger {
            thread: Arc::clone(thread),
            breakpoints: thread.breakpoints.of_graph(&path, graph),
            around,
            remembered: Mutex::default(),
            names: Arc::clone(&graph.names),
            targets: targets(graph),
            path,
            superstep: AtomicU64::new(0),
        }
    }
}

/// The ledger of a graph that is a node.
pub(in crate::run) struct InsideLedger {
    pub(super) thread: Arc<TaskLedger>,
    /// That of the graph around it, if that is inside another.
    pub(super) around: Option<Arc<Self>>,
    /// What is to be remembered of its supersteps so far.
    pub(super) remembered: Mutex<Changed>,
    names: Arc<[NodeName]>,
    /// Of the joins of the graph that have rules.
    targets: Vec<NodeName>,
    breakpoints: Breakpoints,
    /// The parent's task: `review/0`, or `review/0/2/section/1` further down.
    pub(super) path: String,
    superstep: AtomicU64,
}

impl InsideLedger {
    /// The path of a task of the superstep at work, with its number.
    fn path_of(&self, node: &NodeName, send: Option<u32>) -> String {
        let task = TaskId {
            node: node.clone(),
            send,
        };
        let superstep = self.superstep.load(Ordering::Relaxed);
        format!("{}/{superstep}/{task}", self.path)
    }

    pub(super) fn key(&self, task: TaskKey) -> String {
        self.path_of(&self.names[task.node as usize], task.number())
    }

    /// Whether it stops between these nodes and tasks, the latter of that
    /// superstep.
    fn stops(&self, ran: &[NodeIndex], tasks: &[Task], superstep: u64) -> bool {
        self.breakpoints.stop(ran, tasks) && self.thread.stop_inside(&self.path, superstep)
    }
}

impl<S: State> Ledger<S> for InsideLedger {
    fn stopped<'a>(&'a self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        // The parent's task is dropped then, and this with it.
        Box::pin(std::future::pending())
    }

    fn desk(&self, task: TaskKey) -> Arc<Desk> {
        self.thread.desk_inside(&self.key(task))
    }

    fn is_answered(&self, task: TaskKey) -> bool {
        self.thread.is_task_answered(&self.key(task))
    }

    fn take_down(
        &self,
        task: TaskKey,
        attempt: (u32, bool),
        asked: Asked,
        result: &mut Result<Outcome<S>, NodeError>,
        ending: Option<Box<Ending>>,
    ) -> Option<Ended<S>> {
        let task = Named {
            name: self.key(task),
            inside: true,
            targets: &self.targets,
        };
        self.thread
            .take_down_as(task, attempt, asked, result, ending)
    }
}

/// How a run inside another ended, short of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::run) enum InsideEnd {
    Done,
    Paused,
}

impl<S: State, C: Send + Sync + 'static> Progress<'_, S, C> {
    /// Runs from the input to the end, or until something inside waits, or the
    /// run is drained.
    pub(in crate::run) async fn go_inside(
        &mut self,
        input: &mut S::Update,
        ledger: &InsideLedger,
        outer: &FindWorker<'_>,
        drains: &(dyn Fn() -> bool + Sync),
    ) -> Result<InsideEnd, RunError> {
        let graph = Arc::clone(&self.shared.graph);
        let mut tasks = Vec::new();
        self.begin(&graph, input, &mut tasks)?;
        ledger.thread.begin_inside(&ledger.path);
        let mut ran: Vec<NodeIndex> = Vec::new();
        let mut turn = Turn::begin();
        loop {
            self.let_read().await;
            turn.pass().await;
            let next = match self.leaves() {
                true => &[][..],
                false => &tasks[..],
            };
            if ledger.stops(&ran, next, self.superstep + 1) {
                return Ok(InsideEnd::Paused);
            }
            if tasks.is_empty() || self.leaves() {
                return Ok(InsideEnd::Done);
            }
            self.drains()?;
            if drains() {
                return Ok(InsideEnd::Paused);
            }
            ran.clear();
            ran.extend(tasks.iter().map(|task| task.node));
            if !self
                .superstep_inside(&graph, &mut tasks, ledger, outer)
                .await?
            {
                return Ok(InsideEnd::Paused);
            }
        }
    }

    /// Runs a superstep; false if it waits for somebody.
    async fn superstep_inside(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: &mut Vec<Task>,
        ledger: &InsideLedger,
        outer: &FindWorker<'_>,
    ) -> Result<bool, RunError> {
        self.begin_general(tasks)?;
        ledger.superstep.store(self.superstep, Ordering::Relaxed);
        let keys: Vec<TaskKey> = tasks.iter().map(TaskKey::of).collect();
        let mut results = Results::of(keys.len());
        let (mut indices, mut to_run, mut known) = (Vec::new(), Vec::new(), Vec::new());
        for (index, task) in std::mem::take(tasks).into_iter().enumerate() {
            match ledger.thread.standing_inside(&ledger.key(keys[index])) {
                StandingInside::Ready => {
                    indices.push(index);
                    to_run.push(task);
                }
                StandingInside::Parked => {}
                StandingInside::Finished(json) => {
                    let node = graph.name_of(keys[index].node);
                    let done = read_result_inside(graph, node, &json, outer);
                    let done = done.map_err(|why| self.unreadable(keys[index], &why))?;
                    results.note(index, Ok(done));
                    known.push((index, json));
                }
            }
        }
        self.begin_joins(&keys, &results);
        self.count_unless_over(&keys, &to_run, ledger);
        if !to_run.is_empty() {
            let ResultParts {
                done,
                failure,
                stop,
            } = self.execute(to_run).await?.into_parts();
            if let Some((index, failed)) = failure {
                return Err(self.failed_inside(keys[indices[index]], failed, ledger));
            }
            let lost = indices.iter().zip(&done).filter(|(_, done)| done.is_none());
            let lost: Vec<TaskKey> = lost.map(|(&index, _)| keys[index]).collect();
            if !lost.is_empty() {
                return Err(self.stopped(stop.unwrap_or(Stop::Broken), lost.into_iter()));
            }
            for (index, done) in indices.into_iter().zip(done.into_iter().flatten()) {
                results.note(index, Ok(done));
            }
        }
        let Some(results) = self.unless_it_waits(&keys, results, ledger) else {
            return Ok(false);
        };
        let ended = keys.iter().zip(results.done());
        let lost = ended.filter(|(_, done)| !done.has_succeeded());
        let lost: Vec<TaskId> = lost.map(|(&key, _)| self.task_id(Some(key))).collect();
        let unreadable = |it: &Self, (task, error): (TaskKey, serde_json::Error)| {
            it.unreadable(task, &error.to_string())
        };
        let starved = ledger.starved_by(graph, (&keys, &results), &known);
        let starved = starved.map_err(|why| unreadable(self, why))?;
        let counting = ledger.counting(&keys, &results);
        let settled = self.end_superstep(graph, &keys, results, tasks);
        if let Err(error) = &settled {
            self.take_back_inside(error, (&keys, &lost), ledger);
        }
        settled?;
        self.frontier.starve(starved);
        let left = ledger.left_by(counting, &known);
        left.map_err(|why| unreadable(self, why))?;
        Ok(true)
    }

    /// The limit counts no superstep of which all was over before this call.
    fn count_unless_over(&mut self, keys: &[TaskKey], to_run: &[Task], ledger: &InsideLedger) {
        let mut tasks = keys.iter().map(|&key| ledger.key(key));
        let came = |task: String| ledger.thread.came_in_this_call(&task);
        if to_run.is_empty() && !tasks.any(came) {
            self.last_superstep = self.last_superstep.saturating_add(1);
        }
    }

    /// Tells who decides about joins that a superstep begins, and what of it is
    /// over.
    pub(super) fn begin_joins(&self, keys: &[TaskKey], results: &Results<S>) {
        if let Some(referee) = &self.shared.referee {
            referee.begin(&self.frontier, keys);
            referee.replay(&results.endings(keys));
        }
    }

    /// What a superstep came to, if it does not wait.
    fn unless_it_waits(
        &mut self,
        keys: &[TaskKey],
        mut results: Results<S>,
        ledger: &InsideLedger,
    ) -> Option<Results<S>> {
        if !self.waits(keys, &mut results, ledger) {
            return Some(results);
        }
        if let Some(observer) = &mut self.observer {
            observer.paused(&results.not_paused());
        }
        None
    }

    /// Whether tasks wait for answers; those whose join has closed do not.
    fn waits(&self, keys: &[TaskKey], results: &mut Results<S>, ledger: &InsideLedger) -> bool {
        let mut waits = false;
        for (index, &key) in keys.iter().enumerate() {
            if results.of_task(index).is_some_and(|done| !done.paused) {
                continue;
            }
            let referee = self.shared.referee.as_ref();
            match referee.and_then(|referee| referee.lost(key)) {
                None => waits = true,
                Some(how) => {
                    let done = Done::lost(how);
                    let task = Named {
                        name: ledger.key(key),
                        inside: true,
                        targets: &ledger.targets,
                    };
                    ledger.thread.lose_inside(&task, &done);
                    results.note(index, Ok(done));
                }
            }
        }
        waits
    }

    /// The error of a task inside that failed. A wrong answer is taken back: the
    /// question is open again.
    fn failed_inside(&self, key: TaskKey, failed: Failed, ledger: &InsideLedger) -> RunError {
        let failed = match answer_inside(failed) {
            Ok(error) => return error,
            Err(failed) => failed,
        };
        let bad = failed.error.as_error().downcast_ref::<BadAnswer>();
        let Some(BadAnswer { key: question, why }) = bad else {
            return self.failed(Some(key), failed);
        };
        let path = ledger.key(key);
        let error = RunError::Answer {
            id: paths::interrupt_id(&path, question),
            why: why.clone(),
        };
        let answer = key_of("answer", question);
        ledger.thread.take_back_inside(&path, &answer);
        error
    }

    /// A superstep that failed after its tasks had finished leaves no results
    /// that would let it fail again in the same way.
    fn take_back_inside(
        &self,
        error: &RunError,
        (keys, lost): (&[TaskKey], &[TaskId]),
        ledger: &InsideLedger,
    ) {
        let keeps = keeps_inside(error, lost);
        for &key in keys {
            let task = self.task_id(Some(key));
            let blamed = match error {
                RunError::Node { task: blamed, .. } => task == *blamed,
                RunError::UnknownTarget { node, .. } => task.node == *node,
                RunError::Join { .. } if !lost.is_empty() => lost.contains(&task),
                _ => true,
            };
            if blamed {
                let path = ledger.key(key);
                let around = ledger.path_of(&task.node, Some(task.send.unwrap_or(0)));
                let inside = match keeps {
                    true => Vec::new(),
                    false => ledger.thread.results_inside(&format!("{around}/")),
                };
                for inside in inside {
                    ledger.thread.take_back_inside(&inside, RESULT);
                }
                ledger.thread.take_back_inside(&path, RESULT);
            }
        }
    }

    fn unreadable(&self, key: TaskKey, why: &str) -> RunError {
        let task = self.task_id(Some(key));
        let error = NodeError::msg(format_args!(
            "the result of task `{task}`, which was written down, cannot be read: {why}"
        ));
        self.failed(Some(key), Failed::once(error))
    }
}

/// The error of a task inside which an answer was wrong: it is the run's.
pub(super) fn answer_inside(failed: Failed) -> Result<RunError, Failed> {
    let inside = failed.error.as_error().downcast_ref::<RunError>();
    let Some(RunError::Answer { id, why }) = inside else {
        return Err(failed);
    };
    Ok(RunError::Answer {
        id: id.clone(),
        why: why.clone(),
    })
}
