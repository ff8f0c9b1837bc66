//! Those who see a run's events beside its reader.

use crate::event::{Event, Kinds};
use crate::state::State;

/// Sees the events of a run, as they are read: a progress display, a log.
///
/// Every `FnMut(&Event<S>)` is one that wants all events. It is called where the
/// run is awaited or its stream is polled, between two polls of the run: what
/// takes long there holds the run up. If it panics the run is dropped, and fails
/// with [`RunError::Watcher`](crate::RunError::Watcher).
pub trait Watcher<S: State>: Send {
    /// The kinds of events that it wants.
    fn wants(&self) -> Kinds {
        Kinds::ALL
    }

    /// Something has happened.
    fn see(&mut self, event: &Event<S>);
}

impl<S: State, F: FnMut(&Event<S>) + Send> Watcher<S> for F {
    fn see(&mut self, event: &Event<S>) {
        self(event);
    }
}
