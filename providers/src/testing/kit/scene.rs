//! What a case has: the model, and what it is asked.

use std::sync::Arc;

use serde_json::{Value, json};

use super::verdict::{Broken, Verdict, holds};
use crate::{
    Capabilities, ChatModel, Delta, Message, ModelRequest, ModelResponse, Role, ToolCall, ToolSpec,
};

/// A model on trial.
#[derive(Debug)]
pub struct Scene<M> {
    pub(super) model: Arc<M>,
    pub(super) can: Capabilities,
}

/// What every model has an answer to.
pub(super) const HELLO: &str = "Say hello.";

impl<M: ChatModel> Scene<M> {
    pub(super) fn new(model: M, can: Capabilities) -> Self {
        Self {
            model: Arc::new(model),
            can,
        }
    }

    pub(super) async fn ask(
        &self,
        request: impl Into<ModelRequest>,
    ) -> Result<ModelResponse, Broken> {
        Ok(self.model.generate(request.into()).await?)
    }

    /// The answer put together from its pieces, and these; none if it does not
    /// come in pieces.
    pub(super) async fn read(
        &self,
        request: impl Into<ModelRequest>,
    ) -> Result<Option<(ModelResponse, Vec<Delta>)>, Broken> {
        let Some(mut stream) = self.model.stream(&request.into()) else {
            return Ok(None);
        };
        let mut deltas = Vec::new();
        while let Some(delta) = stream.next().await {
            deltas.push(delta?);
        }
        Ok(Some((stream.finish().await?, deltas)))
    }

    /// It still answers.
    pub(super) async fn answers(&self) -> Verdict {
        is_text(&self.ask(HELLO).await?)
    }
}

/// A complete answer in text.
#[track_caller]
pub(super) fn is_text(response: &ModelResponse) -> Verdict {
    let is_assistant = response.message.role == Role::Assistant;
    holds(is_assistant, "an answer is not of the assistant", response)?;
    let refusal = response.message.refusal();
    holds(refusal.is_none(), "it refuses what is harmless", response)?;
    let text = response.message.text();
    holds(!text.is_empty(), "there is no text in the answer", response)
}

/// A call that can be made.
#[track_caller]
pub(super) fn is_call(call: &ToolCall, names: &[&str]) -> Verdict {
    let known = names.contains(&&*call.name);
    holds(known, "a tool is called that was not offered", call)?;
    holds(!call.id.is_empty(), "a call has no id", call)?;
    let arguments = serde_json::from_str::<Value>(&call.arguments);
    let is_object = arguments.is_ok_and(|arguments| arguments.is_object());
    holds(is_object, "the arguments of a call are no object", call)
}

pub(super) fn add() -> ToolSpec {
    ToolSpec {
        name: "add".to_owned(),
        description: "Adds two numbers.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": { "a": { "type": "integer" }, "b": { "type": "integer" } },
            "required": ["a", "b"],
            "additionalProperties": false,
        }),
    }
}

pub(super) fn look_up() -> ToolSpec {
    ToolSpec {
        name: "look_up".to_owned(),
        description: "How the weather is in a city.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": { "city": { "type": "string" } },
            "required": ["city"],
            "additionalProperties": false,
        }),
    }
}

/// The conversation in which each of the calls has that result.
pub(super) fn answered(
    mut request: ModelRequest,
    message: Message,
    result: &str,
    is_error: bool,
) -> ModelRequest {
    let results: Vec<Message> = message
        .tool_calls()
        .map(|call| match is_error {
            true => Message::tool(call.failure(result)),
            false => Message::tool(call.result(result)),
        })
        .collect();
    request.messages.push(message);
    request.messages.extend(results);
    request
}
