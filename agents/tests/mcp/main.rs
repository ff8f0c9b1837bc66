//! Tools of MCP servers: of child processes, which are this test binary again, and
//! over HTTP on this machine.
#![cfg(feature = "mcp")]

mod calls;
mod common;
mod http;
mod life;
mod list;
mod progress;
mod server;
mod web;
