//! An LLM agent at work: what its nodes do.
//!
//! 1. It begins where nothing of what was said last is an open turn of its own.
//!    Then it takes the floor in its group, and what it is called before is called.
//! 2. The turns are those of [`Turns`]. An agent without tools is one node, in which
//!    it also ends.
//! 3. As it ends, its answer is kept under its key.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;
use superstep_core::{Ctx, NodeError, NodeResult, Update, View};
use superstep_providers::{Message, ModelRequest, Role};

use super::conversation::{GO_ON, began};
use super::flow::Step;
use super::llm::{AfterTools, AgentHooks};
use super::schema::OutputSchema;
use super::transfer::{EXIT_LOOP, TRANSFER, target};
use super::values::Change;
use super::{Escalate, Session, SessionUpdate};
use crate::failure::wrapped;
use crate::react::{Called, Turns};
use crate::template::Holed;

pub(super) struct Persona<C> {
    pub(super) name: String,
    /// The names of the agents around it, and its own.
    pub(super) path: String,
    pub(super) turns: Turns<C, Session>,
    pub(super) output_key: Option<String>,
    pub(super) schema: Option<OutputSchema>,
    pub(super) around: AgentHooks<C>,
    /// In a group, the name of that, and who has the floor next time.
    pub(super) floor: Option<(String, String)>,
    pub(super) exits_loop: bool,
    pub(super) has_tools: bool,
}

/// What a turn came to.
pub(super) struct Said {
    pub(super) update: SessionUpdate,
    answer: Answer,
}

/// What an agent has answered.
struct Answer {
    text: String,
    /// Whether a function of the program has given it, and no model.
    given: bool,
}

impl Answer {
    fn given(text: String) -> Self {
        Self { text, given: true }
    }

    fn of_model(text: String) -> Self {
        Self { text, given: false }
    }
}

impl<C: Send + Sync + 'static> Persona<C> {
    /// A turn of the model.
    pub(super) async fn speak(&self, session: &View<Session>, ctx: &Ctx<C>) -> NodeResult<Said> {
        let mut update = Session::update();
        if began(&session.messages, &self.name) == session.messages.len() {
            update = self.begin(session, update);
            for hook in &self.around.before {
                if let Some(text) = hook((), session.clone(), ctx.clone()).await? {
                    return Ok(self.given(update, text));
                }
            }
        } else if self.leaves(session) {
            return Ok(Said {
                update,
                answer: Answer::of_model(String::new()),
            });
        }
        let said = match &self.schema {
            // What is rare is boxed, so that every call need not have room for it.
            Some(schema) if !self.has_tools => Box::pin(self.shaped(schema, session, ctx)).await,
            _ => self.turns.say(session, ctx).await,
        };
        let said = match said {
            Ok(said) => said.named(&*self.name),
            Err(error) => {
                let text = Box::pin(self.mended(error, session, ctx)).await?;
                return Ok(self.given(update, text));
            }
        };
        Ok(Said {
            answer: Answer::of_model(said.text()),
            update: update.messages(said),
        })
    }

    /// An answer that a function has given; the node that keeps it is told so.
    fn given(&self, update: SessionUpdate, text: String) -> Said {
        let mut update = update.messages(Message::assistant(&*text).named(&*self.name));
        if self.has_tools && self.schema.is_some() {
            update = update.flow(Step::Given(self.name.clone()));
        }
        Said {
            update,
            answer: Answer::given(text),
        }
    }

    fn begin(&self, session: &Session, mut update: SessionUpdate) -> SessionUpdate {
        if session.flow.transfer().is_some() {
            update = update.flow(Step::Transferred);
        }
        if let Some((group, holder)) = &self.floor
            && session.flow.active(group) != Some(holder)
        {
            update = update.flow(Step::Active(group.clone(), holder.clone()));
        }
        update
    }

    /// An answer of the schema's type, as its JSON.
    async fn shaped(
        &self,
        schema: &OutputSchema,
        session: &View<Session>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Message> {
        let request = self.turns.request(session)?;
        self.asked(schema, request, session, ctx).await
    }

    /// What the model says to a request for the schema's type.
    async fn asked(
        &self,
        schema: &OutputSchema,
        request: ModelRequest,
        session: &View<Session>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Message> {
        let (turns, hooks) = (&self.turns, &self.turns.hooks);
        let response = match hooks.before_model(request, session, ctx).await? {
            ControlFlow::Break(response) => response,
            ControlFlow::Continue(request) => schema.ask(turns.model.get(ctx), request).await?,
        };
        let response = hooks.after_model(response, session, ctx).await?;
        Ok(response.message)
    }

    /// What is said in place of an answer that has failed.
    async fn mended(
        &self,
        mut error: NodeError,
        session: &View<Session>,
        ctx: &Ctx<C>,
    ) -> NodeResult<String> {
        for hook in &self.around.on_error {
            match hook(error, session.clone(), ctx.clone()).await {
                Ok(text) => return Ok(text),
                Err(failed) => error = failed,
            }
        }
        Err(self.failed(error))
    }

    /// What is written as the agent ends with that answer.
    async fn end(
        &self,
        answer: Answer,
        session: &View<Session>,
        ctx: &Ctx<C>,
    ) -> NodeResult<SessionUpdate> {
        let mut update = Session::update();
        if let Some(key) = &self.output_key {
            let value = match &self.schema {
                None => answer.text.as_str().into(),
                Some(schema) => Box::pin(self.value(schema, &answer, session, ctx)).await?,
            };
            update = update.values(Change::set(key.clone(), value));
        }
        for hook in &self.around.after {
            update.extend(hook(answer.text.clone(), session.clone(), ctx.clone()).await?);
        }
        Ok(update)
    }

    async fn value(
        &self,
        schema: &OutputSchema,
        answer: &Answer,
        session: &View<Session>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Value> {
        if let Some(value) = schema.read(&answer.text) {
            return Ok(value);
        }
        // No model is asked for another shape of what none has said.
        if answer.given {
            return Ok(answer.text.as_str().into());
        }
        let mut request = self.turns.request(session)?;
        // After its own answer it would be told to go on.
        request.messages.pop_if(|message| message.text() == GO_ON);
        let request = request.message(SHAPE);
        let text = match self.asked(schema, request, session, ctx).await {
            Ok(message) => message.text(),
            Err(error) => self.mended(error, session, ctx).await?,
        };
        Ok(schema.read(&text).unwrap_or_else(|| text.into()))
    }

    /// The whole of an agent without tools.
    pub(super) async fn at_once(
        &self,
        session: &View<Session>,
        ctx: &Ctx<C>,
    ) -> NodeResult<SessionUpdate> {
        let Said { mut update, answer } = self.speak(session, ctx).await?;
        update.extend(self.end(answer, session, ctx).await?);
        Ok(update)
    }

    /// What it has answered, when it has.
    pub(super) async fn answered(
        &self,
        session: &View<Session>,
        ctx: &Ctx<C>,
    ) -> NodeResult<SessionUpdate> {
        let mut said = session.messages.iter().rev();
        let last = said.find(|message| message.role == Role::Assistant);
        let text = last.map(Message::text).unwrap_or_default();
        if session.flow.given() != Some(&self.name) {
            return self.end(Answer::of_model(text), session, ctx).await;
        }
        let update = self.end(Answer::given(text), session, ctx).await?;
        Ok(update.flow(Step::Kept))
    }

    /// Whether it is left without an answer: it has handed on, or ended the loop.
    pub(super) fn leaves(&self, session: &Session) -> bool {
        let hands_on = session.flow.transfer().is_some_and(|to| to != self.name);
        let exits = self.exits_loop && session.flow.escalates();
        (self.floor.is_some() && hands_on) || exits
    }

    /// The error, which says in which agent, and whether to try again.
    fn failed(&self, error: NodeError) -> NodeError {
        wrapped(error, |source| AgentFailed {
            path: self.path.clone(),
            source,
        })
    }
}

/// What is said so that an answer comes in the shape of a type.
const SHAPE: &str = "Give your answer in the shape that is asked for.";

/// Why an agent has no answer.
#[derive(Debug, thiserror::Error)]
#[error("agent `{path}` has no answer")]
struct AgentFailed {
    path: String,
    source: Box<dyn Error + Send + Sync>,
}

/// What is written beside the results of calls: where those lead that were made, and
/// what the program writes.
pub(super) fn beside(
    after_tools: &[AfterTools],
    session: &Session,
    called: &Called,
) -> Option<SessionUpdate> {
    let mut update: Option<SessionUpdate> = None;
    let mut add = |more: SessionUpdate| match &mut update {
        None => update = Some(more),
        Some(update) => update.extend(more),
    };
    let mut done = called.done.iter();
    if done.clone().any(|call| call.name == EXIT_LOOP) {
        add(Session::escalate(Escalate::Loop));
    }
    // The first that hands on.
    if let Some(to) = done.find(|call| call.name == TRANSFER).and_then(target) {
        add(Session::update().flow(Step::Transfer(to)));
    }
    for write in after_tools {
        write(&called.results, session)
            .into_iter()
            .for_each(&mut add);
    }
    update
}

/// The instruction as a model gets it, or why it cannot be made.
pub(super) fn instruct(path: &str, template: &Holed, session: &Session) -> NodeResult<String> {
    let filled = template.fill(|key| session.values.json(key));
    filled.map_err(|hole| {
        NodeError::permanent(MissingKey {
            key: hole.name.clone(),
            path: path.to_owned(),
        })
    })
}

/// A key of an instruction has no value.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{{{key}}}` in the instruction of agent `{path}` has no value; write the key before, or \
     `{{{key}?}}` where it may be missing"
)]
struct MissingKey {
    key: String,
    path: String,
}

/// For nodes, which own what they work with.
pub(super) type Shared<C> = Arc<Persona<C>>;
