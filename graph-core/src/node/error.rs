//! What a node may fail with.

use std::error::Error;
use std::fmt;

/// What a node returns when it can fail.
pub type NodeResult<T> = Result<T, NodeError>;

/// The failure of a node: any error at all, or a message.
///
/// As with `anyhow::Error`, `?` converts every [`std::error::Error`] into it;
/// that is why it does not implement that trait itself.
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

impl<E: Error + Send + Sync + 'static> From<E> for NodeError {
    fn from(error: E) -> Self {
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
