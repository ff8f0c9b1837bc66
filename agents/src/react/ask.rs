//! A turn of the model.

use std::borrow::Cow;
use std::ops::ControlFlow;

use superstep_core::{Ctx, NodeError, NodeResult, State, View};
use superstep_providers::{Message, ModelRequest, ModelResponse, ToolChoice};

use super::limit::turns;
use super::mend::mended;
use super::{TurnLimit, Turns};

impl<C: Send + Sync + 'static, S: State> Turns<C, S> {
    /// Asks the model, and writes what it says.
    pub(crate) async fn ask(&self, state: &View<S>, ctx: &Ctx<C>) -> NodeResult<S::Update> {
        Ok(self.lens.write(vec![self.say(state, ctx).await?]))
    }

    /// Asks the model: what it says.
    pub(crate) async fn say(&self, state: &View<S>, ctx: &Ctx<C>) -> NodeResult<Message> {
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
        Ok(self.said(response))
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
    pub(crate) fn request(&self, state: &S) -> NodeResult<ModelRequest> {
        self.request_of(self.lens.read(state), state)
    }

    fn request_of(&self, messages: Cow<'_, [Message]>, state: &S) -> NodeResult<ModelRequest> {
        let mut said = Vec::with_capacity(messages.len() + 1);
        if let Some(instruction) = &self.instruction {
            said.push(Message::system(instruction(state)?));
        }
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

    fn said(&self, response: ModelResponse) -> Message {
        match &self.speaker {
            Some(name) => response.message.named(name),
            None => response.message,
        }
    }
}
