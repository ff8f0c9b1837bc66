//! The loop of a run on a thread: plan, run what has not finished, settle,
//! write, and again.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use super::super::attempt::{Done, Failed};
use super::super::drive::Progress;
use super::super::error::RunError;
use super::super::results::{Parts as ResultParts, Results};
use super::super::settle::TaskKey;
use super::super::stop::Stop;
use super::super::turn::Turn;
use super::breakpoints::Breakpoints;
use super::call::{Answers, ThreadCall};
use super::entries::{BREAKPOINT, Entries, RESULT, Standing};
use super::fields::{Changes, FieldLogs};
use super::inside::answer_inside;
use super::ledger::{BadAnswer, TaskLedger, read_result};
use super::line::{Head, Line};
use super::memory::Changed;
use super::paths::{self, place_of};
use crate::checkpoint::{
    Body, CheckpointError, CheckpointRecord, Commit, EntryRecord, FORMAT, Source,
};
use crate::compile::{Frozen, NodeIndex};
use crate::id::{CheckpointId, TaskId};
use crate::plan::{Task, write_tasks};
use crate::state::State;

/// A run on a thread between its begin and its end.
pub(super) struct Threaded<'h, S: State, C> {
    pub(super) progress: Progress<'h, S, C>,
    pub(super) line: Line,
    pub(super) ledger: Arc<TaskLedger>,
    pub(super) logs: FieldLogs,
    pub(super) changes: Changes,
    /// What graphs inside have changed of what they remember.
    pub(super) remembered: Changed,
    /// Of the checkpoint that the superstep at work began from.
    pub(super) entries: Arc<Entries>,
    /// The tasks of the plan, in order.
    pub(super) plan: Vec<TaskId>,
    /// The tasks that have just been answered.
    pub(super) answered: BTreeSet<String>,
    pub(super) breakpoints: Breakpoints,
    /// Whether the last checkpoint is one to stop at.
    pub(super) stopped: bool,
    /// Where graphs inside have stopped, with the number of the superstep before
    /// which they have.
    pub(super) stops_inside: Vec<(String, u64)>,
    /// The state of a run that is done, for the next.
    pub(super) copy: Option<S>,
    pub(super) call: ThreadCall,
}

/// How a run on a thread ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    /// At a breakpoint, or since somebody has to answer.
    Interrupted,
    Drained,
}

impl<S: State, C: Send + Sync + 'static> Threaded<'_, S, C> {
    /// Runs superstep after superstep. `answers` are for questions that are
    /// yet to be asked.
    pub(super) async fn go_on(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: &mut Vec<Task>,
        mut answers: Option<Answers>,
    ) -> Result<End, RunError> {
        let mut turn = Turn::begin();
        loop {
            self.progress.let_read().await;
            // A store in memory never waits.
            turn.pass().await;
            if tasks.is_empty() {
                return match answers {
                    None => Ok(End::Done),
                    Some(_) => Err(self.nothing_asked()),
                };
            }
            if self.stopped {
                return match answers {
                    None => Ok(End::Interrupted),
                    Some(_) => Err(self.nothing_asked()),
                };
            }
            if self.progress.drains()? {
                return match answers {
                    None => Ok(End::Drained),
                    // They are not to be lost without a word.
                    Some(_) => Err(self.progress.stopped(Stop::Cancelled, std::iter::empty())),
                };
            }
            if !self.superstep(graph, tasks).await? {
                let Some(answers) = answers.take() else {
                    return self.end_waiting().await;
                };
                self.load(graph, None, tasks).await?;
                self.answer(graph, answers).await?;
            } else if answers.is_some() {
                // They are for what that checkpoint asks, and for nothing later.
                return Err(self.nothing_asked());
            }
        }
    }

    /// How the run ends when a superstep waits. One that waits for nobody was
    /// drained inside.
    async fn end_waiting(&mut self) -> Result<End, RunError> {
        if self.stops_inside.is_empty() && self.interrupts().is_empty() {
            return Ok(End::Drained);
        }
        self.mark_stops_inside().await?;
        Ok(End::Interrupted)
    }

    /// Runs a superstep; false if it waits for somebody.
    async fn superstep(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: &mut Vec<Task>,
    ) -> Result<bool, RunError> {
        let keys: Vec<TaskKey> = tasks.iter().map(TaskKey::of).collect();
        self.begin_with_joins(graph, &keys).await?;
        if !self.waits_only() {
            self.progress.begin_general(tasks)?;
        }
        let mut results = Results::of(keys.len());
        let parked = self
            .run_the_rest(graph, std::mem::take(tasks), &mut results)
            .await?;
        self.answered.clear();
        let parked = (parked || results.any_paused()) && {
            self.drop_lost(&keys, &mut results).await?;
            results.any_open()
        };
        if parked {
            self.pause(graph, &keys, results).await?;
            return Ok(false);
        }
        self.note_changes(&results)?;
        self.note_memories(&results)?;
        self.note_starved(graph, (&keys, &results))?;
        let lost = self.unsuccessful(&keys, &results);
        let settled = self.progress.end_superstep(graph, &keys, results, tasks);
        if let Err(error) = settled {
            self.take_back(&error, &keys, &lost).await?;
            return Err(error);
        }
        for field in self.progress.take_expired() {
            self.changes.value(field);
        }
        let mut ran: Vec<NodeIndex> = keys.iter().map(|key| key.node).collect();
        ran.dedup();
        let step = self.line.head.map_or(0, |head| head.step + 1);
        self.commit(graph, Source::Superstep, step, &ran, tasks)
            .await?;
        Ok(true)
    }

    /// Whether nothing of the superstep can run before somebody answers.
    fn waits_only(&self) -> bool {
        let standing = |task: &TaskId| self.entries.standing(&task.to_string(), &self.answered);
        let (mut parked, mut ready) = (false, false);
        for task in &self.plan {
            parked |= matches!(standing(task), Standing::Parked);
            ready |= matches!(standing(task), Standing::Ready);
        }
        parked && !ready
    }

    /// Runs the tasks that have not finished; says whether some are parked.
    async fn run_the_rest(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: Vec<Task>,
        results: &mut Results<S>,
    ) -> Result<bool, RunError> {
        let n_tasks = tasks.len();
        let (mut indices, mut to_run, mut parked) = (Vec::new(), Vec::new(), false);
        for (index, task) in tasks.into_iter().enumerate() {
            let name = self.plan[index].to_string();
            match self.entries.standing(&name, &self.answered) {
                Standing::Ready => {
                    indices.push(index);
                    to_run.push(task);
                }
                Standing::Parked => parked = true,
                Standing::Finished(json) => {
                    let done = self.result(graph, &name, json)?;
                    results.note(index, Ok(done));
                }
            }
        }
        if to_run.is_empty() {
            return Ok(parked);
        }
        let place = self.line.place();
        self.ledger.begin(
            Arc::clone(&self.entries),
            n_tasks == 1,
            place,
            self.answered.clone(),
        );
        let keys: Vec<TaskKey> = to_run.iter().map(TaskKey::of).collect();
        let work = self.progress.execute(to_run);
        let executed = self.line.alongside(work).await??;
        let ResultParts {
            done,
            failure,
            stop,
        } = executed.into_parts();
        if let Some((index, failed)) = failure {
            self.line.flush().await?;
            return Err(self.task_failed(keys[index], failed).await?);
        }
        let lost = keys.iter().zip(&done).filter(|(_, done)| done.is_none());
        let lost: Vec<TaskKey> = lost.map(|(&key, _)| key).collect();
        if !lost.is_empty() {
            let stop = stop.unwrap_or(Stop::Broken);
            return Err(self.progress.stopped(stop, lost.into_iter()));
        }
        for (index, done) in indices.into_iter().zip(done.into_iter().flatten()) {
            results.note(index, Ok(done));
        }
        Ok(parked)
    }

    /// What a task came to that has finished.
    pub(super) fn result(
        &self,
        graph: &Frozen<S, C>,
        task: &str,
        json: &str,
    ) -> Result<Done<S>, RunError> {
        let (_, TaskId { node, .. }) = place_of(task);
        read_result(graph, &node, json, &|_, _| None).map_err(|why| {
            let what = format!("the result of task `{task}`");
            self.line.failed(CheckpointError::corrupt(what, why))
        })
    }

    /// The error of a task that failed.
    async fn task_failed(&mut self, key: TaskKey, failed: Failed) -> Result<RunError, RunError> {
        let failed = match answer_inside(failed) {
            Ok(error) => return Ok(error),
            Err(failed) => failed,
        };
        let task = self.progress.task_id(Some(key));
        let bad = failed.error.as_error().downcast_ref::<BadAnswer>();
        let Some(BadAnswer { key: question, why }) = bad else {
            return Ok(self.progress.failed(Some(key), failed));
        };
        let error = RunError::Answer {
            id: super::entries::interrupt_id(&task, question),
            why: why.clone(),
        };
        let answer = super::entries::key_of("answer", question);
        let back = EntryRecord::new(&task.to_string(), &answer, None);
        self.line.put(vec![back]).await?;
        Ok(error)
    }

    fn note_changes(&mut self, results: &Results<S>) -> Result<(), RunError> {
        let mut updates = results
            .done()
            .filter_map(|done| done.outcome.update.as_ref());
        updates.try_for_each(|update| self.note("an update", update))
    }

    /// Notes what an update is going to write.
    pub(super) fn note(&mut self, what: &str, update: &S::Update) -> Result<(), RunError> {
        self.progress.at.writes();
        let noted = self.changes.note(self.progress.fields, update);
        noted.map_err(|error| self.unwritable(what, error))
    }

    /// A superstep that failed after its tasks had finished leaves no results
    /// that would let it fail again in the same way. `lost` are the tasks that did
    /// not succeed: what has finished inside them is not why.
    async fn take_back(
        &mut self,
        error: &RunError,
        keys: &[TaskKey],
        lost: &[TaskId],
    ) -> Result<(), RunError> {
        let blamed = |task: &TaskId| match error {
            RunError::Node { task: blamed, .. } => task == blamed,
            RunError::UnknownTarget { node, .. } => task.node == *node,
            RunError::Join { .. } if !lost.is_empty() => lost.contains(task),
            _ => true,
        };
        let keeps = keeps_inside(error, lost);
        let tasks = keys.iter().map(|&key| self.progress.task_id(Some(key)));
        let entries = tasks.filter(blamed).flat_map(|task| {
            let inside = match keeps {
                true => Vec::new(),
                false => self.ledger.results_inside(&paths::inside(&task)),
            };
            let all = std::iter::once(task.to_string()).chain(inside);
            all.map(|path| EntryRecord::new(&path, RESULT, None))
        });
        let entries = entries.collect();
        self.line.put(entries).await
    }

    /// Writes the checkpoint that the run has come to.
    pub(super) async fn commit(
        &mut self,
        graph: &Frozen<S, C>,
        source: Source,
        step: u64,
        ran: &[NodeIndex],
        tasks: &[Task],
    ) -> Result<(), RunError> {
        let keeps = self.keep_inside().await?;
        let stops = self.stops(ran, tasks);
        self.stopped = stops;
        let (entries, release) = match stops {
            true => (
                vec![EntryRecord::new("", BREAKPOINT, Some("true".to_owned()))],
                true,
            ),
            false => (Vec::new(), tasks.is_empty()),
        };
        let mut commit = self.checkpoint(graph, source, step, ran, tasks)?;
        commit.drop_entries_of = commit.drop_entries_of.filter(|_| !keeps);
        self.plan = self.plan_of(graph, tasks);
        self.entries = Arc::new(Entries::stopped(stops));
        let keeps_warm = tasks.is_empty() && graph.threads.most_warm > 0;
        let (state, copy) = (&self.progress.state, &mut self.copy);
        let written = self.line.commit(Commit {
            entries,
            release,
            ..commit
        });
        // The copy is made while the checkpoint is written.
        let mut written = pin!(written);
        let mut begun = false;
        poll_fn(|cx| {
            let polled = written.as_mut().poll(cx);
            if keeps_warm && !begun {
                *copy = Some(S::clone(state));
            }
            begun = true;
            polled
        })
        .await
    }

    /// The checkpoint that the run has come to.
    pub(super) fn checkpoint(
        &mut self,
        graph: &Frozen<S, C>,
        source: Source,
        step: u64,
        ran: &[NodeIndex],
        tasks: &[Task],
    ) -> Result<Commit, RunError> {
        self.progress.at.writes();
        let id = self.line.next_id();
        let changes = std::mem::take(&mut self.changes);
        let fields = self.logs.records(id, &*self.progress.state, changes);
        let mut fields = fields.map_err(|error| self.unwritable("the state", error))?;
        let next = write_tasks(graph, tasks).map_err(|(node, error)| {
            self.unwritable(&format!("what was sent to `{node}`"), error)
        })?;
        let changed = std::mem::take(&mut self.remembered);
        let (remembered, memories) = self.ledger.memories.commit(id, changed);
        fields.extend(remembered);
        let progress = &self.progress;
        let body = Body {
            format: FORMAT,
            graph: graph.name.clone(),
            version: S::VERSION,
            fields: self.logs.ages(id).map(|(_, age)| age).collect(),
            ran: ran
                .iter()
                .map(|&node| graph.name_of(node).to_string())
                .collect(),
            next,
            joins: progress.frontier.write_joins(graph),
            deferred: progress.frontier.write_deferred(graph),
            kept: progress.frontier.write_kept(graph),
            held: progress.held(),
            memories,
            starved: progress.frontier.write_starved(),
        };
        let body = serde_json::to_string(&body);
        let body = body.map_err(|error| self.unwritable("the plan", error))?;
        let parent = self.line.head;
        let checkpoint = CheckpointRecord {
            id,
            parent: parent.map(|head| head.id),
            line: line_of(id, parent),
            step,
            source,
            created_at: super::super::clock::now(),
            body,
            checksum: 0,
        };
        Ok(Commit {
            checkpoint: checkpoint.sealed(),
            fields,
            entries: Vec::new(),
            // Of an older one, what is there says what was inside it.
            drop_entries_of: parent.map(|head| head.id).filter(|_| !self.line.forks()),
            release: false,
        })
    }

    pub(super) fn stops(&self, ran: &[NodeIndex], tasks: &[Task]) -> bool {
        !tasks.is_empty() && self.breakpoints.stop(ran, tasks)
    }

    pub(super) fn plan_of(&self, graph: &Frozen<S, C>, tasks: &[Task]) -> Vec<TaskId> {
        tasks.iter().map(|task| task.id(graph)).collect()
    }

    pub(super) fn unwritable(&self, what: &str, error: serde_json::Error) -> RunError {
        self.line.failed(CheckpointError::Unwritable {
            what: what.to_owned(),
            source: Box::new(error),
        })
    }
}

/// Whether tasks run again from where they stopped, after an error at the end of
/// their superstep: if that is since these did not succeed.
pub(super) fn keeps_inside(error: &RunError, lost: &[TaskId]) -> bool {
    matches!(error, RunError::Join { .. }) && !lost.is_empty()
}

/// The line of a checkpoint that follows another.
fn line_of(id: CheckpointId, parent: Option<Head>) -> CheckpointId {
    match parent {
        Some(head) if CheckpointId::after(Some(head.id)) == id => head.line,
        _ => id,
    }
}

impl<S: State> Results<S> {
    fn any_paused(&self) -> bool {
        self.done().any(|done: &Done<S>| done.paused)
    }
}
