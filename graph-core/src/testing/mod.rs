//! Tools for the tests of graphs.

mod explore;

pub use explore::{Disagreement, Exploration, Explored, Fresh, explore};
