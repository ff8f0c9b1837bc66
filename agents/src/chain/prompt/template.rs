//! A text with holes.

use std::fmt;

use super::fill::{Given, PromptError};
use super::mistake::Unreadable;
use crate::template::{Hole, Holed};

/// A text with holes; see [`prompt`](super::prompt).
#[derive(Clone)]
pub struct Template(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Plain(Holed),
    #[cfg(feature = "templates")]
    Rich(super::rich::Rich),
}

impl Template {
    pub(super) fn plain(text: &str) -> Self {
        Self(Kind::Plain(Holed::parse(text)))
    }

    /// The names that have to be given, and where each stands.
    pub(super) fn needs(&self) -> Vec<(String, String)> {
        match &self.0 {
            Kind::Plain(plain) => places(plain.required()),
            #[cfg(feature = "templates")]
            Kind::Rich(rich) => rich.needs(),
        }
    }

    /// The names that would be holes without the `$` before them, and where each stands.
    pub(super) fn left(&self) -> Vec<(String, String)> {
        match &self.0 {
            Kind::Plain(plain) => places(plain.left()),
            #[cfg(feature = "templates")]
            Kind::Rich(_) => Vec::new(),
        }
    }

    /// The names that may be given.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.0 {
            Kind::Plain(plain) => plain.holes().map(|hole| hole.name.clone()).collect(),
            #[cfg(feature = "templates")]
            Kind::Rich(rich) => rich.needs().into_iter().map(|(name, _)| name).collect(),
        }
    }

    pub(super) fn mistakes(&self) -> Vec<Unreadable> {
        match &self.0 {
            Kind::Plain(_) => Vec::new(),
            #[cfg(feature = "templates")]
            Kind::Rich(rich) => rich.mistakes(),
        }
    }

    pub(super) fn fill(&self, given: &Given<'_>) -> Result<String, PromptError> {
        match &self.0 {
            Kind::Plain(plain) => {
                let filled = plain.fill(|name| given.value(name));
                filled.map_err(|_| given.missing())
            }
            #[cfg(feature = "templates")]
            Kind::Rich(rich) => rich.fill(given),
        }
    }
}

fn places<'h>(holes: impl IntoIterator<Item = &'h Hole>) -> Vec<(String, String)> {
    let holes = holes.into_iter();
    holes
        .map(|hole| (hole.name.clone(), format!(", {}", hole.place)))
        .collect()
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl From<String> for Template {
    fn from(text: String) -> Self {
        Self::plain(&text)
    }
}

impl From<&String> for Template {
    fn from(text: &String) -> Self {
        Self::plain(text)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Plain(plain) => f.debug_tuple("Template").field(plain).finish(),
            #[cfg(feature = "templates")]
            Kind::Rich(rich) => f.debug_tuple("Template").field(rich).finish(),
        }
    }
}
