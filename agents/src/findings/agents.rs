//! What can be wrong with agents that are put together.

use super::{Findings, Place, meant};
use crate::chain::names;
use crate::tools::LONGEST_NAME;

impl Findings {
    pub(crate) fn reserved_agent_name(&mut self, place: Place, name: &str, why: &str) {
        self.add(
            place,
            "reserved-agent-name",
            format!("no agent can be called `{name}`: {why}"),
            "give the agent another name",
        );
    }

    pub(crate) fn invalid_agent_name(&mut self, place: Place, name: &str) {
        self.add(
            place,
            "invalid-agent-name",
            format!("an agent cannot be called {name:?}"),
            format!("give it a name of letters, digits, `_` and `-`, at most {LONGEST_NAME}"),
        );
    }

    pub(crate) fn duplicate_agent(&mut self, place: Place, name: &str, first: Place) {
        self.add(
            place,
            "duplicate-agent",
            format!("two agents are called `{name}`"),
            format!(
                "rename one of them: messages, tools and nodes are told apart by it; the first is \
                 made at {first}"
            ),
        );
    }

    pub(crate) fn no_agents(&mut self, place: Place, what: &str) {
        self.add(
            place,
            "no-agents",
            format!("{what} has no agents to run"),
            "give it at least one",
        );
    }

    pub(crate) fn unknown_agent(&mut self, place: Place, name: &str, known: &[&str]) {
        self.add(
            place,
            "unknown-agent",
            format!("`{name}`, who is to begin, is none of the agents"),
            meant(name, known.iter().copied(), || {
                format!(
                    "name one of them; there is {}",
                    names(known.iter().copied())
                )
            }),
        );
    }

    pub(crate) fn no_model(&mut self, place: Place, name: &str) {
        self.add(
            place,
            "no-model",
            format!("agent `{name}` has no model, nor has any agent around it"),
            "give it one with `.model(..)`, or give one to the outermost agent",
        );
    }

    pub(crate) fn no_loop(&mut self, place: Place, name: &str) {
        self.add(
            place,
            "no-loop",
            format!("agent `{name}` can exit a loop, and is in none"),
            "put it into a `LoopAgent`, or leave `.can_exit_loop()` out",
        );
    }

    /// Of two branches of a parallel agent.
    pub(crate) fn parallel_writers(
        &mut self,
        place: Place,
        key: &str,
        writers: [&str; 2],
        agent: &str,
    ) {
        let [first, second] = writers;
        self.add(
            place,
            "conflicting-keys",
            format!(
                "agents `{first}` and `{second}` both write `{key}`, at the same time in `{agent}`"
            ),
            "give one of them another key, or run them one after another",
        );
    }

    /// Of two branches of a parallel agent, the second of which adds.
    pub(crate) fn parallel_adder(
        &mut self,
        place: Place,
        key: &str,
        agents: [&str; 2],
        parallel: &str,
    ) {
        let [writer, adder] = agents;
        self.add(
            place,
            "conflicting-keys",
            format!(
                "agent `{writer}` writes `{key}`, and `{adder}` adds to it, at the same time in \
                 `{parallel}`"
            ),
            "give one of them another key, or run them one after another",
        );
    }

    /// Of two agents that one can call.
    pub(crate) fn called_writers(
        &mut self,
        place: Place,
        key: &str,
        writers: [&str; 2],
        caller: &str,
    ) {
        let [first, second] = writers;
        self.add(
            place,
            "conflicting-keys",
            format!(
                "agents `{first}` and `{second}` both write `{key}`, and `{caller}` can call both \
                 at the same time"
            ),
            "give one of them another key",
        );
    }

    /// Of two agents that one can call, the second of which adds.
    pub(crate) fn called_adder(
        &mut self,
        place: Place,
        key: &str,
        agents: [&str; 2],
        caller: &str,
    ) {
        let [writer, adder] = agents;
        self.add(
            place,
            "conflicting-keys",
            format!(
                "agent `{writer}` writes `{key}`, and `{adder}` adds to it, and `{caller}` can call \
                 both at the same time"
            ),
            "give one of them another key",
        );
    }

    /// Of an agent and one that it can call, each with what it does to the key.
    pub(crate) fn called_beside(
        &mut self,
        place: Place,
        key: &str,
        caller: [&str; 2],
        called: [&str; 2],
    ) {
        let ([caller, own], [called, does]) = (caller, called);
        self.add(
            place,
            "conflicting-keys",
            format!(
                "agent `{caller}` {own} `{key}` after its tools, and `{called}` {does} it, which it \
                 can call at the same time"
            ),
            "give one of them another key",
        );
    }

    pub(crate) fn inner_max_transfers(&mut self, place: Place, name: &str, parent: &str) {
        self.add(
            place,
            "inner-max-transfers",
            format!(
                "agent `{name}` says how often agents hand on, and is a sub-agent of `{parent}`"
            ),
            "say it of the outermost of those that hand on to each other: it holds for all of them",
        );
    }

    pub(crate) fn invalid_key(&mut self, place: Place, agent: &str, key: &str) {
        self.add(
            place,
            "invalid-key",
            format!("agent `{agent}` names `{key}`, which is no key"),
            "write a name of letters, digits and `_`, such as `topic`; `user:`, `app:` or `temp:` \
             may stand before it",
        );
    }

    pub(crate) fn taken_tool_name(&mut self, place: Place, agent: &str, tool: &str) {
        self.add(
            place,
            "taken-tool-name",
            format!("agent `{agent}` has a tool `{tool}`, and calls something else by that name"),
            "give the tool another name",
        );
    }

    pub(crate) fn unwritten_key<'k>(
        &mut self,
        place: Place,
        agent: &str,
        key: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let help = meant(key, known, || {
            format!(
                "let an agent before it write the key, declare that the program does by \
                 `.input([\"{key}\"])`, or write `{{{key}?}}` where it may be missing"
            )
        });
        self.add(
            place,
            "unwritten-key",
            format!("agent `{agent}` reads `{key}`, which nobody writes before"),
            help,
        );
    }
}
