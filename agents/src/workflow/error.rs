//! What is wrong with agents that are put together.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use superstep_core::CompileError;

/// All that is wrong with an agent and those in it, in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentError {
    pub(super) agent: String,
    pub(super) mistakes: Vec<AgentMistake>,
}

/// One thing that is wrong with agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentMistake {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
    pub(super) place: &'static Location<'static>,
}

impl AgentMistake {
    /// The stable code, such as `unwritten-key`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong, as one lower-case clause.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Where the agent at fault is made.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.place
    }
}

impl AgentError {
    /// The mistakes; at least one.
    #[must_use]
    pub fn mistakes(&self) -> &[AgentMistake] {
        &self.mistakes
    }

    /// A graph inside an agent that does not compile, although the agents are
    /// right.
    pub(super) fn of_graph(
        agent: &str,
        place: &'static Location<'static>,
        error: &CompileError,
    ) -> Self {
        let mistakes = error.diagnostics().iter().map(|found| AgentMistake {
            code: found.code(),
            message: found.message().to_owned(),
            help: found.help().to_owned(),
            place,
        });
        Self {
            agent: agent.to_owned(),
            mistakes: mistakes.collect(),
        }
    }
}

/// The code and message, then the place, then the help, each on its own line.
impl fmt::Display for AgentMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            message,
            help,
            place,
        } = self;
        write!(f, "{code}: {message}\n  at {place}\n  help: {help}")
    }
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mistakes = match self.mistakes.len() {
            1 => "1 mistake".to_owned(),
            n => format!("{n} mistakes"),
        };
        write!(f, "agent `{}` has {mistakes}", self.agent)?;
        for mistake in &self.mistakes {
            write!(f, "\n\n{mistake}")?;
        }
        Ok(())
    }
}

/// As it displays, so that `main` returning it prints something readable.
impl fmt::Debug for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for AgentError {}
