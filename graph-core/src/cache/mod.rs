//! What tasks came to, kept for others that would come to the same: the trait
//! of what keeps it, and the keeper that keeps it in memory.
//!
//! 1. A key is a text, and belongs to a namespace: one for each node of each
//!    graph. What is kept under it is JSON, which nobody but the engine reads.
//! 2. It may be gone at any time, and is gone when its time is over.
//! 3. Of one key in one graph one task at a time is at work: the others find
//!    what it leaves.

mod flights;
#[cfg(feature = "cache")]
mod memory;
mod store;

pub(crate) use flights::Flights;
#[cfg(feature = "cache")]
pub use memory::MemoryCache;
pub(crate) use store::DynCache;
pub use store::{Cache, CacheError};
