//! Agents one after another.

use super::agent::{Agent, IntoAgents};
use super::head::{Head, common};

/// Agents that run one after another; each sees what those before it said and
/// wrote.
///
/// # Examples
///
/// ```
/// use superstep::{LlmAgent, Model, ScriptedModel, SequentialAgent, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::new(
///     ScriptedModel::new()
///         .on_system("Name a river", "The Rhine.")
///         .on_system("How long is The Rhine", "1230 km."),
/// );
/// let river = LlmAgent::new("river")
///     .instruction("Name a river in {country}.")
///     .output_key("river");
/// let length = LlmAgent::new("length").instruction("How long is {river}?");
/// let graph = SequentialAgent::new("geography", [river, length])
///     .model(model)
///     .input(["country"])
///     .build()?
///     .compile()?;
/// let run = graph.invoke(Session::ask("go").values(("country", "Germany"))).await?;
/// assert_eq!(run.state.answer(), "1230 km.");
/// # Ok(())
/// # }
/// ```
#[must_use = "an agent does nothing until a graph is built of it"]
pub struct SequentialAgent<C = ()> {
    pub(super) head: Head<C>,
    pub(super) agents: Vec<Agent<C>>,
}

common!(SequentialAgent, Sequence);

impl<C> SequentialAgent<C> {
    /// These agents, in their order.
    #[track_caller]
    pub fn new(name: impl Into<String>, agents: impl IntoAgents<C>) -> Self {
        Self {
            head: Head::new(name),
            agents: agents.into_agents(),
        }
    }
}
