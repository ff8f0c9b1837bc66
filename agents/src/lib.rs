//! Patterns for superstep with language models, built on graphs by their public
//! face alone. Use them through the crate `superstep`, which re-exports what is
//! public here.

// What `#[derive(State)]` writes names the facade.
extern crate self as superstep;

mod bounds;
mod chain;
mod failure;
mod findings;
#[cfg(feature = "mcp")]
mod mcp;
mod policies;
mod prebuilt;
mod react;
mod schema;
mod template;
mod tools;
mod workflow;

#[cfg(feature = "templates")]
pub use chain::template_rich;
pub use chain::{
    Batch, Branch, Chain, ChainCall, ChainError, ChainStream, Chunk, ChunkSum, Completed,
    Extractor, HasText, IntoChain, IntoMessages, JsonParser, ListParser, MessageTemplate, Prompt,
    PromptError, Settled, Template, TextParser, always, assistant, branch, chain_node, extract,
    json, list, map, passthrough, pick, placeholder, prompt, step, system, text, user,
};
#[cfg(feature = "mcp")]
pub use mcp::{McpCommand, McpConnect, McpError, McpServer, McpUrl};
pub use prebuilt::{
    Chat, ChatUpdate, Delegate, Draft, DraftUpdate, PlanAndExecute, PlanError, PlanStep, Project,
    ProjectUpdate, ReactAgent, Reflection, StepOutcome, Supervisor, Swarm, Verdict, criticize_with,
    draft_with, plan_and_execute, react_agent, reflection, supervisor, swarm,
};
pub use react::{IntoModel, TurnLimit};
pub use tools::{
    Approval, ApprovalRequest, FromToolCall, IntoTool, Tool, ToolCtx, ToolDefinition, ToolError,
    ToolFuture, ToolOutput, Toolbox, tool, tool_node,
};
pub use workflow::{
    Agent, AgentHistory, BranchFailure, Change, Changes, CustomAgent, Escalate, Flow, FlowUpdate,
    IntoAgents, LlmAgent, LoopAgent, ParallelAgent, SequentialAgent, Session, SessionError,
    SessionUpdate, Sessions, UserSession, Values,
};

/// Names for generated code; outside semver.
#[doc(hidden)]
pub mod __private {
    pub use crate::chain::{
        Branches, IntoBranches, Job, Places, Plans, assign, begun, parallel, parallel_of_struct,
        plain,
    };
    pub use crate::tools::{
        BoxFuture, FromToolCall, OfAnything, OfResult, ToolDefinition, ToolError, ToolFuture,
        on_pool,
    };
    pub use schemars;
    pub use serde::ser::SerializeMap;
    pub use serde::{Serialize, Serializer};
    pub(crate) use superstep_core::__private::*;
}
