//! A depth of which all has ended becomes what a superstep comes to.

use std::mem;

use super::lanes::TaskNo;
use super::slots::Order;
use super::view::{Basis, Prepared};
use super::window::Window;
use crate::plan::{Chosen, Task};
use crate::run::attempt::Done;
use crate::run::error::RunError;
use crate::run::settle::TaskKey;
use crate::state::State;

impl<S: State, C: Send + Sync + 'static> Window<'_, '_, S, C> {
    /// Settles the least depth; true if the window is over with that, and `tasks`
    /// are those of the next superstep.
    pub(super) fn settle(&mut self, tasks: &mut Vec<Task>) -> Result<bool, RunError> {
        self.progress.superstep = self.base;
        let order = self.depths.pop_front().unwrap_or_default();
        let keys = order.iter().map(|&no| self.slots[no].key);
        let keys: Vec<TaskKey> = keys.collect();
        let result = self.check(&order, &keys);
        let conflicts = result.is_err();
        let settled = self.settled + order.len();
        let ready = self.lanes.take_ready(self.most);
        let mut prepared = match conflicts {
            true => Vec::new(),
            false => self.prepare(ready, Some(settled)),
        };
        let ahead = self.depths.iter().any(|depth| !depth.is_empty());
        let sees_all = |task: &Prepared<S>| matches!(task.basis, Basis::Settled(_));
        let all_see_all = prepared.iter().all(sees_all);
        let over = self.base >= self.most || (!ahead && all_see_all);
        match over {
            true => prepared.clear(),
            false => self.take_inputs(&mut prepared),
        }
        self.progress.superstep = self.base;
        let mut done = self.take_done(&order, over);
        if let Some(observer) = &mut self.progress.observer {
            observer.done(&done);
            if conflicts {
                observer.unmerged();
            }
        }
        result?;
        if over {
            // Or else the merge would copy the state.
            self.slots.iter_mut().for_each(|slot| slot.past = None);
            self.meetings.clear();
        }
        self.merge(&order, &keys, &mut done);
        self.settled = settled;
        self.lead_on(&order, &keys, &done, tasks);
        if over {
            return Ok(true);
        }
        self.lanes.pop();
        self.base += 1;
        self.start(prepared);
        self.confirm(tasks)?;
        self.n_kept += order.len();
        self.sweep();
        Ok(false)
    }

    /// Looks for conflicts.
    pub(super) fn check(&self, order: &[TaskNo], keys: &[TaskKey]) -> Result<(), RunError> {
        let slots = order.iter().enumerate();
        let updates = slots.filter_map(|(at, &no)| Some((at, self.slots[no].update()?)));
        self.progress.check_conflicts_of(keys, updates)
    }

    /// Takes what tasks came to. Unless the window is over, their updates are kept:
    /// who comes later may go on from before some of them.
    fn take_done(&mut self, order: &[TaskNo], over: bool) -> Vec<Done<S>> {
        let mut all = Vec::with_capacity(order.len());
        for &no in order {
            let slot = &mut self.slots[no];
            let done = slot.done.take().expect("all of the depth has ended");
            if !over {
                slot.kept = done.outcome.update.clone();
            }
            all.push(done);
        }
        all
    }

    /// Merges the updates of a depth into what was settled before.
    fn merge(&mut self, order: &[TaskNo], keys: &[TaskKey], done: &mut [Done<S>]) {
        let progress = &mut *self.progress;
        let updates = || done.iter().filter_map(|done| done.outcome.update.as_ref());
        let written = progress.written(updates());
        progress.hand(updates());
        progress.merge_all(keys, done);
        progress.expire(written);
        progress.at.drops();
        if let Some(nested) = &mut progress.nested {
            for &no in order {
                nested.take_leave(&mut self.slots[no].leave);
            }
        }
    }

    /// Plans the next depth, as after a superstep.
    fn lead_on(
        &mut self,
        order: &[TaskNo],
        keys: &[TaskKey],
        done: &[Done<S>],
        tasks: &mut Vec<Task>,
    ) {
        let slots = &mut self.slots;
        let chosen = order.iter().map(|&no| mem::take(&mut slots[no].chosen));
        let chosen: Vec<Vec<Chosen>> = chosen.collect();
        let progress = &mut *self.progress;
        progress.tell_settled(keys, done, &chosen);
        for (index, (key, chosen)) in keys.iter().zip(chosen).enumerate() {
            let exits = &self.graph.node(key.node).exits;
            if let Some(observer) = &mut progress.observer {
                let frontier = &progress.frontier;
                observer.leads(Some(index), &self.graph, frontier, exits, &chosen);
            }
            let frontier = &mut progress.frontier;
            frontier.finish(&self.graph, exits, key.number(), chosen, tasks);
        }
        progress.frontier.tasks(&self.graph, tasks);
    }

    /// Of the least depth all tasks are known now: these, in this order.
    fn confirm(&mut self, tasks: &mut Vec<Task>) -> Result<(), RunError> {
        let mut order = mem::take(&mut self.depths[0]);
        order.sort_by(|&a, &b| self.compare(a, b));
        debug_assert_eq!(order.len(), tasks.len(), "rule 2");
        for (at, (&no, task)) in order.iter().zip(&mut *tasks).enumerate() {
            let slot = &mut self.slots[no];
            debug_assert_eq!(slot.key.node, task.node, "rule 1");
            slot.order = Order::Known(at);
            // What was sent has gone to the task.
            if let (Some((_, input)), Some(sent)) = (&mut task.send, &slot.input) {
                *input = sent.clone();
            }
        }
        self.depths[0] = order;
        self.progress.superstep = self.base - 1;
        self.progress.begin_superstep(tasks)?;
        if let Some(observer) = &mut self.progress.observer {
            observer.begin(self.base, tasks);
        }
        tasks.clear();
        Ok(())
    }
}
