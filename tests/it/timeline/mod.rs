//! Timelines: what is told of a run, and how it looks.

mod judged;
mod pictures;
mod scenes;
mod traces;
