//! The rules about how agents fit together, all judged before anything runs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use superstep_core::CompileError;

use super::exit::EXIT_LOOP;
use super::outline::{Outline, Shape};
use crate::findings::{Findings, Place};
use crate::react::{ANSWER, MODEL, TOOLS, TRANSFER};
use crate::template::is_key;
use crate::tools::is_tool_name;

/// Names that mean something else.
const RESERVED: [&str; 3] = ["user", TRANSFER, EXIT_LOOP];

/// All that is wrong, in the order of the agents.
pub(super) fn judge(root: &Outline) -> Result<(), CompileError> {
    let mut judge = Judge::default();
    judge.names(root);
    judge.models(root, false);
    judge.shapes(root, false);
    judge.reads(root, &BTreeSet::new());
    judge.findings.check(format!("agent `{}`", root.name))
}

#[derive(Default)]
struct Judge {
    findings: Findings,
}

impl Judge {
    fn names(&mut self, root: &Outline) {
        let all = root.all();
        let mut first: BTreeMap<&str, Place> = BTreeMap::new();
        for agent in all {
            let (name, place) = (&agent.name, agent.place);
            if RESERVED.contains(&&**name) || name.starts_with("__") {
                let why = "it means something else";
                self.findings.reserved_agent_name(place, name, why);
            } else if !is_tool_name(name) {
                self.findings.invalid_agent_name(place, name);
            }
            match first.entry(name) {
                Entry::Occupied(first) => {
                    self.findings.duplicate_agent(place, name, first.get());
                }
                Entry::Vacant(first) => {
                    first.insert(place);
                }
            }
        }
    }

    fn models(&mut self, agent: &Outline, above: bool) {
        let has_model = above || agent.has_model;
        if agent.shape == Shape::Group && !has_model {
            self.findings.no_model(agent.place, &agent.name);
        }
        for below in agent.agents.iter().chain(&agent.callable) {
            self.models(below, has_model);
        }
    }

    fn shapes(&mut self, agent: &Outline, in_loop: bool) {
        let (name, place) = (&agent.name, agent.place);
        if agent.agents.is_empty() && !matches!(agent.shape, Shape::Group | Shape::Custom) {
            self.findings.no_agents(place, &format!("agent `{name}`"));
        }
        if agent.exits_loop && !in_loop {
            self.findings.no_loop(place, name);
        }
        if agent.shape == Shape::Parallel {
            self.branches(&agent.agents, |findings, place, key, writers| {
                findings.parallel_writers(place, key, writers, name);
            });
            self.added(&agent.agents, |findings, place, key, agents| {
                findings.parallel_adder(place, key, agents, name);
            });
        }
        self.branches(&agent.callable, |findings, place, key, writers| {
            findings.called_writers(place, key, writers, name);
        });
        self.added(&agent.callable, |findings, place, key, agents| {
            findings.called_adder(place, key, agents, name);
        });
        self.beside(agent);
        if agent.shape == Shape::Group {
            self.members(agent);
        }
        self.keys(agent);
        self.tools(agent);
        let in_loop = in_loop || agent.shape == Shape::Loop;
        for below in &agent.agents {
            self.shapes(below, in_loop);
        }
        // What is called is out of the loops of who calls it.
        for called in &agent.callable {
            if [MODEL, TOOLS, ANSWER].contains(&&*called.name) {
                let why = format!("it is a node of `{name}`, which calls it");
                self.findings
                    .reserved_agent_name(called.place, &called.name, &why);
            }
            self.shapes(called, false);
        }
    }

    /// Two branches do not write the same key; `found` is told of those that do.
    fn branches(
        &mut self,
        branches: &[Outline],
        found: impl Fn(&mut Findings, Place, &str, [&str; 2]),
    ) {
        let mut writers: BTreeMap<&str, &str> = BTreeMap::new();
        for branch in branches {
            let written = branch.written();
            for (key, writer) in &written {
                if let Some(other) = writers.get(*key) {
                    found(&mut self.findings, branch.place, key, [other, writer]);
                }
            }
            for (key, writer) in written {
                writers.entry(key).or_insert(writer);
            }
        }
    }

    /// No branch adds to what another one writes; `found` is told of the two.
    fn added(
        &mut self,
        branches: &[Outline],
        found: impl Fn(&mut Findings, Place, &str, [&str; 2]),
    ) {
        let mut writers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, branch) in branches.iter().enumerate() {
            for (key, writer) in branch.written() {
                writers.entry(key).or_default().push((index, writer));
            }
        }
        for (index, branch) in branches.iter().enumerate() {
            for (key, adder) in branch.added() {
                let mut others = writers.get(key).into_iter().flatten();
                if let Some((_, writer)) = others.find(|(other, _)| *other != index) {
                    found(&mut self.findings, branch.place, key, [writer, adder]);
                }
            }
        }
    }

    /// What functions write of its tools, no agent writes that is called beside them.
    fn beside(&mut self, caller: &Outline) {
        if !caller.writes_beside {
            return;
        }
        for called in &caller.callable {
            let written = called.written().into_iter();
            let written = written.map(|(key, who)| (key, [who, "writes"]));
            let added = called.added().into_iter();
            let added = added.map(|(key, who)| (key, [who, "adds to"]));
            for (key, does) in written.chain(added) {
                let is_in = |keys: &[String]| keys.iter().any(|known| known == key);
                let own = match does[1] {
                    _ if is_in(&caller.writes) => "writes",
                    "writes" if is_in(&caller.adds) => "adds to",
                    // Any number may add.
                    _ => continue,
                };
                let (place, own) = (called.place, [&*caller.name, own]);
                self.findings.called_beside(place, key, own, does);
            }
        }
    }

    /// How often those of a group hand on, only its outermost says.
    fn members(&mut self, parent: &Outline) {
        let members = parent.agents.iter();
        let members = members.filter(|member| member.shape == Shape::Group);
        for member in members.filter(|member| member.bounds_transfers) {
            let (place, name) = (member.place, &member.name);
            self.findings.inner_max_transfers(place, name, &parent.name);
        }
    }

    fn keys(&mut self, agent: &Outline) {
        let written = agent.output.iter().chain(&agent.writes).chain(&agent.adds);
        let named = written.chain(&agent.reads);
        for key in named.filter(|key| !is_key(key)) {
            self.findings.invalid_key(agent.place, &agent.name, key);
        }
    }

    fn tools(&mut self, agent: &Outline) {
        self.findings.extend(&agent.tool_mistakes);
        let mut taken: Vec<&str> = agent.callable.iter().map(|called| &*called.name).collect();
        taken.extend([TRANSFER, EXIT_LOOP]);
        for tool in agent.tools.iter().filter(|tool| taken.contains(&&***tool)) {
            self.findings
                .taken_tool_name(agent.place, &agent.name, tool);
        }
    }

    /// Each key is written before it is read. Returns what is written when the agent
    /// has run.
    fn reads(&mut self, agent: &Outline, known: &BTreeSet<String>) -> BTreeSet<String> {
        let mut known = known.clone();
        known.extend(agent.inputs.iter().cloned());
        for key in &agent.reads {
            if !is_known(key, &known) {
                let known = known.iter().map(String::as_str);
                self.findings
                    .unwritten_key(agent.place, &agent.name, key, known);
            }
        }
        match agent.shape {
            Shape::Sequence | Shape::Loop => {
                for below in &agent.agents {
                    known = self.reads(below, &known);
                }
            }
            Shape::Parallel => {
                let each: Vec<_> = agent
                    .agents
                    .iter()
                    .map(|one| self.reads(one, &known))
                    .collect();
                known.extend(each.into_iter().flatten());
            }
            // Which of them speaks before another, models decide.
            Shape::Group => {
                let members = agent.agents.iter().chain(&agent.callable);
                let written = agent.agents.iter().flat_map(Outline::written);
                let mut any = known.clone();
                any.extend(written.map(|(key, _)| key.to_owned()));
                any.extend(agent.output.clone());
                let each: Vec<_> = members.map(|one| self.reads(one, &any)).collect();
                known.extend(each.into_iter().flatten());
            }
            Shape::Custom => {}
        }
        let written = agent.output.iter().chain(&agent.writes);
        known.extend(written.chain(&agent.adds).cloned());
        known
    }
}

/// Whether a key is among these, or in a scope that is.
fn is_known(key: &str, known: &BTreeSet<String>) -> bool {
    let scope = key.find(':').map(|colon| &key[..=colon]);
    known.contains(key) || scope.is_some_and(|scope| known.contains(scope))
}
