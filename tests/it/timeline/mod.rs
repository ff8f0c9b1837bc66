//! Timelines: what is told of a run, and how it looks.

mod judged;
mod pictures;
mod runs;
mod scenes;
mod traces;
