//! The tasks of a window that are at work.
//!
//! 1. Tasks that can be expected to be done soon are polled where the run is
//!    polled, as long as that turns out right; one that is not done then is
//!    spawned. All others are spawned at once, so that each core has its part.
//! 2. In a rehearsal nothing is spawned: tasks are polled in an order that the
//!    executor draws.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::lanes::TaskNo;
use crate::compile::NodeIndex;
use crate::plan::Task;
use crate::run::attempt::{Ended, Shared, TaskFuture, start};
use crate::run::hooks::Executor;
use crate::run::remains::Alive;
use crate::run::settle::TaskKey;
use crate::run::spans::{PlainSpan, Time};
use crate::run::stop::Stop;
use crate::state::State;

/// What a task is expected to take that costs less where it is than elsewhere.
const QUICK: Duration = Duration::from_micros(2);

/// What it costs to have other threads do something.
const WAKE_UP: Duration = Duration::from_micros(30);

/// How many tasks are polled between two looks at the clock.
const UNTIMED: u32 = 4;

/// A task that is about to start.
pub(super) struct Start<S> {
    pub(super) no: TaskNo,
    pub(super) depth: u64,
    pub(super) view: Arc<S>,
    pub(super) task: Task,
}

pub(super) struct Crew<'h, S: State, C> {
    shared: Arc<Shared<S, C>>,
    runtime: Handle,
    cores: usize,
    at_work: JoinSet<(TaskNo, Ended<S>)>,
    done: Vec<(TaskNo, Ended<S>)>,
    rehearsal: Option<Rehearsal<'h, S, C>>,
}

struct Rehearsal<'h, S: State, C> {
    executor: &'h dyn Executor<S, C>,
    /// For how many rounds each is held back.
    held: Vec<(u64, TaskNo, Held<S>)>,
    round: u64,
}

/// A task before and after its first poll.
enum Held<S: State> {
    Start(Start<S>),
    Future(TaskFuture<S>),
}

impl<'h, S: State, C: Send + Sync + 'static> Crew<'h, S, C> {
    pub(super) fn new(
        shared: &Arc<Shared<S, C>>,
        runtime: Handle,
        executor: Option<&'h dyn Executor<S, C>>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            cores: runtime.metrics().num_workers(),
            runtime,
            at_work: JoinSet::new(),
            done: Vec::new(),
            rehearsal: executor.map(|executor| Rehearsal {
                executor,
                held: Vec::new(),
                round: 0,
            }),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let held = self.rehearsal.as_ref();
        self.at_work.is_empty()
            && self.done.is_empty()
            && held.is_none_or(|rehearsal| rehearsal.held.is_empty())
    }

    pub(super) fn has_done(&self) -> bool {
        !self.done.is_empty()
    }

    /// A task that has ended.
    pub(super) fn take_done(&mut self) -> Option<(TaskNo, Ended<S>)> {
        self.done.pop()
    }

    /// Starts tasks, which come in order.
    pub(super) fn start_all(&mut self, starts: Vec<Start<S>>, cx: &mut Context<'_>) {
        if let Some(rehearsal) = &mut self.rehearsal {
            for start in starts {
                let hold = rehearsal.executor.hold(u64::from(start.no));
                let no = start.no;
                rehearsal.held.push((hold, no, Held::Start(start)));
            }
            return;
        }
        let Some(first) = starts.first() else {
            return;
        };
        let graph = Arc::clone(&self.shared.graph);
        let spans = Arc::clone(&self.shared.spans);
        let pace = &graph.node(first.task.node).pace;
        let quick = pace.expected(1) < QUICK || pace.expected(starts.len()) < WAKE_UP;
        let alone = self.cores == 1 || (starts.len() == 1 && self.is_idle());
        let begin = Instant::now();
        let mut here = alone || quick;
        let mut n_here: u32 = 0;
        let mut plain = Plain::begin(&self.shared);
        for Start {
            no,
            depth,
            view,
            task,
        } in starts
        {
            let key = TaskKey::of(&task);
            let mut future = start(&self.shared, &view, depth, task);
            drop(view);
            let notes_itself = matches!(future, TaskFuture::Policed(_));
            let since = plain.begin;
            let span = || (!notes_itself).then(|| PlainSpan::new(&spans, depth, key, since));
            if !here {
                self.spawn(no, future, span(), Some(key.node));
                continue;
            }
            match self.shared.poll(&mut future, cx) {
                Poll::Ready(ended) => {
                    match ended.is_ok() {
                        _ if notes_itself => {}
                        true => plain.note(&self.shared, depth, key),
                        false => self.shared.spans.failed(depth, key, plain.begin),
                    }
                    self.done.push((no, ended));
                }
                Poll::Pending => self.spawn(no, future, span(), None),
            }
            n_here += 1;
            here = alone
                || !n_here.is_multiple_of(UNTIMED)
                || begin.elapsed() < QUICK * n_here + WAKE_UP;
        }
        if n_here > 0 {
            pace.note(
                usize::try_from(n_here).unwrap_or(usize::MAX),
                begin.elapsed(),
            );
        }
        plain.end(&self.shared);
    }

    /// Spawns a task; the pace of its node is noted if it was not polled yet.
    fn spawn(
        &mut self,
        no: TaskNo,
        mut future: TaskFuture<S>,
        begun: Option<PlainSpan>,
        paced: Option<NodeIndex>,
    ) {
        let shared = Arc::clone(&self.shared);
        let alive = Alive::new(shared.within.as_ref());
        let work = async move {
            // Until all else of it is gone: the last local goes first, what was
            // captured last, and the time of the task is noted when `begun` goes.
            let _alive = alive;
            let begun = begun;
            let mut first = Poll::Pending;
            if let Some(node) = paced {
                let begin = Instant::now();
                first = poll_fn(|cx| Poll::Ready(shared.poll(&mut future, cx))).await;
                shared.graph.node(node).pace.note(1, begin.elapsed());
            }
            let ended = match first {
                Poll::Ready(ended) => ended,
                Poll::Pending => shared.run(future).await,
            };
            if let Some(span) = begun {
                span.ends(ended.is_ok());
            }
            (no, ended)
        };
        self.at_work.spawn_on(work, &self.runtime);
    }

    /// Ready once some task has ended, or is not going to.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        if let Some(rehearsal) = &mut self.rehearsal {
            let ended = rehearsal.poll(&self.shared, cx);
            return ended.map(|ended| {
                self.done.push(ended);
                Ok(())
            });
        }
        match self.at_work.poll_join_next(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(ended))) => {
                self.done.push(ended);
                Poll::Ready(Ok(()))
            }
            // Panics of users' code are caught: this one is ours.
            Poll::Ready(Some(Err(error))) if error.is_panic() => resume_unwind(error.into_panic()),
            Poll::Ready(_) => Poll::Ready(Err(Stop::Broken)),
        }
    }

    /// Drops what is at work, and waits until it is gone.
    pub(super) async fn stop(&mut self) {
        self.rehearsal = None;
        self.at_work.abort_all();
        while self.at_work.join_next().await.is_some() {}
        self.shared.nothing_remains(None).await;
    }
}

impl<S: State, C: Send + Sync + 'static> Rehearsal<'_, S, C> {
    /// Polls tasks in the order drawn for the round, until one ends.
    fn poll(
        &mut self,
        shared: &Arc<Shared<S, C>>,
        cx: &mut Context<'_>,
    ) -> Poll<(TaskNo, Ended<S>)> {
        self.round += 1;
        let mut held_back = false;
        let order = self.executor.poll_order(self.round, self.held.len());
        for at in order {
            let (hold, no, held) = &mut self.held[at];
            if *hold > 0 {
                *hold -= 1;
                held_back = true;
                continue;
            }
            if let Held::Start(_) = held {
                let future = Held::Future(TaskFuture::Over(None));
                if let Held::Start(first) = std::mem::replace(held, future) {
                    *held = Held::Future(start(shared, &first.view, first.depth, first.task));
                }
            }
            if let Held::Future(future) = held
                && let Poll::Ready(ended) = shared.poll(future, cx)
            {
                let no = *no;
                drop(self.held.swap_remove(at));
                return Poll::Ready((no, ended));
            }
        }
        if held_back {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// Plain tasks of one depth that were done at once, and share their time.
struct Plain {
    begin: Time,
    depth: u64,
    tasks: Vec<TaskKey>,
}

impl Plain {
    fn begin<S: State, C>(shared: &Shared<S, C>) -> Self {
        Self {
            begin: shared.spans.now(),
            depth: 0,
            tasks: Vec::new(),
        }
    }

    fn note<S: State, C>(&mut self, shared: &Shared<S, C>, depth: u64, key: TaskKey) {
        if depth != self.depth && !self.tasks.is_empty() {
            let next = Self::begin(shared);
            std::mem::replace(self, next).end(shared);
        }
        self.depth = depth;
        self.tasks.push(key);
    }

    fn end<S: State, C>(self, shared: &Shared<S, C>) {
        if !self.tasks.is_empty() {
            let tasks = self.tasks.into_iter();
            shared.spans.chunk(self.depth, self.begin, tasks);
        }
    }
}
