//! What answers, and the handle by which it is asked.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::call::{Metered, generate};
use super::error::{ModelError, ModelErrorKind};
use super::request::ModelRequest;
use super::response::ModelResponse;
use super::stream::ModelStream;

/// What can go on with a conversation: a language model, or what stands for one
/// in a test.
///
/// It is asked through a [`Model`]. An implementation answers once: it does not
/// try again, which is what policies are for. `chat_model_kit!` judges one.
///
/// # Cancel safety
///
/// Whoever asks may drop the future, or the stream, at any time; the request is
/// to end with that.
///
/// # Examples
///
/// ```
/// use superstep_providers::{ChatModel, Model, ModelError, ModelRequest, ModelResponse};
///
/// struct Echo;
///
/// impl ChatModel for Echo {
///     fn name(&self) -> &str {
///         "echo"
///     }
///
///     async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
///         let last = request.messages.last().map(|message| message.text());
///         Ok(ModelResponse::text(last.unwrap_or_default()))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::new(Echo);
/// assert_eq!(model.ask("Is anybody there?").await?, "Is anybody there?");
/// # Ok(())
/// # }
/// ```
pub trait ChatModel: Send + Sync + 'static {
    /// What it is called, for events and errors.
    fn name(&self) -> &str;

    /// What it can do; by default, everything.
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    /// Answers.
    ///
    /// # Errors
    ///
    /// Why there is no answer, once.
    fn generate(
        &self,
        request: ModelRequest,
    ) -> impl Future<Output = Result<ModelResponse, ModelError>> + Send;

    /// Answers piece by piece, if it can; else the whole answer is one piece.
    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        let _ = request;
        None
    }

    /// The same for who wants the whole answer, and has its pieces shown to somebody
    /// meanwhile. One that tries again by itself does so here as in
    /// [`generate`](Self::generate), even if the answer has begun: after
    /// [`Delta::Again`](super::Delta::Again).
    fn tell(&self, request: &ModelRequest) -> Option<ModelStream> {
        self.stream(request)
    }
}

/// What a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// It calls tools.
    pub tools: bool,
    /// It enforces a JSON Schema on its answer.
    pub schema: bool,
    /// It can be told to answer in JSON.
    pub json: bool,
    /// It takes pictures.
    pub images: bool,
    /// It takes sound.
    pub audio: bool,
    /// It takes documents.
    pub files: bool,
}

impl Capabilities {
    /// It can do everything.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            tools: true,
            schema: true,
            json: true,
            images: true,
            audio: true,
            files: true,
        }
    }

    /// It takes text and answers with text.
    #[must_use]
    pub const fn text() -> Self {
        Self {
            tools: false,
            schema: false,
            json: false,
            images: false,
            audio: false,
            files: false,
        }
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<ModelResponse, ModelError>> + Send + 'a>>;

/// The object-safe twin of [`ChatModel`].
pub(super) trait DynChatModel: Send + Sync {
    fn name(&self) -> &str;
    fn capabilities(&self) -> Capabilities;
    fn generate(&self, request: ModelRequest) -> Answer<'_>;
    fn stream(&self, request: &ModelRequest) -> Option<ModelStream>;
    fn tell(&self, request: &ModelRequest) -> Option<ModelStream>;
}

impl<M: ChatModel> DynChatModel for M {
    fn name(&self) -> &str {
        ChatModel::name(self)
    }

    fn capabilities(&self) -> Capabilities {
        ChatModel::capabilities(self)
    }

    fn generate(&self, request: ModelRequest) -> Answer<'_> {
        Box::pin(ChatModel::generate(self, request))
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        ChatModel::stream(self, request)
    }

    fn tell(&self, request: &ModelRequest) -> Option<ModelStream> {
        ChatModel::tell(self, request)
    }
}

/// How a request is changed before it is sent.
type Bind = Arc<dyn Fn(ModelRequest) -> ModelRequest + Send + Sync>;

/// A language model, to be asked. Cloning it copies pointers.
///
/// # Examples
///
/// One that always answers in the same way, as far as it can:
///
/// ```
/// # use superstep_providers::{ChatModel, Model, ModelError, ModelRequest, ModelResponse};
/// # struct Echo;
/// # impl ChatModel for Echo {
/// #     fn name(&self) -> &str { "echo" }
/// #     async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
/// #         Ok(ModelResponse::text(format!("at {:?}", request.temperature)))
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::new(Echo).with(|request| request.temperature(0.0));
/// assert_eq!(model.ask("hi").await?, "at Some(0.0)");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Model {
    model: Arc<dyn DynChatModel>,
    binds: Vec<Bind>,
}

impl Model {
    /// That model.
    pub fn new(model: impl ChatModel) -> Self {
        Self {
            model: Arc::new(model),
            binds: Vec::new(),
        }
    }

    /// The same, of which each request is changed in this way before it is sent.
    #[must_use]
    pub fn with(
        mut self,
        bind: impl Fn(ModelRequest) -> ModelRequest + Send + Sync + 'static,
    ) -> Self {
        self.binds.push(Arc::new(bind));
        self
    }

    /// What the model is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.model.name()
    }

    /// What the model can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.model.capabilities()
    }

    fn bound(&self, request: ModelRequest) -> ModelRequest {
        let binds = self.binds.iter();
        binds.fold(request, |request, bind| bind(request))
    }

    /// Asks for an answer that is text.
    ///
    /// # Errors
    ///
    /// When there is no answer, when it refuses, when it was cut off, by
    /// [`max_tokens`](ModelRequest::max_tokens) or by a filter, and when it calls
    /// tools and has no text.
    pub async fn ask(&self, request: impl Into<ModelRequest>) -> Result<String, ModelError> {
        let response = self.generate(request).await?;
        let text = response.into_text();
        text.map_err(|error| error.or_model(self.name()))
    }

    /// Fails if the answer is none, or not all of it.
    pub(super) fn complete(&self, response: &ModelResponse) -> Result<(), ModelError> {
        let complete = response.complete();
        complete.map_err(|error| error.or_model(self.name()))
    }

    pub(super) fn fails(&self, kind: ModelErrorKind) -> ModelError {
        ModelError::from(kind).model(self.name())
    }

    /// Asks for an answer.
    ///
    /// In a node, what it uses is counted for [`Run::usage`](superstep_core::Run::usage)
    /// and by the run's budget, and who watches the run sees its text as it comes:
    /// that of another attempt, or of another model, as the part `#2`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the request; what it has used is counted.
    ///
    /// # Errors
    ///
    /// When there is no answer. One that refuses, or was cut short by
    /// [`max_tokens`](ModelRequest::max_tokens), is an answer: it says so.
    pub async fn generate(
        &self,
        request: impl Into<ModelRequest>,
    ) -> Result<ModelResponse, ModelError> {
        let request = self.bound(request.into());
        let answered = generate(&*self.model, request).await;
        answered.map_err(|error| error.or_model(self.name()))
    }

    /// Asks for an answer piece by piece. Nothing is sent before the stream is
    /// polled, and dropping it ends the request. In a node it is counted and
    /// told as with [`generate`](Self::generate), if it is read at all; that the
    /// run's budget has too little left is its first piece.
    pub fn stream(&self, request: impl Into<ModelRequest>) -> ModelStream {
        let request = self.bound(request.into());
        let (metered, model) = (Metered::new(&request), Arc::clone(&self.model));
        let stream = ModelStream::later(move || {
            let stream = model.stream(&request);
            stream
                .unwrap_or_else(|| ModelStream::whole(async move { model.generate(request).await }))
        });
        stream.metered(metered).named(self.name())
    }
}

/// For models that are made of others, and are counted themselves.
impl Model {
    pub(crate) async fn unmetered(
        &self,
        request: ModelRequest,
    ) -> Result<ModelResponse, ModelError> {
        let answered = self.model.generate(self.bound(request)).await;
        answered.map_err(|error| error.or_model(self.name()))
    }

    /// None if it does not answer piece by piece.
    pub(crate) fn unmetered_stream(&self, request: ModelRequest) -> Option<ModelStream> {
        let stream = self.model.stream(&self.bound(request))?;
        Some(stream.named(self.name()))
    }

    /// The same, which may begin again.
    pub(crate) fn unmetered_told(&self, request: ModelRequest) -> Option<ModelStream> {
        let stream = self.model.tell(&self.bound(request))?;
        Some(stream.named(self.name()))
    }
}

impl<M: ChatModel> From<M> for Model {
    fn from(model: M) -> Self {
        Self::new(model)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Model").field(&self.name()).finish()
    }
}
