//! What tasks see: each its causal history, and no more.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::lanes::{Fired, Ready, TaskNo};
use super::past::{Past, Seen};
use super::slots::{Order, Slots};
use super::window::Window;
use crate::compile::NodeIndex;
use crate::node::Payload;
use crate::plan::Chosen;
use crate::run::drive::Progress;
use crate::run::error::RunError;
use crate::state::State;

/// A node that is about to start, or the sends of one emitter to a worker.
pub(super) struct Prepared<S: State> {
    pub(super) depth: u64,
    pub(super) node: NodeIndex,
    pub(super) basis: Basis<S>,
    pub(super) sends: Option<Vec<Sent>>,
    /// The joins that led to it.
    pub(super) fired: Vec<Fired>,
}

/// What a task goes on from.
pub(super) enum Basis<S> {
    Past(Arc<Past<S>>),
    /// All that is settled then, which is known to be the same as this.
    Settled(Arc<Unmerged<S>>),
}

/// A past, and updates of tasks that come after it.
pub(super) struct Unmerged<S> {
    pub(super) past: Arc<Past<S>>,
    pub(super) tasks: Vec<TaskNo>,
}

impl<S> Clone for Basis<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Past(past) => Self::Past(Arc::clone(past)),
            Self::Settled(from) => Self::Settled(Arc::clone(from)),
        }
    }
}

/// Something that was sent.
pub(super) struct Sent {
    pub(super) number: u32,
    /// Who has sent it, and as which choice.
    pub(super) by: TaskNo,
    pub(super) choice: u32,
    pub(super) input: Box<dyn Payload>,
}

impl<S: State, C: Send + Sync + 'static> Window<'_, '_, S, C> {
    /// The order of the run.
    pub(super) fn compare(&self, a: TaskNo, b: TaskNo) -> Ordering {
        let (mut a, mut b) = (a, b);
        loop {
            let (one, other) = (&self.slots[a], &self.slots[b]);
            let depths = one.depth.cmp(&other.depth);
            if depths.is_ne() {
                return depths;
            }
            match (one.order, other.order) {
                (Order::Known(one), Order::Known(other)) => return one.cmp(&other),
                (Order::Sent(one, first), Order::Sent(other, second)) => {
                    if one == other {
                        return first.cmp(&second);
                    }
                    (a, b) = (one, other);
                }
                _ => {
                    let (one, other) = (one.key, other.key);
                    let sends = one.number().is_some().cmp(&other.number().is_some());
                    return sends.then(one.node.cmp(&other.node));
                }
            }
        }
    }

    /// Finds out what those that may start go on from. If a depth is about to be
    /// settled, `settled` is how many tasks will be: nothing is merged for those
    /// whose history is all of that.
    pub(super) fn prepare(
        &mut self,
        ready: Vec<Ready>,
        settled: Option<usize>,
    ) -> Vec<Prepared<S>> {
        let mut prepared = Vec::with_capacity(ready.len());
        let mut shared = BTreeMap::new();
        for ready in ready {
            let Ready {
                depth,
                node,
                causes,
                mut sends,
                fired,
            } = ready;
            let settled = settled.filter(|_| depth == self.base + 1);
            if sends.is_empty() {
                let basis = self.basis_after(node, causes, settled, &mut shared);
                prepared.push(Prepared {
                    depth,
                    node,
                    basis,
                    sends: None,
                    fired,
                });
                continue;
            }
            sends.sort_by(|a, b| match a.0 == b.0 {
                true => a.1.cmp(&b.1),
                false => self.compare(a.0, b.0),
            });
            let mut number = 0;
            for sends in sends.chunk_by(|a, b| a.0 == b.0) {
                let causes = sends.iter().map(|&(by, _)| by).collect();
                let basis = self.basis_after(node, causes, settled, &mut shared);
                let mut numbered = Vec::with_capacity(sends.len());
                for &(by, choice) in sends {
                    numbered.push(Sent {
                        number,
                        by,
                        choice,
                        input: Box::new(()),
                    });
                    number += 1;
                }
                let sends = Some(numbered);
                prepared.push(Prepared {
                    depth,
                    node,
                    basis,
                    sends,
                    fired: Vec::new(),
                });
            }
        }
        prepared
    }

    /// Takes what is sent out of the choices of those who send.
    pub(super) fn take_inputs(&mut self, prepared: &mut [Prepared<S>]) {
        let sends = prepared.iter_mut().filter_map(|task| task.sends.as_mut());
        for sent in sends.flatten() {
            let chosen = &mut self.slots[sent.by].chosen;
            if let Chosen::Send(_, input) = &mut chosen[sent.choice as usize] {
                mem::swap(input, &mut sent.input);
            }
        }
    }

    /// What a task goes on from, once these have led to it.
    fn basis_after(
        &mut self,
        node: NodeIndex,
        mut causes: Vec<TaskNo>,
        settled: Option<usize>,
        shared: &mut BTreeMap<Vec<TaskNo>, Basis<S>>,
    ) -> Basis<S> {
        for &cause in &causes {
            self.lanes.release(cause);
        }
        causes.sort_unstable();
        causes.dedup();
        let known = shared.get(&causes).cloned();
        let basis = known.unwrap_or_else(|| {
            let basis = match causes[..] {
                [cause] => self.basis_after_one(node, cause, settled),
                _ => self.basis_after_all(node, &causes, settled),
            };
            if causes.len() > 1 || matches!(basis, Basis::Settled(_)) {
                shared.insert(causes.clone(), basis.clone());
            }
            basis
        });
        for cause in causes {
            self.let_go(cause);
        }
        basis
    }

    fn basis_after_one(
        &mut self,
        node: NodeIndex,
        cause: TaskNo,
        settled: Option<usize>,
    ) -> Basis<S> {
        let slot = &mut self.slots[cause];
        let past = match slot.past.take() {
            Some(Seen::Whole(past)) => past,
            seen => {
                slot.past = seen;
                return self.basis_after_all(node, &[cause], settled);
            }
        };
        let own: &[TaskNo] = if slot.own { &[] } else { &[cause] };
        if settled == Some(past.history.count + own.len()) {
            slot.past = Some(Seen::Whole(Arc::clone(&past)));
            let tasks = own.to_vec();
            return Basis::Settled(Arc::new(Unmerged { past, tasks }));
        }
        slot.own = true;
        let past = self.extend(past, own);
        if self.lanes.used(cause) > 0 {
            self.slots[cause].past = Some(Seen::Whole(Arc::clone(&past)));
        }
        Basis::Past(past)
    }

    /// What a task sees that goes on from all that is settled.
    pub(super) fn past_of_all(&self, from: &Unmerged<S>) -> Arc<Past<S>> {
        let Unmerged { past, tasks } = from;
        if tasks.is_empty() {
            return Arc::clone(past);
        }
        let mut past = Past::extended(Arc::clone(past), tasks, self.base - 1);
        past.state = Some(Arc::clone(&self.progress.state));
        past.ephemerals = self.progress.ephemerals.clone();
        Arc::new(past)
    }

    /// Adds updates to a past, in order, each depth to its end. No depth is left
    /// out: what is at one has a cause at the one before.
    pub(super) fn extend(&mut self, past: Arc<Past<S>>, tasks: &[TaskNo]) -> Arc<Past<S>> {
        let progress = &mut *self.progress;
        let Some(&last) = tasks.last() else {
            return past;
        };
        let mut past = Past::extended(past, tasks, self.slots[last].depth);
        // What is merged aside is nothing that happens.
        let observer = progress.observer.take();
        let state = past.state.take().expect("it is gone only here");
        let state = mem::replace(&mut progress.state, state);
        mem::swap(&mut progress.ephemerals, &mut past.ephemerals);
        let merged = catch_unwind(AssertUnwindSafe(|| {
            merge_depths(progress, &self.slots, tasks);
        }));
        past.state = Some(mem::replace(&mut progress.state, state));
        mem::swap(&mut progress.ephemerals, &mut past.ephemerals);
        progress.observer = observer;
        match merged {
            Ok(()) => Arc::new(past),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Asks the routes of a task that has ended, on what it saw and has written.
    pub(super) fn ask_routes(
        &mut self,
        no: TaskNo,
        chosen: &mut Vec<Chosen>,
    ) -> Result<(), RunError> {
        let slot = &mut self.slots[no];
        let (key, depth) = (slot.key, slot.depth);
        if self.graph.node(key.node).exits.routes.is_empty() {
            return Ok(());
        }
        let graph = Arc::clone(&self.graph);
        let exits = &graph.node(key.node).exits;
        // What is ephemeral is there until the depth has ended.
        if slot.update().is_some() && !self.progress.ephemerals.any() {
            slot.own = true;
            if let Some(Seen::Whole(past)) = slot.past.take() {
                let past = self.extend(past, &[no]);
                self.slots[no].past = Some(Seen::Whole(past));
            }
        }
        let mut state = self.seen(no).past().view();
        let slot = &self.slots[no];
        let progress = &mut *self.progress;
        progress.superstep = depth;
        progress.at.is_of(key);
        mem::swap(&mut progress.state, &mut state);
        let asked = catch_unwind(AssertUnwindSafe(|| {
            if let Some(update) = slot.update().filter(|_| !slot.own) {
                progress.merge_of(key, &mut update.clone());
            }
            progress.ask_routes(&graph, Some(key), exits, chosen)
        }));
        mem::swap(&mut progress.state, &mut state);
        asked.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Merges updates into the state of `progress`, in order, each depth to its end.
fn merge_depths<S: State, C: Send + Sync + 'static>(
    progress: &mut Progress<'_, S, C>,
    slots: &Slots<S>,
    tasks: &[TaskNo],
) {
    let slot = |no: TaskNo| &slots[no];
    for tasks in tasks.chunk_by(|&a, &b| slot(a).depth == slot(b).depth) {
        progress.superstep = slot(tasks[0]).depth;
        let updates = tasks.iter().filter_map(|&no| slot(no).update());
        let written = progress.written(updates);
        for &no in tasks {
            if let Some(update) = slot(no).update() {
                progress.merge_of(slot(no).key, &mut update.clone());
            }
        }
        progress.expire(written);
    }
}
