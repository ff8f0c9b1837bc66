//! Agents that hand on to each other.
//!
//! 1. A group is an LLM agent with sub-agents, and the groups of those among them
//!    that are LLM agents: all are nodes of one graph.
//! 2. It begins with who had the floor last, else with the outermost.
//! 3. Who has spoken is followed by whom it has handed on to, else by nobody.
//! 4. The floor stays with an agent from which there is a way back by
//!    `transfer_to_agent`; else it goes back to the outermost.

use superstep_core::{END, StateGraph};

use super::Session;
use super::agent::{Agent, Kind};
use super::assemble::{Built, Scope};
use super::llm::{LlmAgent, TRANSFERS};
use super::speaker::{Speaker, Standing};
use crate::react::{Contact, floor};

/// Whoever can have the floor.
enum Member<C> {
    Speaker(Box<Speaker<C>>),
    Other(Box<Agent<C>>),
}

impl<C> Agent<C> {
    /// What others are told of it.
    pub(super) fn contact(&self) -> Contact {
        contact(&self.head().name, &self.head().description)
    }
}

fn contact(name: &str, description: &str) -> Contact {
    Contact {
        name: name.to_owned(),
        description: description.to_owned(),
    }
}

pub(super) fn graph<C: Send + Sync + 'static>(
    agent: LlmAgent<C>,
    scope: &Scope<'_, C>,
) -> Built<C> {
    let name = agent.head.name.clone();
    let transfers = agent.max_transfers.unwrap_or(TRANSFERS);
    let transfers = u64::try_from(transfers).unwrap_or(u64::MAX);
    let inside = scope.inside(&agent.head);
    let mut members = Vec::new();
    let place = Place {
        group: &name,
        above: Vec::new(),
        stays: true,
    };
    collect(agent, &inside, &place, &mut members);
    let first = name.clone();
    let names: Vec<String> = members.iter().map(|(name, _)| name.clone()).collect();
    let setting = format!("`max_transfers` of agent `{name}`");
    let supersteps = transfers.saturating_add(1);
    let mut graph = StateGraph::new(name.clone()).recursion_limit_by(supersteps, setting);
    for (_, member) in members {
        graph = match member {
            Member::Speaker(speaker) => speaker.add(graph, &inside)?,
            Member::Other(agent) => agent.add(graph, &inside)?,
        };
    }
    Ok(floor(
        graph,
        &names,
        &first,
        move |session: &Session| session.flow.active(&name),
        |session: &Session| session.flow.transfer(),
        END,
    ))
}

/// Where an agent stands in its group.
struct Place<'a> {
    group: &'a str,
    /// Its parent and its peers, as far as it can hand on to them.
    above: Vec<Contact>,
    /// Whether there is a way back to the outermost.
    stays: bool,
}

fn collect<C: Send + Sync + 'static>(
    mut agent: LlmAgent<C>,
    scope: &Scope<'_, C>,
    place: &Place<'_>,
    members: &mut Vec<(String, Member<C>)>,
) {
    let sub_agents = std::mem::take(&mut agent.sub_agents);
    let name = agent.head.name.clone();
    let contacts: Vec<Contact> = sub_agents.iter().map(Agent::contact).collect();
    let own = contact(&name, &agent.head.description);
    let holder = match place.stays {
        true => name.clone(),
        false => place.group.to_owned(),
    };
    let standing = Standing {
        transfers: contacts.iter().chain(&place.above).cloned().collect(),
        floor: Some((place.group.to_owned(), holder)),
    };
    let inside = scope.model_scope(&agent.head);
    let speaker = Speaker::in_group(agent, scope, standing);
    members.push((name, Member::Speaker(Box::new(speaker))));
    for sub_agent in sub_agents {
        let known = sub_agent.contact().name;
        match sub_agent.0 {
            Kind::Llm(below) => {
                let parent = below.to_parent.then(|| own.clone());
                let peers = contacts.iter().filter(|peer| peer.name != known);
                let peers = peers.filter(|_| below.to_peers);
                let place = Place {
                    group: place.group,
                    above: parent.into_iter().chain(peers.cloned()).collect(),
                    stays: place.stays && below.to_parent,
                };
                collect(below, &inside, &place, members);
            }
            kind => members.push((known, Member::Other(Box::new(Agent(kind))))),
        }
    }
}
