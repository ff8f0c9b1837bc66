//! Requests and answers as a cassette has them.
//!
//! 1. Of a request no header is kept, and of its query nothing that is a key.
//! 2. An answer is kept when all of it has come, unless it is a failure that
//!    passes.

use std::io;
use std::mem::take;
use std::sync::Arc;

use futures_util::stream::iter;
use http::HeaderMap;
use http::response::Parts;

use super::secrets::Secrets;
use super::wire::REQUEST_IDS;
use crate::chat::{HttpAnswer, HttpBody, HttpRequest, HttpTape};
use crate::{ModelError, ModelErrorKind};

/// What the names of keys have in them.
pub(super) const KEYS: [&str; 4] = ["auth", "key", "secret", "token"];

/// The request, without headers and keys.
pub(super) fn asked(request: &reqwest::Request, secrets: &Secrets) -> HttpRequest {
    let url = request.url();
    let mut path = url.path().to_owned();
    for (n, (name, value)) in url.query_pairs().enumerate() {
        let is_key = KEYS.iter().any(|word| name.to_lowercase().contains(word));
        let value = if is_key { "[scrubbed]" } else { &*value };
        path.push(if n == 0 { '?' } else { '&' });
        path.push_str(&format!("{name}={value}"));
    }
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let body = String::from_utf8_lossy(body.unwrap_or_default());
    HttpRequest {
        method: request.method().to_string(),
        path: secrets.hide(&path),
        body: serde_json::from_str(&secrets.hide(&body)).unwrap_or_default(),
    }
}

/// The answer, as if a server gave it.
pub(super) fn played(answer: HttpAnswer) -> Result<http::Response<reqwest::Body>, ModelError> {
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let pieces = answer.body.into_pieces().into_iter();
    let body = reqwest::Body::wrap_stream(iter(pieces.map(Ok::<_, io::Error>)));
    let unreadable = |error| ModelError::new(ModelErrorKind::Decode).caused_by(error);
    response.body(body).map_err(unreadable)
}

/// An answer that is being recorded.
pub(super) struct Recording {
    tape: Arc<dyn HttpTape>,
    secrets: Secrets,
    request: HttpRequest,
    answer: HttpAnswer,
    body: Vec<u8>,
}

impl Recording {
    /// None if the answer is not to be kept.
    pub(super) fn new(
        tape: Arc<dyn HttpTape>,
        secrets: Secrets,
        request: HttpRequest,
        head: &Parts,
    ) -> Option<Self> {
        let status = head.status;
        let stays = status.is_success() || matches!(status.as_u16(), 400 | 404 | 413 | 422);
        stays.then(|| Self {
            tape,
            secrets,
            request,
            answer: HttpAnswer {
                status: status.as_u16(),
                headers: kept(&head.headers),
                body: HttpBody::Pieces(Vec::new()),
            },
            body: Vec::new(),
        })
    }

    pub(super) fn add(&mut self, piece: &[u8]) {
        self.body.extend(piece);
    }

    /// All of it has come.
    pub(super) async fn keep(mut self) -> Result<(), ModelError> {
        let body = take(&mut self.body);
        let body = self.secrets.hide(&String::from_utf8_lossy(&body));
        self.answer.body = HttpBody::read(&body);
        self.tape.keep(self.request, self.answer).await
    }
}

/// What says something later, too: not what is left of a limit, or how long to
/// wait.
fn kept(headers: &HeaderMap) -> std::collections::BTreeMap<String, String> {
    let names = ["content-type"].into_iter().chain(REQUEST_IDS);
    let kept = names.filter_map(|name| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.to_owned(), value.to_owned()))
    });
    kept.collect()
}
