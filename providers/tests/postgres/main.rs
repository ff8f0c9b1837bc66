//! What holds of threads in Postgres, beyond what holds of every checkpointer.
#![cfg(feature = "postgres")]

mod connecting;
mod kit;
#[path = "../../../tests/support/postgres.rs"]
mod server;
#[path = "../support/mod.rs"]
mod support;
mod writing;
