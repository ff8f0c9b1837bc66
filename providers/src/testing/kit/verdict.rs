//! What a case says of a model.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::ModelError;

/// Whether a model did what a case asks for.
pub type Verdict = Result<(), Broken>;

/// What a model did wrong, and where the kit saw it.
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
impl From<ModelError> for Broken {
    #[track_caller]
    fn from(error: ModelError) -> Self {
        let mut text = format!("it failed where it must not: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        Self::new(text)
    }
}

#[track_caller]
pub(super) fn equal<T: PartialEq + fmt::Debug>(what: &str, found: &T, wanted: &T) -> Verdict {
    if found == wanted {
        return Ok(());
    }
    Err(Broken::new(format!(
        "{what} is not as it must be\n found: {found:?}\nwanted: {wanted:?}"
    )))
}

/// `found` is what was looked at, to be shown.
#[track_caller]
pub(super) fn holds(truth: bool, otherwise: &str, found: &impl fmt::Debug) -> Verdict {
    match truth {
        true => Ok(()),
        false => Err(Broken::new(format!("{otherwise}\n found: {found:?}"))),
    }
}
