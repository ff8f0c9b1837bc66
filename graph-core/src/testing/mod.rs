//! Tools for the tests of graphs, and of what keeps their threads.

mod explore;
#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "a case's name says what it asks for, and it fails where that does not hold"
)]
mod kit;

#[doc(inline)]
pub use crate::checkpointer_kit;
pub use explore::{Disagreement, Exploration, Explored, Fresh, explore};

/// What `checkpointer_kit!` expands to; outside semver.
#[doc(hidden)]
pub mod __kit {
    pub use crate::testing::kit::*;
}
