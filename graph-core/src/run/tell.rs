//! What a run itself tells those who watch it, beside its tasks.

use std::sync::Arc;

use tokio::time::Instant;

use super::attempt::Done;
use super::drive::Progress;
use super::error::RunError;
use super::result::Run;
use super::settle::TaskKey;
use super::watch::{Elapsed, Put, Watch, finished, with_causes};
use crate::compile::NodeIndex;
use crate::event::{EventKind, Interrupt, Kinds, Spot};
use crate::id::{CheckpointId, END, NodeName};
use crate::node::{EventValue, Outcome};
use crate::plan::Chosen;
use crate::state::State;

impl Watch {
    /// The run begins.
    pub(super) fn begins(&self) {
        self.tell(Spot::default(), EventKind::RunStarted);
    }

    /// The run has ended.
    pub(super) fn ends<S>(&self, ended: &Result<Run<S>, RunError>) {
        let kind = match ended {
            Ok(run) => EventKind::RunFinished { status: run.status },
            Err(error) => EventKind::RunFailed {
                error: with_causes(error),
            },
        };
        self.tell(Spot::default(), kind);
    }
}

impl Spot {
    /// The superstep that it is in.
    fn superstep(self) -> Self {
        Self {
            superstep: self.superstep,
            ..Self::default()
        }
    }
}

impl<S: State, C: Send + Sync + 'static> Progress<'_, S, C> {
    /// Where the superstep at work, or a task of it, stands.
    #[inline]
    pub(super) fn spot(&self, key: Option<TaskKey>) -> Spot {
        Spot {
            superstep: self.superstep,
            task: key.map(|key| (key.node, key.number())),
            attempt: u32::from(key.is_some()),
        }
    }

    pub(super) fn tell(&self, kind: impl FnOnce() -> EventKind) {
        if let Some(watch) = self.shared.watch() {
            watch.tell(self.spot(None), kind());
        }
    }

    /// Lets whoever watches read, if the run is not to go on before; says
    /// whether that was so.
    pub(super) async fn let_read(&self) -> bool {
        match self.shared.watch() {
            Some(watch) if watch.is_to_be_read() => {
                watch.let_read().await;
                true
            }
            _ => false,
        }
    }

    /// The tasks of a superstep were settled.
    pub(super) fn tell_settled(&self, keys: &[TaskKey], done: &[Done<S>], chosen: &[Vec<Chosen>]) {
        if self.shared.watch().is_some() {
            let chosen = keys.iter().zip(chosen);
            let chosen = chosen.map(|(&key, chosen)| (Some(key), &chosen[..]));
            let written = done.iter().any(|done| done.outcome.update.is_some());
            self.tell_end_of(chosen, written);
        }
    }

    /// A superstep, or the input, was settled: what each task chose is told, and
    /// the state.
    pub(super) fn tell_end_of<'c>(
        &self,
        chosen: impl Iterator<Item = (Option<TaskKey>, &'c [Chosen])>,
        written: bool,
    ) {
        if let Some(watch) = self.shared.watch() {
            let mut put = watch.put(watch.elapsed(Instant::now()));
            for (key, chosen) in chosen {
                tell_choices(&mut put, self.spot(key), chosen);
            }
            tell_end(&mut put, self.spot(None), &self.state, written);
        }
    }

    /// The run ends with these questions.
    pub(super) fn tell_interrupts(&self, interrupts: &[Interrupt]) {
        let Some(watch) = self.shared.watch() else {
            return;
        };
        for interrupt in interrupts {
            let own = interrupt.path.is_empty();
            let node = self
                .shared
                .graph
                .index_of(&interrupt.task.node)
                .filter(|_| own);
            let at = Spot {
                superstep: self.superstep,
                task: node.map(|node| (node, interrupt.task.send)),
                attempt: 0,
            };
            let interrupt = Arc::new(interrupt.clone());
            watch.tell(at, EventKind::Interrupted { interrupt });
        }
    }

    /// Tells of checkpoints that were written.
    pub(super) fn on_checkpoint(&self) -> Option<Box<dyn Fn(CheckpointId) + Send + Sync>> {
        let watch = Arc::clone(self.shared.watch()?);
        Some(Box::new(move |checkpoint| {
            watch.tell(Spot::default(), EventKind::CheckpointWritten { checkpoint });
        }))
    }
}

/// What is told of supersteps in a row.
pub(super) struct ToldRow<'w> {
    watch: &'w Watch,
    /// The task at work.
    at: Spot,
    written: bool,
    /// When the last superstep ended, or the row began: the clock is dear.
    ended: Elapsed,
    /// That it has succeeded, until that is told.
    finished: Option<EventKind>,
}

impl<'w> ToldRow<'w> {
    /// Nothing, if nobody wants to know.
    pub(super) fn new(watch: &'w Watch) -> Option<Self> {
        let of_tasks = Kinds::UPDATES | Kinds::TASKS;
        let told = of_tasks | Kinds::VALUES | Kinds::PROGRESS;
        watch.wants(told).then(|| Self {
            watch,
            at: Spot::default(),
            written: false,
            ended: match watch.wants(Kinds::TASKS | Kinds::PROGRESS) {
                true => watch.elapsed(Instant::now()),
                false => Elapsed::default(),
            },
            finished: None,
        })
    }

    /// A superstep of one task begins, and so does the task.
    #[inline]
    pub(super) fn begins(&mut self, at: Spot) {
        self.at = at;
        if self.watch.wants(Kinds::TASKS | Kinds::PROGRESS) {
            let mut put = self.watch.put(self.ended);
            put.tell(at.superstep(), EventKind::SuperstepStarted { tasks: 1 });
            put.tell(at, EventKind::TaskStarted);
        }
    }

    /// The task has succeeded.
    #[inline]
    pub(super) fn finishes<S: State>(&mut self, outcome: &Outcome<S>) {
        self.ended = self.watch.elapsed(Instant::now());
        self.written = outcome.update.is_some();
        if self.watch.wants(Kinds::UPDATES | Kinds::TASKS) {
            self.finished = Some(finished(outcome));
        }
    }

    /// The superstep was settled.
    #[inline]
    pub(super) fn settled<S: State>(&mut self, state: &Arc<S>, chosen: &[Chosen]) {
        let mut put = self.watch.put(self.ended);
        if let Some(finished) = self.finished.take() {
            put.tell(self.at, finished);
        }
        tell_choices(&mut put, self.at, chosen);
        tell_end(&mut put, self.at.superstep(), state, self.written);
    }

    #[inline]
    pub(super) fn is_to_be_read(&self) -> bool {
        self.watch.is_to_be_read()
    }
}

/// A task that has succeeded is told, whatever became of its superstep.
impl Drop for ToldRow<'_> {
    fn drop(&mut self) {
        if let Some(finished) = self.finished.take() {
            self.watch.put(self.ended).tell(self.at, finished);
        }
    }
}

#[inline]
fn tell_end<S: State>(put: &mut Put<'_>, at: Spot, state: &Arc<S>, written: bool) {
    let kinds = match written {
        true => Kinds::VALUES | Kinds::PROGRESS,
        false => Kinds::PROGRESS,
    };
    if put.wants(kinds) {
        let state = EventValue::new(Arc::clone(state));
        put.tell(at, EventKind::SuperstepFinished { state, written });
    }
}

/// What a task, or `START`, chose: a run of sends to one worker is one event.
fn tell_choices(put: &mut Put<'_>, at: Spot, chosen: &[Chosen]) {
    if chosen.is_empty() || !put.wants(Kinds::PROGRESS) {
        return;
    }
    let mut sends: Option<(NodeIndex, usize)> = None;
    for choice in chosen {
        let to = match choice {
            Chosen::Send(to, _) => {
                match &mut sends {
                    Some((same, count)) if to == same => *count += 1,
                    _ => tell_sends(put, at, sends.replace((*to, 1))),
                }
                continue;
            }
            Chosen::Node(to) => put.name_of(*to),
            Chosen::End => NodeName::from(END),
        };
        tell_sends(put, at, sends.take());
        put.tell(at, EventKind::Routed { to, sends: 0 });
    }
    tell_sends(put, at, sends);
}

fn tell_sends(put: &mut Put<'_>, at: Spot, sends: Option<(NodeIndex, usize)>) {
    if let Some((to, sends)) = sends {
        let to = put.name_of(to);
        put.tell(at, EventKind::Routed { to, sends });
    }
}
