//! When each task of a run was at work: noted for every run, and cheap.
//!
//! 1. Tasks under policies, on threads, or watched note their own times.
//! 2. Plain tasks that end at their first poll share the time of those that
//!    were started with them, in equal parts; one that does not, notes its end,
//!    also if it is dropped.
//! 3. Supersteps in a row share the time of the row, in equal parts.
//! 4. After so many tasks, nothing more is noted: [`MOST_SPANS`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::result::Ran;
use super::settle::TaskKey;
use crate::compile::{Frozen, NodeIndex};
use crate::event::{Phase, PhaseKind};
use crate::id::NodeName;
use crate::state::State;

/// The most tasks, and rows, whose times are noted.
pub(super) const MOST_SPANS: usize = 100_000;

/// Nanoseconds since the run began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(u64);

impl Time {
    pub(crate) fn since_begin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The time after so many of `of` equal parts of what is between.
    pub(crate) fn part(self, end: Self, n: usize, of: usize) -> Self {
        let took = u128::from(end.0.saturating_sub(self.0));
        let part = took * n as u128 / of.max(1) as u128;
        Self(self.0 + u64::try_from(part).unwrap_or(u64::MAX))
    }
}

/// The times of the tasks of one graph, in a run.
pub(super) struct Spans {
    begun: Instant,
    /// How much more is noted in the run.
    left: Arc<AtomicUsize>,
    noted: Mutex<Noted>,
}

/// What was noted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    tasks: Vec<TaskSpan>,
    /// Plain tasks that were started together, and which these were, one chunk
    /// after another.
    chunks: Vec<Chunk>,
    of_chunks: Vec<Stretch>,
    pub(crate) rows: Vec<Row>,
    /// When supersteps began that are in no row, each with its number.
    pub(crate) begins: Vec<(u64, Time)>,
    /// The graphs that tasks have run.
    pub(crate) inside: Vec<Inside>,
}

/// Plain tasks that share their time in equal parts.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    superstep: u64,
    n_tasks: usize,
    n_stretches: usize,
    begin: Time,
    end: Time,
}

/// A task, or sends to one node whose numbers follow one another.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    node: NodeIndex,
    /// That of the first.
    send: Option<u32>,
    length: u32,
}

impl Stretch {
    /// The stretches of tasks in task order.
    fn note(tasks: impl Iterator<Item = TaskKey>, stretches: &mut Vec<Self>) {
        let first = stretches.len();
        for (node, send) in tasks.map(|task| (task.node, task.number())) {
            match stretches[first..].last_mut() {
                Some(last) if last.node == node && last.end() == send && send.is_some() => {
                    last.length += 1;
                }
                _ => stretches.push(Self {
                    node,
                    send,
                    length: 1,
                }),
            }
        }
    }

    /// The number of the send after it.
    fn end(&self) -> Option<u32> {
        self.send?.checked_add(self.length)
    }

    fn tasks(self) -> impl Iterator<Item = (NodeIndex, Option<u32>)> {
        (0..self.length).map(move |n| (self.node, self.send.map(|first| first + n)))
    }
}

impl Noted {
    /// The times of all tasks that are in no row, in no order.
    pub(crate) fn tasks(&self) -> Vec<TaskSpan> {
        let mut tasks = self.tasks.clone();
        let mut of_chunks = self.of_chunks.iter();
        for chunk in &self.chunks {
            let Chunk { begin, end, .. } = *chunk;
            let stretches = of_chunks.by_ref().take(chunk.n_stretches);
            for (number, (node, send)) in stretches.flat_map(|it| it.tasks()).enumerate() {
                tasks.push(TaskSpan {
                    superstep: chunk.superstep,
                    node,
                    send,
                    start: begin.part(end, number, chunk.n_tasks),
                    end: begin.part(end, number + 1, chunk.n_tasks),
                    phases: Vec::new(),
                    ended: Ended::Done,
                });
            }
        }
        tasks
    }
}

/// One task's times.
#[derive(Debug, Clone)]
pub(crate) struct TaskSpan {
    pub(crate) superstep: u64,
    pub(crate) node: NodeIndex,
    pub(crate) send: Option<u32>,
    pub(crate) start: Time,
    pub(crate) end: Time,
    /// What it did meanwhile, if that is more than one attempt.
    pub(crate) phases: Vec<Phase>,
    pub(crate) ended: Ended,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    Failed,
    Cancelled,
    Paused,
    Cached,
}

impl Ended {
    /// Of a task without policies.
    pub(super) fn plain(succeeded: bool) -> Self {
        match succeeded {
            true => Self::Done,
            false => Self::Failed,
        }
    }
}

/// Supersteps of one task each, one after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The number of the first.
    pub(crate) first: u64,
    pub(crate) n_supersteps: usize,
    pub(crate) begin: Time,
    pub(crate) end: Time,
    /// Whether the last of them has failed.
    pub(crate) failed: bool,
}

/// A graph that a task has run.
#[derive(Debug, Clone)]
pub(crate) struct Inside {
    pub(crate) node: NodeIndex,
    pub(crate) send: Option<u32>,
    pub(crate) times: Times,
}

/// All that is known of the times of a run's tasks.
#[derive(Clone)]
pub(crate) struct Times {
    pub(crate) names: Arc<[NodeName]>,
    pub(crate) ways: Arc<dyn Ways>,
    pub(crate) ran: Ran,
    pub(super) spans: Arc<Spans>,
}

impl Times {
    /// What was noted until now: what a graph has spawned that was dropped ends a
    /// moment after it.
    pub(crate) fn noted(&self) -> Noted {
        self.spans.noted.lock().clone()
    }
}

impl std::fmt::Debug for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Times").finish_non_exhaustive()
    }
}

/// Where a graph's nodes may lead.
pub(crate) trait Ways: Send + Sync {
    /// Whether the one can make the other ready, in the next superstep or by a
    /// join.
    fn lead(&self, from: NodeIndex, to: NodeIndex) -> bool;

    /// The joins into a node, each with its sources.
    fn joins(&self, to: NodeIndex) -> Vec<&[NodeIndex]>;

    /// Whether its nodes do not wait for whole supersteps.
    fn are_eager(&self) -> bool;

    /// Whether a node waits until nothing else is left.
    fn defers(&self, node: NodeIndex) -> bool;
}

impl<S: State, C: Send + Sync + 'static> Ways for Frozen<S, C> {
    fn lead(&self, from: NodeIndex, to: NodeIndex) -> bool {
        let node = self.node(from);
        let exits = &node.exits;
        let commands = match &node.destinations {
            Some(declared) => declared.allowed.allows(to),
            None => node.commands,
        };
        let mut routes = exits.routes.iter();
        commands
            || exits.edges.binary_search(&to).is_ok()
            || routes.any(|route| route.allowed.allows(to))
    }

    fn joins(&self, to: NodeIndex) -> Vec<&[NodeIndex]> {
        let plain = self.joins.iter().map(|join| (join.target, &join.sources));
        let ruled = self.rules.iter().flat_map(|rules| &rules.joins);
        let ruled = ruled.map(|join| (join.target, &join.sources));
        let joins = plain.chain(ruled).filter(|&(target, _)| target == to);
        joins.map(|(_, sources)| &sources[..]).collect()
    }

    fn are_eager(&self) -> bool {
        self.eager.is_some()
    }

    fn defers(&self, node: NodeIndex) -> bool {
        self.node(node).policy.defer
    }
}

impl Spans {
    /// Of a run that began then.
    pub(super) fn new(begun: Instant) -> Self {
        Self {
            begun,
            left: Arc::new(AtomicUsize::new(MOST_SPANS)),
            noted: Mutex::default(),
        }
    }

    /// Of a graph that a task runs.
    pub(super) fn of_inside(&self) -> Self {
        Self {
            begun: self.begun,
            left: Arc::clone(&self.left),
            noted: Mutex::default(),
        }
    }

    /// Whether one more is noted.
    fn has_room(&self) -> bool {
        self.has_room_for(1)
    }

    fn has_room_for(&self, n: usize) -> bool {
        let less = |left: usize| left.checked_sub(n);
        let left = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        left.is_ok()
    }

    pub(super) fn now(&self) -> Time {
        self.time(Instant::now())
    }

    fn time(&self, at: Instant) -> Time {
        let since = at.saturating_duration_since(self.begun);
        Time(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// A superstep begins that is in no row.
    pub(super) fn begin(&self, superstep: u64) {
        let now = self.now();
        let mut noted = self.noted.lock();
        if noted.begins.len() < MOST_SPANS {
            noted.begins.push((superstep, now));
        }
    }

    /// Supersteps in a row have ended.
    pub(super) fn row(&self, row: Row) {
        let mut noted = self.noted.lock();
        if row.n_supersteps > 0 && self.has_room() {
            noted.rows.push(row);
        }
    }

    /// Plain tasks that were started together have ended.
    pub(super) fn chunk(
        &self,
        superstep: u64,
        begin: Time,
        tasks: impl ExactSizeIterator<Item = TaskKey>,
    ) {
        let (end, n_tasks) = (self.now(), tasks.len());
        if !self.has_room_for(n_tasks) {
            return;
        }
        let mut noted = self.noted.lock();
        let before = noted.of_chunks.len();
        Stretch::note(tasks, &mut noted.of_chunks);
        let n_stretches = noted.of_chunks.len() - before;
        noted.chunks.push(Chunk {
            superstep,
            n_tasks,
            n_stretches,
            begin,
            end,
        });
    }

    /// A task that was taken up then did not run: it was known what it comes to.
    pub(super) fn known(&self, superstep: u64, task: TaskKey, begin: Time) {
        self.ended(superstep, task, begin, Ended::Cached);
    }

    /// A plain task that began then has failed.
    pub(super) fn failed(&self, superstep: u64, task: TaskKey, begin: Time) {
        self.ended(superstep, task, begin, Ended::Failed);
    }

    fn ended(&self, superstep: u64, task: TaskKey, begin: Time, ended: Ended) {
        let mut span = TaskSpan::plain(superstep, task, begin, self.now());
        span.ended = ended;
        self.push(span);
    }

    /// A plain task that began then has ended, and shares its time with no other.
    fn one(&self, superstep: u64, task: TaskKey, begin: Time, ended: Ended) {
        match ended {
            Ended::Done => self.chunk(superstep, begin, [task].into_iter()),
            ended => self.ended(superstep, task, begin, ended),
        }
    }

    fn push(&self, span: TaskSpan) {
        let mut noted = self.noted.lock();
        if self.has_room() {
            noted.tasks.push(span);
        }
    }

    /// A graph that a task ran has ended.
    pub(super) fn inside(&self, inside: Inside) {
        let mut noted = self.noted.lock();
        if self.has_room() {
            noted.inside.push(inside);
        }
    }
}

impl TaskSpan {
    pub(super) fn plain(superstep: u64, task: TaskKey, start: Time, end: Time) -> Self {
        Self {
            superstep,
            node: task.node,
            send: task.number(),
            start,
            end,
            phases: Vec::new(),
            ended: Ended::Done,
        }
    }
}

/// Supersteps in a row whose times are noted when they have ended.
#[derive(Debug, Default)]
pub(super) struct RowNote {
    /// The number of the last superstep before, and when it was over.
    open: Option<(u64, Time)>,
    /// Whether the last of them has failed.
    pub(super) failed: bool,
}

/// How many supersteps share their time at the most.
const LONGEST_NOTE: u64 = 128;

impl RowNote {
    /// A row begins, or goes on, after that superstep.
    #[inline]
    pub(super) fn open(&mut self, spans: &Spans, superstep: u64) {
        if let Some((before, _)) = self.open
            && superstep < before + LONGEST_NOTE
        {
            return;
        }
        self.close(spans, superstep);
        self.open = Some((superstep, spans.now()));
    }

    /// The row has ended with that superstep.
    pub(super) fn close(&mut self, spans: &Spans, superstep: u64) {
        let Some((before, begin)) = self.open.take() else {
            return;
        };
        spans.row(Row {
            first: before + 1,
            n_supersteps: usize::try_from(superstep.saturating_sub(before)).unwrap_or(0),
            begin,
            end: spans.now(),
            failed: std::mem::take(&mut self.failed),
        });
    }
}

/// A plain task that did not end at its first poll. One that is dropped before its
/// end was cancelled.
pub(super) struct PlainSpan {
    spans: Arc<Spans>,
    superstep: u64,
    task: TaskKey,
    begin: Time,
    ended: Ended,
}

impl PlainSpan {
    /// It began then.
    pub(super) fn new(spans: &Arc<Spans>, superstep: u64, task: TaskKey, begin: Time) -> Self {
        Self {
            spans: Arc::clone(spans),
            superstep,
            task,
            begin,
            ended: Ended::Cancelled,
        }
    }

    pub(super) fn ends(mut self, succeeded: bool) {
        self.ended = Ended::plain(succeeded);
    }
}

impl Drop for PlainSpan {
    fn drop(&mut self) {
        let spans = &self.spans;
        spans.one(self.superstep, self.task, self.begin, self.ended);
    }
}

/// A task whose times are noted as it goes. One that is dropped before its end
/// was cancelled.
pub(super) struct OpenSpan {
    spans: Arc<Spans>,
    span: TaskSpan,
    doing: Option<(PhaseKind, Time)>,
    /// Whether it had to wait for its turn since its last attempt.
    waits: bool,
}

impl OpenSpan {
    pub(super) fn begin(spans: &Arc<Spans>, superstep: u64, task: TaskKey) -> Self {
        let now = spans.now();
        let mut span = TaskSpan::plain(superstep, task, now, now);
        span.ended = Ended::Cancelled;
        Self {
            spans: Arc::clone(spans),
            span,
            doing: Some((PhaseKind::Queued, now)),
            waits: false,
        }
    }

    /// It waits for its turn, in this way.
    pub(super) fn waits(&mut self, next: PhaseKind) {
        self.waits = true;
        self.does(next);
    }

    /// What it has waited for until now before its attempt, if it had to.
    pub(super) fn waits_so_far(&mut self) -> &[Phase] {
        if !self.waits {
            return &[];
        }
        let (doing, now) = (self.doing, self.spans.now());
        self.close(now);
        self.doing = doing.map(|(doing, _)| (doing, now));
        let is_wait = |kind| matches!(kind, PhaseKind::Queued | PhaseKind::Limited);
        let mut phases = self.span.phases.iter();
        let before = phases.rposition(|phase| !is_wait(phase.kind));
        &self.span.phases[before.map_or(0, |before| before + 1)..]
    }

    /// What it has done until now is over, and this begins, if it is another.
    pub(super) fn does(&mut self, next: PhaseKind) {
        self.waits &= !matches!(next, PhaseKind::Attempt(_));
        if self.doing.is_some_and(|(doing, _)| doing == next) {
            return;
        }
        let now = self.spans.now();
        self.close(now);
        self.doing = Some((next, now));
    }

    /// Of the time that it waits in line, a rate was used up for so long, the last
    /// time until then.
    pub(super) fn was_limited(&mut self, length: Duration, until: Instant) {
        let Some((doing, since)) = self.doing.filter(|_| !length.is_zero()) else {
            return;
        };
        let until = self.spans.time(until);
        let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        let from = Time(until.0.saturating_sub(length)).max(since);
        self.close(from);
        self.doing = Some((PhaseKind::Limited, from));
        self.close(until);
        self.doing = Some((doing, until.max(since)));
    }

    fn close(&mut self, now: Time) {
        if let Some((kind, since)) = self.doing.take() {
            let (start, end) = (since.since_begin(), now.since_begin());
            Phase { kind, start, end }.add(&mut self.span.phases);
        }
    }

    pub(super) fn ends(mut self, ended: Ended) {
        self.span.ended = ended;
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        let now = self.spans.now();
        self.close(now);
        self.span.end = now;
        if let [
            Phase {
                kind: PhaseKind::Attempt(1),
                ..
            },
        ] = self.span.phases[..]
        {
            self.span.phases.clear();
        }
        let plain = TaskSpan::plain(0, TaskKey::node(0), now, now);
        let span = std::mem::replace(&mut self.span, plain);
        self.spans.push(span);
    }
}
