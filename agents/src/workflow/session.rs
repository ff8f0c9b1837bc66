//! The state of all agents of a session.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use superstep_macros::State;
use superstep_providers::{Message, Messages, Role};

use super::flow::{Branch, Escalate, Flow, Step};
use super::values::{Changes, Values};

/// The state of a graph of agents: what was said, and what is known.
///
/// It is a state as any other: nodes of yours read it and write it, and the
/// graph goes on threads.
///
/// # Examples
///
/// ```
/// use superstep::prelude::*;
/// use superstep::Session;
///
/// async fn shout(session: View<Session>) -> superstep::SessionUpdate {
///     let topic: String = session.get("topic").unwrap_or_default();
///     Session::update().values(("title", topic.to_uppercase()))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Session>::new("shouting")
///     .add_node("shout", shout)
///     .add_edge(START, "shout")
///     .compile()?;
/// let run = graph.invoke(Session::ask("go on").values(("topic", "tea"))).await?;
/// assert_eq!(run.state.get::<String>("title").as_deref(), Some("TEA"));
/// # Ok(())
/// # }
/// ```
#[derive(State, Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// What was said, by the user and by agents, who are named.
    #[reduce(Messages)]
    #[serde(default)]
    pub messages: Vec<Message>,
    /// What is known, by key.
    #[reduce(Values)]
    #[serde(default)]
    pub values: Values,
    /// Where the agents stand.
    #[reduce(Flow)]
    #[serde(default)]
    pub flow: Flow,
}

impl Session {
    /// What the user says: the input that begins a turn.
    pub fn ask(message: impl Into<Message>) -> SessionUpdate {
        Self::update()
            .messages(message.into())
            .values(Changes::turn())
            .flow(Step::Turn)
    }

    /// Ends loops around the agent that returns this. Of several, each holds.
    pub fn escalate(scope: Escalate) -> SessionUpdate {
        Self::update().flow(Step::Escalate(scope))
    }

    /// The value of a key, if it is there and of that type.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.values.get(key)
    }

    /// The text of what an agent said last, whoever it was; empty if none has said
    /// anything since the user spoke.
    #[must_use]
    pub fn answer(&self) -> String {
        let said = self.messages.iter().rev();
        let mut since = said.take_while(|message| message.role != Role::User);
        let last =
            since.find(|message| message.role == Role::Assistant && !message.text().is_empty());
        last.map(Message::text).unwrap_or_default()
    }

    /// The input of a branch, or of an agent that is called: all that is here.
    pub(super) fn inherit(&self) -> SessionUpdate {
        Self::update()
            .messages(self.messages.clone())
            .values(Changes::inherit(&self.values))
            .flow(self.flow.inherit(self.messages.len()))
    }

    /// An empty one, of which all that is done is logged.
    pub(super) fn logged() -> Self {
        Self {
            values: Values::logged(),
            ..Self::default()
        }
    }

    /// What a branch has come to, since it began.
    pub(super) fn outcome(&self) -> Branch {
        let said = self.messages.get(self.flow.inherited()..);
        Branch {
            messages: said.unwrap_or_default().to_vec(),
            changes: self.values.log().to_vec(),
            active: self.flow.all_active().clone(),
            escalations: self.flow.escalations().clone(),
        }
    }
}
