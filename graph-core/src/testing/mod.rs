//! Tools for the tests of graphs, and of what keeps their threads.

mod explore;
/// What `checkpointer_kit!` expands to; outside semver.
#[doc(hidden)]
#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "a case's name says what it asks for, and it fails where that does not hold"
)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "cases are read more often than they run, and compare what was just made"
)]
pub mod kit;

pub use explore::{Disagreement, Exploration, Explored, Fresh, explore};
#[doc(inline)]
pub use kit::checkpointer_kit;
