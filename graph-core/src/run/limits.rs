//! What a task takes before an attempt begins, and gives back when it has ended.
//!
//! 1. An attempt needs a slot of its node, one of each limiter, and one of the
//!    run, where these are bounded; and each rate must have room for it.
//! 2. It takes all at the same time. While one is missing it waits for that
//!    one alone and holds nothing, so that nobody waits for it.
//! 3. Everything that is waited for has a line, first come, first served. Of
//!    several that are missing, the node's own comes first, then the limiters'
//!    as they were given, then the run's, then the rates.
//! 4. A rate's line has one at its head, who waits for the rate to have room.
//!    A rate is counted when all slots are there, so that the attempt begins in
//!    that instant; of several rates, one that has been counted stays so.
//! 5. Between two attempts nothing is held.
//! 6. What is called for a fallback takes slots of the node and of the run alone.
//!    A graph that is a node takes none of the run: its own tasks do.
//! 7. What the node reserves of the budget it reserves first, so that a task
//!    does not wait for what it will not be allowed; until the attempt begins,
//!    nothing of that is used.

use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::compile::NodeIndex;
use crate::node::{Budget, ExceedsBurst, Limiter, NodeError, Policy, Rate, Reservation, Usage};

/// What bounds the tasks of one run, or of one inside it.
#[derive(Default)]
pub(super) struct RunLimits {
    /// What every task is bounded by, if there is anything.
    all: Option<Arc<Bounds>>,
    /// For nodes that say how many of their tasks may be, sorted.
    nodes: Vec<(NodeIndex, Semaphore)>,
}

/// What the tasks of a run are bounded by, subgraphs included.
pub(super) struct Bounds {
    /// One permit for each task that may be at work at once.
    permits: Option<Semaphore>,
    budget: Option<Budget>,
}

impl RunLimits {
    pub(super) fn new(
        max_concurrency: Option<usize>,
        nodes: &[(NodeIndex, usize)],
        budget: Option<Budget>,
    ) -> Self {
        let permits = max_concurrency.map(slots);
        let any = permits.is_some() || budget.is_some();
        Self::inside(any.then(|| Arc::new(Bounds { permits, budget })), nodes)
    }

    /// Those of a graph that is a node, in a run bounded by that.
    pub(super) fn inside(all: Option<Arc<Bounds>>, nodes: &[(NodeIndex, usize)]) -> Self {
        let nodes = nodes.iter().map(|&(node, most)| (node, slots(most)));
        Self {
            all,
            nodes: nodes.collect(),
        }
    }

    pub(super) fn bounds(&self) -> Option<&Arc<Bounds>> {
        self.all.as_ref()
    }

    /// Whether a task of a node without policies is bounded by nothing.
    #[inline]
    pub(super) fn are_none(&self) -> bool {
        self.all.is_none()
    }

    pub(super) fn budget(&self) -> Option<&Budget> {
        self.all.as_ref()?.budget.as_ref()
    }

    fn permits(&self) -> Option<&Semaphore> {
        self.all.as_ref()?.permits.as_ref()
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
    _slots: Vec<Taken<'a>>,
    _reservation: Option<Reservation>,
}

/// A slot, or the head of a line, and whose it is.
struct Taken<'a> {
    of: &'a Semaphore,
    _permit: SemaphorePermit<'a>,
}

/// What is called in a task of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    Function,
    /// A graph that is a node.
    Graph,
    Fallback,
}

/// Returns once an attempt of a task of the node may begin.
///
/// # Cancel safety
///
/// Dropped before its end, it holds nothing.
///
/// # Errors
///
/// When the budget is exhausted.
pub(super) async fn admit<'a>(
    limits: &'a RunLimits,
    policy: &'a Policy,
    node: NodeIndex,
    called: Called,
) -> Result<Admitted<'a>, NodeError> {
    let is_nodes = called != Called::Fallback;
    let reserves = policy.reserves.filter(|_| is_nodes);
    let mut reservation = match (reserves, limits.budget()) {
        (Some(usage), Some(budget)) => Some(budget.reserve(usage)?.before_work()),
        _ => None,
    };
    let gates = is_nodes.then_some(&policy.gates);
    let shared = gates.into_iter().flat_map(|gates| &gates.slots);
    let slots = limits.of(node).into_iter().chain(shared.map(AsRef::as_ref));
    let permits = limits.permits().filter(|_| called != Called::Graph);
    let slots: Vec<&Semaphore> = slots.chain(permits).collect();
    let rates = gates.into_iter().flat_map(|gates| &gates.rates);
    let rates = rates.map(AsRef::as_ref);
    let start = Usage::new().calls(1);
    let rates: Vec<&Rate> = rates.filter(|rate| (rate.of)(&start) > 0).collect();
    let slots = all_of(&slots, rates).await;
    if let Some(reservation) = &mut reservation {
        reservation.begin();
    }
    Ok(Admitted {
        _slots: slots,
        _reservation: reservation,
    })
}

/// Takes one of each slot, and counts one for each rate.
async fn all_of<'a>(slots: &[&'a Semaphore], mut rates: Vec<&'a Rate>) -> Vec<Taken<'a>> {
    let mut first = None;
    loop {
        let lines = rates.iter().map(|rate| &rate.line);
        let all = slots.iter().copied().chain(lines);
        let mut taken = match at_once(all, first.take()) {
            Ok(taken) => taken,
            Err(missing) => {
                first = Some(one_of(missing).await);
                continue;
            }
        };
        let Some((full, wait)) = count(&mut rates) else {
            taken.truncate(slots.len());
            return taken;
        };
        // Nothing but the head of the line is kept.
        taken.retain(|taken| ptr::eq(taken.of, &full.line));
        first = taken.pop();
        tokio::time::sleep(wait).await;
    }
}

/// Takes one of each, of which one may be taken already, or else holds none and
/// says which is missing.
fn at_once<'a>(
    all: impl Iterator<Item = &'a Semaphore>,
    mut first: Option<Taken<'a>>,
) -> Result<Vec<Taken<'a>>, &'a Semaphore> {
    let mut taken = Vec::new();
    for of in all {
        taken.push(match first.take_if(|first| ptr::eq(first.of, of)) {
            Some(first) => first,
            None => Taken {
                of,
                _permit: of.try_acquire().map_err(|_| of)?,
            },
        });
    }
    Ok(taken)
}

/// Waits in line for one.
async fn one_of(of: &Semaphore) -> Taken<'_> {
    let permit = of.acquire().await;
    Taken {
        of,
        _permit: permit.expect("they are never closed"),
    }
}

/// Counts one for each rate, and takes those away that were counted; returns
/// the first that is full, and for how long.
fn count<'a>(rates: &mut Vec<&'a Rate>) -> Option<(&'a Rate, Duration)> {
    let mut full = None;
    rates.retain(|&rate| {
        if full.is_none() {
            full = rate.meter.take(1).err().map(|wait| (rate, wait));
        }
        full.is_some()
    });
    full
}

/// Takes so much of the limiter's rates, one after another.
pub(super) async fn take(limiter: &Limiter, usage: Usage) -> Result<(), ExceedsBurst> {
    let mut wanted = Vec::new();
    for rate in &limiter.rates {
        let (asked, burst) = ((rate.of)(&usage), rate.burst);
        match u32::try_from(asked) {
            Ok(n) if n <= burst => wanted.push((rate, n)),
            _ => {
                return Err(ExceedsBurst {
                    what: rate.what,
                    asked,
                    burst,
                });
            }
        }
    }
    for (rate, n) in wanted.into_iter().filter(|&(_, n)| n > 0) {
        let _line = one_of(&rate.line).await;
        while let Err(wait) = rate.meter.take(n) {
            tokio::time::sleep(wait).await;
        }
    }
    Ok(())
}
