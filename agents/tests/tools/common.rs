//! A conversation, and what a model would have said in it.

use std::pin::Pin;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{
    Checked, Graph, IntoNode, IntoOutcome, MemoryCheckpointer, Message, Messages, Part, Role,
    ToolCall, ToolResult, Toolbox, tool_node,
};

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Chat {
    #[reduce(Messages)]
    pub(crate) messages: Vec<Message>,
    pub(crate) language: String,
}

pub(crate) fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    }
}

/// What a model says that asks for these.
pub(crate) fn asks<const N: usize>(calls: [(&str, &str, &str); N]) -> ChatUpdate {
    let calls = calls.map(|(id, name, arguments)| call(id, name, arguments));
    let message = calls.into_iter().map(Part::ToolCall);
    Chat::update().messages(message.fold(Message::new(Role::Assistant), Message::part))
}

/// A graph of one node, `tools`.
pub(crate) fn graph<C: Send + Sync + 'static>(toolbox: Toolbox<C, Chat>) -> Graph<Chat, C> {
    of(node_of(toolbox)).compile().expect("it is sound")
}

/// The same, whose runs are on threads.
pub(crate) fn kept<C: Send + Sync + 'static>(toolbox: Toolbox<C, Chat>) -> Graph<Chat, C> {
    let graph = of(node_of(toolbox));
    graph
        .checkpointer(MemoryCheckpointer::new())
        .compile()
        .expect("it is sound")
}

/// What the node returns.
type Results = Pin<Box<dyn Future<Output = NodeResult<ChatUpdate>> + Send>>;

pub(crate) fn node_of<C: Send + Sync + 'static>(
    toolbox: Toolbox<C, Chat>,
) -> Checked<impl Fn(View<Chat>, Ctx<C>) -> Results + Send + Sync + 'static> {
    tool_node(
        toolbox,
        |chat: &Chat| &chat.messages,
        |results| Chat::update().messages(results),
    )
}

pub(crate) fn of<C, M, N>(node: N) -> StateGraph<Chat, C>
where
    C: Send + Sync + 'static,
    N: IntoNode<Chat, C, M>,
    N::Future: Send,
    <N::Future as Future>::Output: IntoOutcome<Chat>,
{
    StateGraph::<Chat, C>::new("chat")
        .add_node("tools", node)
        .add_edge(START, "tools")
}

/// The results in a conversation: `id: content`, and `id! content` of those that
/// failed.
pub(crate) fn results(chat: &Chat) -> Vec<String> {
    let parts = chat.messages.iter().flat_map(|message| &message.parts);
    let results = parts.filter_map(|part| match part {
        Part::ToolResult(result) => Some(shown(result)),
        _ => None,
    });
    results.collect()
}

pub(crate) fn shown(result: &ToolResult) -> String {
    let mark = if result.is_error { "!" } else { ":" };
    format!("{}{mark} {}", result.call, result.content)
}

/// What a node failed with, and its causes.
pub(crate) fn chain(error: &superstep::RunError) -> Vec<String> {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source())
        .map(ToString::to_string)
        .collect()
}
