//! Patterns for superstep with language models, built on graphs by their public
//! face alone. Use them through the crate `superstep`, which re-exports what is
//! public here.

#[cfg(feature = "mcp")]
mod mcp;
mod tools;

#[cfg(feature = "mcp")]
pub use mcp::{McpCommand, McpConnect, McpError, McpServer, McpUrl};
pub use tools::{
    Approval, ApprovalRequest, FromToolCall, IntoTool, Tool, ToolCtx, ToolDefinition, ToolError,
    ToolFuture, ToolOutput, Toolbox, ToolboxError, tool, tool_node,
};

/// Names for generated code; outside semver.
#[doc(hidden)]
pub mod __private {
    pub use crate::tools::{
        BoxFuture, FromToolCall, OfAnything, OfResult, ToolDefinition, ToolError, ToolFuture,
        on_pool,
    };
    pub use schemars;
}
