//! A model and its tools that take turns, over any state: what all agents share.
//!
//! 1. The model is asked with the instruction, the conversation and what it is told
//!    of the tools. Its answer is added to the conversation.
//! 2. An answer with calls is followed by the tools, all calls of it at once, and
//!    these by the model again. One without is the last.
//! 3. Turns are counted in the conversation: what the model has said since a user
//!    spoke. So the bound holds over pauses and crashes, and needs no field.
//! 4. Agents that the model calls, and those to whom it hands on, are tools to it. What
//!    is special about an agent in its state is asked for where it begins, hands on
//!    and ends.
//! 5. What is written is what is new; a conversation that is already there is only
//!    read, and mended where a provider would refuse it in the request alone.

mod answer;
mod ask;
mod delegate;
mod handover;
mod hooks;
mod lens;
mod limit;
mod mend;
mod model;
mod respond;
mod special;
mod turns;
mod writes;

pub(crate) use answer::GO_ON;
pub(crate) use delegate::{Callee, worker};
pub(crate) use handover::{Contact, TRANSFER, floor};
pub(crate) use hooks::{Hooks, Instruction};
pub(crate) use lens::Lens;
pub use limit::TurnLimit;
pub use model::IntoModel;
pub(crate) use model::ModelOf;
pub(crate) use respond::Respond;
pub(crate) use special::Special;
pub(crate) use turns::{ANSWER, Called, MODEL, TOOLS, Turns};
