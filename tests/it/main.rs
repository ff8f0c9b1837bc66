//! What the public face promises, one module for each behaviour.

mod common;
mod compile;
mod crew;
mod draw;
mod eager;
mod error_pages;
mod errors;
mod events;
#[cfg(feature = "testing")]
mod explore;
mod impossible;
#[cfg(feature = "testing")]
mod kit;
#[cfg(feature = "testing")]
mod laws;
mod policies;
mod run;
mod silent;
mod state;
mod stop;
mod subgraphs;
mod threads;
mod timeline;
mod transcript;
mod undo;
