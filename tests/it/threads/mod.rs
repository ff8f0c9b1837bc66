//! Threads: what a run leaves behind, and how others go on from it.

#![expect(
    clippy::unwrap_used,
    reason = "what several tests share fails as they would"
)]

mod breakpoints;
mod busy;
mod durability;
mod failures;
mod fields;
#[cfg(feature = "testing")]
mod golden;
mod history;
mod interrupts;
mod odd;
mod once;
mod retention;
mod state;
mod stores;
mod unfinished;
mod versions;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use superstep::prelude::*;
use superstep::{Graph, MemoryCheckpointer};

use crate::common::{Trace, sound};

/// The one thread of most tests.
const T: &str = "t";

/// A graph whose threads are in memory.
fn kept<C: Send + Sync + 'static>(graph: StateGraph<Trace, C>) -> Graph<Trace, C> {
    sound(graph.checkpointer(MemoryCheckpointer::new()))
}

/// Runs into a failure of that code; returns what its nodes had counted.
async fn fails(graph: &Graph<Trace, Count>, code: &str) -> Arc<Count> {
    let count = Arc::new(Count::default());
    let run = graph.invoke(Trace::update()).thread(T);
    let failed = run.context(Arc::clone(&count)).await;
    assert_eq!(failed.unwrap_err().code(), code);
    count
}

/// Counts up; what fails first and succeeds later asks it.
#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Count {
    /// How often it was called before.
    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
