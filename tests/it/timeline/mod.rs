//! Timelines: what is told of a run, and how it looks.

mod judged;
mod pictures;
#[cfg(feature = "rate-limit")]
mod rates;
mod runs;
mod scenes;
mod traces;
