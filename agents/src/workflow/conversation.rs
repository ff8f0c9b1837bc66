//! What an agent reads of a session's messages.
//!
//! 1. What it said itself, calls and results included, is its own; what the user
//!    said is the user's.
//! 2. What others said is quoted as something to be read, in a user's message: to
//!    a model an assistant's message is its own. Their calls are left out.
//! 3. What nobody has said is the program's, and as the model's own where it is an
//!    assistant's: it is asked to go on after it, as after its own answer.
//! 4. A conversation is handed on as it is where nothing has to be changed.

use std::borrow::Cow;
use std::collections::BTreeSet;

use superstep_providers::{Message, Role};

use super::exit::is_exit;
use super::llm::AgentHistory;
use crate::react::GO_ON;

/// Who reads.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) name: String,
    pub(super) history: AgentHistory,
    /// The agents whose words it does not read.
    pub(super) hidden: BTreeSet<String>,
}

/// Whose a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own,
    /// The user's, or the program's.
    Theirs,
    Quoted,
    Hidden,
}

impl Reader {
    pub(super) fn read<'m>(&self, messages: &'m [Message]) -> Cow<'m, [Message]> {
        if self.history == AgentHistory::None {
            return Cow::Owned(self.turn(messages));
        }
        let as_it_is = messages.iter().zip(self.whose(messages));
        let mut is_over = false;
        let as_it_is = as_it_is.into_iter().all(|(message, whose)| {
            let begins_again = is_over && begins(message) && whose == Whose::Own;
            is_over = match whose {
                Whose::Own => ends(message, is_over),
                _ => is_answer(message),
            };
            matches!(whose, Whose::Own | Whose::Theirs) && !begins_again
        });
        match as_it_is && !is_over {
            true => Cow::Borrowed(messages),
            false => Cow::Owned(self.all(messages)),
        }
    }

    fn whose<'m>(&'m self, messages: &'m [Message]) -> impl Iterator<Item = Whose> + 'm {
        messages.iter().map(|message| match &message.name {
            _ if matches!(message.role, Role::System | Role::User) => Whose::Theirs,
            None => Whose::Theirs,
            Some(name) if *name == self.name => Whose::Own,
            Some(name) if self.hidden.contains(name) => Whose::Hidden,
            Some(_) => Whose::Quoted,
        })
    }

    fn all(&self, messages: &[Message]) -> Vec<Message> {
        let mut read: Vec<Message> = Vec::with_capacity(messages.len());
        let mut is_over = false;
        for (message, whose) in messages.iter().zip(self.whose(messages)) {
            match whose {
                Whose::Hidden => {}
                Whose::Theirs => {
                    is_over = is_answer(message);
                    read.push(message.clone());
                }
                Whose::Own => {
                    if is_over && begins(message) {
                        read.push(Message::user(GO_ON));
                    }
                    is_over = ends(message, is_over);
                    read.push(message.clone());
                }
                Whose::Quoted => {
                    if let Some(quoted) = quoted(message) {
                        is_over = false;
                        read.push(quoted);
                    }
                }
            }
        }
        if is_over {
            read.push(Message::user(GO_ON));
        }
        read
    }

    /// What the user said last, and what the agent has said since it began.
    fn turn(&self, messages: &[Message]) -> Vec<Message> {
        let mut said = messages.iter().rev();
        let asked = said.find(|message| message.role == Role::User);
        let since = &messages[began(messages, &self.name)..];
        asked.into_iter().chain(since).cloned().collect()
    }
}

/// Where an agent has begun to speak that is not done yet; the end, if none has.
pub(super) fn began(messages: &[Message], name: &str) -> usize {
    let own = messages.iter().rev().take_while(|message| {
        message.name.as_deref() == Some(name) && message.role != Role::User && !is_answer(message)
    });
    let since = messages.len() - own.count();
    let own = &messages[since..];
    match own.iter().rposition(is_exit) {
        None => since,
        Some(exit) => {
            let results = own[exit..].iter().take_while(|message| !begins(message));
            since + exit + results.count()
        }
    }
}

/// Whether an agent's turn is over with a message of its own, after one with which it
/// was or was not: with its answer, or with the results of what has ended a loop.
fn ends(message: &Message, was_over: bool) -> bool {
    is_answer(message) || is_exit(message) || (was_over && !begins(message))
}

/// Whether a message of an agent's own is no result of what it has called before.
fn begins(message: &Message) -> bool {
    message.role != Role::Tool
}

fn is_answer(message: &Message) -> bool {
    message.role == Role::Assistant && message.tool_calls().next().is_none()
}

fn quoted(message: &Message) -> Option<Message> {
    let text = message.text();
    let name = message.name.as_ref()?;
    let is_said = message.role == Role::Assistant && !text.is_empty();
    is_said.then(|| {
        Message::user(format!(
            "For context, this is what `{name}` said:\n<said by=\"{name}\">\n{text}\n</said>"
        ))
    })
}
