//! What is in the file of a cassette of a model.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file::{self, FORMAT, Recorded};
use crate::{Capabilities, Delta, ModelResponse};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tape {
    format: u32,
    pub(super) model: String,
    /// What the model can.
    can: Vec<String>,
    recordings: Vec<Recorded<Answer>>,
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
        file::read(path)
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        file::write(path, self)
    }

    pub(super) fn put(&mut self, request: Value, answer: Answer) {
        file::put(&mut self.recordings, request, answer);
    }

    pub(super) fn find(&self, request: &Value) -> Result<Answer, String> {
        file::find(&self.recordings, request).cloned()
    }
}
