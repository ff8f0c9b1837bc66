//! What is promised of agents that are ready made, one module for each.

mod common;
mod hooks;
mod react;
mod turns;
