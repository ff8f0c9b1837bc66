//! What a run itself tells those who watch it, beside its tasks.

use std::sync::Arc;

use super::drive::Progress;
use super::error::RunError;
use super::result::Run;
use super::settle::TaskKey;
use super::watch::{Watch, with_causes};
use crate::compile::NodeIndex;
use crate::event::{EventKind, Interrupt, Kinds, Spot};
use crate::id::{CheckpointId, END, NodeName};
use crate::node::{Outcome, View};
use crate::plan::Chosen;
use crate::state::State;

impl<S: State> Watch<S> {
    /// The run begins.
    pub(super) fn begins(&self) {
        self.tell(Spot::default(), EventKind::RunStarted);
    }

    /// The run has ended.
    pub(super) fn ends(&self, ended: &Result<Run<S>, RunError>) {
        let kind = match ended {
            Ok(run) => EventKind::RunFinished { status: run.status },
            Err(error) => EventKind::RunFailed {
                error: with_causes(error),
            },
        };
        self.tell(Spot::default(), kind);
    }

    /// A superstep of one task begins, and so does the task.
    pub(super) fn begins_row(&self, at: Spot) {
        let superstep = Spot {
            superstep: at.superstep,
            ..Spot::default()
        };
        self.tell(superstep, EventKind::SuperstepStarted { tasks: 1 });
        self.tell(at, EventKind::TaskStarted);
    }

    /// What a task, or `START`, chose.
    pub(super) fn chose(&self, at: Spot, chosen: &[Chosen]) {
        if chosen.is_empty() || !self.wants(Kinds::PROGRESS) {
            return;
        }
        let mut sends: Option<(NodeIndex, usize)> = None;
        let tell_sends = |sends: Option<(NodeIndex, usize)>| {
            if let Some((to, sends)) = sends {
                let to = self.name_of(to);
                self.tell(at, EventKind::Routed { to, sends });
            }
        };
        for choice in chosen {
            let to = match choice {
                Chosen::Send(to, _) => {
                    match &mut sends {
                        Some((same, count)) if to == same => *count += 1,
                        _ => tell_sends(sends.replace((*to, 1))),
                    }
                    continue;
                }
                Chosen::Node(to) => self.name_of(*to),
                Chosen::End => NodeName::from(END),
            };
            tell_sends(sends.take());
            self.tell(at, EventKind::Routed { to, sends: 0 });
        }
        tell_sends(sends);
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

    pub(super) fn tell(&self, kind: impl FnOnce() -> EventKind<S>) {
        if let Some(watch) = self.shared.watch() {
            watch.tell(self.spot(None), kind());
        }
    }

    /// Lets whoever watches read, if the run is not to go on before.
    pub(super) async fn let_read(&self) {
        if let Some(watch) = self.shared.watch() {
            watch.let_read().await;
        }
    }

    /// The state is another now, if something was `written`.
    #[inline]
    pub(super) fn tell_values(&self, written: bool) {
        if let Some(watch) = self.shared.watch()
            && written
            && watch.wants(Kinds::VALUES)
        {
            let state = View::from(Arc::clone(&self.state));
            watch.tell(self.spot(None), EventKind::Values { state });
        }
    }

    /// The one task of a superstep was settled.
    pub(super) fn tell_settled(&self, key: TaskKey, outcome: &Outcome<S>, chosen: &[Chosen]) {
        self.tell_values(outcome.update.is_some());
        self.tell_choices(Some(key), chosen);
        self.tell(|| EventKind::SuperstepFinished);
    }

    /// The run ends with these questions.
    pub(super) fn tell_interrupts(&self, interrupts: &[Interrupt]) {
        let Some(watch) = self.shared.watch() else {
            return;
        };
        for interrupt in interrupts {
            let node = self.shared.graph.index_of(&interrupt.task.node);
            let at = Spot {
                superstep: self.superstep,
                task: node.map(|node| (node, interrupt.task.send)),
                attempt: 0,
            };
            let interrupt = interrupt.clone();
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

    /// What a task, or `START`, chose.
    pub(super) fn tell_choices(&self, key: Option<TaskKey>, chosen: &[Chosen]) {
        if let Some(watch) = self.shared.watch() {
            watch.chose(self.spot(key), chosen);
        }
    }
}
