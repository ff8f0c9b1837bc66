//! An LLM agent as nodes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use superstep_core::{
    Arrival, Ctx, END, Graph, Join, NodeResult, START, StateGraph, Target, View, Worker, subgraph,
};
use superstep_providers::{Message, Role, ToolCall};

use super::agent::Agent;
use super::assemble::{Built, Scope};
use super::conversation::Reader;
use super::error::AgentError;
use super::flow::Step;
use super::head::Head;
use super::llm::{AgentHistory, Instruction, LlmAgent};
use super::outline::{Author, Outline};
use super::persona::{Persona, Shared, beside, instruct};
use super::transfer::{Contact, agent_tool, exit_tool, introduction, request, transfer_tool};
use super::values::{Changes, Values};
use super::{Session, SessionUpdate};
use crate::react::{Instruction as Instruct, Lens, Turns};
use crate::tools::open_calls;

const MODEL: &str = "model";
const TOOLS: &str = "tools";
const ANSWER: &str = "answer";

/// Who runs the agents that a model calls as tools.
const AGENTS: Worker<Delegated> = Worker::new("agents");

/// A call of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Delegated {
    call: ToolCall,
    /// What it is to know.
    values: Values,
}

/// An LLM agent that is to become nodes.
pub(super) struct Speaker<C> {
    pub(super) head: Head<C>,
    pub(super) persona: Shared<C>,
    callable: Vec<Agent<C>>,
}

/// What a member of a group can do there.
#[derive(Default)]
pub(super) struct Standing {
    pub(super) transfers: Vec<Contact>,
    /// The group's name, and who has the floor next time.
    pub(super) floor: Option<(String, String)>,
}

impl<C> LlmAgent<C> {
    /// Whether nothing but its model is asked.
    pub(super) fn is_one_node(&self) -> bool {
        self.sub_agents.is_empty()
            && self.agent_tools.is_empty()
            && self.toolbox.is_empty()
            && !self.exits_loop
    }
}

impl<C: Send + Sync + 'static> Speaker<C> {
    pub(super) fn new(agent: LlmAgent<C>, scope: &Scope<'_, C>) -> Self {
        Self::in_group(agent, scope, Standing::default())
    }

    pub(super) fn in_group(agent: LlmAgent<C>, scope: &Scope<'_, C>, standing: Standing) -> Self {
        let has_tools = !agent.is_one_node() || !standing.transfers.is_empty();
        let LlmAgent {
            head,
            instruction,
            history,
            agent_tools,
            mut toolbox,
            around,
            ..
        } = agent;
        let path = scope.path_of(&head.name);
        let called: Vec<Contact> = agent_tools.iter().map(Agent::contact).collect();
        toolbox = toolbox.add_all(called.iter().map(agent_tool));
        if !standing.transfers.is_empty() {
            toolbox = toolbox.add_all([transfer_tool(&standing.transfers)]);
        }
        if agent.exits_loop {
            toolbox = toolbox.add_all([exit_tool()]);
        }
        let reader = reader(&head.name, history, &instruction, scope.authors);
        // It has been judged that there is one.
        let model = scope.model_of(&head).expect("an agent has a model");
        let mut turns = Turns::new(model, toolbox, lens(reader));
        turns.instruction = instructs(instruction, path.clone(), &standing.transfers);
        turns.bound.turns = agent.max_turns;
        turns.hooks = agent.hooks;
        let callable: Vec<Callable> = agent_tools.iter().map(Callable::of).collect();
        turns.delegated = Some(Arc::new(move |call, before| {
            is_delegated(call, before, &callable)
        }));
        let after_tools = around.after_tools.clone();
        turns.beside = Some(Arc::new(move |session, called| {
            beside(&after_tools, session, called)
        }));
        let persona = Persona {
            name: head.name.clone(),
            path,
            turns,
            output_key: agent.output_key,
            schema: agent.schema,
            around,
            floor: standing.floor,
            exits_loop: agent.exits_loop,
            has_tools,
        };
        Self {
            head,
            persona: Arc::new(persona),
            callable: agent_tools,
        }
    }

    /// Adds the agent to a graph, as a node.
    pub(super) fn add(self, graph: StateGraph<Session, C>, scope: &Scope<'_, C>) -> Built<C> {
        let (name, policies) = (self.head.name.clone(), self.head.policies.clone());
        if self.persona.has_tools {
            return Ok(graph.add_node(name, policies.node(self.compiled(scope)?)));
        }
        let persona = self.persona;
        let speak = move |session: View<Session>, ctx: Ctx<C>| {
            let persona = Arc::clone(&persona);
            async move { persona.at_once(&session, &ctx).await }
        };
        Ok(graph.add_node(name, policies.node(speak)))
    }

    fn compiled(self, scope: &Scope<'_, C>) -> Result<Graph<Session, C>, AgentError> {
        let (name, place) = (self.head.name.clone(), self.head.place);
        let compiled = self.graph(scope)?.compile();
        compiled.map_err(|error| AgentError::of_graph(&name, place, &error))
    }

    /// The agent as a graph.
    pub(super) fn graph(self, scope: &Scope<'_, C>) -> Built<C> {
        let name = self.head.name.clone();
        if !self.persona.has_tools {
            let graph = self.add(StateGraph::new(name.clone()), scope)?;
            return Ok(graph.add_edge(START, name));
        }
        let (speaks, calls, ends) = (
            Arc::clone(&self.persona),
            Arc::clone(&self.persona),
            Arc::clone(&self.persona),
        );
        let routes = Arc::clone(&self.persona);
        let mut declared = vec![MODEL, TOOLS, ANSWER, END];
        if !self.callable.is_empty() {
            declared.push(AGENTS.name());
        }
        let graph = StateGraph::new(name)
            .add_node(MODEL, move |session: View<Session>, ctx: Ctx<C>| {
                let persona = Arc::clone(&speaks);
                async move { turn(&persona, &session, &ctx).await }
            })
            .add_node(TOOLS, move |session: View<Session>, ctx: Ctx<C>| {
                let persona = Arc::clone(&calls);
                async move { persona.turns.call(&session, &ctx).await }
            })
            .add_node(ANSWER, move |session: View<Session>, ctx: Ctx<C>| {
                let persona = Arc::clone(&ends);
                async move { persona.answered(&session, &ctx).await }
            })
            .add_edge(START, MODEL)
            .add_conditional_edges(MODEL, move |session| next(&routes, session), declared)
            .add_edge(TOOLS, MODEL);
        match self.callable.is_empty() {
            true => Ok(graph),
            false => agents(
                graph,
                &self.persona.name,
                self.callable,
                &scope.inside(&self.head).called(),
            ),
        }
    }
}

/// Adds the agents that a model can call.
fn agents<C: Send + Sync + 'static>(
    graph: StateGraph<Session, C>,
    caller: &str,
    callable: Vec<Agent<C>>,
    scope: &Scope<'_, C>,
) -> Built<C> {
    let place = callable.first().map(|agent| agent.head().place);
    let names: Vec<String> = callable
        .iter()
        .map(|agent| agent.head().name.clone())
        .collect();
    let mut inner = StateGraph::new(AGENTS.name());
    for agent in callable {
        inner = agent.add(inner, scope)?;
    }
    let inner = inner.add_conditional_edges(
        START,
        |session: &Session| session.flow.called().map(|call| call.name.clone()),
        names,
    );
    let inner = inner.compile().map_err(|error| {
        let place = place.unwrap_or(std::panic::Location::caller());
        AgentError::of_graph(caller, place, &error)
    })?;
    let caller = caller.to_owned();
    let worker = subgraph(inner, begins, move |session: &Session| {
        returns(&caller, session)
    });
    Ok(graph
        .add_worker(AGENTS, worker)
        .add_join([AGENTS.name()], MODEL, Join::settled()))
}

/// What an agent begins with that is called.
fn begins(asked: &Delegated) -> SessionUpdate {
    Session::update()
        .messages(Message::user(request(&asked.call).unwrap_or_default()))
        .values(Changes::inherit(&asked.values))
        .flow(Step::Call(asked.call.clone()))
}

/// What it has come to, for who has called it.
fn returns(caller: &str, session: &Session) -> SessionUpdate {
    let answer = session.answer();
    let result = session.flow.called().map(|call| call.result(answer));
    let result = result.map(|result| Message::tool(result).named(caller));
    Session::update()
        .messages(Vec::from_iter(result))
        .values(Changes::of(session.values.log().to_vec()))
}

/// What the model says; or, when agents that it has called have failed, that.
async fn turn<C: Send + Sync + 'static>(
    persona: &Persona<C>,
    session: &View<Session>,
    ctx: &Ctx<C>,
) -> NodeResult<SessionUpdate> {
    let failed = ctx.arrivals().iter().filter_map(|(task, came)| match came {
        Arrival::Done | Arrival::Skipped => None,
        Arrival::Failed(why) => Some((task, why.clone())),
        other => Some((task, other.to_string())),
    });
    let failed: Vec<_> = failed
        .filter(|(task, _)| task.node == AGENTS.name())
        .collect();
    if failed.is_empty() {
        return Ok(persona.speak(session, ctx).await?.update);
    }
    // What has no result are the calls that failed, in their order.
    let open = open_calls(&session.messages);
    let told = open.iter().zip(failed).map(|(call, (_, why))| {
        let why = format!("agent `{}` failed: {why}", call.name);
        Message::tool(call.failure(why)).named(&*persona.name)
    });
    Ok(Session::update().messages(told.collect::<Vec<_>>()))
}

/// What follows what the model has said.
fn next<C: Send + Sync + 'static>(persona: &Persona<C>, session: &Session) -> Vec<Target> {
    if persona.leaves(session) {
        return vec![END.into()];
    }
    let last = session.messages.last();
    if last.is_some_and(|message| message.role == Role::Tool) {
        return vec![MODEL.into()];
    }
    let calls = last.into_iter().flat_map(Message::tool_calls);
    let (agents, tools) = persona.turns.parted(calls.cloned().collect());
    if agents.is_empty() && tools.is_empty() {
        return vec![ANSWER.into()];
    }
    let mut targets: Vec<Target> = Vec::new();
    if !tools.is_empty() {
        targets.push(TOOLS.into());
    }
    targets.extend(agents.into_iter().map(|call| {
        let values = session.values.clone();
        AGENTS.send(Delegated { call, values }).into()
    }));
    targets
}

/// An agent that a model can call.
struct Callable {
    name: String,
    /// Whether it writes what would be lost if it was called twice at once.
    writes: bool,
}

impl Callable {
    fn of<C>(agent: &Agent<C>) -> Self {
        Self {
            name: agent.head().name.clone(),
            writes: !Outline::of(agent).written().is_empty(),
        }
    }
}

/// Whether an agent answers the call; what is wrong with it, the tools say.
fn is_delegated(call: &ToolCall, before: &[ToolCall], agents: &[Callable]) -> bool {
    let called = agents.iter().find(|agent| agent.name == call.name);
    let again = |before: &ToolCall| before.name == call.name && request(before).is_ok();
    let asked = called.filter(|_| request(call).is_ok());
    asked.is_some_and(|agent| !agent.writes || !before.iter().any(again))
}

fn reader(name: &str, history: AgentHistory, instruction: &Instruction, all: &[Author]) -> Reader {
    let keys = match instruction {
        Instruction::Text(template) => template.holes().map(|hole| hole.name.clone()).collect(),
        Instruction::None | Instruction::Made(_) => std::collections::BTreeSet::default(),
    };
    let hidden = match history {
        AgentHistory::Branch => Author::hidden(all, name, &keys),
        AgentHistory::Whole | AgentHistory::None => std::collections::BTreeSet::default(),
    };
    Reader {
        name: name.to_owned(),
        history,
        hidden,
    }
}

fn lens(reader: Reader) -> Lens<Session> {
    let name = reader.name.clone();
    Lens::of(
        move |session: &Session| reader.read(&session.messages),
        move |messages| {
            let named = messages.into_iter().map(|message| message.named(&*name));
            Session::update().messages(named.collect::<Vec<_>>())
        },
    )
}

/// How the system message is made, if there is one.
fn instructs(
    instruction: Instruction,
    path: String,
    transfers: &[Contact],
) -> Option<Instruct<Session>> {
    let after = match transfers.is_empty() {
        true => String::new(),
        false => introduction(transfers),
    };
    let join = move |mut text: String| {
        if !text.is_empty() && !after.is_empty() {
            text.push_str("\n\n");
        }
        text + &after
    };
    match instruction {
        Instruction::None if transfers.is_empty() => None,
        Instruction::None => Some(Arc::new(move |_| Ok(join(String::new())))),
        Instruction::Made(make) => Some(Arc::new(move |session| Ok(join(make(session))))),
        Instruction::Text(template) => Some(Arc::new(move |session| {
            instruct(&path, &template, session).map(&join)
        })),
    }
}
