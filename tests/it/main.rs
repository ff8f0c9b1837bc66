//! What the public face promises, one module for each behaviour.

mod common;
mod compile;
mod crew;
mod draw;
mod error_pages;
mod errors;
#[cfg(feature = "testing")]
mod explore;
mod impossible;
#[cfg(feature = "testing")]
mod kit;
#[cfg(feature = "testing")]
mod laws;
mod limits;
mod policy;
mod run;
mod silent;
mod state;
mod threads;
mod transcript;
mod undo;
