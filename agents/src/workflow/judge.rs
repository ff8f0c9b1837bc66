//! The rules about how agents fit together, all judged before anything runs.

use std::collections::BTreeSet;

use super::error::{AgentError, AgentMistake};
use super::exit::EXIT_LOOP;
use super::outline::{Outline, Shape};
use crate::react::{ANSWER, MODEL, TOOLS, TRANSFER};
use crate::template::is_key;

/// The longest name of an agent: it is a tool's name, too.
const LONGEST_NAME: usize = 64;

/// Names that mean something else.
const RESERVED: [&str; 3] = ["user", TRANSFER, EXIT_LOOP];

/// All that is wrong, in the order of the agents.
pub(super) fn judge(root: &Outline) -> Result<(), AgentError> {
    let mut judge = Judge::default();
    judge.names(root);
    judge.models(root, false);
    judge.shapes(root, false);
    judge.reads(root, &BTreeSet::new());
    match judge.mistakes.is_empty() {
        true => Ok(()),
        false => Err(AgentError {
            agent: root.name.clone(),
            mistakes: judge.mistakes,
        }),
    }
}

#[derive(Default)]
struct Judge {
    mistakes: Vec<AgentMistake>,
}

impl Judge {
    fn add(&mut self, agent: &Outline, code: &'static str, message: String, help: &str) {
        self.mistakes.push(AgentMistake {
            code,
            message,
            help: help.to_owned(),
            place: agent.place,
        });
    }

    fn names(&mut self, root: &Outline) {
        let all = root.all();
        for (index, agent) in all.iter().enumerate() {
            let name = &agent.name;
            if RESERVED.contains(&&**name) || name.starts_with("__") {
                self.add(
                    agent,
                    "reserved-agent-name",
                    format!("`{name}` is no name for an agent: it means something else"),
                    "give the agent another name",
                );
            } else if !is_name(name) {
                let why = format!(
                    "`{name}` is no name of an agent: it has letters, digits, `_` and `-`, at \
                     most {LONGEST_NAME}"
                );
                self.add(agent, "invalid-agent-name", why, "give it such a name");
            }
            if let Some(first) = all[..index].iter().find(|other| other.name == *name) {
                self.add(
                    agent,
                    "duplicate-agent",
                    format!(
                        "two agents are called `{name}`; the other is made at {}",
                        first.place
                    ),
                    "give one of them another name: messages, tools and nodes are told apart by it",
                );
            }
        }
    }

    fn models(&mut self, agent: &Outline, above: bool) {
        let has_model = above || agent.has_model;
        if agent.shape == Shape::Group && !has_model {
            let message = format!(
                "agent `{}` has no model, nor has any agent around it",
                agent.name
            );
            let help = "give it one with `.model(..)`, or give one to the outermost agent";
            self.add(agent, "no-model", message, help);
        }
        for below in agent.agents.iter().chain(&agent.callable) {
            self.models(below, has_model);
        }
    }

    fn shapes(&mut self, agent: &Outline, in_loop: bool) {
        let name = &agent.name;
        if agent.agents.is_empty() && !matches!(agent.shape, Shape::Group | Shape::Custom) {
            let message = format!("agent `{name}` has no agents to run");
            self.add(agent, "no-agents", message, "give it at least one");
        }
        if agent.exits_loop && !in_loop {
            let message = format!("agent `{name}` can exit a loop, and is in none");
            let help = "put it into a `LoopAgent`, or leave `.can_exit_loop()` out";
            self.add(agent, "no-loop", message, help);
        }
        if agent.shape == Shape::Parallel {
            let when = format!("at the same time in `{}`", agent.name);
            let help = "give one of them another key, or run them one after another";
            self.branches(&agent.agents, &when, help);
        }
        let when = format!("and `{}` can call both at the same time", agent.name);
        self.branches(&agent.callable, &when, "give one of them another key");
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
                let message = format!(
                    "`{}` is no name for an agent that is called: it is a node of `{name}`",
                    called.name
                );
                self.add(
                    called,
                    "reserved-agent-name",
                    message,
                    "give the agent another name",
                );
            }
            self.shapes(called, false);
        }
    }

    /// Two branches do not write the same key.
    fn branches(&mut self, branches: &[Outline], when: &str, help: &str) {
        for (index, branch) in branches.iter().enumerate() {
            for (key, writer) in branch.written() {
                let before = branches[..index].iter();
                let mut before = before.flat_map(Outline::written);
                let Some((_, other)) = before.find(|(known, _)| *known == key) else {
                    continue;
                };
                self.add(
                    branch,
                    "conflicting-keys",
                    format!("agents `{other}` and `{writer}` both write `{key}`, {when}"),
                    help,
                );
            }
        }
    }

    /// How often those of a group hand on, only its outermost says.
    fn members(&mut self, parent: &Outline) {
        let members = parent.agents.iter();
        let members = members.filter(|member| member.shape == Shape::Group);
        for member in members.filter(|member| member.bounds_transfers) {
            let message = format!(
                "agent `{}` says how often agents hand on, and is a sub-agent of `{}`",
                member.name, parent.name
            );
            let help = "say it of the outermost of those that hand on to each other: it holds for \
                        all of them";
            self.add(member, "inner-max-transfers", message, help);
        }
    }

    fn keys(&mut self, agent: &Outline) {
        let written = agent.output.iter().chain(&agent.writes).chain(&agent.adds);
        let named = written.chain(&agent.reads);
        for key in named.filter(|key| !is_key(key)) {
            let message = format!("agent `{}` names `{key}`, which is no key", agent.name);
            let help = "a key is a name of letters, digits and `_`, such as `topic`; `user:`, \
                        `app:` or `temp:` may stand before it";
            self.add(agent, "invalid-key", message, help);
        }
    }

    fn tools(&mut self, agent: &Outline) {
        for mistake in &agent.tool_mistakes {
            let message = format!("of agent `{}`, {mistake}", agent.name);
            self.add(agent, "toolbox", message, "see `Toolbox::check`");
        }
        let mut taken: Vec<&str> = agent.callable.iter().map(|called| &*called.name).collect();
        taken.extend([TRANSFER, EXIT_LOOP]);
        for tool in agent.tools.iter().filter(|tool| taken.contains(&&***tool)) {
            let message = format!(
                "agent `{}` has a tool `{tool}`, and calls something else by that name",
                agent.name
            );
            self.add(
                agent,
                "taken-tool-name",
                message,
                "give the tool another name",
            );
        }
    }

    /// Each key is written before it is read. Returns what is written when the agent
    /// has run.
    fn reads(&mut self, agent: &Outline, known: &BTreeSet<String>) -> BTreeSet<String> {
        let mut known = known.clone();
        known.extend(agent.inputs.iter().cloned());
        for key in &agent.reads {
            if !is_known(key, &known) {
                self.unwritten(agent, key, &known);
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

    fn unwritten(&mut self, agent: &Outline, key: &str, known: &BTreeSet<String>) {
        let near = |other: &&String| strsim::jaro_winkler(key, other) > 0.8;
        let meant = known.iter().filter(near).max_by(|a, b| {
            let of = |other| strsim::jaro_winkler(key, other);
            of(a).total_cmp(&of(b))
        });
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "let an agent before it write the key, declare that the program does by \
                 `.input([\"{key}\"])`, or write `{{{key}?}}` where it may be missing"
            ),
        };
        let message = format!(
            "agent `{}` reads `{key}`, which nobody writes before",
            agent.name
        );
        self.add(agent, "unwritten-key", message, &help);
    }
}

/// Whether a key is among these, or in a scope that is.
fn is_known(key: &str, known: &BTreeSet<String>) -> bool {
    let scope = key.find(':').map(|colon| &key[..=colon]);
    known.contains(key) || scope.is_some_and(|scope| known.contains(scope))
}

fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(is_part)
}
