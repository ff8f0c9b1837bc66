//! Models of OpenAI, and of what speaks like it, by way of async-openai.
//!
//! Data flows one way: a request is judged (`allowed`) and written (`chat`,
//! `responses`), then sent (`caller`, which tries again, over `wire`, which tries
//! once), and what comes is read leniently (`lenient`, and the decoders).
//! async-openai knows how a request is put together and how events are taken
//! apart; it is given values and gives values, since its types are those of
//! OpenAI alone.

mod allowed;
mod builder;
mod caller;
mod chat;
mod embed;
mod endpoint;
mod events;
mod exchange;
mod failure;
mod lenient;
mod model;
mod pause;
mod preset;
mod responses;
mod retry;
mod secrets;
mod settings;
mod strict;
mod taped;
mod usage;
mod wait;
mod wire;

pub use builder::OpenAi;
pub use embed::OpenAiEmbedder;
