//! What a call says of its thread, as its caller says it.

use super::super::invocation::Invocation;
use super::begin::run_on_thread;
use super::options::{Durability, OnBusy, Unfinished};
use crate::id::{CheckpointId, ThreadId};
use crate::node::IntoNames;
use crate::state::State;

impl<S: State, C: Send + Sync + 'static, X> Invocation<S, C, X> {
    /// Runs on the thread of that name: its state goes on from where the last
    /// run left it, and everything is kept by the graph's checkpointer.
    pub fn thread(mut self, id: impl Into<ThreadId>) -> Self {
        self.call_mut().thread = Some((id.into(), run_on_thread));
        self
    }

    /// Goes on from that checkpoint of the thread, not from its head. Unless it
    /// is the head this is a fork: all its tasks run again, and what was asked
    /// there is asked again. What came after it stays as a branch.
    pub fn checkpoint(mut self, id: CheckpointId) -> Self {
        self.call_mut().settings.checkpoint = Some(id);
        self
    }

    /// Goes back inside the superstep of that checkpoint, or of the head: to
    /// superstep 2 of the subgraph that is node `review`, by `review/0/2`; further
    /// inside, `review/0/2/section/0/3`. It is the [`place`] of a snapshot.
    ///
    /// It is a fork. What the subgraph did before that holds, and so does what ran
    /// beside it; from there on everything runs again, and what was asked is asked
    /// again.
    ///
    /// # Errors
    ///
    /// The run ends with [`RunError::UnknownNode`](crate::RunError::UnknownNode) when
    /// the subgraph is not there, or never came to that superstep.
    ///
    /// # Examples
    ///
    /// See [`Thread::inside`](crate::Thread::inside).
    ///
    /// [`place`]: crate::InsideSnapshot::place
    pub fn inside(mut self, place: impl Into<String>) -> Self {
        self.call_mut().settings.inside = Some(place.into());
        self
    }

    /// When what the run does is safe; [`Durability::Sync`] by default.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.call_mut().settings.durability = durability;
        self
    }

    /// What to do when another run is at work on the thread; by default, end
    /// with [`RunError::ThreadBusy`](crate::RunError::ThreadBusy).
    pub fn on_busy(mut self, on_busy: OnBusy) -> Self {
        self.call_mut().settings.on_busy = on_busy;
        self
    }

    /// What an input does with a thread that has not finished; by default the
    /// run ends with [`RunError::Unfinished`](crate::RunError::Unfinished).
    pub fn unfinished(mut self, unfinished: Unfinished) -> Self {
        self.call_mut().settings.unfinished = Some(unfinished);
        self
    }

    /// Stops before a superstep that has one of these nodes, beside where the
    /// graph says; for this call only. `review/approve` is the node `approve` in
    /// the graph that is node `review`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    /// use superstep::{MemoryCheckpointer, Status};
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Text { #[reduce(Append)] log: Vec<String> }
    /// # async fn work(ctx: Ctx) -> TextUpdate { Text::update().log(ctx.node().to_string()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let review = StateGraph::<Text>::new("review")
    ///     .add_node("read", work)
    ///     .add_node("approve", work)
    ///     .add_edge(START, "read")
    ///     .add_edge("read", "approve")
    ///     .compile()?;
    /// let graph = StateGraph::<Text>::new("text")
    ///     .add_node("review", review)
    ///     .add_edge(START, "review")
    ///     .checkpointer(MemoryCheckpointer::new())
    ///     .compile()?;
    ///
    /// let run = graph.invoke(Text::update()).thread("t").interrupt_before("review/approve").await?;
    /// assert_eq!(run.status, Status::Interrupted);
    /// let run = graph.proceed().thread("t").await?;
    /// assert_eq!(run.state.log, ["read", "approve"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn interrupt_before(mut self, nodes: impl IntoNames) -> Self {
        let names = nodes.into_names();
        self.call_mut().settings.interrupt_before.extend(names);
        self
    }

    /// Stops after a superstep that had one of these nodes, unless nothing is
    /// left to run, beside where the graph says; for this call only. As
    /// [`interrupt_before`](Self::interrupt_before), it takes ways to nodes inside
    /// subgraphs; there it stops also if nothing is left in the subgraph.
    pub fn interrupt_after(mut self, nodes: impl IntoNames) -> Self {
        let names = nodes.into_names();
        self.call_mut().settings.interrupt_after.extend(names);
        self
    }
}
