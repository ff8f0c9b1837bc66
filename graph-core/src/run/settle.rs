//! What a superstep comes to once its tasks have ended: what they chose, and
//! one new state. Nothing is merged before everything was found to be right.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fixedbitset::FixedBitSet;

use super::attempt::Ended;
use super::drive::Progress;
use super::error::{Panicked, RunError, UndeclaredWrite};
use crate::compile::{Exits, NodeIndex};
use crate::id::{NodeName, START, TaskId};
use crate::merge::{self, panic_message};
use crate::node::{NodeError, Outcome, Target};
use crate::plan::{Chooser, Chosen, choose};
use crate::state::{State, Update, WriteKind};

/// A task's node, and its number if it is a send.
pub(super) type TaskKey = (NodeIndex, Option<u32>);

/// A task that succeeded, with what it hands on.
pub(super) struct Success<S: State> {
    pub(super) key: TaskKey,
    pub(super) attempts: u32,
    pub(super) update: Option<S::Update>,
    /// What its command chose, then what its routes did.
    pub(super) chosen: Vec<Chosen>,
}

impl<S: State, C: Send + Sync + 'static> Progress<S, C> {
    /// Checks a task's end, and resolves what its command named.
    #[inline]
    pub(super) fn succeed(&self, key: TaskKey, ended: Ended<S>) -> Result<Success<S>, RunError> {
        let attempts = ended.attempts;
        let Outcome { update, targets } = ended
            .result
            .map_err(|error| self.node_error(key, attempts, error))?;
        let node = self.graph().node(key.0);
        if let (Some(declared), Some(update)) = (&node.writes, &update) {
            self.check_writes(declared, update)
                .map_err(|error| self.node_error(key, attempts, error))?;
        }
        let mut chosen = Vec::new();
        if !targets.is_empty() {
            let chooser = Chooser::Command(node.destinations.as_deref());
            self.choose(Some(key), &chooser, targets, &mut chosen)?;
        }
        Ok(Success {
            key,
            attempts,
            update,
            chosen,
        })
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
    /// state itself.
    #[inline]
    pub(super) fn settle_one(&mut self, success: &mut Success<S>) -> Result<(), RunError> {
        let mut written = None;
        if let Some(update) = success.update.take() {
            written = self.written([&update].into_iter());
            self.apply(Some(success.key), update)?;
        }
        let graph = self.shared.graph.clone();
        let exits = &graph.node(success.key.0).exits;
        self.ask_routes(Some(success.key), exits, &mut success.chosen)?;
        self.expire(written);
        Ok(())
    }

    /// Several tasks: conflicts are found, routes are asked, each on the state
    /// that its task saw and what that task wrote, and then all is merged.
    pub(super) fn settle_all(&mut self, successes: &mut [Success<S>]) -> Result<(), RunError> {
        self.check_conflicts(successes)?;
        let graph = self.shared.graph.clone();
        for success in &mut *successes {
            let exits = &graph.node(success.key.0).exits;
            if exits.routes.is_empty() {
                continue;
            }
            let undo = success
                .update
                .as_ref()
                .map(|update| update.undo(&self.state));
            if let Some(update) = success.update.clone() {
                self.apply(Some(success.key), update)?;
            }
            self.ask_routes(Some(success.key), exits, &mut success.chosen)?;
            if let Some(undo) = undo {
                self.apply(Some(success.key), undo)?;
            }
        }
        let updates = successes
            .iter()
            .filter_map(|success| success.update.as_ref());
        let written = self.written(updates);
        for index in self.merge_order(successes.len()) {
            let success = &mut successes[index];
            if let Some(update) = success.update.take() {
                self.apply(Some(success.key), update)?;
            }
        }
        self.expire(written);
        Ok(())
    }

    fn merge_order(&self, n: usize) -> Vec<usize> {
        match &self.shared.rehearsal {
            Some(rehearsal) if rehearsal.shuffle_merges => rehearsal.order(self.superstep, n),
            _ => (0..n).collect(),
        }
    }

    fn check_conflicts(&self, successes: &[Success<S>]) -> Result<(), RunError> {
        let updates = successes.iter().enumerate();
        let updates = updates.filter_map(|(task, success)| Some((task, success.update.as_ref()?)));
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
    #[inline]
    pub(super) fn apply(
        &mut self,
        key: Option<TaskKey>,
        update: S::Update,
    ) -> Result<(), RunError> {
        let state = std::sync::Arc::make_mut(&mut self.state);
        merge::apply(state, update).map_err(|panic| RunError::Reducer {
            field: self.fields[panic.field].name.into(),
            task: self.task_id(key),
            superstep: self.superstep,
            message: panic.message,
        })
    }

    /// Asks the routes of a task, or of `START`, where to go.
    #[inline]
    pub(super) fn ask_routes(
        &self,
        key: Option<TaskKey>,
        exits: &Exits<S>,
        chosen: &mut Vec<Chosen>,
    ) -> Result<(), RunError> {
        for route in &exits.routes {
            let mut targets = Vec::new();
            catch_unwind(AssertUnwindSafe(|| {
                (route.router)(&self.state, &mut targets)
            }))
            .map_err(|panic| self.route_panicked(key, panic_message(&*panic)))?;
            self.choose(key, &Chooser::Route(route), targets, chosen)?;
        }
        Ok(())
    }

    fn choose(
        &self,
        key: Option<TaskKey>,
        chooser: &Chooser<'_, S>,
        targets: Vec<Target>,
        chosen: &mut Vec<Chosen>,
    ) -> Result<(), RunError> {
        choose(self.graph(), chooser, targets, chosen).map_err(|bad| RunError::UnknownTarget {
            node: self.task_id(key).node,
            target: bad.target,
            why: bad.why,
            superstep: self.superstep,
            help: bad.help,
        })
    }

    /// The fields that these updates write; nothing if nobody asks.
    pub(super) fn written<'u>(
        &self,
        updates: impl Iterator<Item = &'u S::Update>,
    ) -> Option<FixedBitSet> {
        self.ephemerals.any().then(|| {
            let mut written = FixedBitSet::with_capacity(self.fields.len());
            for update in updates {
                update.writes(&mut |field, _| written.insert(field));
            }
            written
        })
    }

    /// Resets the ephemeral fields whose time is over.
    pub(super) fn expire(&mut self, written: Option<FixedBitSet>) {
        if !self.ephemerals.any() {
            return;
        }
        let expired = self.ephemerals.expire(&written.unwrap_or_default());
        for field in expired {
            S::Update::reset(std::sync::Arc::make_mut(&mut self.state), field);
            self.record
                .iter_mut()
                .for_each(|record| record.expired(field));
        }
    }

    pub(super) fn task_id(&self, key: Option<TaskKey>) -> TaskId {
        match key {
            None => TaskId {
                node: NodeName::from(START),
                send: None,
            },
            Some((node, send)) => TaskId {
                node: self.graph().name_of(node).clone(),
                send,
            },
        }
    }

    pub(super) fn node_error(&self, key: TaskKey, attempt: u32, error: NodeError) -> RunError {
        self.failed(Some(key), attempt, error)
    }

    fn route_panicked(&self, key: Option<TaskKey>, message: String) -> RunError {
        self.failed(key, 1, Panicked(format!("{message} (in its route)")).into())
    }

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
