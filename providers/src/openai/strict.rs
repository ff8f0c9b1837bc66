//! Schemas as OpenAI enforces them: each object lists all of its fields as
//! required, and takes no others.

use serde_json::{Map, Value};

/// The schema to be sent, and whether it can be enforced: one that has objects
/// with fields of any name cannot, and is sent as it is.
///
/// A field that need not be there has to be there now. Whoever reads the answer
/// reads it by the schema as it was, which takes that too.
pub(super) fn strict(schema: &Value) -> (Value, bool) {
    let mut strict = schema.clone();
    // What is around all has to be an object.
    match strict.get("type").is_some_and(|kind| kind == "object") && tighten(&mut strict) {
        true => (strict, true),
        false => (schema.clone(), false),
    }
}

/// What holds schemas by name.
const NAMED: [&str; 3] = ["properties", "$defs", "definitions"];

/// What only tells people something, or cannot be enforced and is not permitted.
const NOTES: [&str; 3] = ["$schema", "default", "examples"];

/// What cannot be enforced and says too much to be left out.
const OTHERS: [&str; 5] = ["allOf", "not", "if", "patternProperties", "prefixItems"];

/// The formats of texts that can be enforced.
const FORMATS: [&str; 9] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
];

/// Whether it could be done.
fn tighten(schema: &mut Value) -> bool {
    let Value::Object(schema) = schema else {
        // `true` allows anything.
        return false;
    };
    if OTHERS.into_iter().any(|key| schema.contains_key(key)) {
        return false;
    }
    schema.retain(|key, _| !NOTES.contains(&&**key));
    // Such as `uint32`: the type says enough.
    let is_known = |format: &Value| format.as_str().is_some_and(|name| FORMATS.contains(&name));
    if schema.get("format").is_some_and(|format| !is_known(format)) {
        schema.remove("format");
    }
    if let Some(one) = schema.remove("oneOf") {
        schema.insert("anyOf".to_owned(), one);
    }
    if !schema.contains_key("$ref") && !is_closed(schema) {
        return false;
    }
    let named = NAMED.into_iter().all(|key| match schema.get_mut(key) {
        Some(Value::Object(schemas)) => schemas.values_mut().all(tighten),
        _ => true,
    });
    let items = schema.get_mut("items").is_none_or(tighten);
    let any = match schema.get_mut("anyOf") {
        Some(Value::Array(schemas)) => schemas.iter_mut().all(tighten),
        _ => true,
    };
    named && items && any
}

/// Closes an object, if it is one and can be.
fn is_closed(schema: &mut Map<String, Value>) -> bool {
    let is_object = schema.get("type").is_some_and(|kind| match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "object"),
        kind => kind == "object",
    });
    if !is_object && !schema.contains_key("properties") {
        return !schema.is_empty();
    }
    if schema
        .get("additionalProperties")
        .is_some_and(|more| *more != Value::Bool(false))
    {
        return false;
    }
    let Some(Value::Object(fields)) = schema.get("properties") else {
        return false;
    };
    let all: Value = fields.keys().map(String::as_str).collect();
    schema.insert("required".to_owned(), all);
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    true
}
