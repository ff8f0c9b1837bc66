//! What is wrong with agents that are put together, beside what the graph that they
//! make can tell by itself.

use std::panic::Location;

use superstep_core::{CompileError, State};

use crate::findings::{Findings, Place, moved};
use crate::tools::Toolbox;

/// Mistakes that are collected, of a graph that is asked for at that place.
pub(super) struct Mistakes {
    graph: String,
    place: Place,
    findings: Findings,
}

impl Mistakes {
    #[track_caller]
    pub(super) fn of(graph: &str) -> Self {
        Self {
            graph: format!("graph `{graph}`"),
            place: Location::caller(),
            findings: Findings::default(),
        }
    }

    pub(super) fn toolbox<C, S: State>(&mut self, toolbox: &Toolbox<C, S>) {
        if let Some(error) = toolbox.mistakes() {
            self.findings.extend(error.diagnostics());
        }
    }

    /// The names of agents, with where these are made: each once, and none that the
    /// graph needs itself.
    pub(super) fn names(&mut self, names: &[(&str, Place)], reserved: &[&str]) {
        for (index, (name, place)) in names.iter().enumerate() {
            if reserved.contains(name) {
                let why = "it is a node of the graph around it";
                self.findings.reserved_agent_name(place, name, why);
            }
            let before = &names[..index];
            if let Some((_, first)) = before.iter().find(|(other, _)| other == name) {
                self.findings.duplicate_agent(place, name, first);
            }
        }
        if names.is_empty() {
            self.findings.no_agents(self.place, &self.graph);
        }
    }

    /// Who begins is none of these.
    pub(super) fn unknown(&mut self, name: &str, known: &[(&str, Place)]) {
        let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        self.findings.unknown_agent(self.place, name, &known);
    }

    /// What was compiled, unless it is a mistake.
    pub(super) fn compiled<G>(&mut self, compiled: Result<G, CompileError>) -> Option<G> {
        let found = |error: CompileError| {
            let error = moved(error, self.graph.clone(), self.place);
            self.findings.extend(error.diagnostics());
        };
        compiled.map_err(found).ok()
    }

    pub(super) fn check(self) -> Result<(), CompileError> {
        self.findings.check(self.graph)
    }
}
