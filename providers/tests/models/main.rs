//! Models for tests, what judges models, and answers of a type.
#![cfg(all(feature = "models", feature = "testing"))]

mod automatic;
mod cassettes;
mod conversation;
mod embedding;
mod extract;
mod fallback;
mod in_graphs;
mod kit;
mod scripted;
