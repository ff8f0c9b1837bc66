//! Agents that answer as scripts say, and what was said.

use superstep::{
    Asked, CompileError, Graph, Message, ModelResponse, Part, Reply, RunError, ScriptedModel,
    Session, StateGraph, ToolCall,
};

pub(crate) fn graph(built: Result<StateGraph<Session>, CompileError>) -> Graph<Session> {
    let graph = built.expect("the agents are sound");
    graph.compile().expect("the graph is sound")
}

/// What was said, a line a message.
pub(crate) fn said(session: &Session) -> Vec<String> {
    session.messages.iter().map(ToString::to_string).collect()
}

/// The request of a call, a line a message.
pub(crate) fn lines(asked: &Asked) -> Vec<String> {
    let messages = asked.request.messages.iter();
    messages.map(ToString::to_string).collect()
}

/// The system message of each call of a node.
pub(crate) fn systems(model: &ScriptedModel, node: &str) -> Vec<String> {
    let calls = model.calls_of(node).into_iter();
    let systems = calls.map(|asked| asked.request.messages[0].text());
    systems.collect()
}

/// A call of a tool, and what is said in the same message.
pub(crate) fn beside(text: &str, tool: &str, arguments: &serde_json::Value) -> Reply {
    let call = Part::ToolCall(ToolCall {
        id: format!("call of {tool}"),
        name: tool.to_owned(),
        arguments: arguments.to_string(),
    });
    Reply::from(ModelResponse::new(Message::assistant(text).part(call)))
}

/// What a run failed with, and its causes.
pub(crate) fn chain(error: &RunError) -> Vec<String> {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source())
        .map(ToString::to_string)
        .collect()
}
