//! What becomes of the last answer of an agent: its text, or a value of a type.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use superstep_core::{NodeError, NodeResult, State};
use superstep_providers::{Extract, Extracted, Message, Model, ModelRequest, ModelResponse};

use crate::tools::BoxFuture;

type Read<S> = Arc<dyn Fn(&str) -> Option<NodeResult<<S as State>::Update>> + Send + Sync>;
type Ask<S> = Arc<dyn Fn(Model, ModelRequest) -> BoxFuture<NodeResult<Answered<S>>> + Send + Sync>;
type Text<S> = Arc<dyn Fn(String) -> <S as State>::Update + Send + Sync>;

/// What is written of the last answer, and how it is read for that.
pub(crate) struct Respond<S: State> {
    read: Read<S>,
    /// How it is asked for in its shape, if it has one.
    ask: Option<Ask<S>>,
    /// What is written of an answer that is not in the shape, and not asked for
    /// again.
    otherwise: Option<Text<S>>,
    /// Whether what it is asked for in its shape is said, too.
    said: bool,
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
    /// The last answer as a value of a type.
    pub(crate) fn of<T: DeserializeOwned + JsonSchema + Send + 'static>(
        write: impl Fn(T) -> NodeResult<S::Update> + Send + Sync + 'static,
    ) -> Self {
        Self::shaped(write, |asked: &Extracted<T>| Ok(asked.response.clone()))
    }

    /// The last answer as the JSON of a value of a type, which is also what the model
    /// has said when it was asked for one, however it gave it.
    pub(crate) fn json<T: Serialize + DeserializeOwned + JsonSchema + Send + 'static>(
        write: impl Fn(Value) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        Self::shaped(
            move |value: T| {
                let json = serde_json::to_value(value);
                json.map(&write).map_err(NodeError::permanent)
            },
            |asked: &Extracted<T>| {
                let json = serde_json::to_string(&asked.value).map_err(NodeError::permanent)?;
                Ok(ModelResponse::text(json).with_usage(asked.usage))
            },
        )
    }

    fn shaped<T: DeserializeOwned + JsonSchema + Send + 'static>(
        write: impl Fn(T) -> NodeResult<S::Update> + Send + Sync + 'static,
        said: impl Fn(&Extracted<T>) -> NodeResult<ModelResponse> + Copy + Send + Sync + 'static,
    ) -> Self {
        let write = Arc::new(write);
        let writes = Arc::clone(&write);
        let ask: Ask<S> = Arc::new(move |model, request| {
            let write = Arc::clone(&write);
            Box::pin(async move {
                let asked = model.extract_full(request, Extract::new()).await?;
                Ok(Answered {
                    response: said(&asked)?,
                    update: Some(write(asked.value)),
                })
            })
        });
        Self {
            // A model that was told of the shape may have answered in it.
            read: Arc::new(move |text| {
                let answer = Message::assistant(answered(text)?);
                answer.extract().ok().map(&*writes)
            }),
            ask: Some(ask),
            otherwise: None,
            said: false,
        }
    }

    /// The last answer as its text.
    pub(crate) fn text(write: impl Fn(String) -> S::Update + Send + Sync + 'static) -> Self {
        Self {
            read: Arc::new(move |text| Some(Ok(write(text.to_owned())))),
            ask: None,
            otherwise: None,
            said: false,
        }
    }

    /// Writes text as it is that the program has given in the answer's place, though it
    /// is not in the shape.
    pub(crate) fn or_text(
        mut self,
        write: impl Fn(String) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        self.otherwise = Some(Arc::new(write));
        self
    }

    /// Adds to the conversation what it is asked for in its shape, since it is written
    /// nowhere else.
    pub(crate) fn and_said(mut self) -> Self {
        self.said = true;
        self
    }

    pub(super) fn is_said(&self) -> bool {
        self.said
    }

    /// Whether there is a shape in which it can be asked for.
    pub(super) fn has_shape(&self) -> bool {
        self.ask.is_some()
    }

    /// What is written of an answer, if it has the shape.
    pub(super) fn read(&self, text: &str) -> Option<NodeResult<S::Update>> {
        (self.read)(text)
    }

    /// What is written of an answer that counts as it is.
    pub(super) fn as_it_is(&self, text: String) -> NodeResult<S::Update> {
        match (self.read(&text), &self.otherwise) {
            (Some(update), _) => update,
            (None, Some(write)) => Ok(write(text)),
            (None, None) => Err(misshapen()),
        }
    }

    /// Asks for the answer in the shape.
    pub(super) async fn ask(&self, model: Model, request: ModelRequest) -> NodeResult<Answered<S>> {
        match &self.ask {
            Some(ask) => ask(model, request).await,
            None => Err(misshapen()),
        }
    }

    /// What is written of an answer of which hooks have made that.
    pub(super) fn update(&self, asked: Answered<S>, made: &ModelResponse) -> NodeResult<S::Update> {
        let same = asked.response.message == made.message;
        let known = asked.update.filter(|_| same);
        known.unwrap_or_else(|| self.as_it_is(made.message.text()))
    }
}

/// Where an answer in a shape is in a text, which is it or has it in a fence. Other
/// text is words, whatever JSON may be between them.
fn answered(text: &str) -> Option<&str> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Some(text),
        Err(_) => text.get(text.find("```json")?..),
    }
}

/// A hook has left an answer without its shape.
fn misshapen() -> NodeError {
    NodeError::permanent("what a hook made of the answer is not in the shape that was asked for")
}
