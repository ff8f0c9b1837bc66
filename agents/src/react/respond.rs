//! What becomes of the last answer of an agent: its text, or a value of a type.

use std::future::ready;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use superstep_core::{NodeResult, State};
use superstep_providers::{Message, Model, ModelRequest};

use crate::tools::BoxFuture;

/// What is said to the model, so that it gives its answer in the shape.
const AGAIN: &str = "Give your answer in the shape that is asked for.";

type Extract<S> =
    Arc<dyn Fn(Model, ModelRequest) -> BoxFuture<NodeResult<<S as State>::Update>> + Send + Sync>;

/// What is written of the last answer, and how it is read for that.
pub(crate) struct Respond<S: State>(Extract<S>);

impl<S: State> Respond<S> {
    pub(crate) fn of<T: DeserializeOwned + JsonSchema + Send + 'static>(
        write: impl Fn(T) -> NodeResult<S::Update> + Send + Sync + 'static,
    ) -> Self {
        let write = Arc::new(write);
        Self(Arc::new(move |model, request| {
            let write = Arc::clone(&write);
            Box::pin(async move {
                let said = request.messages.last().map(Message::text);
                // A model that was told of the shape may have answered in it.
                let said = said.and_then(|text| serde_json::from_str(&text).ok());
                let value = match said {
                    Some(value) => value,
                    None => model.extract(request.message(AGAIN)).await?,
                };
                write(value)
            })
        }))
    }

    /// The last answer as its text.
    pub(crate) fn text(write: impl Fn(String) -> S::Update + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |_, request| {
            let said = request.messages.last().map(Message::text);
            Box::pin(ready(Ok(write(said.unwrap_or_default()))))
        }))
    }

    /// Reads the answer that the request's conversation ends with, or asks for it
    /// once more.
    pub(super) async fn extract(
        &self,
        model: Model,
        request: ModelRequest,
    ) -> NodeResult<S::Update> {
        (self.0)(model, request).await
    }
}

impl<S: State> Clone for Respond<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
