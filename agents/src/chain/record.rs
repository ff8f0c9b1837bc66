//! How the records of `parallel!` and `assign!` are written; for generated code.

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The name of a field without what makes a keyword a name.
#[doc(hidden)]
#[must_use]
pub fn plain(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// Writes the fields of what goes in, but for those of these names.
#[doc(hidden)]
pub fn begun<S: Serializer, T: Serialize>(
    serializer: S,
    input: &T,
    names: &[&str],
) -> Result<S::SerializeMap, S::Error> {
    let Value::Object(input) = serde_json::to_value(input).map_err(S::Error::custom)? else {
        let why = "what goes into `assign!` has no fields to put others beside";
        return Err(S::Error::custom(why));
    };
    let mut fields = serializer.serialize_map(None)?;
    let kept = input
        .iter()
        .filter(|(name, _)| !names.contains(&name.as_str()));
    for (name, value) in kept {
        fields.serialize_entry(name, value)?;
    }
    Ok(fields)
}
