//! What a node can reach beside the state.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::id::{NodeName, TaskId};

/// The context of a run, and where in it this call stands.
///
/// Reads like a `&C`, the value given to `.context(..)`: clients, pools and
/// keys, which no state should hold.
pub struct Ctx<C = ()> {
    context: Arc<C>,
    names: Arc<[NodeName]>,
    place: Place,
}

/// Where a call of a node stands in its run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) node: u32,
    pub(crate) send: Option<u32>,
    pub(crate) superstep: u64,
    pub(crate) attempt: u32,
}

/// What an executor lends to a node's body, from which it makes a [`Ctx`] if
/// it takes one.
#[derive(Debug)]
pub(crate) struct Frame<'a, C> {
    pub(crate) context: &'a Arc<C>,
    pub(crate) names: &'a Arc<[NodeName]>,
    pub(crate) place: Place,
}

impl<C> Frame<'_, C> {
    pub(crate) fn ctx(&self) -> Ctx<C> {
        Ctx {
            context: Arc::clone(self.context),
            names: Arc::clone(self.names),
            place: self.place,
        }
    }
}

impl<C> Ctx<C> {
    /// A context outside any run, to call a node function in a test: node
    /// `test`, superstep 1, attempt 1; see [`View::new`](crate::View::new) for
    /// an example.
    #[must_use]
    pub fn new(context: C) -> Self {
        Self {
            context: Arc::new(context),
            names: Arc::new([NodeName::from("test")]),
            place: Place {
                node: 0,
                send: None,
                superstep: 1,
                attempt: 1,
            },
        }
    }

    /// The context itself, as a shared pointer that can outlive the call.
    #[must_use]
    pub fn context(&self) -> Arc<C> {
        Arc::clone(&self.context)
    }

    /// The name of the node that runs.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        &self.names[self.place.node as usize]
    }

    /// The task that runs: the node, and for a send its number.
    #[must_use]
    pub fn task(&self) -> TaskId {
        TaskId {
            node: self.node().clone(),
            send: self.place.send,
        }
    }

    /// The number of the superstep, from 1.
    #[must_use]
    pub fn superstep(&self) -> u64 {
        self.place.superstep
    }

    /// The number of the attempt, from 1; more under a retry policy.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.place.attempt
    }
}

impl<C> Clone for Ctx<C> {
    fn clone(&self) -> Self {
        Self {
            context: Arc::clone(&self.context),
            names: Arc::clone(&self.names),
            place: self.place,
        }
    }
}

impl<C> Deref for Ctx<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.context
    }
}

impl<C> fmt::Debug for Ctx<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx")
            .field("node", self.node())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
