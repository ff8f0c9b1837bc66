//! Models of OpenAI and of what speaks like it, asked of servers on this machine
//! that say what such servers say, and what they should not.

#![cfg(feature = "openai")]

mod asking;
mod embedding;
mod errors;
mod keys;
mod kit;
mod limits;
mod presets;
mod requests;
mod responses;
mod retries;
mod shapes;
mod streams;
mod timeouts;
