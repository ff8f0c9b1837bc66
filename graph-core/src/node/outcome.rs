//! What a task hands back.

use super::{Command, NodeError, Target};
use crate::state::State;

/// The result of a task: what it writes, and where it goes beside its edges.
#[derive(Debug, Clone)]
pub struct Outcome<S: State> {
    pub(crate) update: Option<S::Update>,
    pub(crate) targets: Vec<Target>,
}

impl<S: State> Outcome<S> {
    /// An outcome that writes nothing and chooses nothing.
    #[inline]
    #[must_use]
    pub fn empty() -> Self {
        Self {
            update: None,
            targets: Vec::new(),
        }
    }

    /// An outcome that writes `update`.
    #[inline]
    #[must_use]
    pub fn update(update: S::Update) -> Self {
        Self {
            update: Some(update),
            targets: Vec::new(),
        }
    }
}

/// What a node of a graph over `S` may return.
///
/// The state's update, `()`, a [`Command`], an `Option` of these, or a
/// `Result` of these with any error that converts into [`NodeError`].
#[diagnostic::on_unimplemented(
    message = "a node of a graph over `{S}` cannot return `{Self}`",
    label = "not the outcome of a node over `{S}`",
    note = "return the state's update (`{S}::update()…`), `()`, `Command<{S}>`, an `Option` of these, or a `Result` of these",
    note = "the error of a `Result` is any `std::error::Error`, text, or a `NodeError`; a boxed one is a `Box<dyn Error + Send + Sync>`"
)]
pub trait IntoOutcome<S> {
    /// Whether it may choose where to go, as a [`Command`] does.
    const COMMANDS: bool = false;

    /// The outcome.
    ///
    /// # Errors
    ///
    /// Returns the node's own error.
    fn into_outcome(self) -> Result<Outcome<S>, NodeError>
    where
        S: State;
}

#[diagnostic::do_not_recommend]
impl<S: State> IntoOutcome<S> for Outcome<S> {
    const COMMANDS: bool = true;

    fn into_outcome(self) -> Result<Self, NodeError> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<S: State> IntoOutcome<S> for () {
    fn into_outcome(self) -> Result<Outcome<S>, NodeError> {
        Ok(Outcome::empty())
    }
}

#[diagnostic::do_not_recommend]
impl<S: State> IntoOutcome<S> for Command<S> {
    const COMMANDS: bool = true;

    fn into_outcome(self) -> Result<Outcome<S>, NodeError> {
        Ok(Outcome {
            update: self.update,
            targets: match self.parent {
                true => vec![Target::Parent(self.targets)],
                false => self.targets,
            },
        })
    }
}

#[diagnostic::do_not_recommend]
impl<S: State, O: IntoOutcome<S>> IntoOutcome<S> for Option<O> {
    const COMMANDS: bool = O::COMMANDS;

    fn into_outcome(self) -> Result<Outcome<S>, NodeError> {
        self.map_or_else(|| Ok(Outcome::empty()), O::into_outcome)
    }
}

#[diagnostic::do_not_recommend]
impl<S, O, E> IntoOutcome<S> for Result<O, E>
where
    S: State,
    O: IntoOutcome<S>,
    E: Into<NodeError>,
{
    const COMMANDS: bool = O::COMMANDS;

    fn into_outcome(self) -> Result<Outcome<S>, NodeError> {
        self.map_err(E::into)?.into_outcome()
    }
}
