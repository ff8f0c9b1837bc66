//! What agents call that is no tool of the program: other agents, and the end of a
//! loop.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use superstep_providers::{ToolCall, ToolSpec};

use super::Session;
use crate::tools::{Tool, ToolCtx, ToolError};

/// The tool that hands on.
pub(super) const TRANSFER: &str = "transfer_to_agent";

/// The tool that ends a loop.
pub(super) const EXIT_LOOP: &str = "exit_loop";

/// An agent to which another can hand on, or that it can call.
#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub(super) name: String,
    pub(super) description: String,
}

#[derive(Deserialize)]
struct Transfer {
    agent_name: String,
}

/// What a call hands on to.
pub(super) fn target(call: &ToolCall) -> Option<String> {
    let transfer: Transfer = serde_json::from_str(&call.arguments).ok()?;
    Some(transfer.agent_name)
}

/// The tool that hands on to one of these.
pub(super) fn transfer_tool<C: Send + Sync + 'static>(to: &[Contact]) -> Tool<C, Session> {
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
    Tool::from_spec(spec, move |arguments: Value, _: ToolCtx<C>| {
        let asked = arguments.get("agent_name").and_then(Value::as_str);
        let known = asked.filter(|asked| names.iter().any(|name| name == asked));
        let answer = match known {
            Some(name) => Ok(format!("`{name}` has the floor now")),
            None => Err(unknown(asked, &names)),
        };
        async move { answer.map_err(ToolError::msg) }
    })
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

pub(super) fn exit_tool<C: Send + Sync + 'static>() -> Tool<C, Session> {
    let spec = ToolSpec {
        name: EXIT_LOOP.to_owned(),
        description: "Ends the loop: nothing is left to be done in it.".to_owned(),
        parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
    };
    Tool::from_spec(spec, |_: Value, _: ToolCtx<C>| async {
        Ok::<_, ToolError>("the loop ends")
    })
}

/// What an agent is asked that is called as a tool.
#[derive(Deserialize, JsonSchema)]
struct Request {
    /// What it is to do, with all that it has to know.
    request: String,
}

/// An agent as a model knows it that can call it. The call is made elsewhere; here
/// are those that are not made.
pub(super) fn agent_tool<C: Send + Sync + 'static>(agent: &Contact) -> Tool<C, Session> {
    Tool::new(
        agent.name.clone(),
        agent.description.clone(),
        |_: Request, _: ToolCtx<C>| async {
            let why = "it keeps what it answers, and has room for one answer at a time: call it \
                       once in a message, and then again in the next";
            Err::<String, _>(ToolError::msg(why))
        },
    )
}

/// What an agent is asked by a call, or what is wrong with it.
pub(super) fn request(call: &ToolCall) -> Result<String, String> {
    let read: Result<Request, _> = serde_json::from_str(&call.arguments);
    match read {
        Ok(request) => Ok(request.request),
        Err(error) => Err(format!(
            "wrong arguments for `{}`: {error}; it takes `request` (string)",
            call.name
        )),
    }
}
