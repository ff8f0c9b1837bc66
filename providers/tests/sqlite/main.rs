//! What holds of threads in a file of SQLite's, beyond what holds of every
//! checkpointer.
#![cfg(feature = "sqlite")]

mod damage;
mod file;
mod full;
mod handles;
mod kit;
mod processes;
#[path = "../support/mod.rs"]
mod support;
