//! What tasks see: the updates of what led to them, in order.

use std::sync::Arc;

use super::lanes::TaskNo;
use crate::merge::Ephemerals;
use crate::state::State;

/// A state, and which updates it is made of: those of another past, and then
/// some that all come after these in the order of the run.
pub(super) struct Past<S> {
    /// None while it is merged.
    pub(super) state: Option<Arc<S>>,
    pub(super) ephemerals: Ephemerals,
    before: Before<S>,
    height: usize,
    added: Vec<TaskNo>,
    /// Of how many tasks it is made.
    pub(super) count: usize,
}

/// The past that another one goes on from. Long rows of these are dropped one by
/// one, and not inside each other.
struct Before<S>(Option<Arc<Past<S>>>);

impl<S> Drop for Before<S> {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut past) = next.and_then(|past| Arc::try_unwrap(past).ok()) {
            next = past.before.0.take();
        }
    }
}

impl<S: State> Past<S> {
    /// What has happened before all of it.
    pub(super) fn new(state: Arc<S>, ephemerals: Ephemerals) -> Self {
        Self {
            state: Some(state),
            ephemerals,
            before: Before(None),
            height: 0,
            added: Vec::new(),
            count: 0,
        }
    }

    /// The same, to which updates can be added. If nobody else has it, there is no
    /// copy.
    pub(super) fn extended(past: Arc<Self>, tasks: &[TaskNo]) -> Self {
        let mut extended = Arc::try_unwrap(past).unwrap_or_else(|past| Self {
            state: past.state.clone(),
            ephemerals: past.ephemerals.clone(),
            height: past.height + 1,
            added: Vec::new(),
            count: past.count,
            before: Before(Some(past)),
        });
        extended.added.extend_from_slice(tasks);
        extended.count += tasks.len();
        extended
    }

    /// The last past that all of these go on from.
    pub(super) fn common<'p>(mut pasts: impl Iterator<Item = &'p Arc<Self>>) -> &'p Arc<Self> {
        let first = pasts.next().expect("what led to a task has a past");
        pasts.fold(first, |mut one, mut other| {
            while !Arc::ptr_eq(one, other) {
                let higher = match one.height >= other.height {
                    true => &mut one,
                    false => &mut other,
                };
                let before = higher.before.0.as_ref();
                *higher = before.expect("all pasts of a window go on from its begin");
            }
            one
        })
    }

    /// What is seen by who goes on from it.
    pub(super) fn view(&self) -> Arc<S> {
        let state = self.state.as_ref();
        Arc::clone(state.expect("it is gone only while it is merged"))
    }

    /// Adds the tasks whose updates are in it and not in a past that it goes on
    /// from.
    pub(super) fn since(self: &Arc<Self>, before: &Arc<Self>, tasks: &mut Vec<TaskNo>) {
        let mut past = self;
        while !Arc::ptr_eq(past, before) {
            tasks.extend_from_slice(&past.added);
            let earlier = past.before.0.as_ref();
            past = earlier.expect("it goes on from it");
        }
    }
}
