//! Where several tasks lead to one: it sees what each of them has.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::lanes::TaskNo;
use super::past::Past;
use super::view::{Basis, Unmerged};
use super::window::Window;
use crate::state::State;

impl<S: State, C: Send + Sync + 'static> Window<'_, '_, S, C> {
    /// What a task goes on from that these have led to.
    pub(super) fn basis_after_all(
        &mut self,
        causes: &[TaskNo],
        settled: Option<usize>,
    ) -> Basis<S> {
        let (past, mut tasks) = self.since_common(causes);
        tasks.sort_by(|&a, &b| self.compare(a, b));
        if settled == Some(past.history.count + tasks.len()) {
            return Basis::Settled(Arc::new(Unmerged { past, tasks }));
        }
        for &cause in causes {
            if self.lanes.used(cause) == 0 {
                self.slots[cause].past = None;
            }
        }
        Basis::Past(self.extend(past, &tasks))
    }

    /// The last past that all of these go on from, and what they have besides.
    fn since_common(&self, causes: &[TaskNo]) -> (Arc<Past<S>>, Vec<TaskNo>) {
        let pasts = causes.iter().map(|&cause| self.seen(cause).past());
        let common = Past::common(pasts);
        let mut met = BTreeSet::new();
        let mut tasks = Vec::with_capacity(causes.len());
        for &cause in causes {
            if !self.slots[cause].own {
                tasks.push(cause);
            }
            for history in self.seen(cause).history().since(&common.history) {
                if !met.insert(Arc::as_ptr(history)) {
                    break;
                }
                tasks.extend_from_slice(history.added());
            }
        }
        tasks.sort_unstable();
        tasks.dedup();
        (Arc::clone(common), tasks)
    }
}
