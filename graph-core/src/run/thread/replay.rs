//! What has happened inside a task that is a graph, found out again: its graph
//! runs anew with what its tasks have left, and without a body.
//!
//! 1. It begins from what its task was given. Results that were written down are
//!    merged anew and routes asked anew, as when a run goes on.
//! 2. It stands still at a superstep of which some task has left no result: there
//!    the run inside is now, or was when it was last heard of.
//! 3. Graphs that are nodes of it are looked at in the same way, from the state
//!    that their task sees.
//! 4. One that remembers begins from what it remembered then: what the checkpoint
//!    holds, and what calls have changed in the supersteps before of graphs around.
//! 5. Nothing is written, nobody is told, and no context is there.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use super::super::attempt::{Done, Failed, Shared, caught};
use super::super::chance::Seed;
use super::super::drive::Progress;
use super::super::error::RunError;
use super::super::inner::Nested;
use super::super::joins::referee_of;
use super::super::limits::RunLimits;
use super::super::results::Results;
use super::super::settle::TaskKey;
use super::super::spans::Spans;
use super::super::traced::Tracer;
use super::entries::Entries;
use super::inspect::InsideSnapshot;
use super::ledger::read_result_inside;
use super::memory::Memories;
use super::pending::{Open, open_in};
use super::remembered::Remembered;
use crate::compile::{Frozen, Graph};
use crate::id::{CheckpointId, TaskId};
use crate::node::{EventValue, Input, InputType, NodeError, Outcome};
use crate::plan::Task;
use crate::state::State;

/// A look at what is inside the tasks of a checkpoint.
pub(in crate::run) struct Replay {
    entries: Arc<Entries>,
    checkpoint: CheckpointId,
    wanted: Wanted,
    /// The task at hand: `review/0`, or `review/0/2/section/1` further down.
    path: String,
    /// The workers of the graphs around, the innermost last.
    workers: Vec<Vec<InputType>>,
    remembered: Remembered,
    /// Why what the graph at hand remembered cannot be read.
    unreadable: Option<NodeError>,
    found: Vec<InsideSnapshot>,
    failed: Option<RunError>,
}

/// What is looked for.
pub(super) enum Wanted {
    /// Where each run stands that has not ended.
    Now,
    /// Each superstep of the run at the end of this way.
    All(VecDeque<Step>),
}

/// A step on the way to a run inside: a task of a superstep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) superstep: u64,
    pub(super) node: String,
    pub(super) send: u32,
}

/// The path of the run that these steps lead to.
pub(super) fn path_of(steps: impl Iterator<Item = Step>) -> String {
    let steps = steps.enumerate().map(|(number, step)| {
        let Step {
            superstep,
            node,
            send,
        } = step;
        match number {
            0 => format!("{node}/{send}"),
            _ => format!("{superstep}/{node}/{send}"),
        }
    });
    steps.collect::<Vec<_>>().join("/")
}

impl Step {
    fn is(&self, task: &TaskId) -> bool {
        task.node.as_str() == self.node && task.send.unwrap_or(0) == self.send
    }
}

impl Replay {
    pub(super) fn new(
        entries: &Arc<Entries>,
        (checkpoint, memories): (CheckpointId, Memories),
        wanted: Wanted,
    ) -> Self {
        Self {
            entries: Arc::clone(entries),
            checkpoint,
            wanted,
            path: String::new(),
            workers: Vec::new(),
            remembered: Remembered::new(memories),
            unreadable: None,
            found: Vec::new(),
            failed: None,
        }
    }

    /// Looks into tasks of the thread's own graph, which have seen that state: into
    /// those that have not ended, or the one where the way begins.
    pub(super) fn of_tasks<S: State, C>(
        mut self,
        graph: &Frozen<S, C>,
        state: &Arc<S>,
        tasks: &[Task],
    ) -> Result<Vec<InsideSnapshot>, RunError> {
        self.look(graph, state, tasks, 0);
        match self.failed {
            None => Ok(self.found),
            Some(error) => Err(error),
        }
    }

    /// Looks into tasks of a superstep.
    fn look<S: State, C>(
        &mut self,
        graph: &Frozen<S, C>,
        state: &Arc<S>,
        tasks: &[Task],
        superstep: u64,
    ) {
        let step = match &mut self.wanted {
            Wanted::Now => None,
            Wanted::All(way) => way.pop_front(),
        };
        for task in tasks.iter().filter(|task| graph.node(task.node).nested) {
            let id = task.id(graph);
            let own = self.path_in(superstep, &id.to_string());
            let looks = match &step {
                Some(step) => step.is(&id),
                None => self.result_of(&own).is_none(),
            };
            let path = self.path_in(superstep, &format!("{}/{}", id.node, id.send.unwrap_or(0)));
            if looks && self.entries.has_begun(&path) {
                self.look_into(graph, state, task, (superstep, path));
            }
        }
    }

    fn look_into<S: State, C>(
        &mut self,
        graph: &Frozen<S, C>,
        state: &Arc<S>,
        task: &Task,
        (superstep, path): (u64, String),
    ) {
        let around = std::mem::replace(&mut self.path, path);
        let workers = graph.nodes.iter().filter_map(|node| node.worker);
        self.workers.push(workers.collect());
        self.remembered.enter();
        let looked = caught(|| {
            let input = match &task.send {
                None => Input::State(state),
                Some((_, sent)) => Input::Sent(sent.clone()),
            };
            graph.node(task.node).body.replay(input, self);
        });
        self.remembered.leave();
        let unreadable = self.unreadable.take();
        if let Some(error) = looked.err().or(unreadable) {
            let id = task.id(graph);
            self.failed.get_or_insert(RunError::Node {
                node: id.node.clone(),
                task: id,
                attempt: 1,
                superstep,
                source: error.into_error(),
            });
        }
        self.workers.pop();
        self.path = around;
    }

    fn path_in(&self, superstep: u64, task: &str) -> String {
        match self.path.as_str() {
            "" => task.to_owned(),
            path => format!("{path}/{superstep}/{task}"),
        }
    }

    fn result_of(&self, path: &str) -> Option<&str> {
        self.entries.of(path)?.result.as_deref()
    }

    /// A worker of the graph so many levels up from the one at hand.
    fn worker(&self, levels: usize, name: &str) -> Option<InputType> {
        let around = self.workers.len().checked_sub(levels)?;
        let mut workers = self.workers.get(around)?.iter();
        workers.find(|worker| worker.worker == name).copied()
    }

    /// Whether every superstep of the run at hand is wanted.
    fn wants_all(&self) -> bool {
        matches!(&self.wanted, Wanted::All(way) if way.is_empty())
    }

    /// Whether the way leads on from that superstep of the run at hand.
    fn leads_on_from(&self, superstep: u64) -> bool {
        let Wanted::All(way) = &self.wanted else {
            return false;
        };
        way.front().is_some_and(|step| step.superstep == superstep)
    }
}

/// Replays a graph that is a node, from the state that it began with, to which
/// `input` is applied.
pub(in crate::run) fn replay<S: State, C: Send + Sync + 'static>(
    graph: &Graph<S, C>,
    state: Arc<S>,
    input: S::Update,
    hands: bool,
    replay: &mut dyn Any,
) {
    let mut progress = unwatched(graph);
    progress.state = state;
    progress.nested = Some(Box::new(Nested::new(hands)));
    of_it(replay).run(progress, input);
}

/// As [`replay`], of a graph that remembers: from what it remembered.
pub(in crate::run) fn replay_from_memory<S: State, C: Send + Sync + 'static>(
    graph: &Graph<S, C>,
    input: S::Update,
    replay: &mut dyn Any,
) {
    let replay = of_it(replay);
    match replay.remembered.of(&replay.path) {
        Ok((state, held)) => {
            let mut progress = unwatched(graph);
            progress.state = state;
            progress.ephemerals.hold(progress.fields, &held);
            progress.nested = Some(Box::new(Nested::new(false)));
            replay.run(progress, input);
        }
        Err(error) => replay.unreadable = Some(error.into()),
    }
}

fn of_it(replay: &mut dyn Any) -> &mut Replay {
    match replay.downcast_mut() {
        Some(replay) => replay,
        None => unreachable!("only replays are replayed"),
    }
}

/// A run that nobody waits for, of which nothing is known yet.
fn unwatched<S: State, C: Send + Sync + 'static>(graph: &Graph<S, C>) -> Progress<'static, S, C> {
    let graph = Arc::clone(&graph.frozen);
    let shared = Shared {
        referee: referee_of(&graph),
        graph,
        context: None,
        limits: RunLimits::default(),
        ledger: None,
        watching: None,
        stops: None,
        nest: None,
        within: None,
        seed: Seed::default(),
        spans: Arc::new(Spans::new(tokio::time::Instant::now())),
        tracer: Tracer::none(),
        scope: None,
    };
    Progress::new(Arc::new(shared), u64::MAX)
}

impl Replay {
    fn run<S: State, C: Send + Sync + 'static>(
        &mut self,
        mut progress: Progress<'_, S, C>,
        input: S::Update,
    ) {
        if let Err(error) = progress.replay(input, self) {
            self.failed.get_or_insert(error);
        }
    }
}

impl<S: State, C: Send + Sync + 'static> Progress<'_, S, C> {
    fn replay(&mut self, mut input: S::Update, replay: &mut Replay) -> Result<(), RunError> {
        let graph = Arc::clone(&self.shared.graph);
        let mut tasks = Vec::new();
        self.guard(|progress| progress.begin(&graph, &mut input, &mut tasks))?;
        let mut ran = Vec::new();
        loop {
            if self.leaves() {
                tasks.clear();
            }
            let superstep = self.superstep + 1;
            let keys: Vec<TaskKey> = tasks.iter().map(TaskKey::of).collect();
            let results = self.written_down(&graph, &keys, replay)?;
            let stands = results.any_open();
            let is_last = stands || tasks.is_empty();
            let is_now = is_last && matches!(replay.wanted, Wanted::Now);
            if replay.leads_on_from(superstep) {
                replay.look(&graph, &self.state, &tasks, superstep);
                return Ok(());
            }
            let seen = Arc::clone(&self.state);
            if replay.wants_all() || is_now {
                let snapshot = self.snapshot(&keys, &results, std::mem::take(&mut ran), replay);
                replay.found.push(snapshot);
            }
            if is_now {
                replay.look(&graph, &seen, &tasks, superstep);
            }
            if is_last {
                return Ok(());
            }
            self.begin_general(&tasks)?;
            tasks.clear();
            self.begin_joins(&keys, &results);
            let counting: Vec<usize> = results.counting().collect();
            self.end_superstep(&graph, &keys, results, &mut tasks)?;
            for index in counting {
                self.remember(keys[index], replay)?;
            }
            ran = self.names_of(&keys);
        }
    }

    /// What has been written down of these tasks, of the superstep that comes next.
    fn written_down(
        &self,
        graph: &Frozen<S, C>,
        keys: &[TaskKey],
        replay: &Replay,
    ) -> Result<Results<S>, RunError> {
        let mut results = Results::of(keys.len());
        for (index, &key) in keys.iter().enumerate() {
            let path = replay.path_in(self.superstep + 1, &self.task_id(Some(key)).to_string());
            let Some(json) = replay.result_of(&path) else {
                continue;
            };
            let outer = |levels: usize, name: &str| replay.worker(levels, name);
            let node = graph.name_of(key.node);
            let done = read_result_inside(graph, node, json, &outer).map_err(|why| {
                let error = NodeError::msg(format_args!(
                    "the result of task `{path}`, which was written down, cannot be read: {why}"
                ));
                self.failed(Some(key), Failed::once(error))
            })?;
            results.note(index, Ok(done));
        }
        Ok(results)
    }

    /// Takes in what the result says of memories of a task that has just ended.
    fn remember(&self, key: TaskKey, replay: &mut Replay) -> Result<(), RunError> {
        let path = replay.path_in(self.superstep, &self.task_id(Some(key)).to_string());
        let entries = Arc::clone(&replay.entries);
        let Some(json) = entries.of(&path).and_then(|task| task.result.as_deref()) else {
            return Ok(());
        };
        let taken_in = replay.remembered.take_in(json);
        taken_in.map_err(|error| self.failed(Some(key), Failed::once(error)))
    }

    /// How the run stands before a superstep of these tasks; what those of them
    /// wrote that have ended is seen if others have not.
    fn snapshot(
        &mut self,
        keys: &[TaskKey],
        results: &Results<S>,
        ran: Vec<String>,
        replay: &Replay,
    ) -> InsideSnapshot {
        let superstep = self.superstep + 1;
        let ids = keys.iter().map(|&key| self.task_id(Some(key)));
        let ids: Vec<TaskId> = ids.collect();
        let (mut finished, mut next) = (Vec::new(), Vec::new());
        let mut interrupts = Vec::new();
        if results.any_open() {
            for (index, id) in ids.iter().enumerate() {
                match results.of_task(index) {
                    Some(_) => finished.push(id.clone()),
                    None => next.push(id.node.to_string()),
                }
            }
            let here = format!("{}/{superstep}/", replay.path);
            let open = open_in(&here, &ids, &replay.entries).into_iter();
            interrupts.extend(open.map(Open::into_interrupt));
            self.preview_of(keys, results);
        } else {
            next.extend(ids.iter().map(|id| id.node.to_string()));
        }
        InsideSnapshot {
            checkpoint: replay.checkpoint,
            path: replay.path.clone(),
            superstep,
            values: EventValue::new(Arc::clone(&self.state)),
            next,
            finished,
            interrupts,
            ran,
        }
    }

    fn preview_of(&mut self, keys: &[TaskKey], results: &Results<S>) {
        let done = keys.iter().enumerate();
        let done = done.filter_map(|(index, &key)| {
            let update = results.of_task(index)?.outcome.update.clone()?;
            Some((key, Done::of(Outcome::update(update))))
        });
        let (keys, mut done): (Vec<TaskKey>, Vec<_>) = done.unzip();
        self.preview(&keys, &mut done);
    }

    /// The names of the nodes, each once.
    fn names_of(&self, keys: &[TaskKey]) -> Vec<String> {
        let names = keys.iter().map(|&key| self.task_id(Some(key)).node);
        let mut names: Vec<String> = names.map(|name| name.to_string()).collect();
        names.dedup();
        names
    }
}
