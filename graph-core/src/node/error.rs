//! What a node may fail with.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::{BudgetExhausted, ExceedsBurst, Interrupted};

/// What a node returns when it can fail; see [`NodeError`].
pub type NodeResult<T> = Result<T, NodeError>;

/// The failure of a node: any error at all, or a text.
///
/// `?` and `into` make one of every [`std::error::Error`] that is `Send`, `Sync`
/// and `'static`, of text, of an `anyhow::Error` and of a boxed error, each with
/// its source; [`NodeError::msg`] makes one of whatever displays. For that it
/// is itself no [`std::error::Error`]; `?` and [`into_error`](Self::into_error) make
/// a boxed one of it.
///
/// # Examples
///
/// ```
/// use superstep::NodeResult;
///
/// fn parse(text: &str) -> NodeResult<u32> {
///     if text.is_empty() {
///         return Err("there is no number".into());
///     }
///     Ok(text.parse::<u32>()?)
/// }
///
/// assert_eq!(parse("").unwrap_err().to_string(), "there is no number");
/// assert_eq!(parse("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub struct NodeError(Box<dyn Error + Send + Sync>);

impl NodeError {
    /// An error that consists of a message, of whatever displays.
    pub fn msg(message: impl fmt::Display) -> Self {
        Self(message.to_string().into())
    }

    /// An error that is never tried again, whatever the node's
    /// [`Retry`](crate::Retry) says: a wrong key, a bad request.
    ///
    /// Its message, type and sources are those of `error`.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::NodeError;
    ///
    /// let error = NodeError::permanent("the key was revoked");
    /// assert!(error.is_permanent());
    /// assert_eq!(error.to_string(), "the key was revoked");
    /// ```
    pub fn permanent(error: impl Into<Self>) -> Self {
        Self::marked(error.into(), Mark::Permanent)
    }

    /// An error after which the other side asks for that wait, as in HTTP's
    /// `Retry-After`. Under a [`Retry`](crate::Retry) the next wait is that one,
    /// in place of the computed one, unless it is longer than
    /// [`max_retry_after`](crate::Retry::max_retry_after). It is never shorter;
    /// [`jitter`](crate::Retry::jitter) makes it longer.
    ///
    /// Its message, type and sources are those of `error`. The wait is read by
    /// [`Retryable::retry_after`](crate::Retryable::retry_after).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use superstep::{NodeError, Retryable};
    ///
    /// let error = NodeError::retry_after("too many requests", Duration::from_secs(3));
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    /// assert_eq!(error.to_string(), "too many requests");
    /// ```
    pub fn retry_after(error: impl Into<Self>, wait: Duration) -> Self {
        Self::marked(error.into(), Mark::RetryAfter(wait))
    }

    /// An error that fails its task even if that has asked what has no answer yet.
    /// Without it such a task pauses, whatever it fails with: for work that goes on
    /// beside a question, and whose failure no answer mends.
    ///
    /// Its message, type and sources are those of `error`, and whether to try again
    /// is said by it as before. What was asked is asked again by the next attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{Ctx, NodeError, NodeResult};
    ///
    /// async fn order(ctx: &Ctx, is_known: bool) -> NodeResult<u32> {
    ///     let amount = ctx.interrupt("amount", "how many?");
    ///     if !is_known {
    ///         return Err(NodeError::despite_questions("there is no such thing"));
    ///     }
    ///     Ok(amount?)
    /// }
    /// ```
    pub fn despite_questions(error: impl Into<Self>) -> Self {
        let error = error.into();
        let mark = error.mark();
        Self(Box::new(Marked {
            error: error.into_error(),
            mark,
            despite_questions: true,
        }))
    }

    /// Whether it was made by [`despite_questions`](Self::despite_questions).
    #[must_use]
    pub fn is_despite_questions(&self) -> bool {
        let marked = self.0.downcast_ref::<Marked>();
        marked.is_some_and(|marked| marked.despite_questions)
    }

    fn marked(error: Self, mark: Mark) -> Self {
        let despite_questions = error.is_despite_questions();
        Self(Box::new(Marked {
            error: error.into_error(),
            mark: Some(mark),
            despite_questions,
        }))
    }

    fn mark(&self) -> Option<Mark> {
        self.0.downcast_ref::<Marked>()?.mark
    }

    /// The error inside with what was said of it, for [`Mark::take`] to find.
    pub(crate) fn into_marked(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }

    /// The same error, of which that is said.
    pub(crate) fn with_mark(self, mark: Option<Mark>) -> Self {
        match mark {
            Some(mark) => Self::marked(self, mark),
            None => self,
        }
    }

    /// Whether another attempt would fail as well: it was made by
    /// [`permanent`](Self::permanent), or it is a [`BudgetExhausted`] or an
    /// [`ExceedsBurst`], or has one among its sources.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        let mut error: Option<&(dyn Error + 'static)> = Some(self.as_error());
        while let Some(this) = error {
            if this.is::<BudgetExhausted>() || this.is::<ExceedsBurst>() {
                return true;
            }
            error = this.source();
        }
        matches!(self.mark(), Some(Mark::Permanent))
    }

    /// Whether somebody was asked who cannot be, in the task or inside it.
    pub(crate) fn is_of_question(&self) -> bool {
        let error: &(dyn Error + 'static) = self.as_error();
        let mut causes = std::iter::successors(Some(error), |&error| error.source());
        causes.any(<dyn Error>::is::<Interrupted>)
    }

    /// The wait that it was made with.
    pub(super) fn asked_wait(&self) -> Option<Duration> {
        match self.mark()? {
            Mark::Permanent => None,
            Mark::RetryAfter(wait) => Some(wait),
        }
    }

    /// The error inside, to be asked for its type or its source.
    #[must_use]
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        match self.0.downcast_ref::<Marked>() {
            Some(marked) => &*marked.error,
            None => &*self.0,
        }
    }

    /// The error inside. That it was permanent, or asked for a wait, is not said
    /// of it any more.
    #[must_use]
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        match self.0.downcast::<Marked>() {
            Ok(marked) => marked.error,
            Err(error) => error,
        }
    }
}

/// What is said of an error beside what it says itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    Permanent,
    RetryAfter(Duration),
}

impl Mark {
    /// Takes off an error what was said of it, if it is as
    /// [`NodeError::into_marked`] has made it.
    pub(crate) fn take(error: &mut Box<dyn Error + Send + Sync>) -> Option<Self> {
        let mark = error.downcast_ref::<Marked>()?.mark;
        let marked = std::mem::replace(error, "".into());
        *error = NodeError(marked).into_error();
        mark
    }
}

/// An error with marks, which show in nothing that it prints.
struct Marked {
    error: Box<dyn Error + Send + Sync>,
    mark: Option<Mark>,
    despite_questions: bool,
}

impl Error for Marked {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Debug for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

/// Whatever converts into a boxed error: every [`std::error::Error`] that is
/// `Send`, `Sync` and `'static`, text, and `anyhow::Error`.
impl<E> From<E> for NodeError
where
    Self: FailureOf<E>,
{
    fn from(error: E) -> Self {
        Self::failure_of(error)
    }
}

/// That a node can fail with an `E`.
///
/// Asked of `NodeError` and not of `E`: the compiler then says what is written
/// here, where it would else say that an `E` has no trait `Into<NodeError>`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a node cannot fail with `{E}`",
    label = "neither text nor a `std::error::Error` that is `Send`, `Sync` and `'static`; of what displays make one by `NodeError::msg`",
    note = "in a `Result`: `.map_err(superstep::NodeError::msg)?`"
)]
pub trait FailureOf<E> {
    fn failure_of(error: E) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn Error + Send + Sync>>> FailureOf<E> for NodeError {
    fn failure_of(error: E) -> Self {
        Self(error.into())
    }
}

/// So that `?` works where a boxed error is returned, as in `main`.
impl From<NodeError> for Box<dyn Error> {
    fn from(error: NodeError) -> Self {
        error.into_error()
    }
}

/// The message of the error inside, without its source.
impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A node's body panicked.
#[derive(Debug, thiserror::Error)]
#[error("it panicked: {0}")]
pub(crate) struct Panicked(pub(crate) String);

/// An attempt took longer than its node allows.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum TimedOut {
    #[error("it took longer than its timeout of {0:?}")]
    Whole(Duration),
    #[error("it gave no sign of life for its idle timeout of {0:?}")]
    Idle(Duration),
}
