//! The model that is asked.

use std::sync::Arc;

use super::caller::Caller;
use crate::{Capabilities, ChatModel, ModelError, ModelRequest, ModelResponse, ModelStream};

/// A model behind an interface like OpenAI's.
pub(super) struct Remote(pub(super) Arc<Caller>);

impl ChatModel for Remote {
    fn name(&self) -> &str {
        &self.0.model
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        self.0.generate(&request).await
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        Some(Arc::clone(&self.0).stream(request, false))
    }

    fn tell(&self, request: &ModelRequest) -> Option<ModelStream> {
        Some(Arc::clone(&self.0).stream(request, true))
    }
}
