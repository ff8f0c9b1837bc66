//! Joins that have rules, in a run: who decides about them while tasks are at
//! work, and what follows at the end of the superstep.

mod add;
mod plan;
mod referee;

use std::sync::Arc;

use super::hooks::Referee;
use crate::compile::{Frozen, Rules};
use crate::state::State;

/// Makes who decides about a graph's joins in one run.
type MakeReferee<S> = fn(Arc<Rules>) -> Arc<dyn Referee<S>>;

/// Who decides about the graph's joins, if some have rules.
pub(super) fn referee_of<S: State, C>(graph: &Frozen<S, C>) -> Option<Arc<dyn Referee<S>>> {
    let rules = graph.rules.as_ref()?;
    let make = graph.referees.as_ref()?;
    let make = make.downcast_ref::<MakeReferee<S>>()?;
    Some(make(Arc::clone(rules)))
}
