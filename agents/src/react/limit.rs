//! The bound on the turns of a model.

use std::fmt;

use superstep_providers::{Message, Role};

/// The model of an agent was asked as often as it may be, and still asked for
/// tools.
///
/// The node of the model fails with it, and would fail again. All calls up to then
/// have results: on a thread, what the user says next begins with new turns, if it is
/// said with [`Unfinished::Discard`](superstep_core::Unfinished::Discard), as after
/// any run that has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("after {turns} turn(s) the model still calls {}", named(calls))]
#[non_exhaustive]
pub struct TurnLimit {
    /// How often it was asked.
    pub turns: usize,
    /// The tools that it called last, in order.
    pub calls: Vec<String>,
}

pub(super) fn named(calls: &[impl fmt::Display]) -> String {
    let calls: Vec<_> = calls.iter().map(|call| format!("`{call}`")).collect();
    match calls.is_empty() {
        true => "no tool".to_owned(),
        false => calls.join(", "),
    }
}

impl TurnLimit {
    pub(super) fn of(turns: usize, messages: &[Message]) -> Self {
        let mut said = messages.iter().rev();
        let last = said.find(|message| message.role == Role::Assistant);
        let calls = last.into_iter().flat_map(Message::tool_calls);
        Self {
            turns,
            calls: calls.map(|call| call.name.clone()).collect(),
        }
    }
}

/// How often the model has spoken since a user did.
pub(super) fn turns(messages: &[Message]) -> usize {
    let said = messages.iter().rev();
    let since = said.take_while(|message| message.role != Role::User);
    let own = since.filter(|message| message.role == Role::Assistant);
    own.count()
}
