//! What a server answered over HTTP, recorded once and replayed ever after.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file::{self, FORMAT, Recorded};
use super::scrub::Scrub;
use super::{missing, records, unwritten};
use crate::chat::{HttpAnswer, HttpBody, HttpRequest, HttpTape, Kept};
use crate::{ModelError, ModelErrorKind};

/// What is in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Tape {
    format: u32,
    exchanges: Vec<Recorded<HttpAnswer>>,
}

/// What a provider answers over HTTP, recorded into a file, or replayed from there:
/// tests of a back end against what its provider really sends, without a network
/// or a key. `OpenAi::cassette` takes one.
///
/// A [`Cassette`](super::Cassette) keeps what a model says; this keeps how that
/// is sent. What is replayed is read as if it came from the server: errors and
/// events of streams, too. No time passes meanwhile, so that a test may pause the
/// clock.
///
/// The file is JSON that people can read and write, and belongs under version
/// control. A request is known by its method, its path and its body. Its headers
/// are not in the file, and so no key; where the provider repeats the key, it is
/// `[key]`. Of the answer there are status, content type, request id and body.
/// What was dropped before its end, and failures that pass, such as 429, are not
/// recorded. A request without a recording fails, and the error shows the nearest
/// recording and where the two differ first.
///
/// # Examples
///
/// An answer that somebody wrote by hand:
///
/// ```
/// use superstep_providers::{HttpCassette, OpenAi};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("hello.json");
/// let file = r#"{ "format": 1, "exchanges": [{
///     "request": {
///         "method": "POST",
///         "path": "/v1/chat/completions",
///         "body": { "model": "gpt-5", "messages": [{ "role": "user", "content": "hi" }], "stream": false }
///     },
///     "answer": { "status": 200, "json": { "choices": [{ "message": { "content": "Hello." } }] } }
/// }] }"#;
/// std::fs::write(&path, file)?;
///
/// let model = OpenAi::new("gpt-5").cassette(HttpCassette::replay(&path)?).build()?;
/// assert_eq!(model.ask("hi").await?, "Hello.");
/// let error = model.ask("ho").await.unwrap_err();
/// assert!(error.to_string().contains("the nearest differs first in `body.messages[0].content`"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "it records nothing until a back end has it"]
pub struct HttpCassette {
    path: PathBuf,
    records: bool,
    scrub: Scrub,
    tape: Arc<Mutex<Tape>>,
}

impl HttpCassette {
    /// Records what is asked and answered. The file is replaced with the first
    /// answer.
    pub fn record(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into(), true, Vec::new())
    }

    /// Replays what is in the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is no cassette of this kind.
    pub fn replay(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let tape: Tape = file::read(&path)?;
        Ok(Self::new(path, false, tape.exchanges))
    }

    /// Records if the environment variable `SUPERSTEP_CASSETTES` is `record`, and
    /// replays if it is `replay` or not set.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay), and if the variable says something else.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        match records()? {
            true => Ok(Self::record(path)),
            false => Self::replay(path),
        }
    }

    fn new(path: PathBuf, records: bool, exchanges: Vec<Recorded<HttpAnswer>>) -> Self {
        let format = FORMAT;
        Self {
            path,
            records,
            scrub: Scrub::default(),
            tape: Arc::new(Mutex::new(Tape { format, exchanges })),
        }
    }

    /// The same, in which the text of each field of that name, of requests and
    /// answers, is `[scrubbed]`.
    pub fn scrub(mut self, field: impl Into<String>) -> Self {
        self.scrub.fields.push(field.into());
        self
    }

    /// The same, in which that text is `[hidden]` wherever it stands.
    pub fn hide(mut self, text: impl Into<String>) -> Self {
        self.scrub.texts.push(text.into());
        self
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self, request: &HttpRequest) -> Result<Value, ModelError> {
        let unreadable = |error| ModelError::new(ModelErrorKind::Decode).caused_by(error);
        let mut json = serde_json::to_value(request).map_err(unreadable)?;
        self.scrub.clean(&mut json);
        Ok(json)
    }

    fn write(&self, request: &HttpRequest, mut answer: HttpAnswer) -> Result<(), ModelError> {
        let request = self.wanted(request)?;
        match &mut answer.body {
            HttpBody::Json(json) => self.scrub.clean(json),
            HttpBody::Pieces(pieces) => {
                let pieces = pieces.iter_mut();
                pieces.for_each(|piece| self.scrub.event(piece));
            }
        }
        let mut tape = self.tape();
        file::put(&mut tape.exchanges, request, answer);
        file::write(&self.path, &*tape).map_err(|error| unwritten(&self.path, error))
    }
}

impl HttpTape for HttpCassette {
    fn replays(&self) -> bool {
        !self.records
    }

    fn find(&self, request: &HttpRequest) -> Result<HttpAnswer, ModelError> {
        let wanted = self.wanted(request)?;
        let tape = self.tape();
        let found = file::find(&tape.exchanges, &wanted).cloned();
        found.map_err(|differs| missing(&self.path, &wanted, &differs))
    }

    fn keep(&self, request: HttpRequest, answer: HttpAnswer) -> Kept<'_> {
        let this = self.clone();
        let written = tokio::task::spawn_blocking(move || this.write(&request, answer));
        Box::pin(async {
            let failed = |error| ModelError::new(ModelErrorKind::Cancelled).caused_by(error);
            written.await.map_err(failed)?
        })
    }
}

impl fmt::Debug for HttpCassette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCassette")
            .field("path", &self.path)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}
