//! What a provider would refuse in a conversation, mended in a request.

use std::collections::BTreeSet;

use superstep_providers::{Message, Part, Role};

/// What the model reads of a call that nobody has made.
const LEFT_OUT: &str = "the call was left out";

/// The same conversation, in which each call has a result before anybody else
/// speaks. Some have none where an agent was stopped before its tools ran, and a
/// user went on.
pub(super) fn mended(messages: Vec<Message>) -> Vec<Message> {
    if open(&messages).is_none() {
        return messages;
    }
    let mut mended = Vec::with_capacity(messages.len() + 1);
    let mut rest = messages.into_iter().peekable();
    while let Some(message) = rest.next() {
        let calls: Vec<_> = message.tool_calls().cloned().collect();
        mended.push(message);
        let mut answered = BTreeSet::new();
        while let Some(result) = rest.next_if(|next| !calls.is_empty() && next.role == Role::Tool) {
            answered.extend(results(&result).map(str::to_owned));
            mended.push(result);
        }
        let left_out = calls.iter().filter(|call| !answered.contains(&call.id));
        mended.extend(left_out.map(|call| Message::tool(call.failure(LEFT_OUT))));
    }
    mended
}

/// The first message that has a call without a result.
fn open(messages: &[Message]) -> Option<&Message> {
    let said = messages.iter().enumerate();
    let mut calling = said.filter(|(_, message)| message.tool_calls().next().is_some());
    let open = calling.find(|(index, message)| {
        let after = messages[index + 1..].iter();
        let after = after.take_while(|message| message.role == Role::Tool);
        let answered: Vec<&str> = after.flat_map(results).collect();
        let mut calls = message.tool_calls();
        calls.any(|call| !answered.contains(&&*call.id))
    });
    open.map(|(_, message)| message)
}

fn results(message: &Message) -> impl Iterator<Item = &str> {
    message.parts.iter().filter_map(|part| match part {
        Part::ToolResult(result) => Some(&*result.call),
        _ => None,
    })
}
