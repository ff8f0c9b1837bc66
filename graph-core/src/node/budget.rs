//! Budgets: what runs may use in all, reserved before it is used.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Cost, Ctx, Usage};

/// What one run, or several, may use in all: tokens, calls, money.
///
/// Work reserves what it may come to before it begins, by [`Ctx::reserve`] or
/// `node(f).reserves(..)`, and settles afterwards what it came to. Two that
/// work at the same time can therefore not both use what is left.
///
/// A budget is given to a run by `.budget(&budget)`. A clone counts into the
/// same sums, so that several runs can share one; a limit that is set on a
/// clone holds for that clone alone.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::{Budget, BudgetExhausted, Cost, OnFailure, RunError, Usage};
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Report {
///     #[reduce(Append)]
///     notes: Vec<String>,
/// }
///
/// async fn search(_: View<Report>, ctx: Ctx) -> NodeResult<ReportUpdate> {
///     let reserved = ctx.reserve(Usage::new().calls(1).tokens(2_000))?;
///     // .. the call is made, and says what it used:
///     reserved.settle(Usage::new().calls(1).tokens(1_234));
///     Ok(Report::update().notes("found"))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Report>::new("report")
///     .add_node("search", search)
///     .add_edge(START, "search")
///     .compile()?;
///
/// let budget = Budget::new().tokens(3_000).cost(Cost::whole(5));
/// graph.invoke(Report::update()).budget(&budget).await?;
/// assert_eq!(budget.used().tokens, 1_234);
/// assert_eq!(budget.left().tokens, Some(1_766));
///
/// let error = graph.invoke(Report::update()).budget(&budget).await.unwrap_err();
/// let RunError::Node { source, .. } = error else { panic!("{error}") };
/// let exhausted = source.downcast_ref::<BudgetExhausted>().expect("that is why");
/// assert_eq!((exhausted.what, exhausted.asked, exhausted.left), ("tokens", 2_000, 1_766));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use = "a budget bounds nothing until runs are given it"]
pub struct Budget {
    most: Left,
    sums: Arc<Mutex<Sums>>,
}

/// What is left of a budget, or the most that it allows; `None` where it has no
/// limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Left {
    /// Tokens.
    pub tokens: Option<u64>,
    /// Calls.
    pub calls: Option<u64>,
    /// Money.
    pub cost: Option<Cost>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    used: Usage,
    reserved: Usage,
}

impl Budget {
    /// A budget without limits yet, which only counts.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many tokens in all.
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.most.tokens = Some(tokens);
        self
    }

    /// At most so many calls in all.
    pub fn calls(mut self, calls: u64) -> Self {
        self.most.calls = Some(calls);
        self
    }

    /// At most so much money in all.
    pub fn cost(mut self, cost: Cost) -> Self {
        self.most.cost = Some(cost);
        self
    }

    /// What has been used, as far as it is settled.
    pub fn used(&self) -> Usage {
        self.sums.lock().used
    }

    /// What is reserved by work that has not settled yet.
    pub fn reserved(&self) -> Usage {
        self.sums.lock().reserved
    }

    /// What can still be reserved.
    #[must_use]
    pub fn left(&self) -> Left {
        let Sums { used, reserved } = *self.sums.lock();
        self.most.without(used + reserved)
    }

    /// Reserves so much, all of it or nothing. In a node it is
    /// [`Ctx::reserve`], which asks the run's budget.
    ///
    /// # Errors
    ///
    /// When less is left of one of them.
    pub fn reserve(&self, usage: impl Into<Usage>) -> Result<Reservation, BudgetExhausted> {
        let asked = usage.into();
        let mut sums = self.sums.lock();
        let left = self.most.without(sums.used + sums.reserved);
        left.allows(asked)?;
        sums.reserved = sums.reserved + asked;
        drop(sums);
        Ok(Reservation {
            sums: Some(Arc::clone(&self.sums)),
            asked,
            begun: true,
        })
    }
}

impl Left {
    fn without(self, usage: Usage) -> Self {
        let minus = |most: Option<u64>, n| most.map(|most| most.saturating_sub(n));
        let cost = self.cost.map(Cost::as_micros);
        Self {
            tokens: minus(self.tokens, usage.tokens),
            calls: minus(self.calls, usage.calls),
            cost: minus(cost, usage.cost.as_micros()).map(Cost::micros),
        }
    }

    fn allows(self, asked: Usage) -> Result<(), BudgetExhausted> {
        let cost = self.cost.map(Cost::as_micros);
        for (what, asked, left) in [
            ("tokens", asked.tokens, self.tokens),
            ("calls", asked.calls, self.calls),
            (COST, asked.cost.as_micros(), cost),
        ] {
            if let Some(left) = left.filter(|left| asked > *left) {
                return Err(BudgetExhausted { what, asked, left });
            }
        }
        Ok(())
    }
}

/// The same budget.
impl From<&Self> for Budget {
    fn from(budget: &Self) -> Self {
        budget.clone()
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sums { used, reserved } = *self.sums.lock();
        f.debug_struct("Budget")
            .field("most", &self.most)
            .field("used", &used)
            .field("reserved", &reserved)
            .finish()
    }
}

/// A part of a budget that is set aside, until it is settled.
///
/// Dropped without a word, it counts as used: a call that was cancelled or
/// timed out may have cost what it was to cost. Say
/// [`release`](Self::release) where it is known that nothing was used.
#[derive(Debug)]
#[must_use = "what is dropped counts as used"]
pub struct Reservation {
    /// None where there is no budget.
    sums: Option<Arc<Mutex<Sums>>>,
    asked: Usage,
    /// Whether the work has begun that it is for.
    begun: bool,
}

impl Reservation {
    /// What was reserved.
    pub fn usage(&self) -> Usage {
        self.asked
    }

    /// Counts what was used in place of what was reserved. It may be less, and
    /// it may be more, even more than is left: it was used all the same.
    pub fn settle(mut self, used: impl Into<Usage>) {
        self.close(used.into());
    }

    /// Gives everything back.
    pub fn release(mut self) {
        self.close(Usage::new());
    }

    /// The same, which counts as nothing until the work has begun.
    pub(crate) fn before_work(mut self) -> Self {
        self.begun = false;
        self
    }

    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    fn close(&mut self, used: Usage) {
        let Some(sums) = self.sums.take() else { return };
        let mut sums = sums.lock();
        sums.reserved = sums.reserved.minus(self.asked);
        sums.used = sums.used + used;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let used = if self.begun { self.asked } else { Usage::new() };
        self.close(used);
    }
}

/// What a cost is called.
const COST: &str = "cost";

/// A budget has less left than was asked of it. Nothing was reserved.
///
/// A node that fails with it, or with an error whose source it is, is not tried
/// again, whatever its retry policy says: nothing more will come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.clause())]
#[non_exhaustive]
pub struct BudgetExhausted {
    /// Of what: `tokens`, `calls` or `cost`.
    pub what: &'static str,
    /// How much was asked for; of a cost, in millionths.
    pub asked: u64,
    /// How much was left; of a cost, in millionths.
    pub left: u64,
}

impl BudgetExhausted {
    fn clause(&self) -> String {
        let Self { what, asked, left } = *self;
        if what == COST {
            let (asked, left) = (Cost::micros(asked), Cost::micros(left));
            return format!("a cost of {asked} was asked of a budget that has {left} left");
        }
        let asked = match asked {
            1 => format!("1 {} was", what.trim_end_matches('s')),
            _ => format!("{asked} {what} were"),
        };
        format!("{asked} asked of a budget that has {left} left")
    }
}

impl<C> Ctx<C> {
    /// Reserves so much of the run's budget, before it is used; see [`Budget`]
    /// for an example. Where the run has no budget, it always succeeds.
    ///
    /// # Errors
    ///
    /// When less is left; hand it on with `?`, or go on without the call.
    pub fn reserve(&self, usage: impl Into<Usage>) -> Result<Reservation, BudgetExhausted> {
        match self.budget() {
            Some(budget) => budget.reserve(usage),
            None => Ok(Reservation {
                sums: None,
                asked: usage.into(),
                begun: true,
            }),
        }
    }
}
