//! What is promised of tools, one module for each behaviour.

mod approval;
mod common;
mod defined;
mod limits;
mod mistakes;
mod node;
mod once;
