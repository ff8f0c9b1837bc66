//! One chain of several.

use std::fmt;
use std::sync::Arc;

use super::ChainError;
use super::chain::{Chain, IntoChain, Running, Step};
use super::plan::Plan;
use super::scope::Scope;

/// One chain of several: the first whose condition holds, in the order in which
/// they are given.
///
/// # Examples
///
/// ```
/// use superstep::{always, branch, map};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sign = branch()
///     .when(|n: &i32| *n < 0, always("negative"))
///     .when(|n: &i32| *n > 0, always("positive"))
///     .otherwise(always("zero"));
/// assert_eq!(sign.invoke(-3).await?, "negative");
/// assert_eq!(sign.invoke(0).await?, "zero");
/// # Ok(())
/// # }
/// ```
#[must_use = "it is a chain once it has an `otherwise`"]
pub fn branch<I, O>() -> Branch<I, O> {
    Branch {
        ways: Vec::new(),
        plans: Vec::new(),
    }
}

/// Chains with conditions; see [`branch`].
#[must_use = "it is a chain once it has an `otherwise`"]
pub struct Branch<I, O> {
    ways: Vec<Way<I, O>>,
    plans: Vec<(String, Arc<Plan>)>,
}

struct Way<I, O> {
    applies: Box<dyn Fn(&I) -> bool + Send + Sync>,
    step: Arc<dyn Step<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Branch<I, O> {
    /// That chain, if the condition holds and none before did.
    pub fn when<R: IntoChain<I, Output = O>>(
        mut self,
        applies: impl Fn(&I) -> bool + Send + Sync + 'static,
        chain: R,
    ) -> Self {
        let chain = chain.into_chain();
        let applies = Box::new(applies);
        self.plans
            .push((format!("when {}", self.plans.len() + 1), chain.plan));
        self.ways.push(Way {
            applies,
            step: chain.step,
        });
        self
    }

    /// That chain, if no condition held.
    pub fn otherwise<R: IntoChain<I, Output = O>>(mut self, chain: R) -> Chain<I, O> {
        let chain = chain.into_chain();
        self.plans.push(("otherwise".to_owned(), chain.plan));
        let plan = Plan::Choice {
            label: "branch",
            ways: self.plans,
        };
        let chosen = Chosen {
            ways: self.ways,
            otherwise: chain.step,
        };
        Chain::new(chosen, plan.into())
    }
}

struct Chosen<I, O> {
    ways: Vec<Way<I, O>>,
    otherwise: Arc<dyn Step<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Step<I, O> for Chosen<I, O> {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        let mut ways = (1..).zip(&self.ways);
        let (name, step) = match ways.find(|(_, way)| (way.applies)(&input)) {
            Some((number, way)) => (Some(number), &way.step),
            None => (None, &self.otherwise),
        };
        let running = step.run(input, scope);
        Box::pin(async move {
            running.await.map_err(|error: ChainError| match name {
                Some(number) => error.within(format!("when {number}")),
                None => error.within("otherwise"),
            })
        })
    }
}

impl<I, O> fmt::Debug for Branch<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branch")
            .field("ways", &self.ways.len())
            .finish_non_exhaustive()
    }
}
