//! What a case says of a checkpointer.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::checkpoint::CheckpointError;

/// A value that is longer when printed is cut off: some are megabytes.
const MOST_SHOWN: usize = 1200;

/// Whether a checkpointer did what a case asks for.
pub type Verdict = Result<(), Broken>;

/// What a checkpointer did wrong, and where the kit saw it.
pub struct Broken {
    what: String,
    seen_at: &'static Location<'static>,
}

impl Broken {
    #[track_caller]
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            seen_at: Location::caller(),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nseen at {}", self.what, self.seen_at)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// By `?`, for what must not fail.
impl From<CheckpointError> for Broken {
    #[track_caller]
    fn from(error: CheckpointError) -> Self {
        Self::new(format!("it failed where it must not: {}", chain(&error)))
    }
}

fn chain(error: &CheckpointError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[track_caller]
pub(super) fn equal<T: PartialEq<U> + fmt::Debug, U: fmt::Debug>(
    what: &str,
    found: T,
    wanted: U,
) -> Verdict {
    if found == wanted {
        return Ok(());
    }
    let (found, wanted) = (shown(&found), shown(&wanted));
    Err(Broken::new(format!(
        "{what} is not as it must be\n found: {found}\nwanted: {wanted}"
    )))
}

#[track_caller]
pub(super) fn holds(truth: bool, otherwise: &str) -> Verdict {
    if truth {
        Ok(())
    } else {
        Err(Broken::new(otherwise))
    }
}

#[track_caller]
pub(super) fn stale<T>(what: &str, answer: Result<T, CheckpointError>) -> Verdict {
    match answer {
        Err(CheckpointError::Stale) => Ok(()),
        Err(other) => Err(Broken::new(format!(
            "{what} must be refused as `Stale`, but the error was: {}",
            chain(&other)
        ))),
        Ok(_) => Err(Broken::new(format!(
            "{what} must be refused as `Stale`, but it was done"
        ))),
    }
}

/// For how long the lease is said to be taken.
#[track_caller]
pub(super) fn busy<T>(what: &str, answer: Result<T, CheckpointError>) -> Result<Duration, Broken> {
    match answer {
        Err(CheckpointError::Busy { free_in }) => Ok(free_in),
        Err(other) => Err(Broken::new(format!(
            "{what} must be refused as `Busy`, but the error was: {}",
            chain(&other)
        ))),
        Ok(_) => Err(Broken::new(format!(
            "{what} must be refused as `Busy`, but it was done"
        ))),
    }
}

fn shown(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST_SHOWN) {
        None => text,
        Some((cut, _)) => format!("{}… ({} bytes in all)", &text[..cut], text.len()),
    }
}
