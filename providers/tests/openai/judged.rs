//! The kit judges both interfaces, over a socket.

use superstep_providers::{
    Capabilities, ChatModel, Model, ModelError, ModelRequest, ModelResponse, ModelStream, OpenAi,
    chat_model_kit,
};

use crate::speaks::serve;

/// A model, as what is judged.
struct Judged(Model);

impl ChatModel for Judged {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        self.0.generate(request).await
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        Some(self.0.stream(request.clone()))
    }
}

async fn model(fails: bool, with: impl FnOnce(OpenAi) -> OpenAi) -> Judged {
    let model = OpenAi::new("m").base_url(serve(fails).await).attempts(1);
    Judged(with(model).build().expect("it can be built"))
}

chat_model_kit!(
    chat,
    model(false, |model| model),
    Capabilities::all(),
    fails: model(true, |model| model),
);
chat_model_kit!(
    responses,
    model(false, OpenAi::responses),
    Capabilities::all(),
    fails: model(true, OpenAi::responses),
);
