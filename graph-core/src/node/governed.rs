//! Rates as governor measures them, on the runtime's clock.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::rate::{Meter, Rate};
use super::{Limiter, Usage};
use crate::slots::Slots;

/// What a rate counts, and how many of these there are.
type Unit = (&'static str, fn(&Usage) -> u64);

const CALLS: Unit = ("calls", |usage| usage.calls);
const TOKENS: Unit = ("tokens", |usage| usage.tokens);

/// What a rate was made of.
#[derive(Clone)]
pub(super) struct Last {
    unit: Unit,
    quota: Quota,
}

/// More in a second than one in each nanosecond cannot be told apart.
const MOST_A_SECOND: u32 = 1_000_000_000;

impl Limiter {
    /// At most so many starts of tasks in a second. Needs the feature
    /// `rate-limit`.
    ///
    /// Each attempt of a task is a start. Rates add up: of several, each holds.
    /// After a pause as many as the [`burst`](Self::burst) may start at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::Limiter;
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Report { #[reduce(Sum)] n: u32 }
    /// const FETCH: Worker<u32> = Worker::new("fetch");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::time::pause();
    /// let api = Limiter::new().per_second(5).burst(1).per_minute(100);
    /// let graph = StateGraph::<Report>::new("report")
    ///     .add_worker(FETCH, node(async |n: u32| Report::update().n(n)).limiter(&api))
    ///     .add_conditional_edges(
    ///         START,
    ///         |_: &Report| (0..11).map(|n| FETCH.send(n)).collect::<Vec<_>>(),
    ///         [FETCH],
    ///     )
    ///     .compile()?;
    /// let begin = tokio::time::Instant::now();
    /// let run = graph.invoke(Report::update()).await?;
    /// assert_eq!(run.state.n, 55);
    /// assert_eq!(begin.elapsed().as_secs(), 2); // ten gaps of 200 ms
    /// # Ok(())
    /// # }
    /// ```
    pub fn per_second(self, starts: u32) -> Self {
        self.rate(CALLS, per_second(starts))
            .noted("Limiter::per_second", starts == 0)
    }

    /// At most so many starts of tasks in a minute; see
    /// [`per_second`](Self::per_second).
    pub fn per_minute(self, starts: u32) -> Self {
        self.rate(CALLS, Quota::per_minute(at_least_one(starts)))
            .noted("Limiter::per_minute", starts == 0)
    }

    /// At most so many tokens in a second, as bodies take them by
    /// [`Ctx::acquire`](crate::Ctx::acquire).
    pub fn tokens_per_second(self, tokens: u32) -> Self {
        self.rate(TOKENS, per_second(tokens))
            .noted("Limiter::tokens_per_second", tokens == 0)
    }

    /// At most so many tokens in a minute, as bodies take them by
    /// [`Ctx::acquire`](crate::Ctx::acquire).
    pub fn tokens_per_minute(self, tokens: u32) -> Self {
        self.rate(TOKENS, Quota::per_minute(at_least_one(tokens)))
            .noted("Limiter::tokens_per_minute", tokens == 0)
    }

    /// How many may go at once after a pause, of the rate that was set last. By
    /// default as many as the rate allows in its time, of which
    /// twice as many may then go in the first second or minute: `burst(1)`
    /// spaces them evenly.
    pub fn burst(mut self, n: u32) -> Self {
        if let Some(Last { unit, quota }) = self.last.take() {
            self.rates.pop();
            self = self.rate(unit, quota.allow_burst(at_least_one(n)));
        }
        self.noted("Limiter::burst", n == 0)
    }

    fn rate(mut self, unit: Unit, quota: Quota) -> Self {
        self.last = Some(Last { unit, quota });
        self.rates.push(Arc::new(Rate {
            what: unit.0,
            of: unit.1,
            burst: quota.burst_size().get(),
            line: Slots::new(1),
            used_up: Mutex::default(),
            meter: Box::new(Governor::direct_with_clock(quota, SinceThen::now())),
        }));
        self
    }
}

fn per_second(n: u32) -> Quota {
    Quota::per_second(at_least_one(n.min(MOST_A_SECOND)))
}

fn at_least_one(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

type Governor = RateLimiter<NotKeyed, InMemoryState, SinceThen, NoOpMiddleware<Duration>>;

impl Meter for Governor {
    fn take(&self, n: u32) -> Result<(), Duration> {
        match self.check_n(at_least_one(n)) {
            Ok(Err(not_until)) => Err(not_until.wait_time_from(self.clock().now())),
            // More than the burst is refused before.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

/// The runtime's clock, which tests can pause, as the time since then.
#[derive(Debug, Clone)]
struct SinceThen(Instant);

impl SinceThen {
    fn now() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SinceThen {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
