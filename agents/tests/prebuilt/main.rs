//! What is promised of agents that are ready made, one module for each.

mod common;
mod hooks;
mod mistakes;
mod pictures;
mod plan;
mod react;
mod reflection;
mod supervisor;
mod swarm;
mod turns;
