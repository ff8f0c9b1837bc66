//! JSON texts joined to one: lists and texts end to end, objects entry by
//! entry.

use serde_json::{Map, Value};

/// Joins `more` to `text`; says whether it could.
pub(super) fn join(text: &mut String, more: &str) -> bool {
    match (shape(text), shape(more)) {
        (Some(b'['), Some(b'[')) => {
            let items = &more[1..more.len() - 1];
            if items.is_empty() {
                return true;
            }
            text.pop();
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(items);
            text.push(']');
        }
        (Some(b'"'), Some(b'"')) => {
            text.pop();
            text.push_str(&more[1..]);
        }
        (Some(b'{'), Some(b'{')) => {
            let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text);
            let (Ok(mut joined), Ok(more)) = (object(text), object(more)) else {
                return false;
            };
            joined.extend(more);
            *text = Value::Object(joined).to_string();
        }
        _ => return false,
    }
    true
}

/// The sign that a JSON text begins with, if it is one that things can be
/// joined to.
pub(super) fn shape(json: &str) -> Option<u8> {
    let &first = json.as_bytes().first()?;
    matches!(first, b'[' | b'"' | b'{').then_some(first)
}
