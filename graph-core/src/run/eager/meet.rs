//! Where several tasks lead to one: it sees what each of them has.
//!
//! 1. Merged is what they have besides the last past that all of them go on from.
//! 2. Where loops meet again and again, that past is long ago. So what was merged
//!    at a node is kept there, up to the depth that all had reached who led to it:
//!    nothing can come before that any more if they, or who goes on from them,
//!    meet there again. Then only what is deeper is merged.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::lanes::TaskNo;
use super::past::{History, Past};
use super::view::{Basis, Unmerged};
use super::window::Window;
use crate::compile::NodeIndex;
use crate::state::State;

/// How many updates are merged again before it is kept what they come to.
const LONG: usize = 16;

/// Of how many lines at most that is kept.
const FEW: usize = 8;

/// What had come to a node when lines met there.
pub(super) struct Meeting<S> {
    /// What each of those who led to it had seen, and which task it was itself, if
    /// its update is not in that.
    lines: Vec<(Arc<History>, Option<TaskNo>)>,
    /// All of it that is not deeper than that.
    pub(super) past: Arc<Past<S>>,
    depth: u64,
    /// Whether anybody has come since somebody looked.
    pub(super) fresh: bool,
}

/// What those who lead to a task have together.
struct Together<S> {
    past: Arc<Past<S>>,
    /// What comes after that, in order.
    tasks: Vec<TaskNo>,
    /// Those of them that are in nobody else's history.
    last: Vec<TaskNo>,
    /// Up to which depth `past` has all, if it was kept by a meeting.
    met: Option<u64>,
}

impl<S: State, C: Send + Sync + 'static> Window<'_, '_, S, C> {
    /// What a task of a node goes on from that these have led to.
    pub(super) fn basis_after_all(
        &mut self,
        node: NodeIndex,
        causes: &[TaskNo],
        settled: Option<usize>,
    ) -> Basis<S> {
        let mut deepest_first = causes.to_vec();
        deepest_first.sort_by_key(|&cause| std::cmp::Reverse(self.slots[cause].depth));
        let again = self.since_meeting(node, &deepest_first);
        let together = again.unwrap_or_else(|| self.since_common(&deepest_first));
        if settled == Some(together.past.history.count + together.tasks.len()) {
            let Together { past, tasks, .. } = together;
            return Basis::Settled(Arc::new(Unmerged { past, tasks }));
        }
        let meets = self.meetings.entry(node).or_default();
        let is_long = together.tasks.len() >= LONG && together.last.len() <= FEW;
        if together.met.is_some() || (meets.often && is_long) {
            return Basis::Past(self.meet(node, causes, together));
        }
        meets.often = true;
        self.let_all_go(causes);
        Basis::Past(self.extend(together.past, &together.tasks))
    }

    /// What is not used any more is not to be copied either.
    fn let_all_go(&mut self, causes: &[TaskNo]) {
        for &cause in causes {
            if self.lanes.used(cause) == 0 {
                self.slots[cause].past = None;
            }
        }
    }

    /// Merges, and keeps what is merged for when they meet again.
    fn meet(&mut self, node: NodeIndex, causes: &[TaskNo], together: Together<S>) -> Arc<Past<S>> {
        let Together {
            past, tasks, last, ..
        } = together;
        let line = |&no: &TaskNo| {
            let history = Arc::clone(self.seen(no).history());
            (history, (!self.slots[no].own).then_some(no))
        };
        let lines = last.iter().map(line).collect();
        let reached = last.iter().map(|&no| self.slots[no].depth).min();
        let depth = reached.max(together.met).unwrap_or_default();
        let n_within = tasks.partition_point(|&no| self.slots[no].depth <= depth);
        let (within, deeper) = tasks.split_at(n_within);
        self.let_all_go(causes);
        // Or else its state would be copied.
        self.meetings.entry(node).or_default().last = None;
        let past = self.extend(past, within);
        let all = self.extend(Arc::clone(&past), deeper);
        self.meetings.entry(node).or_default().last = Some(Meeting {
            lines,
            past,
            depth,
            fresh: true,
        });
        all
    }

    /// Rule 1.
    fn since_common(&self, causes: &[TaskNo]) -> Together<S> {
        let pasts = causes.iter().map(|&cause| self.seen(cause).past());
        let common = Past::common(pasts);
        let mut met = BTreeSet::new();
        let mut tasks = BTreeSet::new();
        let mut last = Vec::with_capacity(causes.len());
        for &cause in causes {
            let history = self.seen(cause).history();
            let own = self.slots[cause].own;
            let known = match own {
                true => met.contains(&Arc::as_ptr(history)),
                false => !tasks.insert(cause),
            };
            if !known {
                last.push(cause);
            }
            for history in history.since(&common.history) {
                if !met.insert(Arc::as_ptr(history)) {
                    break;
                }
                tasks.extend(history.added());
            }
        }
        Together {
            past: common,
            tasks: self.in_order(tasks),
            last,
            met: None,
        }
    }

    fn in_order(&self, tasks: BTreeSet<TaskNo>) -> Vec<TaskNo> {
        let mut tasks: Vec<TaskNo> = tasks.into_iter().collect();
        tasks.sort_by(|&a, &b| self.compare(a, b));
        tasks
    }

    /// Rule 2; nothing if others have met there than before, or nobody has.
    fn since_meeting(&self, node: NodeIndex, causes: &[TaskNo]) -> Option<Together<S>> {
        let meeting = self.meetings.get(&node)?.last.as_ref()?;
        let kept = &meeting.past.history;
        let mut come = vec![false; meeting.lines.len()];
        let mut met = BTreeSet::new();
        let mut tasks = BTreeSet::new();
        let mut last = Vec::with_capacity(causes.len());
        for &cause in causes {
            let slot = &self.slots[cause];
            let history = self.seen(cause).history();
            let known = match slot.own {
                true => met.contains(&Arc::as_ptr(history)),
                false => !meeting.take(cause, slot.depth, &mut come, &mut tasks)?,
            };
            if !known {
                last.push(cause);
            }
            if history.goes_on_from(kept) {
                come.fill(true);
                for history in history.since(kept) {
                    if !met.insert(Arc::as_ptr(history)) {
                        break;
                    }
                    tasks.extend(history.added());
                }
                continue;
            }
            let line = meeting.line_of(history, &mut come)?;
            let mut row = history.row();
            for history in row.by_ref() {
                if Arc::ptr_eq(history, line) {
                    break;
                }
                if !met.insert(Arc::as_ptr(history)) {
                    break;
                }
                for &no in history.added() {
                    meeting.take(no, self.slots[no].depth, &mut come, &mut tasks)?;
                }
            }
            let rest = line.row().take_while(|rest| rest.top > meeting.depth);
            for rest in rest {
                if !met.insert(Arc::as_ptr(rest)) {
                    break;
                }
                let added = rest.added().iter().rev();
                tasks.extend(added.take_while(|&&no| self.slots[no].depth > meeting.depth));
            }
        }
        come.iter().all(|&come| come).then(|| Together {
            past: Arc::clone(&meeting.past),
            tasks: self.in_order(tasks),
            last,
            met: Some(meeting.depth),
        })
    }
}

impl<S> Meeting<S> {
    /// Takes in a task that comes after one of the lines; nothing if it should have
    /// been merged before and was not, and else whether it is new.
    fn take(
        &self,
        no: TaskNo,
        depth: u64,
        come: &mut [bool],
        tasks: &mut BTreeSet<TaskNo>,
    ) -> Option<bool> {
        let line = self.lines.iter().position(|&(_, own)| own == Some(no));
        if let Some(line) = line {
            come[line] = true;
        }
        match (depth > self.depth, line) {
            (true, _) => Some(tasks.insert(no)),
            (false, Some(_)) => Some(false),
            (false, None) => None,
        }
    }

    /// One of the lines that a history goes on from; all of which have come then.
    fn line_of(&self, history: &Arc<History>, come: &mut [bool]) -> Option<&Arc<History>> {
        let mut found: Option<&Arc<History>> = None;
        for ((line, own), come) in self.lines.iter().zip(come) {
            if history.goes_on_from(line) {
                *come |= own.is_none();
                if found.is_none_or(|found| line.goes_on_from(found)) {
                    found = Some(line);
                }
            }
        }
        found
    }
}

/// Whether lines have met at a node, and what came of it.
pub(super) struct Meets<S> {
    often: bool,
    pub(super) last: Option<Meeting<S>>,
}

impl<S> Default for Meets<S> {
    fn default() -> Self {
        Self {
            often: false,
            last: None,
        }
    }
}
