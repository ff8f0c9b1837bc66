//! Chains as nodes of graphs.

use std::future::Future;
use std::pin::Pin;

use superstep_core::{Checked, CompileError, NodeResult, State, View, checked};

use super::Chain;

/// A node's future.
type Node<T> = Pin<Box<dyn Future<Output = NodeResult<T>> + Send>>;

/// A node that runs a chain: `input` makes what goes in of the state, and `update`
/// writes what it comes to.
///
/// What the chain's models say is among the run's tokens, under the node.
/// [`Event::part`](superstep_core::Event::part) tells branches, items, attempts and
/// other ways apart: `summary`, `summary/[2]`, `summary#2`, `summary/else`. What they
/// use counts for the run's usage and budget. When the chain fails the node
/// does, with an error that says whether to try again. What
/// [`check`](Chain::check) finds is reported by the graph's `compile`.
///
/// # Cancel safety
///
/// When the node is cancelled, all that is at work in the chain is dropped.
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::{ScriptedModel, chain_node, prompt, text};
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Research {
///     topic: String,
///     summary: String,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new().on_node("summarize", "It is large.").model();
/// let chain = prompt("Summarize {topic}") | model | text();
/// let summarize = chain_node(
///     chain,
///     |state: &Research| state.topic.clone(),
///     |summary| Research::update().summary(summary),
/// );
/// let graph = StateGraph::<Research>::new("research")
///     .add_node("summarize", summarize)
///     .add_edge(START, "summarize")
///     .compile()?;
/// let run = graph.invoke(Research::update().topic("space")).await?;
/// assert_eq!(run.state.summary, "It is large.");
/// assert_eq!(run.usage().of("summarize").calls, 1);
/// # Ok(())
/// # }
/// ```
pub fn chain_node<S, I, O>(
    chain: Chain<I, O>,
    input: impl Fn(&S) -> I + Clone + Send + Sync + 'static,
    update: impl Fn(O) -> S::Update + Clone + Send + Sync + 'static,
) -> Checked<impl Fn(View<S>) -> Node<S::Update> + Clone + Send + Sync + 'static>
where
    S: State,
    I: Send + 'static,
    O: Send + 'static,
{
    let mistakes = chain.mistakes().map(CompileError::diagnostics);
    let mistakes = mistakes.unwrap_or_default().to_vec();
    let run = move |state: View<S>| -> Node<S::Update> {
        let (call, update) = (chain.invoke(input(&state)), update.clone());
        Box::pin(async move {
            let output = call.await.map_err(super::ChainError::into_node_error)?;
            Ok(update(output))
        })
    };
    checked(run, mistakes)
}
