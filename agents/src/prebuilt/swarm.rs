//! Agents that hand a conversation to each other.

use std::fmt;
use std::sync::Arc;

use superstep_core::{Graph, START, StateGraph, View};
use superstep_providers::{ToolCall, ToolSpec};

use super::mistakes::Mistakes;
use super::{Chat, PatternError, ReactAgent};
use crate::react::{ANSWER, Called};
use crate::tools::{Tool, ToolError, open_calls};

/// Agents that talk to a user in turn: each can hand the conversation to another,
/// which goes on with it.
///
/// Who has the word is kept in the state, so that the next input on a thread goes
/// straight to it. The agents are known by [`named`](ReactAgent::named) and
/// [`description`](ReactAgent::description); each is told of the others as tools,
/// `transfer_to_NAME`. What they say carries their names.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep::{Chat, Graph, MemoryCheckpointer, Reply, ScriptedModel, Toolbox, react_agent, swarm};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let desk = ScriptedModel::new().otherwise(Reply::call("transfer_to_billing", json!({})));
/// let billing = ScriptedModel::new().otherwise("Let me see your bill.");
/// let agents = [
///     react_agent(desk.model(), Toolbox::new()).named("desk").description("Greets."),
///     react_agent(billing.model(), Toolbox::new()).named("billing").description("Knows bills."),
/// ];
/// let graph: Graph<Chat> = swarm(agents, "desk")
///     .build()?
///     .checkpointer(MemoryCheckpointer::new())
///     .compile()?;
///
/// let run = graph.invoke(Chat::ask("My bill is wrong.")).thread("ann").await?;
/// assert_eq!(run.ran(), [["desk"], ["billing"], ["answer"]]);
/// assert_eq!(run.state.messages[3].to_string(), "assistant (billing): Let me see your bill.");
/// let run = graph.invoke(Chat::ask("Here it is.")).thread("ann").await?;
/// assert_eq!(run.ran(), [["billing"], ["answer"]]);
/// # Ok(())
/// # }
/// ```
pub fn swarm<C: Send + Sync + 'static>(
    agents: impl IntoIterator<Item = ReactAgent<C>>,
    first: impl Into<String>,
) -> Swarm<C> {
    Swarm {
        name: "swarm".to_owned(),
        agents: agents.into_iter().collect(),
        first: first.into(),
    }
}

/// Agents that hand a conversation to each other, on their way to becoming a graph;
/// see [`swarm`].
#[must_use = "a swarm does nothing until its graph runs"]
pub struct Swarm<C = ()> {
    name: String,
    agents: Vec<ReactAgent<C>>,
    first: String,
}

/// Who is there, and who begins.
struct Crowd {
    names: Vec<String>,
    first: usize,
}

impl Crowd {
    /// Who has the word: the first, if nobody has, or somebody who is not there
    /// any more.
    fn active(&self, chat: &Chat) -> &str {
        let active = chat.active.as_ref();
        let mut names = self.names.iter();
        let known = active.and_then(|active| names.find(|name| *name == active));
        known.unwrap_or(&self.names[self.first])
    }

    /// Whom a call hands the conversation to.
    fn target(&self, tool: &str) -> Option<&String> {
        let name = tool.strip_prefix(TRANSFER)?;
        self.names.iter().find(|known| *known == name)
    }
}

/// How the tools begin that hand over.
const TRANSFER: &str = "transfer_to_";

impl<C: Send + Sync + 'static> Swarm<C> {
    /// Names its graph; `swarm` if nothing does.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The graph: one node for each agent under its name, and `answer`. What is to
    /// follow the answer gets an edge from `answer`.
    ///
    /// # Errors
    ///
    /// When two agents have one name, or one that is `answer`; when the first is
    /// none of them; when tools are not sound: see
    /// [`Toolbox::check`](crate::Toolbox::check).
    #[track_caller]
    pub fn build(self) -> Result<StateGraph<Chat, C>, PatternError> {
        let mut mistakes = Mistakes::default();
        let names: Vec<String> = self.agents.iter().map(|agent| agent.name.clone()).collect();
        let texts: Vec<&str> = names.iter().map(|name| &**name).collect();
        mistakes.names(&texts, &[ANSWER]);
        let first = names.iter().position(|name| *name == self.first);
        if first.is_none() {
            let first = &self.first;
            mistakes.add(format!("`{first}`, who is to begin, is none of the agents"));
        }
        let crowd = Arc::new(Crowd {
            names: names.clone(),
            first: first.unwrap_or_default(),
        });
        let peers: Vec<_> = self.agents.iter().map(transfer).collect();
        let mut inside = Vec::new();
        for (index, agent) in self.agents.into_iter().enumerate() {
            let others = peers.iter().enumerate().filter(|(peer, _)| *peer != index);
            let others = others.map(|(_, peer)| peer.clone()).collect();
            inside.extend(member(agent, others, &crowd, &mut mistakes));
        }
        mistakes.check()?;

        let begins = Arc::clone(&crowd);
        let mut graph = StateGraph::new(self.name)
            .add_node(ANSWER, async |_: View<Chat>| {})
            .add_conditional_edges(START, move |chat| begins.active(chat).to_owned(), &names);
        for (name, agent) in names.iter().zip(inside) {
            let others = names.iter().filter(|other| *other != name).cloned();
            let targets: Vec<String> = others.chain([ANSWER.to_owned()]).collect();
            let (goes, own) = (Arc::clone(&crowd), name.clone());
            let next = move |chat: &Chat| match goes.active(chat) {
                active if active == own => ANSWER.to_owned(),
                active => active.to_owned(),
            };
            graph = graph
                .add_node(name, agent)
                .add_conditional_edges(name, next, targets);
        }
        Ok(graph)
    }
}

/// One agent of it as a graph, which ends when it answers or hands over.
#[track_caller]
fn member<C: Send + Sync + 'static>(
    agent: ReactAgent<C>,
    others: Vec<Tool<C, Chat>>,
    crowd: &Arc<Crowd>,
    mistakes: &mut Mistakes,
) -> Option<Graph<Chat, C>> {
    let ReactAgent {
        name, mut turns, ..
    } = agent;
    turns.toolbox = turns.toolbox.add_all(others);
    mistakes.toolbox(&turns.toolbox);
    turns.speaker = Some(name.clone());
    let hands = Arc::clone(crowd);
    turns.beside = Some(Arc::new(move |_: &Chat, called: &Called| {
        let mut done = called.done.iter();
        let taken = done.find_map(|call| hands.target(&call.name))?;
        Some(Chat::update().active(taken.clone()))
    }));
    let (goes, own) = (Arc::clone(crowd), name.clone());
    turns.leaves = Some(Arc::new(move |chat| goes.active(chat) != own));
    mistakes.compiled(turns.graph(name).compile())
}

/// The tool by which others hand over to an agent.
fn transfer<C: Send + Sync + 'static>(agent: &ReactAgent<C>) -> Tool<C, Chat> {
    let (name, description) = (&agent.name, &agent.description);
    let spec = ToolSpec {
        name: format!("{TRANSFER}{name}"),
        description: format!("Hands the conversation to `{name}`. {description}")
            .trim_end()
            .to_owned(),
        parameters: serde_json::json!({ "type": "object", "properties": {} }),
    };
    let taken = format!("`{name}` goes on");
    Tool::of_state(spec, move |call: &ToolCall, chat: &Chat| {
        let calls = open_calls(&chat.messages);
        let mut transfers = calls.iter().filter(|call| call.name.starts_with(TRANSFER));
        match transfers.next().is_none_or(|first| first.id == call.id) {
            true => Ok(taken.clone()),
            false => Err(ToolError::msg("only the first can go on")),
        }
    })
}

impl<C> fmt::Debug for Swarm<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swarm")
            .field("agents", &self.agents)
            .field("first", &self.first)
            .finish_non_exhaustive()
    }
}
