//! What a model for tests replies.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::super::play::Cut;
use crate::{
    Finish, Message, ModelError, ModelErrorKind, ModelPhase, ModelRequest, ModelResponse, Part,
    Role, TokenUsage, ToolCall,
};

/// What a [`ScriptedModel`](super::ScriptedModel) replies: an answer, calls of
/// tools, or a fault.
///
/// Text is a reply, as are a [`ModelResponse`], a [`Message`], a [`ToolCall`],
/// JSON as text, a [`ModelError`] without its source, and a list: its
/// [turns](Self::turns).
///
/// # Examples
///
/// A conversation with a tool, and one that fails at the first attempt:
///
/// ```
/// use std::time::Duration;
/// use superstep_providers::{Model, ModelErrorKind, Reply, ScriptedModel};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let scripted = ScriptedModel::new()
///     .on("weather", [
///         Reply::call("look_up", serde_json::json!({ "city": "Oslo" })),
///         Reply::from("It rains in Oslo."),
///     ])
///     .otherwise(Reply::rate_limited(Duration::from_secs(2)));
/// let model = Model::new(scripted);
///
/// let asks = model.generate("How is the weather?").await?;
/// let call = asks.message.tool_calls().next().expect("it calls");
/// assert_eq!((&*call.id, &*call.name, &*call.arguments), ("call-0-0", "look_up", r#"{"city":"Oslo"}"#));
///
/// let error = model.ask("Anything else?").await.unwrap_err();
/// assert!(matches!(error.kind, ModelErrorKind::RateLimited { .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a reply is given to a scripted model"]
pub struct Reply {
    pub(super) what: What,
    pub(super) how: How,
}

#[derive(Clone)]
pub(super) enum What {
    Answer(Box<ModelResponse>),
    /// Tools by their names, and arguments.
    Calls(Vec<(String, Value)>),
    Fails(Arc<ModelError>),
    Never,
    With(Arc<dyn Fn(&ModelRequest) -> Reply + Send + Sync>),
    Turns(Vec<Reply>),
    Attempts(Vec<Reply>),
}

/// What is said of a reply beside what it says.
#[derive(Debug, Clone, Default)]
pub(super) struct How {
    pub(super) latency: Option<Duration>,
    pub(super) usage: Option<TokenUsage>,
    pub(super) finish: Option<Finish>,
    pub(super) cut: Option<Cut>,
}

impl Reply {
    fn of(what: What) -> Self {
        Self {
            what,
            how: How::default(),
        }
    }

    fn fails(error: ModelError) -> Self {
        Self::of(What::Fails(Arc::new(error)))
    }

    /// That text.
    pub fn text(text: impl Into<String>) -> Self {
        ModelResponse::text(text).into()
    }

    /// A call of a tool, with those arguments.
    pub fn call(tool: impl Into<String>, arguments: impl Into<Value>) -> Self {
        Self::calls([(tool, arguments)])
    }

    /// Calls of tools, all at once. The first in the second turn of a
    /// conversation has the id `call-1-0`.
    pub fn calls<T: Into<String>, A: Into<Value>>(calls: impl IntoIterator<Item = (T, A)>) -> Self {
        let calls = calls.into_iter();
        let calls = calls.map(|(tool, arguments)| (tool.into(), arguments.into()));
        Self::of(What::Calls(calls.collect()))
    }

    /// What is made of the request.
    pub fn with<R: Into<Self>>(reply: impl Fn(&ModelRequest) -> R + Send + Sync + 'static) -> Self {
        Self::of(What::With(Arc::new(move |request| reply(request).into())))
    }

    /// One for each turn: the first while the model has said nothing in the
    /// conversation, the second when it has said one thing. A turn that is not
    /// there is an error.
    pub fn turns<R: Into<Self>>(turns: impl IntoIterator<Item = R>) -> Self {
        let turns = turns.into_iter().map(Into::into);
        Self::of(What::Turns(turns.collect()))
    }

    /// One for each attempt, the last for all that come after.
    ///
    /// What counts are the attempts of the task in which it is asked, and those of the
    /// parts of a chain that have a policy, outside of runs, too. Where both try
    /// again the count goes on: of a part with two attempts in a node, the third is
    /// the first in the node's second. Branches that run at the same time count each
    /// their own.
    pub fn attempts<R: Into<Self>>(attempts: impl IntoIterator<Item = R>) -> Self {
        let attempts = attempts.into_iter().map(Into::into);
        Self::of(What::Attempts(attempts.collect()))
    }

    /// The model refuses, in those words.
    pub fn refusal(words: impl Into<String>) -> Self {
        let text = words.into();
        let message = Message::new(Role::Assistant).part(Part::Refusal { text });
        ModelResponse::new(message).into()
    }

    /// There were too many requests; asks to be left alone for so long.
    pub fn rate_limited(retry_after: impl Into<Option<Duration>>) -> Self {
        let retry_after = retry_after.into();
        let error = ModelError::new(ModelErrorKind::RateLimited { retry_after });
        Self::fails(error.status(429))
    }

    /// The provider cannot answer now.
    pub fn overloaded() -> Self {
        let error = ModelError::new(ModelErrorKind::Overloaded { retry_after: None });
        Self::fails(error.status(503))
    }

    /// It took too long, as a client says that waits no more.
    pub fn timed_out() -> Self {
        ModelErrorKind::Timeout(ModelPhase::Total).into()
    }

    /// Nothing ever comes: for timeouts and cancellations.
    pub fn never() -> Self {
        Self::of(What::Never)
    }

    /// The same, so long after it was asked.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.how.latency = Some(latency);
        self
    }

    /// The same, having used so much; else each word is a token.
    pub fn usage(mut self, usage: TokenUsage) -> Self {
        self.how.usage = Some(usage);
        self
    }

    /// The same, ending for that reason.
    pub fn finish(mut self, finish: Finish) -> Self {
        self.how.finish = Some(finish);
        self
    }

    /// The same, of which so many words come before the connection breaks.
    pub fn breaks_after(mut self, n_words: usize) -> Self {
        self.how.cut = Some(Cut::Breaks(n_words));
        self
    }

    /// The same, of which so many words are all that may come. JSON is then not
    /// complete.
    pub fn cut_after(mut self, n_words: usize) -> Self {
        self.how.cut = Some(Cut::Length(n_words));
        self
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// As text.
impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        Self::text(value.to_string())
    }
}

impl From<ModelResponse> for Reply {
    fn from(response: ModelResponse) -> Self {
        Self::of(What::Answer(Box::new(response)))
    }
}

impl From<Message> for Reply {
    fn from(message: Message) -> Self {
        ModelResponse::new(message).into()
    }
}

impl From<ToolCall> for Reply {
    fn from(call: ToolCall) -> Self {
        Message::new(Role::Assistant)
            .part(Part::ToolCall(call))
            .into()
    }
}

impl From<ModelError> for Reply {
    fn from(error: ModelError) -> Self {
        Self::fails(error)
    }
}

impl From<ModelErrorKind> for Reply {
    fn from(kind: ModelErrorKind) -> Self {
        Self::fails(kind.into())
    }
}

/// Its turns.
impl<R: Into<Self>, const N: usize> From<[R; N]> for Reply {
    fn from(turns: [R; N]) -> Self {
        Self::turns(turns)
    }
}

/// Its turns.
impl<R: Into<Self>> From<Vec<R>> for Reply {
    fn from(turns: Vec<R>) -> Self {
        Self::turns(turns)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Answer(response) => write!(f, "Reply({})", response.message),
            What::Calls(calls) => f.debug_tuple("Reply").field(calls).finish(),
            What::Fails(error) => write!(f, "Reply({error})"),
            What::Never => f.write_str("Reply(never)"),
            What::With(_) => f.write_str("Reply(with ..)"),
            What::Turns(turns) => f.debug_tuple("Turns").field(turns).finish(),
            What::Attempts(attempts) => f.debug_tuple("Attempts").field(attempts).finish(),
        }
    }
}
