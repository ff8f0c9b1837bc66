//! What Postgres says, as what a checkpointer says.

use deadpool_postgres::{HookError, PoolError};
use superstep_core::CheckpointError;
use tokio_postgres::Error;

/// What is told of the server; what it said is the source. It never holds the
/// text that was connected with, since that has the password.
#[derive(Debug, thiserror::Error)]
enum ServerError {
    #[error("the text that says where Postgres is cannot be read")]
    Url { source: Error },
    #[cfg(feature = "postgres-tls")]
    #[error("the certificates to trust cannot be read")]
    Certificates {
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("Postgres at `{place}` cannot be reached")]
    NotReached { place: String, source: Error },
    #[error("all {size} connections to Postgres at `{place}` were in use for too long")]
    NoneFree { place: String, size: usize },
    #[error("the connections to Postgres at `{place}` are closed")]
    Closed { place: String },
    #[error("Postgres at `{place}` failed")]
    Failed { place: String, source: Error },
    #[error(
        "schema `{schema}` at `{place}` is of a newer version, {has}, and this one knows {known}"
    )]
    Newer {
        place: String,
        schema: String,
        has: i32,
        known: i32,
    },
    #[error("schema `{schema}` at `{place}` is another program's")]
    Foreign { place: String, schema: String },
}

/// Why a piece of work came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not to be done, or a row is not what was written.
    Refused(CheckpointError),
    /// Postgres could not do it.
    Failed(Error),
}

impl Failure {
    /// A row is not what was written.
    pub(super) fn unreadable(what: String, source: String) -> Self {
        Self::Refused(CheckpointError::corrupt(what, source))
    }

    /// As a checkpointer's error, which names the server.
    pub(super) fn into_error(self, place: &str) -> CheckpointError {
        match self {
            Self::Refused(error) => error,
            Self::Failed(source) => failed(place, source),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        Self::Refused(error)
    }
}

pub(super) fn bad_url(source: Error) -> CheckpointError {
    CheckpointError::store(ServerError::Url { source })
}

#[cfg(feature = "postgres-tls")]
pub(super) fn bad_certificates(
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> CheckpointError {
    let source = source.into();
    CheckpointError::store(ServerError::Certificates { source })
}

pub(super) fn failed(place: &str, source: Error) -> CheckpointError {
    let place = place.to_owned();
    CheckpointError::store(ServerError::Failed { place, source })
}

pub(super) fn newer(place: &str, schema: &str, has: i32, known: i32) -> CheckpointError {
    CheckpointError::store(ServerError::Newer {
        place: place.to_owned(),
        schema: schema.to_owned(),
        has,
        known,
    })
}

pub(super) fn foreign(place: &str, schema: &str) -> CheckpointError {
    CheckpointError::store(ServerError::Foreign {
        place: place.to_owned(),
        schema: schema.to_owned(),
    })
}

/// No connection could be had.
pub(super) fn no_connection(place: &str, size: usize, error: PoolError) -> CheckpointError {
    let place = place.to_owned();
    CheckpointError::store(match error {
        PoolError::Backend(source) | PoolError::PostCreateHook(HookError::Backend(source)) => {
            ServerError::NotReached { place, source }
        }
        PoolError::Timeout(_) => ServerError::NoneFree { place, size },
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            ServerError::Closed { place }
        }
    })
}
