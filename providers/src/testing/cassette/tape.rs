//! What is in the file of a cassette.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::nearest::differs;
use crate::{Capabilities, Delta, ModelResponse};

/// The format that is written and read.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tape {
    format: u32,
    pub(super) model: String,
    /// What the model can.
    can: Vec<String>,
    recordings: Vec<Recorded>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recorded {
    request: Value,
    answer: Answer,
}

/// An answer as it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Response(Box<ModelResponse>),
    Deltas(Vec<Delta>),
}

impl Answer {
    pub(super) fn pieces(self) -> Vec<Delta> {
        match self {
            Self::Response(response) => response.into_deltas(),
            Self::Deltas(deltas) => deltas,
        }
    }
}

impl Tape {
    pub(super) fn new(model: &str, can: Capabilities) -> Self {
        let can = [
            ("tools", can.tools),
            ("schema", can.schema),
            ("json", can.json),
            ("images", can.images),
            ("audio", can.audio),
            ("files", can.files),
        ];
        let can = can.into_iter().filter(|(_, can)| *can);
        Self {
            format: FORMAT,
            model: model.to_owned(),
            can: can.map(|(name, _)| name.to_owned()).collect(),
            recordings: Vec::new(),
        }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        let can = |name: &str| self.can.iter().any(|can| can == name);
        let mut all = Capabilities::text();
        all.tools = can("tools");
        all.schema = can("schema");
        all.json = can("json");
        all.images = can("images");
        all.audio = can("audio");
        all.files = can("files");
        all
    }

    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let within =
            |kind, why: String| io::Error::new(kind, format!("`{}` {why}", path.display()));
        let text = fs::read_to_string(path)
            .map_err(|error| within(error.kind(), format!("cannot be read: {error}")))?;
        let tape: Self = serde_json::from_str(&text).map_err(|error| {
            within(
                io::ErrorKind::InvalidData,
                format!("is no cassette: {error}"),
            )
        })?;
        match tape.format {
            FORMAT => Ok(tape),
            other => {
                let why = format!("is of format {other}, and {FORMAT} is known here");
                Err(within(io::ErrorKind::InvalidData, why))
            }
        }
    }

    /// Replaces the file: who reads it meanwhile sees the one or the other.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(&sorted(serde_json::to_value(self)?))?;
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
    pub(super) fn put(&mut self, request: Value, answer: Answer) {
        let key = |recorded: &Recorded| sorted(recorded.request.clone()).to_string();
        let new = Recorded { request, answer };
        let place = self.recordings.binary_search_by_key(&key(&new), key);
        match place {
            Ok(at) => self.recordings[at] = new,
            Err(at) => self.recordings.insert(at, new),
        }
    }

    /// The answer to that request, or how it differs from the nearest.
    pub(super) fn find(&self, request: &Value) -> Result<Answer, String> {
        let mut recordings = self.recordings.iter();
        match recordings.find(|recorded| recorded.request == *request) {
            Some(recorded) => Ok(recorded.answer.clone()),
            None => {
                let requests = self.recordings.iter().map(|recorded| &recorded.request);
                Err(differs(request, requests))
            }
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
