//! What a server answers, as the text that the model reads.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value};

/// What a call came to. Read leniently: what is not known is passed on as JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Answer {
    content: Vec<Value>,
    structured_content: Option<Value>,
    is_error: Option<bool>,
    result_type: Option<String>,
    task: Option<Value>,
}

impl Answer {
    /// Why it is no answer to a call, if it is none.
    pub(super) fn unfit(&self) -> Option<&'static str> {
        match self.result_type.as_deref() {
            _ if self.task.is_some() => Some("it answers a call with a task"),
            None | Some("complete") => None,
            Some("input_required") => Some("it asks for more input, which nobody can give here"),
            Some(_) => Some("it answers a call with something that is no result"),
        }
    }

    /// Whether the tool failed.
    pub(super) fn is_error(&self) -> bool {
        self.is_error == Some(true)
    }

    /// Its parts, one below the other. Data in the form of JSON is told where no
    /// part has it as text, as servers are to write it.
    pub(super) fn into_text(self) -> String {
        let mut parts: Vec<String> = self.content.iter().map(shown).collect();
        if let Some(data) = self.structured_content {
            let said = |part: &String| serde_json::from_str::<Value>(part).is_ok_and(|v| v == data);
            if !parts.iter().any(said) {
                parts.push(data.to_string());
            }
        }
        parts.join("\n")
    }
}

/// A part as text. What is no text is named: a model could not read it here.
fn shown(part: &Value) -> String {
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    match part.get("type").and_then(Value::as_str) {
        Some("text") => text(part, "text").unwrap_or_default(),
        Some(kind @ ("image" | "audio")) => named(kind, part, "data"),
        Some("resource") => {
            let resource = part.get("resource").unwrap_or(&Value::Null);
            text(resource, "text").unwrap_or_else(|| named("file", resource, "blob"))
        }
        Some("resource_link") => named("link", part, ""),
        _ => part.to_string(),
    }
}

/// Such as `[image, image/png, 1024 bytes]`.
fn named(kind: &str, part: &Value, data: &str) -> String {
    let nothing = Map::new();
    let part = part.as_object().unwrap_or(&nothing);
    let mut name = format!("[{kind}");
    for key in ["uri", "name", "description", "mimeType"] {
        if let Some(Value::String(text)) = part.get(key) {
            let _ = write!(name, ", {text}");
        }
    }
    if let Some(Value::String(base64)) = part.get(data) {
        let padding = base64
            .bytes()
            .rev()
            .take_while(|byte| *byte == b'=')
            .count();
        let bytes = (base64.len() / 4 * 3).saturating_sub(padding);
        let _ = write!(name, ", {bytes} bytes");
    }
    name.push(']');
    name
}
