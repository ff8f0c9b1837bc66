//! A model that gives work to other agents.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use superstep_core::{START, SendTo, StateGraph, Target, Worker, subgraph};
use superstep_providers::{Message, ToolCall};

use super::delegate::Work;
use super::mistakes::Mistakes;
use super::{Chat, Delegate, PatternError, ReactAgent, react_agent};
use crate::react::{ANSWER, IntoModel, TOOLS, Turns};
use crate::tools::{Tool, ToolError, Toolbox, open_calls};

/// The node of the model that leads.
const SUPERVISOR: &str = "supervisor";

/// What the model is told that leads, if nothing else is said.
const INSTRUCTION: &str = "You lead a team of agents. Give them the work that they can do, to \
                           several at once where their tasks do not need each other's results. \
                           They know nothing but the task that you write. When you know enough, \
                           answer yourself.";

/// A model that leads other agents: it calls them as tools, with a task, and reads
/// what they report, until it answers itself.
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
///     [Reply::call("ask_flights", json!({ "task": "to Rome" })), Reply::from("Off you go.")],
/// );
/// let agents = [Delegate::function("flights", "Finds flights.", flights)];
/// let graph: Graph<Chat> = supervisor(model.model(), agents).build()?.compile()?;
///
/// let run = graph.invoke(Chat::ask("I want to see Rome.")).await?;
/// assert_eq!(run.ran(), [["supervisor"], ["flights"], ["supervisor"], ["answer"]]);
/// assert_eq!(
///     run.state.messages[2].to_string(),
///     "tool: ask_flights -> Found a flight for: to Rome"
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

/// A task on its way to an agent.
#[derive(Clone, Serialize, Deserialize)]
struct Delegation {
    /// The id of the call that asks for it.
    call: String,
    task: String,
}

/// The arguments of a call to an agent.
#[derive(Deserialize, JsonSchema)]
struct Arguments {
    /// What it is to do, with everything that it needs to know.
    task: String,
}

/// Which calls go to which agents.
struct Desks(Vec<(String, Worker<Delegation>)>);

impl Desks {
    /// The call as a task of an agent; none if it is for no agent, or wrong.
    fn send(&self, call: &ToolCall) -> Option<SendTo> {
        let (_, worker) = self.0.iter().find(|(tool, _)| *tool == call.name)?;
        let Arguments { task } = serde_json::from_str(&call.arguments).ok()?;
        let call = call.id.clone();
        Some(worker.send(Delegation { call, task }))
    }

    /// Where to go when the model has spoken.
    fn targets(&self, chat: &Chat) -> Vec<Target> {
        let calls = open_calls(&chat.messages);
        if calls.is_empty() {
            return vec![ANSWER.into()];
        }
        let sends: Vec<_> = calls.iter().map(|call| self.send(call)).collect();
        let tools = sends.iter().any(Option::is_none).then(|| TOOLS.into());
        let sends = sends.into_iter().flatten().map(Target::Send);
        tools.into_iter().chain(sends).collect()
    }
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
    /// made of does not compile; when tools are not sound: see [`Toolbox::check`].
    /// The tool for agent `x` is `ask_x`.
    #[track_caller]
    pub fn build(self) -> Result<StateGraph<Chat, C>, PatternError> {
        let mut mistakes = Mistakes::default();
        let names: Vec<&str> = self.agents.iter().map(Delegate::name).collect();
        mistakes.names(&names, &[SUPERVISOR, TOOLS, ANSWER]);
        let ReactAgent {
            name, mut turns, ..
        } = self.lead;
        turns.toolbox = turns.toolbox.add_all(self.agents.iter().map(tool_of));
        mistakes.toolbox(&turns.toolbox);
        let desks = self.agents.iter().map(|agent| {
            let worker = agent.worker();
            (tool_name(agent), worker)
        });
        let desks = Arc::new(Desks(desks.collect()));
        let delegated = Arc::clone(&desks);
        turns.delegated = Some(Arc::new(move |call, _| delegated.send(call).is_some()));

        let targets: Vec<String> = names
            .into_iter()
            .chain([TOOLS, ANSWER])
            .map(str::to_owned)
            .collect();
        let turns = Arc::new(turns);
        let mut graph = Turns::add_nodes(&turns, StateGraph::new(name), SUPERVISOR)
            .add_edge(START, SUPERVISOR)
            .add_conditional_edges(SUPERVISOR, move |chat| desks.targets(chat), targets)
            .add_edge(TOOLS, SUPERVISOR);
        for agent in self.agents {
            let worker: Worker<Delegation> = agent.worker();
            let tool = tool_name(&agent);
            let Some(inside) = agent.into_graph(&mut mistakes) else {
                continue;
            };
            let inside = subgraph(
                inside,
                |work: &Delegation| Work::given(&*work.call, &work.task),
                move |work: &Work| Chat::update().messages(report(work, &tool)),
            );
            graph = graph
                .add_worker(worker, inside)
                .add_edge(worker, SUPERVISOR);
        }
        mistakes.check()?;
        Ok(graph)
    }
}

fn tool_name<C: Send + Sync + 'static>(agent: &Delegate<C>) -> String {
    format!("ask_{}", agent.name())
}

/// What the model is told of an agent. Its calls are sends, and run elsewhere.
fn tool_of<C: Send + Sync + 'static>(agent: &Delegate<C>) -> Tool<C, Chat> {
    Tool::new(
        tool_name(agent),
        agent.description(),
        |_: Arguments, _| async {
            Err::<String, _>(ToolError::fatal("an agent works in a node of its own"))
        },
    )
}

/// What an agent has come to, as the result of the call.
fn report(work: &Work, tool: &str) -> Message {
    let call = ToolCall {
        id: work.key.as_str().unwrap_or_default().to_owned(),
        name: tool.to_owned(),
        arguments: String::new(),
    };
    Message::tool(match work.failed {
        true => call.failure(&*work.report),
        false => call.result(&*work.report),
    })
}

impl<C> fmt::Debug for Supervisor<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("agents", &self.agents)
            .finish_non_exhaustive()
    }
}
