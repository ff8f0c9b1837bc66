//! Finds a value in what a model said.

use serde::de::DeserializeOwned;
use serde_json::{Deserializer, Value, json};

use super::bounds::{NO_OBJECT, check_bounds};
use super::named::is_struct;

/// The field around a value that is no object.
pub(super) const FIELD: &str = "value";

/// How a value is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sought<'a> {
    /// Whose bounds it keeps to, if there are any.
    pub(super) schema: Option<&'a Value>,
    /// Whether it may be in the field of an object, which the schema then is.
    pub(super) wraps: bool,
}

/// Why there is no value.
#[derive(Debug, PartialEq)]
pub(super) enum Misfit {
    /// What is wrong with it, for the model to read.
    Wrong(String),
    /// It ends in the middle.
    Incomplete,
}

/// The first value in the texts that fits. The text may be JSON, or have JSON in
/// it, in fences or between words.
pub(super) fn find<T: DeserializeOwned>(texts: &[String], sought: Sought<'_>) -> Result<T, Misfit> {
    let mut misfit = None;
    for text in texts {
        match in_text(text, sought) {
            Ok(value) => return Ok(value),
            // The first says most.
            Err(why) => misfit = misfit.or(Some(why)),
        }
    }
    Err(misfit.unwrap_or_else(|| Misfit::Wrong("there is no answer".to_owned())))
}

fn in_text<T: DeserializeOwned>(text: &str, sought: Sought<'_>) -> Result<T, Misfit> {
    let text = after_thought(text);
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return fit(value, sought).map_err(Misfit::Wrong);
    }
    // Of what does not fit, the longest is what was meant.
    let (mut longest, mut misfit) = (0, "there is no JSON in it".to_owned());
    let (mut from, mut broken_to) = (0, 0);
    while let Some(at) = text[from..].find(['{', '[']) {
        let start = from + at;
        let mut values = Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                let length = values.byte_offset();
                match fit(value, sought) {
                    Ok(value) => return Ok(value),
                    Err(why) if length > longest => (longest, misfit) = (length, why),
                    Err(_) => {}
                }
                from = start + length;
            }
            Some(Err(error)) if error.is_eof() => {
                // All that follows is a part of it, which is not what was meant; unless
                // it is no JSON, but in a text of what is broken.
                if start >= broken_to {
                    return Err(Misfit::Incomplete);
                }
                from = start + 1;
            }
            Some(Err(error)) => {
                let length = reached(&text[start..], &error);
                if length > longest {
                    (longest, misfit) = (length, broken(text, start, &error));
                }
                broken_to = broken_to.max(start + length);
                from = start + 1;
            }
            None => break,
        }
    }
    Err(Misfit::Wrong(misfit))
}

/// The text without what a model has thought before it answers, in tags.
fn after_thought(text: &str) -> &str {
    let thought = text.trim_start().strip_prefix("<think>");
    let answer = thought.and_then(|thought| thought.split_once("</think>"));
    answer.map_or(text, |(_, answer)| answer)
}

/// How much was read of JSON before it was found to be broken.
fn reached(text: &str, error: &serde_json::Error) -> usize {
    let lines = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    lines.map(str::len).sum::<usize>() + error.column()
}

/// What is wrong with the JSON that begins there, and where in the text.
fn broken(text: &str, start: usize, error: &serde_json::Error) -> String {
    let before = &text[..start];
    let line = before.matches('\n').count() + error.line();
    let column = match error.line() {
        1 => start - before.rfind('\n').map_or(0, |at| at + 1) + error.column(),
        _ => error.column(),
    };
    let told = error.to_string();
    let what = told
        .rsplit_once(" at line ")
        .map_or(&*told, |(what, _)| what);
    format!("its JSON is broken: {what} at line {line} column {column}")
}

/// The value as that type, within the bounds of its schema. Where it has nulls that the type does not take, they
/// count as left out: a strict schema has no other way to leave something out.
fn fit<T: DeserializeOwned>(value: Value, sought: Sought<'_>) -> Result<T, String> {
    let value = match value {
        Value::Object(mut fields) if sought.wraps && fields.contains_key(FIELD) => {
            fields.remove(FIELD).unwrap_or_default()
        }
        other => other,
    };
    let checked = match sought.schema {
        Some(schema) if sought.wraps => check_bounds(schema, &json!({ FIELD: value })),
        Some(schema) => check_bounds(schema, &value),
        None if value.is_array() && is_struct::<T>() => return Err(NO_OBJECT.to_owned()),
        None => Ok(()),
    };
    let read = serde_json::from_value(value.clone()).or_else(|error| {
        let read = serde_json::from_value(without_nulls(value));
        read.map_err(|_| error.to_string())
    });
    match checked {
        // How serde fails to make a struct of a list tells nothing.
        Err(out) if read.is_ok() || out.why == NO_OBJECT => Err(out.to_string()),
        _ => read,
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(name, value)| (name, without_nulls(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
