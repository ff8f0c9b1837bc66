//! Tools of MCP servers, by way of rmcp.
//!
//! 1. A server is a child process, or is found by a URL. What is shared by a
//!    [`McpServer`] and its tools is the connection; it ends with the last of them,
//!    and then no process of it is left.
//! 2. Whoever needs the connection opens it if there is none, and others wait for
//!    that. One that has ended is opened again only if that was asked for.
//! 3. A call is sent once. It ends with an answer, an error of the server, the end
//!    of the connection, or its timeout; one that nobody waits for any more is
//!    cancelled at the server.
//! 4. Why a connection ended is noted by whoever sees it end, before anybody is
//!    told that it did.

mod answer;
mod connect;
mod connection;
mod error;
mod http;
mod listed;
mod pipe;
mod process;
mod server;

pub use connect::{McpCommand, McpConnect, McpUrl};
pub use error::McpError;
pub use server::McpServer;
