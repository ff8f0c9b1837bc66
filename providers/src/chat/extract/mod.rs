//! Answers of a type.
//!
//! 1. The way is the best that the model can: a schema that the provider
//!    enforces, the call of a tool, JSON by name, or asking for it in words. A way
//!    that the model then does not take gives place to the next.
//! 2. Whatever the way, the answer is read here, and must fit the type, and the bounds
//!    that its schema sets to numbers, texts and lists.
//! 3. An answer that does not is sent back with what is wrong with it, a bounded
//!    number of times. One that refuses, or was cut off, is not.

mod bounds;
mod find;
mod named;
mod shape;
mod way;

use std::any::type_name;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::error::{ModelError, ModelErrorKind};
use super::message::Message;
use super::model::Model;
use super::request::ModelRequest;
use super::response::ModelResponse;
use super::usage::TokenUsage;
pub use bounds::{OutOfBounds, check_bounds};
use find::{Misfit, Sought, find};
use shape::Shape;
use way::Asking;
#[cfg(feature = "testing")]
pub(crate) use way::EXPLAINS;
pub use way::ExtractBy;

/// How often an answer is asked for by default.
const ATTEMPTS: u32 = 3;

/// How an answer of a type is asked for.
///
/// # Examples
///
/// ```
/// use superstep_providers::{Extract, ExtractBy};
///
/// let once = Extract::new().attempts(1).by(ExtractBy::Tool);
/// assert_ne!(once, Extract::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it only says how to ask"]
pub struct Extract {
    attempts: u32,
    by: Option<ExtractBy>,
    name: Option<String>,
}

impl Default for Extract {
    fn default() -> Self {
        Self::new()
    }
}

impl Extract {
    /// In the best way that the model can, three times at most.
    pub fn new() -> Self {
        Self {
            attempts: ATTEMPTS,
            by: None,
            name: None,
        }
    }

    /// Asks so often at most, the first time included; at least once.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Asks in that way, whatever the model says that it can.
    pub fn by(mut self, by: ExtractBy) -> Self {
        self.by = Some(by);
        self
    }

    /// Tells the model that what it is to give is called that; by default, as the
    /// type is.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// An answer of a type, and how it came about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Extracted<T> {
    /// The answer.
    pub value: T,
    /// What the model answered, the last time.
    pub response: ModelResponse,
    /// How often it was asked.
    pub attempts: u32,
    /// What all of these have used.
    pub usage: TokenUsage,
}

impl Model {
    /// Asks for an answer of a type.
    ///
    /// The model is told the type's JSON Schema, its doc comments included, in the
    /// best way that it [can](super::Capabilities): as one that the provider
    /// enforces, else by the call of a tool, else in words. JSON is found between
    /// other words, too. An answer that does not fit is sent back to the model
    /// with what is wrong, twice at most; each is counted.
    ///
    /// An answer fits if it is a `T`, with objects where its schema has objects, and
    /// within the bounds that it sets to numbers, to the lengths of texts and to those of
    /// lists, as `#[schemars(range(max = 5))]` does. What else the schema says, such as a
    /// `pattern`, the model is told, and nobody checks.
    ///
    /// # Errors
    ///
    /// When there is no answer; [`Refused`](ModelErrorKind::Refused) and
    /// [`Truncated`](ModelErrorKind::Truncated), for which nothing is asked again;
    /// and [`Decode`](ModelErrorKind::Decode) when no answer fits, with the last
    /// one as its body.
    ///
    /// # Examples
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    /// use superstep_providers::{Model, ScriptedModel};
    ///
    /// /// A person in a text.
    /// #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    /// struct Person {
    ///     name: String,
    ///     /// In years.
    ///     age: Option<u32>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let scripted = ScriptedModel::new()
    ///     .on("Ann", r#"{ "name": "Ann", "age": "old" }"#)
    ///     .on("does not fit", r#"{ "name": "Ann", "age": 92 }"#);
    /// let model = Model::new(scripted);
    /// let person: Person = model.extract("Who is it? Ann is 92.").await?;
    /// assert_eq!(person, Person { name: "Ann".into(), age: Some(92) });
    /// # Ok(())
    /// # }
    /// ```
    pub async fn extract<T: DeserializeOwned + JsonSchema>(
        &self,
        request: impl Into<ModelRequest>,
    ) -> Result<T, ModelError> {
        let extracted = self.extract_full(request, Extract::new()).await?;
        Ok(extracted.value)
    }

    /// As [`extract`](Self::extract), in that way.
    ///
    /// # Errors
    ///
    /// As [`extract`](Self::extract), and
    /// [`Unsupported`](ModelErrorKind::Unsupported) for a way in which the type
    /// cannot be asked for.
    pub async fn extract_with<T: DeserializeOwned + JsonSchema>(
        &self,
        request: impl Into<ModelRequest>,
        how: Extract,
    ) -> Result<T, ModelError> {
        let extracted = self.extract_full(request, how).await?;
        Ok(extracted.value)
    }

    /// As [`extract_with`](Self::extract_with); tells, too, what the model
    /// answered, how often it was asked, and what that has used.
    ///
    /// # Errors
    ///
    /// As [`extract_with`](Self::extract_with).
    pub async fn extract_full<T: DeserializeOwned + JsonSchema>(
        &self,
        request: impl Into<ModelRequest>,
        how: Extract,
    ) -> Result<Extracted<T>, ModelError> {
        let shape = Shape::of::<T>(how.name);
        let asking = Asking::new(how.by, self.capabilities(), shape)
            .map_err(|error| error.model(self.name()))?;
        let (asking, mut request, mut answered) = self
            .first_answer(asking, request.into(), how.by.is_some())
            .await?;
        let mut usage = TokenUsage::default();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let response = match answered.take() {
                Some(response) => response,
                None => self.generate(request.clone()).await?,
            };
            usage = usage + response.usage;
            let read = self.complete(&response).and_then(|()| {
                let found = find(&asking.texts(&response.message), asking.sought());
                self.whole(found)
            })?;
            match read {
                Ok(value) => {
                    return Ok(Extracted {
                        value,
                        response,
                        attempts: attempt,
                        usage,
                    });
                }
                Err(why) if attempt >= how.attempts => {
                    let error = self.fails(ModelErrorKind::Decode);
                    let error = error.message(format!(
                        "after {attempt} attempt(s) it is still no `{}`: {why}",
                        short(type_name::<T>())
                    ));
                    return Err(error.body(&asking.texts(&response.message).join("\n")));
                }
                Err(why) => request = asking.again(request, response.message, &why),
            }
        }
    }

    /// The first answer, and the way in which the model could be asked: it may
    /// lack what the best one needs, such as a tool that has to be called.
    async fn first_answer(
        &self,
        mut asking: Asking,
        asked: ModelRequest,
        is_fixed: bool,
    ) -> Result<(Asking, ModelRequest, Option<ModelResponse>), ModelError> {
        loop {
            let request = asking.ask(asked.clone());
            let error = match self.generate(request.clone()).await {
                Ok(response) => return Ok((asking, request, Some(response))),
                Err(error) => error,
            };
            let is_unknown = error.kind == ModelErrorKind::Unsupported && !is_fixed;
            let next = Some(asking).filter(|_| is_unknown);
            match next.and_then(|asking| asking.otherwise(self.capabilities())) {
                Some(next) => asking = next,
                None => return Err(error),
            }
        }
    }

    /// What does not fit may be asked for again; what is not complete may not.
    fn whole<T>(&self, found: Result<T, Misfit>) -> Result<Result<T, String>, ModelError> {
        match found {
            Ok(value) => Ok(Ok(value)),
            Err(Misfit::Wrong(why)) => Ok(Err(why)),
            Err(Misfit::Incomplete) => {
                let error = self.fails(ModelErrorKind::Truncated);
                Err(error.message("its JSON ends in the middle"))
            }
        }
    }
}

/// The name of a type without where it is, and those in it without where they are.
fn short(name: &str) -> String {
    let mut short = String::new();
    // Where the path begins that is being read, and those begin that it is inside of.
    let (mut begin, mut outer) = (0, Vec::new());
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if c == ':' && chars.next_if_eq(&':').is_some() {
            short.truncate(begin);
            continue;
        }
        let is_arrow = c == '>' && short.ends_with('-');
        short.push(c);
        match c {
            '<' => outer.push(std::mem::replace(&mut begin, short.len())),
            '>' if !is_arrow => begin = outer.pop().unwrap_or_default(),
            // Scopes without a name have names such as `{{closure}}`.
            c if c.is_alphanumeric() || "_{}#".contains(c) => {}
            _ => begin = short.len(),
        }
    }
    short
}

/// What the model is told when its answer does not fit.
fn complaint(why: &str) -> String {
    format!("That does not fit: {why}. Answer again, in full, and in the shape that was asked for.")
}

impl Message {
    /// The first JSON in its text that is a `T`; fences and words around it are no
    /// harm, nor is what a model thinks first, between `<think>` and `</think>`. A list
    /// is no struct with named fields.
    ///
    /// # Errors
    ///
    /// [`Decode`](ModelErrorKind::Decode) when there is none, or it is broken, and
    /// [`Truncated`](ModelErrorKind::Truncated) when it ends in the middle; the text is
    /// the error's body.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep_providers::Message;
    ///
    /// let answer = Message::assistant("Three primes: ```json\n[2, 3, 5]\n```");
    /// assert_eq!(answer.json::<Vec<u32>>()?, [2, 3, 5]);
    /// # Ok::<(), superstep_providers::ModelError>(())
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ModelError> {
        self.read(Sought::default())
    }

    /// As [`json`](Self::json), for a type with a schema: a `T` within the bounds that
    /// it sets, as [`Model::extract`] reads it. One that is no object may be the field
    /// `value` of one.
    ///
    /// # Errors
    ///
    /// As [`json`](Self::json).
    ///
    /// # Examples
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    /// use superstep_providers::Message;
    ///
    /// #[derive(Debug, Deserialize, JsonSchema)]
    /// struct Rating {
    ///     #[schemars(range(min = 1, max = 5))]
    ///     stars: u8,
    /// }
    ///
    /// let good = Message::assistant(r#"I would say {"stars": 4}."#);
    /// assert_eq!(good.extract::<Rating>()?.stars, 4);
    ///
    /// let odd = Message::assistant(r#"{"stars": 9}"#).extract::<Rating>();
    /// assert!(odd.unwrap_err().to_string().ends_with("`stars`: 9 is more than 5"));
    /// # Ok::<(), superstep_providers::ModelError>(())
    /// ```
    pub fn extract<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, ModelError> {
        self.read(Shape::of::<T>(None).sought())
    }

    fn read<T: DeserializeOwned>(&self, sought: Sought<'_>) -> Result<T, ModelError> {
        let text = self.text();
        let error = match find(&[text], sought) {
            Ok(value) => return Ok(value),
            Err(Misfit::Wrong(why)) => {
                let name = short(type_name::<T>());
                let error = ModelError::new(ModelErrorKind::Decode);
                error.message(format!("it is no `{name}`: {why}"))
            }
            Err(Misfit::Incomplete) => {
                let error = ModelError::new(ModelErrorKind::Truncated);
                error.message("its JSON ends in the middle")
            }
        };
        Err(error.body(&self.text()))
    }

    /// A result for each call in it: that it was wrong.
    fn complaints(&self, why: &str) -> Vec<Self> {
        let calls = self.tool_calls();
        calls
            .map(|call| Self::tool(call.failure(complaint(why))))
            .collect()
    }
}
