//! Why a checkpointer did not do what it was asked.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::id::CheckpointId;

/// Why a checkpointer did not do what it was asked. Nothing was written, unless
/// it is [`Store`](Self::Store): a connection that is lost at the last moment
/// may have got it through, and who goes on looks at the thread's head.
///
/// As `Debug`, which `main` and `unwrap` print, it is its message and each
/// cause's, on a line each.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Somebody else holds the thread's lease.
    #[error("the thread's lease is held by another run for {} ms more", free_in.as_millis())]
    Busy {
        /// When the lease ends unless it is renewed.
        free_in: Duration,
    },

    /// The lease was taken over, or the thread has gone on, since the caller
    /// looked.
    #[error("the thread's lease was taken over, or the thread has moved on")]
    Stale,

    /// What was found there cannot be what was written.
    #[error("{what} cannot be read")]
    Corrupt {
        /// What it is, such as ``field `total` of checkpoint 7``.
        what: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },

    /// Something cannot be written as JSON.
    #[error("{what} cannot be written as JSON")]
    Unwritable {
        /// What it is.
        what: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },

    /// There is no such checkpoint.
    #[error("the thread has no checkpoint {id}")]
    NoCheckpoint {
        /// The number that was asked for.
        id: CheckpointId,
    },

    /// A thread is there already under the name that was to be given to
    /// another.
    #[error("a thread of that name is there already")]
    Exists,

    /// The disk, the connection or the server failed.
    #[error("the store failed")]
    Store {
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl CheckpointError {
    /// A failure of the disk, the connection or the server.
    pub fn store(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Store {
            source: source.into(),
        }
    }

    /// What was found cannot be read; `what` says what it is.
    pub fn corrupt(
        what: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Corrupt {
            what: what.into(),
            source: source.into(),
        }
    }
}

impl fmt::Debug for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
