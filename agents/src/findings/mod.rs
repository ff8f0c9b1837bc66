//! Mistakes in what graphs are built of. Each has one constructor, so that its
//! wording has one home, and its code has a page in `docs/errors`.

mod agents;
mod chains;
mod tools;

use std::panic::Location;
use std::path::Path;

use superstep_core::{CompileError, Diagnostic};

/// The builder call at fault.
pub(crate) type Place = &'static Location<'static>;

/// Mistakes that are collected, to be told at once.
#[derive(Clone, Default)]
pub(crate) struct Findings(Vec<Diagnostic>);

impl Findings {
    fn add(
        &mut self,
        place: Place,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Diagnostic::new(code, message, help, place));
    }

    /// Mistakes that were found before, such as those of a toolbox: where several use
    /// it, they are told once.
    pub(crate) fn extend(&mut self, found: &[Diagnostic]) {
        for one in found {
            if !self.0.contains(one) {
                self.0.push(one.clone());
            }
        }
    }

    /// All of them, as those of `what`.
    pub(crate) fn error(self, what: impl Into<String>) -> Option<CompileError> {
        CompileError::of(what, self.0)
    }

    pub(crate) fn check(self, what: impl Into<String>) -> Result<(), CompileError> {
        self.error(what).map_or(Ok(()), Err)
    }
}

/// The mistakes of a graph whose builder calls stand in this crate, as those of
/// `what`, which is made at that place. What a node brings has a place already.
pub(crate) fn moved(error: CompileError, what: String, place: Place) -> CompileError {
    let found = error.diagnostics().iter();
    let found = found.map(|found| {
        let place = if is_here(found.location()) {
            place
        } else {
            found.location()
        };
        Diagnostic::new(found.code(), found.message(), found.help(), place)
    });
    CompileError::of(what, found).unwrap_or(error)
}

/// Whether it is in the sources of this crate.
fn is_here(place: Place) -> bool {
    let sources = Path::new(file!()).ancestors().nth(2);
    sources.is_none_or(|sources| Path::new(place.file()).starts_with(sources))
}

/// What to do about a name that is none: write the one that was meant, or else what
/// is said.
fn meant<'n>(
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    match Diagnostic::nearest(name, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => otherwise(),
    }
}
