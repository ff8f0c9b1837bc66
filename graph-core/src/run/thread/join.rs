//! JSON texts joined to one: lists and texts end to end, objects entry by
//! entry, of which the later wins.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Joins all to one; `None` if they do not fit each other. Takes time linear in
/// their length.
pub(super) fn join_all<'t>(parts: impl Iterator<Item = &'t str> + Clone) -> Option<String> {
    let mut text = String::with_capacity(parts.clone().map(str::len).sum());
    let mut parts = parts;
    text.push_str(parts.next()?);
    let mut n_joined = 1;
    for part in parts {
        if !join(&mut text, part) {
            return None;
        }
        n_joined += 1;
    }
    match shape(&text) {
        Some(b'{') if n_joined > 1 => each_key_once(&text),
        _ => Some(text),
    }
}

/// Joins `more` to `text`; says whether they fit. The keys of an object may be
/// in it twice then, see [`each_key_once`].
pub(super) fn join(text: &mut String, more: &str) -> bool {
    let (Some(first), true) = (shape(text), shape(text) == shape(more)) else {
        return false;
    };
    if more.len() < 2 || text.len() < 2 {
        return false;
    }
    let inside = &more[1..more.len() - 1];
    let last = text.pop();
    if first != b'"' && text.len() > 1 && !inside.is_empty() {
        text.push(',');
    }
    text.push_str(inside);
    text.extend(last);
    true
}

/// An object whose keys may be there twice with the later value of each, where
/// the key was first. Values are copied as they are.
pub(super) fn each_key_once(text: &str) -> Option<String> {
    let Entries(entries) = serde_json::from_str(text).ok()?;
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut once: Vec<(&str, &str)> = Vec::with_capacity(entries.len());
    for (key, value) in &entries {
        let place = *places.entry(key).or_insert(once.len());
        match once.get_mut(place) {
            Some(entry) => entry.1 = value.get(),
            None => once.push((key, value.get())),
        }
    }
    let mut joined = String::with_capacity(text.len());
    for (key, value) in once {
        joined.push(if joined.is_empty() { '{' } else { ',' });
        joined.push_str(&Value::from(key).to_string());
        joined.push(':');
        joined.push_str(value);
    }
    if joined.is_empty() {
        joined.push('{');
    }
    joined.push('}');
    Some(joined)
}

/// The entries of an object, as they stand there.
struct Entries<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// The sign that a JSON text begins with, if it is one that things can be
/// joined to.
pub(super) fn shape(json: &str) -> Option<u8> {
    let &first = json.as_bytes().first()?;
    matches!(first, b'[' | b'"' | b'{').then_some(first)
}
