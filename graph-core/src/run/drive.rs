//! The loop: plan, execute, settle, and again.
//!
//! 1. Supersteps of one plain task each run in a row, an ordinary loop without
//!    a suspension point, as long as bodies end at their first poll.
//! 2. All other supersteps go through [`execute`], or, in an eager graph, through
//!    a window of several of them: see [`eager`](super::eager).
//! 3. The run's own polls are guarded as a whole, and `at` says whose code is
//!    at work (bodies in a row, routes, reducers, copies and drops of the
//!    state): a panic is that one's failure.
//! 4. Whatever the supersteps are like, others of the runtime have their turn.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::attempt::{Failed, Shared, TaskFuture, call, place};
use super::eager::Eager;
use super::error::RunError;
use super::execute::execute;
use super::hooks::{Executor, Observer};
use super::inner::Nested;
use super::result::{Ran, Run, each_once};
use super::results::{Incomplete, Results};
use super::settle::{At, TaskKey};
use super::spans::{Ended as SpanEnd, OpenSpan, RowNote, Times};
use super::stop::Stop;
use super::tell::ToldRow;
use super::turn::{SLICE, Turn};
use super::usage::RunUsage;
use super::watch::{Watch, WatchedTask};
use crate::compile::Frozen;
use crate::event::{EventKind, PhaseKind, Spot, Status};
use crate::merge::Ephemerals;
use crate::node::{BoxCall, NodeError, Outcome, Place, at, enter};
use crate::plan::{Frontier, Task};
use crate::state::{FieldSchema, State};

/// The most supersteps that run in a row before somebody looks at the clock.
const LONGEST_ROW: usize = 128;

/// A task of a row that waits for something, if one does.
type Waiting<S> = Option<(TaskKey, TaskFuture<S>)>;

/// A run between its begin and its end.
pub(super) struct Progress<'h, S: State, C> {
    pub(super) shared: Arc<Shared<S, C>>,
    pub(super) fields: &'static [FieldSchema],
    pub(super) state: Arc<S>,
    pub(super) frontier: Frontier,
    pub(super) ephemerals: Ephemerals,
    /// The superstep at work, from 1; 0 is the input.
    pub(super) superstep: u64,
    pub(super) recursion_limit: u64,
    /// The last superstep that may run: the limit counts none that an earlier call
    /// has run.
    pub(super) last_superstep: u64,
    pub(super) ran: Ran,
    /// Whose code is at work.
    pub(super) at: At,
    pub(super) observer: Option<&'h mut dyn Observer<S, C>>,
    pub(super) executor: Option<&'h dyn Executor<S, C>>,
    /// On a thread, the ephemeral fields that were reset since somebody took
    /// them.
    pub(super) expired: Vec<usize>,
    pub(super) status: Status,
    /// The supersteps of one task each whose time is not noted yet.
    pub(super) row_note: RowNote,
    /// What is known of the graph that this is a node of.
    pub(super) nested: Option<Box<Nested<S>>>,
}

impl<'h, S: State, C: Send + Sync + 'static> Progress<'h, S, C> {
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
            last_superstep: recursion_limit,
            ran: Ran::default(),
            at: At::default(),
            observer: None,
            executor: None,
            expired: Vec::new(),
            status: Status::Done,
            row_note: RowNote::default(),
            nested: None,
        }
    }

    /// Runs from the input to the end.
    pub(super) async fn run(&mut self, mut input: S::Update) -> Result<(), RunError> {
        let ended = guarded(self.go(&mut input)).await;
        ended.unwrap_or_else(|panic| {
            self.row_note.failed = true;
            Err(self.panicked(&*panic))
        })
    }

    async fn go(&mut self, input: &mut S::Update) -> Result<(), RunError> {
        let shared = Arc::clone(&self.shared);
        let graph = &*shared.graph;
        let mut tasks = Vec::new();
        self.begin(graph, input, &mut tasks)?;
        let mut turn = Turn::begin();
        let mut length = 1;
        let eager = self.eager(graph);
        loop {
            // Who reads has others run, too.
            let read = self.let_read().await;
            if tasks.is_empty() || self.leaves() {
                self.close_row(self.superstep);
                return Ok(());
            }
            if self.drains()? {
                self.close_row(self.superstep);
                self.status = Status::Drained;
                return Ok(());
            }
            if !read {
                turn.pass().await;
            }
            if !self.goes_in_a_row(&tasks) {
                self.close_row(self.superstep);
                match eager {
                    None => self.superstep(graph, &mut tasks).await?,
                    Some(eager) => eager.run(self, &mut tasks).await?,
                }
                continue;
            }
            self.row_note.open(&shared.spans, self.superstep);
            let begin = (!read).then(Instant::now);
            let watch = shared.watch().map(|watch| &**watch);
            let row = poll_fn(|cx| Poll::Ready(self.row(graph, &mut tasks, length, watch, cx)));
            if let Some((key, future)) = row.await? {
                self.close_row(self.superstep - 1);
                let results = self.finish_row(key, future).await;
                self.end_superstep(graph, &[key], results, &mut tasks)?;
                continue;
            }
            // As long as it can be without keeping others from their turn.
            length = match begin.map(|begin| begin.elapsed()) {
                None => length,
                Some(took) if took > SLICE / 2 => (length / 2).max(1),
                Some(_) => (length * 2).min(LONGEST_ROW),
            };
        }
    }

    /// Awaits the task that a row has left.
    async fn finish_row(&self, key: TaskKey, future: TaskFuture<S>) -> Results<S> {
        let spans = &self.shared.spans;
        spans.begin(self.superstep);
        let mut span = OpenSpan::begin(spans, self.superstep, key);
        span.does(PhaseKind::Attempt(1));
        let watched = self
            .shared
            .watch()
            .map(|watch| WatchedTask::begun(watch, self.spot(Some(key))));
        let ended = match self.shared.watch() {
            None => self.shared.run(future).await,
            Some(watch) => watch.gated(pin!(self.shared.run(future))).await,
        };
        span.ends(SpanEnd::plain(ended.is_ok()));
        if let Some(watched) = watched {
            watched.ends(&ended).await;
        }
        let mut results = Results::of(1);
        results.note(0, ended);
        results
    }

    /// Runs `work`, in which users' code may panic.
    pub(super) fn guard<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(result) => result,
            Err(panic) => Err(self.panicked(&*panic)),
        }
    }

    /// Applies the input, and plans the first superstep.
    pub(super) fn begin(
        &mut self,
        graph: &Frozen<S, C>,
        input: &mut S::Update,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        if !self.begins_from_parent() {
            let written = self.written([&*input].into_iter());
            self.merge(input);
            self.expire(written);
        }
        let mut chosen = Vec::new();
        self.ask_routes(graph, None, &graph.start, &mut chosen)?;
        self.tell_end_of([(None, &chosen[..])].into_iter(), true);
        if let Some(observer) = &mut self.observer {
            observer.leads(None, graph, &self.frontier, &graph.start, &chosen);
        }
        self.frontier
            .finish(graph, &graph.start, None, chosen, tasks);
        self.frontier.tasks(graph, tasks);
        Ok(())
    }

    /// Counts a superstep that is about to run.
    #[inline]
    pub(super) fn begin_superstep(&mut self, tasks: &[Task]) -> Result<(), RunError> {
        if self.superstep == self.last_superstep {
            return Err(self.recursion_limit(tasks));
        }
        self.superstep += 1;
        self.ran.push(tasks.iter().map(|task| task.node));
        Ok(())
    }

    /// How tasks run that do not wait for their siblings, if they do not.
    fn eager<'g>(&self, graph: &'g Frozen<S, C>) -> Option<&'g Eager<S, C>> {
        let eager = graph.eager.as_ref()?;
        let in_supersteps = self.executor.is_some_and(|it| it.in_supersteps());
        eager.downcast_ref().filter(|_| !in_supersteps)
    }

    #[inline]
    fn goes_in_a_row(&self, tasks: &[Task]) -> bool {
        let hooked =
            self.observer.is_some() || self.executor.is_some() || self.shared.stops.is_some();
        matches!(tasks, [task] if !hooked && self.shared.goes_alone(task))
    }

    /// Runs supersteps of one plain task each, so many at the most; returns a
    /// task that waits for something.
    fn row(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: &mut Vec<Task>,
        length: usize,
        watch: Option<&Watch>,
        cx: &mut Context<'_>,
    ) -> Result<Waiting<S>, RunError> {
        let mut told = watch.and_then(ToldRow::new);
        let mut chosen = Vec::new();
        let _entered = enter(self.shared.scope());
        for _ in 0..length {
            self.begin_superstep(tasks)?;
            // It stays where it is, and is made the next one there.
            let [task] = &mut tasks[..] else {
                break;
            };
            let key = TaskKey::of(task);
            self.at = At::body(key);
            let place = place(self.superstep, 1, task);
            if let Some(told) = &mut told {
                told.begins(Spot::of(place));
            }
            let sent = task.send.take().map(|(_, input)| input);
            at(place);
            let came = task.arrivals.take();
            let calls = || call(&self.shared, &self.state, place, sent, None, came.as_ref());
            let mut call = self.shared.tracer.row_call(place, calls);
            // Looked at where it is: an update can be large.
            let mut polled = call.as_mut().poll_outcome(cx);
            let outcome = match &mut polled {
                Poll::Ready(Ok(outcome)) => outcome,
                Poll::Ready(Err(_)) | Poll::Pending => {
                    tasks.clear();
                    return self.leave_row((key, place), call, polled);
                }
            };
            // The view in it would make the merge copy the state.
            drop(call);
            if let Some(told) = &mut told {
                told.finishes(outcome);
            }
            self.settle_one(graph, key, outcome, &mut chosen)?;
            if let Some(told) = &mut told {
                told.settled(&self.state, &chosen);
            }
            let exits = &graph.node(key.node).exits;
            match Frontier::only(graph, exits, &mut chosen) {
                Some(node) => task.node = node,
                None => {
                    tasks.clear();
                    let chosen = chosen.drain(..);
                    self.frontier
                        .finish(graph, exits, key.number(), chosen, tasks);
                    self.frontier.tasks(graph, tasks);
                }
            }
            let reads = told.as_ref().is_some_and(ToldRow::is_to_be_read);
            if reads || self.leaves() || !self.goes_in_a_row(tasks) {
                break;
            }
        }
        Ok(None)
    }

    fn close_row(&mut self, superstep: u64) {
        self.row_note.close(&self.shared.spans, superstep);
    }

    #[cold]
    fn leave_row(
        &mut self,
        (key, place): (TaskKey, Place),
        call: BoxCall<S>,
        polled: Poll<Result<Outcome<S>, NodeError>>,
    ) -> Result<Waiting<S>, RunError> {
        match polled {
            Poll::Ready(Err(error)) => {
                self.row_note.failed = true;
                if let Some(watch) = self.shared.watch() {
                    watch.failed(self.spot(Some(key)), &error);
                }
                Err(self.failed(Some(key), Failed::once(error)))
            }
            Poll::Ready(Ok(_)) | Poll::Pending => Ok(Some((key, TaskFuture::Once(call, place)))),
        }
    }

    async fn superstep(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        self.begin_general(tasks)?;
        let keys: Vec<TaskKey> = tasks.iter().map(TaskKey::of).collect();
        if let Some(referee) = &self.shared.referee {
            referee.begin(&self.frontier, &keys);
        }
        let results = self.execute(std::mem::take(tasks)).await?;
        self.end_superstep(graph, &keys, results, tasks)
    }

    /// Begins a superstep of any tasks.
    pub(super) fn begin_general(&mut self, tasks: &[Task]) -> Result<(), RunError> {
        self.at.drops();
        self.begin_superstep(tasks)?;
        if let Some(observer) = &mut self.observer {
            observer.begin(self.superstep, tasks);
        }
        self.shared.spans.begin(self.superstep);
        let tasks = tasks.len();
        self.shared.tracer.superstep(self.superstep, tasks);
        self.tell(|| EventKind::SuperstepStarted { tasks });
        Ok(())
    }

    /// Runs tasks of the superstep.
    pub(super) async fn execute(&self, tasks: Vec<Task>) -> Result<Results<S>, RunError> {
        let (shared, state, superstep) = (&self.shared, &self.state, self.superstep);
        match self.executor {
            None => execute(shared, state, superstep, tasks).await,
            Some(executor) => Ok(executor.execute(shared, state, superstep, tasks).await),
        }
    }

    /// Settles a superstep, and plans the next.
    pub(super) fn end_superstep(
        &mut self,
        graph: &Frozen<S, C>,
        keys: &[TaskKey],
        results: Results<S>,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        let mut done = results.complete().map_err(|incomplete| match incomplete {
            Incomplete::Failed(index, failed) => self.failed(Some(keys[index]), failed),
            Incomplete::Lost(lost, stop) => self.stopped(stop, lost.into_iter().map(|at| keys[at])),
        })?;
        if let Some(observer) = &mut self.observer {
            observer.done(&done);
        }
        let settled = self.guard(|progress| progress.settle(graph, keys, &mut done));
        self.at.drops();
        if let (Err(_), Some(observer)) = (&settled, &mut self.observer) {
            observer.unmerged();
        }
        let chosen = settled?;
        self.tell_settled(keys, &done, &chosen);
        if let Some(referee) = &self.shared.referee {
            let referee = Arc::clone(referee);
            self.forget_starved(keys, &done);
            return self.plan_by_rules(&*referee, graph, keys, &done, chosen, tasks);
        }
        let mut chosen = chosen.into_iter();
        for (index, key) in keys.iter().enumerate() {
            let exits = &graph.node(key.node).exits;
            let chosen = chosen.next().unwrap_or_default();
            if let Some(observer) = &mut self.observer {
                observer.leads(Some(index), graph, &self.frontier, exits, &chosen);
            }
            self.frontier
                .finish(graph, exits, key.number(), chosen, tasks);
        }
        self.frontier.tasks(graph, tasks);
        self.shared.tracer.superstep_ends();
        Ok(())
    }

    /// The run ends before its end; these tasks were at work.
    pub(super) fn stopped(&self, stop: Stop, running: impl Iterator<Item = TaskKey>) -> RunError {
        let running = running.map(|key| self.task_id(Some(key)));
        stop.error(self.superstep, running.collect())
    }

    /// Whether the run is to end before the next superstep, as drained.
    pub(super) fn drains(&self) -> Result<bool, RunError> {
        let Some(stops) = &self.shared.stops else {
            return Ok(false);
        };
        match stops.due() {
            Some(stop) => Err(self.stopped(stop, std::iter::empty())),
            None => Ok(stops.drains()),
        }
    }

    /// The ephemeral fields that hold something.
    pub(super) fn held(&self) -> Vec<String> {
        let held = self.ephemerals.held();
        held.map(|field| self.fields[field].name.to_owned())
            .collect()
    }

    pub(super) fn take_expired(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.expired)
    }

    fn recursion_limit(&self, next: &[Task]) -> RunError {
        let graph = &self.shared.graph;
        let names = &graph.names;
        // The call may say otherwise.
        let is_of_graph = self.recursion_limit == graph.limits.recursion_limit;
        RunError::RecursionLimit {
            limit: self.recursion_limit,
            setting: graph.recursion_limit_by.clone().filter(|_| is_of_graph),
            last: self.ran.last(3, names),
            next: each_once(next.iter().map(|task| task.node).collect(), names),
        }
    }

    /// When its tasks were at work, of a run that has ended, however it did.
    pub(super) fn times(&mut self) -> Times {
        self.close_row(self.superstep);
        Times {
            names: Arc::clone(&self.shared.graph.names),
            ways: Arc::clone(&self.shared.graph) as _,
            ran: std::mem::take(&mut self.ran),
            spans: Arc::clone(&self.shared.spans),
        }
    }

    /// The result of a run that has ended.
    pub(super) fn finish(mut self) -> Result<Run<S>, RunError> {
        self.guard(|progress| {
            progress.at.copies();
            // Somebody may have kept a view of it.
            Arc::make_mut(&mut progress.state);
            Ok(())
        })?;
        let starved = match self.status {
            Status::Done => self.starved()?,
            // Who has not come by then may come yet.
            Status::Interrupted | Status::Drained => Vec::new(),
        };
        Ok(Run {
            starved,
            state: Arc::unwrap_or_clone(self.state),
            status: self.status,
            checkpoint: None,
            interrupts: Vec::new(),
            names: Arc::clone(&self.shared.graph.names),
            ran: self.ran,
            spans: Arc::clone(&self.shared.spans),
            ways: Arc::clone(&self.shared.graph) as _,
            graph: self.shared.graph.name.as_str().into(),
            usage: RunUsage::new(self.shared.scope().take_used()),
        })
    }
}

/// Awaits `work`, in which users' code may panic.
pub(super) async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        polled.map_or_else(|panic| Poll::Ready(Err(panic)), |poll| poll.map(Ok))
    })
    .await
}
