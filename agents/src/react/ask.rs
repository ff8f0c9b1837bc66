//! A turn of the model.

use std::borrow::Cow;
use std::ops::ControlFlow;

use superstep_core::{Ctx, NodeError, NodeResult, State, Update, View};
use superstep_providers::{
    Message, ModelError, ModelErrorKind, ModelRequest, ModelResponse, Part, ToolChoice,
};

use super::handover::introduction;
use super::limit::{named, turns};
use super::mend::mended;
use super::{TurnLimit, Turns};

/// What a turn came to.
pub(super) struct Said<S: State> {
    pub(super) update: S::Update,
    pub(super) answer: Answer,
}

/// What an agent has answered.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) text: String,
    /// Whether a function of the program has given it, and no model.
    pub(super) given: bool,
}

impl<C: Send + Sync + 'static, S: State> Turns<C, S> {
    /// Asks the model, and writes what it says.
    pub(super) async fn ask(&self, state: &View<S>, ctx: &Ctx<C>) -> NodeResult<S::Update> {
        let Said { mut update, answer } = self.speak(state, ctx, false).await?;
        if answer.given && self.has_shape() {
            update.extend(self.special.gives());
        }
        Ok(update)
    }

    /// All of an agent without tools, which asks for its answer in its shape at once.
    pub(crate) async fn at_once(&self, state: &View<S>, ctx: &Ctx<C>) -> NodeResult<S::Update> {
        let Said { mut update, answer } = self.speak(state, ctx, true).await?;
        if let Some(kept) = self.end(answer, state, ctx).await? {
            update.extend(kept);
        }
        Ok(update)
    }

    /// What it says, or the program in its place; nothing, if it is left.
    async fn speak(&self, state: &View<S>, ctx: &Ctx<C>, at_once: bool) -> NodeResult<Said<S>> {
        let mut update = S::Update::default();
        if let Some(begins) = self.special.begins(state) {
            update = begins;
            if let Some(text) = self.hooks.before_agent(state, ctx).await? {
                return Ok(self.given(update, text));
            }
        } else if self.is_left(state) {
            let answer = Answer::default();
            return Ok(Said { update, answer });
        }
        let said = match at_once && self.has_shape() {
            // What is rare is boxed, so that every call need not have room for it.
            true => Box::pin(self.shaped(state, ctx)).await,
            false => self.say(state, ctx).await,
        };
        let said = match at_once {
            true => said.and_then(|said| self.in_words(said, ctx)),
            false => said,
        };
        let said = match said {
            Ok(said) => self.named(said),
            Err(error) => {
                let text = Box::pin(self.mended(error, state, ctx)).await?;
                return Ok(self.given(update, text));
            }
        };
        let text = said.text();
        update.extend(self.lens.write(vec![said]));
        let answer = Answer { text, given: false };
        Ok(Said { update, answer })
    }

    /// What is said by one who has no tools, without calls, which nobody would make.
    fn in_words(&self, mut said: Message, ctx: &Ctx<C>) -> NodeResult<Message> {
        let calls: Vec<_> = said.tool_calls().map(|call| &*call.name).collect();
        if calls.is_empty() {
            return Ok(said);
        }
        if said.text().trim().is_empty() {
            let why = format!(
                "it only calls {}, and the agent has no tools; what it may call is given by `.tools(..)`",
                named(&calls)
            );
            let error = ModelError::new(ModelErrorKind::Decode).message(why);
            return Err(error.model(self.model.get(ctx).name()).into());
        }
        said.parts.retain(|part| !matches!(part, Part::ToolCall(_)));
        Ok(said)
    }

    fn given(&self, mut update: S::Update, text: String) -> Said<S> {
        let said = self.named(Message::assistant(&*text));
        update.extend(self.lens.write(vec![said]));
        let answer = Answer { text, given: true };
        Said { update, answer }
    }

    /// What is said in place of an answer that has failed.
    pub(super) async fn mended(
        &self,
        error: NodeError,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<String> {
        let text = self.hooks.on_model_error(error, state, ctx).await;
        text.map_err(|error| self.special.fails(error))
    }

    /// Asks the model: what it says.
    async fn say(&self, state: &View<S>, ctx: &Ctx<C>) -> NodeResult<Message> {
        let messages = self.lens.read(state);
        let turn = self.turn(&messages)?;
        let mut request = self.request_of(messages, state)?;
        if turn == self.bound.turns && self.bound.answers {
            request = request.tool_choice(ToolChoice::None);
        }
        let model = self.model.get(ctx);
        let asked = self.hooks.before_model(request, state, ctx).await?;
        let response = match asked {
            ControlFlow::Break(response) => response,
            ControlFlow::Continue(request) => model.generate(request).await?,
        };
        let response = self.hooks.after_model(response, state, ctx).await?;
        let complete = response.complete();
        complete.map_err(|error| error.model(model.name()))?;
        let ModelResponse { message, .. } = response;
        Ok(message)
    }

    /// Which turn it is, from 1.
    fn turn(&self, messages: &[Message]) -> NodeResult<usize> {
        let before = turns(messages);
        match before < self.bound.turns {
            true => Ok(before + 1),
            false => Err(NodeError::permanent(TurnLimit::of(before, messages))),
        }
    }

    /// The conversation, and what the model is to know of it.
    pub(super) fn request(&self, state: &S) -> NodeResult<ModelRequest> {
        self.request_of(self.lens.read(state), state)
    }

    fn request_of(&self, messages: Cow<'_, [Message]>, state: &S) -> NodeResult<ModelRequest> {
        let mut said = Vec::with_capacity(messages.len() + 1);
        said.extend(self.system(state)?.map(Message::system));
        match messages {
            Cow::Borrowed(messages) => said.extend_from_slice(messages),
            Cow::Owned(messages) => said.extend(messages),
        }
        let mut request = ModelRequest::new(mended(said));
        request.tools = self.toolbox.specs();
        if !request.tools.is_empty() {
            request.parallel_tool_calls = self.parallel_calls;
        }
        Ok(request)
    }

    /// What it is to be and do, and to whom it can hand on.
    fn system(&self, state: &S) -> NodeResult<Option<String>> {
        let instruction = self.instruction.as_ref();
        let instruction = instruction.map(|make| make(state)).transpose()?;
        if self.contacts.is_empty() {
            return Ok(instruction);
        }
        let mut text = instruction.unwrap_or_default();
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&introduction(&self.contacts));
        Ok(Some(text))
    }

    fn named(&self, message: Message) -> Message {
        match &self.speaker {
            Some(name) => message.named(name),
            None => message,
        }
    }
}
