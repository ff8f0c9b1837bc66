//! What tasks see: the updates of what led to them, in order.
//!
//! 1. A *history* says which updates: those of another one, and then some that
//!    all come after these in the order of the run. It holds no state, so that
//!    many can be kept.
//! 2. A *past* is a history with the state that it is made of. It goes on from
//!    another past, if somebody still has that one; its history goes on from that
//!    of the other.

use std::iter::successors;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lanes::TaskNo;
use crate::merge::Ephemerals;
use crate::state::State;

/// Which updates something is made of.
pub(super) struct History {
    before: Option<Arc<Self>>,
    /// How many there are before it.
    height: usize,
    added: Vec<TaskNo>,
    /// Of how many tasks it is made.
    pub(super) count: usize,
    /// The depth of the last of them.
    pub(super) top: u64,
}

/// Long rows of these are dropped one by one, and not inside each other.
impl Drop for History {
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(mut history) = next.and_then(Arc::into_inner) {
            next = history.before.take();
        }
    }
}

impl History {
    fn add(history: &mut Arc<Self>, tasks: &[TaskNo], top: u64) {
        debug_assert!(history.top < top, "what is added comes after all of it");
        if let Some(own) = Arc::get_mut(history) {
            own.added.extend_from_slice(tasks);
            own.count += tasks.len();
            own.top = top;
            return;
        }
        let before = Arc::clone(history);
        *history = Arc::new(Self {
            height: before.height + 1,
            added: tasks.to_vec(),
            count: before.count + tasks.len(),
            top,
            before: Some(before),
        });
    }

    /// It, and all those that it goes on from.
    pub(super) fn row(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        successors(Some(self), |history| history.before.as_ref())
    }

    /// It, and those that it goes on from, back to one of them, which is left
    /// out; the rest of the row if that is not among them.
    pub(super) fn since(self: &Arc<Self>, before: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        let height = before.height;
        self.row()
            .take_while(move |history| history.height > height)
    }

    /// Whether it is that one, or goes on from it.
    pub(super) fn goes_on_from(self: &Arc<Self>, before: &Arc<Self>) -> bool {
        let met = self.row().find(|history| history.height <= before.height);
        met.is_some_and(|history| Arc::ptr_eq(history, before))
    }

    /// What it adds to the one before it, in order.
    pub(super) fn added(&self) -> &[TaskNo] {
        &self.added
    }

    /// All its tasks, the last first; within a depth they may come in any order.
    pub(super) fn backwards(self: &Arc<Self>) -> impl Iterator<Item = TaskNo> {
        self.row()
            .flat_map(|history| history.added.iter().rev().copied())
    }
}

/// A history with its state.
pub(super) struct Past<S> {
    /// None while it is merged.
    pub(super) state: Option<Arc<S>>,
    pub(super) ephemerals: Ephemerals,
    pub(super) history: Arc<History>,
    /// Nobody waits for it: it is locked for no longer than it takes to follow it.
    before: Mutex<Option<Arc<Self>>>,
}

/// Long rows of these are dropped one by one, too.
impl<S> Drop for Past<S> {
    fn drop(&mut self) {
        let mut next = self.take_before();
        while let Some(mut past) = next.and_then(Arc::into_inner) {
            next = past.take_before();
        }
    }
}

impl<S> Past<S> {
    fn take_before(&mut self) -> Option<Arc<Self>> {
        let before = self.before.get_mut();
        before.unwrap_or_else(PoisonError::into_inner).take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Self>>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The past that it goes on from.
    fn before(&self) -> Option<Arc<Self>> {
        self.lock().clone()
    }

    /// Leaves out of the row before it what nobody else goes on from, with its
    /// state: no two pasts meet there.
    fn shorten(&self) {
        let mut next = self.shorten_by_one();
        while let Some(past) = next {
            next = past.shorten_by_one();
        }
    }

    /// The first before it that somebody else goes on from, too.
    fn shorten_by_one(&self) -> Option<Arc<Self>> {
        loop {
            let before = self.lock().take()?;
            let before = match Arc::try_unwrap(before) {
                Ok(mut alone) => alone.take_before(),
                Err(shared) => {
                    *self.lock() = Some(Arc::clone(&shared));
                    return Some(shared);
                }
            };
            *self.lock() = before;
        }
    }

    fn row(self: &Arc<Self>) -> impl Iterator<Item = Arc<Self>> {
        successors(Some(Arc::clone(self)), |past| past.before())
    }
}

impl<S: State> Past<S> {
    /// What has happened before all of a window that begins with this depth.
    pub(super) fn new(state: Arc<S>, ephemerals: Ephemerals, base: u64) -> Self {
        let history = History {
            before: None,
            height: 0,
            added: Vec::new(),
            count: 0,
            top: base - 1,
        };
        Self {
            state: Some(state),
            ephemerals,
            history: Arc::new(history),
            before: Mutex::new(None),
        }
    }

    /// The same, to which updates of tasks can be added, of which the last have
    /// this depth. If nobody else has it, there is no copy.
    pub(super) fn extended(past: Arc<Self>, tasks: &[TaskNo], top: u64) -> Self {
        let mut extended = Arc::try_unwrap(past).unwrap_or_else(|past| Self {
            state: past.state.clone(),
            ephemerals: past.ephemerals.clone(),
            history: Arc::clone(&past.history),
            before: Mutex::new(Some(past)),
        });
        extended.shorten();
        History::add(&mut extended.history, tasks, top);
        extended
    }

    /// The last past that all of these go on from.
    pub(super) fn common<'p>(mut pasts: impl Iterator<Item = &'p Arc<Self>>) -> Arc<Self> {
        let first = pasts.next().expect("what led to a task has a past");
        pasts.fold(Arc::clone(first), |mut one, other| {
            let mut other = Arc::clone(other);
            while !Arc::ptr_eq(&one, &other) {
                let higher = match one.history.height >= other.history.height {
                    true => &mut one,
                    false => &mut other,
                };
                let before = higher.before();
                *higher = before.expect("two pasts of a window go on from the same");
            }
            one
        })
    }

    /// Whether it is that one, or goes on from it.
    pub(super) fn goes_on_from(self: &Arc<Self>, before: &Arc<Self>) -> bool {
        let height = before.history.height;
        let met = self.row().find(|past| past.history.height <= height);
        met.is_some_and(|past| Arc::ptr_eq(&past, before))
    }

    /// What is seen by who goes on from it.
    pub(super) fn view(&self) -> Arc<S> {
        let state = self.state.as_ref();
        Arc::clone(state.expect("it is gone only while it is merged"))
    }
}

/// What a task has seen, as it is kept for what it leads to.
pub(super) enum Seen<S> {
    Whole(Arc<Past<S>>),
    /// Without its state, but with one that it can be made of.
    Told {
        history: Arc<History>,
        since: Arc<Past<S>>,
    },
}

impl<S> Seen<S> {
    pub(super) fn history(&self) -> &Arc<History> {
        match self {
            Self::Whole(past) => &past.history,
            Self::Told { history, .. } => history,
        }
    }

    /// The last past that there is of it.
    pub(super) fn past(&self) -> &Arc<Past<S>> {
        match self {
            Self::Whole(past) => past,
            Self::Told { since, .. } => since,
        }
    }
}
