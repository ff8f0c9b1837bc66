//! A model that tries all that it is offered.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::play::{count, fit, play, steps};
use super::sample::sample;
use crate::chat::EXPLAINS;
use crate::{
    Capabilities, ChatModel, Message, ModelError, ModelRequest, ModelResponse, ModelStream,
    OutputFormat, Part, Role, TokenUsage, ToolCall, ToolChoice,
};

/// A model for tests that calls each tool that it is offered once, with arguments
/// made from the tool's schema, and then answers: in JSON made from the schema
/// that is asked for, also by [`extract`](crate::Model::extract) in a prompt, or else with what the tools have come to, as JSON.
///
/// The same request has the same answer. It shows that tools can be called with
/// what their schemas allow, and that answers of their shape are understood; what
/// a model would say is for a [`ScriptedModel`](super::ScriptedModel).
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep_providers::{Message, Model, ModelRequest, TestModel, ToolSpec};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::new(TestModel::new());
/// let weather = ToolSpec {
///     name: "weather".into(),
///     description: "How the weather is in a city.".into(),
///     parameters: json!({
///         "type": "object",
///         "properties": { "city": { "type": "string" } },
///         "required": ["city"],
///     }),
/// };
/// let request = ModelRequest::from("How is it in Oslo?").tool(weather);
/// let calls = model.generate(request.clone()).await?.message;
/// let call = calls.tool_calls().next().expect("it calls the tool");
/// assert_eq!(call.arguments, r#"{"city":"a"}"#);
///
/// let result = Message::tool(call.result("rain"));
/// let request = request.message(calls).message(result);
/// assert_eq!(model.ask(request).await?, r#"{"weather":"rain"}"#);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a model does nothing until it is asked"]
pub struct TestModel {
    capabilities: Capabilities,
    text: Option<String>,
}

impl Default for TestModel {
    fn default() -> Self {
        Self::new()
    }
}

impl TestModel {
    /// A model called `test` that can do everything.
    pub fn new() -> Self {
        Self {
            capabilities: Capabilities::all(),
            text: None,
        }
    }

    /// The same, which answers with that text where text is asked for.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// The same, which says that it can do that.
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    fn played(&self, request: &ModelRequest) -> ModelStream {
        let mut answer = self.answer(request);
        let cut = fit(&mut answer, request);
        play(move || steps(answer, Duration::ZERO, cut))
    }

    fn answer(&self, request: &ModelRequest) -> ModelResponse {
        let calls = calls(request);
        let message = match calls.is_empty() {
            true => Message::assistant(self.say(request)),
            false => {
                let mut message = Message::new(Role::Assistant);
                message.parts = calls;
                message
            }
        };
        let sent = request.messages.iter();
        let sent = sent.map(|message| count(&message.parts)).sum();
        let usage = TokenUsage::new(sent, count(&message.parts));
        let mut response = ModelResponse::new(message).with_usage(usage);
        response.model = Some("test".to_owned());
        response
    }

    fn say(&self, request: &ModelRequest) -> String {
        match (&request.output, &self.text) {
            (OutputFormat::Schema { schema, .. }, _) => sample(schema).to_string(),
            (OutputFormat::Text, Some(text)) => text.clone(),
            (OutputFormat::Text | OutputFormat::Json, _) => {
                if let Some(schema) = explained(request) {
                    return sample(&schema).to_string();
                }
                let results = request.messages.iter().flat_map(|message| &message.parts);
                let results = results.filter_map(|part| match part {
                    Part::ToolResult(result) => Some((&result.name, &result.content)),
                    _ => None,
                });
                let results: BTreeMap<_, _> = results.collect();
                serde_json::json!(results).to_string()
            }
        }
    }
}

/// The schema that [`extract`](crate::Model::extract) has put into the prompt.
fn explained(request: &ModelRequest) -> Option<Value> {
    let mut system = request.messages.iter().rev();
    system.find_map(|message| {
        let text = message.text();
        serde_json::from_str(text.strip_prefix(EXPLAINS)?).ok()
    })
}

/// The calls that are to be made now: of the tools that were not called yet, or
/// of the one that must be.
fn calls(request: &ModelRequest) -> Vec<Part> {
    let said = request.messages.iter();
    let turn = said
        .clone()
        .filter(|message| message.role == Role::Assistant)
        .count();
    let was_called = |name: &str| {
        let mut calls = said.clone().flat_map(Message::tool_calls);
        calls.any(|call| call.name == name)
    };
    let tools = request.tools.iter();
    let fresh: Vec<_> = tools
        .clone()
        .filter(|tool| !was_called(&tool.name))
        .collect();
    let mut tools = match &request.tool_choice {
        ToolChoice::None => Vec::new(),
        ToolChoice::Named(name) => tools.filter(|tool| tool.name == *name).collect(),
        ToolChoice::Required if fresh.is_empty() => tools.take(1).collect(),
        ToolChoice::Auto | ToolChoice::Required => fresh,
    };
    if request.parallel_tool_calls == Some(false) {
        tools.truncate(1);
    }
    let calls = tools.into_iter().enumerate().map(|(index, tool)| {
        Part::ToolCall(ToolCall {
            id: format!("call-{turn}-{index}"),
            name: tool.name.clone(),
            arguments: sample(&tool.parameters).to_string(),
        })
    });
    calls.collect()
}

impl ChatModel for TestModel {
    fn name(&self) -> &'static str {
        "test"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        self.played(&request).finish().await
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        Some(self.played(request))
    }
}
