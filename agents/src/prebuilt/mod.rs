//! Agents that are ready made. Each is a graph under construction, so that nodes,
//! edges, policies and a checkpointer can be added before it is compiled.
//!
//! 1. What follows is hung on the node `answer`, in which each of them ends.
//! 2. What a model is sent depends on the state alone: not on what ended first, nor
//!    on anything that is drawn.
//! 3. Whatever goes in circles has a bound.

mod chat;
mod delegate;
mod mistakes;
mod plan;
mod react;
mod reflection;
mod supervisor;
mod swarm;

pub use chat::{Chat, ChatUpdate};
pub use delegate::Delegate;
pub use plan::{
    PlanAndExecute, PlanError, PlanStep, Project, ProjectUpdate, StepOutcome, plan_and_execute,
};
pub use react::{ReactAgent, react_agent};
pub use reflection::{
    Draft, DraftUpdate, Reflection, Verdict, criticize_with, draft_with, reflection,
};
pub use supervisor::{Supervisor, supervisor};
pub use swarm::{Swarm, swarm};
