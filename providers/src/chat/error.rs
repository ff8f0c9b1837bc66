//! Why a model did not answer.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use superstep_core::Retryable;

use super::usage::TokenUsage;

/// The longest piece of a body that an error keeps, in bytes.
const LONGEST_BODY: usize = 2048;

/// Why a model did not answer, and what the provider said.
///
/// Nothing in it, nor in how it is shown, holds a key.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use superstep::Retryable;
/// use superstep_providers::{ModelError, ModelErrorKind};
///
/// let wait = Some(Duration::from_secs(2));
/// let error = ModelError::new(ModelErrorKind::RateLimited { retry_after: wait }).status(429);
/// assert!(error.is_retryable());
/// assert_eq!(error.to_string(), "too many requests (status 429)");
/// ```
#[non_exhaustive]
pub struct ModelError {
    /// Why.
    pub kind: ModelErrorKind,
    /// The model that was asked.
    pub model: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// What the provider calls the error.
    pub code: Option<String>,
    /// What the provider says of it.
    pub message: Option<String>,
    /// What the provider knows the request by.
    pub request_id: Option<String>,
    /// The body of the answer, cut short.
    pub body: Option<String>,
    /// What it has used all the same, if the provider says so.
    pub usage: Option<TokenUsage>,
    /// Whether to ask again, if the provider says so: it then goes before the kind.
    pub should_retry: Option<bool>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why a model did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// There were too many requests, or tokens, in a time.
    RateLimited {
        /// How long the provider asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// What was paid for is used up.
    Quota,
    /// The provider cannot answer now.
    Overloaded {
        /// How long the provider asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// It took too long.
    Timeout(ModelPhase),
    /// The key is missing, wrong, or not for this.
    Auth,
    /// The request is wrong.
    BadRequest,
    /// The conversation is longer than the model can take in.
    ContextLength,
    /// Something in the conversation, or the answer, was not to be said.
    ContentFilter,
    /// The model would not answer.
    Refused,
    /// The answer is not what an answer looks like.
    Decode,
    /// The answer was cut off.
    Truncated,
    /// The provider could not be reached, or the connection broke.
    Transport,
    /// The model cannot do what the request asks for.
    Unsupported,
    /// The model was not set up as it has to be, and nothing was asked: it has no
    /// name, or a limiter that never gives what the request needs.
    Setup,
    /// Less is left of the run's budget than the call may use.
    Budget,
    /// Whoever asked does not want an answer any more.
    Cancelled,
    /// Requests are forbidden here: see [`forbid_requests`](super::forbid_requests).
    Forbidden,
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelPhase {
    /// To reach the provider.
    Connect,
    /// Until the answer began.
    FirstByte,
    /// Between two pieces of it.
    Idle,
    /// In all.
    Total,
}

impl ModelErrorKind {
    /// A word for programs to branch on; it stays as it is.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate-limited",
            Self::Quota => "quota",
            Self::Overloaded { .. } => "overloaded",
            Self::Timeout(_) => "timeout",
            Self::Auth => "auth",
            Self::BadRequest => "bad-request",
            Self::ContextLength => "context-length",
            Self::ContentFilter => "content-filter",
            Self::Refused => "refused",
            Self::Decode => "decode",
            Self::Truncated => "truncated",
            Self::Transport => "transport",
            Self::Unsupported => "unsupported",
            Self::Setup => "setup",
            Self::Budget => "budget",
            Self::Cancelled => "cancelled",
            Self::Forbidden => "forbidden",
        }
    }

    /// Whether the same request may be answered later, or by another.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::Timeout(_)
            | Self::Truncated
            | Self::Decode
            | Self::Transport => true,
            Self::Quota
            | Self::Auth
            | Self::BadRequest
            | Self::ContextLength
            | Self::ContentFilter
            | Self::Refused
            | Self::Unsupported
            | Self::Setup
            | Self::Budget
            | Self::Cancelled
            | Self::Forbidden => false,
        }
    }
}

impl fmt::Display for ModelErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RateLimited { .. } => "too many requests",
            Self::Quota => "what was paid for is used up",
            Self::Overloaded { .. } => "the provider cannot answer now",
            Self::Timeout(ModelPhase::Connect) => "the provider was not reached in time",
            Self::Timeout(ModelPhase::FirstByte) => "the answer did not begin in time",
            Self::Timeout(ModelPhase::Idle) => "the answer stopped coming",
            Self::Timeout(ModelPhase::Total) => "the answer was not complete in time",
            Self::Auth => "the key is missing or wrong",
            Self::BadRequest => "the provider refuses the request",
            Self::ContextLength => "the conversation is longer than the model can take in",
            Self::ContentFilter => "a content filter refuses it",
            Self::Refused => "the model refuses to answer",
            Self::Decode => "the answer cannot be read",
            Self::Truncated => "the answer was cut off",
            Self::Transport => "the connection failed",
            Self::Unsupported => "the model cannot do what was asked for",
            Self::Setup => "the model is not set up",
            Self::Budget => "the run's budget is used up",
            Self::Cancelled => "the request was cancelled",
            Self::Forbidden => "requests are forbidden here",
        })
    }
}

impl ModelError {
    /// An error of that kind.
    #[must_use]
    pub fn new(kind: ModelErrorKind) -> Self {
        Self {
            kind,
            model: None,
            status: None,
            code: None,
            message: None,
            request_id: None,
            body: None,
            usage: None,
            should_retry: None,
            source: None,
        }
    }

    /// The same, of that model.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The same, of that model if it is of none yet.
    pub(super) fn or_model(self, model: &str) -> Self {
        match &self.model {
            Some(_) => self,
            None => self.model(model),
        }
    }

    /// The same, with the HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same, with what the provider calls it.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The same, with what is to be said of it.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The same, with what the provider knows the request by.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// The same, with the body of the answer, of which the beginning is kept.
    #[must_use]
    pub fn body(mut self, body: &str) -> Self {
        let mut end = body.len().min(LONGEST_BODY);
        while !body.is_char_boundary(end) {
            end -= 1;
        }
        self.body = Some(body[..end].to_owned());
        self
    }

    /// The same, which has used that all the same.
    #[must_use]
    pub fn usage(mut self, usage: TokenUsage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// The same, of which the provider says whether to ask again, as in the header
    /// `x-should-retry`.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::Retryable;
    /// use superstep_providers::{ModelError, ModelErrorKind};
    ///
    /// let busy = ModelError::new(ModelErrorKind::Overloaded { retry_after: None });
    /// assert!(busy.is_retryable());
    /// assert!(!busy.should_retry(false).is_retryable());
    /// ```
    #[must_use]
    pub fn should_retry(mut self, should_retry: bool) -> Self {
        self.should_retry = Some(should_retry);
        self
    }

    /// The same, caused by another.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl ModelError {
    /// The same, caused by another if it has no cause yet.
    pub(super) fn or_caused_by(self, source: Self) -> Self {
        match &self.source {
            Some(_) => self,
            None => self.caused_by(source),
        }
    }
}

impl From<ModelErrorKind> for ModelError {
    fn from(kind: ModelErrorKind) -> Self {
        Self::new(kind)
    }
}

impl Retryable for ModelError {
    fn is_retryable(&self) -> bool {
        self.should_retry.unwrap_or_else(|| self.kind.may_pass())
    }

    fn retry_after(&self) -> Option<Duration> {
        match self.kind {
            ModelErrorKind::RateLimited { retry_after }
            | ModelErrorKind::Overloaded { retry_after } => retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(model) = &self.model {
            write!(f, "`{model}`: ")?;
        }
        write!(f, "{}", self.kind)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        let known = [
            self.status.map(|status| format!("status {status}")),
            self.code.as_ref().map(|code| format!("code `{code}`")),
            self.request_id.as_ref().map(|id| format!("request {id}")),
        ];
        let known: Vec<String> = known.into_iter().flatten().collect();
        match known.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", known.join(", ")),
        }
    }
}

/// As it is shown, its causes, and the body.
impl fmt::Debug for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        match &self.body {
            None => Ok(()),
            Some(body) => write!(f, "\n  body: {body}"),
        }
    }
}

impl Error for ModelError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
