//! Graphs with a state of their own, as nodes of others.

use std::any::Any;
use std::sync::Arc;

use super::nest::{InRun, Running, definition};
use super::thread::{replay, replay_from_memory};
use crate::compile::Graph;
use crate::graph::StateGraph;
use crate::node::{
    Body, BoxCall, Definition, Frame, GraphInside, Input, IntoNode, IntoWorker, MayFail, Memory,
    NodeError, Outcome,
};
use crate::state::{Data, State};

/// A graph with a state of its own, as a node of another: see [`subgraph`].
#[derive(Debug, Clone)]
#[must_use = "a subgraph does nothing until it is added to a graph"]
pub struct Subgraph<S: State, C, I, O> {
    pub(super) graph: Graph<S, C>,
    pub(super) input: I,
    pub(super) output: O,
}

/// A graph with a state of its own, to be a node of another graph, or a worker.
///
/// Each time the node runs, `input` makes the subgraph's input of what the node
/// is given: the parent's state, or for a worker the value that was sent. When the
/// subgraph is done, `output` makes the parent's update of its state.
///
/// Policies are put on it by [`node`](crate::node).
///
/// # Examples
///
/// One subgraph, for many documents at once:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::subgraph;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Review {
///     text: String,
///     #[reduce(Append)]
///     remarks: Vec<String>,
/// }
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Report {
///     #[reduce(Append)]
///     remarks: Vec<String>,
/// }
///
/// const REVIEW: Worker<String> = Worker::new("review");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let review = StateGraph::<Review>::new("review")
///     .add_node("length", async |doc: View<Review>| {
///         Review::update().remarks(format!("{} letters", doc.text.len()))
///     })
///     .add_edge(START, "length")
///     .compile()?;
/// let graph = StateGraph::<Report>::new("report")
///     .add_worker(
///         REVIEW,
///         subgraph(
///             review,
///             |text: &String| Review::update().text(text.clone()),
///             |review: &Review| Report::update().remarks(review.remarks.clone()),
///         ),
///     )
///     .add_conditional_edges(
///         START,
///         |_: &Report| ["one", "three"].map(|text| REVIEW.send(text.to_owned())),
///         [REVIEW],
///     )
///     .compile()?;
/// let run = graph.invoke(Report::update()).await?;
/// assert_eq!(run.state.remarks, ["3 letters", "5 letters"]);
/// # Ok(())
/// # }
/// ```
pub fn subgraph<S: State, C, I, O>(
    graph: Graph<S, C>,
    input: I,
    output: O,
) -> Subgraph<S, C, I, O> {
    Subgraph {
        graph,
        input,
        output,
    }
}

impl<S: State, C: Send + Sync + 'static> StateGraph<S, C> {
    /// Adds a graph with a state of its own as a node: `input` makes its input of
    /// the state, and `output` the update of what it has come to. The same as
    /// `add_node` with a [`subgraph`], which shows more.
    #[track_caller]
    pub fn add_subgraph<T: State>(
        self,
        name: impl Into<String>,
        graph: Graph<T, C>,
        input: impl Fn(&S) -> T::Update + Send + Sync + 'static,
        output: impl Fn(&T) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        self.add_node::<_, OfSubgraph>(name, subgraph(graph, input, output))
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub enum OfSubgraph {}

impl MayFail for OfSubgraph {}

#[diagnostic::do_not_recommend]
impl<P, S, C, I, O> IntoNode<P, C, OfSubgraph> for Subgraph<S, C, I, O>
where
    P: State,
    S: State,
    C: Send + Sync + 'static,
    I: Fn(&P) -> S::Update + Send + Sync + 'static,
    O: Fn(&S) -> P::Update + Send + Sync + 'static,
{
    type Future = Running<P>;

    fn into_node(self) -> Definition<P, C> {
        self.of_state(false)
    }
}

#[diagnostic::do_not_recommend]
impl<T, P, S, C, I, O> IntoWorker<T, P, C, OfSubgraph> for Subgraph<S, C, I, O>
where
    P: State,
    S: State,
    C: Send + Sync + 'static,
    I: Fn(&T) -> S::Update + Send + Sync + 'static,
    O: Fn(&S) -> P::Update + Send + Sync + 'static,
{
    type Future = Running<P>;

    fn into_worker(self) -> Definition<P, C>
    where
        T: Data,
    {
        let input = self.input;
        let input = move |given: Input<'_, P>| {
            let Input::Sent(sent) = given else {
                unreachable!("a worker was started without a value");
            };
            let sent = sent.into_any();
            let sent = sent.downcast_ref::<T>();
            input(sent.expect("a send's type is checked before its task is planned"))
        };
        Mapped::definition(self.graph, input, self.output, false)
    }
}

impl<S: State, C: Send + Sync + 'static, I, O> Subgraph<S, C, I, O> {
    /// As a node, whose input is made of the state.
    pub(super) fn of_state<P: State>(self, remembers: bool) -> Definition<P, C>
    where
        I: Fn(&P) -> S::Update + Send + Sync + 'static,
        O: Fn(&S) -> P::Update + Send + Sync + 'static,
    {
        let input = self.input;
        let input = move |given: Input<'_, P>| {
            let Input::State(state) = given else {
                unreachable!("a graph that is a node was sent a value");
            };
            input(state)
        };
        Mapped::definition(self.graph, input, self.output, remembers)
    }
}

/// The body of such a node or worker.
struct Mapped<S: State, C, I, O> {
    graph: Graph<S, C>,
    input: I,
    output: Arc<O>,
    /// Each call begins from what the last one on the thread has left.
    remembers: bool,
}

impl<S: State, C: Send + Sync + 'static, I, O> Mapped<S, C, I, O> {
    fn definition<P: State>(
        graph: Graph<S, C>,
        input: I,
        output: O,
        remembers: bool,
    ) -> Definition<P, C>
    where
        I: Fn(Input<'_, P>) -> S::Update + Send + Sync + 'static,
        O: Fn(&S) -> P::Update + Send + Sync + 'static,
    {
        let frozen = Arc::clone(&graph.frozen);
        let body = Self {
            graph,
            input,
            output: Arc::new(output),
            remembers,
        };
        let mut node = definition(&frozen, Arc::new(body));
        if remembers {
            // Before those inside.
            node.memories.insert(0, Memory::default());
        }
        node
    }
}

impl<P, S, C, I, O> Body<P, C> for Mapped<S, C, I, O>
where
    P: State,
    S: State,
    C: Send + Sync + 'static,
    I: Fn(Input<'_, P>) -> S::Update + Send + Sync + 'static,
    O: Fn(&S) -> P::Update + Send + Sync + 'static,
{
    fn call(&self, input: Input<'_, P>, frame: &Frame<'_, C>) -> BoxCall<P> {
        let (run, input) = (InRun::new(&self.graph, frame), (self.input)(input));
        let (output, remembers) = (Arc::clone(&self.output), self.remembers);
        let outcome = async move {
            let ended = if remembers {
                run.run_from_memory(input).await?
            } else {
                run.run(Arc::default(), input, false).await?
            };
            Ok::<_, NodeError>(Outcome {
                update: Some(output(&ended.state)),
                targets: ended.targets,
            })
        };
        Box::pin(outcome)
    }

    fn inside(&self) -> Option<&dyn GraphInside> {
        Some(&*self.graph.frozen)
    }

    fn replay(&self, input: Input<'_, P>, again: &mut dyn Any) {
        let input = (self.input)(input);
        if self.remembers {
            replay_from_memory(&self.graph, input, again);
        } else {
            replay(&self.graph, Arc::default(), input, false, again);
        }
    }
}
