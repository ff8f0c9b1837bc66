//! The loop: plan, execute, settle, and again.

use std::sync::Arc;

use super::attempt::{Ended, Shared, TaskFuture};
use super::error::RunError;
use super::execute::execute;
use super::record::Record;
use super::rehearse::rehearse;
use super::result::{Ran, Run, Status};
use super::settle::{Success, TaskKey};
use crate::compile::Frozen;
use crate::merge::Ephemerals;
use crate::plan::{Frontier, Task};
use crate::state::{FieldSchema, State};

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

    pub(super) fn graph(&self) -> &Frozen<S, C> {
        &self.shared.graph
    }

    /// Runs from the input to the end.
    pub(super) async fn run(&mut self, input: S::Update) -> Result<(), RunError> {
        let mut tasks = self.begin(input)?;
        while !tasks.is_empty() {
            if self.superstep == self.recursion_limit {
                return Err(self.recursion_limit(&tasks));
            }
            self.superstep += 1;
            self.ran.push(tasks.iter().map(|task| task.node));
            if let Some(record) = &mut self.record {
                record.begin(self.superstep, &tasks);
            }
            if tasks.len() == 1 && self.shared.rehearsal.is_none() {
                self.superstep_of_one(&mut tasks).await?;
            } else {
                self.superstep_of_many(&mut tasks).await?;
            }
        }
        Ok(())
    }

    /// Applies the input, and plans the first superstep.
    fn begin(&mut self, input: S::Update) -> Result<Vec<Task>, RunError> {
        let written = self.written([&input].into_iter());
        self.apply(None, input)?;
        self.expire(written);
        let graph = Arc::clone(&self.shared.graph);
        let mut chosen = Vec::new();
        self.ask_routes(None, &graph.start, &mut chosen)?;
        if let Some(record) = &mut self.record {
            record.leads(None, &graph, &self.frontier, &graph.start, &chosen);
        }
        let mut tasks = Vec::new();
        self.frontier
            .finish(&graph, &graph.start, chosen, &mut tasks);
        self.frontier.tasks(&graph, &mut tasks);
        Ok(tasks)
    }

    async fn superstep_of_one(&mut self, tasks: &mut Vec<Task>) -> Result<(), RunError> {
        let Some(task) = tasks.pop() else {
            return Ok(());
        };
        let key = key(&task);
        let future = TaskFuture::start(&self.shared, &self.state, self.superstep, 0, task);
        let ended = future.await;
        let mut success = self.succeed(key, ended)?;
        if let Some(record) = &mut self.record {
            record.updates(std::slice::from_ref(&success));
        }
        self.settle_one(&mut success)?;
        self.follow(0, success, tasks);
        self.frontier.tasks(&self.shared.graph, tasks);
        Ok(())
    }

    async fn superstep_of_many(&mut self, tasks: &mut Vec<Task>) -> Result<(), RunError> {
        let keys: Vec<TaskKey> = tasks.iter().map(key).collect();
        let ended = self.execute(std::mem::take(tasks)).await?;
        let mut successes = self.successes(&keys, ended)?;
        if let Some(record) = &mut self.record {
            record.updates(&successes);
        }
        self.settle_all(&mut successes)?;
        for (index, success) in successes.into_iter().enumerate() {
            self.follow(index, success, tasks);
        }
        self.frontier.tasks(&self.shared.graph, tasks);
        Ok(())
    }

    /// Makes ready what a finished task leads to.
    #[inline]
    fn follow(&mut self, index: usize, success: Success<S>, tasks: &mut Vec<Task>) {
        let graph = &self.shared.graph;
        let exits = &graph.node(success.key.0).exits;
        if let Some(record) = &mut self.record {
            record.leads(Some(index), graph, &self.frontier, exits, &success.chosen);
        }
        self.frontier.finish(graph, exits, success.chosen, tasks);
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
        keys: &[TaskKey],
        ended: Vec<Ended<S>>,
    ) -> Result<Vec<Success<S>>, RunError> {
        let n_ended = ended.len();
        let successes: Result<Vec<_>, _> = ended
            .into_iter()
            .map(|ended| self.succeed(keys[ended.index as usize], ended))
            .collect();
        debug_assert!(successes.is_err() || n_ended == keys.len());
        successes
    }

    fn recursion_limit(&self, next: &[Task]) -> RunError {
        let graph = self.graph();
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
