//! What a node may fail with.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::{BudgetExhausted, ExceedsBurst};

/// What a node returns when it can fail; see [`NodeError`].
pub type NodeResult<T> = Result<T, NodeError>;

/// The failure of a node: any error at all, or a text.
///
/// `?` and `into` make one of every [`std::error::Error`] that is `Send`, `Sync`
/// and `'static`, of text, of an `anyhow::Error` and of a boxed error, each with
/// its source; [`NodeError::msg`] makes one of whatever displays. For that it
/// is itself no [`std::error::Error`], and becomes a boxed one only by
/// [`into_error`](Self::into_error).
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

    /// Whether an attempt took longer than its node's `.timeout(..)`.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.is::<TimedOut>()
    }

    /// Whether the node panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.0.is::<Panicked>()
    }

    /// Whether another attempt would fail as well.
    pub(crate) fn is_hopeless(&self) -> bool {
        let mut error: Option<&(dyn Error + 'static)> = Some(&*self.0);
        while let Some(this) = error {
            if this.is::<ExceedsBurst>() || this.is::<BudgetExhausted>() {
                return true;
            }
            error = this.source();
        }
        false
    }

    /// The error inside, to be asked for its type or its source.
    #[must_use]
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }

    /// The error inside.
    #[must_use]
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        self.0
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
#[derive(Debug, thiserror::Error)]
#[error("it took longer than its timeout of {0:?}")]
pub(crate) struct TimedOut(pub(crate) Duration);
