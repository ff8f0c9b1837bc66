//! What `compile` found: data, and how it prints.

use std::error::Error;
use std::fmt;
use std::panic::Location;

/// One mistake in a graph, or one thing worth a second look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
    pub(super) location: &'static Location<'static>,
    /// Which builder call it is about; findings are listed in this order.
    pub(super) order: usize,
}

impl Diagnostic {
    /// The stable code, such as `unknown-node`; each has a page in the docs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong, as one lower-case clause.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// The builder call at fault.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

/// The code and message, then the place, then the help, each on its own line.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            message,
            help,
            location,
            ..
        } = self;
        write!(f, "{code}: {message}\n  at {location}\n  help: {help}")
    }
}

/// All mistakes that `compile` found in a graph, in the order in which their
/// parts were added.
#[derive(Clone, PartialEq, Eq)]
pub struct CompileError {
    pub(super) graph: String,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl CompileError {
    /// The mistakes; at least one.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mistakes = match self.diagnostics.len() {
            1 => "1 mistake".to_owned(),
            n => format!("{n} mistakes"),
        };
        write!(f, "graph `{}` has {mistakes}", self.graph)?;
        for diagnostic in &self.diagnostics {
            write!(f, "\n\n{diagnostic}")?;
        }
        Ok(())
    }
}

/// As it displays, so that `main` returning it prints something readable.
impl fmt::Debug for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for CompileError {}
