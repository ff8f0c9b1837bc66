//! Why a chain failed, and where.

use std::error::Error;
use std::fmt;
use std::iter::successors;
use std::sync::Arc;
use std::time::Duration;

use superstep_core::{NodeError, Retryable};
use superstep_providers::ModelError;

/// Why a chain failed, and where in it. Cloning it copies pointers.
///
/// It knows whether another attempt may succeed, and after what wait, as far as
/// what failed has said so.
///
/// # Examples
///
/// ```
/// use superstep::{ModelErrorKind, Retryable, ScriptedModel, parallel, passthrough, prompt, text};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let model = ScriptedModel::new().otherwise(ModelErrorKind::Auth).model();
/// let summary = prompt("Summarize {topic}") | model | text();
/// let chain = parallel! { summary: summary, topic: passthrough() };
///
/// let error = chain.invoke("space").await.unwrap_err();
/// assert_eq!(error.to_string(), "`summary | model` failed");
/// assert_eq!(error.branch(), Some("summary"));
/// assert_eq!(error.model_error().map(|error| &error.kind), Some(&ModelErrorKind::Auth));
/// assert!(!error.is_retryable());
/// # }
/// ```
#[derive(Clone)]
pub struct ChainError {
    /// From what failed outwards: the step, and what it is in.
    place: Vec<String>,
    cause: Arc<Cause>,
}

struct Cause {
    error: Box<dyn Error + Send + Sync>,
    permanent: bool,
    wait: Option<Duration>,
    /// What else had been tried, in order.
    others: Vec<ChainError>,
}

impl ChainError {
    pub(super) fn new(place: &str, error: impl Into<NodeError>) -> Self {
        let error = error.into();
        let (mut permanent, mut wait) = (error.is_permanent(), error.retry_after());
        let error = error.into_error();
        if let Some(says) = find::<ModelError>(&*error) {
            permanent |= !says.is_retryable();
            wait = wait.or(says.retry_after());
        } else if let Some(says) = find::<Self>(&*error) {
            permanent |= !says.is_retryable();
            wait = wait.or(says.retry_after());
        }
        Self {
            place: vec![place.to_owned()],
            cause: Arc::new(Cause {
                error,
                permanent,
                wait,
                others: Vec::new(),
            }),
        }
    }

    /// What no other attempt can mend.
    pub(super) fn permanent(place: &str, error: impl Into<NodeError>) -> Self {
        Self::new(place, NodeError::permanent(error))
    }

    pub(super) fn timed_out(place: &str, timeout: Duration) -> Self {
        Self::new(place, TimedOut(timeout))
    }

    /// None of several ways has led anywhere; the errors are in their order.
    pub(super) fn all(errors: Vec<Self>) -> Self {
        let flat: Vec<Self> = errors
            .into_iter()
            .flat_map(|error| match error.others() {
                [] => vec![error],
                others => others.to_vec(),
            })
            .collect();
        let words: Vec<String> = flat.iter().map(Self::chain).collect();
        let all = AllFailed {
            n_ways: flat.len(),
            words: words.join("; "),
        };
        Self {
            place: vec!["fallback".to_owned()],
            cause: Arc::new(Cause {
                error: all.into(),
                permanent: flat.iter().all(|error| error.cause.permanent),
                wait: flat.iter().find_map(|error| error.cause.wait),
                others: flat,
            }),
        }
    }

    /// What a policy of attempts has ended with.
    pub(super) fn after_attempts(error: NodeError) -> Self {
        let wait = error.retry_after();
        match error.into_error().downcast::<Self>() {
            Ok(error) => *error,
            Err(error) => match wait {
                Some(wait) => Self::new("retry", NodeError::retry_after(error, wait)),
                None => Self::new("retry", error),
            },
        }
    }

    /// The same, inside of that.
    pub(super) fn within(mut self, place: impl Into<String>) -> Self {
        self.place.push(place.into());
        self
    }

    /// Where it failed, from the outside in: `summary | model` is the model in
    /// the branch `summary`.
    #[must_use]
    pub fn place(&self) -> String {
        let place: Vec<&str> = self.place.iter().rev().map(String::as_str).collect();
        place.join(" | ")
    }

    /// The outermost branch, item or name that it failed in, if it is in one.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        match &self.place[..] {
            [] | [_] => None,
            [.., outermost] => Some(outermost),
        }
    }

    /// The model's error, if that is why.
    #[must_use]
    pub fn model_error(&self) -> Option<&ModelError> {
        find(&*self.cause.error)
    }

    /// Whether a part of the chain took longer than its
    /// [`timeout`](super::Chain::timeout).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.cause.error.is::<TimedOut>()
    }

    /// Where a [`fallback`](super::Chain::fallback) has failed as well: all
    /// errors, in the order in which the ways were tried. Else none.
    #[must_use]
    pub fn others(&self) -> &[Self] {
        &self.cause.others
    }

    /// The error as that of a node: it says whether to try again.
    #[must_use]
    pub fn into_node_error(self) -> NodeError {
        match self.cause.wait {
            _ if self.cause.permanent => NodeError::permanent(self),
            Some(wait) => NodeError::retry_after(self, wait),
            None => self.into(),
        }
    }

    /// The error and its causes in one line.
    pub(super) fn chain(&self) -> String {
        let first: &(dyn Error + 'static) = self;
        let chain = successors(Some(first), |&error| error.source());
        let words: Vec<_> = chain.map(ToString::to_string).collect();
        words.join(": ")
    }
}

/// The first error of that type, in an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

impl Retryable for ChainError {
    fn is_retryable(&self) -> bool {
        !self.cause.permanent
    }

    fn retry_after(&self) -> Option<Duration> {
        self.cause.wait
    }
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` failed", self.place())
    }
}

/// As it is shown, with its causes.
impl fmt::Debug for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for ChainError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause.error)
    }
}

/// A part of a chain took longer than it may.
#[derive(Debug, thiserror::Error)]
#[error("it took longer than its timeout of {0:?}")]
struct TimedOut(Duration);

/// No way has led anywhere.
#[derive(Debug, thiserror::Error)]
#[error("all {n_ways} ways failed: {words}")]
struct AllFailed {
    n_ways: usize,
    words: String,
}
