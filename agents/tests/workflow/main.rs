//! What is promised of workflow agents, one module for each behaviour.

mod callbacks;
mod common;
mod delegation;
mod judged;
mod looping;
mod parallel;
mod pictures;
mod sequence;
mod sessions;
mod speaking;
mod state;
mod templates;
mod threads;
mod transfer;
