//! JSON texts joined to one: lists and texts end to end, objects entry by
//! entry, of which the later wins.

use serde_json::{Map, Value};

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

/// An object whose keys may be there twice with the later of each, in order.
pub(super) fn each_key_once(text: &str) -> Option<String> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    Some(Value::Object(object).to_string())
}

/// The sign that a JSON text begins with, if it is one that things can be
/// joined to.
pub(super) fn shape(json: &str) -> Option<u8> {
    let &first = json.as_bytes().first()?;
    matches!(first, b'[' | b'"' | b'{').then_some(first)
}

/// Whether there may be a `null` in it: as that a float is written that is no
/// number, and what it is written for may not be read from it.
pub(super) fn has_null(json: &str) -> bool {
    json.contains("null")
}
