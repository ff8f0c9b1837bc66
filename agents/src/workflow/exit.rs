//! The tool that ends a loop.

use serde_json::{Value, json};
use superstep_providers::{Message, Part, ToolSpec};

use super::Session;
use crate::tools::{Tool, ToolCtx, ToolError};

pub(super) const EXIT_LOOP: &str = "exit_loop";

/// What it returns. A hook that forbids a call returns something else.
const ENDS: &str = "the loop ends";

/// Whether a message is the result of a call that has ended a loop.
pub(super) fn is_exit(message: &Message) -> bool {
    message.parts.iter().any(|part| match part {
        Part::ToolResult(result) => {
            result.name == EXIT_LOOP && result.content == ENDS && !result.is_error
        }
        _ => false,
    })
}

pub(super) fn exit_tool<C: Send + Sync + 'static>() -> Tool<C, Session> {
    let spec = ToolSpec {
        name: EXIT_LOOP.to_owned(),
        description: "Ends the loop: nothing is left to be done in it.".to_owned(),
        parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
    };
    Tool::from_spec(spec, |_: Value, _: ToolCtx<C>| async {
        Ok::<_, ToolError>(ENDS)
    })
}
