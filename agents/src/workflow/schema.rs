//! Answers of a type.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use superstep_core::{NodeError, NodeResult};
use superstep_providers::{Extract, Model, ModelRequest, ModelResponse};

use crate::tools::BoxFuture;

type Read = Arc<dyn Fn(&str) -> Option<Value> + Send + Sync>;
type Ask = Arc<dyn Fn(Model, ModelRequest) -> BoxFuture<NodeResult<ModelResponse>> + Send + Sync>;

/// How an answer becomes a value of a type that only the builder knew.
#[derive(Clone)]
pub(super) struct OutputSchema {
    read: Read,
    ask: Ask,
}

impl OutputSchema {
    pub(super) fn of<T>() -> Self
    where
        T: JsonSchema + Serialize + DeserializeOwned + Send + 'static,
    {
        Self {
            read: Arc::new(|text| {
                let value: T = serde_json::from_str(text).ok()?;
                serde_json::to_value(value).ok()
            }),
            ask: Arc::new(|model, request| {
                Box::pin(async move {
                    let asked = model.extract_full::<T>(request, Extract::new()).await?;
                    let json = serde_json::to_string(&asked.value).map_err(|error| {
                        let why = format!("the answer cannot be written as JSON: {error}");
                        NodeError::permanent(why)
                    })?;
                    Ok(ModelResponse::text(json).with_usage(asked.usage))
                })
            }),
        }
    }

    /// The value that a text is, if it is one.
    pub(super) fn read(&self, text: &str) -> Option<Value> {
        (self.read)(text)
    }

    /// Asks for a value: the answer is its JSON, however the model gave it.
    pub(super) async fn ask(
        &self,
        model: Model,
        request: ModelRequest,
    ) -> NodeResult<ModelResponse> {
        (self.ask)(model, request).await
    }
}
