//! Answers of a model, recorded once and replayed ever after.

mod file;
#[cfg(feature = "openai")]
mod http;
mod nearest;
mod recording;
mod scrub;
mod tape;

use std::fmt;
use std::future::ready;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::{
    Capabilities, ChatModel, Model, ModelError, ModelErrorKind, ModelRequest, ModelResponse,
    ModelStream, PartialResponse,
};
#[cfg(feature = "openai")]
pub use http::HttpCassette;
use scrub::Scrub;
use tape::{Answer, Tape};

/// Says whether cassettes are recorded.
const MODE: &str = "SUPERSTEP_CASSETTES";

/// A model that records the answers of another into a file, or replays them from
/// there: tests of what a real model said, without a network or a key.
///
/// The file is JSON that people can read, and belongs under version control. Each
/// request is in it once, with its newest answer, in an order that follows from
/// the requests. Failures are not recorded. A replayed answer comes in the pieces
/// in which it was recorded; a request without a recording fails, and the error
/// shows the nearest recording and where the two differ first.
///
/// # Cancel safety
///
/// What is dropped while it is recorded is not in the file, which is replaced as
/// a whole.
///
/// # Examples
///
/// ```
/// use superstep_providers::{Cassette, Model, ScriptedModel};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("weather.json");
/// let real = ScriptedModel::new().on("weather", "It rains.");
/// let recorded = Model::new(Cassette::record(&path, real));
/// recorded.ask("How is the weather?").await?;
///
/// let replayed = Model::new(Cassette::replay(&path)?);
/// assert_eq!(replayed.ask("How is the weather?").await?, "It rains.");
/// let error = replayed.ask("How was the weather?").await.unwrap_err();
/// assert!(error.to_string().contains("`messages[0].parts[0].text`"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a model does nothing until it is asked"]
pub struct Cassette {
    path: PathBuf,
    /// What is recorded, if something is.
    model: Option<Model>,
    scrub: Scrub,
    tape: Arc<Mutex<Tape>>,
    name: String,
    capabilities: Capabilities,
}

impl Cassette {
    /// Records that model. The file is replaced with the first answer.
    pub fn record(path: impl Into<PathBuf>, model: impl Into<Model>) -> Self {
        let model = model.into();
        let (name, capabilities) = (model.name().to_owned(), model.capabilities());
        Self {
            path: path.into(),
            tape: Arc::new(Mutex::new(Tape::new(&name, capabilities))),
            model: Some(model),
            scrub: Scrub::default(),
            name,
            capabilities,
        }
    }

    /// Replays what is in the file. It is called what the recorded model was, and
    /// can what that could.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is no cassette.
    pub fn replay(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let tape = Tape::read(&path)?;
        Ok(Self {
            path,
            model: None,
            scrub: Scrub::default(),
            name: tape.model.clone(),
            capabilities: tape.capabilities(),
            tape: Arc::new(Mutex::new(tape)),
        })
    }

    /// Records if the environment variable `SUPERSTEP_CASSETTES` is `record`, and
    /// replays if it is `replay` or not set. The model is made where it is needed.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay), and if the variable says something else.
    pub fn open<M: Into<Model>>(
        path: impl Into<PathBuf>,
        model: impl FnOnce() -> M,
    ) -> io::Result<Self> {
        match records()? {
            true => Ok(Self::record(path, model())),
            false => Self::replay(path),
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

    fn found(&self, request: &ModelRequest) -> Result<Answer, ModelError> {
        let wanted = self.scrub.request(request)?;
        let found = self.tape().find(&wanted);
        found.map_err(|differs| missing(&self.path, &wanted, &differs).model(&self.name))
    }

    /// The recorded pieces, or those that the model is asked for in that way.
    fn pieces(
        &self,
        request: &ModelRequest,
        ask: impl FnOnce(&Model, ModelRequest) -> Option<ModelStream>,
    ) -> Option<ModelStream> {
        if let Some(model) = &self.model {
            let inner = ask(model, request.clone())?;
            return Some(recording::record(self.clone(), request.clone(), inner));
        }
        match self.found(request) {
            Ok(answer) => Some(recording::replay(answer.pieces())),
            Err(error) => Some(ModelStream::whole(ready(Err(error)))),
        }
    }

    /// Puts an answer on the tape, and writes all of it: away from the runtime,
    /// and one after the other.
    async fn keep(&self, request: ModelRequest, answer: Answer) -> Result<(), ModelError> {
        let this = self.clone();
        let written = tokio::task::spawn_blocking(move || {
            let request = this.scrub.request(&request)?;
            let answer = this.scrub.answer(answer)?;
            let mut tape = this.tape();
            tape.put(request, answer);
            tape.write(&this.path)
                .map_err(|error| unwritten(&this.path, error))
        });
        let failed = |error| ModelError::new(ModelErrorKind::Cancelled).caused_by(error);
        written.await.map_err(failed)?
    }
}

/// Whether the environment says to record.
fn records() -> io::Result<bool> {
    match std::env::var(MODE).as_deref() {
        Ok("record") => Ok(true),
        Ok("replay" | "") | Err(_) => Ok(false),
        Ok(other) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{MODE}` is `{other}`, expected `record` or `replay`"),
        )),
    }
}

/// There is no recording of what is asked, and how it differs from the nearest.
fn missing(path: &Path, wanted: &Value, differs: &str) -> ModelError {
    let error = ModelError::new(ModelErrorKind::BadRequest);
    let path = path.display();
    let error = error.message(format!("`{path}` has no recording of it; {differs}"));
    error.body(&serde_json::to_string_pretty(wanted).unwrap_or_default())
}

fn unwritten(path: &Path, error: io::Error) -> ModelError {
    let why = format!("`{}` cannot be written", path.display());
    let kind = ModelErrorKind::BadRequest;
    ModelError::new(kind).message(why).caused_by(error)
}

impl ChatModel for Cassette {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        let Some(model) = &self.model else {
            return self.found(&request)?.whole();
        };
        let response = model.unmetered(request.clone()).await?;
        let answer = Answer::Response(Box::new(response.clone()));
        self.keep(request, answer).await?;
        Ok(response)
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        self.pieces(request, Model::unmetered_stream)
    }

    fn tell(&self, request: &ModelRequest) -> Option<ModelStream> {
        self.pieces(request, Model::unmetered_told)
    }
}

impl Answer {
    fn whole(self) -> Result<ModelResponse, ModelError> {
        match self {
            Self::Response(response) => Ok(*response),
            Self::Deltas(deltas) => {
                let mut partial = PartialResponse::default();
                deltas.into_iter().for_each(|delta| partial.add(delta));
                partial.finish()
            }
        }
    }
}

impl fmt::Debug for Cassette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cassette")
            .field("path", &self.path)
            .field("records", &self.model)
            .finish_non_exhaustive()
    }
}
