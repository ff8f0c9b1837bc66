//! What is kept out of cassettes.

use serde_json::Value;

use super::tape::Answer;
use crate::{ModelError, ModelErrorKind, ModelRequest};

/// What is kept out.
#[derive(Debug, Clone, Default)]
pub(super) struct Scrub {
    pub(super) fields: Vec<String>,
    pub(super) texts: Vec<String>,
}

impl Scrub {
    pub(super) fn request(&self, request: &ModelRequest) -> Result<Value, ModelError> {
        let mut request = request.clone();
        // No model is told of them, and they name the thread.
        request
            .messages
            .iter_mut()
            .for_each(|message| message.id = None);
        let mut json = serde_json::to_value(&request).map_err(unreadable)?;
        self.clean(&mut json);
        Ok(json)
    }

    pub(super) fn answer(&self, answer: Answer) -> Result<Answer, ModelError> {
        let mut json = serde_json::to_value(answer).map_err(unreadable)?;
        self.clean(&mut json);
        serde_json::from_value(json).map_err(unreadable)
    }

    /// An event of a stream, of which each line may hold JSON.
    #[cfg(feature = "openai")]
    pub(super) fn event(&self, event: &mut String) {
        let lines = event.split_inclusive('\n').map(|line| {
            let data = line.strip_prefix("data:").map(str::trim);
            match data.and_then(|data| serde_json::from_str(data).ok()) {
                Some(mut json) => {
                    self.clean(&mut json);
                    let end = line.len() - line.trim_end().len();
                    format!("data: {json}{}", &line[line.len() - end..])
                }
                None => self.hidden(line),
            }
        });
        *event = lines.collect();
    }

    fn hidden(&self, text: &str) -> String {
        let hidden = self.texts.iter().filter(|hidden| !hidden.is_empty());
        hidden.fold(text.to_owned(), |text, hidden| {
            text.replace(hidden.as_str(), "[hidden]")
        })
    }

    pub(super) fn clean(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if self.fields.contains(name) => {
                            "[scrubbed]".clone_into(text);
                        }
                        other => self.clean(other),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean(item)),
            Value::String(text) => *text = self.hidden(text),
            _ => {}
        }
    }
}

fn unreadable(error: serde_json::Error) -> ModelError {
    ModelError::new(ModelErrorKind::Decode).caused_by(error)
}
