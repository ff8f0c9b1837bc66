//! What a model is asked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::message::Message;
use super::specs::ToolSpecs;

/// What a model is asked: a conversation, what tools there are, and how to
/// answer.
///
/// What is not set is left to the provider. Text, a message, or a list of
/// messages is a request by itself.
///
/// # Examples
///
/// ```
/// use superstep_providers::{Message, ModelRequest};
///
/// let request = ModelRequest::from([
///     Message::system("Answer in one word."),
///     Message::user("Is water wet?"),
/// ])
/// .temperature(0.0)
/// .max_tokens(5);
/// assert_eq!(request.messages.len(), 2);
/// assert_eq!(ModelRequest::from("hi"), ModelRequest::from(Message::user("hi")));
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
#[must_use = "a request does nothing until a model is given it"]
pub struct ModelRequest {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools that the model may ask to be called.
    #[serde(skip_serializing_if = "no_tools")]
    pub tools: ToolSpecs,
    /// Whether it is to call one.
    #[serde(skip_serializing_if = "ToolChoice::is_auto")]
    pub tool_choice: ToolChoice,
    /// Whether it may ask for several at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// What shape the answer is to have.
    #[serde(skip_serializing_if = "OutputFormat::is_text")]
    pub output: OutputFormat,
    /// How far from the likeliest answer, from 0; mostly up to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Of the likeliest words, those that make up this share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// The most tokens of an answer, thoughts included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The answer ends before any of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// For answers that are the same again, as far as the provider can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How long it is to think.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// What this provider only knows, put into the body of the request as it is.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// A tool, as a model is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// What it is called by: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does, and when to call it.
    pub description: String,
    /// The JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// Whether a model is to call a tool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoice {
    /// If it wants to.
    #[default]
    Auto,
    /// It must not.
    None,
    /// Some tool.
    Required,
    /// The one of that name.
    Named(String),
}

fn no_tools(tools: &ToolSpecs) -> bool {
    tools.is_empty()
}

impl ToolChoice {
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// What shape an answer is to have.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutputFormat {
    /// Any text.
    #[default]
    Text,
    /// JSON.
    Json,
    /// JSON of a schema, which the provider enforces.
    Schema {
        /// What the schema is called.
        name: String,
        /// The JSON Schema.
        schema: Value,
    },
}

impl OutputFormat {
    fn is_text(&self) -> bool {
        *self == Self::Text
    }
}

/// How long a model is to think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// A little.
    Low,
    /// Some time.
    Medium,
    /// Long.
    High,
}

impl ModelRequest {
    /// A request to go on with a conversation.
    pub fn new(messages: Vec<Message>) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }

    /// Adds a message at the end.
    pub fn message(mut self, message: impl Into<Message>) -> Self {
        self.messages.push(message.into());
        self
    }

    /// Puts a system message before all others.
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.messages.insert(0, Message::system(text));
        self
    }

    /// Offers a tool.
    pub fn tool(mut self, tool: ToolSpec) -> Self {
        self.tools.push(tool);
        self
    }

    /// Says whether a tool is to be called.
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = choice;
        self
    }

    /// Says whether several tools may be called at once.
    pub fn parallel_tool_calls(mut self, parallel: bool) -> Self {
        self.parallel_tool_calls = Some(parallel);
        self
    }

    /// Says what shape the answer is to have.
    pub fn output(mut self, output: OutputFormat) -> Self {
        self.output = output;
        self
    }

    /// Sets how far from the likeliest answer it may be, from 0.
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets of how many of the likeliest words it chooses, as a share.
    pub fn top_p(mut self, top_p: f32) -> Self {
        self.top_p = Some(top_p);
        self
    }

    /// Bounds the answer.
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }

    /// Ends the answer before that text.
    pub fn stop(mut self, stop: impl Into<String>) -> Self {
        self.stop.push(stop.into());
        self
    }

    /// Asks for the same answer again, as far as the provider can.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets how long the model is to think.
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = Some(effort);
        self
    }

    /// Sets a field of the body that only this provider knows.
    pub fn extra(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(field.into(), value.into());
        self
    }
}

impl From<Vec<Message>> for ModelRequest {
    fn from(messages: Vec<Message>) -> Self {
        Self::new(messages)
    }
}

impl From<&[Message]> for ModelRequest {
    fn from(messages: &[Message]) -> Self {
        Self::new(messages.to_vec())
    }
}

impl From<&Vec<Message>> for ModelRequest {
    fn from(messages: &Vec<Message>) -> Self {
        Self::new(messages.clone())
    }
}

impl<const N: usize> From<[Message; N]> for ModelRequest {
    fn from(messages: [Message; N]) -> Self {
        Self::new(messages.into())
    }
}

impl From<Message> for ModelRequest {
    fn from(message: Message) -> Self {
        Self::new(vec![message])
    }
}

impl From<String> for ModelRequest {
    fn from(text: String) -> Self {
        Message::user(text).into()
    }
}

impl From<&str> for ModelRequest {
    fn from(text: &str) -> Self {
        Message::user(text).into()
    }
}

impl From<&String> for ModelRequest {
    fn from(text: &String) -> Self {
        Message::user(text.as_str()).into()
    }
}
