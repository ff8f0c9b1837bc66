//! A model that is a function.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;

use crate::{Capabilities, ChatModel, Delta, ModelError, ModelRequest, ModelResponse, ModelStream};

type Answer = Pin<Box<dyn Future<Output = Result<ModelResponse, ModelError>> + Send>>;

#[derive(Clone)]
enum Answers {
    Whole(Arc<dyn Fn(ModelRequest) -> Answer + Send + Sync>),
    Pieces(Arc<dyn Fn(ModelRequest) -> ModelStream + Send + Sync>),
}

/// A model that is a function: of a request, or of a request to a stream.
///
/// # Examples
///
/// ```
/// use superstep_providers::{FnModel, Model, ModelResponse};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::new(FnModel::new(|request| async move {
///     Ok(ModelResponse::text(format!("{} message(s)", request.messages.len())))
/// }));
/// assert_eq!(model.ask("Is anybody there?").await?, "1 message(s)");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a model does nothing until it is asked"]
pub struct FnModel {
    name: String,
    capabilities: Capabilities,
    answers: Answers,
}

impl FnModel {
    fn of(answers: Answers) -> Self {
        Self {
            name: "function".to_owned(),
            capabilities: Capabilities::all(),
            answers,
        }
    }

    /// A model that answers with what the function comes to.
    pub fn new<F, Fut>(answer: F) -> Self
    where
        F: Fn(ModelRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ModelResponse, ModelError>> + Send + 'static,
    {
        let whole = move |request| -> Answer { Box::pin(answer(request)) };
        Self::of(Answers::Whole(Arc::new(whole)))
    }

    /// A model that answers with the pieces that the function gives.
    pub fn streaming<F, S>(answer: F) -> Self
    where
        F: Fn(ModelRequest) -> S + Send + Sync + 'static,
        S: Stream<Item = Result<Delta, ModelError>> + Send + 'static,
    {
        let pieces = move |request| ModelStream::new(answer(request));
        Self::of(Answers::Pieces(Arc::new(pieces)))
    }

    /// The same, called that.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same, which says that it can do that; else everything.
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }
}

impl ChatModel for FnModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        match &self.answers {
            Answers::Whole(answer) => answer(request).await,
            Answers::Pieces(answer) => answer(request).finish().await,
        }
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        match &self.answers {
            Answers::Whole(_) => None,
            Answers::Pieces(answer) => Some(answer(request.clone())),
        }
    }
}

impl fmt::Debug for FnModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnModel")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
