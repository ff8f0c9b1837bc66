//! What a task takes before an attempt begins, and gives back when it has ended.
//!
//! 1. An attempt needs a slot of its node, one of each limiter, and one of the
//!    run, where these are bounded.
//! 2. It takes all at the same time. While one is missing it waits for that
//!    one alone and holds nothing, so that nobody waits for it.
//! 3. Everything that is waited for has a line, first come, first served. Of
//!    several that are missing, the node's own comes first, then the limiters'
//!    as they were given, the run's last.
//! 4. Between two attempts nothing is held.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::compile::NodeIndex;
use crate::node::Policy;

/// What bounds the tasks of one run.
#[derive(Default)]
pub(super) struct RunLimits {
    /// One permit for each task that may be at work at once.
    permits: Option<Semaphore>,
    /// For nodes that say how many of their tasks may be, sorted.
    nodes: Vec<(NodeIndex, Semaphore)>,
}

impl RunLimits {
    pub(super) fn new(max_concurrency: Option<usize>, nodes: &[(NodeIndex, usize)]) -> Self {
        let nodes = nodes.iter().map(|&(node, most)| (node, slots(most)));
        Self {
            permits: max_concurrency.map(slots),
            nodes: nodes.collect(),
        }
    }

    /// Whether a task of a node without policies is bounded by nothing.
    #[inline]
    pub(super) fn are_none(&self) -> bool {
        self.permits.is_none()
    }

    fn of(&self, node: NodeIndex) -> Option<&Semaphore> {
        let at = self.nodes.binary_search_by_key(&node, |&(node, _)| node);
        at.ok().map(|at| &self.nodes[at].1)
    }
}

fn slots(most: usize) -> Semaphore {
    Semaphore::new(most.min(Semaphore::MAX_PERMITS))
}

/// What an attempt holds, until this is dropped.
pub(super) struct Admitted<'a> {
    _slots: Vec<SemaphorePermit<'a>>,
}

/// Returns once an attempt of a task of the node may begin.
///
/// # Cancel safety
///
/// Dropped before its end, it holds nothing.
pub(super) async fn admit<'a>(
    limits: &'a RunLimits,
    policy: &'a Policy,
    node: NodeIndex,
) -> Admitted<'a> {
    let own = limits.of(node).into_iter();
    let gates = policy.gates.slots.iter().map(AsRef::as_ref);
    let slots: Vec<&Semaphore> = own.chain(gates).chain(&limits.permits).collect();
    Admitted {
        _slots: all_of(&slots).await,
    }
}

/// Takes one of each.
async fn all_of<'a>(slots: &[&'a Semaphore]) -> Vec<SemaphorePermit<'a>> {
    let mut waited = None;
    loop {
        match at_once(slots, waited.take()) {
            Ok(taken) => return taken,
            Err(missing) => waited = Some((missing, one_of(slots[missing]).await)),
        }
    }
}

/// Takes one of each, of which one is taken already, or else holds none and
/// says which is missing.
fn at_once<'a>(
    slots: &[&'a Semaphore],
    mut taken: Option<(usize, SemaphorePermit<'a>)>,
) -> Result<Vec<SemaphorePermit<'a>>, usize> {
    let mut all = Vec::with_capacity(slots.len());
    for (index, slots) in slots.iter().enumerate() {
        all.push(match taken.take_if(|(of, _)| *of == index) {
            Some((_, taken)) => taken,
            None => slots.try_acquire().map_err(|_| index)?,
        });
    }
    Ok(all)
}

async fn one_of(slots: &Semaphore) -> SemaphorePermit<'_> {
    slots.acquire().await.expect("slots are never closed")
}
