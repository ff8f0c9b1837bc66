//! A model that gives work to other agents.

use std::collections::BTreeSet;
use std::fmt;

use superstep_core::{CompileError, StateGraph};

use super::mistakes::Mistakes;
use super::{Chat, Delegate, ReactAgent, react_agent};
use crate::react::{ANSWER, IntoModel, TOOLS};
use crate::tools::Toolbox;

/// The node of the model that leads.
const SUPERVISOR: &str = "supervisor";

/// What the model is told that leads, if nothing else is said.
const INSTRUCTION: &str = "You lead a team of agents. Give them the work that they can do, to \
                           several at once where their tasks do not need each other's results. \
                           They know nothing but the request that you write. When you know enough, \
                           answer yourself.";

/// A model that leads other agents: it calls them as tools, each under its own name
/// and with a `request`, and reads what they report, until it answers itself.
///
/// The agents that it calls in one message work at the same time, each call for
/// itself, in a conversation of its own.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep::{Delegate, Chat, Ctx, Graph, NodeResult, Reply, ScriptedModel, supervisor};
///
/// async fn flights(task: String, _: Ctx) -> NodeResult<String> {
///     Ok(format!("Found a flight for: {task}"))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new().on(
///     "Rome",
///     [Reply::call("flights", json!({ "request": "to Rome" })), Reply::from("Off you go.")],
/// );
/// let agents = [Delegate::function("flights", "Finds flights.", flights)];
/// let graph: Graph<Chat> = supervisor(model.model(), agents).build()?.compile()?;
///
/// let run = graph.invoke(Chat::ask("I want to see Rome.")).await?;
/// assert_eq!(run.ran(), [["supervisor"], ["flights"], ["supervisor"], ["answer"]]);
/// assert_eq!(
///     run.state.messages[2].to_string(),
///     "tool: flights -> Found a flight for: to Rome"
/// );
/// assert_eq!(run.state.answer(), "Off you go.");
/// # Ok(())
/// # }
/// ```
pub fn supervisor<C: Send + Sync + 'static, M>(
    model: impl IntoModel<C, M>,
    agents: impl IntoIterator<Item = Delegate<C>>,
) -> Supervisor<C> {
    let lead = react_agent(model, Toolbox::new());
    Supervisor {
        lead: lead.named(SUPERVISOR).instruction(INSTRUCTION),
        agents: agents.into_iter().collect(),
    }
}

/// A model and the agents that it leads, on their way to becoming a graph; see
/// [`supervisor`].
#[must_use = "a supervisor does nothing until its graph runs"]
pub struct Supervisor<C = ()> {
    lead: ReactAgent<C>,
    agents: Vec<Delegate<C>>,
}

impl<C: Send + Sync + 'static> Supervisor<C> {
    /// What the model is to be and do, in place of what it is told of teams.
    pub fn instruction(self, text: impl Into<String>) -> Self {
        self.lead(|lead| lead.instruction(text))
    }

    /// Tools that the model calls itself, beside the agents.
    pub fn tools(mut self, toolbox: Toolbox<C, Chat>) -> Self {
        self.lead.turns.toolbox = toolbox;
        self
    }

    /// Whatever else can be said of an agent, of the one that leads:
    /// `.lead(|lead| lead.max_turns(5))`.
    pub fn lead(mut self, with: impl FnOnce(ReactAgent<C>) -> ReactAgent<C>) -> Self {
        self.lead = with(self.lead);
        self
    }

    /// The graph: nodes `supervisor`, `tools`, `answer`, and one for each agent
    /// under its name. What is to follow the answer gets an edge from `answer`.
    ///
    /// # Errors
    ///
    /// When two agents have one name or that of another node; when what they are
    /// made of does not compile; when tools are not sound, or are called like an agent:
    /// see [`Toolbox::check`].
    #[track_caller]
    pub fn build(self) -> Result<StateGraph<Chat, C>, CompileError> {
        let mut mistakes = Mistakes::of(&self.lead.name);
        let made: Vec<_> = self.agents.iter().map(Delegate::made).collect();
        mistakes.names(&made, &[SUPERVISOR, TOOLS, ANSWER]);
        let ReactAgent {
            name, mut turns, ..
        } = self.lead;
        let agents = self.agents.into_iter();
        let agents = agents.filter_map(|agent| agent.callee(&mut mistakes));
        let mut agents: Vec<_> = agents.collect();
        // Two of one name are told of as agents, and not as tools, too.
        let mut known = BTreeSet::new();
        agents.retain(|agent| known.insert(agent.name()));
        turns.call_agents(&agents);
        mistakes.toolbox(&turns.toolbox);
        mistakes.check()?;
        Ok(turns.graph(name, SUPERVISOR, agents))
    }
}

impl<C> fmt::Debug for Supervisor<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}
