//! Graphs that are nodes, and remember what came of their last call on the
//! thread.

use std::sync::Arc;

use super::inner::{Ended, go};
use super::nest::{InRun, Running};
use super::subgraph::Subgraph;
use super::thread::Recalled;
use crate::node::{Definition, IntoNode, MayFail, NodeError};
use crate::state::State;

impl<S: State, C, I, O> Subgraph<S, C, I, O> {
    /// The same with a memory of each thread: a call begins from the state that the
    /// last call on the thread ended with, to which the input is applied.
    ///
    /// What a call has changed counts where its task's result does: one that fails,
    /// asks or is dropped leaves the memory as it was. A fork has the memory of the
    /// checkpoint that it goes on from. Without a thread each call begins anew.
    ///
    /// It is a node and no worker, nor is what it is in: sends run at once, and
    /// would write one memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    /// use superstep::{MemoryCheckpointer, subgraph};
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Notes {
    ///     #[reduce(Append)]
    ///     heard: Vec<String>,
    /// }
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Chat {
    ///     text: String,
    ///     known: usize,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let notes = StateGraph::<Notes>::new("notes")
    ///     .add_node("think", async |_: View<Notes>| {})
    ///     .add_edge(START, "think")
    ///     .compile()?;
    /// let notes = subgraph(
    ///     notes,
    ///     |chat: &Chat| Notes::update().heard(chat.text.clone()),
    ///     |notes: &Notes| Chat::update().known(notes.heard.len()),
    /// );
    /// let graph = StateGraph::<Chat>::new("chat")
    ///     .add_node("notes", notes.per_thread())
    ///     .add_edge(START, "notes")
    ///     .checkpointer(MemoryCheckpointer::new())
    ///     .compile()?;
    /// graph.invoke(Chat::update().text("hello")).thread("ann").await?;
    /// let run = graph.invoke(Chat::update().text("bye")).thread("ann").await?;
    /// assert_eq!(run.state.known, 2);
    /// let run = graph.invoke(Chat::update().text("hi")).thread("bob").await?;
    /// assert_eq!(run.state.known, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn per_thread(self) -> PerThread<S, C, I, O> {
        PerThread(self)
    }
}

/// A graph with a state of its own, as a node that remembers: made by
/// [`Subgraph::per_thread`].
#[derive(Debug, Clone)]
#[must_use = "a subgraph does nothing until it is added to a graph"]
pub struct PerThread<S: State, C, I, O>(Subgraph<S, C, I, O>);

#[doc(hidden)]
#[derive(Debug)]
pub enum OfPerThread {}

impl MayFail for OfPerThread {}

#[diagnostic::do_not_recommend]
impl<P, S, C, I, O> IntoNode<P, C, OfPerThread> for PerThread<S, C, I, O>
where
    P: State,
    S: State,
    C: Send + Sync + 'static,
    I: Fn(&P) -> S::Update + Send + Sync + 'static,
    O: Fn(&S) -> P::Update + Send + Sync + 'static,
{
    type Future = Running<P>;

    fn into_node(self) -> Definition<P, C> {
        self.0.of_state(true)
    }
}

impl<S: State, C: Send + Sync + 'static> InRun<S, C> {
    /// Runs the graph from what it remembers, to which `input` is applied.
    pub(super) async fn run_from_memory(self, input: S::Update) -> Result<Ended<S>, NodeError> {
        let Some(ledger) = self.ledger() else {
            return self.run(Arc::new(S::default()), input, false).await;
        };
        let Recalled {
            state,
            held,
            mut call,
        } = ledger.recall::<S>()?;
        call.note::<S>(&input)?;
        let around = (Arc::clone(&self.nest), self.place);
        let mut recording = self.recording();
        let mut progress = self.begin(state, false, Some(&ledger), recording.record());
        progress.ephemerals.hold(progress.fields, &held);
        progress.collects();
        let ended = async {
            let mut progress = go(around, progress, Some(&ledger), input).await?;
            let expired = progress.take_expired();
            if let Some(written) = progress.take_collected() {
                call.note::<S>(&written)?;
            }
            ledger.remember(call, &progress.state, expired, progress.held())?;
            ledger.hand_on();
            Ok::<_, NodeError>(Ended::of(progress))
        };
        let ended = ended.await;
        recording.ends(&ended);
        ended
    }
}
