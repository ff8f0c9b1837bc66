//! Agents that are functions or graphs of the program.

use std::future::Future;

use superstep_core::{IntoNode, IntoOutcome, NodeBuilder, StateGraph};

use super::Session;
use super::head::{Head, common};

/// Adds a node with the agent's policies to a graph.
pub(super) type AddNode<C> =
    Box<dyn FnOnce(StateGraph<Session, C>, &Head<C>) -> StateGraph<Session, C> + Send>;

/// A function or a graph over a [`Session`], as an agent: whatever can be a node
/// of a graph.
///
/// Keys that it writes are declared, so that others may count on them. What it says is
/// its own by its name, `Message::assistant("…").named("look_up")`: other agents read
/// it as a quotation of that one. Without a name it is part of the conversation that
/// the program gives, and to each model as if it had said so itself.
///
/// # Examples
///
/// ```
/// use superstep::prelude::*;
/// use superstep::{CustomAgent, LlmAgent, Model, ScriptedModel, SequentialAgent, Session};
///
/// async fn look_up(_: View<Session>) -> superstep::SessionUpdate {
///     Session::update().values(("population", 83_000_000))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::new(ScriptedModel::new().on_system("of 83000000", "That is a lot."));
/// let look_up = CustomAgent::new("look_up", look_up).writes(["population"]);
/// let comment = LlmAgent::new("comment").instruction("Comment a population of {population}.");
/// let graph = SequentialAgent::new("facts", (look_up, comment)).model(model).build()?.compile()?;
/// let run = graph.invoke(Session::ask("Germany?")).await?;
/// assert_eq!(run.state.answer(), "That is a lot.");
/// # Ok(())
/// # }
/// ```
#[must_use = "an agent does nothing until a graph is built of it"]
pub struct CustomAgent<C = ()> {
    pub(super) head: Head<C>,
    pub(super) add: AddNode<C>,
    pub(super) reads: Vec<String>,
}

common!(CustomAgent, Custom);

impl<C: Send + Sync + 'static> CustomAgent<C> {
    /// That function or graph.
    #[track_caller]
    pub fn new<N, Marker>(name: impl Into<String>, node: N) -> Self
    where
        N: IntoNode<Session, C, Marker> + Send + 'static,
        N::Future: Send,
        <N::Future as Future>::Output: IntoOutcome<Session>,
    {
        Self {
            head: Head::new(name),
            add: Box::new(|graph, head| {
                let node: NodeBuilder<N> = head.policies.node(node);
                graph.add_node(head.name.clone(), node)
            }),
            reads: Vec::new(),
        }
    }

    /// Keys that have to be there before it begins.
    pub fn reads<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.reads.extend(keys.into_iter().map(K::into));
        self
    }
}
