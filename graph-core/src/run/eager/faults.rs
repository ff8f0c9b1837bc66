//! What a task has come to, and which of several failures counts.
//!
//! Under `OnFailure::Finish` that is the one that supersteps would tell: the least
//! depth's, and within it the first that a superstep would find. So what is at
//! that depth or before it still starts, and nothing after it.

use std::any::Any;
use std::cmp::Ordering;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::lanes::TaskNo;
use super::window::Window;
use crate::graph::OnFailure;
use crate::node::{Outcome, Target};
use crate::plan::Chosen;
use crate::run::attempt::Ended;
use crate::run::error::RunError;
use crate::run::settle::TaskKey;
use crate::state::State;

/// A failure, of which there may be an earlier one.
pub(super) struct Fault {
    no: TaskNo,
    found: Found,
    error: RunError,
}

/// What a superstep looks for, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Body,
    Writes,
    /// After conflicts.
    Choices,
}

impl<S: State, C: Send + Sync + 'static> Window<'_, '_, S, C> {
    /// Follows a task that has ended.
    pub(super) fn ended(&mut self, no: TaskNo, ended: Ended<S>) -> Result<(), RunError> {
        let slot = &mut self.slots[no];
        let (key, depth) = (slot.key, slot.depth);
        slot.at_work = false;
        self.progress.superstep = depth;
        let mut done = match ended {
            Ok(done) => done,
            Err(failed) => {
                let error = self.progress.failed(Some(key), failed);
                return self.fault(no, Found::Body, error);
            }
        };
        if self.is_after_failure(depth) {
            return Ok(());
        }
        if let Some(declared) = &self.graph.node(key.node).writes
            && let Err(error) = self.progress.check_writes(key, declared, &done.outcome)
        {
            return self.fault(no, Found::Writes, error);
        }
        if self.progress.nested.is_some() {
            let slot = &mut self.slots[no];
            let is_parents = |target: &mut Target| matches!(target, Target::Parent(_));
            let targets = &mut done.outcome.targets;
            slot.leave.extend(targets.extract_if(.., is_parents));
            if !slot.leave.is_empty() {
                self.most = self.most.min(depth);
            }
        }
        let targets = mem::take(&mut done.outcome.targets);
        self.slots[no].done = Some(done);
        match self.choices(no, key, targets) {
            Ok(chosen) => self.follow(no, chosen),
            Err(error) => self.fault(no, Found::Choices, error)?,
        }
        Ok(())
    }

    /// Asks the command and the routes of a task where to go.
    fn choices(
        &mut self,
        no: TaskNo,
        key: TaskKey,
        targets: Vec<Target>,
    ) -> Result<Vec<Chosen>, RunError> {
        let mut chosen = Vec::new();
        if !targets.is_empty() {
            let mut outcome = Outcome::<S> {
                update: None,
                targets,
            };
            self.progress.at.is_of(key);
            self.progress
                .ask_command(&self.graph, key, &mut outcome, &mut chosen)?;
        }
        let asked = catch_unwind(AssertUnwindSafe(|| self.ask_routes(no, &mut chosen)));
        asked.unwrap_or_else(|panic| Err(self.panicked(&*panic)))?;
        Ok(chosen)
    }

    fn panicked(&self, panic: &(dyn Any + Send)) -> RunError {
        self.progress.panicked(panic)
    }

    /// Whether a failure before a depth counts in any case.
    fn is_after_failure(&self, depth: u64) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|first| self.slots[first.no].depth < depth)
    }

    /// A task has failed: at once, or once all before it has ended.
    fn fault(&mut self, no: TaskNo, found: Found, error: RunError) -> Result<(), RunError> {
        if self.graph.limits.on_failure == OnFailure::Stop {
            return Err(error);
        }
        let depth = self.slots[no].depth;
        self.most = self.most.min(depth);
        let counts = self.failure.as_ref().is_none_or(|first| {
            let depths = depth.cmp(&self.slots[first.no].depth);
            let order = depths.then(found.cmp(&first.found));
            order.then_with(|| self.compare(no, first.no)) == Ordering::Less
        });
        if counts {
            self.failure = Some(Fault { no, found, error });
        }
        Ok(())
    }

    /// The failure that has ended the window, once nothing is at work.
    pub(super) fn over(&mut self) -> Result<bool, RunError> {
        if !self.crew.is_idle() {
            return Ok(false);
        }
        let Some(Fault { no, found, error }) = self.failure.take() else {
            return Ok(false);
        };
        let depth = self.slots[no].depth;
        debug_assert_eq!(depth, self.base, "all before it was settled");
        if found == Found::Choices {
            self.progress.superstep = depth;
            let order = mem::take(&mut self.depths[0]);
            let keys = order.iter().map(|&no| self.slots[no].key);
            let keys: Vec<TaskKey> = keys.collect();
            self.check(&order, &keys)?;
        }
        Err(error)
    }
}
