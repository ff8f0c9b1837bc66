//! Agents as graphs. Who gets here has been judged.
//!
//! An agent of one node is that; one of several is a graph by itself. What such a
//! graph needs beside its agents has a dot in its name, so that no agent is called
//! that.

use std::sync::Arc;

use superstep_core::{
    Command, CompileError, Ctx, END, Graph, Join, Limiter, NodeError, NodeResult, START,
    StateGraph, Update, View, node, subgraph,
};

use super::agent::{Agent, Kind};
use super::custom::CustomAgent;
use super::flow::Step;
use super::group;
use super::head::Head;
use super::looping::{LoopAgent, Until};
use super::merge::Merge;
use super::outline::{Author, Outline};
use super::parallel::{BranchFailure, ParallelAgent};
use super::sequential::SequentialAgent;
use super::speaker::Speaker;
use super::{Session, SessionUpdate};
use crate::bounds::supersteps;
use crate::findings::moved;
use crate::react::ModelOf;

pub(super) type Built<C> = Result<StateGraph<Session, C>, CompileError>;

/// What an agent has of those around it.
pub(super) struct Scope<'a, C> {
    path: String,
    model: Option<ModelOf<C>>,
    pub(super) authors: &'a [Author],
    in_loop: bool,
}

impl<C> Scope<'_, C> {
    /// The scope of what is in an agent.
    pub(super) fn inside(&self, head: &Head<C>) -> Self {
        Self {
            path: self.path_of(&head.name),
            model: self.model_of(head),
            authors: self.authors,
            in_loop: self.in_loop,
        }
    }

    /// The scope of who stands beside an agent, and has its model.
    pub(super) fn model_scope(&self, head: &Head<C>) -> Self {
        Self {
            path: self.path.clone(),
            model: self.model_of(head),
            authors: self.authors,
            in_loop: self.in_loop,
        }
    }

    fn looping(self) -> Self {
        Self {
            in_loop: true,
            ..self
        }
    }

    /// The scope of what an agent calls: its loops are not theirs.
    pub(super) fn called(self) -> Self {
        Self {
            in_loop: false,
            ..self
        }
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        match self.path.is_empty() {
            true => name.to_owned(),
            false => format!("{}/{name}", self.path),
        }
    }

    pub(super) fn model_of(&self, head: &Head<C>) -> Option<ModelOf<C>> {
        head.model.clone().or_else(|| self.model.clone())
    }
}

impl<C: Send + Sync + 'static> Agent<C> {
    pub(super) fn into_graph(self) -> Built<C> {
        let outline = Outline::of(&self);
        super::judge::judge(&outline)?;
        let authors = Author::all(&outline);
        let scope = Scope {
            path: String::new(),
            model: None,
            authors: &authors,
            in_loop: false,
        };
        self.graph(&scope)
    }

    /// The agent as a graph.
    fn graph(self, scope: &Scope<'_, C>) -> Built<C> {
        match self.0 {
            Kind::Llm(agent) => match agent.sub_agents.is_empty() {
                true => Speaker::new(agent, scope).graph(scope),
                false => group::graph(agent, scope),
            },
            Kind::Sequence(agent) => sequence(agent, scope),
            Kind::Parallel(agent) => parallel(agent, scope),
            Kind::Loop(agent) => looped(agent, scope),
            Kind::Custom(CustomAgent { head, add, .. }) => {
                let graph = StateGraph::new(head.name.clone());
                Ok(add(graph, &head).add_edge(START, &*head.name))
            }
        }
    }

    /// Adds the agent to a graph, as a node.
    pub(super) fn add(self, graph: StateGraph<Session, C>, scope: &Scope<'_, C>) -> Built<C> {
        match self.0 {
            Kind::Llm(agent) if agent.sub_agents.is_empty() => {
                Speaker::new(agent, scope).add(graph, scope)
            }
            Kind::Custom(agent) => Ok((agent.add)(graph, &agent.head)),
            kind => {
                let agent = Self(kind);
                let (name, policies) = (agent.head().name.clone(), agent.head().policies.clone());
                Ok(graph.add_node(name, policies.node(agent.compiled(scope)?)))
            }
        }
    }

    pub(super) fn compiled(self, scope: &Scope<'_, C>) -> Result<Graph<Session, C>, CompileError> {
        let (what, place) = (self.head().what(), self.head().place);
        let compiled = self.graph(scope)?.compile();
        compiled.map_err(|error| moved(error, what, place))
    }

    /// Adds the agent to a graph as one of several branches: what it comes to is not
    /// written, but left for who merges them.
    fn add_branch(mut self, graph: StateGraph<Session, C>, scope: &Scope<'_, C>) -> Built<C> {
        let name = self.head().name.clone();
        // They are those of the branch, and not of what is in it, too.
        let policies = std::mem::take(&mut self.head_mut().policies);
        let agent = match self.0 {
            Kind::Llm(agent) if agent.is_one_node() => {
                let turns = Speaker::new(agent, scope).into_turns();
                let branch = name.clone();
                let speak = move |session: View<Session>, ctx: Ctx<C>| {
                    let (turns, branch) = (Arc::clone(&turns), branch.clone());
                    async move {
                        let update = turns.at_once(&session, &ctx).await?;
                        Ok::<_, NodeError>(alone(branch, update))
                    }
                };
                return Ok(graph.add_node(name, policies.node(speak)));
            }
            kind => Self(kind),
        };
        let branch = name.clone();
        let inner = subgraph(
            agent.compiled(scope)?,
            Session::inherit,
            move |session: &Session| {
                let step = Step::Branch(branch.clone(), Box::new(session.outcome()));
                Session::update().flow(step)
            },
        );
        Ok(graph.add_node(name, policies.node(inner)))
    }
}

/// An update as that of a branch, which nobody else sees.
fn alone(branch: String, mut update: SessionUpdate) -> SessionUpdate {
    let mut session = Session::logged();
    update.apply(&mut session, &mut 0);
    let step = Step::Branch(branch, Box::new(session.outcome()));
    Session::update().flow(step)
}

fn sequence<C: Send + Sync + 'static>(
    SequentialAgent { head, agents }: SequentialAgent<C>,
    scope: &Scope<'_, C>,
) -> Built<C> {
    let inside = scope.inside(&head);
    let graph = StateGraph::new(head.name).recursion_limit(supersteps(agents.len(), 1, 0));
    chain(graph, agents, &inside, START, END)
}

/// Adds agents and what leads from one to the next, from `begin` to `end`. In a loop,
/// what escalates leads to the end at once.
fn chain<C: Send + Sync + 'static>(
    mut graph: StateGraph<Session, C>,
    agents: Vec<Agent<C>>,
    scope: &Scope<'_, C>,
    begin: &str,
    end: &str,
) -> Built<C> {
    let names: Vec<String> = agents
        .iter()
        .map(|agent| agent.head().name.clone())
        .collect();
    for agent in agents {
        graph = agent.add(graph, scope)?;
    }
    let mut before = begin;
    for name in &names {
        graph = match scope.in_loop && before != begin {
            false => graph.add_edge(before, &**name),
            true => {
                let (next, end) = (name.clone(), end.to_owned());
                let declared = [next.clone(), end.clone()];
                let choose = move |session: &Session| match session.flow.escalates() {
                    false => next.clone(),
                    true => end.clone(),
                };
                graph.add_conditional_edges(before, choose, Vec::from(declared))
            }
        };
        before = name;
    }
    Ok(graph.add_edge(before, end))
}

fn parallel<C: Send + Sync + 'static>(agent: ParallelAgent<C>, scope: &Scope<'_, C>) -> Built<C> {
    let inside = scope.inside(&agent.head);
    let name = agent.head.name;
    let limiter = agent
        .max_concurrency
        .map(|most| Limiter::new().max_concurrency(most));
    let merge = Merge::of(&name, &agent.agents, agent.on_failure);
    let names = merge.branches();
    let mut graph = StateGraph::new(name.clone());
    for mut branch in agent.agents {
        let policies = &mut branch.head_mut().policies;
        policies.limiter = policies.limiter.take().or_else(|| limiter.clone());
        graph = branch.add_branch(graph, &inside)?;
    }
    let merges = format!("{name}.merge");
    let merge = Arc::new(merge);
    let body = move |session: View<Session>, ctx: Ctx<C>| {
        let merge = Arc::clone(&merge);
        async move { merge.merge(&session, ctx.arrivals()) }
    };
    let graph = graph
        .add_node(merges.clone(), body)
        .add_edge(START, names.clone());
    Ok(match agent.on_failure {
        BranchFailure::Stop => graph.add_edge(names, merges),
        BranchFailure::Continue => graph.add_join(names, merges, Join::settled()),
    })
}

fn looped<C: Send + Sync + 'static>(agent: LoopAgent<C>, scope: &Scope<'_, C>) -> Built<C> {
    let inside = scope.inside(&agent.head).looping();
    let name = agent.head.name;
    let (begin, round) = (format!("{name}.begin"), format!("{name}.round"));
    let first = agent.agents.first().map(|agent| agent.head().name.clone());
    let first = first.unwrap_or_default();
    let rounds = usize::try_from(agent.max_iterations).unwrap_or(usize::MAX);
    let limit = supersteps(rounds, agent.agents.len() + 1, 1);
    let begins = name.clone();
    let judge = Round {
        name: name.clone(),
        first: first.clone(),
        max_iterations: agent.max_iterations,
        until: agent.until,
    };
    let judge = Arc::new(judge);
    let graph = StateGraph::new(name)
        .recursion_limit(limit)
        .add_node(begin.clone(), move |session: View<Session>| {
            // What was to end before is forgotten then.
            let known = session.flow.ends_loops(&format!("before `{begins}`"));
            let step = Step::Begin(begins.clone());
            let begun = known.map(|()| Session::update().flow(step));
            std::future::ready(begun.map_err(NodeError::permanent))
        })
        .add_node(
            round.clone(),
            node(move |session: View<Session>| {
                let judge = Arc::clone(&judge);
                async move { judge.next(&session) }
            })
            .destinations([&*first, END]),
        )
        .add_edge(START, begin.clone());
    chain(graph, agent.agents, &inside, &begin, &round)
}

/// What is decided at the end of a round.
struct Round {
    name: String,
    first: String,
    max_iterations: u32,
    until: Option<Until>,
}

impl Round {
    fn next(&self, session: &Session) -> NodeResult<Command<Session>> {
        let known = session.flow.ends_loops("here");
        known.map_err(NodeError::permanent)?;
        let rounds = session.flow.rounds(&self.name) + 1;
        let ends = session.flow.escalates()
            || rounds >= self.max_iterations
            || self.until.as_ref().is_some_and(|until| until(session));
        let name = self.name.clone();
        Ok(match ends {
            true => Command::update(Session::update().flow(Step::Leave(name))).goto(END),
            false => Command::update(Session::update().flow(Step::Again(name))).goto(&*self.first),
        })
    }
}
