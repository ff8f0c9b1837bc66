//! A request over HTTP and its answer as data, and what keeps them: the seam at
//! which back ends are recorded and replayed in tests.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ModelError;

/// A request, without its headers and without the server it is for: it is the
/// same with any key, and whoever is asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct HttpRequest {
    pub(crate) method: String,
    /// The path with the query.
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// An answer, with those of its headers that mean something later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(crate) body: HttpBody,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HttpBody {
    /// JSON.
    Json(Value),
    /// The events of a stream, or other text.
    Pieces(Vec<String>),
}

impl HttpBody {
    pub(crate) fn read(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(json) => Self::Json(json),
            Err(_) => Self::Pieces(text.split_inclusive("\n\n").map(str::to_owned).collect()),
        }
    }

    pub(crate) fn into_pieces(self) -> Vec<String> {
        match self {
            Self::Json(json) => vec![json.to_string()],
            Self::Pieces(pieces) => pieces,
        }
    }
}

/// What keeps answers, or has them.
pub(crate) trait HttpTape: Send + Sync {
    /// Whether answers come from here, and nothing is asked of a server.
    fn replays(&self) -> bool;

    /// The answer to that request.
    fn find(&self, request: &HttpRequest) -> Result<HttpAnswer, ModelError>;

    /// Keeps an answer.
    fn keep(&self, request: HttpRequest, answer: HttpAnswer) -> Kept<'_>;
}

pub(crate) type Kept<'a> = Pin<Box<dyn Future<Output = Result<(), ModelError>> + Send + 'a>>;
