//! The tasks of a superstep, all at work at the same time.
//!
//! 1. A single task is polled where the run is polled, and nothing is spawned.
//! 2. Several tasks are a queue of chunks, a few for each core and none larger
//!    than [`CHUNK`]. The run's own task takes chunks from it, and so does one
//!    spawned helper for each further core. Helpers are called at once, unless
//!    the last superstep that began with the same node says that the work is
//!    done before they would have woken up; then only if that turns out wrong.
//! 3. Within a chunk, tasks are started one after another. A task that is done
//!    at its first poll costs no spawn; one that is not is spawned, and holds
//!    nobody up. One that computes without an await holds up what is left of
//!    its own chunk, and no more.
//! 4. Under `OnFailure::Stop`, the first failure closes the queue and aborts
//!    what was spawned; everything is awaited all the same.
//! 5. Dropping the crew closes the queue and aborts everything.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::attempt::{Begun, Done, Ended, Failed, Shared, TaskFuture, begin, caught};
use super::error::RunError;
use crate::compile::Pace;
use crate::graph::OnFailure;
use crate::plan::Task;
use crate::state::State;

/// The most tasks in a chunk, over which the cost of taking it is little.
const CHUNK: usize = 64;

/// Roughly what it takes to wake another thread, and to be woken by it.
const WAKE_UP: Duration = Duration::from_micros(30);

/// How long the run's own task takes chunks without letting others run.
const SLICE: Duration = Duration::from_micros(500);

/// What the tasks of a superstep came to.
pub(super) struct Results<S: State> {
    /// By task, in task order. All are there, unless there is a failure.
    pub(super) done: Vec<Option<Done<S>>>,
    /// The first in task order among the tasks that failed.
    pub(super) failure: Option<(usize, Failed)>,
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
    let mut task = Some(task);
    let begun = poll_fn(|cx| {
        let task = task.take();
        let begun = task.map(|task| caught(|| begin(shared, state, superstep, task, cx)));
        Poll::Ready(begun)
    });
    let ended = match begun.await {
        Some(Ok(Begun::Ended(ended))) => ended,
        Some(Ok(Begun::AtWork(future))) => future.await,
        Some(Err(panic)) => Err(Failed::once(panic)),
        None => unreachable!("a future that is ready is not polled again"),
    };
    results.note(0, ended);
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
    let chunk = n_tasks.div_ceil(cores * 4).clamp(1, CHUNK);
    let n_helpers = (cores - 1).min(n_tasks.div_ceil(chunk) - 1);
    let crew = Crew(Arc::new(Work {
        shared: Arc::clone(shared),
        superstep,
        chunk,
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
        if results.failure.is_some() {
            crew.0.failed();
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
    /// How many tasks a chunk has.
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

impl<S: State, C: Send + Sync + 'static> Work<S, C> {
    fn spawn(&self, member: Member<S, C>) {
        if let Some(open) = &mut *self.open.lock()
            && !self.is_stopped()
        {
            open.spawned.spawn(member.work());
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Takes chunks until there are none.
    async fn help(&self) -> Vec<Piece<S>> {
        let mut pieces = Vec::new();
        while let Some(piece) = self.do_chunk(self.chunk).await {
            pieces.push(piece);
        }
        pieces
    }

    /// Does a chunk of that many tasks; nothing if there are none left.
    async fn do_chunk(&self, size: usize) -> Option<Piece<S>> {
        let (state, first, tasks) = {
            let mut open = self.open.lock();
            let open = open.as_mut()?;
            let tasks: Vec<Task> = open.queue.by_ref().take(size).collect();
            let first = open.next;
            open.next += tasks.len();
            (Arc::clone(&open.state), first, tasks)
        };
        if tasks.is_empty() {
            return None;
        }
        let mut piece = Piece {
            first,
            ended: Vec::with_capacity(tasks.len()),
        };
        let mut tasks = tasks.into_iter();
        poll_fn(|cx| {
            // A panic ends its task, and not the row.
            while let Err(panic) = catch_unwind(AssertUnwindSafe(|| {
                self.begin_row(&state, &mut tasks, &mut piece, cx);
            })) {
                piece.ended.push(Some(Err(Failed::panicked(&*panic))));
                self.failed();
            }
            Poll::Ready(())
        })
        .await;
        Some(piece)
    }

    /// Starts tasks one after another. Those that do not end at once are
    /// spawned.
    fn begin_row(
        &self,
        state: &Arc<S>,
        tasks: &mut std::vec::IntoIter<Task>,
        piece: &mut Piece<S>,
        cx: &mut Context<'_>,
    ) {
        while !self.is_stopped()
            && let Some(task) = tasks.next()
        {
            match begin(&self.shared, state, self.superstep, task, cx) {
                Begun::AtWork(future) => {
                    let first = piece.first + piece.ended.len();
                    piece.ended.push(None);
                    self.spawn(Member::Task(first, future));
                }
                Begun::Ended(ended) => {
                    let is_failure = ended.is_err();
                    piece.ended.push(Some(ended));
                    if is_failure {
                        self.failed();
                    }
                }
            }
        }
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
        // Inputs are dropped outside the lock.
        drop(unstarted);
    }
}

/// What is spawned: one type for all, since each is compiled twice by tokio.
enum Member<S: State, C> {
    /// Takes chunks.
    Helper(Arc<Work<S, C>>),
    /// The task of that number, which did not end at its first poll.
    Task(usize, TaskFuture<S>),
}

impl<S: State, C: Send + Sync + 'static> Member<S, C> {
    async fn work(self) -> Vec<Piece<S>> {
        match self {
            Self::Helper(work) => work.help().await,
            Self::Task(first, future) => {
                let ended = vec![Some(future.await)];
                vec![Piece { first, ended }]
            }
        }
    }
}

/// The run's own hold on its crew.
struct Crew<S: State, C: Send + Sync + 'static>(Arc<Work<S, C>>);

impl<S: State, C: Send + Sync + 'static> Crew<S, C> {
    /// Takes chunks until there are none, calling helpers if that is worth it,
    /// and letting others run now and then.
    async fn lead(&self, n_tasks: usize, n_helpers: usize, pace: &Pace) -> Vec<Piece<S>> {
        let mut alone = pace.expected(n_tasks) < WAKE_UP;
        if !alone {
            self.call(n_helpers);
        }
        let begin = Instant::now();
        let mut turn = begin;
        let mut pieces = Vec::new();
        let mut n_done = 0;
        // Alone, it starts small, so as to notice soon that help is needed.
        let mut size = if alone { 1 } else { self.0.chunk };
        while let Some(piece) = self.0.do_chunk(size).await {
            n_done += piece.ended.len();
            pieces.push(piece);
            size = (size * 2).min(self.0.chunk);
            let now = Instant::now();
            if alone && now - begin > 2 * WAKE_UP {
                alone = false;
                self.call(n_helpers);
            }
            if now - turn > SLICE {
                tokio::task::yield_now().await;
                turn = Instant::now();
            }
        }
        pace.note(n_done, begin.elapsed());
        pieces
    }

    fn call(&self, n_helpers: usize) {
        for _ in 0..n_helpers {
            self.0.spawn(Member::Helper(Arc::clone(&self.0)));
        }
    }

    /// The next of what was spawned to end; none if nothing is left.
    async fn next(&self) -> Option<Vec<Piece<S>>> {
        let joined = poll_fn(|cx| match &mut *self.0.open.lock() {
            Some(open) => open.spawned.poll_join_next(cx),
            None => Poll::Ready(None),
        });
        // An aborted task leaves nothing; panics of bodies are caught.
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
