//! A run as it goes on, on a terminal and nowhere else.

use superstep::{Invocation, State};

/// Shows a run, with the feature `progress`, if there is a terminal.
pub(crate) fn live<S: State, C, X>(run: Invocation<S, C, X>) -> Invocation<S, C, X> {
    #[cfg(feature = "progress")]
    match superstep::Progress::new() {
        progress if progress.is_live() => return run.watch(progress),
        _ => {}
    }
    run
}
