//! What a tool may fail with.

use std::error::Error;
use std::fmt;
use std::iter::successors;

use superstep_core::NodeError;

use crate::failure::wrapped;

/// The failure of a tool: any error at all, or a text.
///
/// `?` and `into` make one of whatever makes a [`NodeError`]. It is told to the
/// model, with its causes, as the result of the call; one that is
/// [`fatal`](Self::fatal) fails the node instead.
///
/// # Examples
///
/// ```
/// use superstep::ToolError;
///
/// fn parse(text: &str) -> Result<u32, ToolError> {
///     if text.is_empty() {
///         return Err(ToolError::fatal("the key is missing"));
///     }
///     Ok(text.parse::<u32>()?)
/// }
///
/// assert!(parse("").unwrap_err().is_fatal());
/// let told = parse("x").unwrap_err();
/// assert!(!told.is_fatal());
/// assert_eq!(told.to_string(), "invalid digit found in string");
/// ```
pub struct ToolError {
    error: NodeError,
    fatal: bool,
}

impl ToolError {
    /// An error that consists of a message, of whatever displays.
    pub fn msg(message: impl fmt::Display) -> Self {
        NodeError::msg(message).into()
    }

    /// An error that is not told to the model: the node that runs the call fails
    /// with it, even if other calls wait for answers. For what no other call can mend, such as a wrong key.
    pub fn fatal(error: impl Into<Self>) -> Self {
        Self {
            fatal: true,
            ..error.into()
        }
    }

    /// Whether the node fails with it.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.fatal
    }

    /// The error inside, to be asked for its type or its source.
    #[must_use]
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.error.as_error()
    }

    /// The error as that of a node.
    #[must_use]
    pub fn into_node_error(self) -> NodeError {
        self.error
    }

    /// The error and its causes in one line, for the model.
    pub(super) fn told(&self) -> String {
        let first: &(dyn Error + 'static) = self.as_error();
        let chain = successors(Some(first), |&error| error.source());
        let words: Vec<_> = chain.map(ToString::to_string).collect();
        words.join(": ")
    }

    /// The failure of the node, which says in which tool. What other calls ask
    /// does not hide it.
    pub(super) fn of_tool(self, tool: &str) -> NodeError {
        NodeError::despite_questions(wrapped(self.error, |source| ToolFailed {
            tool: tool.to_owned(),
            source,
        }))
    }
}

/// Why a node fails that runs tools.
#[derive(Debug, thiserror::Error)]
#[error("tool `{tool}` failed")]
struct ToolFailed {
    tool: String,
    source: Box<dyn Error + Send + Sync>,
}

/// Whatever makes the error of a node: every [`std::error::Error`] that is `Send`,
/// `Sync` and `'static`, text, `anyhow::Error`, and [`NodeError`] itself.
impl<E: Into<NodeError>> From<E> for ToolError {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            fatal: false,
        }
    }
}

/// The message of the error inside, without its source.
impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Debug for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}
