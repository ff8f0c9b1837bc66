//! Limiters: what bounds tasks, also of several nodes, graphs and runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Usage;
use super::Zero;
#[cfg(feature = "rate-limit")]
use super::governed::Last;
use super::rate::Rate;
use super::rest::{Given, Lacks, Rest};
use crate::slots::Slots;

/// Bounds how many tasks are at work at once, and with the feature `rate-limit`
/// how many start in a time, over all nodes, graphs and runs that it is given to.
///
/// A clone is the same limiter: it has the same slots and rates. Make one for each
/// service that is called, and give it to every node that calls it, by
/// `node(f).limiter(&limiter)`. What is set on a clone holds for that clone
/// only.
///
/// # Ordering
///
/// A slot that comes free goes to whoever asked first, of those that then have
/// all they need. A task holds nothing while it waits, neither another limiter's
/// slot nor its run's: it takes all that it needs at the same time. So no task can
/// wait for another that waits for it, and a service that is slow holds up only
/// those who call it.
///
/// A task that needs several slots is passed by those that need only one of them,
/// while the others are taken. After 32 times it keeps what comes free from those
/// who asked later, a second at a time at first, so that it has its turn.
///
/// What a task has taken it gives back when its attempt ends. Between two
/// attempts it holds nothing, and lines up anew; a rate counts each attempt.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::Limiter;
/// use superstep::prelude::*;
///
/// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// # struct Report { #[reduce(Append)] notes: Vec<String> }
/// # async fn search(_: View<Report>) -> ReportUpdate { Report::update().notes("searched") }
/// # async fn rank(_: View<Report>) -> ReportUpdate { Report::update().notes("ranked") }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Limiter::new().max_concurrency(4);
/// let graph = StateGraph::<Report>::new("report")
///     .add_node("search", node(search).limiter(&model))
///     .add_node("rank", node(rank).limiter(&model))
///     .add_edge(START, ["search", "rank"])
///     .compile()?;
/// // However many runs there are, four calls at most are under way.
/// let run = graph.invoke(Report::update()).await?;
/// assert_eq!(run.state.notes, ["ranked", "searched"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use = "a limiter bounds nothing until nodes are given it"]
pub struct Limiter {
    slots: Option<Arc<Slots>>,
    pub(crate) rates: Vec<Arc<Rate>>,
    /// What the last of them was made of.
    #[cfg(feature = "rate-limit")]
    pub(super) last: Option<Last>,
    pub(crate) rest: Arc<Rest>,

    /// What is 0 of it, for those who judge the nodes that are given it.
    zeros: Vec<Zero>,
}

impl Limiter {
    /// A limiter that bounds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most tasks at work at once. `compile` finds nodes that are given a
    /// limiter that lets none.
    pub fn max_concurrency(mut self, tasks: usize) -> Self {
        self.slots = Some(Arc::new(Slots::new(tasks.max(1))));
        self.noted("Limiter::max_concurrency", tasks == 0)
    }

    /// Notes whether a number of it is 0.
    pub(super) fn noted(mut self, what: &'static str, is_zero: bool) -> Self {
        if is_zero {
            let why = "nothing would ever start";
            self.zeros.push(Zero { what, why });
        }
        self
    }

    /// Gives nothing to anybody for so long: for a service that says that it has
    /// nothing left. One rest is not added to another; the later end holds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use superstep::Limiter;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::time::pause();
    /// let service = Limiter::new();
    /// service.rest(Duration::from_secs(20));
    /// assert_eq!(service.rests_for(), Some(Duration::from_secs(20)));
    /// service.clone().acquire(1).await?; // after 20 s
    /// assert_eq!(service.rests_for(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rest(&self, wait: Duration) {
        self.rest.rest(wait);
    }

    /// How long it still gives nothing: see [`rest`](Self::rest).
    #[must_use]
    pub fn rests_for(&self) -> Option<Duration> {
        self.rest.left()
    }

    /// For how long it does not give so much, whatever its slots and rates: while it
    /// [rests](Self::rest), and when the service has said that [less is
    /// left](crate::Permit::calls_left).
    #[must_use]
    pub fn waits_for(&self, usage: impl Into<Usage>) -> Option<Duration> {
        self.rest.waits_for(&usage.into())
    }

    /// Takes so much of what is left.
    pub(crate) fn give(&self, usage: &Usage) -> Result<Given, Lacks<'_>> {
        self.rest.give(usage)
    }

    /// The slots, if there is a bound to them.
    pub(crate) fn slots(&self) -> Option<&Slots> {
        self.slots.as_deref()
    }
}

/// The same limiter.
impl From<&Self> for Limiter {
    fn from(limiter: &Self) -> Self {
        limiter.clone()
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.slots.as_ref().map(|slots| slots.n_free());
        f.debug_struct("Limiter")
            .field("free", &free)
            .field("rates", &self.rates)
            .finish()
    }
}

/// What the limiters of a node come to, each part once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gates {
    pub(crate) slots: Vec<Arc<Slots>>,
    pub(crate) rates: Vec<Arc<Rate>>,
    rests: Vec<Arc<Rest>>,

    pub(super) zeros: Vec<Zero>,
}

impl Gates {
    pub(crate) fn is_empty(&self) -> bool {
        self.rests.is_empty()
    }

    /// Takes so much of what is left of each, or of none.
    pub(crate) fn give(&self, usage: &Usage) -> Result<(), Lacks<'_>> {
        for (n, rest) in self.rests.iter().enumerate() {
            if let Err(lacks) = rest.give(usage) {
                self.rests[..n]
                    .iter()
                    .for_each(|rest| rest.take_back(usage));
                return Err(lacks);
            }
        }
        Ok(())
    }

    /// A part that were there twice would wait for itself.
    pub(super) fn add(&mut self, limiter: &Limiter) {
        add_once(&mut self.slots, limiter.slots.iter());
        add_once(&mut self.rates, limiter.rates.iter());
        add_once(&mut self.rests, [&limiter.rest].into_iter());

        self.zeros.extend_from_slice(&limiter.zeros);
    }
}

fn add_once<'a, T: 'a>(all: &mut Vec<Arc<T>>, more: impl Iterator<Item = &'a Arc<T>>) {
    for part in more {
        if !all.iter().any(|known| Arc::ptr_eq(known, part)) {
            all.push(Arc::clone(part));
        }
    }
}
