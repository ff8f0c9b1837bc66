//! What is said in a conversation with a language model.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::media::Media;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whoever made the program: what the model is to be and do.
    System,
    /// Whoever uses it.
    User,
    /// The model.
    Assistant,
    /// A tool that the model has called.
    Tool,
}

/// One turn of a conversation: who says it, and its parts.
///
/// Its [fields](MessageFields) are read and set as if they were its own. Cloning it
/// copies a pointer, however long it is; setting a field of one that has clones
/// changes none of them. As JSON it is an object that people can read, so that conversations can be
/// kept in a state; fields that hold nothing are left out.
///
/// # Examples
///
/// ```
/// use superstep_providers::{Message, Role};
///
/// let message = Message::user("What is in this picture?").image_url("https://x.org/cat.png");
/// assert_eq!(message.role, Role::User);
/// assert_eq!(message.text(), "What is in this picture?");
/// assert_eq!(
///     serde_json::to_string(&Message::assistant("A cat."))?,
///     r#"{"role":"assistant","parts":[{"type":"text","text":"A cat."}]}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Message(Arc<MessageFields>);

/// What a [`Message`] holds.
///
/// # Examples
///
/// ```
/// use superstep_providers::{Message, Part};
///
/// let said = Message::assistant("Yes").named("critic");
/// let mut more = said.clone();
/// more.parts.push(Part::text(", and no."));
/// more.name = None;
/// assert_eq!(more.text(), "Yes, and no.");
/// assert_eq!((said.text().as_str(), said.name.as_deref()), ("Yes", Some("critic")));
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Message")]
#[non_exhaustive]
pub struct MessageFields {
    /// What it is known by: another message with this id
    /// [takes its place](super::Messages) in a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who says it.
    pub role: Role,
    /// Which of several that have the role, such as the name of an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is said, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image(Media),
    /// Speech or other sound.
    Audio(Media),
    /// A document.
    File(Media),
    /// What the model thought before it answered.
    Reasoning(Reasoning),
    /// Why the model will not answer.
    Refusal {
        /// Its words.
        text: String,
    },
    /// The model asks for a tool to be called.
    ToolCall(ToolCall),
    /// What a tool came to.
    ToolResult(ToolResult),
}

/// What a model thought before it answered.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reasoning {
    /// What of it is shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What the provider wants to be sent back with the conversation, as it gave
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<serde_json::Value>,
}

/// A call of a tool, as a model asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// What its result is to name.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as the model wrote them: JSON, if it made no mistake.
    pub arguments: String,
}

/// What a call of a tool came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The call's id.
    pub call: String,
    /// The tool.
    pub name: String,
    /// What the model is to read.
    pub content: String,
    /// Whether it failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

impl Part {
    /// A part that is text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

impl Message {
    /// A message without parts.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self::of(role, Vec::new())
    }

    pub(super) fn of(role: Role, parts: Vec<Part>) -> Self {
        Self(Arc::new(MessageFields {
            id: None,
            role,
            name: None,
            parts,
        }))
    }

    /// Its parts, which nobody else has if it has no clones.
    pub(super) fn into_parts(self) -> Vec<Part> {
        Arc::unwrap_or_clone(self.0).parts
    }

    /// What the model is to be and do.
    pub fn system(text: impl Into<String>) -> Self {
        Self::of(Role::System, vec![Part::text(text)])
    }

    /// What its user says.
    pub fn user(text: impl Into<String>) -> Self {
        Self::of(Role::User, vec![Part::text(text)])
    }

    /// What the model said.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::of(Role::Assistant, vec![Part::text(text)])
    }

    /// What a call of a tool came to.
    #[must_use]
    pub fn tool(result: ToolResult) -> Self {
        Self::of(Role::Tool, vec![Part::ToolResult(result)])
    }

    /// The same, known by that id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The same, said by whoever has that name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same with one more part.
    #[must_use]
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// The same with a picture that is found there.
    #[must_use]
    pub fn image_url(self, url: impl Into<String>) -> Self {
        self.part(Part::Image(Media::url(url)))
    }

    /// The same with a picture, of a type such as `image/png`.
    #[must_use]
    pub fn image(self, mime: impl Into<String>, data: impl Into<Arc<[u8]>>) -> Self {
        self.part(Part::Image(Media::data(mime, data)))
    }

    /// Its text parts, joined without anything in between.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text { text } => Some(&**text),
            _ => None,
        });
        texts.collect()
    }

    /// The calls of tools that it asks for, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }

    /// Why the model does not answer, if it does not.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.parts.iter().find_map(|part| match part {
            Part::Refusal { text } => Some(&**text),
            _ => None,
        })
    }
}

impl Deref for Message {
    type Target = MessageFields;

    fn deref(&self) -> &MessageFields {
        &self.0
    }
}

/// One that has clones is copied first.
impl DerefMut for Message {
    fn deref_mut(&mut self) -> &mut MessageFields {
        Arc::make_mut(&mut self.0)
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Arc::new(MessageFields::deserialize(deserializer)?)))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MessageFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("name", &self.name)
            .field("parts", &self.parts)
            .finish()
    }
}

impl ToolCall {
    /// The result of the call, if it is that.
    pub fn result(&self, content: impl Into<String>) -> ToolResult {
        ToolResult {
            call: self.id.clone(),
            name: self.name.clone(),
            content: content.into(),
            is_error: false,
        }
    }

    /// The result of the call, if it failed for that reason.
    pub fn failure(&self, why: impl Into<String>) -> ToolResult {
        ToolResult {
            is_error: true,
            ..self.result(why)
        }
    }
}

/// What a user says.
impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::user(text)
    }
}

/// What a user says.
impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::user(text)
    }
}

/// For people: the role and the text, and calls as `name(arguments)`.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.role)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        for part in &self.parts {
            match part {
                Part::Text { text } => write!(f, ": {text}")?,
                Part::Refusal { text } => write!(f, ": refuses: {text}")?,
                Part::ToolCall(call) => write!(f, ": {}({})", call.name, call.arguments)?,
                Part::ToolResult(result) => write!(f, ": {} -> {}", result.name, result.content)?,
                Part::Image(_) => write!(f, ": [image]")?,
                Part::Audio(_) => write!(f, ": [audio]")?,
                Part::File(_) => write!(f, ": [file]")?,
                Part::Reasoning(_) => write!(f, ": [reasoning]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        })
    }
}
