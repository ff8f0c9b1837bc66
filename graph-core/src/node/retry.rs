//! How often a node is tried, how long to wait in between, and after which
//! errors.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Mark, NodeError};

/// How often a node is tried, how long to wait in between, and for which
/// errors.
///
/// By default, every error and every timeout is tried again, after 500 ms,
/// then after twice as long each time, up to a minute. A panic counts as an
/// error. Never tried again is what [`NodeError::permanent`] made, nor a
/// question: [`Ctx::interrupt`](crate::Ctx::interrupt) pauses its task.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use superstep::Retry;
///
/// let retry = Retry::attempts(4)
///     .delay(Duration::from_millis(100))
///     .factor(3.0)
///     .max_delay(Duration::from_millis(500));
/// let waits: Vec<_> = (1..4).map(|failed| retry.delay_after(failed).as_millis()).collect();
/// assert_eq!(waits, [100, 300, 500]);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Retry {
    attempts: u32,
    delay: Duration,
    factor: f64,
    max_delay: Duration,
    jitter: f64,
    max_retry_after: Duration,
    classes: Vec<Class>,
    when: Option<Condition>,
}

/// Whether to go on after an error.
type Condition = Arc<dyn Fn(&NodeError) -> bool + Send + Sync>;

/// What an error says, if it is of a certain type.
type Class = fn(&(dyn Error + 'static)) -> Option<Verdict>;

#[derive(Debug, Clone, Copy)]
struct Verdict {
    retryable: bool,
    /// The wait that is asked for.
    after: Option<Duration>,
}

impl Verdict {
    fn of(error: &impl Retryable) -> Self {
        Self {
            retryable: error.is_retryable(),
            after: error.retry_after(),
        }
    }
}

/// An error that knows whether it makes sense to try again; see
/// [`Retry::classify`].
pub trait Retryable {
    /// Whether another attempt may succeed.
    fn is_retryable(&self) -> bool;

    /// How long the other side asks to be left alone, as in HTTP's
    /// `Retry-After`.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// What [`NodeError::permanent`] and [`NodeError::retry_after`] said of it.
impl Retryable for NodeError {
    fn is_retryable(&self) -> bool {
        !self.is_permanent()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.asked_wait()
    }
}

impl Retry {
    /// At most `attempts` tries in all, the first included. `compile` finds
    /// those that are none.
    pub fn attempts(attempts: u32) -> Self {
        Self {
            attempts,
            delay: Duration::from_millis(500),
            factor: 2.0,
            max_delay: Duration::from_secs(60),
            jitter: 0.0,
            max_retry_after: Duration::from_secs(60),
            classes: Vec::new(),
            when: None,
        }
    }

    /// The wait after the first failure.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// By what each wait is longer than the one before; below 1 counts as 1.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor.max(1.0);
        self
    }

    /// The longest wait.
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = max_delay;
        self
    }

    /// Makes each wait longer or shorter by chance, by up to this fraction of
    /// it, from 0 to 1, so that many who failed at once do not come back at
    /// once. No wait is longer than [`max_delay`](Self::max_delay) for it.
    ///
    /// A wait that an error asks for is only made longer, up to
    /// [`max_retry_after`](Self::max_retry_after): many were told the same.
    ///
    /// The chance is drawn from the run's [`seed`](crate::Invocation::seed), the
    /// task, the superstep and the attempt: with the same seed, the waits are
    /// the same.
    pub fn jitter(mut self, fraction: f64) -> Self {
        self.jitter = if fraction > 0.0 {
            fraction.min(1.0)
        } else {
            0.0
        };
        self
    }

    /// Tries again only after errors for which `when` holds.
    pub fn when(mut self, when: impl Fn(&NodeError) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(when));
        self
    }

    /// Lets errors of type `E` say themselves whether to try again, and after
    /// what wait.
    ///
    /// Looked for is an `E` in the error and in its chain of sources; the first
    /// is obeyed. Several types can be named, one call each. For all other
    /// errors it is as before: [`when`](Self::when) decides, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use std::time::Duration;
    /// use superstep::Retryable;
    /// use superstep::prelude::*;
    ///
    /// #[derive(Debug)]
    /// struct HttpError(u16);
    ///
    /// impl Retryable for HttpError {
    ///     fn is_retryable(&self) -> bool {
    ///         self.0 == 429 || self.0 >= 500
    ///     }
    /// }
    ///
    /// impl std::error::Error for HttpError {}
    ///
    /// impl std::fmt::Display for HttpError {
    ///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    ///         write!(f, "the server says {}", self.0)
    ///     }
    /// }
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Page { text: String }
    /// async fn fetch(_: View<Page>, ctx: Ctx) -> Result<PageUpdate, HttpError> {
    ///     match ctx.attempt() {
    ///         1 => Err(HttpError(503)),
    ///         _ => Err(HttpError(404)),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let retry = Retry::attempts(9).delay(Duration::ZERO).classify::<HttpError>();
    /// let graph = StateGraph::<Page>::new("page")
    ///     .add_node("fetch", node(fetch).retry(retry))
    ///     .add_edge(START, "fetch")
    ///     .compile()?;
    /// let error = graph.invoke(Page::update()).await.unwrap_err();
    /// assert_eq!(error.to_string(), "node `fetch` failed in superstep 1, attempt 2");
    /// # Ok(())
    /// # }
    /// ```
    pub fn classify<E: Error + Retryable + 'static>(mut self) -> Self {
        self.classes
            .push(|error| error.downcast_ref::<E>().map(Verdict::of));
        self
    }

    /// The longest wait that an error may ask for, by
    /// [`NodeError::retry_after`] or by [`Retryable`]; 60 s by default. If it
    /// asks for more, the task fails at once, with an error that says so.
    pub fn max_retry_after(mut self, longest: Duration) -> Self {
        self.max_retry_after = longest;
        self
    }

    /// The wait after that many failures, from 1, without
    /// [`jitter`](Self::jitter).
    #[must_use]
    pub fn delay_after(&self, failures: u32) -> Duration {
        if self.delay.is_zero() {
            return Duration::ZERO; // even times infinity
        }
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let delay = self.delay.as_secs_f64() * self.factor.powi(exponent);
        bounded(delay, self.max_delay)
    }

    /// What follows the failure of an attempt, from 1: the wait before the next
    /// one, or the error, if there is no next one. For what is not a node, and
    /// tries again by itself.
    ///
    /// `chance`, from 0 to 1, is where in its [`jitter`](Self::jitter) the wait is:
    /// 0.5 is the computed one, and 0 the one that the error asks for.
    ///
    /// # Errors
    ///
    /// The error that ends it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use superstep::{NodeError, Retry};
    ///
    /// let retry = Retry::attempts(2).delay(Duration::from_secs(1));
    /// assert_eq!(retry.wait_after(1, "no answer", 0.5).unwrap(), Duration::from_secs(1));
    /// assert_eq!(retry.wait_after(2, "no answer", 0.5).unwrap_err().to_string(), "no answer");
    /// let error = NodeError::permanent("wrong key");
    /// assert!(retry.wait_after(1, error, 0.5).is_err());
    /// ```
    pub fn wait_after(
        &self,
        attempt: u32,
        error: impl Into<NodeError>,
        chance: f64,
    ) -> Result<Duration, NodeError> {
        self.next(attempt, error.into(), || chance)
    }

    /// How many attempts there are at most.
    pub(super) fn most(&self) -> u32 {
        self.attempts.max(1)
    }

    /// Whether there is no attempt at all.
    pub(crate) fn is_never(&self) -> bool {
        self.attempts == 0
    }

    /// Whether there is no attempt after this one, whatever it comes to.
    pub(crate) fn is_last(&self, attempt: u32) -> bool {
        attempt >= self.attempts
    }

    /// How long to wait after `error`, the failure of attempt `attempt`, or the
    /// error that ends the task. `draw` is asked for a number from 0 to 1 if
    /// chance has a say.
    pub(crate) fn next(
        &self,
        attempt: u32,
        error: NodeError,
        draw: impl FnOnce() -> f64,
    ) -> Result<Duration, NodeError> {
        if self.is_last(attempt) {
            return Err(error);
        }
        let Verdict { retryable, after } = self.judge(&error);
        match after {
            _ if !retryable => Err(error),
            Some(asked) if asked > self.max_retry_after => {
                let long = LongWait {
                    asked,
                    most: self.max_retry_after,
                    source: error.into_error(),
                };
                // Who tries again what this is inside of has to wait as long.
                Err(NodeError::from(long).with_mark(Some(Mark::RetryAfter(asked))))
            }
            Some(asked) if self.jitter == 0.0 => Ok(asked),
            Some(asked) => {
                let longest = self.max_retry_after;
                let factor = 1.0 + self.jitter * draw();
                Ok(bounded(asked.as_secs_f64() * factor, longest).max(asked))
            }
            None => {
                let delay = self.delay_after(attempt);
                if self.jitter == 0.0 {
                    return Ok(delay);
                }
                let factor = 1.0 + self.jitter * (2.0 * draw() - 1.0);
                Ok(bounded(delay.as_secs_f64() * factor, self.max_delay))
            }
        }
    }

    fn judge(&self, error: &NodeError) -> Verdict {
        let classified = self.classified(error.as_error());
        let says = match classified {
            Some(verdict) => verdict.retryable,
            None => self.when.as_ref().is_none_or(|when| when(error)),
        };
        Verdict {
            retryable: says && error.may_change(),
            after: error
                .asked_wait()
                .or(classified.and_then(|verdict| verdict.after)),
        }
    }

    fn classified(&self, error: &(dyn Error + 'static)) -> Option<Verdict> {
        if self.classes.is_empty() {
            return None;
        }
        std::iter::successors(Some(error), |&error| error.source())
            .find_map(|error| self.classes.iter().find_map(|class| class(error)))
    }
}

fn bounded(seconds: f64, longest: Duration) -> Duration {
    Duration::try_from_secs_f64(seconds)
        .unwrap_or(longest)
        .min(longest)
}

impl NodeError {
    /// Whether anything but this error can come of another attempt. A question
    /// that could not be asked, as there is no thread to wait on, never can.
    pub(crate) fn may_change(&self) -> bool {
        !self.is_permanent() && !self.is_of_question()
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("attempts", &self.attempts)
            .field("delay", &self.delay)
            .field("factor", &self.factor)
            .field("max_delay", &self.max_delay)
            .field("jitter", &self.jitter)
            .field("max_retry_after", &self.max_retry_after)
            .field("classes", &self.classes.len())
            .field("when", &self.when.as_ref().map(|_| ".."))
            .finish()
    }
}

/// An error asked for a longer wait than its node's policy allows.
#[derive(Debug, thiserror::Error)]
#[error(
    "it asks to wait {asked:?} before the next attempt, longer than the {most:?} that are waited at most"
)]
pub(crate) struct LongWait {
    asked: Duration,
    most: Duration,
    source: Box<dyn Error + Send + Sync>,
}
