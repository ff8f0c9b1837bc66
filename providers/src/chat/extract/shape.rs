//! The shape of a type: its JSON Schema, and what it is called.

use std::any::type_name;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::super::strict::{LeftOut, strict};
use super::find::{FIELD, Sought};
use super::short;

/// The longest that a schema may be called.
const LONGEST_NAME: usize = 64;

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
            strict: strict(&schema, LeftOut::IsNull),
            schema,
            wraps,
        }
    }

    /// How a value of it is looked for.
    pub(super) fn sought(&self) -> Sought<'_> {
        Sought {
            schema: Some(&self.schema),
            wraps: self.wraps,
        }
    }
}

/// A name that providers take.
fn plain(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = short(name);
    let name = name.chars().map(|c| if plain(c) { c } else { '_' });
    let name: String = name.take(LONGEST_NAME).collect();
    match name.is_empty() {
        true => short(type_name::<Value>()),
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
