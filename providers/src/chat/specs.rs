//! The tools of a request.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::{slice, vec};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::request::ToolSpec;

/// What a model is told of tools, in order: a `Vec` of which a clone copies a
/// pointer, so that each request can have it. Changing one that has clones changes
/// none of them.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep_providers::{ModelRequest, ToolSpec, ToolSpecs};
///
/// let specs = ToolSpecs::from(vec![ToolSpec {
///     name: "now".into(),
///     description: "Says what time it is.".into(),
///     parameters: json!({ "type": "object" }),
/// }]);
/// let mut request = ModelRequest::from("Is it late?");
/// request.tools = specs.clone();
/// request.tools[0].name = "time".into();
/// assert_eq!(specs[0].name, "now");
/// ```
#[derive(Clone, PartialEq, Default)]
pub struct ToolSpecs(Arc<Vec<ToolSpec>>);

impl Deref for ToolSpecs {
    type Target = Vec<ToolSpec>;

    fn deref(&self) -> &Vec<ToolSpec> {
        &self.0
    }
}

/// Those that have clones are copied first.
impl DerefMut for ToolSpecs {
    fn deref_mut(&mut self) -> &mut Vec<ToolSpec> {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<ToolSpec>> for ToolSpecs {
    fn from(specs: Vec<ToolSpec>) -> Self {
        Self(Arc::new(specs))
    }
}

impl FromIterator<ToolSpec> for ToolSpecs {
    fn from_iter<I: IntoIterator<Item = ToolSpec>>(specs: I) -> Self {
        Vec::from_iter(specs).into()
    }
}

impl IntoIterator for ToolSpecs {
    type Item = ToolSpec;
    type IntoIter = vec::IntoIter<ToolSpec>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl<'a> IntoIterator for &'a ToolSpecs {
    type Item = &'a ToolSpec;
    type IntoIter = slice::Iter<'a, ToolSpec>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for ToolSpecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for ToolSpecs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ToolSpecs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
