//! Prompts: messages with holes, which are filled with what goes in.
//!
//! 1. A hole is `{name}`, or `{name?}` where the value may be missing, and all is
//!    as in the instructions of agents.
//! 2. What goes in is looked at as serde writes it. A record or a map fills the
//!    holes by name; anything else fills the one hole there is.
//! 3. What is wrong with a prompt is told by `check`, all at once, and else when
//!    it is used.

mod fill;
mod message;
mod mistake;
#[cfg(feature = "templates")]
mod rich;
mod template;

use std::collections::BTreeSet;
use std::fmt;
use std::future::ready;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use superstep_core::NodeError;
use superstep_providers::Message;

use super::ChainError;
use super::chain::{Chain, IntoChain, Running, Step};
use super::plan::{Plan, PromptPlan};
use super::scope::Scope;
pub use fill::PromptError;
use fill::{Given, Partial};
pub use message::{MessageTemplate, assistant, placeholder, system, user};
pub(super) use mistake::Mistake;
use mistake::{Unreadable, told};
#[cfg(feature = "templates")]
pub use rich::template_rich;
pub use template::Template;

/// Messages with holes, which are filled with what goes in; see [`prompt`].
#[must_use = "a prompt does nothing until it is in a chain, or formatted"]
pub struct Prompt<I = Value> {
    messages: Arc<[MessageTemplate]>,
    partials: Vec<(String, Partial)>,
    place: &'static Location<'static>,
    input: PhantomData<fn(I)>,
}

/// A prompt: what a user says, or messages of several, with holes such as
/// `{topic}`.
///
/// What goes in is a record or a map, whose fields fill the holes of their names;
/// fields for which there is no hole are left out. A prompt with one hole takes a
/// bare value as well. Text fills a hole as it is, null as nothing, everything else
/// as JSON. A hole `{topic?}` may be left empty. `{{` and `}}` are braces; braces
/// around what is no name stay as they are, as in JSON, and so do `${topic}` and
/// `\{topic}`.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep::{Message, placeholder, prompt, system, user};
///
/// let chat = prompt([
///     system("You translate into {language}."),
///     placeholder("history"),
///     user("{text}"),
/// ])
/// .partial("language", "Latin");
///
/// let history = [Message::user("hi"), Message::assistant("salve")];
/// let messages = chat.format(&json!({ "history": history, "text": "{thanks}" }))?;
/// let said: Vec<String> = messages.iter().map(ToString::to_string).collect();
/// assert_eq!(
///     said,
///     ["system: You translate into Latin.", "user: hi", "assistant: salve", "user: {thanks}"]
/// );
/// # Ok::<(), superstep::PromptError>(())
/// ```
///
/// All that is missing is told, and where:
///
/// ```
/// # use serde_json::json;
/// # use superstep::prompt;
/// let about = prompt("Write {n} words about {topic}");
/// let error = about.format(&json!({ "topics": "space" })).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "no value for `n` (message 1, line 1, column 7), `topic` (message 1, line 1, column 23): \
///      there is `topics`; did you mean `topics` for `topic`?"
/// );
/// ```
#[track_caller]
pub fn prompt<I>(messages: impl IntoMessages) -> Prompt<I> {
    Prompt {
        messages: messages.into_messages().into(),
        partials: Vec::new(),
        place: Location::caller(),
        input: PhantomData,
    }
}

impl<I> Prompt<I> {
    /// Fills a hole, unless what goes in does.
    pub fn partial(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).map_err(|error| error.to_string());
        self.partials.push((name.into(), Partial::Value(value)));
        self
    }

    /// Fills a hole with what the function returns each time that the prompt is
    /// used, unless what goes in does.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::prompt;
    ///
    /// let prompt = prompt("It is {hour} o'clock. {question}").partial_with("hour", || 12);
    /// assert_eq!(prompt.format(&"Late?")?[0].text(), "It is 12 o'clock. Late?");
    /// # Ok::<(), superstep::PromptError>(())
    /// ```
    pub fn partial_with<T: Serialize>(
        mut self,
        name: impl Into<String>,
        value: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        let value = move || serde_json::to_value(value()).map_err(|error| error.to_string());
        let partial = Partial::With(Arc::new(value));
        self.partials.push((name.into(), partial));
        self
    }

    /// The same prompt for what goes in of another type.
    pub fn retyped<J>(self) -> Prompt<J> {
        Prompt {
            messages: self.messages,
            partials: self.partials,
            place: self.place,
            input: PhantomData,
        }
    }

    /// The names that have to be given, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let needs = self.needs().into_iter();
        needs.map(|(name, _)| name).collect()
    }

    /// What has to be given, by name, and where it stands first.
    fn needs(&self) -> Vec<(String, String)> {
        let mut needs: Vec<(String, String)> = Vec::new();
        for (index, message) in self.messages.iter().enumerate() {
            for (name, place) in message.needs() {
                let is_given = self.partials.iter().any(|(given, _)| *given == name)
                    || needs.iter().any(|(known, _)| *known == name);
                if !is_given {
                    needs.push((name, format!("message {}{place}", index + 1)));
                }
            }
        }
        needs.sort();
        needs
    }

    /// What would be given without the `$` before it, by name, and where it stands.
    fn left(&self) -> Vec<(String, String)> {
        let messages = (1..).zip(self.messages.iter());
        let left = messages.flat_map(|(number, message)| {
            let left = message.left().into_iter();
            left.map(move |(name, place)| (name, format!("message {number}{place}")))
        });
        left.collect()
    }

    /// The name of the only hole, if there is one.
    fn only_name(&self) -> Option<String> {
        let names = self.messages.iter().flat_map(MessageTemplate::holes);
        let is_open = |name: &String| self.partials.iter().all(|(given, _)| given != name);
        let mut names: BTreeSet<String> = names.filter(is_open).collect();
        let first = names.pop_first();
        first.filter(|_| names.is_empty())
    }

    /// What is wrong with it, whatever goes in.
    fn mistakes(&self) -> Vec<Mistake> {
        let messages = (1..).zip(self.messages.iter());
        let mut mistakes: Vec<Mistake> = messages
            .flat_map(|(message, template)| {
                let unreadable = template.mistakes().into_iter();
                unreadable.map(move |Unreadable { why, help }| Mistake::Template {
                    message,
                    why,
                    help,
                })
            })
            .collect();
        let known: Vec<String> = self
            .messages
            .iter()
            .flat_map(MessageTemplate::names)
            .collect();
        for (name, partial) in &self.partials {
            if !known.contains(name) {
                let (name, known) = (name.clone(), known.clone());
                mistakes.push(Mistake::NoHole { name, known });
            }
            if let Partial::Value(Err(why)) = partial {
                let (name, why) = (name.clone(), why.clone());
                mistakes.push(Mistake::NotJson { name, why });
            }
        }
        mistakes
    }
}

impl<I: Serialize> Prompt<I> {
    /// The messages, filled.
    ///
    /// # Errors
    ///
    /// All values that are missing, and where their holes are. When a value cannot
    /// be written as JSON, when a placeholder's is no list of messages, and when
    /// the prompt itself is wrong.
    pub fn format(&self, input: &I) -> Result<Vec<Message>, PromptError> {
        match told(&self.mistakes()) {
            Some(why) => Err(PromptError::new(why)),
            None => self.fill(input, &self.needs()),
        }
    }

    fn fill(&self, input: &I, needs: &[(String, String)]) -> Result<Vec<Message>, PromptError> {
        let given = Given::new(input, &self.partials, needs, || self.only_name())?;
        let mut messages = Vec::with_capacity(self.messages.len());
        for message in self.messages.iter() {
            message.fill(&given, &mut messages)?;
        }
        Ok(messages)
    }
}

#[diagnostic::do_not_recommend]
impl<I: Serialize + Send + 'static> IntoChain<I> for Prompt<I> {
    type Output = Vec<Message>;

    fn into_chain(self) -> Chain<I, Vec<Message>> {
        let (needs, mistakes) = (self.needs(), self.mistakes());
        let wrong = told(&mistakes);
        let plan = Plan::Prompt(PromptPlan {
            place: self.place,
            needs: needs.clone(),
            left: self.left(),
            is_fixed: self
                .messages
                .iter()
                .all(|message| message.names().is_empty()),
            mistakes,
        });
        let formatted = Formatted {
            prompt: self,
            needs,
            wrong,
        };
        Chain::new(formatted, plan.into())
    }
}

/// A prompt as a step.
struct Formatted<I> {
    prompt: Prompt<I>,
    needs: Vec<(String, String)>,
    /// What is wrong with it.
    wrong: Option<String>,
}

impl<I: Serialize + Send + 'static> Step<I, Vec<Message>> for Formatted<I> {
    fn run<'a>(&'a self, input: I, _: &'a Scope) -> Running<'a, Vec<Message>> {
        let formatted = match &self.wrong {
            Some(why) => Err(PromptError::new(why.clone())),
            None => self.prompt.fill(&input, &self.needs),
        };
        let formatted =
            formatted.map_err(|error| ChainError::new("prompt", NodeError::permanent(error)));
        Box::pin(ready(formatted))
    }
}

/// What is the messages of a prompt: a text that a user says, a message, or a
/// list of messages.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no prompt",
    label = "neither text nor messages",
    note = "write `prompt(\"Tell me about {{topic}}\")`, or `prompt([system(\"..\"), user(\"..\")])`"
)]
pub trait IntoMessages {
    /// The messages.
    fn into_messages(self) -> Vec<MessageTemplate>;
}

macro_rules! one_message {
    ($($type:ty),*) => {
        $(impl IntoMessages for $type {
            fn into_messages(self) -> Vec<MessageTemplate> {
                vec![self.into()]
            }
        })*
    };
}

one_message!(&str, String, Template, Message, MessageTemplate);

impl<M: Into<MessageTemplate>, const N: usize> IntoMessages for [M; N] {
    fn into_messages(self) -> Vec<MessageTemplate> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<M: Into<MessageTemplate>> IntoMessages for Vec<M> {
    fn into_messages(self) -> Vec<MessageTemplate> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<I> Clone for Prompt<I> {
    fn clone(&self) -> Self {
        Self {
            messages: Arc::clone(&self.messages),
            partials: self.partials.clone(),
            place: self.place,
            input: PhantomData,
        }
    }
}

impl<I> fmt::Debug for Prompt<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("messages", &self.messages)
            .field("names", &self.names())
            .finish_non_exhaustive()
    }
}
