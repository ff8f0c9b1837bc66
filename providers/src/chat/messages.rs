//! The reducer of a conversation.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use superstep_core::{CurrentTask, IntoUpdate, Reducer};

use super::message::Message;
use super::response::ModelResponse;

/// The reducer of a conversation: `#[reduce(Messages)] messages: Vec<Message>`.
///
/// A message that is written is added at the end; one with an id that is known
/// takes the place of the one that has it, and can be [removed](Self::remove) by it.
/// [`remove_all`](Self::remove_all) leaves nothing. A message that a task on a
/// thread writes without an id is given one, which no other has: it is made of the
/// thread, the superstep and the task, and is the same when the task runs again.
///
/// Checkpoints hold what was added, as with `Append`; after something was removed,
/// or written with an id of its own, the whole conversation once. As JSON, messages
/// without ids of their own are a list, and a list is added as it is.
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep_providers::{Message, Messages};
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Chat {
///     #[reduce(Messages)]
///     messages: Vec<Message>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Chat>::new("chat")
///     .add_node("mend", async |_: View<Chat>| {
///         let mended = Message::user("How are you?").with_id("1");
///         Chat::update()
///             .messages(mended)
///             .messages(Message::assistant("Fine."))
///     })
///     .add_edge(START, "mend")
///     .compile()?;
/// let input = Chat::update().messages(Message::user("How r u").with_id("1"));
/// let run = graph.invoke(input).await?;
/// let texts: Vec<String> = run.state.messages.iter().map(Message::text).collect();
/// assert_eq!(texts, ["How are you?", "Fine."]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Messages;

/// What is done to a conversation, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct MessagesUpdate(Vec<Change>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// At the end, whatever its id.
    Add(Message),
    /// In the place of the one that has its id, else at the end.
    Replace(Message),
    Remove(String),
    RemoveAll,
}

impl Messages {
    /// Puts a message in the place of the one that has its id; without such a
    /// one, or without an id, at the end. Writing it by itself does the same.
    #[must_use]
    pub fn replace(message: Message) -> MessagesUpdate {
        MessagesUpdate(vec![Change::Replace(message)])
    }

    /// Removes the messages that have that id, if there are any.
    pub fn remove(id: impl Into<String>) -> MessagesUpdate {
        MessagesUpdate(vec![Change::Remove(id.into())])
    }

    /// Removes all messages.
    #[must_use]
    pub fn remove_all() -> MessagesUpdate {
        MessagesUpdate(vec![Change::RemoveAll])
    }
}

impl Reducer<Vec<Message>> for Messages {
    type Update = MessagesUpdate;

    // What is not only added is written as what no list is joined to.
    const EXTENDS: bool = true;

    fn reduce(messages: &mut Vec<Message>, MessagesUpdate(changes): MessagesUpdate) {
        for change in changes {
            match change {
                Change::Add(message) => messages.push(message),
                Change::Replace(message) => match place(messages, &message) {
                    Some(place) => messages[place] = message,
                    None => messages.push(message),
                },
                Change::Remove(id) => messages.retain(|message| message.id.as_ref() != Some(&id)),
                Change::RemoveAll => messages.clear(),
            }
        }
    }
}

/// Where the message is that has the same id.
fn place(messages: &[Message], like: &Message) -> Option<usize> {
    let id = like.id.as_ref()?;
    let mut messages = messages.iter();
    messages.rposition(|message| message.id.as_ref() == Some(id))
}

impl MessagesUpdate {
    /// The messages, if they are only added.
    fn added(&self) -> Option<Vec<&Message>> {
        let added = self.0.iter().map(|change| match change {
            Change::Add(message) => Some(message),
            Change::Replace(_) | Change::Remove(_) | Change::RemoveAll => None,
        });
        added.collect()
    }
}

impl<M: Into<Message>> FromIterator<M> for MessagesUpdate {
    fn from_iter<I: IntoIterator<Item = M>>(messages: I) -> Self {
        let task = CurrentTask::get();
        let change = |mut message: Message| {
            if message.id.is_some() {
                return Change::Replace(message);
            }
            message.id = task.as_ref().and_then(|task| task.unique_key("message"));
            Change::Add(message)
        };
        let messages = messages.into_iter().map(Into::into);
        Self(messages.map(change).collect())
    }
}

impl From<Message> for MessagesUpdate {
    fn from(message: Message) -> Self {
        [message].into_iter().collect()
    }
}

impl From<Vec<Message>> for MessagesUpdate {
    fn from(messages: Vec<Message>) -> Self {
        messages.into_iter().collect()
    }
}

impl<const N: usize> From<[Message; N]> for MessagesUpdate {
    fn from(messages: [Message; N]) -> Self {
        messages.into_iter().collect()
    }
}

macro_rules! writes {
    ($($type:ty),*) => {
        $(impl IntoUpdate<MessagesUpdate> for $type {
            fn into_update(self) -> MessagesUpdate {
                self.into()
            }
        })*
    };
}

writes!(Message, Vec<Message>, ModelResponse);

impl<const N: usize> IntoUpdate<MessagesUpdate> for [Message; N] {
    fn into_update(self) -> MessagesUpdate {
        self.into()
    }
}

/// What the model said.
impl From<ModelResponse> for MessagesUpdate {
    fn from(response: ModelResponse) -> Self {
        response.message.into()
    }
}

/// Messages that are only added are a list; else it is an object.
impl Serialize for MessagesUpdate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.added() {
            Some(messages) => messages.serialize(serializer),
            None => Changes {
                changes: self.0.clone(),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for MessagesUpdate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.is_array() {
            let messages: Vec<Message> = serde_json::from_value(value).map_err(D::Error::custom)?;
            return Ok(Self(messages.into_iter().map(Change::Add).collect()));
        }
        let changes: Changes = serde_json::from_value(value).map_err(D::Error::custom)?;
        Ok(Self(changes.changes))
    }
}

#[derive(Serialize, Deserialize)]
struct Changes {
    changes: Vec<Change>,
}
