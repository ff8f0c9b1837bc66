//! Tools that models call, and conversations as lines.

use superstep::{Chat, Graph, ReactAgent, RunError, tool};

/// Adds two numbers.
#[tool]
pub(crate) async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Doubles a number.
#[tool]
pub(crate) async fn double(number: i64) -> i64 {
    number * 2
}

/// The agent's graph as it is.
pub(crate) fn graph<C: Send + Sync + 'static>(agent: ReactAgent<C>) -> Graph<Chat, C> {
    let graph = agent.build().expect("the agent is sound");
    graph.compile().expect("the graph is sound")
}

/// What was said, a line a message.
pub(crate) fn said(chat: &Chat) -> Vec<String> {
    chat.messages.iter().map(ToString::to_string).collect()
}

/// What a run failed with, and its causes.
pub(crate) fn chain(error: &RunError) -> Vec<String> {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source())
        .map(ToString::to_string)
        .collect()
}
