//! The messages of a prompt.

use superstep_providers::{Message, Part, Role};

use super::fill::{Given, PromptError};
use super::mistake::Unreadable;
use super::template::Template;

/// A message of a prompt, whose parts may have holes; or where messages are put
/// that are given.
///
/// A [`Message`] is one as well: it is taken as it is, braces and all.
///
/// # Examples
///
/// ```
/// use superstep::{Message, MessageTemplate, prompt, system, user};
///
/// let look = prompt([
///     system("Answer in one word."),
///     Message::user("{this is no hole}").into(),
///     user("What is this?").image_url("https://x.org/{file}").named("ann"),
/// ]);
/// let messages = look.format(&"cat.png")?;
/// assert_eq!(messages[1].text(), "{this is no hole}");
/// assert_eq!(messages[2].parts.len(), 2);
/// # Ok::<(), superstep::PromptError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a message does nothing until it is in a prompt"]
pub struct MessageTemplate(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Turn {
        role: Role,
        name: Option<String>,
        parts: Vec<PartTemplate>,
    },
    Placeholder {
        name: String,
        optional: bool,
        last: Option<usize>,
    },
    Literal(Message),
}

#[derive(Debug, Clone)]
enum PartTemplate {
    Text(Template),
    ImageUrl(Template),
}

/// A message that says what the model is to be and do.
pub fn system(text: impl Into<Template>) -> MessageTemplate {
    turn(Role::System, text)
}

/// A message of a user.
pub fn user(text: impl Into<Template>) -> MessageTemplate {
    turn(Role::User, text)
}

/// A message that the model is to have said.
pub fn assistant(text: impl Into<Template>) -> MessageTemplate {
    turn(Role::Assistant, text)
}

fn turn(role: Role, text: impl Into<Template>) -> MessageTemplate {
    MessageTemplate(Kind::Turn {
        role,
        name: None,
        parts: vec![PartTemplate::Text(text.into())],
    })
}

/// Where the messages are put that are given by that name, as they are.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep::{Message, placeholder, prompt, user};
///
/// let chat = prompt([placeholder("history").optional().last(1), user("{text}")]);
/// let history = [Message::user("hi"), Message::assistant("hello")];
/// let messages = chat.format(&json!({ "history": history, "text": "bye" }))?;
/// assert_eq!(messages.len(), 2);
/// assert_eq!(messages[0].text(), "hello");
/// assert_eq!(chat.format(&json!({ "text": "bye" }))?.len(), 1);
/// # Ok::<(), superstep::PromptError>(())
/// ```
pub fn placeholder(name: impl Into<String>) -> MessageTemplate {
    MessageTemplate(Kind::Placeholder {
        name: name.into(),
        optional: false,
        last: None,
    })
}

impl MessageTemplate {
    /// Of a placeholder: without messages of its name, or with null, there are none.
    pub fn optional(mut self) -> Self {
        if let Kind::Placeholder { optional, .. } = &mut self.0 {
            *optional = true;
        }
        self
    }

    /// Of a placeholder: of the messages, so many at the end, at most.
    pub fn last(mut self, n_messages: usize) -> Self {
        if let Kind::Placeholder { last, .. } = &mut self.0 {
            *last = Some(n_messages);
        }
        self
    }

    /// The same, said by whoever has that name.
    pub fn named(mut self, by: impl Into<String>) -> Self {
        match &mut self.0 {
            Kind::Turn { name, .. } => *name = Some(by.into()),
            Kind::Literal(message) => message.name = Some(by.into()),
            Kind::Placeholder { .. } => {}
        }
        self
    }

    /// The same with a picture, whose address may have holes. A placeholder stays
    /// as it is.
    pub fn image_url(mut self, url: impl Into<Template>) -> Self {
        if let Kind::Turn { parts, .. } = &mut self.0 {
            parts.push(PartTemplate::ImageUrl(url.into()));
        }
        self
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let parts = match &self.0 {
            Kind::Turn { parts, .. } => &parts[..],
            Kind::Placeholder { .. } | Kind::Literal(_) => &[],
        };
        parts.iter().map(|part| match part {
            PartTemplate::Text(template) | PartTemplate::ImageUrl(template) => template,
        })
    }

    /// The names that have to be given, and where each stands.
    pub(super) fn needs(&self) -> Vec<(String, String)> {
        match &self.0 {
            Kind::Placeholder {
                name,
                optional: false,
                ..
            } => vec![(name.clone(), String::new())],
            _ => self.templates().flat_map(Template::needs).collect(),
        }
    }

    /// The names that may be given.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.0 {
            Kind::Placeholder { name, .. } => vec![name.clone()],
            _ => self.holes().collect(),
        }
    }

    /// The names of its holes.
    pub(super) fn holes(&self) -> impl Iterator<Item = String> {
        self.templates().flat_map(Template::names)
    }

    /// The names that would be holes without the `$` before them, and where each stands.
    pub(super) fn left(&self) -> Vec<(String, String)> {
        self.templates().flat_map(Template::left).collect()
    }

    pub(super) fn mistakes(&self) -> Vec<Unreadable> {
        self.templates().flat_map(Template::mistakes).collect()
    }

    /// Adds what it comes to.
    pub(super) fn fill(
        &self,
        given: &Given<'_>,
        messages: &mut Vec<Message>,
    ) -> Result<(), PromptError> {
        match &self.0 {
            Kind::Literal(message) => messages.push(message.clone()),
            Kind::Placeholder {
                name,
                optional,
                last,
            } => {
                let all = given.messages(name, *optional)?;
                let skip = last.map_or(0, |last| all.len().saturating_sub(last));
                messages.extend(all.into_iter().skip(skip));
            }
            Kind::Turn { role, name, parts } => {
                let mut message = Message::new(*role);
                message.name.clone_from(name);
                for part in parts {
                    message = match part {
                        PartTemplate::Text(text) => message.part(Part::text(text.fill(given)?)),
                        PartTemplate::ImageUrl(url) => message.image_url(url.fill(given)?),
                    };
                }
                messages.push(message);
            }
        }
        Ok(())
    }
}

/// As it is, without holes.
impl From<Message> for MessageTemplate {
    fn from(message: Message) -> Self {
        Self(Kind::Literal(message))
    }
}

macro_rules! said_by_user {
    ($($type:ty),*) => {
        $(
            /// What a user says.
            impl From<$type> for MessageTemplate {
                fn from(text: $type) -> Self {
                    user(text)
                }
            }
        )*
    };
}

said_by_user!(&str, String, Template);
