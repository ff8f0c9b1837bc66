//! The policies a node runs under, as data.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::cache::CacheRule;
use super::limiter::Gates;
use super::{NodeError, Usage};

/// What may happen to a task around its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
    /// How many tasks of the node may be at work at once in a run.
    pub(crate) max_concurrency: Option<usize>,
    pub(crate) gates: Gates,
    pub(crate) cache: Option<CacheRule>,
    /// What each attempt reserves of the run's budget.
    pub(crate) reserves: Option<Usage>,
    pub(crate) defer: bool,
    pub(crate) destinations: Option<Vec<String>>,
    pub(crate) writes: Option<Vec<String>>,
    /// Names that the node had before.
    pub(crate) aliases: Vec<String>,
}

impl Policy {
    /// Whether something is done before an attempt begins.
    pub(crate) fn is_limited(&self) -> bool {
        self.max_concurrency.is_some()
            || !self.gates.is_empty()
            || self.cache.is_some()
            || self.reserves.is_some()
    }
}

/// How often a node is tried, how long to wait in between, and for which
/// errors.
///
/// By default, every error and every timeout is tried again, after 500 ms,
/// then after twice as long each time, up to a minute. A panic counts as an
/// error.
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
    when: Option<Condition>,
}

/// Whether to go on after an error.
type Condition = Arc<dyn Fn(&NodeError) -> bool + Send + Sync>;

impl Retry {
    /// At most `attempts` tries in all, the first included; 0 counts as 1.
    pub fn attempts(attempts: u32) -> Self {
        Self {
            attempts: attempts.max(1),
            delay: Duration::from_millis(500),
            factor: 2.0,
            max_delay: Duration::from_secs(60),
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

    /// Tries again only after errors for which `when` holds.
    pub fn when(mut self, when: impl Fn(&NodeError) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(when));
        self
    }

    /// The wait after that many failures, from 1.
    #[must_use]
    pub fn delay_after(&self, failures: u32) -> Duration {
        if self.delay.is_zero() {
            return Duration::ZERO; // even times infinity
        }
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.delay.as_secs_f64() * self.factor.powi(exponent);
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(self.max_delay)
            .min(self.max_delay)
    }

    /// Whether there is no attempt after this one, whatever it comes to.
    pub(crate) fn is_last(&self, attempt: u32) -> bool {
        attempt >= self.attempts
    }

    /// Whether to go on after `error`, the failure of attempt `attempt`.
    pub(crate) fn goes_on(&self, attempt: u32, error: &NodeError) -> bool {
        !self.is_last(attempt)
            && !error.is_hopeless()
            && self.when.as_ref().is_none_or(|when| when(error))
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("attempts", &self.attempts)
            .field("delay", &self.delay)
            .field("factor", &self.factor)
            .field("max_delay", &self.max_delay)
            .field("when", &self.when.as_ref().map(|_| ".."))
            .finish()
    }
}
