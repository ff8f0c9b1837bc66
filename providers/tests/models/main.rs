//! Models for tests, what judges models, and answers of a type.
#![cfg(all(feature = "models", feature = "testing"))]

mod automatic;
mod cassettes;
mod extract;
mod kit;
mod scripted;
