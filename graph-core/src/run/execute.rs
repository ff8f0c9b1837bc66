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
//!    computes without an await holds up at most [`UNTIMED`] of those that were
//!    taken with it; the rest goes back to the queue.
//! 4. Under `OnFailure::Stop`, the first failure closes the queue and aborts
//!    what was spawned; everything is awaited all the same.
//! 5. Dropping the crew closes the queue and aborts everything.
//! 6. A task that has neither succeeded nor failed, while no other failed, was
//!    taken away by the runtime: never a success.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::attempt::{Done, Failed, Shared, TaskFuture, caught, place, start, start_here};
use super::error::RunError;
use super::remains::Alive;
use super::results::Results;
use super::settle::TaskKey;
use super::spans::{PlainSpan, Time};
use super::turn::Turn;
use crate::compile::Pace;
use crate::graph::OnFailure;
use crate::node::{at, enter};
use crate::plan::Task;
use crate::state::State;

/// The most tasks that are ever taken at a time, over which the cost of taking
/// them is little.
const CHUNK: usize = 64;

/// What tasks that are taken together should take.
const STINT: Duration = Duration::from_micros(100);

/// How many tasks are started between two looks at the clock.
const UNTIMED: usize = 4;

/// Roughly what it takes to wake another thread, and to be woken by it.
const WAKE_UP: Duration = Duration::from_micros(30);

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
    let timed = !shared.graph.node(task.node).plain || shared.needs_timer();
    if timed && Handle::try_current().is_err() {
        return Err(RunError::NoRuntime);
    }
    let mut results = Results::of(1);
    let (key, begin) = (TaskKey::of(&task), shared.spans.now());
    let task = start(shared, state, superstep, task);
    let notes_itself = matches!(task, TaskFuture::Policed(_));
    let span = (!notes_itself).then(|| PlainSpan::new(&shared.spans, superstep, key, begin));
    let mut succeeded = None;
    match shared.stopped() {
        None => succeeded = Some(results.note(0, shared.run(task).await)),
        Some(mut stopped) => {
            let mut task = Box::pin(shared.run(task));
            let ended = poll_fn(|cx| match task.as_mut().poll(cx) {
                Poll::Ready(ended) => Poll::Ready(Ok(ended)),
                Poll::Pending => stopped.as_mut().poll(cx).map(Err),
            });
            match ended.await {
                Ok(ended) => succeeded = Some(results.note(0, ended)),
                Err(stop) => {
                    drop(task);
                    shared.nothing_remains(None).await;
                    results.stop = Some(stop);
                }
            }
        }
    }
    if let (Some(span), Some(succeeded)) = (span, succeeded) {
        span.ends(succeeded);
    }
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
        on_failure: shared.graph.limits.on_failure,
        cores,
        runtime,
        stopped: AtomicBool::new(false),
        open: Mutex::new(Some(Open {
            state: Arc::clone(state),
            queue: Queue(vec![(0, tasks.into_iter())]),
            results: Results::of(n_tasks),
            spawned: JoinSet::new(),
        })),
    }));
    let all = async {
        crew.lead(n_tasks, n_helpers, pace).await;
        while crew.next().await {}
    };
    let mut stop = None;
    match shared.stopped() {
        None => all.await,
        Some(mut stopped) => {
            let mut all = pin!(all);
            poll_fn(|cx| {
                if stop.is_none()
                    && let Poll::Ready(why) = stopped.as_mut().poll(cx)
                {
                    stop = Some(why);
                    crew.0.stop();
                }
                all.as_mut().poll(cx)
            })
            .await;
        }
    }
    shared.nothing_remains(None).await;
    let open = crew.0.open.lock().take();
    let mut results = open.map_or_else(|| Results::of(n_tasks), |open| open.results);
    results.stop = stop;
    Ok(results)
}

/// Tasks that nobody has taken yet: rows of them, each with the number of its
/// first.
struct Queue(Vec<(usize, std::vec::IntoIter<Task>)>);

impl Queue {
    fn len(&self) -> usize {
        self.0.iter().map(|(_, tasks)| tasks.len()).sum()
    }

    /// Takes so many, or as many as a row has left.
    fn take(&mut self, n: usize) -> Option<(usize, Vec<Task>)> {
        while let Some((first, tasks)) = self.0.last_mut() {
            let taken: Vec<Task> = tasks.by_ref().take(n).collect();
            if !taken.is_empty() {
                let number = *first;
                *first += taken.len();
                return Some((number, taken));
            }
            self.0.pop();
        }
        None
    }
}

/// Drops inputs that nobody is going to see. What their drops panic with is not
/// a task's failure.
impl Drop for Queue {
    fn drop(&mut self) {
        for task in self.0.drain(..).flat_map(|(_, tasks)| tasks) {
            drop(caught(|| drop(task)));
        }
    }
}

/// What the members of a crew share.
struct Work<S: State, C> {
    shared: Arc<Shared<S, C>>,
    superstep: u64,
    on_failure: OnFailure,
    cores: usize,
    runtime: Handle,
    /// Nothing more is to be started.
    stopped: AtomicBool,
    /// Gone once the crew was dropped.
    open: Mutex<Option<Open<S>>>,
}

struct Open<S: State> {
    state: Arc<S>,
    queue: Queue,
    /// Kept here, since who has them may be aborted before it can tell.
    results: Results<S>,
    spawned: JoinSet<()>,
}

/// The times of a plain task; others note theirs themselves.
type Begun = Option<PlainSpan>;

/// What a spawned member of a crew does: one type for all, since each that is
/// spawned is compiled twice by tokio.
enum Job<S: State> {
    /// Takes tasks from the queue.
    Help,
    /// Awaits the task of that number, which did not end at its first poll.
    Finish(usize, TaskFuture<S>, Begun),
    /// Nothing; see [`push_out`](Work::push_out).
    Nothing,
}

/// How many tasks a member takes at a time, and whose turn it is.
struct Stint {
    size: usize,
    turn: Turn,
}

impl Stint {
    fn begin() -> Self {
        Self {
            size: 1,
            turn: Turn::begin(),
        }
    }

    fn adapt(&mut self, took: Duration) {
        if took > STINT {
            self.size = (self.size / 2).max(1);
        } else if took < STINT / 2 {
            self.size = (self.size * 2).min(CHUNK);
        }
    }
}

impl<S: State, C: Send + Sync + 'static> Work<S, C> {
    fn spawn(self: &Arc<Self>, job: Job<S>) {
        if let Some(open) = &mut *self.open.lock()
            && !self.is_stopped()
        {
            let alive = Alive::new(self.shared.within.as_ref());
            let member = Arc::clone(self).member(job, alive);
            open.spawned.spawn_on(member, &self.runtime);
            return;
        }
        // Outside the lock, and guarded: it may hold anything.
        drop(caught(|| drop(job)));
    }

    /// What a worker of the runtime spawns last it keeps for itself, and no
    /// other can get it until the worker is done: something that does nothing
    /// takes that place.
    fn push_out(self: &Arc<Self>) {
        if self.cores > 1 && tokio::task::try_id().is_some() {
            self.spawn(Job::Nothing);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// What is spawned, and counted until it is gone.
    async fn member(self: Arc<Self>, job: Job<S>, _alive: Alive) {
        match job {
            Job::Nothing => {}
            // In a box, so that the many others are small.
            Job::Help => Box::pin(self.help()).await,
            Job::Finish(index, future, begun) => {
                let ended = self.shared.run(future).await;
                if let Some(span) = begun {
                    span.ends(ended.is_ok());
                }
                match ended {
                    Ok(done) => self.note(index, done),
                    Err(failed) => self.failed(index, failed),
                }
            }
        }
    }

    /// Takes tasks until there are none.
    async fn help(self: Arc<Self>) {
        let mut stint = Stint::begin();
        while self.take(&mut stint).await > 0 {
            stint.turn.pass().await;
        }
    }

    /// Takes tasks from the queue and starts them; returns how many, 0 if there
    /// are none left.
    async fn take(self: &Arc<Self>, stint: &mut Stint) -> usize {
        let taken = self.open.lock().as_mut().and_then(|open| {
            let share = open.queue.len().div_ceil(4 * self.cores);
            let taken = open.queue.take(stint.size.min(share))?;
            Some((Arc::clone(&open.state), taken))
        });
        let Some((state, (first, tasks))) = taken else {
            return 0;
        };
        let begin = Instant::now();
        let begun = self.shared.spans.now();
        let mut plain = Vec::with_capacity(tasks.len());
        let mut row = tasks.into_iter();
        let done = poll_fn(|cx| {
            let began = (begin, begun);
            Poll::Ready(self.start_all(&state, first, &mut row, began, &mut plain, cx))
        });
        let done = done.await;
        let n_started = done.len();
        if !plain.is_empty() {
            let spans = &self.shared.spans;
            spans.chunk(self.superstep, begun, plain.into_iter());
        }
        self.note_all(first, done);
        if row.len() > 0 {
            self.give_back(first + n_started, row);
        }
        stint.adapt(begin.elapsed());
        n_started
    }

    /// Starts tasks one after another, as long as there is time. Those that do
    /// not end at once are spawned.
    fn start_all(
        self: &Arc<Self>,
        state: &Arc<S>,
        first: usize,
        tasks: &mut std::vec::IntoIter<Task>,
        (begin, begun): (Instant, Time),
        plain: &mut Vec<TaskKey>,
        cx: &mut Context<'_>,
    ) -> Vec<Option<Done<S>>> {
        let mut all = Vec::with_capacity(tasks.len());
        let mut pushes = false;
        let _entered = enter(self.shared.scope());
        while !self.is_stopped()
            && (all.len() % UNTIMED != UNTIMED - 1 || begin.elapsed() < STINT)
            && let Some(task) = tasks.next()
        {
            let index = first + all.len();
            let key = TaskKey::of(&task);
            at(place(self.superstep, 1, &task));
            let mut future = start_here(&self.shared, state, self.superstep, task);
            let notes_itself = matches!(future, TaskFuture::Policed(_));
            all.push(match Pin::new(&mut future).poll(cx) {
                Poll::Ready(Ok(done)) => {
                    if !notes_itself {
                        plain.push(key);
                    }
                    Some(done)
                }
                Poll::Ready(Err(failed)) => {
                    if !notes_itself {
                        self.shared.spans.failed(self.superstep, key, begun);
                    }
                    self.failed(index, failed);
                    None
                }
                Poll::Pending => {
                    let spans = &self.shared.spans;
                    let begun =
                        (!notes_itself).then(|| PlainSpan::new(spans, self.superstep, key, begun));
                    self.spawn(Job::Finish(index, future, begun));
                    pushes = true;
                    None
                }
            });
        }
        if pushes {
            self.push_out();
        }
        all
    }

    fn note(&self, index: usize, done: Done<S>) {
        if let Some(open) = &mut *self.open.lock() {
            open.results.done[index] = Some(done);
        }
    }

    /// Notes what came of tasks from the first on; none is for those that
    /// failed, or were spawned and may have ended since.
    fn note_all(&self, first: usize, done: Vec<Option<Done<S>>>) {
        if let Some(open) = &mut *self.open.lock() {
            let slots = open.results.done[first..].iter_mut();
            for (slot, done) in slots.zip(done).filter(|(_, done)| done.is_some()) {
                *slot = done;
            }
        }
    }

    /// Puts tasks back that were taken and not started.
    fn give_back(&self, first: usize, tasks: std::vec::IntoIter<Task>) {
        let mut rest = Queue(vec![(first, tasks)]);
        if let Some(open) = &mut *self.open.lock()
            && !self.is_stopped()
        {
            open.queue.0.append(&mut rest.0);
        }
        // Outside the lock: what is dropped may want it.
        drop(rest);
    }

    /// A task has failed: unless the others are to finish, all stops.
    fn failed(&self, index: usize, failed: Failed) {
        match &mut *self.open.lock() {
            None => return,
            Some(open) => open.results.note(index, Err(failed)),
        };
        if self.on_failure == OnFailure::Stop {
            self.stop();
        }
    }

    /// Empties the queue, and aborts what was spawned.
    fn stop(&self) {
        let unstarted = match &mut *self.open.lock() {
            None => return,
            Some(open) => {
                self.stopped.store(true, Ordering::Relaxed);
                open.spawned.abort_all();
                std::mem::replace(&mut open.queue, Queue(Vec::new()))
            }
        };
        // Outside the lock: what is dropped may want it.
        drop(unstarted);
    }
}

/// The run's own hold on its crew.
struct Crew<S: State, C: Send + Sync + 'static>(Arc<Work<S, C>>);

impl<S: State, C: Send + Sync + 'static> Crew<S, C> {
    /// Takes tasks until there are none, calling helpers if that is worth it.
    async fn lead(&self, n_tasks: usize, n_helpers: usize, pace: &Pace) {
        let mut alone = pace.expected(n_tasks) < WAKE_UP;
        if !alone {
            self.call(n_helpers);
        }
        let begin = Instant::now();
        let mut stint = Stint::begin();
        let mut n_started = 0;
        loop {
            match self.0.take(&mut stint).await {
                0 => break,
                n => n_started += n,
            }
            if alone && begin.elapsed() > 2 * WAKE_UP {
                alone = false;
                self.call(n_helpers);
            }
            stint.turn.pass().await;
        }
        pace.note(n_started, begin.elapsed());
    }

    fn call(&self, n_helpers: usize) {
        for _ in 0..n_helpers {
            self.0.spawn(Job::Help);
        }
        self.0.push_out();
    }

    /// Awaits the end of something that was spawned; false if nothing is left.
    async fn next(&self) -> bool {
        let joined = poll_fn(|cx| match &mut *self.0.open.lock() {
            Some(open) => open.spawned.poll_join_next(cx),
            None => Poll::Ready(None),
        });
        match joined.await {
            None => return false,
            // Panics of users' code are caught: this one is ours.
            Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
            // What was aborted after a failure is not missed; else it will be.
            Some(_) => {}
        }
        true
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
