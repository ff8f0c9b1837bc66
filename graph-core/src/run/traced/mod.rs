//! A run as spans of the crate tracing, for logs and for OpenTelemetry.
//!
//! 1. `run` holds one `superstep` after another, a superstep its `task`s, a task
//!    its `attempt`s. A body, the making of its future included, is polled in
//!    its attempt's span, and nothing else is.
//! 2. A graph that is a node is a `run` in the attempt that runs it.
//! 3. All spans are of the target `superstep` and the level INFO. Whether anybody
//!    wants them is asked once for each run, when it begins.
//! 4. They all go to the subscriber that was there then, on whatever thread a
//!    task is at work: ids of spans mean nothing to another.
//! 5. What is dropped before its end has the outcome `cancelled`.
//!
//! Without the feature there is nothing of it.

#[cfg(not(feature = "tracing"))]
mod off;
#[cfg(feature = "tracing")]
mod on;
#[cfg(feature = "tracing")]
mod spans;

#[cfg(not(feature = "tracing"))]
pub(super) use off::{TaskTrace, Tracer};
#[cfg(feature = "tracing")]
pub(super) use on::{TaskTrace, Tracer};
