//! A call of a model in a task of a run: what it uses is counted, and what it
//! says is told as it comes.
//!
//! 1. If the run has a budget, what the call may use is reserved before
//!    anything is sent, and settled by what it has used.
//! 2. If somebody who watches wants tokens, and the model can, the answer is
//!    asked for piece by piece.
//!    An answer that breaks off is asked for again as if nobody watched, and told
//!    again, as another part.
//! 3. A call begins when somebody waits for its answer: a stream that nobody reads
//!    is no call.
//! 4. A call that fails, or is dropped, has used what it sent and what had come
//!    by then; where the provider has not said how much, it is estimated. One that
//!    the provider refused is a call, and no tokens unless it says so. One of which
//!    nothing was sent is no call.
//! 5. Where a call is made of attempts, each but the last is a call by itself,
//!    which is counted when it has failed, and before another is made.

use serde_json::Value;
use superstep_core::{CurrentTask, Emitted, Reservation, Usage};

use super::error::{ModelError, ModelErrorKind};
use super::message::{Message, Part};
use super::model::DynChatModel;
use super::request::ModelRequest;
use super::response::{Delta, ModelResponse};
use super::usage::TokenUsage;

/// How many bytes of text are a token, roughly.
const BYTES_A_TOKEN: usize = 4;

/// The first HTTP status by which a provider refuses.
const REFUSED: u16 = 400;

/// What an answer may have that says nothing of its length.
const ANSWER: u64 = 256;

/// A call, which is at work from when it begins.
pub(crate) struct Metered {
    task: Option<CurrentTask>,
    /// The part of the task that tells, from the second attempt on.
    part: Option<CurrentTask>,
    /// Which attempt is told.
    attempt: u32,
    reserved: Option<Reservation>,
    /// What it has used as far as one can tell.
    used: TokenUsage,
    /// How much was sent.
    sent: u64,
    /// How much the answer may have.
    most: u64,
    /// Whether the provider has said what it has used.
    is_known: bool,
    /// Whether nothing was sent at all.
    is_unsent: bool,
}

impl Metered {
    /// A call that is about to be made, in the task that is at work now.
    pub(super) fn new(request: &ModelRequest) -> Self {
        let most = request.max_tokens.map_or(ANSWER, u64::from);
        Self::of(estimate(request), most)
    }

    /// One whose answer is no text.
    pub(super) fn of_texts(texts: &[String]) -> Self {
        Self::of(texts.iter().map(|text| tokens(text.len())).sum(), 0)
    }

    /// One that sends so many tokens, and whose answer may have so many.
    pub(crate) fn of(sent: u64, most: u64) -> Self {
        Self {
            task: CurrentTask::get(),
            part: None,
            attempt: 1,
            reserved: None,
            used: TokenUsage::new(sent, 0),
            sent,
            most,
            is_known: false,
            is_unsent: true,
        }
    }

    /// The call begins, if it has not.
    pub(super) fn begin(&mut self) -> Result<(), ModelError> {
        if !self.is_unsent {
            return Ok(());
        }
        if let Some(task) = &self.task {
            let reserved = task.reserve(TokenUsage::new(self.used.input, self.most).into());
            self.reserved = reserved
                .map_err(|error| ModelError::new(ModelErrorKind::Budget).caused_by(error))?;
        }
        self.is_unsent = false;
        Ok(())
    }

    /// Calls `f`, in which the call's task is at work.
    pub(super) fn within<T>(&self, f: impl FnOnce() -> T) -> T {
        match &self.task {
            Some(task) => task.enter(f),
            None => f(),
        }
    }

    /// Whether the answer is to be told as it comes.
    pub(super) fn tells(&self) -> bool {
        self.task.as_ref().is_some_and(CurrentTask::wants_tokens)
    }

    /// Takes a piece of the answer in; what is told of it may want to wait.
    pub(super) fn take_in(&mut self, delta: &Delta) -> Result<Emitted, ModelError> {
        match delta {
            Delta::Usage(usage) => self.has_used(*usage),
            Delta::Text { text } => {
                self.add(text);
                return self.tell(text);
            }
            Delta::ToolCall { arguments, .. } => self.add(arguments),
            Delta::Refusal { text } => self.add(text),
            Delta::Reasoning(reasoning) => self.add(&reasoning.text),
            Delta::Again => self.is_made_again(),
            _ => {}
        }
        Ok(Emitted::default())
    }

    fn tell(&self, text: &str) -> Result<Emitted, ModelError> {
        let Some(task) = self.part.as_ref().or(self.task.as_ref()) else {
            return Ok(Emitted::default());
        };
        let told = task.emit_token(text);
        told.map_err(|error| ModelError::new(ModelErrorKind::Cancelled).caused_by(error))
    }

    /// Whoever makes another attempt has counted the one before.
    fn is_made_again(&mut self) {
        self.attempt += 1;
        let part = format!("#{}", self.attempt);
        self.part = self.task.clone().map(|task| task.in_part(&part));
        self.used = TokenUsage::new(self.sent, 0);
        self.is_known = false;
    }

    fn add(&mut self, text: &str) {
        if !self.is_known {
            self.used.output += tokens(text.len());
        }
    }

    /// What it has used, if the provider says that.
    pub(super) fn has_used(&mut self, usage: TokenUsage) {
        if usage.total() > 0 {
            self.used = usage;
            self.is_known = true;
        }
    }

    /// There is no answer, for that reason.
    pub(super) fn fails(&mut self, error: &ModelError) {
        if let Some(usage) = error.usage {
            self.has_used(usage);
        }
        if !self.is_known && error.status.is_some_and(|status| status >= REFUSED) {
            self.used = TokenUsage::default();
        }
        let here = matches!(
            error.kind,
            ModelErrorKind::Unsupported | ModelErrorKind::Setup | ModelErrorKind::Forbidden
        );
        self.is_unsent = here && error.status.is_none();
    }

    /// It was an attempt, and another is to be made: by rule 5.
    pub(crate) fn counts_attempt(mut self, error: &ModelError) -> Result<(), ModelError> {
        let begun = self.begin();
        begun.map_err(|budget| budget.message(format!("another attempt, after {error}")))?;
        self.fails(error);
        Ok(())
    }

    /// The whole answer is there.
    pub(super) fn ends(mut self, response: &ModelResponse) {
        if response.usage.total() > 0 {
            self.used = response.usage;
        } else if self.used.output == 0 {
            self.used.output = message(&response.message);
        }
    }
}

/// Counted once, however the call ended.
impl Drop for Metered {
    fn drop(&mut self) {
        let mut used = Usage::new();
        if !self.is_unsent {
            used = self.used.into();
            if let Some(task) = &self.task {
                task.used(used);
            }
        }
        if let Some(reserved) = self.reserved.take() {
            reserved.settle(used);
        }
    }
}

/// Asks for a whole answer.
pub(super) async fn generate(
    model: &dyn DynChatModel,
    request: ModelRequest,
) -> Result<ModelResponse, ModelError> {
    let mut metered = Metered::new(&request);
    metered.begin()?;
    if metered.tells()
        && let Some(stream) = model.tell(&request)
    {
        return stream.metered(metered).finish().await;
    }
    let answered = model.generate(request).await;
    let response = answered.inspect_err(|error| metered.fails(error))?;
    metered.tell(&response.message.text())?.await;
    metered.ends(&response);
    Ok(response)
}

/// The tokens of what is sent, roughly.
fn estimate(request: &ModelRequest) -> u64 {
    let messages: u64 = request.messages.iter().map(message).sum();
    let tools = request
        .tools
        .iter()
        .map(|tool| tokens(tool.name.len() + tool.description.len() + length(&tool.parameters)));
    messages + tools.sum::<u64>()
}

/// How long the value is as JSON, roughly, and without writing it: this is done for
/// each call.
fn length(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| length(item) + 1).sum::<usize>() + 2,
        Value::Object(fields) => {
            let fields = fields.iter();
            let lengths = fields.map(|(name, value)| name.len() + length(value) + 4);
            lengths.sum::<usize>() + 2
        }
    }
}

fn message(message: &Message) -> u64 {
    let parts = message.parts.iter().map(|part| match part {
        Part::Text { text } | Part::Refusal { text } => text.len(),
        Part::ToolCall(call) => call.name.len() + call.arguments.len(),
        Part::ToolResult(result) => result.content.len(),
        Part::Reasoning(reasoning) => reasoning.text.len(),
        // How many tokens a picture is depends on the model.
        Part::Image(_) | Part::Audio(_) | Part::File(_) => 0,
    });
    tokens(parts.sum())
}

fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(BYTES_A_TOKEN)).unwrap_or(u64::MAX)
}
