//! What fills the holes of a prompt.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use superstep_providers::Message;

use super::super::words::missing;

/// What is wrong with a prompt, or with what it is given: all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PromptError(String);

impl PromptError {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// A value that is known before.
#[derive(Clone)]
pub(super) enum Partial {
    Value(Result<Value, String>),
    With(Arc<dyn Fn() -> Result<Value, String> + Send + Sync>),
}

/// What fills the holes, by name.
pub(super) struct Given<'a> {
    fields: Map<String, Value>,
    partials: BTreeMap<&'a str, Value>,
    needs: &'a [(String, String)],
}

impl<'a> Given<'a> {
    pub(super) fn new<I: Serialize>(
        input: &I,
        partials: &'a [(String, Partial)],
        needs: &'a [(String, String)],
        only_name: impl FnOnce() -> Option<String>,
    ) -> Result<Self, PromptError> {
        let value = serde_json::to_value(input).map_err(|error| {
            PromptError::new(format!("what goes in cannot be written as JSON: {error}"))
        })?;
        let fields = match (value, needs) {
            (Value::Object(fields), _) => fields,
            (lone, [(name, _)]) => Map::from_iter([(name.clone(), lone)]),
            // What may be missing takes it, if nothing has to be there.
            (lone, []) => Map::from_iter(only_name().map(|name| (name, lone))),
            (_, needs) => return Err(PromptError::new(lone(needs))),
        };
        let mut given = Self {
            fields,
            partials: BTreeMap::new(),
            needs,
        };
        for (name, partial) in partials {
            let value = match partial {
                Partial::Value(value) => value.clone(),
                Partial::With(value) => value(),
            };
            let value = value.map_err(|why| {
                PromptError::new(format!("`{name}` cannot be written as JSON: {why}"))
            })?;
            given.partials.insert(name, value);
        }
        match given
            .needs
            .iter()
            .all(|(name, _)| given.value(name).is_some())
        {
            true => Ok(given),
            false => Err(given.missing()),
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).or_else(|| self.partials.get(name))
    }

    /// All there is, for templates that do more than fill holes.
    #[cfg(feature = "templates")]
    pub(super) fn all(&self) -> BTreeMap<&str, &Value> {
        let partials = self.partials.iter().map(|(name, value)| (*name, value));
        let fields = self.fields.iter().map(|(name, value)| (&**name, value));
        partials.chain(fields).collect()
    }

    pub(super) fn messages(&self, name: &str, optional: bool) -> Result<Vec<Message>, PromptError> {
        match self.value(name) {
            None | Some(Value::Null) if optional => Ok(Vec::new()),
            None => Err(self.missing()),
            Some(value) => Vec::<Message>::deserialize(value).map_err(|error| {
                PromptError::new(format!("`{name}` is no list of messages: {error}"))
            }),
        }
    }

    /// That values are missing, and which.
    pub(super) fn missing(&self) -> PromptError {
        let is_missing = |(name, _): &&(String, String)| self.value(name).is_none();
        let lacking: Vec<_> = self.needs.iter().filter(is_missing).cloned().collect();
        let partials = self.partials.keys().copied();
        let known: Vec<&str> = self
            .fields
            .keys()
            .map(String::as_str)
            .chain(partials)
            .collect();
        PromptError::new(missing(&lacking, &known))
    }
}

/// A value without a name is given to several holes, or to none.
fn lone(needs: &[(String, String)]) -> String {
    let names = needs
        .iter()
        .map(|(name, place)| format!("`{name}` ({place})"));
    let names: Vec<_> = names.collect();
    format!(
        "a value without a name fills one hole, but there are {}: {}",
        needs.len(),
        names.join(", ")
    )
}
