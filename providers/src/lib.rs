//! The outside world of superstep: where threads are kept. Use it through the
//! crate `superstep`, which re-exports what is public here.
//!
//! | feature | what it adds |
//! |---|---|
//! | `sqlite` | `Sqlite`: threads in a file |

// One module a back end; none names another.
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
pub use sqlite::{Sqlite, SqliteOptions};
