//! What is wrong with how agents are put together.

use superstep_core::{CompileError, State};

use crate::tools::Toolbox;

/// All that is wrong with agents that are put together, as far as the graph that
/// they make cannot tell by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", mistakes.join("; "))]
pub struct PatternError {
    mistakes: Vec<String>,
}

impl PatternError {
    /// What is wrong, in the order of the agents.
    #[must_use]
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }
}

/// Mistakes that are collected.
#[derive(Default)]
pub(super) struct Mistakes(Vec<String>);

impl Mistakes {
    pub(super) fn toolbox<C, S: State>(&mut self, toolbox: &Toolbox<C, S>) {
        if let Err(error) = toolbox.clone().check() {
            self.0.extend_from_slice(error.mistakes());
        }
    }

    /// The names of agents: each once, and none that the graph needs itself.
    pub(super) fn names(&mut self, names: &[&str], reserved: &[&str]) {
        for (index, name) in names.iter().enumerate() {
            if reserved.contains(name) {
                self.0.push(format!(
                    "no agent can be called `{name}`, which is a node of the graph around it"
                ));
            }
            if names[..index].contains(name) {
                self.0.push(format!("two agents are called `{name}`"));
            }
        }
        if names.is_empty() {
            self.0.push("there is no agent".to_owned());
        }
    }

    pub(super) fn add(&mut self, mistake: impl Into<String>) {
        self.0.push(mistake.into());
    }

    /// What was compiled, unless it is a mistake.
    pub(super) fn compiled<G>(&mut self, compiled: Result<G, CompileError>) -> Option<G> {
        let findings = |error: CompileError| {
            let findings = error.diagnostics().iter();
            self.0
                .extend(findings.map(|finding| finding.message().to_owned()));
        };
        compiled.map_err(findings).ok()
    }

    pub(super) fn check(self) -> Result<(), PatternError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(PatternError { mistakes: self.0 }),
        }
    }
}
