//! What is kept of a task that has ended, for what it leads to.
//!
//! 1. Nothing, once all of that has started.
//! 2. A node that loops may come to a join any number of times before the join
//!    fires. The first time its past is kept, and then only histories that go on
//!    from that: no state is copied for those.
//! 3. What has come to a join again stands for what has come before, if it has
//!    that in its history.

use std::sync::Arc;

use super::lanes::TaskNo;
use super::past::Seen;
use super::window::Window;
use crate::state::State;

impl<S: State, C: Send + Sync + 'static> Window<'_, '_, S, C> {
    /// What a task has seen, that leads to something.
    pub(super) fn seen(&self, no: TaskNo) -> &Seen<S> {
        let seen = self.slots[no].past.as_ref();
        seen.expect("it is kept while it is used")
    }

    /// Something that a task leads to may be known now.
    pub(super) fn let_go(&mut self, no: TaskNo) {
        if self.lanes.used(no) == 0 {
            self.slots[no].past = None;
            return;
        }
        if self.lanes.waits_at_joins(no) {
            self.keep_history(no);
        }
    }

    /// Rule 2.
    fn keep_history(&mut self, no: TaskNo) {
        let Seen::Whole(past) = self.seen(no) else {
            return;
        };
        let node = self.slots[no].key.node;
        let first = self
            .come
            .get(&node)
            .and_then(|&first| self.slots.get(first));
        match first.and_then(|first| first.past.as_ref()) {
            Some(Seen::Whole(since)) if Arc::ptr_eq(past, since) => {}
            Some(Seen::Whole(since)) if past.goes_on_from(since) => {
                let (history, since) = (Arc::clone(&past.history), Arc::clone(since));
                self.slots[no].past = Some(Seen::Told { history, since });
            }
            _ => {
                self.come.insert(node, no);
            }
        }
    }

    /// Rule 3.
    pub(super) fn thin_joins(&mut self) {
        for (join, first, again) in self.lanes.take_again() {
            if self.has_seen(again, first) {
                self.lanes.forget(join, first);
                self.let_go(first);
            }
        }
    }

    /// Whether a task is in the history of another one that is kept.
    fn has_seen(&self, no: TaskNo, earlier: TaskNo) -> bool {
        let Some(seen) = &self.slots[no].past else {
            return false;
        };
        let depth = self.slots[earlier].depth;
        let mut tasks = seen.history().backwards();
        // Nobody needs those any more that all have who may meet.
        let is_before = |task| self.slots.get(task).is_none_or(|slot| slot.depth < depth);
        tasks
            .find(|&task| task == earlier || is_before(task))
            .is_some_and(|task| task == earlier)
    }
}
