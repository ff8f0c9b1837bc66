//! Nodes that start as soon as their own predecessors are done.

mod laws;
mod model;
mod rules;
