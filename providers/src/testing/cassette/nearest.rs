//! Which recording is nearest to a request, and where they differ.

use std::collections::BTreeMap;

use serde_json::Value;

/// How much of a text is shown on each side of where it differs, in characters.
const SHOWN: usize = 30;

/// How the request differs from the nearest of these, in words.
pub(super) fn differs<'a>(wanted: &Value, recorded: impl Iterator<Item = &'a Value>) -> String {
    let wanted = leaves(wanted);
    let recorded = recorded.map(leaves);
    let Some(nearest) = recorded.min_by_key(|recorded| distance(&wanted, recorded)) else {
        return "nothing is recorded".to_owned();
    };
    let mut paths: Vec<&String> = wanted.keys().chain(nearest.keys()).collect();
    paths.sort();
    let differs = |path: &&&String| wanted.get(**path) != nearest.get(**path);
    let Some(path) = paths.iter().find(differs) else {
        return "it differs in nothing that is shown".to_owned();
    };
    let (asked, was) = (wanted.get(*path), nearest.get(*path));
    let from = common(asked, was);
    format!(
        "the nearest differs first in `{path}`: asked is {}, recorded was {}",
        shown(asked, from),
        shown(was, from)
    )
}

/// How many leaves are different; of texts, how much of them weighs less.
fn distance(a: &BTreeMap<String, Value>, b: &BTreeMap<String, Value>) -> (usize, usize) {
    let missing = b.keys().filter(|path| !a.contains_key(*path)).count();
    let other = a.iter().filter(|(path, value)| b.get(*path) != Some(value));
    let mut far = (missing, 0);
    for (path, value) in other {
        far.0 += 1;
        if let (Some(text), Some(Value::String(was))) = (value.as_str(), b.get(path)) {
            let longest = text.chars().count().max(was.chars().count());
            far.1 += longest - common(Some(value), b.get(path));
        }
    }
    far
}

/// What is in it that holds nothing else, by where it is.
fn leaves(value: &Value) -> BTreeMap<String, Value> {
    fn collect(path: String, value: &Value, into: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    let path = match path.is_empty() {
                        true => name.clone(),
                        false => format!("{path}.{name}"),
                    };
                    collect(path, value, into);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (at, value) in items.iter().enumerate() {
                    collect(format!("{path}[{at}]"), value, into);
                }
            }
            leaf => {
                into.insert(path, leaf.clone());
            }
        }
    }
    let mut into = BTreeMap::new();
    collect(String::new(), value, &mut into);
    into
}

/// With how many characters two texts begin alike.
fn common(a: Option<&Value>, b: Option<&Value>) -> usize {
    match (a.and_then(Value::as_str), b.and_then(Value::as_str)) {
        (Some(a), Some(b)) => a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    }
}

/// A leaf around that character.
fn shown(value: Option<&Value>, at: usize) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => {
            let start = at.saturating_sub(SHOWN);
            let mut rest = text.chars().skip(start);
            let piece: String = rest.by_ref().take(2 * SHOWN).collect();
            let before = if start > 0 { "…" } else { "" };
            let after = if rest.next().is_some() { "…" } else { "" };
            format!("`{before}{piece}{after}`")
        }
        Some(other) => format!("`{other}`"),
    }
}
