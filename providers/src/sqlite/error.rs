//! What SQLite says, as what a checkpointer says.

use std::error::Error;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use superstep_core::CheckpointError;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a piece of work on the file came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not to be done.
    Refused(CheckpointError),
    /// A row that is not what was written.
    Unreadable { what: String, source: BoxError },
    /// SQLite could not do it.
    Sql(rusqlite::Error),
    /// It is a file that is not for us.
    Misfit(Misfit),
}

/// Why a file that is a database is not for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Another program's.
    Foreign,
    /// Written by a newer version of this one.
    Newer { has: u32, known: u32 },
}

/// What SQLite said, in one clause: its own chain says the same twice.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Said(pub(super) rusqlite::Error);

/// What is told of the file; what SQLite said is the source.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("the disk has no room left for `{}`", path.display())]
    Full { path: PathBuf, source: Said },
    #[error("`{}` is locked by another program", path.display())]
    Locked { path: PathBuf, source: Said },
    #[error("`{}` cannot be opened", path.display())]
    NotOpened { path: PathBuf, source: Said },
    #[error("`{}` cannot be written", path.display())]
    NotWritten { path: PathBuf, source: Said },
    #[error("SQLite failed with `{}`", path.display())]
    Other { path: PathBuf, source: Said },
    #[error("`{}` is the database of another program", path.display())]
    Foreign { path: PathBuf },
    #[error(
        "`{}` has the schema of a newer version, {has}, and this one knows {known}",
        path.display()
    )]
    Newer { path: PathBuf, has: u32, known: u32 },
    #[error("the thread that works on `{}` cannot be started", path.display())]
    NotStarted {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the thread that works on `{}` has ended", path.display())]
    Ended { path: PathBuf },
}

impl Failure {
    /// A row is not what was written.
    pub(super) fn unreadable(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Unreadable {
            what: what.into(),
            source: source.into(),
        }
    }

    /// Whether another has the file locked.
    pub(super) fn is_locked(&self) -> bool {
        let Self::Sql(error) = self else {
            return false;
        };
        let code = error.sqlite_error_code();
        matches!(
            code,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }

    /// As a checkpointer's error, which names the file.
    pub(super) fn into_error(self, path: &Path) -> CheckpointError {
        match self {
            Self::Refused(error) => error,
            Self::Unreadable { what, source } => {
                CheckpointError::corrupt(format!("{what} in `{}`", path.display()), source)
            }
            Self::Misfit(Misfit::Foreign) => CheckpointError::store(FileError::Foreign {
                path: path.to_owned(),
            }),
            Self::Misfit(Misfit::Newer { has, known }) => {
                CheckpointError::store(FileError::Newer {
                    path: path.to_owned(),
                    has,
                    known,
                })
            }
            Self::Sql(error) => of_sqlite(error, path),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        Self::Refused(error)
    }
}

/// No thread could be had to work on the file.
pub(super) fn not_started(path: &Path, source: std::io::Error) -> CheckpointError {
    CheckpointError::store(FileError::NotStarted {
        path: path.to_owned(),
        source,
    })
}

/// The thread that works on the file is no more.
pub(super) fn ended(path: &Path) -> CheckpointError {
    CheckpointError::store(FileError::Ended {
        path: path.to_owned(),
    })
}

/// Whether an error is about what is in a row, and not about the file.
pub(super) fn is_about_a_row(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(
        error,
        E::FromSqlConversionFailure(..)
            | E::InvalidColumnType(..)
            | E::IntegralValueOutOfRange(..)
            | E::Utf8Error(..)
    )
}

/// Whether the system refused to write, for another reason than a full disk: the
/// file may grow no more, or the disk is faulty.
fn is_about_writing(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_FSYNC, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE};
    let code = error.sqlite_error().map(|error| error.extended_code);
    code.is_some_and(|code| {
        [
            SQLITE_IOERR_WRITE,
            SQLITE_IOERR_FSYNC,
            SQLITE_IOERR_TRUNCATE,
        ]
        .contains(&code)
    })
}

fn of_sqlite(source: rusqlite::Error, path: &Path) -> CheckpointError {
    use ErrorCode as Code;
    let code = source.sqlite_error_code();
    let is_about_a_row = is_about_a_row(&source);
    let is_about_writing = is_about_writing(&source);
    let source = Said(source);
    if is_about_a_row {
        return CheckpointError::corrupt(format!("a row of `{}`", path.display()), source);
    }
    let path = path.to_owned();
    CheckpointError::store(match code {
        Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
            return CheckpointError::corrupt(format!("`{}`", path.display()), source);
        }
        Some(Code::DiskFull) => FileError::Full { path, source },
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => FileError::Locked { path, source },
        Some(Code::CannotOpen) => FileError::NotOpened { path, source },
        Some(Code::ReadOnly | Code::PermissionDenied) => FileError::NotWritten { path, source },
        Some(Code::SystemIoFailure) if is_about_writing => FileError::NotWritten { path, source },
        _ => FileError::Other { path, source },
    })
}
