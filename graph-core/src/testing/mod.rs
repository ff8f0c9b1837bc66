//! Tools for the tests of graphs, and of what keeps their threads.

mod explore;
#[doc(hidden)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "cases are read more often than they run, and compare what was just made"
)]
pub mod kit;

pub use explore::{Disagreement, Exploration, Explored, Fresh, explore};
#[doc(inline)]
pub use kit::checkpointer_kit;
