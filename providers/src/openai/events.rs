//! Events where a whole answer was asked for: some proxies always stream.

use serde_json::Value;

/// What one of the lines begins with that events are made of.
const FIELDS: [&str; 5] = ["data:", "event:", "id:", "retry:", ":"];

/// What the events tell that a text is, if it is that.
pub(super) fn events(text: &str) -> Option<Vec<Value>> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if !FIELDS.into_iter().any(|field| text.starts_with(field)) {
        return None;
    }
    let mut values = Vec::new();
    let mut data = String::new();
    // The last one may lack the line that ends it.
    for line in text.lines().chain([""]) {
        if let Some(more) = line.strip_prefix("data:") {
            data.push_str(more);
            data.push('\n');
        }
        if !line.is_empty() {
            continue;
        }
        match data.trim() {
            "" => {}
            "[DONE]" => break,
            json => values.push(serde_json::from_str(json).ok()?),
        }
        data.clear();
    }
    Some(values)
}
