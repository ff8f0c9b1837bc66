//! What is found out of one review: four questions to a model at the same time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use superstep::prelude::*;
use superstep::{CompileError, Graph, Model, ModelError, ModelRequest, OnFailure};

use super::reviews::{Analysis, Category, Keywords, Review, Sentiment, Urgency};

/// One review. Each field is written by one node.
#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Reading {
    review: Review,
    sentiment: Option<Sentiment>,
    category: Option<Category>,
    urgency: Option<Urgency>,
    keywords: Vec<String>,
}

impl Reading {
    /// What was found out, if all of it was.
    pub(crate) fn analysis(&self) -> Option<Analysis> {
        Some(Analysis {
            review: self.review.clone(),
            sentiment: self.sentiment?,
            category: self.category?,
            urgency: self.urgency?,
            keywords: self.keywords.clone(),
        })
    }
}

pub(crate) fn reading() -> Result<Graph<Reading, Model>, CompileError> {
    StateGraph::<Reading, Model>::new("reading")
        // A busy model is asked again, for one answer; what it refuses is refused.
        .node_defaults(|node| node.retry(Retry::attempts(4).classify::<ModelError>()))
        .on_failure(OnFailure::Finish) // the reason that is told is always the same
        .add_node("sentiment", sentiment)
        .add_node("category", category)
        .add_node("urgency", urgency)
        .add_node("keywords", keywords)
        .add_edge(START, ["sentiment", "category", "urgency", "keywords"])
        .compile()
}

async fn sentiment(reading: View<Reading>, model: Ctx<Model>) -> NodeResult<ReadingUpdate> {
    let sentiment: Sentiment = ask(&model, &reading).await?;
    Ok(Reading::update().sentiment(sentiment))
}

async fn category(reading: View<Reading>, model: Ctx<Model>) -> NodeResult<ReadingUpdate> {
    let category: Category = ask(&model, &reading).await?;
    Ok(Reading::update().category(category))
}

async fn urgency(reading: View<Reading>, model: Ctx<Model>) -> NodeResult<ReadingUpdate> {
    let urgency: Urgency = ask(&model, &reading).await?;
    Ok(Reading::update().urgency(urgency))
}

async fn keywords(reading: View<Reading>, model: Ctx<Model>) -> NodeResult<ReadingUpdate> {
    let Keywords { keywords } = ask(&model, &reading).await?;
    Ok(Reading::update().keywords(keywords))
}

/// The type says what is asked for, and its doc comment is what the model reads.
async fn ask<T: DeserializeOwned + JsonSchema>(
    model: &Model,
    reading: &Reading,
) -> Result<T, ModelError> {
    let request = ModelRequest::from(&reading.review.text);
    let request = request.system("You read reviews of a shop that sells lamps and electronics.");
    model.extract(request).await
}
