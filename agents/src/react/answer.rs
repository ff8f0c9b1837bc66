//! The end of an agent: what becomes of its answer.

use std::ops::ControlFlow;

use superstep_core::{Ctx, NodeResult, State, Update, View};
use superstep_providers::{Message, ModelResponse};

use super::Turns;
use super::ask::Answer;
use super::respond::{Answered, Respond};

/// What is said to the model, so that it gives its answer in the shape.
const SHAPE: &str = "Give your answer in the shape that is asked for.";

/// What is said where an agent begins again after its own last answer.
pub(crate) const GO_ON: &str = "Go on as you were instructed.";

impl<C: Send + Sync + 'static, S: State> Turns<C, S> {
    /// Writes what is to be written of the last answer.
    pub(super) async fn answer(
        &self,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Option<S::Update>> {
        let (text, given) = (self.lens.answer(state), self.special.is_given(state));
        let update = self.end(Answer { text, given }, state, ctx).await?;
        if !given {
            return Ok(update);
        }
        let mut update = update.unwrap_or_default();
        update.extend(self.special.keeps());
        Ok(Some(update))
    }

    /// What is written of what it has said beside calls by which it is left: of a text,
    /// or of what has the shape already, since no model is asked for it.
    pub(super) fn last_words(&self, state: &View<S>) -> Option<NodeResult<S::Update>> {
        let text = self.lens.answer(state);
        let respond = self.respond.as_ref().filter(|_| !text.trim().is_empty())?;
        respond.read(&text)
    }

    /// What is written as the agent ends with that answer, if anything.
    pub(super) async fn end(
        &self,
        answer: Answer,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Option<S::Update>> {
        let mut update = match &self.respond {
            None => None,
            Some(respond) => Some(Box::pin(self.kept(respond, &answer, state, ctx)).await?),
        };
        for hook in &self.hooks.after_agent {
            let more = hook(answer.text.clone(), state.clone(), ctx.clone()).await?;
            update.get_or_insert_default().extend(more);
        }
        Ok(update)
    }

    /// Whether its answer is a value of a type.
    pub(super) fn has_shape(&self) -> bool {
        self.respond.as_ref().is_some_and(Respond::has_shape)
    }

    /// What is written of the answer, which is asked for in its shape if it has none.
    async fn kept(
        &self,
        respond: &Respond<S>,
        answer: &Answer,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<S::Update> {
        if let Some(update) = respond.read(&answer.text) {
            return update;
        }
        // No model is asked for another shape of what none has said.
        if answer.given {
            return respond.as_it_is(answer.text.clone());
        }
        let mut request = self.request(state)?;
        // After its own answer it would be told to go on.
        request.messages.pop_if(|message| message.text() == GO_ON);
        let asked = self.asked(respond, request.message(SHAPE), state, ctx);
        match asked.await {
            Ok((asked, made)) => {
                let mut update = respond.update(asked, &made)?;
                if respond.is_said() {
                    update.extend(self.lens.write(vec![made.message]));
                }
                Ok(update)
            }
            Err(error) => respond.as_it_is(self.mended(error, state, ctx).await?),
        }
    }

    /// An answer in its shape, without one before.
    pub(super) async fn shaped(&self, state: &View<S>, ctx: &Ctx<C>) -> NodeResult<Message> {
        let Some(respond) = &self.respond else {
            return Ok(Message::assistant(""));
        };
        let (_, made) = self
            .asked(respond, self.request(state)?, state, ctx)
            .await?;
        Ok(made.message)
    }

    /// What the model says to a request for the shape, and what hooks have made of it.
    async fn asked(
        &self,
        respond: &Respond<S>,
        request: superstep_providers::ModelRequest,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<(Answered<S>, ModelResponse)> {
        let asked = match self.hooks.before_model(request, state, ctx).await? {
            ControlFlow::Break(response) => Answered::of(response),
            ControlFlow::Continue(request) => respond.ask(self.model.get(ctx), request).await?,
        };
        let response = asked.response.clone();
        let made = self.hooks.after_model(response, state, ctx).await?;
        Ok((asked, made))
    }
}
