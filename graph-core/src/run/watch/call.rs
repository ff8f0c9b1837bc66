//! How a call says that its run is watched.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Events, Watcher};
use crate::id::RunId;
use crate::run::given::HasContext;
use crate::run::invocation::Invocation;
use crate::state::State;

/// Who watches a run beside the reader of its events, and what it is called.
pub(crate) struct WatchedBy<S> {
    pub(crate) run_id: Option<RunId>,
    pub(crate) watchers: Vec<Box<dyn Watcher<S>>>,
}

impl<S> Default for WatchedBy<S> {
    fn default() -> Self {
        Self {
            run_id: None,
            watchers: Vec::new(),
        }
    }
}

/// A name for a run that was given none: `research-7` is the seventh run of this
/// process that was watched.
pub(crate) fn next_run(graph: &str) -> RunId {
    static RUNS: AtomicU64 = AtomicU64::new(1);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    RunId::from(format!("{graph}-{number}"))
}

impl<S: State, C, X> Invocation<S, C, X> {
    /// Names the run, for those who watch it; by default it is the graph's name
    /// and a number that is another for each watched run of the process.
    pub fn run_id(mut self, id: impl Into<RunId>) -> Self {
        self.watched_by_mut().run_id = Some(id.into());
        self
    }

    /// Lets somebody see the events of the run: a closure, or a [`Watcher`].
    /// Several see each event in the order in which they were added.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use std::sync::mpsc;
    /// use superstep::prelude::*;
    /// use superstep::Event;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Count {
    ///     #[reduce(Sum)]
    ///     n: u32,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Count>::new("count")
    ///     .add_node("one", async |_: View<Count>| Count::update().n(1))
    ///     .add_edge(START, "one")
    ///     .compile()?;
    ///
    /// let (log, lines) = mpsc::channel();
    /// let run = graph
    ///     .invoke(Count::update())
    ///     .watch(move |event: &Event<Count>| drop(log.send(event.kind.name())))
    ///     .await?;
    /// assert_eq!(run.state.n, 1);
    /// let lines: Vec<_> = lines.iter().collect();
    /// assert_eq!(
    ///     lines,
    ///     [
    ///         "run_started",
    ///         "superstep_finished",
    ///         "superstep_started",
    ///         "task_started",
    ///         "task_finished",
    ///         "superstep_finished",
    ///         "run_finished",
    ///     ]
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(mut self, watcher: impl Watcher<S> + 'static) -> Self {
        self.watched_by_mut().watchers.push(Box::new(watcher));
        self
    }
}

impl<S, C, X> Invocation<S, C, X>
where
    S: State,
    C: Send + Sync + 'static,
{
    /// The events of the run, as a stream that drives it: see [`Events`].
    ///
    /// # Panics
    ///
    /// When the run has begun, by a poll of its future.
    pub fn stream(mut self) -> Events<S>
    where
        // Here and not above: the compiler then says that the context is missing.
        X: HasContext<C>,
    {
        self.taken_unpolled().events()
    }
}
