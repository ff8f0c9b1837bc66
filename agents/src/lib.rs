//! Patterns for superstep with language models, built on graphs by their public
//! face alone. Use them through the crate `superstep`, which re-exports what is
//! public here.

mod chain;
mod tools;

#[cfg(feature = "templates")]
pub use chain::template_rich;
pub use chain::{
    Batch, Branch, Chain, ChainCall, ChainCheckError, ChainError, ChainStream, Chunk, ChunkSum,
    Completed, Extractor, HasText, IntoChain, IntoMessages, JsonParser, ListParser,
    MessageTemplate, Prompt, PromptError, Settled, Template, TextParser, always, assistant, branch,
    chain_node, extract, json, list, map, passthrough, pick, placeholder, prompt, step, system,
    text, user,
};
pub use tools::{
    Approval, ApprovalRequest, FromToolCall, IntoTool, Tool, ToolCtx, ToolDefinition, ToolError,
    ToolFuture, ToolOutput, Toolbox, ToolboxError, tool, tool_node,
};

/// Names for generated code; outside semver.
#[doc(hidden)]
pub mod __private {
    pub use crate::chain::{
        Branches, IntoBranches, Job, Places, Plans, assign, begun, parallel, plain,
    };
    pub use crate::tools::{
        BoxFuture, FromToolCall, OfAnything, OfResult, ToolDefinition, ToolError, ToolFuture,
        on_pool,
    };
    pub use schemars;
    pub use serde::ser::SerializeMap;
    pub use serde::{Serialize, Serializer};
}
