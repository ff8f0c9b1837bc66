//! The state of an agent that needs no more than a conversation.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use superstep_macros::State;
use superstep_providers::{Message, Messages, MessagesUpdate, Role};

/// A conversation, as the state of an agent.
///
/// # Examples
///
/// ```
/// use superstep::{Chat, Message};
///
/// let chat = Chat {
///     messages: vec![Message::user("How far is it?"), Message::assistant("12 km.")],
///     ..Chat::default()
/// };
/// assert_eq!(chat.answer(), "12 km.");
/// ```
#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// What was said.
    #[reduce(Messages)]
    pub messages: Vec<Message>,
    /// The last answer as JSON, of an agent that
    /// [answers with a type](super::ReactAgent::output_schema).
    pub response: Option<Value>,
    /// Who has the word, in a [`swarm`](super::swarm()).
    pub active: Option<String>,
}

impl Chat {
    /// An input: what a user says.
    pub fn ask(messages: impl Into<Message>) -> ChatUpdate {
        let said: MessagesUpdate = messages.into().into();
        Self::update().messages(said)
    }

    /// The text of what the model said last; empty if it has said nothing since the
    /// user spoke.
    #[must_use]
    pub fn answer(&self) -> String {
        let said = self.messages.iter().rev();
        let mut since = said.take_while(|message| message.role != Role::User);
        let last = since.find(|message| message.role == Role::Assistant);
        last.map(Message::text).unwrap_or_default()
    }

    /// The last answer as that type.
    ///
    /// # Errors
    ///
    /// When there is none, or one of another type.
    pub fn response<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(self.response.as_ref().unwrap_or(&Value::Null))
    }
}
