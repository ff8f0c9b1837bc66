//! The tasks of a superstep, all at work at the same time.
//!
//! 1. A single task is polled where the run is polled, and nothing is spawned.
//! 2. Several tasks are a queue. The run's own task takes from it, and so does
//!    one spawned helper for each further core: as many tasks at a time as
//!    take about [`STINT`], one if that is too many, [`CHUNK`] at the most, and
//!    never so many that the others go short.
//!    Helpers are called at once, unless supersteps that began with the same
//!    node were lately done before they would have woken up; then only if that
//!    turns out wrong.
//! 3. Tasks are started one after another. One that is done at its first poll
//!    costs no spawn; one that is not is spawned, and holds nobody up. One that
//!    computes without an await holds up what was taken with it, and no more.
//! 4. Under `OnFailure::Stop`, the first failure closes the queue and aborts
//!    what was spawned; everything is awaited all the same.
//! 5. Dropping the crew closes the queue and aborts everything.
//! 6. A task that has neither succeeded nor failed, while no other failed, was
//!    taken away by the runtime: never a success.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::attempt::{Done, Ended, Failed, Shared, TaskFuture, caught, start};
use super::error::RunError;
use crate::compile::Pace;
use crate::graph::OnFailure;
use crate::plan::Task;
use crate::state::State;

/// The most tasks that are ever taken at a time, over which the cost of taking
/// them is little.
const CHUNK: usize = 64;

/// What tasks that are taken together should take.
const STINT: Duration = Duration::from_micros(100);

/// Roughly what it takes to wake another thread, and to be woken by it.
const WAKE_UP: Duration = Duration::from_micros(30);

/// How long tasks are taken without letting others of the runtime run.
pub(super) const SLICE: Duration = Duration::from_micros(500);

/// What the tasks of a superstep came to.
pub(super) struct Results<S: State> {
    done: Vec<Option<Done<S>>>,
    /// The first in task order among the tasks that failed.
    failure: Option<(usize, Failed)>,
}

/// Why not all tasks have succeeded.
pub(super) enum Incomplete {
    /// The task of that number failed.
    Failed(usize, Failed),
    /// Some never ended.
    Lost,
}

impl<S: State> Results<S> {
    pub(super) fn of(n_tasks: usize) -> Self {
        let mut done = Vec::new();
        done.resize_with(n_tasks, || None);
        Self {
            done,
            failure: None,
        }
    }

    /// Notes how a task ended; says whether it succeeded.
    pub(super) fn note(&mut self, index: usize, ended: Ended<S>) -> bool {
        match ended {
            Ok(done) => {
                self.done[index] = Some(done);
                true
            }
            Err(failed) => {
                if self.failure.as_ref().is_none_or(|first| index < first.0) {
                    self.failure = Some((index, failed));
                }
                false
            }
        }
    }

    /// All tasks in task order, if all have succeeded.
    pub(super) fn complete(self) -> Result<Vec<Done<S>>, Incomplete> {
        match self.failure {
            Some((index, failed)) => Err(Incomplete::Failed(index, failed)),
            None => {
                let done: Option<Vec<_>> = self.done.into_iter().collect();
                done.ok_or(Incomplete::Lost)
            }
        }
    }
}

/// Runs all tasks to their ends; some have none if another failed and the
/// graph stops on failure.
pub(super) async fn execute<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    tasks: Vec<Task>,
) -> Result<Results<S>, RunError> {
    match <[Task; 1]>::try_from(tasks) {
        Ok([task]) => one(shared, state, superstep, task).await,
        Err(tasks) => many(shared, state, superstep, tasks).await,
    }
}

async fn one<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    task: Task,
) -> Result<Results<S>, RunError> {
    let timed = !shared.graph.node(task.node).plain;
    if timed && Handle::try_current().is_err() {
        return Err(RunError::NoRuntime);
    }
    let mut results = Results::of(1);
    results.note(0, start(shared, state, superstep, task).await);
    Ok(results)
}

async fn many<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    tasks: Vec<Task>,
) -> Result<Results<S>, RunError> {
    let runtime = Handle::try_current().map_err(|_| RunError::NoRuntime)?;
    let n_tasks = tasks.len();
    let pace = &shared.graph.node(tasks[0].node).pace;
    let cores = runtime.metrics().num_workers();
    let n_helpers = (cores - 1).min(n_tasks - 1);
    let crew = Crew(Arc::new(Work {
        shared: Arc::clone(shared),
        superstep,
        chunk: n_tasks.div_ceil(cores * 4).clamp(1, CHUNK),
        on_failure: shared.graph.limits.on_failure,
        stopped: AtomicBool::new(false),
        open: Mutex::new(Some(Open {
            state: Arc::clone(state),
            queue: tasks.into_iter(),
            next: 0,
            spawned: JoinSet::new(),
        })),
    }));
    let mut results = Results::of(n_tasks);
    let mut pieces = crew.lead(n_tasks, n_helpers, pace).await;
    loop {
        for piece in pieces {
            piece.note(&mut results);
        }
        match crew.next().await {
            Some(more) => pieces = more,
            None => return Ok(results),
        }
    }
}

/// How tasks ended that were started one after another.
struct Piece<S: State> {
    /// The number of the first.
    first: usize,
    /// None where a task was spawned, and ends elsewhere.
    ended: Vec<Option<Ended<S>>>,
}

impl<S: State> Piece<S> {
    fn note(self, results: &mut Results<S>) {
        for (index, ended) in (self.first..).zip(self.ended) {
            if let Some(ended) = ended {
                results.note(index, ended);
            }
        }
    }
}

/// What the members of a crew share.
struct Work<S: State, C> {
    shared: Arc<Shared<S, C>>,
    superstep: u64,
    /// The most tasks that are taken at a time.
    chunk: usize,
    on_failure: OnFailure,
    /// Nothing more is to be started.
    stopped: AtomicBool,
    /// Gone once the crew was dropped.
    open: Mutex<Option<Open<S>>>,
}

struct Open<S: State> {
    state: Arc<S>,
    queue: std::vec::IntoIter<Task>,
    /// The number of the first task in the queue.
    next: usize,
    spawned: JoinSet<Vec<Piece<S>>>,
}

/// How many tasks a member takes at a time, and since when it lets nobody run.
struct Stint {
    size: usize,
    turn: Instant,
}

impl Stint {
    fn begin() -> Self {
        Self {
            size: 1,
            turn: Instant::now(),
        }
    }
}

impl<S: State, C: Send + Sync + 'static> Work<S, C> {
    fn spawn(self: &Arc<Self>, job: Job<S>) {
        if let Some(open) = &mut *self.open.lock()
            && !self.is_stopped()
        {
            open.spawned.spawn(Arc::clone(self).member(job));
        }
    }

    /// What a worker of the runtime spawns last it keeps for itself, and no
    /// other can get it until the worker is done: something that does nothing
    /// takes that place.
    fn push_out(self: &Arc<Self>) {
        if tokio::task::try_id().is_some() {
            self.spawn(Job::Nothing);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// What is spawned.
    async fn member(self: Arc<Self>, job: Job<S>) -> Vec<Piece<S>> {
        match job {
            Job::Nothing => Vec::new(),
            Job::Help => {
                let mut pieces = Vec::new();
                let mut stint = Stint::begin();
                while let Some(piece) = self.take(&mut stint).await {
                    pieces.push(piece);
                }
                pieces
            }
            Job::Finish(first, future) => {
                let ended = future.await;
                if ended.is_err() {
                    self.failed();
                }
                let ended = vec![Some(ended)];
                vec![Piece { first, ended }]
            }
        }
    }

    /// Takes tasks from the queue and starts them; nothing if there are none
    /// left.
    async fn take(self: &Arc<Self>, stint: &mut Stint) -> Option<Piece<S>> {
        let (state, first, tasks) = {
            let mut open = self.open.lock();
            let open = open.as_mut()?;
            let tasks: Vec<Task> = open.queue.by_ref().take(stint.size).collect();
            let first = open.next;
            open.next += tasks.len();
            (Arc::clone(&open.state), first, tasks)
        };
        if tasks.is_empty() {
            return None;
        }
        let begin = Instant::now();
        let mut tasks = Some(tasks);
        let piece = poll_fn(|cx| {
            let tasks = tasks.take().unwrap_or_default();
            Poll::Ready(self.start_all(&state, first, tasks, cx))
        });
        let piece = piece.await;
        if piece.ended.iter().any(Option::is_none) {
            self.push_out();
        }
        let now = Instant::now();
        stint.size = match now - begin {
            took if took > STINT => (stint.size / 2).max(1),
            took if took < STINT / 2 => (stint.size * 2).min(self.chunk),
            _ => stint.size,
        };
        if now - stint.turn > SLICE {
            tokio::task::yield_now().await;
            stint.turn = Instant::now();
        }
        Some(piece)
    }

    /// Starts tasks one after another. Those that do not end at once are
    /// spawned.
    fn start_all(
        self: &Arc<Self>,
        state: &Arc<S>,
        first: usize,
        tasks: Vec<Task>,
        cx: &mut Context<'_>,
    ) -> Piece<S> {
        let mut ended = Vec::with_capacity(tasks.len());
        let mut tasks = tasks.into_iter();
        while !self.is_stopped()
            && let Some(task) = tasks.next()
        {
            let mut future = start(&self.shared, state, self.superstep, task);
            match Pin::new(&mut future).poll(cx) {
                Poll::Ready(end) => {
                    let is_failure = end.is_err();
                    ended.push(Some(end));
                    if is_failure {
                        self.failed();
                    }
                }
                Poll::Pending => {
                    let index = first + ended.len();
                    ended.push(None);
                    self.spawn(Job::Finish(index, future));
                }
            }
        }
        discard(tasks);
        Piece { first, ended }
    }

    /// A task has failed: unless the others are to finish, empties the queue,
    /// and aborts what was spawned.
    fn failed(&self) {
        if self.on_failure == OnFailure::Finish {
            return;
        }
        let unstarted = match &mut *self.open.lock() {
            None => return,
            Some(open) => {
                self.stopped.store(true, Ordering::Relaxed);
                open.spawned.abort_all();
                std::mem::take(&mut open.queue)
            }
        };
        // Outside the lock: what is dropped may want it.
        discard(unstarted);
    }
}

/// Drops inputs that nobody is going to see. What their drops panic with is not
/// a task's failure.
fn discard(tasks: std::vec::IntoIter<Task>) {
    for task in tasks {
        drop(caught(|| drop(task)));
    }
}

/// What a spawned member of a crew does: one type for all, since each that is
/// spawned is compiled twice by tokio.
enum Job<S: State> {
    /// Takes tasks from the queue.
    Help,
    /// Awaits the task of that number, which did not end at its first poll.
    Finish(usize, TaskFuture<S>),
    /// Nothing; see [`push_out`](Work::push_out).
    Nothing,
}

/// The run's own hold on its crew.
struct Crew<S: State, C: Send + Sync + 'static>(Arc<Work<S, C>>);

impl<S: State, C: Send + Sync + 'static> Crew<S, C> {
    /// Takes tasks until there are none, calling helpers if that is worth it.
    async fn lead(&self, n_tasks: usize, n_helpers: usize, pace: &Pace) -> Vec<Piece<S>> {
        let mut alone = pace.expected(n_tasks) < WAKE_UP;
        if !alone {
            self.call(n_helpers);
        }
        let begin = Instant::now();
        let mut stint = Stint::begin();
        let mut pieces = Vec::new();
        let mut n_done = 0;
        while let Some(piece) = self.0.take(&mut stint).await {
            n_done += piece.ended.len();
            pieces.push(piece);
            if alone && begin.elapsed() > 2 * WAKE_UP {
                alone = false;
                self.call(n_helpers);
            }
        }
        pace.note(n_done, begin.elapsed());
        pieces
    }

    fn call(&self, n_helpers: usize) {
        for _ in 0..n_helpers {
            self.0.spawn(Job::Help);
        }
        if n_helpers > 0 {
            self.0.push_out();
        }
    }

    /// The next of what was spawned to end; none if nothing is left.
    async fn next(&self) -> Option<Vec<Piece<S>>> {
        let joined = poll_fn(|cx| match &mut *self.0.open.lock() {
            Some(open) => open.spawned.poll_join_next(cx),
            None => Poll::Ready(None),
        });
        // What was aborted leaves nothing; panics of users' code are caught.
        joined.await.map(Result::unwrap_or_default)
    }
}

impl<S: State, C: Send + Sync + 'static> Drop for Crew<S, C> {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        // Dropped outside the lock: what is dropped may want it.
        let open = self.0.open.lock().take();
        drop(open);
    }
}
