//! What a node may fail with.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What a node returns when it can fail.
///
/// Text is no error: write `Err(NodeError::msg("no answer"))`, and
/// `.map_err(NodeError::msg)?` where a function fails with text. Every
/// [`std::error::Error`] becomes a [`NodeError`] by `?`.
pub type NodeResult<T> = Result<T, NodeError>;

/// The failure of a node: any error at all, or a message.
///
/// A message is made by [`NodeError::msg`], and never by `?` or `into`. As with
/// `anyhow::Error`, these convert every [`std::error::Error`] that is `Send`,
/// `Sync` and `'static`; that is why it does not implement that trait itself,
/// and why no conversion from text can stand beside theirs.
///
/// # Examples
///
/// ```
/// use superstep::{NodeError, NodeResult};
///
/// fn parse(text: &str) -> NodeResult<u32> {
///     if text.is_empty() {
///         return Err(NodeError::msg("there is no number"));
///     }
///     Ok(text.parse::<u32>()?)
/// }
///
/// assert_eq!(parse("").unwrap_err().to_string(), "there is no number");
/// assert_eq!(parse("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub struct NodeError(Box<dyn Error + Send + Sync>);

impl NodeError {
    /// An error that consists of a message.
    pub fn msg(message: impl fmt::Display) -> Self {
        Self(message.to_string().into())
    }

    /// An error in a box, or what converts into one, such as an
    /// `anyhow::Error`: `.map_err(NodeError::from_boxed)?`. It keeps its
    /// source.
    pub fn from_boxed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
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

/// Every [`std::error::Error`] that is `Send`, `Sync` and `'static`.
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
/// here, where it would else say that a text has no trait `Into<NodeError>`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a node cannot fail with `{E}`",
    label = "not a `std::error::Error` that is `Send`, `Sync` and `'static`; make one by `NodeError::msg`",
    note = "of a text, or whatever displays: `superstep::NodeError::msg(..)`; in a `Result`: `.map_err(superstep::NodeError::msg)?`"
)]
pub trait FailureOf<E> {
    fn failure_of(error: E) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: Error + Send + Sync + 'static> FailureOf<E> for NodeError {
    fn failure_of(error: E) -> Self {
        Self(error.into())
    }
}

impl From<NodeError> for Box<dyn Error + Send + Sync> {
    fn from(error: NodeError) -> Self {
        error.0
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
