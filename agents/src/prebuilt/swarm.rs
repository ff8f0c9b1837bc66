//! Agents that hand a conversation to each other.

use std::fmt;
use std::sync::Arc;

use superstep_core::{CompileError, Graph, StateGraph, View};

use super::mistakes::Mistakes;
use super::{Chat, ChatUpdate, ReactAgent};
use crate::react::{ANSWER, Contact, MODEL, Special, floor};

/// Agents that talk to a user in turn: each can hand the conversation to another,
/// which goes on with it.
///
/// Who has the word is kept in the state, so that the next input on a thread goes
/// straight to it. The agents are known by [`named`](ReactAgent::named) and
/// [`description`](ReactAgent::description); each is told of the others in its
/// instruction, and has a tool `transfer_to_agent`. What they say carries their names.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep::{Chat, Graph, MemoryCheckpointer, Reply, ScriptedModel, Toolbox, react_agent, swarm};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let desk = ScriptedModel::new().otherwise(Reply::call("transfer_to_agent", json!({ "agent_name": "billing" })));
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

/// Who has the word, and whom an agent has handed over to.
fn active(chat: &Chat) -> Option<&str> {
    chat.active.as_deref()
}

/// An agent among others, of which one has the word.
struct Member;

impl Special<Chat> for Member {
    fn hands_on(&self, to: String) -> ChatUpdate {
        Chat::update().active(to)
    }
}

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
    pub fn build(self) -> Result<StateGraph<Chat, C>, CompileError> {
        let mut mistakes = Mistakes::of(&self.name);
        let names: Vec<String> = self.agents.iter().map(|agent| agent.name.clone()).collect();
        let made = self.agents.iter().map(|agent| (&*agent.name, agent.place));
        let made: Vec<_> = made.collect();
        mistakes.names(&made, &[ANSWER]);
        if !names.contains(&self.first) {
            mistakes.unknown(&self.first, &made);
        }
        let contacts: Vec<_> = self.agents.iter().map(contact).collect();
        let mut graph = StateGraph::new(self.name).add_node(ANSWER, async |_: View<Chat>| {});
        for agent in self.agents {
            let name = agent.name.clone();
            if let Some(member) = member(agent, &contacts, &mut mistakes) {
                graph = graph.add_node(name, member);
            }
        }
        mistakes.check()?;
        Ok(floor(graph, &names, &self.first, active, active, ANSWER))
    }
}

/// One agent of it as a graph, which ends when it answers or hands over.
#[track_caller]
fn member<C: Send + Sync + 'static>(
    agent: ReactAgent<C>,
    contacts: &[Contact],
    mistakes: &mut Mistakes,
) -> Option<Graph<Chat, C>> {
    let ReactAgent {
        name, mut turns, ..
    } = agent;
    let others = contacts.iter().filter(|contact| contact.name != name);
    let others: Vec<Contact> = others.cloned().collect();
    turns.hand_on_to(others.clone());
    mistakes.toolbox(&turns.toolbox);
    turns.speaker = Some(name.clone());
    turns.special = Arc::new(Member);
    turns.leaves = Some(Arc::new(move |chat: &Chat| {
        active(chat).is_some_and(|active| others.iter().any(|other| other.name == active))
    }));
    mistakes.compiled(turns.graph(name, MODEL, Vec::new()).compile())
}

/// What others are told of an agent.
fn contact<C>(agent: &ReactAgent<C>) -> Contact {
    Contact {
        name: agent.name.clone(),
        description: agent.description.clone(),
    }
}

impl<C> fmt::Debug for Swarm<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swarm")
            .field("agents", &self.agents)
            .field("first", &self.first)
            .finish_non_exhaustive()
    }
}
