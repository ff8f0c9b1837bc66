//! How a model answers in a shape that is asked for. One that cannot passes.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::scene::Scene;
use super::verdict::{Broken, Verdict, holds};
use crate::{
    Capabilities, ChatModel, Model, ModelError, ModelRequest, ModelResponse, ModelStream,
    OutputFormat,
};

const CITY: &str = "Tell of the city of Oslo, as JSON with its `name` and its number of `people`.";

/// A city.
#[derive(Debug, Deserialize, JsonSchema)]
struct City {
    name: String,
    people: u64,
}

fn by_schema() -> ModelRequest {
    ModelRequest::from(CITY).output(OutputFormat::Schema {
        name: "city".to_owned(),
        schema: json!({
            "type": "object",
            "properties": { "name": { "type": "string" }, "people": { "type": "integer" } },
            "required": ["name", "people"],
            "additionalProperties": false,
        }),
    })
}

fn is_city(response: &ModelResponse) -> Verdict {
    let city = serde_json::from_str::<City>(&response.message.text());
    holds(city.is_ok(), "an answer does not fit its schema", response)
}

pub async fn json_is_json<M: ChatModel>(scene: Scene<M>) -> Verdict {
    if !scene.can.json {
        return Ok(());
    }
    let request = ModelRequest::from(CITY).output(OutputFormat::Json);
    let response = scene.ask(request).await?;
    let json = serde_json::from_str::<Value>(&response.message.text());
    holds(json.is_ok(), "what is to be JSON is none", &response)
}

pub async fn a_schema_is_kept<M: ChatModel>(scene: Scene<M>) -> Verdict {
    match scene.can.schema {
        true => is_city(&scene.ask(by_schema()).await?),
        false => Ok(()),
    }
}

pub async fn a_schema_is_kept_piece_by_piece<M: ChatModel>(scene: Scene<M>) -> Verdict {
    if !scene.can.schema {
        return Ok(());
    }
    match scene.read(by_schema()).await? {
        Some((response, _)) => is_city(&response),
        None => Ok(()),
    }
}

pub async fn an_answer_of_a_type_is_given<M: ChatModel>(scene: Scene<M>) -> Verdict {
    let can = scene.can;
    if !(can.schema || can.tools || can.json) {
        return Ok(());
    }
    let model = Model::new(Shared(scene.model));
    let city: City = model.extract(CITY).await.map_err(Broken::from)?;
    // Read, so that it is known to be there.
    let _ = (city.name, city.people);
    Ok(())
}

/// The model, which a case keeps as well.
struct Shared<M>(Arc<M>);

impl<M: ChatModel> ChatModel for Shared<M> {
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
        self.0.stream(request)
    }
}
