//! Tasks that do not wait for their siblings.
//!
//! 1. A task has a *depth*: the superstep in which it would run. Tasks of a depth
//!    are ordered as those of a superstep are; all tasks of a run are ordered by
//!    depth, and then so.
//! 2. A task starts once no unfinished task can lead to it any more, so that its
//!    causes are known ([`lanes`]). The least unfinished depth never waits, and
//!    deferred nodes wait for all.
//! 3. It sees the state at the begin of the window and the updates of its causal
//!    history, in the order of the run, whatever else has ended by then
//!    ([`past`]).
//! 4. A depth is *settled* once all of it and of those before has ended: what a
//!    superstep comes to then happens, conflicts, merges and plans. So the state at
//!    the end is that of all updates in the order of the run, and does not depend
//!    on time.
//! 5. A *window* begins with a settled depth, and ends with one after which all
//!    tasks see all that was settled. Between windows the run is the ordinary one:
//!    supersteps of one task cost what they always do.
//! 6. After a failure nothing starts that is deeper. Under `OnFailure::Stop` what
//!    is at work is aborted, under `Finish` it ends first, and what is not deeper
//!    still starts: the failure counts that supersteps would tell ([`faults`]).
//! 7. Nothing starts beyond the limit of the run, beyond a depth whose command
//!    leaves for the parent graph, or, once the run is drained, beyond the last
//!    depth at which something has started.

mod crew;
mod faults;
mod lanes;
mod lines;
mod meet;
mod past;
mod settle;
mod slots;
mod sweep;
mod view;
mod waits;
mod ways;
mod window;

use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use super::drive::Progress;
use super::error::RunError;
use crate::graph::StateGraph;
use crate::plan::Task;
use crate::state::State;
use ways::Ways;
use window::run_window;

/// How tasks of a graph run eagerly: a program that never says so does not
/// contain it.
pub(super) struct Eager<S: State, C> {
    run: RunWindow<S, C>,
    /// Of the graph that has it.
    ways: OnceLock<Arc<Ways>>,
}

type RunWindow<S, C> = for<'p, 'h> fn(
    &'p mut Progress<'h, S, C>,
    &'p mut Vec<Task>,
    &'p OnceLock<Arc<Ways>>,
) -> Window<'p>;

type Window<'p> = Pin<Box<dyn Future<Output = Result<(), RunError>> + Send + 'p>>;

impl<S: State, C> Eager<S, C> {
    /// Runs a window that begins with these tasks, and leaves those of the
    /// superstep after it.
    pub(super) fn run<'p>(
        &'p self,
        progress: &'p mut Progress<'_, S, C>,
        tasks: &'p mut Vec<Task>,
    ) -> Window<'p> {
        (self.run)(progress, tasks, &self.ways)
    }
}

impl<S: State, C: Send + Sync + 'static> StateGraph<S, C> {
    /// Starts each node as soon as its own predecessors are done, and not with the
    /// next superstep: nobody waits for the slowest sibling.
    ///
    /// A task keeps the number of the superstep that it would have run in, its
    /// depth, and the state at the end is made of all updates in the order of
    /// supersteps, so that it does not depend on time. What differs is what a
    /// node *sees*: the writes of what led to it, and of what led to that, and
    /// never those of a branch beside it that happens to have been as far. Where
    /// nodes do not read what such branches write, runs come to the same as in
    /// supersteps; `testing::explore` tells where they do not.
    ///
    /// A node waits as long as something unfinished may still lead to it at its
    /// depth: by edges, routes, declared destinations and joins. A command without
    /// [`destinations`](crate::NodeBuilder::destinations) may lead anywhere, and
    /// all wait for it. Deferred nodes wait until nothing else is left.
    ///
    /// After a failure what is at work is cancelled at any depth, or, with
    /// [`OnFailure::Finish`](crate::OnFailure::Finish), ends, and so does what was
    /// to start at the depth of the failure or before it: the failure that is told
    /// is that of supersteps. A timeout of supersteps counts from when all before
    /// is done. A graph with a checkpointer
    /// cannot be eager, and as a node of a run on a thread an eager graph goes by
    /// supersteps.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use std::time::Duration;
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Trip {
    ///     #[reduce(Append)]
    ///     found: Vec<String>,
    /// }
    ///
    /// async fn look(_: View<Trip>, ctx: Ctx) -> TripUpdate {
    ///     let slow = ctx.node() == "flights";
    ///     tokio::time::sleep(Duration::from_millis(if slow { 200 } else { 20 })).await;
    ///     Trip::update().found(ctx.node().to_string())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Trip>::new("trip")
    ///     .add_node("flights", look)
    ///     .add_node("hotels", look)
    ///     .add_node("ratings", look)
    ///     .add_edge(START, ["flights", "hotels"])
    ///     .add_edge("hotels", "ratings")
    ///     .eager()
    ///     .compile()?;
    /// let run = graph.invoke(Trip::update()).await?;
    /// assert_eq!(run.state.found, ["flights", "hotels", "ratings"]);
    ///
    /// let timeline = run.timeline();
    /// let ratings = timeline.spans().iter().find(|span| span.task == "ratings").unwrap();
    /// assert!(ratings.start < Duration::from_millis(30), "it did not wait for `flights`");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn eager(mut self) -> Self {
        let place = self.place_here();
        let eager = Eager::<S, C> {
            run: run_window,
            ways: OnceLock::new(),
        };
        self.eager = Some((Arc::new(eager), place));
        self
    }
}
