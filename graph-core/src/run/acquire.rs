//! What a body takes of a limiter, and what is at work without one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::limits::{slot_of, take};
use crate::node::{Ctx, ExceedsBurst, Given, LeftOf, Limiter, Rest, Usage};
use crate::slots::Held;

/// A slot of a [`Limiter`], until it is dropped: see [`Limiter::acquire`].
#[must_use = "dropped at once, it bounds nothing"]
pub struct Permit {
    _slot: Option<Held>,
    rest: Arc<Rest>,
    given: Given,
}

impl Permit {
    /// The service that was called says that it has so many calls left until so
    /// long from now: till then its limiter gives no more to anybody.
    ///
    /// What the limiter has given after this permit is taken off, since the service
    /// may not know of it yet. What is said to a later permit takes the place of
    /// what is said to an earlier one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use superstep::{Limiter, Usage};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::time::pause();
    /// let service = Limiter::new();
    /// let call = Usage::new().calls(1);
    /// let permit = service.acquire(call).await?;
    /// permit.calls_left(1, Duration::from_secs(20));
    /// drop(permit);
    /// assert_eq!(service.waits_for(call), None);
    /// drop(service.acquire(call).await?);
    /// assert_eq!(service.waits_for(call), Some(Duration::from_secs(20)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn calls_left(&self, calls: u64, wait: Duration) {
        self.rest.says(self.given, LeftOf::Calls, calls, wait);
    }

    /// As [`calls_left`](Self::calls_left), of tokens.
    pub fn tokens_left(&self, tokens: u64, wait: Duration) {
        self.rest.says(self.given, LeftOf::Tokens, tokens, wait);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

impl Limiter {
    /// Waits until the limiter has a slot and its rates have room, for what is no
    /// task of a graph, such as a client that several nodes share.
    ///
    /// A number is tokens; a call is `Usage::new().calls(1)`. The slot is held
    /// until the permit is dropped. A node that has the same limiter holds a slot
    /// of it already: what it calls must not wait for another.
    ///
    /// # Ordering
    ///
    /// First come, first served. The slot is held while the rates are full.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it holds no slot, and may have taken from some of
    /// several rates.
    ///
    /// # Errors
    ///
    /// When more is asked than the limiter gives at once: it would never come.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{Limiter, Usage};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let service = Limiter::new().max_concurrency(1);
    /// let permit = service.acquire(Usage::new().calls(1)).await?;
    /// assert!(format!("{service:?}").contains("free: Some(0)"));
    /// drop(permit);
    /// assert!(format!("{service:?}").contains("free: Some(1)"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn acquire(&self, usage: impl Into<Usage>) -> Result<Permit, ExceedsBurst> {
        let slot = slot_of(self).await;
        let given = take(self, usage.into()).await?;
        Ok(Permit {
            _slot: slot,
            rest: Arc::clone(&self.rest),
            given,
        })
    }
}

impl<C> Ctx<C> {
    /// Waits until the limiter's rates have room for so many tokens, or calls,
    /// of which only the body knows how many they are. A limiter has rates by
    /// the feature `rate-limit`.
    ///
    /// A number is tokens; `Usage::new().calls(1)` is a call, for a body that
    /// makes several. What the limiter has no rate for is not bounded. Slots
    /// are not taken: a body holds those of its node already.
    ///
    /// # Ordering
    ///
    /// First come, first served, also if a later one asks for less. The body is
    /// at work while it waits, and keeps its slots.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it may have taken from some of several rates.
    ///
    /// # Errors
    ///
    /// When more is asked than the limiter gives at once: it would never come.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::Limiter;
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Chat {
    ///     question: String,
    ///     answer: String,
    /// }
    ///
    /// async fn ask(chat: View<Chat>, model: Ctx<Limiter>) -> NodeResult<ChatUpdate> {
    ///     let tokens = chat.question.len() / 4 + 500; // what it may cost
    ///     model.acquire(&model, tokens as u64).await?;
    ///     Ok(Chat::update().answer("so it is"))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = Limiter::new().per_minute(500).tokens_per_minute(1_000);
    /// let graph = StateGraph::<Chat, Limiter>::new("chat")
    ///     .add_node("ask", node(ask).limiter(&model))
    ///     .add_edge(START, "ask")
    ///     .compile()?;
    /// let ask = |question: String| graph.invoke(Chat::update().question(question));
    /// let run = ask("is it so?".into()).context(model.clone()).await?;
    /// assert_eq!(run.state.answer, "so it is");
    ///
    /// let error = ask("why? ".repeat(4_000)).context(model).await.unwrap_err();
    /// let why = std::error::Error::source(&error).expect("it has a cause").to_string();
    /// assert_eq!(why, "5500 tokens were asked of a limiter that gives 1000 at once at the most");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn acquire(
        &self,
        limiter: &Limiter,
        usage: impl Into<Usage>,
    ) -> Result<(), ExceedsBurst> {
        take(limiter, usage.into()).await.map(drop)
    }
}
