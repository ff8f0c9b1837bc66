//! What a fallback is told of the failure that it is called for.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::NodeError;

/// Why a node failed for good, as its fallback finds it in
/// [`Ctx::failure`](crate::Ctx::failure).
///
/// Displays as the error's message and those of its causes, joined by colons.
/// Cloning it copies a pointer.
#[derive(Clone)]
pub struct Failure(Arc<Failed>);

struct Failed {
    error: NodeError,
    task: String,
    attempts: u32,
}

impl Failure {
    pub(crate) fn new(error: NodeError, task: String, attempts: u32) -> Self {
        Self(Arc::new(Failed {
            error,
            task,
            attempts,
        }))
    }

    /// The task that failed: `review` or `review/2`, as in [`Ctx::task`](crate::Ctx::task);
    /// where the node is a graph, the one inside it: `review/0/3/check` is `check`
    /// in superstep 3 of what `review` is.
    #[must_use]
    pub fn task(&self) -> &str {
        &self.0.task
    }

    /// How many attempts were made.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the last attempt ran into a timeout: see
    /// [`NodeError::is_timeout`].
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.error.is_timeout()
    }

    /// Whether the last attempt panicked: see [`NodeError::is_panic`].
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.0.error.is_panic()
    }

    pub(crate) fn is_permanent(&self) -> bool {
        self.0.error.is_permanent()
    }

    /// The last attempt's error, to be asked for its type or its source.
    #[must_use]
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.0.error.as_error()
    }

    /// The error's message, then those of its causes.
    pub fn messages(&self) -> impl Iterator<Item = String> {
        let error: &dyn Error = self.as_error();
        std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, message) in self.messages().enumerate() {
            let colon = if number == 0 { "" } else { ": " };
            write!(f, "{colon}{message}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("error", &self.0.error)
            .field("task", &self.task())
            .field("attempts", &self.attempts())
            .finish()
    }
}

/// A fallback failed, too.
#[derive(Debug, thiserror::Error)]
#[error("its fallback, called for `{first}`, failed")]
pub(crate) struct FallbackFailed {
    pub(crate) first: Failure,
    pub(crate) source: Box<dyn Error + Send + Sync>,
}
