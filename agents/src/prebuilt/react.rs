//! An agent: a model that calls tools until it has an answer.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use superstep_core::{CompileError, Ctx, NodeResult, Retry, State, StateGraph, View};
use superstep_providers::{Message, ModelRequest, ModelResponse, ToolCall, ToolResult};

use super::Chat;
use super::mistakes::Mistakes;
use crate::findings::Place;
use crate::react::{IntoModel, Lens, MODEL, Respond, Turns};
use crate::tools::Toolbox;

/// An agent: the model is asked, the tools that it calls are run, and so on until
/// it answers without a call.
///
/// Its state is a [`Chat`]; [`ReactAgent::over`] takes one of your own.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use superstep::prelude::*;
/// use superstep::{Chat, Graph, Reply, ScriptedModel, Toolbox, react_agent, tool};
///
/// /// Says how warm it is.
/// #[tool]
/// async fn temperature(city: String) -> String {
///     format!("8 degrees in {city}")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = ScriptedModel::new().on(
///     "coat",
///     [Reply::call("temperature", json!({ "city": "Oslo" })), Reply::from("Take one.")],
/// );
/// let graph: Graph<Chat> = react_agent(model.model(), Toolbox::new().add(temperature))
///     .instruction("You help people to dress.")
///     .build()?
///     .add_node("log", async |chat: View<Chat>| println!("{}", chat.answer()))
///     .add_edge("answer", "log")
///     .compile()?;
///
/// let run = graph.invoke(Chat::ask("Do I need a coat in Oslo?")).await?;
/// assert_eq!(run.state.answer(), "Take one.");
/// assert_eq!(run.ran(), [["model"], ["tools"], ["model"], ["answer"], ["log"]]);
/// assert_eq!(run.state.messages[2].to_string(), "tool: temperature -> 8 degrees in Oslo");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn react_agent<C: Send + Sync + 'static, M>(
    model: impl IntoModel<C, M>,
    toolbox: Toolbox<C, Chat>,
) -> ReactAgent<C> {
    ReactAgent::over(
        model,
        toolbox,
        |chat| &chat.messages,
        |messages| Chat::update().messages(messages),
    )
}

/// An agent on its way to becoming a graph; see [`react_agent`].
#[must_use = "an agent does nothing until its graph runs"]
pub struct ReactAgent<C = (), S: State = Chat> {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) place: Place,
    pub(super) turns: Turns<C, S>,
}

impl<C: Send + Sync + 'static, S: State> ReactAgent<C, S> {
    /// An agent over a state of one's own: `messages` finds the conversation in it,
    /// and `update` adds to that, as with [`tool_node`](crate::tool_node).
    ///
    /// # Examples
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    /// use superstep::{Graph, Message, Messages, ReactAgent, ScriptedModel, Toolbox};
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Ticket {
    ///     customer: String,
    ///     #[reduce(Messages)]
    ///     said: Vec<Message>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = ScriptedModel::new().on_system("for Ann", "Hello, Ann.").model();
    /// let agent = ReactAgent::over(
    ///     model,
    ///     Toolbox::new(),
    ///     |ticket: &Ticket| &ticket.said,
    ///     |messages| Ticket::update().said(messages),
    /// );
    /// let graph: Graph<Ticket> = agent
    ///     .instruction_with(|ticket| format!("You work for {}.", ticket.customer))
    ///     .build()?
    ///     .compile()?;
    /// let input = Ticket::update().customer("Ann").said(Message::user("hi"));
    /// assert_eq!(graph.invoke(input).await?.state.said[1].text(), "Hello, Ann.");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn over<M>(
        model: impl IntoModel<C, M>,
        toolbox: Toolbox<C, S>,
        messages: impl Fn(&S) -> &[Message] + Send + Sync + 'static,
        update: impl Fn(Vec<Message>) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        let lens = Lens::new(messages, update);
        Self {
            name: "agent".to_owned(),
            place: Location::caller(),
            description: String::new(),
            turns: Turns::new(model.into_source(), toolbox, lens),
        }
    }

    /// Names its graph, and its node in a [`swarm`](super::swarm()); `agent` if
    /// nothing does.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Says what it can do, for others in a [`swarm`](super::swarm()).
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// What the model is to be and do. It is sent before the conversation, and not
    /// kept in it.
    pub fn instruction(self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.instruction_with(move |_| text.clone())
    }

    /// What the model is to be and do, made of the state each time it is asked.
    pub fn instruction_with(
        mut self,
        instruction: impl Fn(&S) -> String + Send + Sync + 'static,
    ) -> Self {
        self.turns.instruction = Some(Arc::new(move |state| Ok(instruction(state))));
        self
    }

    /// Tells the model whether it may call several tools at once; they run at the
    /// same time. Without it, the provider decides.
    pub fn parallel_calls(mut self, parallel: bool) -> Self {
        self.turns.parallel_calls = Some(parallel);
        self
    }

    /// How often the model is asked at most before a user speaks again; 25 unless
    /// it is set, and 0 counts as 1. One that then still calls tools fails the run
    /// with a [`TurnLimit`](crate::TurnLimit).
    pub fn max_turns(mut self, turns: usize) -> Self {
        self.turns.bound.turns = turns.max(1);
        self
    }

    /// Tells the model in the last turn that it must not call tools, so that it
    /// answers with what it has.
    pub fn answer_at_limit(mut self) -> Self {
        self.turns.bound.answers = true;
        self
    }

    /// Reads the last answer as a value of a type, and writes that. An answer that
    /// is not in the shape is asked for once more, as by
    /// [`Model::extract`](superstep_providers::Model::extract), in node `answer`.
    pub fn output_into<T: DeserializeOwned + JsonSchema + Send + 'static>(
        mut self,
        update: impl Fn(T) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        self.turns.respond = Some(Respond::of(move |value| Ok(update(value))));
        self
    }

    /// Writes the text of the last answer, in node `answer`. In place of
    /// [`output_into`](Self::output_into): the later call holds.
    pub fn output_text(
        mut self,
        update: impl Fn(String) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        self.turns.respond = Some(Respond::text(update));
        self
    }

    /// Tries again when the model cannot be asked. Its error says whether that makes
    /// sense, and after what wait. Tools have
    /// [policies of their own](crate::Tool::retry).
    pub fn model_retry(mut self, retry: Retry) -> Self {
        self.turns.policies.retry = Some(retry);
        self
    }

    /// Ends each attempt to ask the model that takes longer than that.
    pub fn model_timeout(mut self, timeout: Duration) -> Self {
        self.turns.policies.timeout = Some(timeout);
        self
    }

    /// Changes each request before it is sent, or answers in the model's place by
    /// [`ControlFlow::Break`]. Several are asked in the order in which they were
    /// added. What is changed is sent and not kept: a long conversation can be cut
    /// short in this way.
    pub fn before_model<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(ModelRequest, View<S>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<ControlFlow<ModelResponse, ModelRequest>>> + Send + 'static,
    {
        let hook = move |request, state, ctx| Box::pin(hook(request, state, ctx)) as _;
        self.turns.hooks.before_model.push(Arc::new(hook));
        self
    }

    /// Changes each answer before it is kept, calls included.
    pub fn after_model<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(ModelResponse, View<S>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<ModelResponse>> + Send + 'static,
    {
        let hook = move |response, state, ctx| Box::pin(hook(response, state, ctx)) as _;
        self.turns.hooks.after_model.push(Arc::new(hook));
        self
    }

    /// Changes each call of a tool before it is made, or says what it came to by
    /// [`ControlFlow::Break`]. It is asked again when the node of the tools runs
    /// again, after a question or a crash. Arguments that somebody answers by
    /// [`Approval::Edit`](crate::Approval::Edit) it does not see.
    pub fn before_tool<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(ToolCall, View<S>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<ControlFlow<ToolResult, ToolCall>>> + Send + 'static,
    {
        let hook = move |call, state, ctx| Box::pin(hook(call, state, ctx)) as _;
        self.turns.hooks.before_tool.push(Arc::new(hook));
        self
    }

    /// Changes what each call of a tool came to, failures included.
    pub fn after_tool<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(ToolResult, View<S>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<ToolResult>> + Send + 'static,
    {
        let hook = move |result, state, ctx| Box::pin(hook(result, state, ctx)) as _;
        self.turns.hooks.after_tool.push(Arc::new(hook));
        self
    }

    /// Its graph: nodes `model`, `tools` and `answer`. What is to follow the answer
    /// gets an edge from `answer`.
    ///
    /// # Errors
    ///
    /// When the toolbox is not sound: see [`Toolbox::check`].
    #[track_caller]
    pub fn build(self) -> Result<StateGraph<S, C>, CompileError> {
        let mut mistakes = Mistakes::of(&self.name);
        mistakes.toolbox(&self.turns.toolbox);
        mistakes.check()?;
        Ok(self.turns.graph(self.name, MODEL, Vec::new()))
    }
}

impl<C: Send + Sync + 'static> ReactAgent<C> {
    /// Reads the last answer as a value of a type, which is then the chat's
    /// [`response`](Chat::response).
    ///
    /// # Examples
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    /// use superstep::{Chat, Graph, ScriptedModel, Toolbox, react_agent};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    /// struct Verdict {
    ///     coat: bool,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = ScriptedModel::new()
    ///     .on("shape", r#"{ "coat": true }"#)
    ///     .otherwise("It is cold.");
    /// let graph: Graph<Chat> = react_agent(model.model(), Toolbox::new())
    ///     .output_schema::<Verdict>()
    ///     .build()?
    ///     .compile()?;
    /// let run = graph.invoke(Chat::ask("Do I need a coat?")).await?;
    /// assert_eq!(run.state.answer(), "It is cold.");
    /// assert_eq!(run.state.response::<Verdict>()?, Verdict { coat: true });
    /// # Ok(())
    /// # }
    /// ```
    pub fn output_schema<T>(mut self) -> Self
    where
        T: Serialize + DeserializeOwned + JsonSchema + Send + 'static,
    {
        let write = |json| Chat::update().response(json);
        self.turns.respond = Some(Respond::json::<T>(write));
        self
    }
}

impl<C, S: State> fmt::Debug for ReactAgent<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactAgent")
            .field("name", &self.name)
            .field("toolbox", &self.turns.toolbox)
            .finish_non_exhaustive()
    }
}
