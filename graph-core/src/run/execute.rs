//! The tasks of a superstep, all at work at the same time.
//!
//! 1. A single task never comes here: it is polled where the run is polled,
//!    and nothing is spawned.
//! 2. Several tasks are a queue of chunks, a few for each core and none larger
//!    than [`CHUNK`]. The run's own task takes chunks from it, and so does one
//!    spawned helper for each further core. Helpers are called at once, unless
//!    the graph's last wide superstep says that the work is done before they
//!    would have woken up; then only if that turns out wrong.
//! 3. Within a chunk, tasks are started one after another. A task that is done
//!    at its first poll costs no spawn; one that is not is spawned, and holds
//!    nobody up. One that computes without an await holds up what is left of
//!    its own chunk, and no more.
//! 4. Under `OnFailure::Stop`, the first failure closes the queue and aborts
//!    what was spawned; everything is awaited all the same.
//! 5. Dropping the crew closes the queue and aborts everything.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::attempt::{Begun, Ended, Shared, begin};
use super::error::RunError;
use crate::graph::OnFailure;
use crate::plan::Task;
use crate::state::State;

/// The most tasks in a chunk, over which the cost of taking it is little.
const CHUNK: usize = 64;

/// Roughly what it takes to wake another thread, and to be woken by it.
const WAKE_UP: Duration = Duration::from_micros(30);

/// How long the run's own task takes chunks without letting others run.
const SLICE: Duration = Duration::from_micros(500);

/// Tasks that have ended, in the order in which they were started.
type Piece<S> = Vec<Ended<S>>;

/// Runs all tasks, and returns those that have ended, in task order. All have,
/// unless one failed and the graph stops on failure.
pub(super) async fn execute<S: State, C: Send + Sync + 'static>(
    shared: &Arc<Shared<S, C>>,
    state: &Arc<S>,
    superstep: u64,
    tasks: Vec<Task>,
) -> Result<Vec<Ended<S>>, RunError> {
    let runtime = Handle::try_current().map_err(|_| RunError::NoRuntime)?;
    let n_tasks = tasks.len();
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
    let mut pieces = crew.lead(n_tasks, n_helpers).await;
    pieces.extend(crew.rest().await);
    Ok(in_order(pieces, n_tasks))
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
    next: u32,
    spawned: JoinSet<Vec<Piece<S>>>,
}

/// The run's own hold on its crew.
struct Crew<S: State, C: Send + Sync + 'static>(Arc<Work<S, C>>);

impl<S: State, C: Send + Sync + 'static> Work<S, C> {
    fn spawn(&self, future: impl Future<Output = Vec<Piece<S>>> + Send + 'static) {
        if let Some(open) = &mut *self.open.lock()
            && !self.stopped.load(Ordering::Relaxed)
        {
            open.spawned.spawn(future);
        }
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
            open.next += u32::try_from(tasks.len()).unwrap_or(u32::MAX);
            (Arc::clone(&open.state), first, tasks)
        };
        if tasks.is_empty() {
            return None;
        }
        let mut tasks = (first..).zip(tasks);
        Some(poll_fn(|cx| Poll::Ready(self.begin_all(&state, &mut tasks, cx))).await)
    }

    /// Starts tasks one after another. Those that do not end at once are
    /// spawned.
    fn begin_all(
        &self,
        state: &Arc<S>,
        tasks: &mut impl Iterator<Item = (u32, Task)>,
        cx: &mut Context<'_>,
    ) -> Piece<S> {
        let mut piece = Vec::with_capacity(tasks.size_hint().0);
        for (index, task) in tasks {
            if self.stopped.load(Ordering::Relaxed) {
                break;
            }
            match begin(&self.shared, state, self.superstep, index, task, cx) {
                Begun::AtWork(future) => self.spawn(async move { vec![vec![future.await]] }),
                Begun::Ended(ended) => {
                    let failed = ended.failed();
                    piece.push(ended);
                    if failed && self.on_failure == OnFailure::Stop {
                        self.stop();
                    }
                }
            }
        }
        piece
    }

    /// Empties the queue, and aborts what was spawned.
    fn stop(&self) {
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

impl<S: State, C: Send + Sync + 'static> Crew<S, C> {
    /// Takes chunks until there are none, calling helpers if that is worth it,
    /// and letting others run now and then.
    async fn lead(&self, n_tasks: usize, n_helpers: usize) -> Vec<Piece<S>> {
        let pace = &self.0.shared.graph.pace;
        let expected = pace.expected(n_tasks);
        let mut alone = expected < WAKE_UP;
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
            n_done += piece.len();
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
            let work = Arc::clone(&self.0);
            self.0.spawn(async move { work.help().await });
        }
    }

    /// Awaits everything that was spawned.
    async fn rest(&self) -> Vec<Piece<S>> {
        let mut pieces = Vec::new();
        while let Some(joined) = self.next().await {
            // An aborted task leaves nothing; panics of bodies are caught.
            let joined = joined.unwrap_or_default();
            let ended = joined.iter().flatten();
            if self.0.on_failure == OnFailure::Stop && ended.into_iter().any(Ended::failed) {
                self.0.stop();
            }
            pieces.extend(joined);
        }
        pieces
    }

    async fn next(&self) -> Option<Result<Vec<Piece<S>>, tokio::task::JoinError>> {
        poll_fn(|cx| match &mut *self.0.open.lock() {
            Some(open) => open.spawned.poll_join_next(cx),
            None => Poll::Ready(None),
        })
        .await
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

/// Brings pieces into task order.
fn in_order<S: State>(mut pieces: Vec<Piece<S>>, n_tasks: usize) -> Vec<Ended<S>> {
    pieces.retain(|piece| !piece.is_empty());
    pieces.sort_unstable_by_key(|piece| piece[0].index);
    let mut ended = Vec::with_capacity(n_tasks);
    for piece in pieces {
        ended.extend(piece);
    }
    // A task that was spawned leaves a gap in its piece.
    if !ended.is_sorted_by_key(|ended| ended.index) {
        ended.sort_unstable_by_key(|ended| ended.index);
    }
    ended
}
