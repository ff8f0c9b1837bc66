//! The node that runs the tools that a model asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use superstep_core::{Checked, CompileError, Ctx, NodeResult, State, View, checked};
use superstep_providers::{Message, Part, Role, ToolCall, ToolResult};

use super::{BoxFuture, Toolbox};

/// The node's future.
type Node<S> = BoxFuture<NodeResult<<S as State>::Update>>;

/// A node that runs the calls of a conversation's last message, and adds their
/// results to it.
///
/// `messages` finds the conversation in the state, and `update` writes what is to
/// be added to it: one message with the role of a tool for each call, in the order
/// of the calls. Calls that have a result already are left out; where no call is
/// left, nothing is added. [`Toolbox::run`] says what becomes of mistakes of the
/// model, questions and panics; what [`Toolbox::check`] finds is reported by the
/// graph's `compile`.
///
/// # Cancel safety
///
/// As [`Toolbox::run`].
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::{Message, Messages, Part, Role, ToolCall, Toolbox, tool, tool_node};
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Chat {
///     #[reduce(Messages)]
///     messages: Vec<Message>,
/// }
///
/// /// Looks a word up.
/// #[tool]
/// async fn look_up(/** The word. */ word: String) -> Result<String, String> {
///     match word.as_str() {
///         "superstep" => Ok("a round of work".into()),
///         _ => Err(format!("`{word}` is in no dictionary")),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tools = tool_node(
///     Toolbox::new().add(look_up),
///     |chat: &Chat| &chat.messages,
///     |results| Chat::update().messages(results),
/// );
/// let graph = StateGraph::<Chat>::new("chat")
///     .add_node("tools", tools)
///     .add_edge(START, "tools")
///     .compile()?;
///
/// let asks = Message::new(Role::Assistant).part(Part::ToolCall(ToolCall {
///     id: "call_1".into(),
///     name: "look_up".into(),
///     arguments: r#"{"word": "superstep"}"#.into(),
/// }));
/// let run = graph.invoke(Chat::update().messages(asks)).await?;
/// assert_eq!(run.state.messages[1].to_string(), "tool: look_up -> a round of work");
/// # Ok(())
/// # }
/// ```
pub fn tool_node<C, S>(
    toolbox: Toolbox<C, S>,
    messages: impl Fn(&S) -> &[Message] + Clone + Send + Sync + 'static,
    update: impl Fn(Vec<Message>) -> S::Update + Clone + Send + Sync + 'static,
) -> Checked<impl Fn(View<S>, Ctx<C>) -> Node<S> + Clone + Send + Sync + 'static>
where
    C: Send + Sync + 'static,
    S: State,
{
    let mistakes = toolbox.mistakes();
    let mistakes = mistakes.as_ref().map(CompileError::diagnostics);
    let mistakes = mistakes.unwrap_or_default().to_vec();
    let toolbox = Arc::new(toolbox);
    let run = move |state: View<S>, ctx: Ctx<C>| -> Node<S> {
        let (toolbox, messages, update) = (Arc::clone(&toolbox), messages.clone(), update.clone());
        Box::pin(async move {
            let calls = open_calls(messages(&state));
            let results = toolbox.run(&calls, &state, &ctx).await?;
            Ok(update(results.into_iter().map(Message::tool).collect()))
        })
    };
    checked(run, mistakes)
}

/// The calls of what the model said last that have no result.
pub(crate) fn open_calls(messages: &[Message]) -> Vec<ToolCall> {
    let mut said = messages.iter();
    let Some(last) = said
        .rposition(|message| message.role == Role::Assistant)
        .and_then(|last| messages.get(last..))
    else {
        return Vec::new();
    };
    let parts = last.iter().flat_map(|message| &message.parts);
    let answered: BTreeSet<&str> = parts.filter_map(answers).collect();
    let calls = last.iter().take(1).flat_map(Message::tool_calls);
    let open = calls.filter(|call| !answered.contains(&*call.id));
    open.cloned().collect()
}

fn answers(part: &Part) -> Option<&str> {
    match part {
        Part::ToolResult(ToolResult { call, .. }) => Some(call),
        _ => None,
    }
}
