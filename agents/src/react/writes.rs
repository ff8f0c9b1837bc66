//! What a node over any state writes.

use superstep_core::{IntoOutcome, NodeError, Outcome, State};

/// An update, or none: where the state is not known, only this says that an
/// update is what a node may return.
pub(crate) struct Writes<S: State>(pub(crate) Option<S::Update>);

impl<S: State> IntoOutcome<S> for Writes<S> {
    fn into_outcome(self) -> Result<Outcome<S>, NodeError> {
        Ok(self.0.map_or_else(Outcome::empty, Outcome::update))
    }
}
