//! Chains: prompts, models, parsers and functions that follow each other.
//!
//! 1. A chain has the types of what goes in and of what comes out, and no other:
//!    how it is made of steps does not show in its type.
//! 2. A step gets its input by value. Where several get the same, each gets a
//!    clone; nobody sees what another does with it.
//! 3. All of a call is one future. Nothing is spawned, so that dropping it drops
//!    all that is at work.
//! 4. A call has one bound for what is at work at once: models and async functions
//!    hold a permit, what is made of others holds none.
//! 5. A chain is known as data as well, by its plan: that is what is checked and
//!    drawn.

mod branch;
mod call;
#[expect(clippy::module_inception, reason = "it is what the module is about")]
mod chain;
mod check;
mod chunk;
mod draw;
mod error;
mod list;
mod many;
mod model;
mod node;
mod parallel;
mod parse;
mod pipe;
mod plan;
mod policy;
mod prompt;
mod record;
mod scope;
mod tell;
mod time;
mod words;

pub use branch::{Branch, branch};
pub use call::{ChainCall, ChainStream};
pub use chain::{Chain, IntoChain, always, map, passthrough, step};
pub use chunk::{Chunk, ChunkSum};
pub use error::ChainError;
pub use many::{Batch, Completed};
pub use model::{Extractor, extract};
pub use node::chain_node;
pub use parallel::{
    Branches, IntoBranches, Job, Places, Plans, assign, parallel, parallel_of_struct,
};
pub use parse::{HasText, JsonParser, ListParser, TextParser, json, list, pick, text};
pub use policy::Settled;
#[cfg(feature = "templates")]
pub use prompt::template_rich;
pub use prompt::{
    IntoMessages, MessageTemplate, Prompt, PromptError, Template, assistant, placeholder, prompt,
    system, user,
};
pub use record::{begun, plain};
pub(crate) use words::names;
