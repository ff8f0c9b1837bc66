//! Tools: functions that a language model can ask to be called.
//!
//! 1. A tool is a function, what a model is told of it, and policies. Its
//!    context and state types are those of the graph; the arguments' type is
//!    known to its body alone.
//! 2. What goes wrong in a call is told to the model, which can do better: wrong
//!    arguments, an unknown name, an error, a timeout. What is
//!    [fatal](ToolError::fatal) ends the task, and so does a panic.
//! 3. Calls of one message are at work at once, as futures of one task. Their
//!    results are in the order of the calls.
//! 4. What a call came to is kept under its id, tool and arguments until the task
//!    has ended, so that it happens once, over pauses, retries and crashes.

mod answers;
mod approval;
mod arguments;
mod attempt;
mod context;
mod error;
mod into_tool;
mod key;
mod node;
mod output;
mod pool;
mod run;
mod tool;
mod toolbox;

pub use approval::{Approval, ApprovalRequest};
pub use context::ToolCtx;
pub use error::ToolError;
pub use into_tool::{BoxFuture, FromToolCall, IntoTool, ToolDefinition, ToolFuture, tool};
pub(crate) use node::open_calls;
pub use node::tool_node;
pub use output::{OfAnything, OfResult, ToolOutput};
pub use pool::on_pool;
pub use tool::Tool;
pub use toolbox::Toolbox;
pub(crate) use toolbox::{LONGEST_NAME, is_tool_name};
