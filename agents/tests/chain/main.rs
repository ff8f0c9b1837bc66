//! What is promised of chains, one module for each behaviour.

mod common;
mod concurrency;
mod errors;
mod in_graphs;
mod many;
mod parsing;
mod policies;
mod prompts;
mod seed;
mod sound;
mod streams;
