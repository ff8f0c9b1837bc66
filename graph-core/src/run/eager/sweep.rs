//! Updates that were settled are kept only as long as a task may come that sees
//! them, and starts from something that has not.
//!
//! 1. What goes on from nothing that is kept, at work or merged at a meeting, is
//!    in no view.
//! 2. Of what may meet, all have merged what is in the last past that all of them
//!    go on from. Who never meets them does not matter.
//! 3. This is looked at whenever there is twice as much as was left the last time,
//!    so that it costs no more than what it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use super::lanes::TaskNo;
use super::lines::{Line, Lines};
use super::past::Past;
use super::window::Window;
use crate::state::State;

/// How many tasks may be settled at least before somebody looks.
pub(super) const FEW: usize = 32;

impl<S: State, C: Send + Sync + 'static> Window<'_, '_, S, C> {
    /// Drops what is settled and not needed any more, if it may be much.
    pub(super) fn sweep(&mut self) {
        if self.n_kept < self.sweep_at {
            return;
        }
        for meets in self.meetings.values_mut() {
            meets.last.take_if(|last| !mem::take(&mut last.fresh));
        }
        let holders = self.live.iter().copied();
        let holders = holders.filter(|&no| self.slots[no].past.is_some());
        let holders: Vec<TaskNo> = holders.collect();
        let nodes = holders.iter().map(|&no| self.slots[no].key.node);
        let lines = Lines::of(self.lanes.ways(), &nodes.collect());
        for (&node, meets) in &mut self.meetings {
            meets.last.take_if(|_| lines.at(node).is_none());
        }
        let needed = self.needed(&holders, &lines);
        let live = mem::take(&mut self.live);
        self.n_kept = 0;
        for no in live {
            let (slot, is_needed) = (&mut self.slots[no], needed.contains(&no));
            let is_settled = slot.depth < self.base;
            if is_settled && !is_needed {
                slot.kept = None;
                slot.spent = true;
                if slot.past.is_none() {
                    self.slots.forget(no);
                    continue;
                }
            }
            self.n_kept += usize::from(is_settled && is_needed);
            self.live.push(no);
        }
        self.sweep_at = 2 * self.n_kept + FEW.max(holders.len()).max(self.graph.nodes.len() / 4);
    }

    /// The tasks whose updates may be merged into what some of these have seen.
    fn needed(&self, holders: &[TaskNo], lines: &Lines) -> BTreeSet<TaskNo> {
        let mut commons: BTreeMap<Line, Arc<Past<S>>> = BTreeMap::new();
        let mut note = |line: Option<Line>, past: &Arc<Past<S>>| {
            if let Some(line) = line {
                let common = commons.entry(line).or_insert_with(|| Arc::clone(past));
                *common = Past::common([&*common, past].into_iter());
            }
        };
        for &no in holders {
            let slot = &self.slots[no];
            note(lines.from(slot.key.node), self.seen(no).past());
        }
        for (&node, meets) in &self.meetings {
            if let Some(last) = &meets.last {
                note(lines.at(node), &last.past);
            }
        }
        let mut met = BTreeSet::new();
        let mut needed = BTreeSet::new();
        for &no in holders {
            let slot = &self.slots[no];
            let Some(line) = lines.from(slot.key.node) else {
                continue;
            };
            let common = &commons[&line];
            if !slot.own {
                needed.insert(no);
            }
            for history in self.seen(no).history().since(&common.history) {
                if !met.insert((line, Arc::as_ptr(history))) {
                    break;
                }
                needed.extend(history.added());
            }
        }
        needed
    }
}
