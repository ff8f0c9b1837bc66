//! Models of OpenAI and of what speaks like it, asked of servers on this machine
//! that say what such servers say, and what they should not.

#![cfg(feature = "openai")]

mod asking;
#[cfg(feature = "testing")]
mod cassettes;
mod embedding;
mod errors;
#[cfg(feature = "testing")]
mod judged;
mod keys;
mod kit;
mod limits;
mod presets;
mod providers;
mod requests;
mod responses;
mod retries;
mod shapes;
#[cfg(feature = "testing")]
mod speaks;
mod streams;
mod timeouts;
mod usage;
#[cfg(feature = "testing")]
mod waits;
