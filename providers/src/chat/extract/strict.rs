//! The JSON Schema of a type, and the strict one that some providers enforce:
//! every property is required, nothing else is allowed, and what says more than
//! that subset is left out.

use std::any::type_name;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::find::FIELD;
use super::short;

/// The longest that a schema may be called.
const LONGEST_NAME: usize = 64;

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

/// The shape of a type, as a model is told of it.
pub(super) struct Shape {
    /// Letters, digits, `_` and `-`.
    pub(super) name: String,
    /// An object.
    pub(super) schema: Value,
    /// The same, if it can be said strictly.
    pub(super) strict: Option<Value>,
    /// Whether the value is in a field of the object.
    pub(super) wraps: bool,
}

impl Shape {
    pub(super) fn of<T: JsonSchema>(name: Option<String>) -> Self {
        let generator = SchemaSettings::draft2020_12().into_generator();
        let mut schema = generator.into_root_schema_for::<T>().to_value();
        if let Some(fields) = schema.as_object_mut() {
            fields.remove("$schema");
        }
        let wraps = schema.get("type").is_none_or(|kind| kind != "object")
            || schema.get("oneOf").is_some()
            || schema.get("anyOf").is_some();
        if wraps {
            schema = wrapped(schema);
        }
        Self {
            name: plain(&name.unwrap_or_else(|| T::schema_name().into_owned())),
            strict: strict(&schema),
            schema,
            wraps,
        }
    }
}

/// A name that providers take.
fn plain(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = short(name).chars().map(|c| if plain(c) { c } else { '_' });
    let name: String = name.take(LONGEST_NAME).collect();
    match name.is_empty() {
        true => short(type_name::<Value>()).to_owned(),
        false => name,
    }
}

/// The schema of an object that has the value as its only field.
fn wrapped(mut schema: Value) -> Value {
    let definitions = schema.as_object_mut().and_then(|s| s.remove("$defs"));
    point(&mut schema, "#", &format!("#/properties/{FIELD}"));
    let mut outer = json!({
        "type": "object",
        "properties": { FIELD: schema },
        "required": [FIELD],
    });
    if let (Some(mut definitions), Some(outer)) = (definitions, outer.as_object_mut()) {
        point(&mut definitions, "#", &format!("#/properties/{FIELD}"));
        outer.insert("$defs".to_owned(), definitions);
    }
    outer
}

/// Lets references to the one place lead to the other.
fn point(schema: &mut Value, from: &str, to: &str) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(reference) if name == "$ref" && reference == from => {
                        to.clone_into(reference);
                    }
                    other => point(other, from, to),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| point(item, from, to)),
        _ => {}
    }
}

/// The same schema, strictly; none if it says what cannot be said so.
fn strict(schema: &Value) -> Option<Value> {
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
            "items" => ("items", self::strict(value)?),
            "anyOf" | "oneOf" => ("anyOf", each(value)?),
            "$defs" | "definitions" => (&**key, named(value)?),
            key => (key, value.clone()),
        };
        strict.insert(key.to_owned(), value);
    }
    if is_object(fields) {
        object(fields, &mut strict)?;
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

fn each(schemas: &Value) -> Option<Value> {
    let schemas = schemas.as_array()?.iter().map(strict);
    schemas.collect::<Option<Vec<_>>>().map(Value::Array)
}

fn named(schemas: &Value) -> Option<Value> {
    let schemas = schemas.as_object()?.iter();
    let schemas = schemas.map(|(name, schema)| Some((name.clone(), strict(schema)?)));
    schemas.collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// All properties are required, and no others allowed; those that may be left out
/// may be null in place of it.
fn object(fields: &Map<String, Value>, strict: &mut Map<String, Value>) -> Option<()> {
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
        let property = self::strict(property)?;
        let is_required = required.is_some_and(|names| names.iter().any(|n| n == name));
        let property = match is_required || takes_null(&property) {
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
