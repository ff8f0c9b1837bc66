//! The bounds that a JSON Schema sets to a value whose type fits.
//!
//! 1. Whether a type fits, and which values an enum has, whoever reads the value
//!    says. Judged here is how much it may be: `minimum`, `maximum`,
//!    `exclusiveMinimum`, `exclusiveMaximum`, `minLength`, `maxLength`, `minItems` and
//!    `maxItems`. What else a schema says is no bound. One thing of the type is: a list
//!    where an object is wanted, of which serde makes a struct, by position.
//! 2. Of the ways in `anyOf` and `oneOf` those count that the value can be meant for,
//!    and it keeps to the bounds of one. If it can be meant for none, there is none.

use std::error::Error;
use std::fmt;

use serde_json::{Map, Value};

/// What a list is told that should be an object.
pub(super) const NO_OBJECT: &str = "a list, where an object is wanted";

/// How many schemas are gone through one after another for one value.
const MOST_HOPS: usize = 16;

/// A value does not keep to a bound that its schema sets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutOfBounds {
    /// Where it is, such as `tags[1].name`; empty for the value itself.
    pub path: String,
    /// What it is and may not be.
    pub why: String,
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => f.write_str(&self.why),
            false => write!(f, "`{}`: {}", self.path, self.why),
        }
    }
}

impl Error for OutOfBounds {}

/// Holds a value to the bounds that a JSON Schema sets to numbers and to the lengths
/// of texts and lists, as `#[schemars(range(max = 5))]` does: [`Model::extract`] and
/// typed tools hold what a model says to them.
///
/// Whether its type fits, whoever reads the value finds out; but a list where an object
/// is wanted is refused here, since serde reads it as a struct, by position. A `pattern`
/// is not looked at, nor what else a schema says.
///
/// [`Model::extract`]: crate::Model::extract
///
/// # Errors
///
/// The first bound that the value does not keep to.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep_providers::check_bounds;
///
/// let schema = json!({ "properties": { "stars": { "type": "integer", "maximum": 5 } } });
/// assert!(check_bounds(&schema, &json!({ "stars": 5 })).is_ok());
///
/// let error = check_bounds(&schema, &json!({ "stars": 9 })).unwrap_err();
/// assert_eq!(error.path, "stars");
/// assert_eq!(error.to_string(), "`stars`: 9 is more than 5");
/// ```
pub fn check_bounds(schema: &Value, value: &Value) -> Result<(), OutOfBounds> {
    let out = Judge { root: schema }.misfit(schema, value, "", MOST_HOPS);
    out.map_or(Ok(()), Err)
}

struct Judge<'a> {
    root: &'a Value,
}

impl Judge<'_> {
    fn misfit(
        &self,
        schema: &Value,
        value: &Value,
        path: &str,
        hops: usize,
    ) -> Option<OutOfBounds> {
        let hops = hops.checked_sub(1)?;
        let own = own(schema, value).map(|why| OutOfBounds {
            path: path.to_owned(),
            why,
        });
        own.or_else(|| self.inside(schema, value, path))
            .or_else(|| self.misfit(self.meant(schema)?, value, path, hops))
            .or_else(|| {
                let mut all = list(schema, "allOf");
                all.find_map(|schema| self.misfit(schema, value, path, hops))
            })
            .or_else(|| {
                let ways = || list(schema, "anyOf").chain(list(schema, "oneOf"));
                let mut meant = ways()
                    .filter(|way| self.can_be(way, value, hops))
                    .peekable();
                if value.is_array() && meant.peek().is_none() {
                    return ways().find_map(|way| self.misfit(way, value, path, hops));
                }
                let misfits: Option<Vec<OutOfBounds>> = meant
                    .map(|way| self.misfit(way, value, path, hops))
                    .collect();
                misfits?.into_iter().next()
            })
    }

    fn inside(&self, schema: &Value, value: &Value, path: &str) -> Option<OutOfBounds> {
        match value {
            Value::Object(fields) => fields.iter().find_map(|(name, value)| {
                let named = schema.get("properties").and_then(|all| all.get(name));
                let path = match path.is_empty() {
                    true => name.clone(),
                    false => format!("{path}.{name}"),
                };
                let schema = named.or(schema.get("additionalProperties"))?;
                self.misfit(schema, value, &path, MOST_HOPS)
            }),
            Value::Array(items) => items.iter().enumerate().find_map(|(index, value)| {
                let placed = schema.get("prefixItems").and_then(|all| all.get(index));
                let path = format!("{path}[{index}]");
                self.misfit(placed.or(schema.get("items"))?, value, &path, MOST_HOPS)
            }),
            _ => None,
        }
    }

    /// What a reference leads to.
    fn meant(&self, schema: &Value) -> Option<&Value> {
        let reference = schema.get("$ref")?.as_str()?;
        self.root.pointer(reference.trim_start_matches('#'))
    }

    /// Whether a value can be meant for one way of several: its type, its tag and the
    /// names of its fields are those.
    fn can_be(&self, way: &Value, value: &Value, hops: usize) -> bool {
        let Some(hops) = hops.checked_sub(1) else {
            return true;
        };
        let kinds = match way.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| is(kind, value)),
            Some(kind) => is(kind, value),
            None => true,
        };
        let none = Map::new();
        let fields = value.as_object().unwrap_or(&none);
        let mut required = list(way, "required").filter_map(Value::as_str);
        let tags = way.get("properties").and_then(Value::as_object);
        let mut tags = tags.into_iter().flatten().filter_map(|(name, schema)| {
            let (tag, given) = (schema.get("const")?, fields.get(name)?);
            Some(tag == given)
        });
        kinds
            && way.get("const").is_none_or(|only| only == value)
            && (way.get("enum").is_none() || list(way, "enum").any(|one| one == value))
            && required.all(|name| fields.contains_key(name))
            && tags.all(|fits| fits)
            && self
                .meant(way)
                .is_none_or(|way| self.can_be(way, value, hops))
    }
}

fn list<'v>(schema: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer" | "number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    }
}

/// The bound of the value itself that it does not keep to.
fn own(schema: &Value, value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => amount(schema, number.as_f64()?)
            .map(|(than, bound)| format!("{number} is {than} {bound}")),
        Value::String(text) => {
            let n_chars = text.chars().count();
            size(schema, n_chars, ["minLength", "maxLength"], "character(s)")
        }
        Value::Array(_) if is_object(schema) => Some(NO_OBJECT.to_owned()),
        Value::Array(items) => size(schema, items.len(), ["minItems", "maxItems"], "item(s)"),
        _ => None,
    }
}

/// Whether a schema takes objects and no lists.
fn is_object(schema: &Value) -> bool {
    let takes = |wanted: &str| match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == wanted),
        Some(kind) => kind == wanted,
        None => false,
    };
    takes("object") && !takes("array")
}

fn amount(schema: &Value, number: f64) -> Option<(&'static str, &Value)> {
    let bounds = [
        ("minimum", "less than"),
        ("maximum", "more than"),
        ("exclusiveMinimum", "not more than"),
        ("exclusiveMaximum", "not less than"),
    ];
    bounds.into_iter().find_map(|(key, than)| {
        let bound = schema.get(key)?;
        let limit = bound.as_f64()?;
        let is_out = match key {
            "minimum" => number < limit,
            "maximum" => number > limit,
            "exclusiveMinimum" => number <= limit,
            _ => number >= limit,
        };
        is_out.then_some((than, bound))
    })
}

fn size(schema: &Value, size: usize, keys: [&str; 2], of: &str) -> Option<String> {
    let [least, most] = keys.map(|key| schema.get(key).and_then(Value::as_u64));
    let size = u64::try_from(size).unwrap_or(u64::MAX);
    let least = least.filter(|least| size < *least);
    let most = most.filter(|most| size > *most);
    match (least, most) {
        (Some(least), _) => Some(format!("{size} {of}, where at least {least} are wanted")),
        (None, Some(most)) => Some(format!("{size} {of}, where at most {most} are wanted")),
        (None, None) => None,
    }
}
