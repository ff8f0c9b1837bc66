//! What a superstep comes to once its tasks have ended: what they chose, and
//! one new state. Nothing is merged before everything was found to be right.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::drive::Progress;
use super::error::{Panicked, RunError, UndeclaredWrite};
use crate::compile::{Exits, Frozen, NodeIndex};
use crate::graph::Router;
use crate::id::{NodeName, START, TaskId};
use crate::merge::{self, panic_message};
use crate::node::{NodeError, Outcome, Target};
use crate::plan::{BadTarget, Chooser, Chosen, choose};
use crate::state::{State, Update, WriteKind};

/// A task's node, and its number if it is a send.
pub(super) type TaskKey = (NodeIndex, Option<u32>);

/// A task that succeeded.
pub(super) struct Success<S: State> {
    pub(super) key: TaskKey,
    pub(super) attempts: u32,
    pub(super) outcome: Outcome<S>,
}

impl<S: State> Success<S> {
    /// Its attempts and its update.
    pub(super) fn update(&self) -> (u32, Option<&S::Update>) {
        (self.attempts, self.outcome.update.as_deref())
    }
}

impl<S: State, C: Send + Sync + 'static> Progress<S, C> {
    /// The outcome of a task that succeeded, or the failure that ends the run.
    #[inline(always)]
    pub(super) fn outcome(
        &self,
        graph: &Frozen<S, C>,
        key: TaskKey,
        attempts: u32,
        result: Result<Outcome<S>, NodeError>,
    ) -> Result<Outcome<S>, RunError> {
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(error) => return Err(self.failed(Some(key), attempts, error)),
        };
        if let (Some(declared), Some(update)) = (&graph.node(key.0).writes, &outcome.update)
            && let Err(error) = self.check_writes(declared, update)
        {
            return Err(self.failed(Some(key), attempts, error));
        }
        Ok(outcome)
    }

    fn check_writes(&self, declared: &FixedBitSet, update: &S::Update) -> Result<(), NodeError> {
        let mut undeclared = None;
        update.writes(&mut |field, _| {
            if !declared.contains(field) {
                undeclared.get_or_insert(field);
            }
        });
        match undeclared {
            None => Ok(()),
            Some(field) => Err(UndeclaredWrite(self.fields[field].name.into()).into()),
        }
    }

    /// One task: its update is merged first, and its routes then look at the
    /// state itself. What it chose is added to `chosen`.
    #[inline(always)]
    pub(super) fn settle_one(
        &mut self,
        graph: &Frozen<S, C>,
        key: TaskKey,
        outcome: Outcome<S>,
        chosen: &mut Vec<Chosen>,
    ) -> Result<(), RunError> {
        if let Some(targets) = outcome.targets {
            self.ask_command(graph, key, *targets, chosen)?;
        }
        let mut written = None;
        if let Some(mut update) = outcome.update {
            written = self.written([&*update].into_iter());
            self.apply(Some(key), &mut update)?;
        }
        self.ask_routes(graph, Some(key), &graph.node(key.0).exits, chosen)?;
        self.expire(written);
        Ok(())
    }

    /// Several tasks: conflicts are found; commands and routes are asked, each
    /// route on the state that its task saw and what that task wrote; and then
    /// all is merged. Returns what each chose, or nothing if none did.
    pub(super) fn settle_all(
        &mut self,
        graph: &Frozen<S, C>,
        successes: &mut [Success<S>],
    ) -> Result<Vec<Vec<Chosen>>, RunError> {
        self.check_conflicts(successes)?;
        let chosen = self.choices(graph, successes)?;
        let updates = successes
            .iter()
            .filter_map(|success| success.outcome.update.as_deref());
        let written = self.written(updates);
        if let Some(order) = self.shuffled(successes.len()) {
            for index in order {
                self.apply_all(&mut successes[index..=index])?;
            }
        } else {
            self.apply_all(successes)?;
        }
        self.expire(written);
        Ok(chosen)
    }

    fn choices(
        &mut self,
        graph: &Frozen<S, C>,
        successes: &mut [Success<S>],
    ) -> Result<Vec<Vec<Chosen>>, RunError> {
        let chooses = |success: &Success<S>| {
            let routes = &graph.node(success.key.0).exits.routes;
            success.outcome.targets.is_some() || !routes.is_empty()
        };
        let mut chosen = Vec::new();
        if !successes.iter().any(chooses) {
            return Ok(chosen);
        }
        chosen.resize_with(successes.len(), Vec::new);
        for (success, chosen) in successes.iter_mut().zip(&mut chosen) {
            let key = success.key;
            if let Some(targets) = success.outcome.targets.take() {
                self.ask_command(graph, key, *targets, chosen)?;
            }
            let exits = &graph.node(key.0).exits;
            if exits.routes.is_empty() {
                continue;
            }
            let update = success.outcome.update.clone();
            let undo = update.as_ref().map(|update| update.undo(&self.state));
            if let Some(mut update) = update {
                self.apply(Some(key), &mut update)?;
            }
            self.ask_routes(graph, Some(key), exits, chosen)?;
            if let Some(mut undo) = undo {
                self.apply(Some(key), &mut undo)?;
            }
        }
        Ok(chosen)
    }

    /// The order of merges that a rehearsal asks for, if it does.
    fn shuffled(&self, n: usize) -> Option<Vec<usize>> {
        let rehearsal = self.shared.rehearsal.as_ref()?;
        rehearsal
            .shuffle_merges
            .then(|| rehearsal.order(self.superstep, n))
    }

    fn check_conflicts(&self, successes: &[Success<S>]) -> Result<(), RunError> {
        let updates = successes.iter().enumerate();
        let updates =
            updates.filter_map(|(task, success)| Some((task, success.outcome.update.as_deref()?)));
        match merge::conflict(self.fields, updates) {
            None => Ok(()),
            Some(conflict) => Err(RunError::Conflict {
                field: self.fields[conflict.field].name.into(),
                first: self.task_id(Some(successes[conflict.first].key)),
                second: self.task_id(Some(successes[conflict.second].key)),
                verb: match conflict.kind {
                    WriteKind::Reduce => "wrote",
                    WriteKind::Overwrite => "overwrote",
                },
                superstep: self.superstep,
            }),
        }
    }

    /// Merges one update into the state, copying the state only if a node
    /// kept a view of it.
    #[inline(always)]
    pub(super) fn apply(
        &mut self,
        key: Option<TaskKey>,
        update: &mut S::Update,
    ) -> Result<(), RunError> {
        let state = Arc::make_mut(&mut self.state);
        merge::apply(state, update).map_err(|panic| self.reducer_panicked(key, panic))
    }

    /// Merges the updates in order.
    fn apply_all(&mut self, successes: &mut [Success<S>]) -> Result<(), RunError> {
        let mut updates = successes
            .iter_mut()
            .filter_map(|success| Some((success.key, success.outcome.update.take()?)))
            .peekable();
        if updates.peek().is_none() {
            return Ok(());
        }
        let state = Arc::make_mut(&mut self.state);
        for (key, mut update) in updates {
            if let Err(panic) = merge::apply(state, &mut *update) {
                return Err(self.reducer_panicked(Some(key), panic));
            }
        }
        Ok(())
    }

    /// Resolves the targets of a task's command.
    #[inline]
    fn ask_command(
        &self,
        graph: &Frozen<S, C>,
        key: TaskKey,
        targets: Vec<Target>,
        chosen: &mut Vec<Chosen>,
    ) -> Result<(), RunError> {
        let chooser = Chooser::Command(graph.node(key.0).destinations.as_deref());
        choose(graph, &chooser, targets, chosen).map_err(|bad| self.bad_target(Some(key), bad))
    }

    /// Asks the routes of a task, or of `START`, where to go.
    #[inline(always)]
    pub(super) fn ask_routes(
        &self,
        graph: &Frozen<S, C>,
        key: Option<TaskKey>,
        exits: &Exits<S>,
        chosen: &mut Vec<Chosen>,
    ) -> Result<(), RunError> {
        for route in &exits.routes {
            let state = &*self.state;
            let asked = match &route.router {
                Router::One(router) => catch_unwind(AssertUnwindSafe(|| {
                    let (_, node) = &route.targets[router(state)];
                    chosen.extend(node.map(Chosen::Node));
                    Ok(())
                })),
                Router::Many(router) => catch_unwind(AssertUnwindSafe(|| {
                    let mut targets = Vec::new();
                    router(state, &mut targets);
                    choose(graph, &Chooser::Route(route), targets, chosen)
                })),
            };
            match asked {
                Ok(Ok(())) => {}
                Ok(Err(bad)) => return Err(self.bad_target(key, bad)),
                Err(panic) => return Err(self.route_panicked(key, &panic_message(&*panic))),
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

    /// Resets the ephemeral fields whose time is over.
    #[inline]
    pub(super) fn expire(&mut self, written: Option<FixedBitSet>) {
        if !self.ephemerals.any() {
            return;
        }
        let written = written.unwrap_or_else(|| FixedBitSet::with_capacity(self.fields.len()));
        for field in self.ephemerals.expire(&written) {
            S::Update::reset(Arc::make_mut(&mut self.state), field);
            if let Some(record) = &mut self.record {
                record.expired(field);
            }
        }
    }

    fn task_id(&self, key: Option<TaskKey>) -> TaskId {
        match key {
            None => TaskId {
                node: NodeName::from(START),
                send: None,
            },
            Some((node, send)) => TaskId {
                node: self.shared.graph.name_of(node).clone(),
                send,
            },
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

    #[cold]
    fn reducer_panicked(&self, key: Option<TaskKey>, panic: merge::ReducerPanic) -> RunError {
        RunError::Reducer {
            field: self.fields[panic.field].name.into(),
            task: self.task_id(key),
            superstep: self.superstep,
            message: panic.message,
        }
    }

    #[cold]
    fn route_panicked(&self, key: Option<TaskKey>, message: &str) -> RunError {
        self.failed(key, 1, Panicked(format!("{message} (in its route)")).into())
    }

    #[cold]
    fn failed(&self, key: Option<TaskKey>, attempt: u32, error: NodeError) -> RunError {
        let task = self.task_id(key);
        RunError::Node {
            node: task.node.clone(),
            task,
            attempt,
            superstep: self.superstep,
            source: error.into_error(),
        }
    }
}
