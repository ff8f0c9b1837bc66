//! What a model answers, whole or piece by piece.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{ModelError, ModelErrorKind};
use super::message::{Message, Part, Reasoning, Role, ToolCall};
use super::usage::TokenUsage;

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelResponse {
    /// The answer.
    pub message: Message,
    /// Why it ends where it ends.
    pub finish: Finish,
    /// What it has used.
    #[serde(default)]
    pub usage: TokenUsage,
    /// The model that answered, as the provider calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the provider knows the answer by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Why an answer ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finish {
    /// It is complete.
    Stop,
    /// Tools are to be called.
    ToolCalls,
    /// It had reached its longest.
    Length,
    /// Something in it was not to be said.
    ContentFilter,
    /// As the provider calls it.
    Other(String),
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delta {
    /// The answer begins.
    Started {
        /// What the provider knows it by.
        id: Option<String>,
        /// The model that answers.
        model: Option<String>,
    },
    /// Text to be added.
    Text {
        /// The text.
        text: String,
    },
    /// A thought to be added.
    Reasoning(Reasoning),
    /// Words of a refusal to be added.
    Refusal {
        /// The words.
        text: String,
    },
    /// A piece of a call of a tool.
    ToolCall {
        /// Which of the answer's calls, from 0.
        index: usize,
        /// The call's id, with its first piece.
        id: Option<String>,
        /// The tool, with the call's first piece.
        name: Option<String>,
        /// What to add to the arguments.
        arguments: String,
    },
    /// What the answer has used so far, or in all.
    Usage(TokenUsage),
    /// Why the answer ends.
    Finished(Finish),
    /// What came so far is void, and the answer begins again: only of
    /// [`ChatModel::tell`](super::ChatModel::tell).
    Again,
}

impl ModelResponse {
    /// A complete answer.
    #[must_use]
    pub fn new(message: Message) -> Self {
        let finish = match message.tool_calls().next() {
            None => Finish::Stop,
            Some(_) => Finish::ToolCalls,
        };
        Self {
            message,
            finish,
            usage: TokenUsage::default(),
            model: None,
            id: None,
        }
    }

    /// A complete answer that is text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Message::assistant(text))
    }

    /// Fails if the answer is none, or not all of it.
    ///
    /// # Errors
    ///
    /// When it refuses, and when it was cut off: by
    /// [`max_tokens`](super::ModelRequest::max_tokens), or by a filter.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep_providers::{Finish, ModelErrorKind, ModelResponse};
    ///
    /// let mut response = ModelResponse::text("Once upon a");
    /// assert!(response.complete().is_ok());
    /// response.finish = Finish::Length;
    /// assert_eq!(response.complete().unwrap_err().kind, ModelErrorKind::Truncated);
    /// ```
    pub fn complete(&self) -> Result<(), ModelError> {
        let fails = ModelError::new;
        if let Some(words) = self.message.refusal() {
            return Err(fails(ModelErrorKind::Refused).message(words));
        }
        match &self.finish {
            Finish::Length => {
                let error = fails(ModelErrorKind::Truncated);
                Err(error.message("it is longer than the most tokens of an answer"))
            }
            Finish::ContentFilter => Err(fails(ModelErrorKind::ContentFilter)),
            Finish::Stop | Finish::ToolCalls | Finish::Other(_) => Ok(()),
        }
    }

    /// The text of the answer.
    ///
    /// # Errors
    ///
    /// When the answer is [not complete](Self::complete), and when it calls tools and
    /// has no text: whoever offers tools reads [`Message::tool_calls`].
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep_providers::{Finish, ModelErrorKind, ModelResponse};
    ///
    /// let mut response = ModelResponse::text("Once upon a");
    /// assert_eq!(response.clone().into_text()?, "Once upon a");
    /// response.finish = Finish::Length;
    /// assert_eq!(response.into_text().unwrap_err().kind, ModelErrorKind::Truncated);
    /// # Ok::<(), superstep_providers::ModelError>(())
    /// ```
    pub fn into_text(self) -> Result<String, ModelError> {
        self.complete()?;
        let text = self.message.text();
        let calls = self.message.tool_calls();
        let calls: Vec<_> = calls.map(|call| format!("`{}`", call.name)).collect();
        match text.is_empty() && !calls.is_empty() {
            true => {
                let why = format!("it calls {} and has no text", calls.join(", "));
                Err(ModelError::new(ModelErrorKind::Decode).message(why))
            }
            false => Ok(text),
        }
    }

    /// The same, having used so much.
    #[must_use]
    pub fn with_usage(mut self, usage: TokenUsage) -> Self {
        self.usage = usage;
        self
    }

    /// The pieces of the answer, each part in one.
    #[must_use]
    pub fn into_deltas(self) -> Vec<Delta> {
        let mut deltas = vec![Delta::Started {
            id: self.id,
            model: self.model,
        }];
        let mut calls = 0..;
        for part in self.message.into_parts() {
            deltas.extend(match part {
                Part::Text { text } => Some(Delta::Text { text }),
                Part::Reasoning(reasoning) => Some(Delta::Reasoning(reasoning)),
                Part::Refusal { text } => Some(Delta::Refusal { text }),
                Part::ToolCall(call) => Some(Delta::ToolCall {
                    index: calls.next().unwrap_or_default(),
                    id: Some(call.id),
                    name: Some(call.name),
                    arguments: call.arguments,
                }),
                // No model says these piece by piece.
                Part::Image(_) | Part::Audio(_) | Part::File(_) | Part::ToolResult(_) => None,
            });
        }
        deltas.push(Delta::Usage(self.usage));
        deltas.push(Delta::Finished(self.finish));
        deltas
    }
}

/// An answer that is put together from its pieces.
///
/// # Examples
///
/// ```
/// use superstep_providers::{Delta, Finish, PartialResponse};
///
/// let mut partial = PartialResponse::default();
/// partial.add(Delta::Text { text: "Hel".into() });
/// partial.add(Delta::Text { text: "lo".into() });
/// assert_eq!(partial.text(), "Hello");
/// partial.add(Delta::Finished(Finish::Stop));
/// assert_eq!(partial.finish()?.message.text(), "Hello");
/// # Ok::<(), superstep_providers::ModelError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PartialResponse {
    parts: Vec<Part>,
    /// Where in `parts` each call is, by its index.
    calls: BTreeMap<usize, usize>,
    usage: TokenUsage,
    finish: Option<Finish>,
    model: Option<String>,
    id: Option<String>,
}

impl PartialResponse {
    /// Adds a piece.
    pub fn add(&mut self, delta: Delta) {
        match delta {
            Delta::Started { id, model } => {
                self.id = id.or(self.id.take());
                self.model = model.or(self.model.take());
            }
            Delta::Text { text } => match self.parts.last_mut() {
                Some(Part::Text { text: before }) => before.push_str(&text),
                _ => self.parts.push(Part::Text { text }),
            },
            Delta::Refusal { text } => match self.parts.last_mut() {
                Some(Part::Refusal { text: before }) => before.push_str(&text),
                _ => self.parts.push(Part::Refusal { text }),
            },
            Delta::Reasoning(reasoning) => match self.parts.last_mut() {
                Some(Part::Reasoning(before)) => {
                    before.text.push_str(&reasoning.text);
                    before.replay = reasoning.replay.or(before.replay.take());
                }
                _ => self.parts.push(Part::Reasoning(reasoning)),
            },
            Delta::ToolCall {
                index,
                id,
                name,
                arguments,
            } => self.add_call(index, id, name, &arguments),
            Delta::Usage(usage) => self.usage = usage,
            Delta::Finished(finish) => self.finish = Some(finish),
            Delta::Again => *self = Self::default(),
        }
    }

    fn add_call(&mut self, index: usize, id: Option<String>, name: Option<String>, more: &str) {
        let at = *self.calls.entry(index).or_insert_with(|| {
            self.parts.push(Part::ToolCall(ToolCall {
                id: String::new(),
                name: String::new(),
                arguments: String::new(),
            }));
            self.parts.len() - 1
        });
        if let Part::ToolCall(call) = &mut self.parts[at] {
            // Some providers repeat them with every piece.
            call.id = id
                .filter(|id| !id.is_empty())
                .unwrap_or_else(|| std::mem::take(&mut call.id));
            call.name = name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| std::mem::take(&mut call.name));
            call.arguments.push_str(more);
        }
    }

    /// Its text so far.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text { text } => Some(&**text),
            _ => None,
        });
        texts.collect()
    }

    /// What it has used so far, as far as the provider has said.
    #[must_use]
    pub fn usage(&self) -> TokenUsage {
        self.usage
    }

    /// The whole answer.
    ///
    /// # Errors
    ///
    /// [`ModelErrorKind::Truncated`] if the provider has not said why it ends: it
    /// was cut off. What there is of it is lost.
    pub fn finish(self) -> Result<ModelResponse, ModelError> {
        let Some(finish) = self.finish else {
            return Err(ModelErrorKind::Truncated.into());
        };
        Ok(ModelResponse {
            message: Message::of(Role::Assistant, self.parts),
            finish,
            usage: self.usage,
            model: self.model,
            id: self.id,
        })
    }
}
