//! The loop: plan, execute, settle, and again.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::attempt::{Begun, Ended, Shared, TaskFuture, begin};
use super::error::RunError;
use super::execute::execute;
use super::record::Record;
use super::rehearse::rehearse;
use super::result::{Ran, Run, Status};
use super::settle::{Success, TaskKey};
use crate::compile::{Frozen, NodeIndex};
use crate::merge::Ephemerals;
use crate::plan::{Chosen, Frontier, Task};
use crate::state::{FieldSchema, State};

/// How many supersteps in a row may run without letting other tasks of the
/// runtime have a turn.
const TURN: usize = 256;

/// Why supersteps of one task each came to a halt.
enum Solo<S: State> {
    /// A task waits for something.
    AtWork(TaskKey, TaskFuture<S>),
    /// It is somebody else's turn.
    Turn,
    /// The next superstep has not one task.
    Over,
}

/// A run between its begin and its end.
pub(super) struct Progress<S: State, C> {
    pub(super) shared: Arc<Shared<S, C>>,
    pub(super) fields: &'static [FieldSchema],
    pub(super) state: Arc<S>,
    pub(super) frontier: Frontier,
    pub(super) ephemerals: Ephemerals,
    /// The superstep at work, from 1; 0 is the input.
    pub(super) superstep: u64,
    pub(super) recursion_limit: u64,
    pub(super) ran: Ran,
    /// Kept for a transcript only.
    pub(super) record: Option<Record>,
}

impl<S: State, C: Send + Sync + 'static> Progress<S, C> {
    pub(super) fn new(shared: Arc<Shared<S, C>>, recursion_limit: u64) -> Self {
        let fields = S::schema().fields;
        Self {
            frontier: Frontier::new(&shared.graph),
            shared,
            fields,
            state: Arc::new(S::default()),
            ephemerals: Ephemerals::new(fields),
            superstep: 0,
            recursion_limit,
            ran: Ran::default(),
            record: None,
        }
    }

    /// Runs from the input to the end.
    pub(super) async fn run(&mut self, input: S::Update) -> Result<(), RunError> {
        let shared = Arc::clone(&self.shared);
        let graph = &*shared.graph;
        let mut tasks = Vec::new();
        self.begin(graph, input, &mut tasks)?;
        while !tasks.is_empty() {
            if tasks.len() > 1 || shared.rehearsal.is_some() {
                self.superstep_of_many(graph, &mut tasks).await?;
                continue;
            }
            let solo = poll_fn(|cx| Poll::Ready(self.solo(graph, &mut tasks, cx)));
            match solo.await? {
                Solo::AtWork(key, future) => {
                    let ended = future.await;
                    let next = self.end_of_one(graph, key, ended, &mut Vec::new(), &mut tasks)?;
                    tasks.extend(next.map(|node| Task { node, send: None }));
                }
                Solo::Turn => tokio::task::yield_now().await,
                Solo::Over => {}
            }
        }
        Ok(())
    }

    /// Counts a superstep that is about to run.
    #[inline]
    fn begin_superstep(&mut self, tasks: &[Task]) -> Result<(), RunError> {
        if self.superstep == self.recursion_limit {
            return Err(self.recursion_limit(tasks));
        }
        if let [task] = tasks {
            // A wide superstep asks for a runtime in any case.
            let timed = !self.shared.graph.node(task.node).plain;
            if timed && Handle::try_current().is_err() {
                return Err(RunError::NoRuntime);
            }
        }
        self.superstep += 1;
        self.ran.push(tasks.iter().map(|task| task.node));
        if let Some(record) = &mut self.record {
            record.begin(self.superstep, tasks);
        }
        Ok(())
    }

    /// Runs supersteps of one task each, as long as bodies end at their first
    /// poll: an ordinary loop, without a suspension point in it.
    fn solo(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: &mut Vec<Task>,
        cx: &mut Context<'_>,
    ) -> Result<Solo<S>, RunError> {
        let mut chosen = Vec::new();
        let Some(mut task) = tasks.pop() else {
            return Ok(Solo::Over);
        };
        for _ in 0..TURN {
            self.begin_superstep(std::slice::from_ref(&task))?;
            let key = key(&task);
            let ended = match begin(&self.shared, &self.state, self.superstep, 0, task, cx) {
                Begun::Ended(ended) => ended,
                Begun::AtWork(future) => return Ok(Solo::AtWork(key, future)),
            };
            match self.end_of_one(graph, key, ended, &mut chosen, tasks)? {
                Some(node) => task = Task { node, send: None },
                None if tasks.len() == 1 => task = tasks.remove(0),
                None => return Ok(Solo::Over),
            }
        }
        tasks.push(task);
        Ok(Solo::Turn)
    }

    /// Applies the input, and plans the first superstep.
    fn begin(
        &mut self,
        graph: &Frozen<S, C>,
        mut input: S::Update,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        let written = self.written([&input].into_iter());
        self.apply(None, &mut input)?;
        self.expire(written);
        let mut chosen = Vec::new();
        self.ask_routes(graph, None, &graph.start, &mut chosen)?;
        if let Some(record) = &mut self.record {
            record.leads(None, graph, &self.frontier, &graph.start, &chosen);
        }
        self.frontier.finish(graph, &graph.start, chosen, tasks);
        self.frontier.tasks(graph, tasks);
        Ok(())
    }

    /// Settles a superstep of one task, and plans the next: returns its node if
    /// it is one without further ado, and else completes `tasks`.
    #[inline(always)]
    fn end_of_one(
        &mut self,
        graph: &Frozen<S, C>,
        key: TaskKey,
        ended: Ended<S>,
        chosen: &mut Vec<Chosen>,
        tasks: &mut Vec<Task>,
    ) -> Result<Option<NodeIndex>, RunError> {
        let outcome = self.outcome(graph, key, ended.attempts, ended.result)?;
        if let Some(record) = &mut self.record {
            record.updates([(ended.attempts, outcome.update.as_deref())].into_iter());
        }
        let settled = self.settle_one(graph, key, outcome, chosen);
        self.unmerged_unless_ok(&settled);
        settled?;
        let exits = &graph.node(key.0).exits;
        if let Some(record) = &mut self.record {
            record.leads(Some(0), graph, &self.frontier, exits, chosen);
        }
        if let Some(node) = Frontier::only(graph, exits, chosen) {
            return Ok(Some(node));
        }
        self.frontier.finish(graph, exits, chosen.drain(..), tasks);
        self.frontier.tasks(graph, tasks);
        Ok(None)
    }

    async fn superstep_of_many(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        self.begin_superstep(tasks)?;
        let keys: Vec<TaskKey> = tasks.iter().map(key).collect();
        let ended = self.execute(std::mem::take(tasks)).await?;
        let mut successes = self.successes(graph, &keys, ended)?;
        if let Some(record) = &mut self.record {
            record.updates(successes.iter().map(Success::update));
        }
        let settled = self.settle_all(graph, &mut successes);
        self.unmerged_unless_ok(&settled);
        let mut chosen = settled?.into_iter();
        for (index, &(node, _)) in keys.iter().enumerate() {
            let exits = &graph.node(node).exits;
            let chosen = chosen.next().unwrap_or_default();
            if let Some(record) = &mut self.record {
                record.leads(Some(index), graph, &self.frontier, exits, &chosen);
            }
            self.frontier.finish(graph, exits, chosen, tasks);
        }
        self.frontier.tasks(graph, tasks);
        Ok(())
    }

    #[inline]
    fn unmerged_unless_ok<T>(&mut self, settled: &Result<T, RunError>) {
        if let (Err(_), Some(record)) = (settled, &mut self.record) {
            record.unmerged();
        }
    }

    async fn execute(&self, tasks: Vec<Task>) -> Result<Vec<Ended<S>>, RunError> {
        match self.shared.rehearsal {
            None => execute(&self.shared, &self.state, self.superstep, tasks).await,
            Some(rehearsal) => {
                let (shared, state) = (&self.shared, &self.state);
                Ok(rehearse(rehearsal, shared, state, self.superstep, tasks).await)
            }
        }
    }

    /// The tasks that succeeded, or the failure that ends the run: the first
    /// in task order among those that have ended.
    fn successes(
        &self,
        graph: &Frozen<S, C>,
        keys: &[TaskKey],
        ended: Vec<Ended<S>>,
    ) -> Result<Vec<Success<S>>, RunError> {
        let n_ended = ended.len();
        let mut successes = Vec::with_capacity(n_ended);
        for ended in ended {
            let (key, attempts) = (keys[ended.index as usize], ended.attempts);
            let outcome = self.outcome(graph, key, attempts, ended.result)?;
            successes.push(Success {
                key,
                attempts,
                outcome,
            });
        }
        debug_assert_eq!(n_ended, keys.len(), "a task is missing, and none failed");
        Ok(successes)
    }

    fn recursion_limit(&self, next: &[Task]) -> RunError {
        let graph = &self.shared.graph;
        let mut names: Vec<_> = next
            .iter()
            .map(|task| graph.name_of(task.node).clone())
            .collect();
        names.dedup();
        RunError::RecursionLimit {
            limit: self.recursion_limit,
            last: self.ran.last(3, &graph.names),
            next: names,
        }
    }

    /// The result of a run that has ended.
    pub(super) fn finish(self) -> Run<S> {
        Run {
            starved: self.frontier.starved(&self.shared.graph),
            state: Arc::unwrap_or_clone(self.state),
            status: Status::Done,
            names: Arc::clone(&self.shared.graph.names),
            ran: self.ran,
        }
    }
}

fn key(task: &Task) -> TaskKey {
    (task.node, task.send.as_ref().map(|&(number, _)| number))
}
