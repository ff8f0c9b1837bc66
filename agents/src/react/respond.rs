//! What becomes of the last answer of an agent: its text, or a value of a type.

use std::future::ready;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use superstep_core::{NodeError, NodeResult, State};
use superstep_providers::{Extract, Model, ModelRequest, ModelResponse};

use crate::tools::BoxFuture;

/// What is said to the model, so that it gives its answer in the shape.
pub(super) const AGAIN: &str = "Give your answer in the shape that is asked for.";

type Read<S> = Arc<dyn Fn(&str) -> Option<NodeResult<<S as State>::Update>> + Send + Sync>;
type Ask<S> = Arc<dyn Fn(Model, ModelRequest) -> BoxFuture<NodeResult<Answered<S>>> + Send + Sync>;

/// What is written of the last answer, and how it is read for that.
pub(crate) struct Respond<S: State> {
    read: Read<S>,
    ask: Ask<S>,
}

/// An answer in the shape that was asked for.
pub(super) struct Answered<S: State> {
    pub(super) response: ModelResponse,
    /// What is written of it, if that is known already: what has a shape need not be
    /// its text.
    update: Option<NodeResult<S::Update>>,
}

impl<S: State> Answered<S> {
    /// One that nobody has read yet.
    pub(super) fn of(response: ModelResponse) -> Self {
        Self {
            response,
            update: None,
        }
    }
}

impl<S: State> Respond<S> {
    pub(crate) fn of<T: DeserializeOwned + JsonSchema + Send + 'static>(
        write: impl Fn(T) -> NodeResult<S::Update> + Send + Sync + 'static,
    ) -> Self {
        let write = Arc::new(write);
        let writes = Arc::clone(&write);
        Self {
            // A model that was told of the shape may have answered in it.
            read: Arc::new(move |text| serde_json::from_str(text).ok().map(&*writes)),
            ask: Arc::new(move |model, request| {
                let write = Arc::clone(&write);
                Box::pin(async move {
                    let asked = model.extract_full(request, Extract::new()).await?;
                    Ok(Answered {
                        response: asked.response,
                        update: Some(write(asked.value)),
                    })
                })
            }),
        }
    }

    /// The last answer as its text.
    pub(crate) fn text(write: impl Fn(String) -> S::Update + Send + Sync + 'static) -> Self {
        Self {
            read: Arc::new(move |text| Some(Ok(write(text.to_owned())))),
            ask: Arc::new(|_, _| Box::pin(ready(Err(misshapen())))),
        }
    }

    /// What is written of an answer, if it has the shape.
    pub(super) fn read(&self, text: &str) -> Option<NodeResult<S::Update>> {
        (self.read)(text)
    }

    /// Asks for the answer in the shape.
    pub(super) async fn ask(&self, model: Model, request: ModelRequest) -> NodeResult<Answered<S>> {
        (self.ask)(model, request).await
    }

    /// What is written of an answer of which hooks have made that.
    pub(super) fn update(&self, asked: Answered<S>, made: &ModelResponse) -> NodeResult<S::Update> {
        let same = asked.response.message == made.message;
        let known = asked.update.filter(|_| same);
        let update = known.or_else(|| self.read(&made.message.text()));
        update.unwrap_or_else(|| Err(misshapen()))
    }
}

/// A hook has left an answer without its shape.
fn misshapen() -> NodeError {
    NodeError::permanent("what a hook made of the answer is not in the shape that was asked for")
}

impl<S: State> Clone for Respond<S> {
    fn clone(&self) -> Self {
        Self {
            read: Arc::clone(&self.read),
            ask: Arc::clone(&self.ask),
        }
    }
}
