//! Models as steps.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use superstep_providers::{Delta, Extract, Model, ModelError, ModelRequest, ModelResponse};

use super::ChainError;
use super::chain::{Chain, IntoChain, Running, Step};
use super::plan::Plan;
use super::scope::Scope;
use super::tell::Tell;

/// Where a model failed.
const MODEL: &str = "model";

/// The answer to a prompt, a message, a text, or a request.
#[diagnostic::do_not_recommend]
impl<I: Into<ModelRequest> + Send + 'static> IntoChain<I> for Model {
    type Output = ModelResponse;

    fn into_chain(self) -> Chain<I, ModelResponse> {
        let plan = Plan::step::<ModelResponse>(MODEL);
        Chain::new(Asked(self), plan)
    }
}

#[diagnostic::do_not_recommend]
impl<I: Into<ModelRequest> + Send + 'static> IntoChain<I> for &Model {
    type Output = ModelResponse;

    fn into_chain(self) -> Chain<I, ModelResponse> {
        self.clone().into_chain()
    }
}

struct Asked(Model);

impl<I: Into<ModelRequest> + Send + 'static> Step<I, ModelResponse> for Asked {
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, ModelResponse> {
        let request = input.into();
        Box::pin(async move {
            let _permit = scope.permit().await;
            let answered = match scope.tell() {
                None => scope.told_as(self.0.generate(request)).await,
                Some(tell) => scope.told_as(told(&self.0, request, tell)).await,
            };
            answered.map_err(|error| ChainError::new(MODEL, error))
        })
    }
}

async fn told(
    model: &Model,
    request: ModelRequest,
    tell: &Tell,
) -> Result<ModelResponse, ModelError> {
    let mut stream = model.stream(request);
    while let Some(delta) = stream.next().await {
        if let Delta::Text { text } = delta? {
            tell.text(text).await;
        }
    }
    stream.finish().await
}

/// A model that is asked for an answer of a type, by [`Model::extract`]: in the
/// best way that the model can, and again if the answer does not fit.
///
/// # Examples
///
/// ```
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use superstep::{ScriptedModel, extract, prompt};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Person {
///     name: String,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new().on("Who", r#"{ "name": "Ann" }"#).model();
/// let chain = prompt("Who is in this text? {text}") | extract::<Person>(model);
/// assert_eq!(chain.invoke("Ann is 92.").await?.name, "Ann");
/// # Ok(())
/// # }
/// ```
#[must_use = "it does nothing until it is in a chain"]
pub fn extract<T>(model: Model) -> Extractor<T> {
    Extractor {
        model,
        how: Extract::new(),
        value: PhantomData,
    }
}

/// A model that is asked for an answer of a type; see [`extract`].
#[derive(Debug)]
#[must_use = "it does nothing until it is in a chain"]
pub struct Extractor<T> {
    model: Model,
    how: Extract,
    value: PhantomData<fn() -> T>,
}

impl<T> Extractor<T> {
    /// Says how it is asked for.
    pub fn how(mut self, how: Extract) -> Self {
        self.how = how;
        self
    }
}

impl<T> Clone for Extractor<T> {
    fn clone(&self) -> Self {
        Self {
            model: self.model.clone(),
            how: self.how.clone(),
            value: PhantomData,
        }
    }
}

#[diagnostic::do_not_recommend]
impl<I, T> IntoChain<I> for Extractor<T>
where
    I: Into<ModelRequest> + Send + 'static,
    T: DeserializeOwned + JsonSchema + Send + 'static,
{
    type Output = T;

    fn into_chain(self) -> Chain<I, T> {
        Chain::new(self, Plan::step::<T>("extract"))
    }
}

impl<I, T> Step<I, T> for Extractor<T>
where
    I: Into<ModelRequest> + Send + 'static,
    T: DeserializeOwned + JsonSchema + Send + 'static,
{
    fn run<'a>(&'a self, input: I, scope: &'a Scope) -> Running<'a, T> {
        let request = input.into();
        Box::pin(async move {
            let _permit = scope.permit().await;
            let extracted = self.model.extract_with(request, self.how.clone());
            let extracted = scope.told_as(extracted).await;
            extracted.map_err(|error| ChainError::new("extract", error))
        })
    }
}
