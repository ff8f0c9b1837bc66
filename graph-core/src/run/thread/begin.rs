//! How a run on a thread begins, and how it ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::super::attempt::Shared;
use super::super::drive::{Progress, guarded};
use super::super::error::RunError;
use super::super::nest::Around;
use super::super::result::Run;
use super::super::stop::Stops;
use super::breakpoints::Breakpoints;
use super::call::{Answers, Begin, Parts, Running, ThreadCall};
use super::drive::{End, Threaded};
use super::entries::{BREAKPOINT, Standing};
use super::fields::{Changes, FieldLogs};
use super::inside::OnThread;
use super::ledger::TaskLedger;
use super::line::Line;
use super::memory::Changed;
use super::options::{Durability, OnBusy, Unfinished};
use super::within::unknown_thread;
use crate::checkpoint::{Claim, DynCheckpointer, EntryRecord, Source};
use crate::compile::{Frozen, NodeIndex, nearest};
use crate::event::Status;
use crate::id::{TaskId, ThreadId};
use crate::node::GraphInside;
use crate::plan::{Frontier, Task};
use crate::state::State;

/// The longest wait between two looks whether a thread is free.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Runs on a thread from its begin to its end.
pub(in crate::run) fn run_on_thread<'h, S, C>(parts: Parts<'h, S, C>) -> Running<'h, S>
where
    S: State,
    C: Send + Sync + 'static,
{
    Box::pin(async move {
        let Parts {
            shared,
            recursion_limit,
            call_limit,
            begin,
            input,
            thread,
            call,
            observer,
            executor,
        } = parts;
        let around = Around {
            recursion_limit: call_limit,
            insides: observer.as_ref().map(|observer| observer.insides()),
            ..Around::default()
        };
        let mut run = Threaded::open(shared, recursion_limit, around, thread, call).await?;
        run.progress.observer = observer;
        run.line.on_written = run.progress.on_checkpoint();
        run.progress.executor = executor;
        let graph = Arc::clone(&run.progress.shared.graph);
        let ended = guarded(run.start(&graph, input, begin)).await;
        let ended = ended.unwrap_or_else(|panic| Err(run.progress.panicked(&*panic)));
        run.finish(ended).await
    })
}

impl<'h, S: State, C: Send + Sync + 'static> Threaded<'h, S, C> {
    /// Takes the thread's lease.
    pub(super) async fn open(
        mut shared: Shared<S, C>,
        recursion_limit: u64,
        around: Around,
        thread: ThreadId,
        call: ThreadCall,
    ) -> Result<Self, RunError> {
        let graph = Arc::clone(&shared.graph);
        let (breakpoints, inside) = Breakpoints::of(&graph, &call)?;
        let Some(store) = graph.threads.checkpointer.clone() else {
            return Err(RunError::NoThread {
                what: "the graph has no checkpointer, so that it has no threads",
                help: "give the builder one: `.checkpointer(MemoryCheckpointer::new())`",
            });
        };
        if thread.is_empty() {
            return Err(RunError::NoThread {
                what: "a thread needs a name, and this is empty",
                help: "name it after what it is about: `.thread(\"order-17\")`",
            });
        }
        if Handle::try_current().is_err() {
            return Err(RunError::NoRuntime);
        }
        let lasts = graph.threads.lease;
        let line = acquire(store, thread, lasts, &call, shared.stops.as_deref()).await?;
        let waits = call.durability != Durability::Exit;
        let ledger = TaskLedger::new(&graph, Arc::clone(&line.outbox), waits, inside);
        let ledger = Arc::new(ledger);
        shared.ledger = Some(Arc::clone(&ledger) as Arc<_>);
        let around = Around {
            thread: Some(OnThread::Itself(Arc::clone(&ledger))),
            ..around
        };
        Ok(Self {
            progress: Progress::new(shared.nested(around), recursion_limit),
            line,
            ledger,
            logs: FieldLogs::default(),
            changes: Changes::default(),
            remembered: Changed::new(),
            entries: Arc::default(),
            plan: Vec::new(),
            answered: BTreeSet::new(),
            breakpoints,
            stopped: false,
            stops_inside: Vec::new(),
            copy: None,
            call,
        })
    }

    async fn start(
        &mut self,
        graph: &Frozen<S, C>,
        input: S::Update,
        begin: Begin,
    ) -> Result<End, RunError> {
        if let Some(place) = self.call.inside.take() {
            return self.go_on_inside(graph, begin, &place).await;
        }
        let mut tasks = Vec::new();
        let at = self.call.checkpoint;
        let warm = matches!(begin, Begin::Input) && self.take_warm(graph);
        let there = warm || self.load(graph, at, &mut tasks).await?;
        if !matches!(begin, Begin::Input) {
            self.progress.tell_end_of(std::iter::empty(), there);
        }
        let mut answers: Option<Answers> = None;
        match begin {
            Begin::Input => self.take_input(graph, input, &mut tasks).await?,
            Begin::Resume(_) | Begin::Proceed if !there => {
                return Err(unknown_thread(&*self.line.store, &self.line.thread).await);
            }
            begin => {
                let forks = at.is_some() && at != self.line.lease().head;
                if forks && !tasks.is_empty() {
                    self.fork(graph, &tasks).await?;
                }
                if !forks {
                    self.stop_at_once(&tasks).await?;
                }
                if let Begin::Resume(given) = begin {
                    if forks {
                        // What it asked was answered once: it asks again first.
                        answers = Some(given);
                    } else {
                        self.answer(graph, given).await?;
                    }
                }
            }
        }
        self.go_on(graph, &mut tasks, answers).await
    }

    /// Applies an input to what the thread has come to, and plans anew.
    async fn take_input(
        &mut self,
        graph: &Frozen<S, C>,
        mut input: S::Update,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        let step = match self.line.head {
            None => {
                self.changes = Changes::all();
                0
            }
            // As if taking the input in had been a step of its own.
            Some(head) => head.step + 2,
        };
        if !tasks.is_empty() {
            self.leave_unfinished(graph, tasks)?;
        }
        self.note("the input", &input)?;
        self.progress.frontier = Frontier::new(graph);
        self.progress.begin(graph, &mut input, tasks)?;
        for field in self.progress.take_expired() {
            self.changes.value(field);
        }
        self.commit(graph, Source::Input, step, &[], tasks).await
    }

    /// A new run begins although the last one has not finished.
    fn leave_unfinished(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        match self.call.unfinished {
            Some(Unfinished::Discard) => {}
            Some(Unfinished::Keep) => self.keep_finished(graph)?,
            None => {
                let is_finished = |task: &&TaskId| self.is_finished(task);
                let (finished, next): (Vec<&TaskId>, Vec<&TaskId>) =
                    self.plan.iter().partition(is_finished);
                return Err(RunError::Unfinished {
                    thread: self.line.thread.clone(),
                    next: next.into_iter().cloned().collect(),
                    finished: finished.into_iter().cloned().collect(),
                });
            }
        }
        tasks.clear();
        Ok(())
    }

    pub(super) fn is_finished(&self, task: &TaskId) -> bool {
        let standing = self.entries.standing(&task.to_string(), &BTreeSet::new());
        matches!(standing, Standing::Finished(_))
    }

    /// Merges what had finished of a superstep that is not gone on with.
    fn keep_finished(&mut self, graph: &Frozen<S, C>) -> Result<(), RunError> {
        let (mut updates, mut memories) = (Vec::new(), Vec::new());
        for task in &self.plan {
            if let Standing::Finished(json) =
                self.entries.standing(&task.to_string(), &BTreeSet::new())
            {
                let done = self.result(graph, &task.to_string(), json)?;
                updates.extend(done.outcome.update);
                memories.push((task.to_string(), json.to_owned()));
            }
        }
        for (task, result) in memories {
            self.note_memory(&task, Some(&result))?;
        }
        for mut update in updates {
            self.note("an update", &update)?;
            self.progress.merge_apart(&mut update);
        }
        Ok(())
    }

    /// Goes on from an older checkpoint: the thread's head from now on.
    pub(super) async fn fork(
        &mut self,
        graph: &Frozen<S, C>,
        tasks: &[Task],
    ) -> Result<(), RunError> {
        let step = self.line.head.map_or(0, |head| head.step);
        let stops = std::mem::take(&mut self.breakpoints);
        let forked = self.commit(graph, Source::Fork, step, &[], tasks).await;
        self.breakpoints = stops;
        forked
    }

    /// Stops at a breakpoint that nobody has stopped at, before a superstep that
    /// has not begun.
    async fn stop_at_once(&mut self, tasks: &[Task]) -> Result<(), RunError> {
        if self.entries.is_empty() && self.stops(&[], tasks) {
            self.stopped = true;
            let marker = EntryRecord::new("", BREAKPOINT, Some("true".to_owned()));
            self.line.put(vec![marker]).await?;
        }
        Ok(())
    }

    /// Everything is written, and the lease is given back, when it returns.
    async fn finish(mut self, ended: Result<End, RunError>) -> Result<Run<S>, RunError> {
        let ended = match ended {
            Ok(end) => self.line.flush().await.map(|()| end),
            Err(RunError::Stale { thread }) => return Err(RunError::Stale { thread }),
            Err(error) => {
                // The first failure is the one to tell.
                drop(self.line.flush().await);
                Err(error)
            }
        };
        let released = self.line.release().await;
        let end = ended?;
        released?;
        self.keep_warm();
        let interrupts = match end {
            End::Done | End::Drained => Vec::new(),
            End::Interrupted => self.interrupts(),
        };
        self.progress.tell_interrupts(&interrupts);
        let checkpoint = self.line.head.map(|head| head.id);
        self.progress.status = match end {
            End::Done => Status::Done,
            End::Interrupted => Status::Interrupted,
            End::Drained => Status::Drained,
        };
        let run = self.progress.finish()?;
        Ok(run.on_thread(interrupts, checkpoint))
    }
}

/// Takes the lease, in the way the call says.
async fn acquire(
    store: Arc<dyn DynCheckpointer>,
    thread: ThreadId,
    lasts: Duration,
    call: &ThreadCall,
    stops: Option<&Stops>,
) -> Result<Line, RunError> {
    let claim = Claim {
        lasts,
        takes_over: call.on_busy == OnBusy::Interrupt,
    };
    let mut wait = Duration::from_millis(10);
    loop {
        let line = Line::acquire(Arc::clone(&store), thread.clone(), claim, call.durability).await;
        match line {
            Err(RunError::ThreadBusy { free_in, .. }) if call.on_busy == OnBusy::Wait => {
                let sleep = tokio::time::sleep(wait.min(free_in).max(Duration::from_millis(1)));
                match stops {
                    None => sleep.await,
                    Some(stops) => {
                        let slept = stops.or_stopped(sleep).await;
                        slept.map_err(|stop| stop.error(0, Vec::new()))?;
                    }
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            line => return line,
        }
    }
}

/// The node of that name.
pub(super) fn node<S: State, C>(graph: &Frozen<S, C>, name: &str) -> Result<NodeIndex, RunError> {
    graph.index_of(name).ok_or_else(|| {
        let names = graph.names.iter().map(|name| name.as_str());
        RunError::UnknownNode {
            node: name.to_owned(),
            help: match graph.way_to(name).as_deref().or(nearest(name, names)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "see which there are: `graph.nodes()`".to_owned(),
            },
        }
    })
}
