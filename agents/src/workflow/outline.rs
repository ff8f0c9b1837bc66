//! Agents as they are judged: what they are called, read and write, and where they
//! stand. Whatever the type of the context, it is the same code.

use std::collections::BTreeSet;

use superstep_core::Diagnostic;

use super::agent::{Agent, Kind};
use super::llm::{Instruction, LlmAgent};
use super::parallel::{BranchFailure, ParallelAgent};
use crate::findings::Place;

/// An agent, and those in it.
pub(super) struct Outline {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) shape: Shape,
    pub(super) has_model: bool,
    pub(super) inputs: Vec<String>,
    /// The key of its answer.
    pub(super) output: Option<String>,
    /// Keys that it writes in other ways.
    pub(super) writes: Vec<String>,
    /// Keys that it adds to.
    pub(super) adds: Vec<String>,
    /// Keys that have to be there before it begins.
    pub(super) reads: Vec<String>,
    /// Keys in its instruction.
    pub(super) keys: BTreeSet<String>,
    /// Its agents, in order.
    pub(super) agents: Vec<Self>,
    /// Those that it can call.
    pub(super) callable: Vec<Self>,
    /// The names of its tools, and what is wrong with these.
    pub(super) tools: Vec<String>,
    pub(super) tool_mistakes: Vec<Diagnostic>,
    /// Whether functions of the program write what follows from its tools.
    pub(super) writes_beside: bool,
    pub(super) exits_loop: bool,
    pub(super) bounds_transfers: bool,
}

/// How an agent's agents run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// It is a language model, and they have the floor as it says.
    Group,
    Sequence,
    Parallel,
    Loop,
    /// It is the program's.
    Custom,
}

impl Outline {
    pub(super) fn of<C>(agent: &Agent<C>) -> Self {
        let head = agent.head();
        let empty = Self {
            name: head.name.clone(),
            place: head.place,
            shape: Shape::Custom,
            has_model: head.model.is_some(),
            inputs: head.inputs.clone(),
            output: None,
            writes: head.writes.clone(),
            adds: head.adds.clone(),
            reads: Vec::new(),
            keys: BTreeSet::new(),
            agents: Vec::new(),
            callable: Vec::new(),
            tools: Vec::new(),
            tool_mistakes: Vec::new(),
            writes_beside: false,
            exits_loop: false,
            bounds_transfers: false,
        };
        match &agent.0 {
            Kind::Llm(agent) => empty.group(agent),
            Kind::Sequence(agent) => empty.with(Shape::Sequence, &agent.agents),
            Kind::Parallel(agent) => empty.parallel(agent),
            Kind::Loop(agent) => empty.with(Shape::Loop, &agent.agents),
            Kind::Custom(agent) => Self {
                reads: agent.reads.clone(),
                ..empty
            },
        }
    }

    fn with<C>(self, shape: Shape, agents: &[Agent<C>]) -> Self {
        Self {
            shape,
            agents: agents.iter().map(Self::of).collect(),
            ..self
        }
    }

    fn parallel<C>(mut self, agent: &ParallelAgent<C>) -> Self {
        if agent.on_failure == BranchFailure::Continue {
            self.writes.push(failed_key(&self.name));
        }
        self.with(Shape::Parallel, &agent.agents)
    }

    fn group<C>(mut self, agent: &LlmAgent<C>) -> Self {
        if let Instruction::Text(template) = &agent.instruction {
            self.reads = template.required().map(|hole| hole.name.clone()).collect();
            self.keys = template.holes().map(|hole| hole.name.clone()).collect();
        }
        let tools = agent.toolbox.specs().into_iter();
        self.tools = tools.map(|spec| spec.name).collect();
        if let Some(error) = agent.toolbox.mistakes() {
            self.tool_mistakes = error.diagnostics().to_vec();
        }
        self.output.clone_from(&agent.output_key);
        self.callable = agent.agent_tools.iter().map(Self::of).collect();
        self.writes_beside = !agent.hooks.after_tools.is_empty();
        self.exits_loop = agent.exits_loop;
        self.bounds_transfers = agent.max_transfers.is_some();
        self.with(Shape::Group, &agent.sub_agents)
    }

    /// It and all agents in it, those that are called included.
    pub(super) fn all(&self) -> Vec<&Self> {
        let below = self.agents.iter().chain(&self.callable);
        let mut all = vec![self];
        all.extend(below.flat_map(Self::all));
        all
    }

    /// All keys that it writes, with the name of the agent that does. What it calls
    /// writes, too.
    pub(super) fn written(&self) -> Vec<(&str, &str)> {
        let all = self.all().into_iter();
        let written = all.flat_map(|agent| {
            let keys = agent.output.iter().chain(&agent.writes);
            keys.map(|key| (&**key, &*agent.name))
        });
        written.collect()
    }

    /// All keys that it adds to, as [`written`](Self::written).
    pub(super) fn added(&self) -> Vec<(&str, &str)> {
        let all = self.all().into_iter();
        let added = all.flat_map(|agent| agent.adds.iter().map(|key| (&**key, &*agent.name)));
        added.collect()
    }
}

/// The key under which a parallel agent keeps who has failed.
pub(super) fn failed_key(name: &str) -> String {
    format!("{}_failed", name.replace('-', "_"))
}

/// An agent and the parallel branches that it is in, for what agents may read of
/// each other.
pub(super) struct Author {
    name: String,
    branches: Vec<String>,
    output: Option<String>,
}

impl Author {
    /// All agents, with the branches that they are in.
    pub(super) fn all(outline: &Outline) -> Vec<Self> {
        let mut authors = Vec::new();
        collect(outline, &[], &mut authors);
        authors
    }

    /// Of these, the ones whose words somebody does not read that has such keys in
    /// its instruction.
    pub(super) fn hidden(
        authors: &[Self],
        reader: &str,
        keys: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let own = authors.iter().find(|author| author.name == reader);
        let own = own.map_or(&[][..], |author| &author.branches);
        let others = authors.iter().filter(|author| author.name != reader);
        let hidden = others.filter(|author| {
            let is_given = author.output.as_ref().is_some_and(|key| keys.contains(key));
            !own.starts_with(&author.branches) || is_given
        });
        hidden.map(|author| author.name.clone()).collect()
    }
}

fn collect(agent: &Outline, branches: &[String], authors: &mut Vec<Author>) {
    authors.push(Author {
        name: agent.name.clone(),
        branches: branches.to_vec(),
        output: agent.output.clone(),
    });
    for below in &agent.agents {
        let mut branches = branches.to_vec();
        if agent.shape == Shape::Parallel {
            branches.push(below.name.clone());
        }
        collect(below, &branches, authors);
    }
    // What they say, only who calls them reads.
    for called in &agent.callable {
        collect(called, branches, authors);
    }
}
