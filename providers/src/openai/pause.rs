//! What a provider says of its limits in the headers of each answer: once
//! nothing is left, whoever asks next waits until there is something again.

use std::sync::Mutex;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use super::wait::duration;
use crate::{ModelError, ModelErrorKind};

/// Until when there is nothing left.
#[derive(Debug, Default)]
pub(super) struct Pause(Mutex<Option<Instant>>);

impl Pause {
    /// Takes in what an answer says.
    pub(super) fn learn(&self, headers: &HeaderMap) {
        let header = |name: String| headers.get(name)?.to_str().ok().map(str::trim);
        let waits = ["requests", "tokens"].into_iter().filter_map(|what| {
            let left = header(format!("x-ratelimit-remaining-{what}"))?;
            let left: f64 = left.parse().ok()?;
            let reset = header(format!("x-ratelimit-reset-{what}"))?;
            (left <= 0.0).then(|| duration(reset)).flatten()
        });
        let Some(end) = waits
            .max()
            .and_then(|wait| Instant::now().checked_add(wait))
        else {
            return;
        };
        let mut until = self.lock();
        *until = (*until).max(Some(end));
    }

    /// Returns when there is something left.
    ///
    /// # Errors
    ///
    /// When that takes longer than `most`.
    pub(super) async fn over(&self, most: Duration) -> Result<(), ModelError> {
        loop {
            let until = *self.lock();
            let now = Instant::now();
            let Some(until) = until.filter(|until| *until > now) else {
                return Ok(());
            };
            let wait = until - now;
            if wait > most {
                let kind = ModelErrorKind::RateLimited {
                    retry_after: Some(wait),
                };
                return Err(ModelError::new(kind).message("the provider has said so before"));
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        let locked = self.0.lock();
        locked.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
