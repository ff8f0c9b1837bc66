//! Reading JSON of which each part may be missing, null, or of another type
//! than it was to be.

use serde_json::Value;

/// What is there and is not null.
pub(super) fn filled<'a>(json: &'a Value, key: &str) -> Option<&'a Value> {
    json.get(key).filter(|value| !value.is_null())
}

/// What goes wrong, if something does: none is null, and with some an empty object.
pub(super) fn wrong(json: &Value) -> Option<&Value> {
    let is_empty = |error: &Value| match error {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    };
    json.get("error").filter(|error| !is_empty(error))
}

/// Text that is there.
pub(super) fn of<'a>(json: &'a Value, key: &str) -> Option<&'a str> {
    json.get(key)?.as_str()
}

/// Text that is there and says something.
pub(super) fn said<'a>(json: &'a Value, key: &str) -> Option<&'a str> {
    of(json, key).filter(|text| !text.is_empty())
}

/// A list, or nothing.
pub(super) fn list<'a>(json: &'a Value, key: &str) -> &'a [Value] {
    let list = json.get(key).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// A count, which may be written as a float or as text; 0 if it is not there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of floats saturate"
)]
pub(super) fn count(json: &Value, key: &str) -> u64 {
    match json.get(key) {
        Some(Value::Number(number)) => {
            let whole = number.as_u64();
            whole.unwrap_or_else(|| number.as_f64().unwrap_or_default() as u64)
        }
        Some(Value::String(text)) => text.parse().unwrap_or_default(),
        _ => 0,
    }
}

/// An index, which may be missing.
pub(super) fn index(json: &Value, key: &str) -> Option<u64> {
    filled(json, key).map(|_| count(json, key))
}

/// An id, which may be a number.
pub(super) fn id(json: &Value) -> Option<String> {
    match json.get("id")? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// The arguments of a call as text: they may be an object.
pub(super) fn arguments(json: &Value) -> String {
    match json.get("arguments") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The text of content: text, a part, or a list of these.
pub(super) fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text).collect(),
        Value::Object(_) => of(content, "text").unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}
