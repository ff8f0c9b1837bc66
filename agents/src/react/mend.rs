//! What a provider would refuse in a conversation, mended in a request.

use std::collections::BTreeSet;

use superstep_providers::{Message, Part, Role, ToolCall};

/// What the model reads of a call that nobody has made.
const LEFT_OUT: &str = "the call was left out";

/// The same conversation, in which each call has a result before anybody else
/// speaks, in the order of the calls. Some have none where an agent was stopped before
/// its tools ran, and a user went on; and tools end before agents that are called
/// beside them.
pub(super) fn mended(messages: Vec<Message>) -> Vec<Message> {
    if is_sound(&messages) {
        return messages;
    }
    let mut mended = Vec::with_capacity(messages.len() + 1);
    let mut rest = messages.into_iter().peekable();
    while let Some(message) = rest.next() {
        let calls: Vec<ToolCall> = message.tool_calls().cloned().collect();
        let calls: Vec<&ToolCall> = calls.iter().collect();
        mended.push(message);
        let mut answers = Vec::new();
        while let Some(result) = rest.next_if(|next| !calls.is_empty() && next.role == Role::Tool) {
            answers.push(result);
        }
        let answered: BTreeSet<&str> = answers.iter().flat_map(results).collect();
        let left_out = calls.iter().filter(|call| !answered.contains(&*call.id));
        let left_out = left_out.map(|call| Message::tool(call.failure(LEFT_OUT)));
        let left_out: Vec<_> = left_out.collect();
        answers.extend(left_out);
        answers.sort_by_key(|answer| place(&calls, answer));
        mended.extend(answers);
    }
    mended
}

/// Whether each call has a result, in their order.
fn is_sound(messages: &[Message]) -> bool {
    let mut said = messages.iter().enumerate();
    said.all(|(index, message)| {
        let calls: Vec<&ToolCall> = message.tool_calls().collect();
        if calls.is_empty() {
            return true;
        }
        let after = messages[index + 1..].iter();
        let after = after.take_while(|message| message.role == Role::Tool);
        let answered: Vec<&str> = after.clone().flat_map(results).collect();
        calls.iter().all(|call| answered.contains(&&*call.id))
            && after.map(|answer| place(&calls, answer)).is_sorted()
    })
}

/// Which of the calls a message answers; those that answer none come last.
fn place(calls: &[&ToolCall], answer: &Message) -> usize {
    let first = results(answer).next();
    let place = calls.iter().position(|call| Some(&*call.id) == first);
    place.unwrap_or(calls.len())
}

fn results(message: &Message) -> impl Iterator<Item = &str> {
    message.parts.iter().filter_map(|part| match part {
        Part::ToolResult(result) => Some(&*result.call),
        _ => None,
    })
}
