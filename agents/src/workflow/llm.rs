//! Agents that are language models.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use superstep_core::{Ctx, NodeError, NodeResult, Retry, View};
use superstep_providers::{ModelRequest, ModelResponse, ToolCall, ToolResult};

use super::agent::{Agent, IntoAgents};
use super::head::{Head, common};
use super::values::Change;
use super::{Session, SessionUpdate};
use crate::policies::Policies;
use crate::react::{Hooks, Respond};
use crate::template::Holed;
use crate::tools::Toolbox;

/// How often an agent's model is asked before it answers, unless something else
/// is set.
const TURNS: usize = 25;

/// How often agents hand on in one turn of the user, unless something else is set.
pub(super) const TRANSFERS: usize = 16;

/// What an agent reads of what was said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AgentHistory {
    /// What the user said, what it said itself, and what others said whom it can
    /// know of: not those in other branches of a
    /// [`ParallelAgent`](super::ParallelAgent), and not those whose output is in
    /// its instruction, by their key. Nothing comes twice.
    #[default]
    Branch,
    /// All that was said, by whom it may be.
    Whole,
    /// What the user said last, and what it has said itself since it began.
    None,
}

/// What a language model is told, made of the session.
#[derive(Default)]
pub(super) enum Instruction {
    #[default]
    None,
    Text(Holed),
    Made(MadeInstruction),
}

pub(super) type MadeInstruction = Arc<dyn Fn(&Session) -> String + Send + Sync>;

/// What is kept, under a key, of an answer of a type that only the builder knew.
pub(super) type Shape = fn(Option<String>) -> Respond<Session>;

fn shape<T>(key: Option<String>) -> Respond<Session>
where
    T: JsonSchema + Serialize + DeserializeOwned + Send + 'static,
{
    let is_kept = key.is_some();
    let keep = move |value: Value| match &key {
        Some(key) => Session::update().values(Change::set(key.clone(), value)),
        None => Session::update(),
    };
    let keeps = keep.clone();
    let respond = Respond::json::<T>(keep).or_text(move |text| keeps(text.into()));
    match is_kept {
        true => respond,
        false => respond.and_said(),
    }
}

/// A language model with an instruction, tools, and other agents to which it can
/// hand on.
///
/// # Instructions
///
/// In an instruction `{key}` is the [value](super::Values) of a key, and must be
/// there: when the graph is built, it is judged whether somebody writes it before.
/// `{key?}` may be missing. `{{` and `}}` are braces, and braces around what is no
/// key stay as they are, as in JSON.
///
/// # Examples
///
/// ```
/// use superstep::{LlmAgent, Model, ScriptedModel, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::new(ScriptedModel::new().on_system("in French", "Bonjour."));
/// let graph = LlmAgent::new("greeter")
///     .model(model)
///     .instruction("Greet the user in {language}.")
///     .input(["language"])
///     .output_key("greeting")
///     .build()?
///     .compile()?;
/// let run = graph.invoke(Session::ask("Hi!").values(("language", "French"))).await?;
/// assert_eq!(run.state.get::<String>("greeting").as_deref(), Some("Bonjour."));
/// # Ok(())
/// # }
/// ```
#[must_use = "an agent does nothing until a graph is built of it"]
pub struct LlmAgent<C = ()> {
    pub(super) head: Head<C>,
    pub(super) instruction: Instruction,
    pub(super) history: AgentHistory,
    pub(super) output_key: Option<String>,
    pub(super) schema: Option<Shape>,
    pub(super) toolbox: Toolbox<C, Session>,
    pub(super) agent_tools: Vec<Agent<C>>,
    pub(super) sub_agents: Vec<Agent<C>>,
    pub(super) to_parent: bool,
    pub(super) to_peers: bool,
    pub(super) exits_loop: bool,
    pub(super) max_turns: usize,
    pub(super) max_transfers: Option<usize>,
    pub(super) model_policies: Policies,
    pub(super) hooks: Hooks<C, Session>,
}

common!(LlmAgent, Llm);

impl<C> LlmAgent<C> {
    /// An agent of that name: letters, digits, `_` and `-`.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            head: Head::new(name),
            instruction: Instruction::None,
            history: AgentHistory::default(),
            output_key: None,
            schema: None,
            toolbox: Toolbox::new(),
            agent_tools: Vec::new(),
            sub_agents: Vec::new(),
            to_parent: true,
            to_peers: true,
            exits_loop: false,
            max_turns: TURNS,
            max_transfers: None,
            model_policies: Policies::default(),
            hooks: Hooks::default(),
        }
    }

    /// What it is to be and do, with `{keys}`.
    pub fn instruction(mut self, text: impl AsRef<str>) -> Self {
        self.instruction = Instruction::Text(Holed::parse(text.as_ref()));
        self
    }

    /// What it is to be and do, made of the session each time that the model is
    /// asked. No key in it is looked up.
    pub fn instruction_with(
        mut self,
        make: impl Fn(&Session) -> String + Send + Sync + 'static,
    ) -> Self {
        self.instruction = Instruction::Made(Arc::new(make));
        self
    }

    /// What it reads of what was said before.
    pub fn history(mut self, history: AgentHistory) -> Self {
        self.history = history;
        self
    }

    /// Keeps its answer under that key. What it says as it ends a loop or hands on, in
    /// the message of the call, is one; if it says nothing there, the key stays as it
    /// was.
    pub fn output_key(mut self, key: impl Into<String>) -> Self {
        self.output_key = Some(key.into());
        self
    }

    /// Has it answer with a `T`, which is kept under the
    /// [`output_key`](Self::output_key) as JSON. The model is told the JSON Schema
    /// of `T`; what does not fit is asked for again, twice at most, and is then an
    /// error. With tools, the answer is asked for in that shape when they have run,
    /// unless it has it already; without a key, it is then the last that it says.
    pub fn output_schema<T>(mut self) -> Self
    where
        T: JsonSchema + Serialize + DeserializeOwned + Send + 'static,
    {
        self.schema = Some(shape::<T>);
        self
    }

    /// Tools that the model can call. Each may take a `View<Session>`. Of an agent that
    /// has none, and no agents to call or to hand on to, calls are left out of what its
    /// model says, and one that only calls has not answered.
    pub fn tools(mut self, toolbox: Toolbox<C, Session>) -> Self {
        self.toolbox = toolbox;
        self
    }

    /// Agents that the model can call as tools, each under its own name and with a
    /// `request`. Such an agent begins with the request as what the user says, and
    /// with the values of the session; its answer is the result of the call, and
    /// what it writes holds from then on. Calls of one message run at the same time;
    /// two agents here that write one key are a mistake, and of two calls in a message
    /// of an agent that writes keys, the model is told to make the second one later.
    pub fn agent_tools(mut self, agents: impl IntoAgents<C>) -> Self {
        self.agent_tools.extend(agents.into_agents());
        self
    }

    /// Agents to which the model can hand the conversation on, by a tool
    /// `transfer_to_agent`. An LLM agent among them can hand on to its own, back to
    /// this one, and to the others. Who has the floor when the run ends has it for
    /// what the user says next, too.
    pub fn sub_agents(mut self, agents: impl IntoAgents<C>) -> Self {
        self.sub_agents.extend(agents.into_agents());
        self
    }

    /// It cannot hand back to the agent whose sub-agent it is, and keeps the floor
    /// for this turn only.
    pub fn disallow_transfer_to_parent(mut self) -> Self {
        self.to_parent = false;
        self
    }

    /// It cannot hand on to other sub-agents of the agent whose sub-agent it is.
    pub fn disallow_transfer_to_peers(mut self) -> Self {
        self.to_peers = false;
        self
    }

    /// Gives the model a tool `exit_loop`, which ends the innermost
    /// [`LoopAgent`](super::LoopAgent) around it.
    pub fn can_exit_loop(mut self) -> Self {
        self.exits_loop = true;
        self
    }

    /// The most times that its model is asked before it answers; 25 unless it is
    /// set. One more is a failure.
    pub fn max_turns(mut self, turns: usize) -> Self {
        self.max_turns = turns.max(1);
        self
    }

    /// Tries again when the model cannot be asked, and nothing else of the agent. Its
    /// error says whether that makes sense, and after what wait. Tools have
    /// [policies of their own](crate::Tool::retry).
    pub fn model_retry(mut self, retry: Retry) -> Self {
        self.model_policies.retry = Some(retry);
        self
    }

    /// Ends each attempt to ask the model that takes longer than that.
    pub fn model_timeout(mut self, timeout: Duration) -> Self {
        self.model_policies.timeout = Some(timeout);
        self
    }

    /// The most times that the floor goes from one agent to another in a turn of
    /// the user; 16 unless it is set. One more ends the run with
    /// [`RunError::RecursionLimit`](superstep_core::RunError::RecursionLimit), which
    /// names it and who had the floor: each that has it is a superstep. It is set on
    /// the outermost of those that hand on to each other; on another it is a mistake.
    pub fn max_transfers(mut self, transfers: usize) -> Self {
        self.max_transfers = Some(transfers);
        self
    }
}

/// Takes an async function in, without its type.
macro_rules! hook {
    ($function:ident) => {
        Arc::new(move |asked, session, ctx| Box::pin($function(asked, session, ctx)))
    };
}

/// # Functions of yours
///
/// Several of a kind are called in the order in which they are given. They run in
/// the agent's nodes: when one of these runs again, so do they.
impl<C: Send + Sync + 'static> LlmAgent<C> {
    /// Called when it begins. A text is its answer, and its model is not asked. With an
    /// [`output_schema`](Self::output_schema), a text that is such a value in JSON is
    /// kept as that, any other as it is.
    pub fn before_agent<F, Fut>(mut self, function: F) -> Self
    where
        F: Fn(View<Session>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<Option<String>>> + Send + 'static,
    {
        let function = move |(), session, ctx| function(session, ctx);
        self.hooks.before_agent.push(hook!(function));
        self
    }

    /// Called with its answer, as it ends. What it returns is written, too.
    pub fn after_agent<F, Fut>(mut self, function: F) -> Self
    where
        F: Fn(String, View<Session>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<SessionUpdate>> + Send + 'static,
    {
        self.hooks.after_agent.push(hook!(function));
        self
    }

    /// Called with each request to its model: what is to be asked, or what the
    /// answer is without asking.
    pub fn before_model<F, Fut>(mut self, function: F) -> Self
    where
        F: Fn(ModelRequest, View<Session>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<ControlFlow<ModelResponse, ModelRequest>>> + Send + 'static,
    {
        self.hooks.before_model.push(hook!(function));
        self
    }

    /// Called with each answer of its model: what counts as the answer.
    pub fn after_model<F, Fut>(mut self, function: F) -> Self
    where
        F: Fn(ModelResponse, View<Session>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<ModelResponse>> + Send + 'static,
    {
        self.hooks.after_model.push(hook!(function));
        self
    }

    /// Called when its model has not answered: with an answer in its place, or with
    /// the error that is to count. An answer is kept as that of
    /// [`before_agent`](Self::before_agent) is.
    ///
    /// It is called in each attempt: what it answers at the first failure leaves
    /// [`model_retry`](Self::model_retry) and `retry` nothing to try again, and an error
    /// that it hands back is tried again by them. What
    /// [`model_timeout`](Self::model_timeout) or `timeout` ends, it does not see.
    pub fn on_model_error<F, Fut>(mut self, function: F) -> Self
    where
        F: Fn(NodeError, View<Session>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<String>> + Send + 'static,
    {
        self.hooks.on_model_error.push(hook!(function));
        self
    }

    /// Called with each call of a tool, except of agents: what is to be called, or
    /// what the result is without calling.
    pub fn before_tool<F, Fut>(mut self, function: F) -> Self
    where
        F: Fn(ToolCall, View<Session>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<ControlFlow<ToolResult, ToolCall>>> + Send + 'static,
    {
        self.hooks.before_tool.push(hook!(function));
        self
    }

    /// Called with each result of a tool, except of agents: what counts as the
    /// result.
    pub fn after_tool<F, Fut>(mut self, function: F) -> Self
    where
        F: Fn(ToolResult, View<Session>, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = NodeResult<ToolResult>> + Send + 'static,
    {
        self.hooks.after_tool.push(hook!(function));
        self
    }

    /// What is written when tools have run: `write` is given their results.
    pub fn after_tools(
        mut self,
        write: impl Fn(&[ToolResult], &Session) -> Option<SessionUpdate> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.after_tools.push(Arc::new(write));
        self
    }
}
