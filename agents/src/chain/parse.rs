//! Parsers: what becomes of an answer.

use std::fmt;
use std::future::ready;
use std::marker::PhantomData;
use std::panic::Location;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use superstep_core::{NodeError, NodeResult};
use superstep_providers::{Message, ModelError, ModelResponse};

use super::ChainError;
use super::chain::{Chain, IntoChain, Mapped, Running, Step};
use super::list::{items, numbered_items};
use super::plan::Plan;
use super::scope::Scope;
use super::words::names;
use crate::schema::dialect;

/// What has a text: an answer of a model, a message, or a text.
///
/// An answer that is none, or not all of it, has none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer whose text could be read",
    label = "has no text",
    note = "put a model before it: `prompt | model | text()`"
)]
pub trait HasText: Send + 'static {
    /// The text.
    ///
    /// # Errors
    ///
    /// When the model refused, was cut off, or called tools and said nothing.
    fn into_text(self) -> Result<String, ModelError>;
}

impl HasText for ModelResponse {
    fn into_text(self) -> Result<String, ModelError> {
        let model = self.model.clone();
        match (Self::into_text(self), model) {
            (Err(error), Some(model)) => Err(error.model(model)),
            (ended, _) => ended,
        }
    }
}

impl HasText for Message {
    fn into_text(self) -> Result<String, ModelError> {
        Ok(self.text())
    }
}

impl HasText for String {
    fn into_text(self) -> Result<String, ModelError> {
        Ok(self)
    }
}

impl HasText for &'static str {
    fn into_text(self) -> Result<String, ModelError> {
        Ok(self.to_owned())
    }
}

/// The text of an answer. One that refuses, was cut off, or calls tools and has no
/// text, is an error.
///
/// In a stream it tells of text as it comes.
///
/// # Examples
///
/// ```
/// use superstep::{ScriptedModel, prompt, text};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new().otherwise("It is large.").model();
/// let chain = prompt("Tell me about {topic}") | model | text();
/// assert_eq!(chain.invoke("space").await?, "It is large.");
/// # Ok(())
/// # }
/// ```
pub fn text() -> TextParser {
    TextParser(())
}

/// Reads the text of an answer; see [`text`].
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is in a chain"]
pub struct TextParser(());

#[diagnostic::do_not_recommend]
impl<I: HasText> IntoChain<I> for TextParser {
    type Output = String;

    fn into_chain(self) -> Chain<I, String> {
        let plan = Plan::Text { label: "text" };
        Chain::new(Parsed(Ok, "text"), plan.into())
    }
}

/// The first JSON in an answer that is a `T`; fences and words around it are no
/// harm, nor is what a model thinks first, between `<think>` and `</think>`. A list
/// is no struct with named fields.
///
/// Nothing is asked again: where the model is to mend what does not fit, and is to
/// be told what fits, use [`extract`](super::extract()).
///
/// # Errors
///
/// When there is none, with the answer as the `body` of the
/// [`ModelError`](superstep_providers::ModelError), and when it ends in the middle.
///
/// # Examples
///
/// ```
/// use superstep::{ScriptedModel, json, prompt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new()
///     .on("primes", "Here you are:\n```json\n[2, 3, 5]\n```")
///     .otherwise("[1, 4, ")
///     .model();
/// let chain = prompt("Three {what}, please.") | model | json::<Vec<u32>>();
/// assert_eq!(chain.invoke("primes").await?, [2, 3, 5]);
/// let error = chain.invoke("squares").await.unwrap_err();
/// assert_eq!(error.to_string(), "`json` failed");
/// assert_eq!(error.model_error().and_then(|error| error.body.as_deref()), Some("[1, 4, "));
/// # Ok(())
/// # }
/// ```
pub fn json<T>() -> JsonParser<T> {
    JsonParser(PhantomData)
}

/// Reads JSON in an answer; see [`json`].
#[must_use = "it does nothing until it is in a chain"]
pub struct JsonParser<T>(PhantomData<fn() -> T>);

impl<T: JsonSchema> JsonParser<T> {
    /// What to tell a model, so that it answers in that way.
    #[must_use]
    pub fn instructions(&self) -> String {
        format!(
            "Answer with JSON that fits this JSON Schema, and with nothing else:\n{}",
            schema::<T>()
        )
    }
}

/// The JSON Schema of a type, in one line and without its dialect.
fn schema<T: JsonSchema>() -> String {
    let schema = dialect().into_generator().into_root_schema_for::<T>();
    schema.to_value().to_string()
}

impl<T> Clone for JsonParser<T> {
    fn clone(&self) -> Self {
        json()
    }
}

impl<T> fmt::Debug for JsonParser<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonParser")
    }
}

#[diagnostic::do_not_recommend]
impl<I: HasText, T: DeserializeOwned + Send + 'static> IntoChain<I> for JsonParser<T> {
    type Output = T;

    fn into_chain(self) -> Chain<I, T> {
        let read = |text: String| Message::assistant(text).json::<T>();
        Chain::new(Parsed(read, "json"), Plan::step::<T>("json"))
    }
}

/// The items of a list in an answer, separated by commas or by lines as in CSV:
/// quotes hold an item together.
///
/// # Examples
///
/// ```
/// use superstep::{ScriptedModel, list, prompt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new()
///     .on("commas", r#"red, "blue, or green", white"#)
///     .otherwise("1. red\n2. blue, or green\n- white")
///     .model();
/// let chain = prompt("Colours by {what}") | model.clone() | list();
/// assert_eq!(chain.invoke("commas").await?, ["red", "blue, or green", "white"]);
/// let chain = prompt("Colours by {what}") | model | list().numbered();
/// assert_eq!(chain.invoke("lines").await?, ["red", "blue, or green", "white"]);
/// # Ok(())
/// # }
/// ```
pub fn list() -> ListParser {
    ListParser { numbered: false }
}

/// Reads a list in an answer; see [`list`].
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is in a chain"]
pub struct ListParser {
    numbered: bool,
}

impl ListParser {
    /// Reads the lines that begin with a number, a dash or a star, and nothing
    /// else: of a text without such lines the list is empty, as one may be in which a
    /// model says that there is nothing.
    pub fn numbered(mut self) -> Self {
        self.numbered = true;
        self
    }

    /// What to tell a model, so that it answers in that way.
    #[must_use]
    pub fn instructions(&self) -> &'static str {
        match self.numbered {
            true => "Answer with a numbered list, one item a line, such as:\n1. foo\n2. bar",
            false => {
                "Answer with the items of a list, separated by commas, such as: foo, bar, baz. \
                 Put an item that has a comma in double quotes."
            }
        }
    }
}

#[diagnostic::do_not_recommend]
impl<I: HasText> IntoChain<I> for ListParser {
    type Output = Vec<String>;

    fn into_chain(self) -> Chain<I, Vec<String>> {
        let plan = Plan::step::<Vec<String>>("list");
        let read = move |text: String| match self.numbered {
            true => Ok(numbered_items(&text)),
            false => Ok(items(&text)),
        };
        Chain::new(Parsed(read, "list"), plan)
    }
}

/// A parser, and what it is called.
struct Parsed<F>(F, &'static str);

impl<I, O, F> Step<I, O> for Parsed<F>
where
    I: HasText,
    O: Send + 'static,
    F: Fn(String) -> Result<O, ModelError> + Send + Sync,
{
    fn run<'a>(&'a self, input: I, _: &'a Scope) -> Running<'a, O> {
        let Self(read, label) = self;
        let ended = input.into_text().and_then(read);
        let ended = ended.map_err(|error| ChainError::new(label, error));
        Box::pin(ready(ended))
    }
}

/// What takes one field out of a record or a map, as a `T`. Where the fields are
/// typed, `.map(|record| record.field)` is checked by the compiler.
///
/// # Errors
///
/// When there is no such field: at [`check`](Chain::check) where the fields are
/// known, else when it runs. When the field is not a `T`.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep::pick;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let year = pick::<_, u32>("year");
/// assert_eq!(year.invoke(json!({ "year": 1969 })).await?, 1969);
/// let error = year.invoke(json!({ "years": 1 })).await.unwrap_err();
/// assert!(format!("{error:?}").contains("there is no `year`; there is `years`"));
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn pick<I, T>(name: impl Into<String>) -> Chain<I, T>
where
    I: Serialize + Send + 'static,
    T: DeserializeOwned + Send + 'static,
{
    let name = name.into();
    let plan = Plan::Pick {
        name: name.clone(),
        place: Location::caller(),
    };
    let take = move |input: I| take(&name, &input);
    Chain::new(Mapped::new("pick", take), plan.into())
}

fn take<I: Serialize, T: DeserializeOwned>(name: &str, input: &I) -> NodeResult<T> {
    let value = match serde_json::to_value(input)? {
        Value::Object(mut fields) => fields.remove(name).ok_or_else(|| {
            let known = names(fields.keys().map(String::as_str));
            NodeError::permanent(format!("there is no `{name}`; there is {known}"))
        })?,
        _ => {
            let why = format!("there is no `{name}`: it is neither a record nor a map");
            return Err(NodeError::permanent(why));
        }
    };
    let value = serde_json::from_value(value);
    value.map_err(|error| NodeError::permanent(format!("`{name}` is something else: {error}")))
}
