//! What goes wrong with servers of tools.

use std::error::Error;
use std::time::Duration;

use superstep_core::Retryable;

/// What goes wrong with an MCP server and its tools.
///
/// A call that fails with it tells the model, as the call's result. Its
/// [`Retryable`] says of which failures another attempt may do better:
/// `tool.retry(Retry::attempts(3).classify::<McpError>())` tries calls again after
/// these, which is right for tools whose effects may happen twice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum McpError {
    /// It cannot be started, or reached.
    #[error("the server `{server}` cannot be reached")]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It was there, and has ended.
    #[error("the server `{server}` is gone: {why}")]
    Gone {
        /// The server.
        server: String,
        /// How it ended, and what it said last.
        why: String,
    },
    /// It took too long.
    #[error("the server `{server}` did not answer within {after:?}")]
    Timeout {
        /// The server.
        server: String,
        /// How long it had.
        after: Duration,
    },
    /// It does not do what it is asked for, such as for a tool that it has no more.
    #[error("the server `{server}` refuses: {message}")]
    Refused {
        /// The server.
        server: String,
        /// The code of the error, of JSON-RPC.
        code: i32,
        /// Its words.
        message: String,
    },
    /// It does not keep to the protocol.
    #[error("the server `{server}` does not speak MCP as it should: {why}")]
    Protocol {
        /// The server.
        server: String,
        /// What it does.
        why: String,
    },
    /// Its tools are not such as can be told a model, or not those that were asked
    /// for.
    #[error("the server `{server}` has tools that cannot be used: {}", mistakes.join("; "))]
    Tools {
        /// The server.
        server: String,
        /// All that is wrong.
        mistakes: Vec<String>,
    },
    /// The tool says that it failed.
    #[error("{message}")]
    Tool {
        /// Its words.
        message: String,
    },
    /// What a tool answers is longer than what is let through.
    #[error("the answer has {bytes} bytes, and at most {limit} are let through: ask for less")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
}

impl McpError {
    /// Whether there is no server to talk to, so that no other call would fare
    /// better now.
    pub(super) fn is_without_server(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Gone { .. })
    }
}

/// Worth another attempt is what failed on the way to the server or back.
impl Retryable for McpError {
    fn is_retryable(&self) -> bool {
        self.is_without_server() || matches!(self, Self::Timeout { .. })
    }
}
