//! What the public face promises, one module for each behaviour.

mod common;
mod compile;
mod crew;
mod current;
mod draw;
mod eager;
mod error_pages;
mod errors;
mod events;
#[cfg(feature = "testing")]
mod explore;
mod impossible;
mod joins;
#[cfg(feature = "testing")]
mod kit;
#[cfg(feature = "testing")]
mod laws;
mod limits;
mod log;
mod policies;
#[cfg(feature = "progress")]
mod progress;
mod run;
mod silent;
mod state;
mod stop;
mod subgraphs;
mod threads;
mod timeline;
#[cfg(feature = "tracing")]
mod traced;
mod transcript;
mod undo;
mod written;
mod xray;
