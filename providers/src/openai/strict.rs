//! Schemas as they are sent.

use serde_json::Value;

use crate::chat::LeftOut;

/// The schema to be sent, and whether it can be enforced: one that has objects
/// with fields of any name cannot, and is sent as it is.
pub(super) fn strict(schema: &Value) -> (Value, bool) {
    // What is around all has to be an object, and one alone.
    let is_object = schema.get("type").is_some_and(|kind| kind == "object");
    let is_one = schema.get("anyOf").is_none() && schema.get("oneOf").is_none();
    let strict = Some(schema).filter(|_| is_object && is_one);
    match strict.and_then(|schema| crate::chat::strict(schema, LeftOut::IsThere)) {
        Some(strict) => (strict, true),
        None => (schema.clone(), false),
    }
}
