//! The tasks of a window, by their numbers, from their start until nobody needs
//! them any more.

use std::ops::{Index, IndexMut};

use super::lanes::TaskNo;
use super::past::Seen;
use crate::node::{Payload, Target};
use crate::plan::Chosen;
use crate::run::attempt::Done;
use crate::run::settle::TaskKey;
use crate::state::State;

/// A task from its start on.
pub(super) struct Slot<S: State> {
    pub(super) depth: u64,
    pub(super) key: TaskKey,
    pub(super) order: Order,
    pub(super) at_work: bool,
    /// What it sees; kept as long as something that it leads to may go on from it.
    pub(super) past: Option<Seen<S>>,
    /// Whether its own update is in that.
    pub(super) own: bool,
    pub(super) done: Option<Done<S>>,
    /// Its update, once it was merged.
    pub(super) kept: Option<S::Update>,
    /// Nobody is to ask for its update any more.
    pub(super) spent: bool,
    pub(super) chosen: Vec<Chosen>,
    /// What it has chosen of the parent graph.
    pub(super) leave: Vec<Target>,
    /// What was sent to it, if somebody takes that down.
    pub(super) input: Option<Box<dyn Payload>>,
}

/// A task's place among those of its depth.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// Its number, once all of them are known.
    Known(usize),
    /// By its node.
    Node,
    /// After all nodes, by who has sent it and then by which choice that was.
    Sent(TaskNo, u32),
}

impl<S: State> Slot<S> {
    pub(super) fn update(&self) -> Option<&S::Update> {
        debug_assert!(!self.spent, "who may see it needs it");
        let done = self.done.as_ref();
        done.and_then(|done| done.outcome.update.as_ref())
            .or(self.kept.as_ref())
    }
}

/// All tasks of a window that have started, in that order.
pub(super) struct Slots<S: State>(Vec<Option<Box<Slot<S>>>>);

impl<S: State> Slots<S> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn push(&mut self, slot: Slot<S>) -> TaskNo {
        let no = TaskNo::try_from(self.0.len()).expect("fewer than 2^32 tasks");
        self.0.push(Some(Box::new(slot)));
        no
    }

    /// A task, if it is still needed.
    pub(super) fn get(&self, no: TaskNo) -> Option<&Slot<S>> {
        self.0[no as usize].as_deref()
    }

    /// Nobody needs a task any more.
    pub(super) fn forget(&mut self, no: TaskNo) {
        self.0[no as usize] = None;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<S>> {
        self.0.iter().flatten().map(|slot| &**slot)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot<S>> {
        self.0.iter_mut().flatten().map(|slot| &mut **slot)
    }
}

const NEEDED: &str = "it is kept while it is needed";

impl<S: State> Index<TaskNo> for Slots<S> {
    type Output = Slot<S>;

    fn index(&self, no: TaskNo) -> &Slot<S> {
        self.0[no as usize].as_deref().expect(NEEDED)
    }
}

impl<S: State> IndexMut<TaskNo> for Slots<S> {
    fn index_mut(&mut self, no: TaskNo) -> &mut Slot<S> {
        self.0[no as usize].as_deref_mut().expect(NEEDED)
    }
}
