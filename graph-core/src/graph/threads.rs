//! What a builder records of threads.

use std::sync::Arc;
use std::time::Duration;

use super::{Place, StateGraph};
use crate::checkpoint::{Checkpointer, DynCheckpointer};
use crate::node::IntoNames;
use crate::state::State;

/// How long a lease lasts unless it is renewed, which a run does as long as it
/// is alive.
const LEASE: Duration = Duration::from_secs(15);

/// How many threads are kept warm.
const MOST_WARM: usize = 16;

pub(crate) struct RecordedThreads {
    pub(crate) checkpointer: Option<Arc<dyn DynCheckpointer>>,
    pub(crate) lease: Duration,
    pub(crate) most_warm: usize,
    pub(crate) breakpoints: Vec<RecordedBreakpoint>,
}

/// Nodes before or after which runs stop.
pub(crate) struct RecordedBreakpoint {
    pub(crate) before: bool,
    pub(crate) nodes: Vec<String>,
    pub(crate) place: Place,
}

impl Default for RecordedThreads {
    fn default() -> Self {
        Self {
            checkpointer: None,
            lease: LEASE,
            most_warm: MOST_WARM,
            breakpoints: Vec::new(),
        }
    }
}

impl<S: State, C: Send + Sync + 'static> StateGraph<S, C> {
    /// Where the graph's threads are kept: in memory, in a file, in a
    /// database. Every run then names its thread.
    pub fn checkpointer(mut self, checkpointer: impl Checkpointer) -> Self {
        self.threads.checkpointer = Some(Arc::new(checkpointer));
        self
    }

    /// How long a thread stays busy after its run has died without a word; 15 s
    /// by default. A run that is alive renews its lease three times as often.
    #[track_caller]
    pub fn lease(mut self, lasts: Duration) -> Self {
        self.threads.lease = lasts.max(Duration::from_millis(1));
        let is_zero = lasts.is_zero();
        self.noted("lease", "no run would hold its thread", is_zero)
    }

    /// How many threads the graph keeps in memory as their last runs left them; 16
    /// by default. A new input on one of these does not read it again, if nobody
    /// else has written to it since. Each holds a whole state; 0 keeps none.
    pub fn warm_threads(mut self, threads: usize) -> Self {
        self.threads.most_warm = threads;
        self
    }

    /// Stops runs before a superstep that has one of these nodes; `proceed`
    /// goes on. Where the graph is a node, the run around it stops, if it has a
    /// thread.
    #[track_caller]
    pub fn interrupt_before(self, nodes: impl IntoNames) -> Self {
        self.breakpoint(true, nodes.into_names())
    }

    /// Stops runs after a superstep that had one of these nodes, unless nothing
    /// is left to run; `proceed` goes on. Where the graph is a node, it stops also
    /// if nothing is left in the graph itself.
    #[track_caller]
    pub fn interrupt_after(self, nodes: impl IntoNames) -> Self {
        self.breakpoint(false, nodes.into_names())
    }

    #[track_caller]
    fn breakpoint(mut self, before: bool, nodes: Vec<String>) -> Self {
        let place = self.place_here();
        self.threads.breakpoints.push(RecordedBreakpoint {
            before,
            nodes,
            place,
        });
        self
    }
}
