//! What is special about an LLM agent in a session.
//!
//! 1. It begins where nothing of what was said last is an open turn of its own, and it
//!    has not just ended a loop. Then it takes the floor in its group.
//! 2. Its turns, its tools, and its end are those of
//!    [`Turns`](crate::react::Turns).

use std::sync::Arc;

use superstep_core::NodeError;
use superstep_providers::ToolCall;

use super::conversation::began;
use super::exit::EXIT_LOOP;
use super::flow::Step;
use super::llm::{Instruction, Shape};
use super::values::Change;
use super::{Escalate, Session, SessionUpdate};
use crate::failure::{AgentFailed, wrapped};
use crate::react::{Called, Instruction as Instruct, Respond, Special, TRANSFER};

pub(super) struct Persona {
    pub(super) name: String,
    /// The names of the agents around it, and its own.
    pub(super) path: String,
    /// In a group, the name of that, and who has the floor next time.
    pub(super) floor: Option<(String, String)>,
    /// Whether it can end a loop, which it leaves at once.
    pub(super) exits_loop: bool,
}

impl Special<Session> for Persona {
    fn begins(&self, session: &Session) -> Option<SessionUpdate> {
        let leaves = self.exits_loop && session.flow.escalates();
        if leaves || began(&session.messages, &self.name) < session.messages.len() {
            return None;
        }
        let mut update = Session::update();
        if session.flow.transfer().is_some() {
            update = update.flow(Step::Transferred);
        }
        if let Some((group, holder)) = &self.floor
            && session.flow.active(group) != Some(holder)
        {
            update = update.flow(Step::Active(group.clone(), holder.clone()));
        }
        Some(update)
    }

    fn hands_on(&self, to: String) -> SessionUpdate {
        Session::update().flow(Step::Transfer(to))
    }

    fn beside(&self, called: &Called) -> Option<SessionUpdate> {
        let mut done = called.done.iter();
        let exits = done.any(|call| call.name == EXIT_LOOP);
        exits.then(|| Session::escalate(Escalate::Loop))
    }

    fn is_left_by(&self, called: &Called) -> bool {
        let leaves = |call: &ToolCall| [TRANSFER, EXIT_LOOP].contains(&&*call.name);
        called.done.iter().any(leaves)
    }

    fn gives(&self) -> SessionUpdate {
        Session::update().flow(Step::Given(self.name.clone()))
    }

    fn is_given(&self, session: &Session) -> bool {
        session.flow.given() == Some(&self.name)
    }

    fn keeps(&self) -> SessionUpdate {
        Session::update().flow(Step::Kept)
    }

    /// The error, which says in which agent, and whether to try again.
    fn fails(&self, error: NodeError) -> NodeError {
        wrapped(error, |source| AgentFailed {
            path: self.path.clone(),
            source,
        })
    }
}

/// What is kept of an agent's answer.
pub(super) fn responds(key: Option<String>, shape: Option<Shape>) -> Option<Respond<Session>> {
    match (key, shape) {
        (key, Some(shape)) => Some(shape(key)),
        (Some(key), None) => Some(Respond::text(move |text| {
            Session::update().values(Change::set(key.clone(), text))
        })),
        (None, None) => None,
    }
}

/// How the instruction is made, if there is one, or why it cannot be made.
pub(super) fn instructs(instruction: Instruction, path: String) -> Option<Instruct<Session>> {
    match instruction {
        Instruction::None => None,
        Instruction::Made(make) => Some(Arc::new(move |session| Ok(make(session)))),
        Instruction::Text(template) => Some(Arc::new(move |session: &Session| {
            let filled = template.fill(|key| session.values.json(key));
            filled.map_err(|hole| {
                NodeError::permanent(MissingKey {
                    key: hole.name.clone(),
                    path: path.clone(),
                })
            })
        })),
    }
}

/// A key of an instruction has no value.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{{{key}}}` in the instruction of agent `{path}` has no value; write the key before, or \
     `{{{key}?}}` where it may be missing"
)]
struct MissingKey {
    key: String,
    path: String,
}
