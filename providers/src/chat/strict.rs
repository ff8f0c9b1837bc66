//! The strict JSON Schema that some providers enforce: every property is required,
//! nothing else is allowed, and what says more than that subset is left out.

use serde_json::{Map, Value, json};

/// What a strict schema may say of the format of a text.
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

/// What a strict schema cannot say, and need not: answers are checked here.
const LEFT_OUT: [&str; 10] = [
    "$schema",
    "title",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "minLength",
    "maxLength",
    "uniqueItems",
];

/// What a strict schema cannot say, and which changes what is allowed.
const BEYOND: [&str; 9] = [
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "patternProperties",
    "prefixItems",
    "dependentRequired",
    "dependentSchemas",
];

/// What becomes of a property that may be left out, since none may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// It is null, which whoever reads the answer takes for nothing.
    IsNull,
    /// It is there all the same, so that the answer fits the schema as it was.
    IsThere,
}

/// The same schema, strictly; none if it says what cannot be said so.
pub(crate) fn strict(schema: &Value, left_out: LeftOut) -> Option<Value> {
    let Value::Object(fields) = schema else {
        return None; // `true`: anything
    };
    if BEYOND.iter().any(|key| fields.contains_key(*key)) {
        return None;
    }
    let mut strict = Map::new();
    for (key, value) in fields {
        let (key, value) = match key.as_str() {
            key if LEFT_OUT.contains(&key) => continue,
            "format" if !value.as_str().is_some_and(|f| FORMATS.contains(&f)) => continue,
            "properties" | "required" | "additionalProperties" => continue,
            "items" => ("items", self::strict(value, left_out)?),
            "anyOf" | "oneOf" => ("anyOf", each(value, left_out)?),
            "$defs" | "definitions" => (&**key, named(value, left_out)?),
            key => (key, value.clone()),
        };
        strict.insert(key.to_owned(), value);
    }
    if is_object(fields) {
        object(fields, left_out, &mut strict)?;
    }
    match strict.contains_key("type") || says_more(&strict) {
        true => Some(alone(strict)),
        false => None, // anything
    }
}

fn is_object(fields: &Map<String, Value>) -> bool {
    fields.contains_key("properties")
        || match fields.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
            Some(kind) => kind == "object",
            None => false,
        }
}

fn says_more(strict: &Map<String, Value>) -> bool {
    let keys = ["$ref", "anyOf", "const", "enum"];
    keys.iter().any(|key| strict.contains_key(*key))
}

/// A reference stands alone: what is said beside it goes around it.
fn alone(mut strict: Map<String, Value>) -> Value {
    let beside = strict.keys().any(|key| key != "$ref" && key != "$defs");
    match strict.remove("$ref") {
        Some(reference) if beside => {
            strict.insert("anyOf".to_owned(), json!([{ "$ref": reference }]));
        }
        Some(reference) => {
            strict.insert("$ref".to_owned(), reference);
        }
        None => {}
    }
    Value::Object(strict)
}

fn each(schemas: &Value, left_out: LeftOut) -> Option<Value> {
    let schemas = schemas.as_array()?.iter();
    let schemas = schemas.map(|schema| strict(schema, left_out));
    schemas.collect::<Option<Vec<_>>>().map(Value::Array)
}

fn named(schemas: &Value, left_out: LeftOut) -> Option<Value> {
    let schemas = schemas.as_object()?.iter();
    let schemas = schemas.map(|(name, schema)| Some((name.clone(), strict(schema, left_out)?)));
    schemas.collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// All properties are required, and no others allowed.
fn object(
    fields: &Map<String, Value>,
    left_out: LeftOut,
    strict: &mut Map<String, Value>,
) -> Option<()> {
    match fields.get("additionalProperties") {
        None | Some(Value::Bool(false)) => {}
        Some(_) => return None, // a map
    }
    let empty = Map::new();
    let properties = match fields.get("properties") {
        Some(properties) => properties.as_object()?,
        // An object of whatever kind; one without fields says so.
        None if fields.get("additionalProperties").is_none() => return None,
        None => &empty,
    };
    let required = fields.get("required").and_then(Value::as_array);
    let mut all = Map::new();
    for (name, property) in properties {
        let property = self::strict(property, left_out)?;
        let is_required = required.is_some_and(|names| names.iter().any(|n| n == name));
        let stays = is_required || left_out == LeftOut::IsThere || takes_null(&property);
        let property = match stays {
            true => property,
            false => json!({ "anyOf": [property, { "type": "null" }] }),
        };
        all.insert(name.clone(), property);
    }
    let names: Vec<&String> = all.keys().collect();
    strict.insert("required".to_owned(), json!(names));
    strict.insert("properties".to_owned(), Value::Object(all));
    strict.insert("additionalProperties".to_owned(), false.into());
    Some(())
}

fn takes_null(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => return kinds.iter().any(|kind| kind == "null"),
        Some(kind) => return kind == "null",
        None => {}
    }
    let ways = schema.get("anyOf").and_then(Value::as_array);
    ways.is_some_and(|ways| ways.iter().any(takes_null))
}
