//! Calls of tools without a model.

use serde_json::Value;
use superstep::prelude::*;
use superstep::{ToolCall, Toolbox};
use superstep_agents::McpServer;

/// What a server has, as a toolbox.
pub(crate) async fn toolbox(server: &McpServer) -> Toolbox {
    let tools = server.tools().await.expect("it has tools");
    Toolbox::new().add_all(tools).check().expect("it is sound")
}

/// What a call came to, with `!` before what failed.
pub(crate) async fn call(toolbox: &Toolbox, name: &str, arguments: Value) -> String {
    let call = ToolCall {
        id: "1".into(),
        name: name.into(),
        arguments: arguments.to_string(),
    };
    let (view, ctx) = (View::new(()), Ctx::new(()));
    let results = toolbox.run([&call], &view, &ctx).await;
    let result = results.expect("nothing is fatal").remove(0);
    let mark = if result.is_error { "! " } else { "" };
    format!("{mark}{}", result.content)
}

/// An error and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect()
}
