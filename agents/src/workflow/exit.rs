//! The tool that ends a loop.

use serde_json::{Value, json};
use superstep_providers::ToolSpec;

use super::Session;
use crate::tools::{Tool, ToolCtx, ToolError};

pub(super) const EXIT_LOOP: &str = "exit_loop";

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
