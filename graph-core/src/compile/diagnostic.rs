//! What `compile` found: data, and how it prints.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use super::shape::nearest;

/// One mistake in a graph or in what one is made of, or one thing worth a second
/// look.
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
    /// A mistake that somebody else finds, in what graphs are made of; see
    /// [`CompileError::of`].
    #[must_use]
    pub fn new(
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            help: help.into(),
            location,
            order: 0,
        }
    }

    /// Which of the known names was meant by another, if one is near enough; the
    /// first of equals. Help can ask for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::Diagnostic;
    ///
    /// assert_eq!(Diagnostic::nearest("plam", ["search", "plan"]), Some("plan"));
    /// assert_eq!(Diagnostic::nearest("write", ["search", "plan"]), None);
    /// ```
    #[must_use]
    pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
        nearest(name, known.into_iter())
    }

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

/// All mistakes that were found in a graph, or in what one is made of, in the order
/// in which their parts were added.
#[derive(Clone, PartialEq, Eq)]
pub struct CompileError {
    what: String,
    diagnostics: Vec<Diagnostic>,
}

impl CompileError {
    /// These mistakes of `what`; none, if there are none. What builds graphs and has
    /// rules of its own reports them as [`compile`](crate::StateGraph::compile) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::panic::Location;
    ///
    /// use superstep::{CompileError, Diagnostic};
    ///
    /// #[track_caller]
    /// fn team(members: &[&str]) -> Result<(), CompileError> {
    ///     let place = Location::caller();
    ///     let none = members.is_empty().then(|| {
    ///         Diagnostic::new("no-members", "nobody is there to work", "name somebody", place)
    ///     });
    ///     CompileError::of("team `blue`", none).map_or(Ok(()), Err)
    /// }
    ///
    /// assert!(team(&["ann"]).is_ok());
    /// let error = team(&[]).unwrap_err();
    /// assert_eq!(error.diagnostics()[0].code(), "no-members");
    /// assert!(error.to_string().starts_with(
    ///     "team `blue` has 1 mistake\n\nno-members: nobody is there to work\n  at "
    /// ));
    /// ```
    #[must_use]
    pub fn of(
        what: impl Into<String>,
        diagnostics: impl IntoIterator<Item = Diagnostic>,
    ) -> Option<Self> {
        let error = Self {
            what: what.into(),
            diagnostics: diagnostics.into_iter().collect(),
        };
        (!error.diagnostics.is_empty()).then_some(error)
    }

    /// Those of a graph.
    pub(super) fn of_graph(name: &str, diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            what: format!("graph `{name}`"),
            diagnostics,
        }
    }

    /// The mistakes; at least one.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

impl<'a> IntoIterator for &'a CompileError {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.diagnostics.iter()
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mistakes = match self.diagnostics.len() {
            1 => "1 mistake".to_owned(),
            n => format!("{n} mistakes"),
        };
        write!(f, "{} has {mistakes}", self.what)?;
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
