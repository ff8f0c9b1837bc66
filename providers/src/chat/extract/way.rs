//! The ways in which an answer of a type is asked for.

use super::super::error::{ModelError, ModelErrorKind};
use super::super::message::{Message, Role};
use super::super::model::Capabilities;
use super::super::request::{ModelRequest, OutputFormat, ToolChoice, ToolSpec};
use super::complaint;
use super::find::Sought;
use super::shape::Shape;

/// Stands before a schema in a prompt.
pub(crate) const EXPLAINS: &str =
    "Answer with JSON that fits this JSON Schema, and with nothing else:\n";

/// A way in which an answer of a type is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtractBy {
    /// By a JSON Schema that the provider enforces. Types that hold maps, or any
    /// JSON, have none.
    Schema,
    /// By the call of a tool that takes it.
    Tool,
    /// As JSON, whose schema stands in the prompt.
    Json,
    /// In words: the schema stands in the prompt, and the answer is looked through.
    Prompt,
}

/// A type that is asked for in some way.
pub(super) struct Asking {
    by: ExtractBy,
    shape: Shape,
}

impl Asking {
    /// In that way, or in the best there is.
    pub(super) fn new(
        by: Option<ExtractBy>,
        can: Capabilities,
        shape: Shape,
    ) -> Result<Self, ModelError> {
        let by = match by {
            Some(ExtractBy::Schema) if shape.strict.is_none() => {
                let error = ModelError::new(ModelErrorKind::Unsupported);
                return Err(error.message(format!(
                    "`{}` holds what a strict schema cannot say, such as a map",
                    shape.name
                )));
            }
            Some(by) => by,
            None if can.schema && shape.strict.is_some() => ExtractBy::Schema,
            None if can.tools => ExtractBy::Tool,
            None if can.json => ExtractBy::Json,
            None => ExtractBy::Prompt,
        };
        Ok(Self { by, shape })
    }

    /// In the next best way, for a model that does not take this one after all.
    pub(super) fn otherwise(self, can: Capabilities) -> Option<Self> {
        let ways = [
            (ExtractBy::Schema, can.schema),
            (ExtractBy::Tool, can.tools),
            (ExtractBy::Json, can.json),
            (ExtractBy::Prompt, true),
        ];
        let mut ways = ways
            .into_iter()
            .skip_while(|&(by, _)| by != self.by)
            .skip(1);
        let (by, _) = ways.find(|&(_, can)| can)?;
        Some(Self { by, ..self })
    }

    pub(super) fn sought(&self) -> Sought<'_> {
        self.shape.sought()
    }

    pub(super) fn ask(&self, mut request: ModelRequest) -> ModelRequest {
        if self.by != ExtractBy::Tool && !request.tools.is_empty() {
            // They are part of the conversation, but not of this answer.
            request = request.tool_choice(ToolChoice::None);
        }
        let (name, schema) = (self.shape.name.clone(), self.shape.schema.clone());
        match self.by {
            ExtractBy::Schema => {
                let schema = self.shape.strict.clone().unwrap_or(schema);
                request.output(OutputFormat::Schema { name, schema })
            }
            ExtractBy::Tool => {
                let tool = ToolSpec {
                    name: name.clone(),
                    description: "Takes the answer. Call it, once.".to_owned(),
                    parameters: schema,
                };
                // Of several calls the first that fits is taken: not every interface
                // can be told to make one only.
                request.tool(tool).tool_choice(ToolChoice::Named(name))
            }
            ExtractBy::Json => self.explain(request).output(OutputFormat::Json),
            ExtractBy::Prompt => self.explain(request),
        }
    }

    /// Says in the prompt what shape is wanted: after what else the system says.
    fn explain(&self, mut request: ModelRequest) -> ModelRequest {
        let words = format!("{EXPLAINS}{}", self.shape.schema);
        let is_system = |message: &Message| message.role == Role::System;
        let place = request.messages.iter().take_while(|m| is_system(m)).count();
        request.messages.insert(place, Message::system(words));
        request
    }

    /// Where the answer may be: the arguments of the call, else the text.
    pub(super) fn texts(&self, message: &Message) -> Vec<String> {
        let calls = message.tool_calls();
        let calls = calls.filter(|call| self.by == ExtractBy::Tool && call.name == self.shape.name);
        let mut texts: Vec<String> = calls.map(|call| call.arguments.clone()).collect();
        if texts.is_empty() {
            texts.push(message.text());
        }
        texts
    }

    /// The conversation with an answer that does not fit.
    pub(super) fn again(
        &self,
        mut request: ModelRequest,
        answer: Message,
        why: &str,
    ) -> ModelRequest {
        let complaints = answer.complaints(why);
        request.messages.push(answer);
        match complaints.is_empty() {
            true => request.message(Message::user(complaint(why))),
            false => {
                request.messages.extend(complaints);
                request
            }
        }
    }
}
