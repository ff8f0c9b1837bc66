//! What a task takes before an attempt begins, and gives back when it has ended.
//!
//! 1. An attempt needs a slot of its node, one of each limiter, one of the run, and
//!    one of each graph around it that is a node, where these are bounded; and each
//!    rate must have room for it.
//! 2. It takes all at the same time, and until then holds nothing, so that nobody
//!    waits for it. What is given back goes to whoever came first of those that
//!    then have all they need.
//! 3. Who needs several and was passed too often keeps what it needs from those who
//!    came later, but only for a while: who holds what it still waits for may, by
//!    what runs inside it, itself wait for what is kept.
//! 4. A rate's line has one at its head, who waits for the rate to have room.
//!    A rate is counted when all slots are there, so that the attempt begins in
//!    that instant; of several rates, one that has been counted stays so. Who
//!    has waited for a rate and then misses a slot keeps its place in line.
//! 5. Between two attempts nothing is held, but by functions on threads of their
//!    own that are still at work.
//! 6. What is called for a fallback takes slots of the node and of the run alone.
//!    A graph that is a node takes none of the run, and of graphs: its own tasks do.
//! 7. What the node reserves of the budget it reserves first, so that a task
//!    does not wait for what it will not be allowed; until the attempt begins,
//!    nothing of that is used.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, timeout};

use super::spans::OpenSpan;
use crate::compile::NodeIndex;
use crate::event::PhaseKind;
use crate::node::{
    Budget, ExceedsBurst, Given, Lacks, Limiter, NodeError, Policy, Rate, Reservation, Usage,
    UsedUp,
};
use crate::slots::{Held, InLine, Slots, ask};

/// For how long who was passed too often keeps from others what they could have;
/// twice as long each time after that.
const KEEPS: Duration = Duration::from_secs(1);

/// What bounds the tasks of one run, or of one inside it.
#[derive(Default)]
pub(super) struct RunLimits {
    /// What every task is bounded by, if there is anything.
    all: Option<Arc<Bounds>>,
    /// For nodes that say how many of their tasks may be, sorted.
    nodes: Vec<(NodeIndex, Slots)>,
    /// Whether it is a graph that is a node, whose task may hold something.
    inside: bool,
}

/// What the tasks of a run are bounded by, subgraphs included.
pub(super) struct Bounds {
    /// Of the run, and of each graph in it that says so: one for each task that may
    /// be at work at once.
    slots: Vec<Arc<Slots>>,
    budget: Option<Budget>,
}

impl RunLimits {
    pub(super) fn new(
        max_concurrency: Option<usize>,
        nodes: &[(NodeIndex, usize)],
        budget: Option<Budget>,
    ) -> Self {
        let slots: Vec<_> = slots_for(max_concurrency).collect();
        let any = !slots.is_empty() || budget.is_some();
        Self {
            all: any.then(|| Arc::new(Bounds { slots, budget })),
            nodes: slots_of(nodes),
            inside: false,
        }
    }

    /// Those of a graph that is a node, in a run bounded by that.
    pub(super) fn inside(
        around: Option<&Arc<Bounds>>,
        max_concurrency: Option<usize>,
        nodes: &[(NodeIndex, usize)],
    ) -> Self {
        let all = match max_concurrency {
            None => around.map(Arc::clone),
            Some(_) => {
                let before = around.into_iter().flat_map(|around| &around.slots);
                let slots = before.map(Arc::clone).chain(slots_for(max_concurrency));
                Some(Arc::new(Bounds {
                    slots: slots.collect(),
                    budget: around.and_then(|around| around.budget.clone()),
                }))
            }
        };
        Self {
            all,
            nodes: slots_of(nodes),
            inside: true,
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

    fn of_run(&self) -> impl Iterator<Item = &Slots> {
        let slots = self.all.iter().flat_map(|all| &all.slots);
        slots.map(AsRef::as_ref)
    }

    fn of(&self, node: NodeIndex) -> Option<&Slots> {
        let at = self.nodes.binary_search_by_key(&node, |&(node, _)| node);
        at.ok().map(|at| &self.nodes[at].1)
    }
}

fn slots_for(max_concurrency: Option<usize>) -> impl Iterator<Item = Arc<Slots>> {
    let most = max_concurrency.into_iter();
    most.map(|most| Arc::new(Slots::new(most)))
}

fn slots_of(nodes: &[(NodeIndex, usize)]) -> Vec<(NodeIndex, Slots)> {
    let slots = nodes.iter().map(|&(node, most)| (node, Slots::new(most)));
    slots.collect()
}

/// What an attempt holds, until this is dropped.
pub(super) struct Admitted {
    /// Also what goes on after the attempt has this, if there is anything.
    pub(super) held: Option<Arc<Held>>,
    _reservation: Option<Reservation>,
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
pub(super) async fn admit(
    limits: &RunLimits,
    policy: &Policy,
    node: NodeIndex,
    called: Called,
    span: &mut OpenSpan,
) -> Result<Admitted, NodeError> {
    let is_nodes = called != Called::Fallback;
    let reserves = policy.reserves.filter(|_| is_nodes);
    let mut reservation = match (reserves, limits.budget()) {
        (Some(usage), Some(budget)) => Some(budget.reserve(usage)?.before_work()),
        _ => None,
    };
    let gates = is_nodes.then_some(&policy.gates);
    let shared = gates.into_iter().flat_map(|gates| &gates.slots);
    let slots = limits.of(node).into_iter().chain(shared.map(AsRef::as_ref));
    let run = limits.of_run().filter(|_| called != Called::Graph);
    let slots: Vec<&Slots> = slots.chain(run).collect();
    let rates = gates.into_iter().flat_map(|gates| &gates.rates);
    let rates = rates.map(AsRef::as_ref);
    let start = Usage::new().calls(1);
    let rates: Vec<&Rate> = rates.filter(|rate| (rate.of)(&start) > 0).collect();
    if let Some(gates) = gates {
        left_of(|| gates.give(&start), || span.waits(PhaseKind::Limited)).await;
    }
    let held = match slots.is_empty() && rates.is_empty() {
        true => None,
        false => Some(Arc::new(all_of(&slots, rates, limits.inside, span).await)),
    };
    if let Some(reservation) = &mut reservation {
        reservation.begin();
    }
    Ok(Admitted {
        held,
        _reservation: reservation,
    })
}

/// What is given, once there is as much left; says so when it waits.
async fn left_of<'a, T>(give: impl Fn() -> Result<T, Lacks<'a>>, mut waits: impl FnMut()) -> T {
    loop {
        match give() {
            Ok(given) => return given,
            Err(lacks) => {
                waits();
                // Whichever comes first: it asks again.
                let _ = timeout(lacks.wait, lacks.bell).await;
            }
        }
    }
}

/// Takes one of each slot, and counts one for each rate.
async fn all_of(
    slots: &[&Slots],
    mut rates: Vec<&Rate>,
    inside: bool,
    span: &mut OpenSpan,
) -> Held {
    let mut before = None;
    loop {
        let lines = rates.iter().map(|rate| &rate.line);
        let all = slots.iter().copied().chain(lines);
        let mut held = match ask(all, inside, before.take()) {
            Ok(held) => held,
            Err(line) => {
                span.waits(PhaseKind::Queued);
                let before = used_up(&rates).total;
                let held = served(line).await;
                let UsedUp { total, until } = used_up(&rates);
                if let Some(until) = until {
                    span.was_limited(total.saturating_sub(before), until);
                }
                held
            }
        };
        let Some((full, wait)) = count(&mut rates) else {
            held.keep_only(slots.iter().copied());
            return held;
        };
        // Nothing but the head of the line is kept.
        held.keep_only([&full.line]);
        span.waits(PhaseKind::Limited);
        wait_for(full, wait).await;
        before = Some(held);
    }
}

/// Takes one of each slot, when all are there.
async fn one_of_each<'s>(
    slots: impl IntoIterator<Item = &'s Slots>,
    inside: bool,
    before: Option<Held>,
) -> Held {
    match ask(slots, inside, before) {
        Ok(held) => held,
        Err(line) => served(line).await,
    }
}

/// Waits in line.
async fn served(mut line: InLine) -> Held {
    let (mut keeps, mut first) = (KEEPS, 0);
    let mut until: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(held) = line.poll(cx) {
                return Poll::Ready(held);
            }
            match &mut until {
                Some(end) => {
                    ready!(end.as_mut().poll(cx));
                    if line.lets_go() {
                        until = None;
                        keeps = keeps.saturating_mul(2);
                        first += 1;
                    } else {
                        until = Some(Box::pin(sleep(keeps)));
                    }
                }
                None if line.is_called() => {
                    line.keep(first);
                    until = Some(Box::pin(sleep(keeps)));
                }
                None => return Poll::Pending,
            }
        }
    })
    .await
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

/// Waits at the head of the rate's line.
async fn wait_for(rate: &Rate, wait: Duration) {
    let begin = Instant::now();
    sleep(wait).await;
    let now = Instant::now();
    let mut used_up = rate.used_up.lock();
    used_up.total += now.saturating_duration_since(begin);
    used_up.until = Some(now);
}

fn used_up(rates: &[&Rate]) -> UsedUp {
    let all = rates.iter().map(|rate| *rate.used_up.lock());
    all.fold(UsedUp::default(), |all, one| UsedUp {
        total: all.total.saturating_add(one.total),
        until: all.until.max(one.until),
    })
}

/// Takes a slot of the limiter, if it has any.
pub(super) async fn slot_of(limiter: &Limiter) -> Option<Held> {
    // Who asks is at work, and may hold what others wait for.
    match limiter.slots() {
        None => None,
        Some(slots) => Some(one_of_each([slots], true, None).await),
    }
}

/// Takes so much of what is left, once the limiter does not rest, and then of its
/// rates, one after another.
pub(super) async fn take(limiter: &Limiter, usage: Usage) -> Result<Given, ExceedsBurst> {
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
    let given = left_of(|| limiter.give(&usage), || ()).await;
    for (rate, n) in wanted.into_iter().filter(|&(_, n)| n > 0) {
        // Who asks is at work, and may hold what others wait for.
        let _line = one_of_each([&rate.line], true, None).await;
        while let Err(wait) = rate.meter.take(n) {
            wait_for(rate, wait).await;
        }
    }
    Ok(given)
}
