//! One request and its answer: what the two ends of it tell each other past
//! async-openai, which hands over values alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::secrets::Secrets;
use crate::{ModelError, ModelErrorKind as Kind};

#[derive(Debug)]
pub(super) struct Exchange {
    /// What is sent comes piece by piece.
    pub(super) streams: bool,
    secrets: Secrets,
    status: OnceLock<u16>,
    request_id: OnceLock<String>,
    /// How long the provider asks to be left alone.
    retry_after: OnceLock<Duration>,
    /// Why the body cannot be read any further.
    broken: Mutex<Option<ModelError>>,
    /// Whether the provider has said that there is no more.
    done: AtomicBool,
    /// Whether somebody waits for more. The body is read while this holds, since
    /// what was read is kept in a queue that has no bound.
    wanted: AtomicBool,
    wants: Notify,
}

impl Exchange {
    pub(super) fn new(streams: bool, secrets: Secrets) -> Self {
        Self {
            streams,
            secrets,
            status: OnceLock::new(),
            request_id: OnceLock::new(),
            retry_after: OnceLock::new(),
            broken: Mutex::default(),
            done: AtomicBool::new(false),
            wanted: AtomicBool::new(true),
            wants: Notify::new(),
        }
    }

    /// What the head of the answer says.
    pub(super) fn answers(
        &self,
        status: u16,
        request_id: Option<&str>,
        retry_after: Option<Duration>,
    ) {
        let _ = self.status.set(status);
        if let Some(wait) = retry_after {
            let _ = self.retry_after.set(wait);
        }
        if let Some(id) = request_id {
            let _ = self.request_id.set(id.to_owned());
        }
    }

    /// The error, with what is known of the exchange, and without keys.
    pub(super) fn error(&self, mut error: ModelError) -> ModelError {
        error.status = error.status.or(self.status.get().copied());
        error.request_id = error.request_id.or(self.request_id.get().cloned());
        if let (Some(wait), Kind::RateLimited { retry_after } | Kind::Overloaded { retry_after }) =
            (self.retry_after.get(), &mut error.kind)
        {
            *retry_after = Some(*wait);
        }
        let hide = |text: Option<String>| text.map(|text| self.secrets.hide(&text));
        error.message = hide(error.message);
        error.body = hide(error.body);
        error
    }

    pub(super) fn breaks(&self, error: ModelError) {
        *self.broken() = Some(error);
    }

    pub(super) fn take_broken(&self) -> Option<ModelError> {
        self.broken().take()
    }

    fn broken(&self) -> MutexGuard<'_, Option<ModelError>> {
        let locked = self.broken.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn says_done(&self) {
        self.done.store(true, Ordering::Release);
    }

    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// Says whether more is wanted.
    pub(super) fn want(&self, more: bool) {
        self.wanted.store(more, Ordering::Release);
        if more {
            self.wants.notify_one();
        }
    }

    /// Returns once more is wanted.
    pub(super) async fn wanted(&self) {
        while !self.wanted.load(Ordering::Acquire) {
            self.wants.notified().await;
        }
    }
}
