//! A run as it goes on, for whoever waits for it.

use superstep::{Invocation, State};

/// Shows a run on stderr, with the feature `progress`: live on a terminal, and line
/// by line elsewhere.
pub(crate) fn shown<S: State, C, X>(run: Invocation<S, C, X>) -> Invocation<S, C, X> {
    #[cfg(feature = "progress")]
    let run = run.watch(superstep::Progress::new());
    run
}
