//! Workflow agents: agents of language models that are put together as sequences,
//! in parallel, in loops, and as groups that hand on to each other.
//!
//! 1. All agents of a graph share one state, a [`Session`]: what was said, and
//!    values by keys.
//! 2. Agents are described, then judged together, then become a graph, which is one
//!    as any other.
//! 3. A branch sees what was there before it and what it does itself. Branches are
//!    merged in the order of declaration; what two of them set is a mistake.
//! 4. What is said to a model depends on the session alone, and so is the same on
//!    every run.

mod agent;
mod assemble;
mod board;
mod conversation;
mod custom;
mod exit;
mod flow;
mod group;
mod head;
mod judge;
mod llm;
mod looping;
mod merge;
mod outline;
mod parallel;
mod persona;
mod sequential;
mod session;
mod sessions;
mod speaker;
mod values;

pub use agent::{Agent, IntoAgents};
pub use custom::CustomAgent;
pub use flow::{Escalate, Flow, FlowUpdate};
pub use llm::{AgentHistory, LlmAgent};
pub use looping::LoopAgent;
pub use parallel::{BranchFailure, ParallelAgent};
pub use sequential::SequentialAgent;
pub use session::{Session, SessionUpdate};
pub use sessions::{SessionError, Sessions, UserSession};
pub use values::{Change, Changes, Values};
