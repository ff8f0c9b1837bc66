//! A window: several depths, of which some tasks are at work, until all that
//! has started is settled.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::crew::{Crew, Start};
use super::faults::Fault;
use super::lanes::{Lanes, TaskNo};
use super::meet::Meets;
use super::past::{Past, Seen};
use super::slots::{Order, Slot, Slots};
use super::sweep::FEW;
use super::view::{Basis, Prepared};
use super::ways::Ways;
use crate::compile::{Frozen, NodeIndex};
use crate::event::EventKind;
use crate::plan::{Chosen, Task};
use crate::run::drive::Progress;
use crate::run::error::RunError;
use crate::run::settle::TaskKey;
use crate::run::stop::Stop;
use crate::run::turn::{SLICE, Turn};
use crate::state::State;

/// How many tasks are settled before others have their turn, if no time passes.
const MOST_ENDS: u32 = 512;

pub(super) struct Window<'p, 'h, S: State, C> {
    pub(super) progress: &'p mut Progress<'h, S, C>,
    pub(super) graph: Arc<Frozen<S, C>>,
    pub(super) lanes: Lanes,
    pub(super) slots: Slots<S>,
    /// Those that somebody may need.
    pub(super) live: Vec<TaskNo>,
    /// How many of those are settled, and how many may be.
    pub(super) n_kept: usize,
    pub(super) sweep_at: usize,
    /// Those of each unsettled depth.
    pub(super) depths: VecDeque<Vec<TaskNo>>,
    /// The least unsettled depth.
    pub(super) base: u64,
    /// How many tasks were settled.
    pub(super) settled: usize,
    /// Of nodes that lead to joins, a task that has come and waits there.
    pub(super) come: BTreeMap<NodeIndex, TaskNo>,
    /// For each node what was merged there.
    pub(super) meetings: BTreeMap<NodeIndex, Meets<S>>,
    /// The last depth at which tasks may start.
    pub(super) most: u64,
    /// The last one whose begin was told.
    told: u64,
    starts: Vec<Start<S>>,
    /// The first of those that have failed, in the order of the run.
    pub(super) failure: Option<Fault>,
    pub(super) crew: Crew<'h, S, C>,
}

pub(super) fn run_window<'p, S: State, C: Send + Sync + 'static>(
    progress: &'p mut Progress<'_, S, C>,
    tasks: &'p mut Vec<Task>,
    ways: &'p OnceLock<Arc<Ways>>,
) -> super::Window<'p> {
    Box::pin(async move {
        let runtime = Handle::try_current().map_err(|_| RunError::NoRuntime)?;
        progress.begin_superstep(tasks)?;
        let graph = Arc::clone(&progress.shared.graph);
        let ways = Arc::clone(ways.get_or_init(|| Arc::new(Ways::of(&graph))));
        let base = progress.superstep;
        let state = Arc::clone(&progress.state);
        let begin = Past::new(state, progress.ephemerals.clone(), base);
        let mut window = Window {
            crew: Crew::new(&progress.shared, runtime, progress.executor),
            most: progress.recursion_limit,
            lanes: Lanes::new(ways, base),
            slots: Slots::new(),
            live: Vec::new(),
            n_kept: 0,
            sweep_at: FEW,
            depths: VecDeque::from([Vec::new()]),
            settled: 0,
            come: BTreeMap::new(),
            meetings: BTreeMap::new(),
            told: base - 1,
            starts: Vec::new(),
            failure: None,
            progress,
            graph,
            base,
        };
        window.begin(mem::take(tasks), begin);
        let ended = window.go(tasks).await;
        // Nothing of it outlives the run.
        window.crew.stop().await;
        ended
    })
}

impl<S: State, C: Send + Sync + 'static> Window<'_, '_, S, C> {
    fn begin(&mut self, tasks: Vec<Task>, past: Past<S>) {
        let past = Arc::new(past);
        if let Some(observer) = &mut self.progress.observer {
            observer.begin(self.base, &tasks);
        }
        for (number, task) in tasks.into_iter().enumerate() {
            let key = TaskKey::of(&task);
            self.lanes.plan(key.node);
            let past = Arc::clone(&past);
            self.add(self.base, key, Order::Known(number), past, task);
        }
    }

    /// Adds a task that is about to start.
    pub(super) fn add(
        &mut self,
        depth: u64,
        key: TaskKey,
        order: Order,
        past: Arc<Past<S>>,
        task: Task,
    ) {
        let taken_down = self.progress.observer.is_some();
        let input = task.send.as_ref().filter(|_| taken_down);
        let view = past.view();
        let no = self.slots.push(Slot {
            depth,
            key,
            order,
            at_work: true,
            own: false,
            done: None,
            kept: None,
            spent: false,
            chosen: Vec::new(),
            leave: Vec::new(),
            input: input.map(|(_, input)| input.clone()),
            past: Some(Seen::Whole(past)),
        });
        self.live.push(no);
        let at = usize::try_from(depth - self.base).expect("it is near the base");
        while self.depths.len() <= at {
            self.depths.push_back(Vec::new());
        }
        self.depths[at].push(no);
        self.starts.push(Start {
            no,
            depth,
            view,
            task,
        });
    }

    async fn go(&mut self, tasks: &mut Vec<Task>) -> Result<(), RunError> {
        let shared = Arc::clone(&self.progress.shared);
        let mut turn = Turn::begin();
        let mut stopped = shared.stopped();
        let mut since = self.base;
        loop {
            let over = poll_fn(|cx| Poll::Ready(self.guarded(tasks, cx))).await?;
            if over {
                return Ok(());
            }
            self.progress.let_read().await;
            turn.pass().await;
            if since != self.base && stopped.is_some() {
                since = self.base;
                stopped = shared.stopped();
            }
            self.wait(&mut stopped).await?;
        }
    }

    /// Waits until a task has ended. Looks whether the run is to end also when one
    /// has: there may always be one.
    async fn wait(&mut self, stopped: &mut Option<Stopped<'_>>) -> Result<(), RunError> {
        let crew = &mut self.crew;
        let ended = poll_fn(|cx| {
            if let Some(stopped) = stopped
                && let Poll::Ready(stop) = stopped.as_mut().poll(cx)
            {
                return Poll::Ready(Err(stop));
            }
            match crew.has_done() {
                true => Poll::Ready(Ok(())),
                false => crew.poll(cx),
            }
        });
        ended.await.map_err(|stop| {
            let left = self.slots.iter().filter(|slot| slot.at_work);
            self.progress.superstep = self.base;
            self.progress.stopped(stop, left.map(|slot| slot.key))
        })
    }

    /// Does what can be done without waiting; true if the window is over. Code of
    /// users may panic in it: that is caught here, so that what is at work is
    /// awaited all the same.
    fn guarded(&mut self, tasks: &mut Vec<Task>, cx: &mut Context<'_>) -> Result<bool, RunError> {
        let done = catch_unwind(AssertUnwindSafe(|| self.advance(tasks, cx)));
        done.unwrap_or_else(|panic| Err(self.progress.panicked(&*panic)))
    }

    fn advance(&mut self, tasks: &mut Vec<Task>, cx: &mut Context<'_>) -> Result<bool, RunError> {
        let begin = Instant::now();
        for n_ended in 1..=MOST_ENDS {
            self.start_all(cx);
            let Some((no, ended)) = self.crew.take_done() else {
                break;
            };
            self.ended(no, ended)?;
            if self.plan(tasks)? {
                return Ok(true);
            }
            if n_ended.is_multiple_of(16) && begin.elapsed() > SLICE {
                break;
            }
        }
        self.start_all(cx);
        self.over()
    }

    fn start_all(&mut self, cx: &mut Context<'_>) {
        if self.starts.is_empty() {
            return;
        }
        let mut starts = mem::take(&mut self.starts);
        starts.sort_by(|a, b| self.compare(a.no, b.no));
        for begun in starts.chunk_by(|a, b| a.depth == b.depth) {
            let (depth, tasks) = (begun[0].depth, begun.len());
            if depth > self.told {
                self.told = depth;
                self.progress.superstep = depth;
                self.progress.tell(|| EventKind::SuperstepStarted { tasks });
            }
        }
        self.crew.start_all(starts, cx);
    }

    /// Settles what can be settled, and starts what can start; true if the window
    /// is over.
    fn plan(&mut self, tasks: &mut Vec<Task>) -> Result<bool, RunError> {
        if self.drains() {
            let last = self.base + self.depths.len() as u64 - 1;
            self.most = self.most.min(last);
        }
        while self.lanes.is_settled() {
            if self.settle(tasks)? {
                return Ok(true);
            }
        }
        let ready = self.lanes.take_ready(self.most);
        let mut prepared = self.prepare(ready, None);
        self.take_inputs(&mut prepared);
        self.start(prepared);
        Ok(false)
    }

    fn drains(&self) -> bool {
        let stops = self.progress.shared.stops.as_ref();
        stops.is_some_and(|stops| stops.drains())
    }

    /// Makes tasks of what may start.
    pub(super) fn start(&mut self, prepared: Vec<Prepared<S>>) {
        let mut settled = BTreeMap::new();
        for Prepared {
            depth,
            node,
            sends,
            basis,
            mut fired,
        } in prepared
        {
            let past = match basis {
                Basis::Past(past) => past,
                Basis::Settled(from) => {
                    let known = settled.entry(Arc::as_ptr(&from));
                    Arc::clone(known.or_insert_with(|| self.past_of_all(&from)))
                }
            };
            let Some(sends) = sends else {
                let mut task = Task::of(node);
                fired.sort_unstable();
                for (join, sent) in fired {
                    task.see(self.graph.joins[join].arrivals(&sent));
                }
                self.add(depth, TaskKey::node(node), Order::Node, past, task);
                continue;
            };
            for sent in sends {
                let order = Order::Sent(sent.by, sent.choice);
                let send = Some((sent.number, sent.input));
                let task = Task {
                    node,
                    send,
                    arrivals: None,
                };
                let key = TaskKey::of(&task);
                self.add(depth, key, order, Arc::clone(&past), task);
            }
        }
    }

    /// Notes what a task leads to.
    pub(super) fn follow(&mut self, no: TaskNo, chosen: Vec<Chosen>) {
        let slot = &mut self.slots[no];
        let (node, send, depth) = (slot.key.node, slot.key.number(), slot.depth);
        slot.chosen = chosen;
        let chosen = &self.slots[no].chosen;
        let exits = &self.graph.node(node).exits;
        let waits = |node| self.graph.node(node).policy.defer;
        for &to in exits.edges.iter().filter(|&&to| !waits(to)) {
            self.lanes.lead(depth, to, no);
        }
        for (number, choice) in (0..).zip(chosen) {
            match choice {
                Chosen::Node(to) if !waits(*to) => self.lanes.lead(depth, *to, no),
                Chosen::Send(to, _) => self.lanes.send(depth, *to, no, number),
                Chosen::Node(_) | Chosen::End => {}
            }
        }
        for &arrival in &exits.joins {
            if !waits(self.graph.joins[arrival.join].target) {
                let frontier = &self.progress.frontier;
                let before = (frontier.arrived(arrival.join), frontier.sent(arrival.join));
                self.lanes.arrive(depth, arrival, (no, send), before);
            }
        }
        self.lanes.ended(depth, node);
        self.let_go(no);
        self.thin_joins();
    }
}

type Stopped<'s> = Pin<Box<dyn Future<Output = Stop> + Send + 's>>;
