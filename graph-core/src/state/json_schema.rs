//! A state as JSON Schema.

use schemars::JsonSchema;
use serde_json::Value;

use super::State;

/// The JSON Schema of a state, which must derive `schemars::JsonSchema` too.
///
/// Each property also carries `x-reducer`, and `x-ephemeral` where it holds.
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
///
/// #[derive(State, schemars::JsonSchema, Clone, Default, Serialize, Deserialize)]
/// struct Tally {
///     #[reduce(Sum)]
///     votes: u32,
/// }
///
/// let schema = superstep::json_schema::<Tally>();
/// assert_eq!(schema["properties"]["votes"]["type"], "integer");
/// assert_eq!(schema["properties"]["votes"]["x-reducer"], "Sum");
/// ```
#[must_use]
pub fn json_schema<S: State + JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(S).to_value();
    for field in S::schema().fields {
        let properties = schema.get_mut("properties");
        let Some(Value::Object(property)) = properties.and_then(|all| all.get_mut(field.name))
        else {
            continue;
        };
        property.insert("x-reducer".into(), field.reducer.into());
        if field.ephemeral {
            property.insert("x-ephemeral".into(), true.into());
        }
    }
    schema
}
