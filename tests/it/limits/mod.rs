//! What bounds a run beside its supersteps.

mod budget;
pub(crate) mod cache;
mod concurrency;
mod crossed;
#[cfg(feature = "cache")]
mod memory;
mod outside;
#[cfg(feature = "rate-limit")]
mod rates;
mod together;

use std::sync::{Arc, Mutex};

use superstep::prelude::*;
use superstep::{Graph, SendTo};
use tokio::time::Instant;

use crate::common::Trace;

/// What tasks note, with the second in which they do.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    begin: Instant,
    lines: Arc<Mutex<Vec<(f64, String)>>>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            begin: Instant::now(),
            lines: Arc::default(),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "numbers and names are short")]
    pub(super) fn note(&self, what: impl ToString) {
        let second = self.begin.elapsed().as_secs_f64();
        let mut lines = self.lines.lock().expect("nobody panics here");
        lines.push((second, what.to_string()));
    }

    /// As `0 a, 0.5 b`, in the order of noting.
    pub(super) fn text(&self) -> String {
        let lines = self.lines.lock().expect("nobody panics here");
        let line = |(second, what): &(f64, String)| format!("{second} {what}");
        lines.iter().map(line).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn seconds(&self) -> Vec<f64> {
        let lines = self.lines.lock().expect("nobody panics here");
        lines.iter().map(|&(second, _)| second).collect()
    }
}

/// Sends the first numbers to a worker.
pub(super) fn send(
    worker: Worker<u32>,
    n: u32,
) -> impl Fn(&Trace) -> Vec<SendTo> + Send + Sync + 'static {
    move |_| (0..n).map(|number| worker.send(number)).collect()
}

/// Runs a graph that must end well, with this log.
pub(super) async fn logged(graph: &Graph<Trace, Log>) -> Log {
    let log = Log::new();
    let run = graph.invoke(Trace::update()).context(log.clone());
    run.await.expect("the run ends well");
    log
}
