//! Takes down what each task of a superstep leaves, as it leaves it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use parking_lot::Mutex;

use super::super::attempt::{Done, Ended, Ending, Failed};
use super::super::error::RunError;
use super::super::hooks::Ledger;
use super::super::settle::TaskKey;
use super::super::starving::Starving;
use super::breakpoints::BreakpointsInside;
use super::entries::{Entries, RESULT, Standing, key_of, migrate_result};
use super::memory::Memories;
use super::outbox::{KeepInOutbox, Outbox};
use super::paths;
use crate::checkpoint::EntryRecord;
use crate::compile::Frozen;
use crate::id::{NodeName, TaskId};
use crate::node::{
    Asked, Desk, FindWorker, NodeError, Outcome, Question, QuestionKey, Target, Written,
    WrittenEnd, WrongAnswer, read_outcome, version_of, write_outcome,
};
use crate::plan::How;
use crate::state::State;

/// The ledger of a run on a thread.
pub(in crate::run) struct TaskLedger {
    names: Arc<[NodeName]>,
    /// Of the joins with rules.
    pub(super) targets: Vec<NodeName>,
    outbox: Arc<Outbox>,
    /// Whether an effect waits until it is written.
    waits: bool,
    /// The call's.
    pub(super) breakpoints: BreakpointsInside,
    pub(super) memories: Memories,
    /// The joins that have starved in graphs that are nodes, by their paths.
    pub(super) starving: Starving<String>,
    now: Mutex<Now>,
}

/// The superstep at work.
#[derive(Default)]
struct Now {
    /// What its tasks have left before.
    entries: Arc<Entries>,
    /// Whether there is one task only, whose result needs no entry: it is the
    /// superstep's.
    alone: bool,
    /// What names it among all supersteps of all threads.
    place: String,
    /// What has been asked and has no answer, by task.
    open: BTreeMap<String, Vec<Question>>,
    /// The tasks that have just been answered.
    answered: BTreeSet<String>,
    /// What tasks inside others have left since the superstep began: one that is
    /// tried again goes on from there.
    inside: BTreeMap<String, Inside>,
    /// Where graphs inside have stopped, and before which superstep.
    stops: BTreeMap<String, u64>,
}

/// What a task inside another has left since its superstep began.
#[derive(Default)]
struct Inside {
    desk: Option<Arc<Desk>>,
    result: Option<String>,
}

/// An answer that is not of the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("question `{}` was answered with what it is not: {why}", key.0)]
pub(in crate::run) struct BadAnswer {
    pub(super) key: QuestionKey,
    pub(super) why: String,
}

/// A body that asked, and succeeded without an answer.
#[derive(Debug, thiserror::Error)]
#[error("it succeeded although its question `{0}` has no answer")]
pub(in crate::run) struct Swallowed(String);

impl TaskLedger {
    pub(super) fn new<S: State, C>(
        graph: &Frozen<S, C>,
        outbox: Arc<Outbox>,
        waits: bool,
        breakpoints: BreakpointsInside,
    ) -> Self {
        Self {
            names: Arc::clone(&graph.names),
            targets: targets(graph),
            outbox,
            waits,
            breakpoints,
            memories: Memories::new(&graph.memories),
            starving: Starving::default(),
            now: Mutex::default(),
        }
    }

    /// A superstep begins.
    pub(super) fn begin(
        &self,
        entries: Arc<Entries>,
        alone: bool,
        place: String,
        answered: BTreeSet<String>,
    ) {
        let before = std::mem::replace(
            &mut *self.now.lock(),
            Now {
                entries,
                alone,
                place,
                answered,
                ..Now::default()
            },
        );
        // Outside the lock: what is dropped may want it.
        drop(before);
    }

    /// The questions of the tasks that paused in this superstep.
    pub(super) fn open(&self) -> BTreeMap<String, Vec<Question>> {
        std::mem::take(&mut self.now.lock().open)
    }

    /// Where graphs inside have stopped in this superstep.
    pub(super) fn stops(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.now.lock().stops)
    }

    /// A graph inside begins, be it again: where it had stopped says nothing.
    pub(super) fn begin_inside(&self, path: &str) {
        let mut now = self.now.lock();
        if !now.stops.is_empty() {
            now.stops.retain(|at, _| !paths::is_within(at, path));
        }
    }

    /// Whether a graph inside stops before that superstep, at a breakpoint: not if
    /// it has begun, or the thread goes on from there.
    pub(super) fn stop_inside(&self, path: &str, superstep: u64) -> bool {
        let mut now = self.now.lock();
        let entries = &now.entries;
        let stopped = entries
            .of(path)
            .is_some_and(|entries| entries.stops.contains(&superstep));
        let begun = format!("{path}/{superstep}/");
        if stopped || entries.inside(begun).next().is_some() {
            return false;
        }
        now.stops.insert(path.to_owned(), superstep);
        true
    }

    fn task_id(&self, task: TaskKey) -> String {
        let node = self.names[task.node as usize].clone();
        TaskId {
            node,
            send: task.number(),
        }
        .to_string()
    }

    fn pause(&self, task: String, questions: Vec<Question>) {
        let mut now = self.now.lock();
        let entries = Arc::clone(&now.entries);
        let asked = |key: &QuestionKey| questions.iter().any(|question| question.key == *key);
        let before = entries
            .of(&task)
            .into_iter()
            .flat_map(|entries| entries.open());
        let over = before.filter(|(key, _)| !asked(key));
        let mut records: Vec<EntryRecord> = over
            .map(|(key, _)| EntryRecord::new(&task, &key_of("ask", key), None))
            .collect();
        records.extend(questions.iter().map(|question| {
            let json = question.value.to_string();
            EntryRecord::new(&task, &key_of("ask", &question.key), Some(json))
        }));
        now.open.insert(task, questions);
        drop(now);
        self.outbox.put(records);
    }

    fn finish<S: State>(&self, task: &Named<'_>, done: &Done<S>) -> Result<(), NodeError> {
        if !task.inside && self.now.lock().alone {
            return Ok(());
        }
        let json = self.write(task, done);
        let json = json.map_err(|error| {
            NodeError::msg(format_args!(
                "what it returned cannot be written as JSON: {error}"
            ))
        })?;
        if task.inside {
            let mut now = self.now.lock();
            now.inside.entry(task.name.clone()).or_default().result = Some(json.clone());
        }
        self.outbox
            .put([EntryRecord::new(&task.name, RESULT, Some(json))]);
        Ok(())
    }

    fn write<S: State>(&self, task: &Named<'_>, done: &Done<S>) -> serde_json::Result<String> {
        let mut written = done.written(task.targets);
        if !done.fallback {
            written.memories = self.memories.written(&task.name)?;
            written.starved = self.starved_to_write(&task.name)?;
        }
        if task.inside {
            // The checkpoint says that of its own graph's state only.
            written.version = S::VERSION;
        }
        write_outcome(written)
    }

    fn new_desk(&self, task: String) -> Arc<Desk> {
        let (entries, place) = {
            let now = self.now.lock();
            (Arc::clone(&now.entries), format!("{}/{task}", now.place))
        };
        let (answers, once) = entries.of(&task).map_or_else(Default::default, |entries| {
            (entries.answers.clone(), entries.once.clone())
        });
        let keep = KeepInOutbox {
            outbox: Arc::clone(&self.outbox),
            task,
            waits: self.waits,
        };
        Arc::new(Desk::new(answers, once, Some(Box::new(keep)), place))
    }

    /// As [`Ledger::desk`], of a task inside another.
    pub(super) fn desk_inside(&self, task: &str) -> Arc<Desk> {
        let known = |now: &Now| now.inside.get(task)?.desk.clone();
        if let Some(desk) = known(&self.now.lock()) {
            return desk;
        }
        let desk = self.new_desk(task.to_owned());
        let mut now = self.now.lock();
        now.inside.entry(task.to_owned()).or_default().desk = Some(Arc::clone(&desk));
        desk
    }

    /// As [`Ledger::is_answered`].
    pub(super) fn is_task_answered(&self, task: &str) -> bool {
        self.now.lock().entries.are_answered(task)
    }

    /// How a task inside another stands.
    pub(super) fn standing_inside(&self, task: &str) -> StandingInside {
        let now = self.now.lock();
        if let Some(result) = now
            .inside
            .get(task)
            .and_then(|inside| inside.result.clone())
        {
            return StandingInside::Finished(result);
        }
        match now.entries.standing(task, &now.answered) {
            Standing::Finished(json) => StandingInside::Finished(json.to_owned()),
            Standing::Parked => StandingInside::Parked,
            Standing::Ready => StandingInside::Ready,
        }
    }

    /// Whether a task inside another, which has finished, has done so since the
    /// superstep began.
    pub(super) fn came_in_this_call(&self, task: &str) -> bool {
        let now = self.now.lock();
        let inside = now.inside.get(task);
        inside.is_some_and(|inside| inside.result.is_some())
    }

    /// Takes things back that a task inside another has left: its result, or an
    /// answer.
    pub(super) fn take_back_inside(&self, task: &str, key: &str) {
        if key == RESULT {
            let mut now = self.now.lock();
            if let Some(inside) = now.inside.get_mut(task) {
                inside.result = None;
            }
            let entries = Arc::make_mut(&mut now.entries);
            entries.of_mut(task).result = None;
        }
        self.outbox.put([EntryRecord::new(task, key, None)]);
    }

    /// The tasks whose paths begin so that have results.
    pub(super) fn results_inside(&self, prefix: &str) -> Vec<String> {
        let now = self.now.lock();
        let here = now.inside.iter();
        let here =
            here.filter(|(path, inside)| path.starts_with(prefix) && inside.result.is_some());
        let mut paths: Vec<String> = here.map(|(path, _)| path.clone()).collect();
        let before = now.entries.inside(prefix.to_owned());
        let before = before.filter(|(_, entries)| entries.result.is_some());
        paths.extend(before.map(|(path, _)| path.to_owned()));
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Writes down that a task inside another was dropped, since its join waits for
    /// it no more: what it asks is not asked any more.
    pub(super) fn lose_inside<S: State>(&self, task: &Named<'_>, done: &Done<S>) {
        let mut now = self.now.lock();
        now.open.retain(|at, _| !paths::is_within(at, &task.name));
        now.stops.retain(|at, _| !paths::is_within(at, &task.name));
        drop(now);
        // It holds nothing that could not be written.
        drop(self.finish(task, done));
    }

    /// The superstep ends; says whether tasks inside others have left results in it.
    pub(super) fn end(&self) -> bool {
        let inside = std::mem::take(&mut self.now.lock().inside);
        inside.values().any(|inside| inside.result.is_some())
    }

    /// What tasks inside others have come to since the superstep began.
    pub(super) fn came_inside(&self) -> Vec<(String, String)> {
        let now = self.now.lock();
        let inside = now.inside.iter();
        let came = inside.filter_map(|(path, inside)| Some((path.clone(), inside.result.clone()?)));
        came.collect()
    }

    /// As [`Ledger::take_down`].
    pub(super) fn take_down_as<S: State>(
        &self,
        task: Named<'_>,
        (attempts, fallback): (u32, bool),
        asked: Asked,
        result: &mut Result<Outcome<S>, NodeError>,
        ending: Option<Box<Ending>>,
    ) -> Option<Ended<S>> {
        let fail = |error: NodeError| Some(Err(Failed { attempts, error }));
        let paused = || {
            Some(Ok(Done {
                attempts,
                paused: true,
                fallback,
                ending: None,
                outcome: Outcome::empty(),
            }))
        };
        match (asked, result) {
            (_, Err(error)) if error.as_error().is::<PausedInside>() => paused(),
            // A wrong answer inside is not to be tried again.
            (_, Err(error)) if is_answer(error) => {
                fail(std::mem::replace(error, NodeError::msg("")))
            }
            (Asked::Wrong(WrongAnswer { key, why }), _) => fail(BadAnswer { key, why }.into()),
            (Asked::Open(questions), Ok(_)) => {
                let name = questions.into_iter().map(|question| question.key.0).next();
                fail(Swallowed(name.unwrap_or_default()).into())
            }
            // No answer mends it.
            (Asked::Open(_), Err(error)) if error.is_despite_questions() => None,
            (Asked::Open(questions), Err(_)) => {
                self.pause(task.name, questions);
                paused()
            }
            (Asked::Nothing, Ok(outcome)) => {
                let done = Done {
                    attempts,
                    paused: false,
                    fallback,
                    ending,
                    outcome: std::mem::replace(outcome, Outcome::empty()),
                };
                match self.finish(&task, &done) {
                    Ok(()) => Some(Ok(done)),
                    Err(error) => fail(error),
                }
            }
            (Asked::Nothing, Err(_)) => None,
        }
    }
}

/// The targets of the joins with rules.
pub(super) fn targets<S: State, C>(graph: &Frozen<S, C>) -> Vec<NodeName> {
    let joins = graph.rules.iter().flat_map(|rules| &rules.joins);
    joins
        .map(|join| graph.name_of(join.target).clone())
        .collect()
}

/// A task by its name, and whether it is inside another.
pub(super) struct Named<'n> {
    pub(super) name: String,
    pub(super) inside: bool,
    /// Of the joins of its graph that have rules.
    pub(super) targets: &'n [NodeName],
}

/// As [`Standing`], of a task inside another.
pub(super) enum StandingInside {
    Ready,
    Finished(String),
    Parked,
}

/// Whether a task failed since one inside it was given a wrong answer.
fn is_answer(error: &NodeError) -> bool {
    let error = error.as_error().downcast_ref::<RunError>();
    matches!(error, Some(RunError::Answer { .. }))
}

/// A task waits: a question inside it has no answer yet, or the run was drained.
#[derive(Debug, thiserror::Error)]
#[error("what is inside it waits")]
pub(in crate::run) struct PausedInside;

impl<S: State> Ledger<S> for TaskLedger {
    fn stopped<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.outbox.stopped())
    }

    fn desk(&self, task: TaskKey) -> Arc<Desk> {
        self.new_desk(self.task_id(task))
    }

    fn is_answered(&self, task: TaskKey) -> bool {
        self.is_task_answered(&self.task_id(task))
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
            name: self.task_id(task),
            inside: false,
            targets: &self.targets,
        };
        self.take_down_as(task, attempt, asked, result, ending)
    }
}

/// A result of a task of that node that was written down; `outer` finds workers
/// of the graphs around this one.
pub(super) fn read_result<S: State, C>(
    graph: &Frozen<S, C>,
    node: &str,
    json: &str,
    outer: &FindWorker<'_>,
) -> Result<Done<S>, String> {
    let worker = |depth: usize, name: &str| match depth {
        0 => {
            let node = graph.index_of(name).or_else(|| graph.formerly(name));
            node.and_then(|node| graph.node(node).worker)
        }
        depth => outer(depth, name),
    };
    let Written {
        version: _,
        attempts,
        fallback,
        place,
        ended,
        mut outcome,
        ..
    } = read_outcome(json, &worker)?;
    for target in &mut outcome.targets {
        if let Target::Node(name) = target
            && graph.index_of(name).is_none()
            && let Some(node) = graph.formerly(name)
        {
            *name = graph.name_of(node).to_string().into();
        }
    }
    let how = match ended {
        None => How::Done,
        Some(WrittenEnd::Failed(why)) => How::Failed(why.into()),
        Some(WrittenEnd::TimedOut(target)) => join_into(graph, &target, node),
        Some(WrittenEnd::Cancelled) => How::Cancelled,
    };
    let ending = (place.is_some() || how != How::Done).then(|| Box::new(Ending { place, how }));
    Ok(Done {
        attempts,
        paused: false,
        fallback,
        ending,
        outcome,
    })
}

/// As [`read_result`], of a task inside another, whatever version of its state it
/// was written with.
pub(super) fn read_result_inside<S: State, C>(
    graph: &Frozen<S, C>,
    node: &str,
    json: &str,
    outer: &FindWorker<'_>,
) -> Result<Done<S>, String> {
    let version = version_of(json).map_err(|error| error.to_string())?;
    if version == S::VERSION {
        return read_result(graph, node, json, outer);
    }
    let json = migrate_result::<S>(version, json).map_err(|problem| problem.to_string())?;
    read_result(graph, node, &json, outer)
}

/// That the time of the join into that target was over; if there is none any more,
/// the task was not waited for. Of several it is the one whose region the node is
/// in: no two into one target share any of theirs.
fn join_into<S: State, C>(graph: &Frozen<S, C>, target: &str, node: &str) -> How {
    let index_of = |name: &str| graph.index_of(name).or_else(|| graph.formerly(name));
    let (target, node) = (index_of(target), index_of(node));
    let joins = graph.rules.iter().flat_map(|rules| &rules.joins);
    let mut timed = joins
        .enumerate()
        .filter(|(_, join)| Some(join.target) == target && join.rule.within.is_some());
    let drops = |region: &FixedBitSet| node.is_some_and(|node| region.contains(node as usize));
    let first = timed.clone().next();
    let join = timed.find(|(_, join)| drops(&join.region)).or(first);
    join.map_or(How::Cancelled, |(index, _)| How::TimedOut(index))
}
