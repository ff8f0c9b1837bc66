//! An LLM agent as nodes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use superstep_core::{CompileError, Ctx, Graph, NodeResult, START, StateGraph, View, subgraph};
use superstep_providers::{Message, ToolCall};

use super::agent::Agent;
use super::assemble::{Built, Scope};
use super::conversation::Reader;
use super::exit::exit_tool;
use super::flow::Step;
use super::head::Head;
use super::llm::{AgentHistory, Instruction, LlmAgent};
use super::outline::{Author, Outline};
use super::persona::{Persona, instructs, responds};
use super::values::{Changes, Values};
use super::{Session, SessionUpdate};
use crate::failure::told;
use crate::findings::moved;
use crate::react::{Callee, Contact, Lens, MODEL, Turns, worker};

/// A call of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Delegated {
    call: ToolCall,
    request: String,
    /// What it is to know.
    values: Values,
}

/// An LLM agent that is to become nodes.
pub(super) struct Speaker<C> {
    head: Head<C>,
    turns: Turns<C, Session>,
    callable: Vec<Agent<C>>,
    is_graph: bool,
}

/// What a member of a group can do there.
#[derive(Default)]
pub(super) struct Standing {
    pub(super) transfers: Vec<Contact>,
    /// The group's name, and who has the floor next time.
    pub(super) floor: Option<(String, String)>,
}

impl<C> LlmAgent<C> {
    /// Whether nothing but its model is asked, whose policies are those of the agent.
    pub(super) fn is_one_node(&self) -> bool {
        self.sub_agents.is_empty()
            && self.agent_tools.is_empty()
            && self.toolbox.is_empty()
            && !self.exits_loop
            && self.model_policies.is_none()
    }
}

impl<C: Send + Sync + 'static> Speaker<C> {
    pub(super) fn new(agent: LlmAgent<C>, scope: &Scope<'_, C>) -> Self {
        Self::in_group(agent, scope, Standing::default())
    }

    pub(super) fn in_group(agent: LlmAgent<C>, scope: &Scope<'_, C>, standing: Standing) -> Self {
        let is_graph = !agent.is_one_node() || !standing.transfers.is_empty();
        let LlmAgent {
            head, instruction, ..
        } = agent;
        let name = head.name.clone();
        let path = scope.path_of(&name);
        let reader = reader(&name, agent.history, &instruction, scope.authors);
        // It has been judged that there is one.
        let model = scope.model_of(&head).expect("an agent has a model");
        let toolbox = match agent.exits_loop {
            true => agent.toolbox.add_all([exit_tool()]),
            false => agent.toolbox,
        };
        let mut turns = Turns::new(model, toolbox, lens(reader));
        turns.hand_on_to(standing.transfers);
        turns.speaker = Some(name.clone());
        turns.instruction = instructs(instruction, path.clone());
        turns.bound.turns = agent.max_turns;
        turns.policies = agent.model_policies;
        turns.hooks = agent.hooks;
        turns.respond = responds(agent.output_key, agent.schema);
        let (in_group, exits_loop) = (standing.floor.is_some(), agent.exits_loop);
        if in_group || exits_loop {
            let own = name.clone();
            turns.leaves = Some(Arc::new(move |session: &Session| {
                let hands_on = session.flow.transfer().is_some_and(|to| to != own);
                (in_group && hands_on) || (exits_loop && session.flow.escalates())
            }));
        }
        turns.special = Arc::new(Persona {
            name,
            path,
            floor: standing.floor,
            exits_loop,
        });
        Self {
            head,
            turns,
            callable: agent.agent_tools,
            is_graph,
        }
    }

    /// Adds the agent to a graph, as a node.
    pub(super) fn add(self, graph: StateGraph<Session, C>, scope: &Scope<'_, C>) -> Built<C> {
        let (name, policies) = (self.head.name.clone(), self.head.policies.clone());
        if self.is_graph {
            return Ok(graph.add_node(name, policies.node(self.compiled(scope)?)));
        }
        let turns = self.into_turns();
        let speak = move |session: View<Session>, ctx: Ctx<C>| {
            let turns = Arc::clone(&turns);
            async move { turns.at_once(&session, &ctx).await }
        };
        Ok(graph.add_node(name, policies.node(speak)))
    }

    /// Its turns, of which there is one if it has no tools.
    pub(super) fn into_turns(self) -> Arc<Turns<C, Session>> {
        Arc::new(self.turns)
    }

    fn compiled(self, scope: &Scope<'_, C>) -> Result<Graph<Session, C>, CompileError> {
        let (what, place) = (self.head.what(), self.head.place);
        let compiled = self.graph(scope)?.compile();
        compiled.map_err(|error| moved(error, what, place))
    }

    /// The agent as a graph.
    pub(super) fn graph(mut self, scope: &Scope<'_, C>) -> Built<C> {
        let name = self.head.name.clone();
        if !self.is_graph {
            let graph = self.add(StateGraph::new(name.clone()), scope)?;
            return Ok(graph.add_edge(START, name));
        }
        let inside = scope.inside(&self.head).called();
        let callable = self.callable.into_iter();
        let agents = callable.map(|agent| callee(agent, &name, &inside));
        let agents = agents.collect::<Result<Vec<_>, _>>()?;
        self.turns.call_agents(&agents);
        Ok(self.turns.graph(name, MODEL, agents))
    }
}

/// An agent that a model can call. What it fails with is the result of the call.
fn callee<C: Send + Sync + 'static>(
    mut agent: Agent<C>,
    caller: &str,
    scope: &Scope<'_, C>,
) -> Result<Callee<C, Session>, CompileError> {
    let Contact { name, description } = agent.contact();
    let writes = !Outline::of(&agent).written().is_empty();
    // They are those of the call, and not of what is in it, too.
    let policies = std::mem::take(&mut agent.head_mut().policies);
    let (caller, fails) = (caller.to_owned(), caller.to_owned());
    let place = format!("in `{name}`");
    let inside = subgraph(agent.compiled(scope)?, begins, move |session: &Session| {
        returns(&caller, &place, session)
    });
    let failed = move |asked: Delegated, ctx: Ctx<C>| {
        let why = ctx.failure().map(told);
        let result = asked.call.failure(why.unwrap_or_default());
        let told = Message::tool(result).named(&*fails);
        async move { NodeResult::Ok(Session::update().messages(told)) }
    };
    let worker = worker(&name);
    let give = |session: &Session, call: &ToolCall, request| Delegated {
        call: call.clone(),
        request,
        values: session.values.clone(),
    };
    let add = move |graph: StateGraph<Session, C>| {
        graph.add_worker(worker, policies.node(inside).on_error(failed))
    };
    Ok(Callee::new(worker, description, give, add).once(writes))
}

/// What an agent begins with that is called.
fn begins(asked: &Delegated) -> SessionUpdate {
    Session::update()
        .messages(Message::user(&*asked.request))
        .values(Changes::inherit(&asked.values))
        .flow(Step::Call(asked.call.clone()))
}

/// What it has come to, for who has called it. To end a loop of theirs is a failure.
fn returns(caller: &str, place: &str, session: &Session) -> SessionUpdate {
    let lost = session.flow.ends_loops(place).err();
    let result = session.flow.called().map(|call| match &lost {
        None => call.result(session.answer()),
        Some(lost) => call.failure(lost.to_string()),
    });
    let result = result.map(|result| Message::tool(result).named(caller));
    let told = Session::update().messages(Vec::from_iter(result));
    match lost {
        None => told.values(Changes::of(session.values.log().to_vec())),
        Some(_) => told,
    }
}

fn reader(name: &str, history: AgentHistory, instruction: &Instruction, all: &[Author]) -> Reader {
    let keys = match instruction {
        Instruction::Text(template) => template.holes().map(|hole| hole.name.clone()).collect(),
        Instruction::None | Instruction::Made(_) => BTreeSet::default(),
    };
    let hidden = match history {
        AgentHistory::Branch => Author::hidden(all, name, &keys),
        AgentHistory::Whole | AgentHistory::None => BTreeSet::default(),
    };
    Reader {
        name: name.to_owned(),
        history,
        hidden,
    }
}

fn lens(reader: Reader) -> Lens<Session> {
    let name = reader.name.clone();
    let write = move |messages: Vec<Message>| {
        let named = messages.into_iter().map(|message| message.named(&*name));
        Session::update().messages(named.collect::<Vec<_>>())
    };
    let lens = Lens::new(|session: &Session| &*session.messages, write);
    lens.reading(move |messages| reader.read(messages))
}
