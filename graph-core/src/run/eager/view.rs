//! What tasks see: each its causal history, and no more.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::lanes::{Ready, TaskNo};
use super::past::Past;
use super::window::{Order, Slot, Window};
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
    /// What it goes on from; nothing is all that was settled.
    pub(super) past: Option<Arc<Past<S>>>,
    pub(super) sends: Option<Vec<Sent>>,
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
            let (one, other) = (&self.slots[a as usize], &self.slots[b as usize]);
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
    /// settled, that is nothing for those whose history is all of it: `settled` is
    /// how many tasks that are.
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
            } = ready;
            let settled = settled.filter(|_| depth == self.base + 1);
            if sends.is_empty() {
                let past = self.past_after(causes, settled, &mut shared);
                prepared.push(Prepared {
                    depth,
                    node,
                    past,
                    sends: None,
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
                let past = self.past_after(causes, settled, &mut shared);
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
                    past,
                    sends,
                });
            }
        }
        prepared
    }

    /// Takes what is sent out of the choices of those who send.
    pub(super) fn take_inputs(&mut self, prepared: &mut [Prepared<S>]) {
        let sends = prepared.iter_mut().filter_map(|task| task.sends.as_mut());
        for sent in sends.flatten() {
            let chosen = &mut self.slots[sent.by as usize].chosen;
            if let Chosen::Send(_, input) = &mut chosen[sent.choice as usize] {
                mem::swap(input, &mut sent.input);
            }
        }
    }

    /// What a task goes on from, once these have led to it.
    fn past_after(
        &mut self,
        mut causes: Vec<TaskNo>,
        settled: Option<usize>,
        shared: &mut BTreeMap<Vec<TaskNo>, Option<Arc<Past<S>>>>,
    ) -> Option<Arc<Past<S>>> {
        for &cause in &causes {
            self.lanes.release(cause);
        }
        causes.sort_unstable();
        causes.dedup();
        let past = match causes[..] {
            [cause] => self.past_after_one(cause, settled),
            _ => match shared.get(&causes) {
                Some(past) => past.clone(),
                None => {
                    let past = self.past_after_all(&causes, settled);
                    shared.insert(causes.clone(), past.clone());
                    past
                }
            },
        };
        for cause in causes {
            if self.lanes.used(cause) == 0 {
                self.slots[cause as usize].past = None;
            }
        }
        past
    }

    fn past_after_one(&mut self, cause: TaskNo, settled: Option<usize>) -> Option<Arc<Past<S>>> {
        let slot = &mut self.slots[cause as usize];
        let past = slot.past.take().expect("it is kept while it is used");
        if settled == Some(past.count + usize::from(!slot.own)) {
            slot.past = Some(past);
            return None;
        }
        let own: &[TaskNo] = match mem::replace(&mut slot.own, true) {
            true => &[],
            false => &[cause],
        };
        let past = self.extend(past, own);
        if self.lanes.used(cause) > 0 {
            self.slots[cause as usize].past = Some(Arc::clone(&past));
        }
        Some(past)
    }

    fn past_after_all(
        &mut self,
        causes: &[TaskNo],
        settled: Option<usize>,
    ) -> Option<Arc<Past<S>>> {
        let mut pasts: Vec<&Arc<Past<S>>> = Vec::new();
        let mut tasks = Vec::with_capacity(causes.len());
        for &cause in causes {
            let slot = &self.slots[cause as usize];
            let past = slot.past.as_ref().expect("it is kept while it is used");
            if !slot.own {
                tasks.push(cause);
            }
            if pasts.last().is_none_or(|last| !Arc::ptr_eq(last, past)) {
                pasts.push(past);
            }
        }
        let common = Arc::clone(Past::common(pasts.iter().copied()));
        for past in pasts {
            past.since(&common, &mut tasks);
        }
        tasks.sort_unstable();
        tasks.dedup();
        if settled == Some(common.count + tasks.len()) {
            return None;
        }
        tasks.sort_by(|&a, &b| self.compare(a, b));
        for &cause in causes {
            if self.lanes.used(cause) == 0 {
                self.slots[cause as usize].past = None;
            }
        }
        Some(self.extend(common, &tasks))
    }

    /// Adds updates to a past, in order, each depth to its end. No depth is left
    /// out: what is at one has a cause at the one before.
    fn extend(&mut self, past: Arc<Past<S>>, tasks: &[TaskNo]) -> Arc<Past<S>> {
        let progress = &mut *self.progress;
        if tasks.is_empty() {
            return past;
        }
        let mut past = Past::extended(past, tasks);
        // What is merged aside is nothing that happens.
        let observer = progress.observer.take();
        let state = past.state.take().expect("it is gone only here");
        let state = mem::replace(&mut progress.state, state);
        mem::swap(&mut progress.ephemerals, &mut past.ephemerals);
        let merged = catch_unwind(AssertUnwindSafe(|| {
            merge_depths(progress, &self.slots, tasks)
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
        let slot = &mut self.slots[no as usize];
        let (key, depth) = (slot.key, slot.depth);
        if self.graph.node(key.node).exits.routes.is_empty() {
            return Ok(());
        }
        let graph = Arc::clone(&self.graph);
        let exits = &graph.node(key.node).exits;
        // What is ephemeral is there until the depth has ended.
        if slot.update().is_some() && !self.progress.ephemerals.any() {
            slot.own = true;
            let past = slot.past.take().expect("it has just ended");
            let past = self.extend(past, &[no]);
            self.slots[no as usize].past = Some(past);
        }
        let slot = &self.slots[no as usize];
        let past = slot.past.as_ref().expect("it has just ended");
        let mut state = past.view();
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
    slots: &[Slot<S>],
    tasks: &[TaskNo],
) {
    let slot = |no: TaskNo| &slots[no as usize];
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
