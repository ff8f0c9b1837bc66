//! Agents that hand on to each other.
//!
//! 1. Who can hand on has a tool `transfer_to_agent`, and is told in its instruction
//!    to whom. Of several such calls in a message the first counts.
//! 2. An agent that has handed on is left when its tools have run.
//! 3. Who has spoken is followed by whom it has handed on to, else by nobody.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use superstep_core::{START, State, StateGraph};
use superstep_providers::{Message, ToolCall, ToolSpec};

use super::Lens;
use crate::tools::{Tool, ToolError, open_calls};

/// The tool that hands on.
pub(crate) const TRANSFER: &str = "transfer_to_agent";

/// An agent to which another can hand on.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub(crate) name: String,
    pub(crate) description: String,
}

#[derive(Deserialize)]
struct Transfer {
    agent_name: String,
}

/// Whom a call hands on to, if it does.
pub(super) fn target(call: &ToolCall) -> Option<String> {
    if call.name != TRANSFER {
        return None;
    }
    let read = serde_json::from_str(&call.arguments).ok();
    read.map(|Transfer { agent_name }| agent_name)
}

/// The tool that hands on to one of these.
pub(super) fn tool<C, S>(to: &[Contact], lens: Lens<S>) -> Tool<C, S>
where
    C: Send + Sync + 'static,
    S: State,
{
    let names: Vec<String> = to.iter().map(|contact| contact.name.clone()).collect();
    let spec = ToolSpec {
        name: TRANSFER.to_owned(),
        description: "Hands the conversation on to another agent, who answers in your place."
            .to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "agent_name": { "type": "string", "enum": names, "description": "The agent." },
            },
            "required": ["agent_name"],
            "additionalProperties": false,
        }),
    };
    Tool::of_state(spec, move |call: &ToolCall, state: &S| {
        let asked = target(call);
        let Some(name) = asked.as_ref().filter(|asked| names.contains(asked)) else {
            return Err(ToolError::msg(unknown(asked.as_deref(), &names)));
        };
        match comes_first(call, lens.all(state), &names) {
            true => Ok(format!("`{name}` has the floor now")),
            false => Err(ToolError::msg("only the first can go on")),
        }
    })
}

/// Whether no other call of the message hands on before that.
fn comes_first(call: &ToolCall, said: &[Message], names: &[String]) -> bool {
    let calls = open_calls(said);
    let mut before = calls.iter().take_while(|other| other.id != call.id);
    !before.any(|other| target(other).is_some_and(|to| names.contains(&to)))
}

fn unknown(asked: Option<&str>, names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let names = names.join(", ");
    match asked {
        Some(asked) => format!("there is no agent `{asked}`, but {names}"),
        None => format!("the argument `agent_name` is missing: one of {names}"),
    }
}

/// What the model is told of those to whom it can hand on.
pub(super) fn introduction(to: &[Contact]) -> String {
    let mut text = format!(
        "You can hand the conversation on with the tool `{TRANSFER}`, if one of these agents is \
         better placed to answer; else answer yourself."
    );
    for Contact { name, description } in to {
        text.push_str("\n- `");
        text.push_str(name);
        text.push('`');
        if !description.is_empty() {
            text.push_str(": ");
            text.push_str(description);
        }
    }
    text
}

/// Adds what leads to the one of these nodes that has the floor, to `first` if none
/// has, and from each to whom it has handed on, or else to `end`.
pub(crate) fn floor<C: Send + Sync + 'static, S: State>(
    graph: StateGraph<S, C>,
    members: &[String],
    first: &str,
    active: impl Fn(&S) -> Option<&str> + Send + Sync + 'static,
    next: impl Fn(&S) -> Option<&str> + Send + Sync + 'static,
    end: &'static str,
) -> StateGraph<S, C> {
    let (known, first, next) = (members.to_vec(), first.to_owned(), Arc::new(next));
    let begins = move |state: &S| {
        let active = active(state).and_then(|active| known.iter().find(|name| *name == active));
        active.unwrap_or(&first).clone()
    };
    let mut graph = graph.add_conditional_edges(START, begins, members);
    for own in members {
        let others = members.iter().filter(|other| *other != own).cloned();
        let others: Vec<String> = others.collect();
        let mut declared = others.clone();
        declared.push(end.to_owned());
        let next = Arc::clone(&next);
        let goes = move |state: &S| {
            let next = next(state).and_then(|next| others.iter().find(|name| *name == next));
            next.map_or(end, |name| &**name).to_owned()
        };
        graph = graph.add_conditional_edges(&**own, goes, declared);
    }
    graph
}
