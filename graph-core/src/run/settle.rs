//! What a superstep comes to once its tasks have ended: what they chose, and
//! one new state. Failures and conflicts are found before anything is merged;
//! after what is found later, the state is nobody's any more.

use std::any::Any;
use std::num::NonZeroU32;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::attempt::{Done, Ending, Failed};
use super::drive::Progress;
use super::error::{RunError, UndeclaredWrite};
use crate::compile::{Exits, Frozen, NodeIndex};
use crate::graph::Router;
use crate::id::{NodeName, START, TaskId};
use crate::merge::{self, panic_message};
use crate::node::{Outcome, Panicked, Place};
use crate::plan::{BadTarget, Chooser, Chosen, Task, choose};
use crate::state::{State, Update};

/// A task's node, and its number if it is a send. Small enough to stay in
/// registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskKey {
    pub(super) node: NodeIndex,
    /// One more than the number.
    send: Option<NonZeroU32>,
}

impl TaskKey {
    #[inline]
    pub(super) fn of(task: &Task) -> Self {
        let number = task.send.as_ref().map(|&(number, _)| number);
        Self {
            node: task.node,
            send: number.map(|number| NonZeroU32::MIN.saturating_add(number)),
        }
    }

    pub(super) fn at(place: Place) -> Self {
        Self {
            node: place.node,
            send: place
                .send
                .map(|number| NonZeroU32::MIN.saturating_add(number)),
        }
    }

    /// The task of a node that edges have made ready.
    pub(super) fn node(node: NodeIndex) -> Self {
        Self { node, send: None }
    }

    pub(super) fn number(self) -> Option<u32> {
        self.send.map(|send| send.get() - 1)
    }
}

/// Whose code is at work, to be blamed if it panics.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct At {
    /// None is the input, or `START`.
    key: Option<TaskKey>,
    what: What,
    /// Of a merge.
    field: usize,
}

#[derive(Debug, Clone, Copy, Default)]
enum What {
    #[default]
    Body,
    Route,
    Merge,
    /// The state, or a field of it, is copied.
    Copy,
    /// An ephemeral field is given its default.
    Expire,
    /// What a superstep leaves is dropped.
    Drop,
    /// The state, or an update, is written as JSON.
    Write,
}

impl At {
    #[inline]
    pub(super) fn body(key: TaskKey) -> Self {
        Self {
            key: Some(key),
            what: What::Body,
            field: 0,
        }
    }

    /// What follows calls nobody, but may drop what is left.
    pub(super) fn drops(&mut self) {
        self.what = What::Drop;
    }

    /// What follows writes down what users' types are asked for.
    pub(super) fn writes(&mut self) {
        self.what = What::Write;
    }

    /// What follows is a task's.
    pub(super) fn is_of(&mut self, key: TaskKey) {
        self.key = Some(key);
    }

    /// What follows copies the state, maybe.
    pub(super) fn copies(&mut self) {
        self.what = What::Copy;
    }
}

impl<S: State, C: Send + Sync + 'static> Progress<'_, S, C> {
    /// One task: its update is merged first, and its routes then look at the
    /// state itself. What it chose is added to `chosen`.
    #[inline]
    pub(super) fn settle_one(
        &mut self,
        graph: &Frozen<S, C>,
        key: TaskKey,
        outcome: &mut Outcome<S>,
        chosen: &mut Vec<Chosen>,
    ) -> Result<(), RunError> {
        self.at.key = Some(key);
        let node = graph.node(key.node);
        if let Some(declared) = &node.writes {
            self.check_writes(key, declared, outcome)?;
        }
        if !outcome.targets.is_empty() {
            self.ask_command(graph, key, outcome, chosen)?;
        }
        let written = self.written(outcome.update.iter());
        self.hand(outcome.update.iter());
        if let Some(update) = &mut outcome.update {
            self.merge(update);
        }
        self.ask_routes(graph, Some(key), &node.exits, chosen)?;
        self.expire(written);
        Ok(())
    }

    /// All tasks of a superstep: conflicts are found; commands and routes are
    /// asked, each route on the state that its task saw and what that task
    /// wrote; and then all is merged. Returns what each chose, or nothing if
    /// none did.
    pub(super) fn settle(
        &mut self,
        graph: &Frozen<S, C>,
        keys: &[TaskKey],
        done: &mut [Done<S>],
    ) -> Result<Vec<Vec<Chosen>>, RunError> {
        if let ([key], [done]) = (keys, &mut *done)
            && done.has_succeeded()
        {
            let mut chosen = Vec::new();
            self.settle_one(graph, *key, &mut done.outcome, &mut chosen)?;
            return Ok(vec![chosen]);
        }
        for (&key, done) in keys.iter().zip(&*done) {
            if let Some(declared) = &graph.node(key.node).writes {
                self.check_writes(key, declared, &done.outcome)?;
            }
        }
        self.check_conflicts(keys, done)?;
        let chosen = self.choices(graph, keys, done)?;
        let updates = done.iter();
        let written = self.written(updates.filter_map(|done| done.outcome.update.as_ref()));
        self.hand(done.iter().filter_map(|done| done.outcome.update.as_ref()));
        match self
            .executor
            .and_then(|executor| executor.merge_order(self.superstep, keys.len()))
        {
            None => self.merge_all(keys, done),
            Some(order) => {
                for at in order {
                    self.merge_all(&keys[at..=at], &mut done[at..=at]);
                }
            }
        }
        self.expire(written);
        Ok(chosen)
    }

    fn choices(
        &mut self,
        graph: &Frozen<S, C>,
        keys: &[TaskKey],
        done: &mut [Done<S>],
    ) -> Result<Vec<Vec<Chosen>>, RunError> {
        let all = keys.iter().zip(done.iter_mut());
        let mut chosen = Vec::new();
        for (index, (&key, done)) in all.enumerate() {
            let (exits, outcome) = (&graph.node(key.node).exits, &mut done.outcome);
            let chooses = !outcome.targets.is_empty() || !exits.routes.is_empty();
            if !chooses || !done.ending.as_deref().is_none_or(Ending::is_success) {
                continue;
            }
            if chosen.is_empty() {
                chosen.resize_with(keys.len(), Vec::new);
            }
            let chosen = &mut chosen[index];
            self.at.key = Some(key);
            self.ask_command(graph, key, outcome, chosen)?;
            if exits.routes.is_empty() {
                continue;
            }
            self.at.copies();
            let undo = outcome
                .update
                .as_ref()
                .map(|update| update.undo(&self.state));
            if let Some(mut update) = outcome.update.clone() {
                self.merge(&mut update);
            }
            self.ask_routes(graph, Some(key), exits, chosen)?;
            if let Some(mut undo) = undo {
                self.merge(&mut undo);
            }
        }
        Ok(chosen)
    }

    pub(super) fn check_writes(
        &self,
        key: TaskKey,
        declared: &FixedBitSet,
        outcome: &Outcome<S>,
    ) -> Result<(), RunError> {
        let mut undeclared = None;
        if let Some(update) = &outcome.update {
            update.writes(&mut |field, _| {
                if !declared.contains(field) {
                    undeclared.get_or_insert(field);
                }
            });
        }
        match undeclared {
            None => Ok(()),
            Some(field) => {
                let error = UndeclaredWrite(self.fields[field].name.into());
                Err(self.failed(Some(key), Failed::once(error)))
            }
        }
    }

    fn check_conflicts(&self, keys: &[TaskKey], done: &[Done<S>]) -> Result<(), RunError> {
        let updates = done.iter().enumerate();
        let updates =
            updates.filter_map(|(task, done)| Some((task, done.outcome.update.as_ref()?)));
        self.check_conflicts_of(keys, updates)
    }

    /// As [`check_conflicts`](Self::check_conflicts), of updates that each have
    /// the number of their task.
    pub(super) fn check_conflicts_of<'u>(
        &self,
        keys: &[TaskKey],
        updates: impl Iterator<Item = (usize, &'u S::Update)>,
    ) -> Result<(), RunError> {
        match merge::conflict(self.fields, updates) {
            None => Ok(()),
            Some(conflict) => Err(RunError::Conflict {
                field: self.fields[conflict.field].name.into(),
                first: self.task_id(Some(keys[conflict.first])),
                second: self.task_id(Some(keys[conflict.second])),
                kind: conflict.kind,
                superstep: self.superstep,
            }),
        }
    }

    /// Keeps a copy of updates for the graph that this is a node of.
    #[inline]
    pub(super) fn hand<'u>(&mut self, updates: impl Iterator<Item = &'u S::Update>) {
        if let Some(handed) = self
            .nested
            .as_mut()
            .and_then(|nested| nested.handed.as_mut())
        {
            updates.for_each(|update| handed.extend(update.clone()));
        }
    }

    /// Merges one update into the state, copying the state only if a node
    /// kept a view of it.
    #[inline]
    pub(super) fn merge(&mut self, update: &mut S::Update) {
        self.at.copies();
        let state = Arc::make_mut(&mut self.state);
        self.at.what = What::Merge;
        update.apply(state, &mut self.at.field);
    }

    /// Merges one update, a task's.
    pub(super) fn merge_of(&mut self, key: TaskKey, update: &mut S::Update) {
        self.at.key = Some(key);
        self.merge(update);
    }

    /// Merges the updates in order.
    pub(super) fn merge_all(&mut self, keys: &[TaskKey], done: &mut [Done<S>]) {
        let all = keys.iter().zip(done.iter_mut());
        let mut updates = all
            .filter_map(|(&key, done)| Some((key, done.outcome.update.as_mut()?)))
            .peekable();
        let Some(&(first, _)) = updates.peek() else {
            return;
        };
        self.at.key = Some(first);
        self.at.copies();
        let state = Arc::make_mut(&mut self.state);
        self.at.what = What::Merge;
        for (key, update) in updates {
            self.at.key = Some(key);
            update.apply(state, &mut self.at.field);
        }
    }

    /// Resolves the targets of a task's command.
    pub(super) fn ask_command(
        &mut self,
        graph: &Frozen<S, C>,
        key: TaskKey,
        outcome: &mut Outcome<S>,
        chosen: &mut Vec<Chosen>,
    ) -> Result<(), RunError> {
        let mut targets = std::mem::take(&mut outcome.targets);
        if let Some(nested) = &mut self.nested {
            nested.take_leave(&mut targets);
        }
        let chooser = Chooser::Command(graph.node(key.node).destinations.as_deref());
        choose(graph, &chooser, targets, chosen).map_err(|bad| self.bad_target(Some(key), bad))
    }

    /// Asks the routes of a task, or of `START`, where to go.
    #[inline]
    pub(super) fn ask_routes(
        &mut self,
        graph: &Frozen<S, C>,
        key: Option<TaskKey>,
        exits: &Exits<S>,
        chosen: &mut Vec<Chosen>,
    ) -> Result<(), RunError> {
        self.at.what = What::Route;
        for route in &exits.routes {
            match &route.router {
                Router::One(router) => {
                    chosen.push(match route.targets[router(&self.state)] {
                        Some(node) => Chosen::Node(node),
                        None => Chosen::End,
                    });
                }
                Router::Many(router) => {
                    let mut targets = Vec::new();
                    router(&self.state, &mut targets);
                    choose(graph, &Chooser::Route(route), targets, chosen)
                        .map_err(|bad| self.bad_target(key, bad))?;
                }
            }
        }
        Ok(())
    }

    /// The fields that these updates write; nothing if nobody asks.
    #[inline]
    pub(super) fn written<'u>(
        &self,
        updates: impl Iterator<Item = &'u S::Update>,
    ) -> Option<FixedBitSet> {
        if !self.ephemerals.any() {
            return None;
        }
        let mut written = FixedBitSet::with_capacity(self.fields.len());
        for update in updates {
            update.writes(&mut |field, _| written.insert(field));
        }
        Some(written)
    }

    /// Merges an update apart from a superstep: nothing is reset for it.
    pub(super) fn merge_apart(&mut self, update: &mut S::Update) {
        if let Some(written) = self.written([&*update].into_iter()) {
            self.ephemerals.note(&written);
        }
        self.merge(update);
    }

    /// Resets the ephemeral fields whose time is over.
    #[inline]
    pub(super) fn expire(&mut self, written: Option<FixedBitSet>) {
        if !self.ephemerals.any() {
            return;
        }
        let written = written.unwrap_or_else(|| FixedBitSet::with_capacity(self.fields.len()));
        for field in self.ephemerals.expire(&written) {
            self.at.copies();
            let state = Arc::make_mut(&mut self.state);
            self.at.what = What::Expire;
            S::Update::reset(state, field);
            if self.shared.ledger.is_some() {
                self.expired.push(field);
            }
            if let Some(observer) = &mut self.observer {
                observer.expired(field);
            }
        }
    }

    /// Merges updates for whoever looks at a superstep that has not ended; not
    /// if they are a conflict.
    pub(super) fn preview(&mut self, keys: &[TaskKey], done: &mut [Done<S>]) {
        if self.check_conflicts(keys, done).is_ok() {
            self.merge_all(keys, done);
        }
    }

    pub(super) fn task_id(&self, key: Option<TaskKey>) -> TaskId {
        match key {
            None => TaskId {
                node: NodeName::from(START),
                send: None,
            },
            Some(key) => self.shared.task_id(key),
        }
    }

    #[cold]
    fn bad_target(&self, key: Option<TaskKey>, bad: BadTarget) -> RunError {
        RunError::UnknownTarget {
            node: self.task_id(key).node,
            target: bad.target,
            why: bad.why,
            superstep: self.superstep,
            help: bad.help,
        }
    }

    /// What a panic of users' code that the run itself called comes to.
    #[cold]
    pub(super) fn panicked(&self, panic: &(dyn Any + Send)) -> RunError {
        let At { key, what, field } = self.at;
        let while_what = match what {
            What::Body => {
                let failed = Failed::once(Panicked(panic_message(panic)));
                if let Some(watch) = self.shared.watch() {
                    watch.failed(self.spot(key), &failed.error);
                }
                return self.failed(key, failed);
            }
            What::Merge => {
                return RunError::Reducer {
                    field: self.fields[field].name.into(),
                    task: self.task_id(key),
                    superstep: self.superstep,
                    message: panic_message(panic),
                };
            }
            What::Route => "in its route",
            What::Copy => "while the state was copied",
            What::Expire => "while an ephemeral field was given its default",
            What::Drop => "while what the superstep left was dropped",
            What::Write => "while it was written for a checkpoint",
        };
        let message = format!("{} ({while_what})", panic_message(panic));
        self.failed(key, Failed::once(Panicked(message)))
    }

    #[cold]
    pub(super) fn failed(&self, key: Option<TaskKey>, failed: Failed) -> RunError {
        let task = self.task_id(key);
        RunError::Node {
            node: task.node.clone(),
            task,
            attempt: failed.attempts,
            superstep: self.superstep,
            source: match &self.nested {
                None => failed.error.into_error(),
                // Said of the parent's task as well, once it has failed with this.
                Some(_) => failed.error.into_marked(),
            },
        }
    }
}
