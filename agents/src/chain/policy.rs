//! What is done around a chain: attempts, timeouts, other ways, failures as
//! values.
//!
//! In a stream, another attempt or another way is taken only while nothing was
//! told: nobody reads the beginning of one answer and the end of another.

use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, ready};
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use superstep_core::{CurrentAttempt, Retry};
use tokio::time::sleep;

use super::ChainError;
use super::chain::{Chain, IntoChain, Running, Step};
use super::plan::{Plan, Shape};
use super::scope::{Clock, Scope};
use super::time::Time;

impl<I: Send + 'static, O: Send + 'static> Chain<I, O> {
    /// Tries again after a failure, as the policy says.
    ///
    /// An error of a model says itself whether to try again, and after what wait; so
    /// do those that are [`NodeError::permanent`](superstep_core::NodeError) or ask
    /// for a wait. Wrong prompts are not tried again. Where the policy has
    /// [`jitter`](Retry::jitter), the chance is another one with each attempt.
    ///
    /// In a stream nothing is tried again once something was told. Whoever watches a
    /// run in which it is a node is told of all attempts, the second as `#2`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use superstep::{Reply, Retry, ScriptedModel, prompt, text};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let flaky = Reply::attempts([Reply::overloaded(), Reply::from("Oslo.")]);
    /// let model = ScriptedModel::new().otherwise(flaky).model();
    /// let ask = prompt("The capital of {country}?") | model | text();
    /// let chain = ask.retry(Retry::attempts(3).delay(Duration::ZERO));
    /// assert_eq!(chain.invoke("Norway").await?, "Oslo.");
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry(self, retry: Retry) -> Self
    where
        I: Clone,
    {
        let plan = Plan::policy("retry", &self.plan);
        let step = self.step;
        Self::new(Retried { step, retry }, plan)
    }

    /// Ends it with an error, and drops it, when it takes longer than that.
    ///
    /// The time stands still while all of it waits for its turn, since as much is at
    /// work in the call as may be, and while whoever reads is elsewhere: whoever reads
    /// the pieces of a [`stream`](Self::stream), or the events of the run that it is in.
    pub fn timeout(self, timeout: Duration) -> Self {
        let plan = Plan::policy("timeout", &self.plan);
        let step = self.step;
        Self::new(Timed { step, timeout }, plan)
    }

    /// The most models and steps at work at once in it, each time that it runs; 0
    /// counts as 1. A bound of what it is part of holds as well.
    ///
    /// Its own calls and batches take that for theirs, in place of 100, unless they
    /// set one, and so does the node that it is by
    /// [`chain_node`](super::chain_node): it comes last, then.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{ScriptedModel, list, prompt, text};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = ScriptedModel::new().on("Name", "a, b, c").otherwise("It is large.").model();
    /// let names = prompt("Name {what}") | &model | list();
    /// let facts = prompt("A fact about {name}") | &model | text();
    /// // However many names there are, the service is asked twice at once.
    /// let chain = names | facts.each().max_concurrency(2);
    /// assert_eq!(chain.invoke("planets").await?.len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_concurrency(self, at_once: usize) -> Self {
        let at_once = at_once.max(1);
        let plan = Plan::policy("max_concurrency", &self.plan);
        let step = self.step;
        Self {
            at_once,
            ..Self::new(Bounded { step, at_once }, plan)
        }
    }

    /// Takes another way when it has failed, with the same input. When that fails
    /// as well, the error tells of both.
    ///
    /// In a stream no other way is taken once something was told.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{ModelErrorKind, ScriptedModel, prompt, text};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broken = ScriptedModel::new().otherwise(ModelErrorKind::Quota).model();
    /// let other = ScriptedModel::new().otherwise("Oslo.").model();
    /// let ask = |model| prompt("The capital of {country}?") | model | text();
    ///
    /// let chain = ask(broken.clone()).fallback(ask(other));
    /// assert_eq!(chain.invoke("Norway").await?, "Oslo.");
    ///
    /// let error = ask(broken.clone()).fallback(ask(broken)).invoke("Norway").await.unwrap_err();
    /// assert_eq!(error.others().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fallback<R: IntoChain<I, Output = O>>(self, other: R) -> Self
    where
        I: Clone,
    {
        let other = other.into_chain();
        let ways = [("first", &self.plan), ("else", &other.plan)];
        let ways = ways.map(|(name, plan)| (name.to_owned(), Arc::clone(plan)));
        let plan = Plan::Choice {
            label: "fallback",
            ways: ways.into(),
        };
        let ways = [self.step, other.step];
        Self::new(Fallen { ways }, plan.into())
    }

    /// Makes a failure a value: a chain that does not fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use superstep::{Reply, ScriptedModel, Settled, parallel, prompt, text};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = ScriptedModel::new().on("slow", Reply::never()).otherwise("quick").model();
    /// let ask = |words: &str| prompt(words) | model.clone() | text();
    /// let chain = parallel! {
    ///     quick: ask("{x}").settle(),
    ///     slow: ask("slow {x}").timeout(Duration::from_secs(1)).settle(),
    /// };
    /// let record = chain.invoke("x").await?;
    /// assert_eq!(record.quick.done(), Some("quick".into()));
    /// assert!(matches!(record.slow, Settled::TimedOut(_)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn settle(self) -> Chain<I, Settled<O>> {
        let plan = Plan::Policy {
            label: "settle",
            of: self.plan,
            gives: Some(Shape::Any),
        };
        Chain::new(Settling(self.step), plan.into())
    }
}

/// What a chain has come to that does not fail; see [`Chain::settle`].
///
/// As JSON what is done is its value, and a failure an object:
/// `{"failed": "no answer"}` or `{"timed_out": "…"}`.
#[derive(Clone)]
#[must_use = "it may hold an error"]
pub enum Settled<T> {
    /// It has come to that.
    Done(T),
    /// It has failed.
    Failed(ChainError),
    /// It took longer than its timeout.
    TimedOut(ChainError),
}

impl<T> Settled<T> {
    /// What it has come to, unless it has failed.
    #[must_use]
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::Failed(_) | Self::TimedOut(_) => None,
        }
    }

    /// Why it has come to nothing, if it has.
    #[must_use]
    pub fn error(&self) -> Option<&ChainError> {
        match self {
            Self::Done(_) => None,
            Self::Failed(error) | Self::TimedOut(error) => Some(error),
        }
    }

    /// As a result.
    ///
    /// # Errors
    ///
    /// Why it has come to nothing.
    pub fn into_result(self) -> Result<T, ChainError> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Failed(error) | Self::TimedOut(error) => Err(error),
        }
    }
}

impl<T> From<Result<T, ChainError>> for Settled<T> {
    fn from(result: Result<T, ChainError>) -> Self {
        match result {
            Ok(value) => Self::Done(value),
            Err(error) if error.is_timeout() => Self::TimedOut(error),
            Err(error) => Self::Failed(error),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Settled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(value) => f.debug_tuple("Done").field(value).finish(),
            Self::Failed(error) => write!(f, "Failed({})", error.chain()),
            Self::TimedOut(error) => write!(f, "TimedOut({})", error.chain()),
        }
    }
}

impl<T: Serialize> Serialize for Settled<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, error) = match self {
            Self::Done(value) => return value.serialize(serializer),
            Self::Failed(error) => ("failed", error),
            Self::TimedOut(error) => ("timed_out", error),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(key, &error.chain())?;
        map.end()
    }
}

struct Retried<I, O> {
    step: Arc<dyn Step<I, O>>,
    retry: Retry,
}

impl<I: Clone + Send + 'static, O: Send + 'static> Step<I, O> for Retried<I, O> {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        let running = self.step.run(input.clone(), scope);
        let told = scope.told();
        Box::pin(async move {
            let around = CurrentAttempt::get();
            let mut attempt = 1;
            let mut ended = around.inside(&self.retry, attempt).scope(running).await;
            loop {
                let error = match ended {
                    Err(error) if scope.told() == told => error,
                    ended => return ended,
                };
                let next = self
                    .retry
                    .wait_after(attempt, error.into_node_error(), chance());
                let wait = next.map_err(ChainError::after_attempts)?;
                sleep(wait).await;
                attempt += 1;
                let again = scope.attempt(attempt);
                let running = self.step.run(input.clone(), &again);
                ended = around.inside(&self.retry, attempt).scope(running).await;
            }
        })
    }
}

/// A number from 0 to 1, another each time, so that those who failed at once do
/// not come back at once.
fn chance() -> f64 {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let mut hasher = DefaultHasher::new();
    DRAWN.fetch_add(1, Ordering::Relaxed).hash(&mut hasher);
    let of_1000 = u32::try_from(hasher.finish() % 1000).unwrap_or(500);
    f64::from(of_1000) / 1000.0
}

struct Timed<I, O> {
    step: Arc<dyn Step<I, O>>,
    timeout: Duration,
}

impl<I: Send + 'static, O: Send + 'static> Step<I, O> for Timed<I, O> {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        Box::pin(async move {
            let clock = scope.clock();
            let scope = scope.timed(&clock);
            let running = self.step.run(input, &scope);
            let ended = within(self.timeout, scope.time(), &clock, running).await;
            ended.unwrap_or_else(|| Err(ChainError::timed_out("timeout", self.timeout)))
        })
    }
}

/// What it comes to, unless the clock goes for longer than that before.
async fn within<O>(
    timeout: Duration,
    time: &Time,
    clock: &Clock,
    mut running: Running<'_, O>,
) -> Option<Result<O, ChainError>> {
    let mut left = timeout;
    let since = |begun| time.now().saturating_duration_since(begun);
    let mut begun = Some(time.now());
    let mut over = pin!(sleep(left));
    poll_fn(|cx| {
        if let Poll::Ready(ended) = running.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        if clock.stands() {
            if let Some(begun) = begun.take() {
                left = left.saturating_sub(since(begun));
            }
            // Whoever gives it its turn wakes it.
            return Poll::Pending;
        }
        let begun = *begun.get_or_insert_with(|| {
            over.set(sleep(left));
            time.now()
        });
        loop {
            ready!(over.as_mut().poll(cx));
            let rest = left.saturating_sub(since(begun));
            if rest.is_zero() {
                return Poll::Ready(None);
            }
            // It has stood still meanwhile.
            over.set(sleep(rest));
        }
    })
    .await
}

struct Bounded<I, O> {
    step: Arc<dyn Step<I, O>>,
    at_once: usize,
}

impl<I: Send + 'static, O: Send + 'static> Step<I, O> for Bounded<I, O> {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        Box::pin(async move {
            let scope = scope.bounded(self.at_once);
            self.step.run(input, &scope).await
        })
    }
}

struct Fallen<I, O> {
    ways: [Arc<dyn Step<I, O>>; 2],
}

impl<I: Clone + Send + 'static, O: Send + 'static> Step<I, O> for Fallen<I, O> {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, O> {
        let [first, other] = &self.ways;
        let told = scope.told();
        Box::pin(async move {
            let error = match first.run(input.clone(), scope).await {
                Err(error) if scope.told() == told => error,
                ended => return ended,
            };
            let scope = scope.below("else");
            let ended = other.run(input, &scope).await;
            ended.map_err(|last| ChainError::all(vec![error, last]))
        })
    }
}

struct Settling<I, O>(Arc<dyn Step<I, O>>);

impl<I: Send + 'static, O: Send + 'static> Step<I, Settled<O>> for Settling<I, O> {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, Settled<O>> {
        let running = self.0.run(input, scope);
        Box::pin(async move { Ok(running.await.into()) })
    }
}
