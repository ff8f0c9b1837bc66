//! The tasks of a superstep, all at work at the same time.
//!
//! 1. A single task is polled where the run is polled; nothing is spawned.
//! 2. Several tasks are cut into chunks, a few for each core and none larger
//!    than [`CHUNK`]; each chunk is spawned.
//! 3. A chunk starts its tasks one after another. A task that is done at its
//!    first poll costs no spawn of its own; one that is not is spawned, so
//!    that it holds nobody up. A task that computes without an await holds up
//!    its own chunk at most.
//! 4. Under `OnFailure::Stop`, the first failure stops chunks from starting
//!    more, and aborts what was spawned; everything is awaited all the same.
//! 5. Dropping the crew aborts everything.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::attempt::{Ended, Shared, TaskFuture};
use super::error::RunError;
use crate::graph::OnFailure;
use crate::plan::Task;
use crate::state::State;

/// The most tasks in a chunk: spawning one costs half a microsecond or so,
/// which is little over so many.
const CHUNK: usize = 64;

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
    let crew = Crew::new(shared.graph.limits.on_failure);
    let n_chunks = (runtime.metrics().num_workers() * 4).max(n_tasks.div_ceil(CHUNK));
    let size = n_tasks.div_ceil(n_chunks);
    let mut tasks = tasks.into_iter();
    let mut first = 0;
    while tasks.len() > 0 {
        let chunk = Chunk {
            shared: Arc::clone(shared),
            state: Arc::clone(state),
            superstep,
            first,
            tasks: tasks.by_ref().take(size).collect(),
        };
        first += u32::try_from(chunk.tasks.len()).unwrap_or(u32::MAX);
        crew.spawn(chunk.work(crew.shared()));
    }
    crew.all(n_tasks).await
}

struct Chunk<S: State, C> {
    shared: Arc<Shared<S, C>>,
    state: Arc<S>,
    superstep: u64,
    /// The number of its first task.
    first: u32,
    tasks: Vec<Task>,
}

impl<S: State, C: Send + Sync + 'static> Chunk<S, C> {
    async fn work(self, crew: Arc<CrewShared<S>>) -> Vec<Ended<S>> {
        let mut done = Vec::with_capacity(self.tasks.len());
        for (index, task) in (self.first..).zip(self.tasks) {
            if crew.stopped.load(Ordering::Relaxed) {
                break;
            }
            let mut future =
                TaskFuture::start(&self.shared, &self.state, self.superstep, index, task);
            let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await;
            match polled {
                Poll::Ready(ended) => {
                    let failed = ended.result.is_err();
                    done.push(ended);
                    if failed && crew.on_failure == OnFailure::Stop {
                        break;
                    }
                }
                Poll::Pending => crew.spawn(async move { vec![future.await] }),
            }
        }
        done
    }
}

/// The spawned futures of one superstep.
struct Crew<S: State>(Arc<CrewShared<S>>);

struct CrewShared<S: State> {
    /// Taken away when the crew is dropped.
    set: Mutex<Option<JoinSet<Vec<Ended<S>>>>>,
    /// Nothing more is to be started.
    stopped: AtomicBool,
    on_failure: OnFailure,
}

impl<S: State> CrewShared<S> {
    fn spawn(&self, future: impl Future<Output = Vec<Ended<S>>> + Send + 'static) {
        if let Some(set) = &mut *self.set.lock() {
            if !self.stopped.load(Ordering::Relaxed) {
                set.spawn(future);
            }
        }
    }

    fn stop(&self) {
        if let Some(set) = &mut *self.set.lock() {
            self.stopped.store(true, Ordering::Relaxed);
            set.abort_all();
        }
    }
}

impl<S: State> Crew<S> {
    fn new(on_failure: OnFailure) -> Self {
        Self(Arc::new(CrewShared {
            set: Mutex::new(Some(JoinSet::new())),
            stopped: AtomicBool::new(false),
            on_failure,
        }))
    }

    fn shared(&self) -> Arc<CrewShared<S>> {
        Arc::clone(&self.0)
    }

    fn spawn(&self, future: impl Future<Output = Vec<Ended<S>>> + Send + 'static) {
        self.0.spawn(future);
    }

    /// Awaits everything that was spawned, and puts it in task order.
    async fn all(self, n_tasks: usize) -> Result<Vec<Ended<S>>, RunError> {
        let mut slots: Vec<Option<Ended<S>>> = Vec::new();
        slots.resize_with(n_tasks, || None);
        while let Some(joined) = self.next().await {
            // An aborted future leaves nothing; bodies' panics are caught.
            for ended in joined.unwrap_or_default() {
                let stop = ended.result.is_err() && self.0.on_failure == OnFailure::Stop;
                let index = ended.index as usize;
                slots[index] = Some(ended);
                if stop {
                    self.0.stop();
                }
            }
        }
        Ok(slots.into_iter().flatten().collect())
    }

    async fn next(&self) -> Option<Result<Vec<Ended<S>>, tokio::task::JoinError>> {
        poll_fn(|cx| match &mut *self.0.set.lock() {
            Some(set) => set.poll_join_next(cx),
            None => Poll::Ready(None),
        })
        .await
    }
}

impl<S: State> Drop for Crew<S> {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        // Dropped outside the lock: a task's own drop may lock it again.
        let set = self.0.set.lock().take();
        drop(set);
    }
}
