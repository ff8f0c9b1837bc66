//! The files of cassettes: JSON that people can read, in an order that follows from
//! what was asked.

use std::fs;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::nearest::differs;

/// The format that is written and read.
pub(super) const FORMAT: u32 = 1;

/// What was asked, and what was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Recorded<A> {
    request: Value,
    answer: A,
}

/// What every file says of itself.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let within = |kind, why: String| io::Error::new(kind, format!("`{}` {why}", path.display()));
    let none = |error: serde_json::Error| {
        let why = format!("is no cassette: {error}");
        within(io::ErrorKind::InvalidData, why)
    };
    let text = fs::read_to_string(path)
        .map_err(|error| within(error.kind(), format!("cannot be read: {error}")))?;
    let head: Head = serde_json::from_str(&text).map_err(none)?;
    match head.format {
        FORMAT => serde_json::from_str(&text).map_err(none),
        other => {
            let why = format!("is of format {other}, and {FORMAT} is known here");
            Err(within(io::ErrorKind::InvalidData, why))
        }
    }
}

/// Replaces the file: who reads it meanwhile sees the one or the other.
pub(super) fn write(path: &Path, tape: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(&sorted(serde_json::to_value(tape)?))?;
    text.push('\n');
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

/// Keeps the answer in place of an older one to the same.
pub(super) fn put<A>(recordings: &mut Vec<Recorded<A>>, request: Value, answer: A) {
    let key = |recorded: &Recorded<A>| sorted(recorded.request.clone()).to_string();
    let new = Recorded { request, answer };
    let place = recordings.binary_search_by_key(&key(&new), key);
    match place {
        Ok(at) => recordings[at] = new,
        Err(at) => recordings.insert(at, new),
    }
}

/// The answer to that request, or how it differs from the nearest.
pub(super) fn find<'a, A>(recordings: &'a [Recorded<A>], request: &Value) -> Result<&'a A, String> {
    let mut same = recordings.iter();
    match same.find(|recorded| recorded.request == *request) {
        Some(recorded) => Ok(&recorded.answer),
        None => {
            let requests = recordings.iter().map(|recorded| &recorded.request);
            Err(differs(request, requests))
        }
    }
}

/// The same with its fields in the order of their names, whatever the features of
/// `serde_json`.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            let fields = fields.into_iter();
            Value::Object(fields.map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
