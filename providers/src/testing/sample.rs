//! A value that fits a JSON Schema: the simplest, and always the same.

use serde_json::{Map, Value, json};

/// How deep values go before they hold no more than they must.
const DEEPEST: usize = 6;

/// How many references are followed one after another.
const MOST_REFERENCES: usize = 16;

/// A value that fits, as far as the schema says it in words that are known here:
/// a `pattern` is not read.
pub(super) fn sample(schema: &Value) -> Value {
    Sampler { root: schema }.value(schema, 0)
}

struct Sampler<'a> {
    root: &'a Value,
}

impl Sampler<'_> {
    fn value(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.followed(schema);
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
            return first.clone();
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(ways) = schema.get(key).and_then(Value::as_array) {
                return self.way(ways, depth);
            }
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            return self.all(all, depth);
        }
        match kind(schema, depth) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => text(schema),
            "integer" => integer(schema),
            "number" => number(schema),
            "boolean" => json!(false),
            _ => Value::Null,
        }
    }

    /// The schema that is meant where there is a reference.
    fn followed<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..MOST_REFERENCES {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                break;
            };
            let pointer = reference.trim_start_matches('#');
            let Some(meant) = self.root.pointer(pointer) else {
                break;
            };
            schema = meant;
        }
        schema
    }

    /// The first way; the one that is nothing where it gets too deep.
    fn way(&self, ways: &[Value], depth: usize) -> Value {
        let is_null = |way: &&Value| way.get("type").is_some_and(|kind| kind == "null");
        let null = ways.iter().find(is_null).filter(|_| depth > DEEPEST);
        let first = ways.iter().find(|way| !is_null(way));
        match null.or(first).or(ways.first()) {
            Some(way) => self.value(way, depth + 1),
            None => Value::Null,
        }
    }

    /// What fits all: objects are put together.
    fn all(&self, all: &[Value], depth: usize) -> Value {
        let mut together = Map::new();
        let mut last = Value::Null;
        for schema in all {
            match self.value(schema, depth + 1) {
                Value::Object(fields) => together.extend(fields),
                other => last = other,
            }
        }
        match together.is_empty() {
            true => last,
            false => Value::Object(together),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array);
        let must = |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return json!({});
        };
        let fields = properties
            .iter()
            .filter(|(name, _)| depth <= DEEPEST || must(name));
        let fields = fields.map(|(name, schema)| (name.clone(), self.value(schema, depth + 1)));
        Value::Object(fields.collect())
    }

    fn array(&self, schema: &Value, depth: usize) -> Value {
        if let Some(each) = schema.get("prefixItems").and_then(Value::as_array) {
            return each
                .iter()
                .map(|item| self.value(item, depth + 1))
                .collect();
        }
        let bound = |key| schema.get(key).and_then(Value::as_u64);
        let least = bound("minItems").unwrap_or(0);
        let n_items = match depth > DEEPEST {
            true => least,
            false => least.max(1).min(bound("maxItems").unwrap_or(u64::MAX)),
        };
        match schema.get("items") {
            Some(items) => (0..n_items).map(|_| self.value(items, depth + 1)).collect(),
            None => json!([]),
        }
    }
}

/// The type; of several the first, or nothing where it gets too deep.
fn kind(schema: &Value, depth: usize) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            let first = kinds.clone().find(|kind| *kind != "null");
            match depth > DEEPEST && kinds.any(|kind| kind == "null") {
                true => "null",
                false => first.unwrap_or("null"),
            }
        }
        _ if schema.get("properties").is_some() => "object",
        _ => "null",
    }
}

fn text(schema: &Value) -> Value {
    let known = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2000-01-01T00:00:00Z",
        Some("date") => "2000-01-01",
        Some("time") => "00:00:00Z",
        Some("duration") => "PT1S",
        Some("email") => "a@example.org",
        Some("hostname") => "example.org",
        Some("ipv4") => "127.0.0.1",
        Some("ipv6") => "::1",
        Some("uri" | "url") => "https://example.org",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "",
    };
    if !known.is_empty() {
        return known.into();
    }
    let bound = |key| schema.get(key).and_then(Value::as_u64);
    let length = bound("minLength").unwrap_or(1).max(1);
    let length = length.min(bound("maxLength").unwrap_or(u64::MAX));
    "a".repeat(usize::try_from(length).unwrap_or(1)).into()
}

fn integer(schema: &Value) -> Value {
    let bound = |key| schema.get(key).and_then(Value::as_i64);
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|above| above.saturating_add(1)));
    let most = bound("maximum").or(bound("exclusiveMaximum").map(|below| below.saturating_sub(1)));
    let value = 0
        .max(least.unwrap_or(i64::MIN))
        .min(most.unwrap_or(i64::MAX));
    match bound("multipleOf").filter(|step| *step > 1) {
        // The next one that is not below.
        Some(step) => json!(value.saturating_add((step - value.rem_euclid(step)) % step)),
        None => json!(value),
    }
}

fn number(schema: &Value) -> Value {
    let bound = |key| schema.get(key).and_then(Value::as_f64);
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|above| above + 1.0));
    let most = bound("maximum").or(bound("exclusiveMaximum").map(|below| below - 1.0));
    json!(
        0.0_f64
            .max(least.unwrap_or(f64::MIN))
            .min(most.unwrap_or(f64::MAX))
    )
}
