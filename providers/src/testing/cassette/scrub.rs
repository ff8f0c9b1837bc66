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
        let mut json = serde_json::to_value(request).map_err(unreadable)?;
        self.clean(&mut json);
        Ok(json)
    }

    pub(super) fn answer(&self, answer: Answer) -> Result<Answer, ModelError> {
        let mut json = serde_json::to_value(answer).map_err(unreadable)?;
        self.clean(&mut json);
        serde_json::from_value(json).map_err(unreadable)
    }

    fn clean(&self, value: &mut Value) {
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
            Value::String(text) => {
                for hidden in self.texts.iter().filter(|hidden| !hidden.is_empty()) {
                    *text = text.replace(hidden, "[hidden]");
                }
            }
            _ => {}
        }
    }
}

fn unreadable(error: serde_json::Error) -> ModelError {
    ModelError::new(ModelErrorKind::Decode).caused_by(error)
}
