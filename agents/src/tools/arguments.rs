//! Arguments: what a model is told of them, and how what it writes is read.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use superstep_providers::ToolCall;

use crate::schema::dialect;

/// The JSON Schema of arguments, as providers want it: without references
/// where there is no recursion, and without a name.
pub(super) fn schema<A: JsonSchema>() -> Value {
    let settings = dialect().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<A>();
    schema.remove("title");
    // A call's arguments are an object, even where it takes none.
    if schema.get("type") == Some(&Value::from("null")) {
        schema.insert("type".to_owned(), "object".into());
    }
    let properties = schema.remove("properties");
    let properties = properties.unwrap_or_else(|| Map::new().into());
    schema.insert("properties".to_owned(), properties);
    schema.to_value()
}

/// The arguments of a call as JSON, an object. A call without any has none.
pub(super) fn parse(call: &ToolCall) -> Result<Value, String> {
    let name = &call.name;
    if call.arguments.trim().is_empty() {
        return Ok(Map::new().into());
    }
    match serde_json::from_str(&call.arguments) {
        Ok(Value::Null) => Ok(Map::new().into()),
        Ok(arguments @ Value::Object(_)) => Ok(arguments),
        Ok(_) => Err(format!(
            "the arguments of `{name}` are not an object, as in `{{\"name\": \"value\"}}`"
        )),
        Err(error) => Err(format!("the arguments of `{name}` are not JSON: {error}")),
    }
}

/// The arguments as their type, or which of them is wrong, and how.
pub(super) fn decode<A: DeserializeOwned>(arguments: &Value) -> Result<A, String> {
    let decoded = serde_path_to_error::deserialize(arguments).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            "." => error.into_inner().to_string(),
            _ => format!("`{path}`: {}", error.into_inner()),
        }
    });
    // Of a tool that takes nothing, the type may be `()`.
    match arguments.as_object().is_some_and(Map::is_empty) {
        true => decoded.or_else(|why| A::deserialize(Value::Null).map_err(|_| why)),
        false => decoded,
    }
}

/// What a model is told that got the arguments wrong.
pub(super) fn misfit(tool: &str, why: &str, parameters: &Value) -> String {
    let takes = takes(parameters);
    format!("wrong arguments for `{tool}`: {why}; it takes {takes}")
}

/// The arguments and their types, as words.
fn takes(parameters: &Value) -> String {
    let Some(Value::Object(properties)) = parameters.get("properties") else {
        return parameters.to_string();
    };
    if properties.is_empty() {
        return "no arguments".to_owned();
    }
    let required = parameters.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let (first, rest): (Vec<_>, Vec<_>) =
        properties.iter().partition(|(name, _)| is_required(name));
    let first = first
        .into_iter()
        .map(|(name, schema)| format!("`{name}` ({})", kind(schema)));
    let rest = rest
        .into_iter()
        .map(|(name, schema)| format!("`{name}` ({}, optional)", kind(schema)));
    first.chain(rest).collect::<Vec<_>>().join(", ")
}

fn kind(schema: &Value) -> String {
    match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            let kinds: Vec<_> = kinds.filter(|kind| *kind != "null").collect();
            kinds.join(" or ")
        }
        _ => match schema.get("enum").and_then(Value::as_array) {
            Some(values) => {
                let values: Vec<_> = values.iter().map(ToString::to_string).collect();
                format!("one of {}", values.join(", "))
            }
            None => "as in its schema".to_owned(),
        },
    }
}
