//! A model that answers by rules.

mod asked;
mod reply;
mod resolve;
mod rule;

use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use superstep_core::CurrentTask;

pub use asked::Asked;
pub use reply::Reply;

use super::play::{Step, play};
use crate::{Capabilities, ChatModel, Model, ModelError, ModelRequest, ModelResponse, ModelStream};
use rule::{Rule, said_by_system, said_by_user};

/// A model for tests that answers by rules: by what is asked, and where, never by
/// how many came before. So tests of graphs whose nodes ask at the same time come
/// to the same in every order.
///
/// The first rule that applies gives its [`Reply`]. If none does, it is a
/// [`BadRequest`](crate::ModelErrorKind::BadRequest) that names the request and
/// the rules. Answers come in pieces of a word, each of which counts as a token;
/// their ids follow from the request.
///
/// A clone is the same model: what it is asked can be looked at through any of
/// them.
///
/// # Examples
///
/// ```
/// use superstep_providers::{Model, Reply, ScriptedModel};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let scripted = ScriptedModel::new()
///     .on("weather", "It rains.")
///     .on_system("critic", Reply::refusal("It is too bad to be judged."))
///     .otherwise("I do not know.");
/// let model = Model::new(scripted.clone());
///
/// assert_eq!(model.ask("How is the weather?").await?, "It rains.");
/// assert_eq!(model.ask("Who are you?").await?, "I do not know.");
/// assert_eq!(scripted.calls().len(), 2);
/// # Ok(())
/// # }
/// ```
///
/// What no rule is about is an error, and shows what is missing:
///
/// ```
/// # use superstep_providers::{Model, ScriptedModel};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let model = Model::new(ScriptedModel::new().on("weather", "It rains."));
/// let error = model.ask("Who are you?").await.unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`scripted`: the provider refuses the request: \
///      no rule is about `Who are you?`, asked outside of a node; there is on(`weather`)"
/// );
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a model does nothing until it is asked"]
pub struct ScriptedModel {
    name: String,
    capabilities: Capabilities,
    latency: Duration,
    pace: Duration,
    rules: Vec<Rule>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Default for ScriptedModel {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedModel {
    /// A model without rules, called `scripted`, that can do everything.
    pub fn new() -> Self {
        Self {
            name: "scripted".to_owned(),
            capabilities: Capabilities::all(),
            latency: Duration::ZERO,
            pace: Duration::ZERO,
            rules: Vec::new(),
            asked: Arc::default(),
        }
    }

    /// The same, called that.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same, which says that it can do that.
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Answers so long after it was asked, unless the reply says otherwise.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Says a word each time that so much has gone by.
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Replies to what has that text in its last message of a user.
    pub fn on(self, text: impl Into<String>, reply: impl Into<Reply>) -> Self {
        let text = text.into();
        let name = format!("on(`{text}`)");
        let applies = move |request: &ModelRequest, _: Option<&CurrentTask>| {
            said_by_user(request).is_some_and(|said| said.contains(&text))
        };
        self.rule(Rule::new(name, applies, reply))
    }

    /// Replies to what has that text in a system message.
    pub fn on_system(self, text: impl Into<String>, reply: impl Into<Reply>) -> Self {
        let text = text.into();
        let name = format!("on_system(`{text}`)");
        let applies = move |request: &ModelRequest, _: Option<&CurrentTask>| {
            said_by_system(request).any(|said| said.contains(&text))
        };
        self.rule(Rule::new(name, applies, reply))
    }

    /// Replies to what is asked in that node, or in a graph that is that node.
    pub fn on_node(self, node: impl Into<String>, reply: impl Into<Reply>) -> Self {
        let node = node.into();
        let name = format!("on_node(`{node}`)");
        let applies = move |_: &ModelRequest, task: Option<&CurrentTask>| {
            task.is_some_and(|task| rule::is_inside(task, &node))
        };
        self.rule(Rule::new(name, applies, reply))
    }

    /// Replies to a conversation that ends with what that tool has come to.
    pub fn on_result(self, tool: impl Into<String>, reply: impl Into<Reply>) -> Self {
        let tool = tool.into();
        let name = format!("on_result(`{tool}`)");
        let applies = move |request: &ModelRequest, _: Option<&CurrentTask>| {
            rule::results(request).any(|result| result.name == tool)
        };
        self.rule(Rule::new(name, applies, reply))
    }

    /// Replies if that is so, of the request and the task in which it is asked.
    #[track_caller]
    pub fn when(
        self,
        applies: impl Fn(&ModelRequest, Option<&CurrentTask>) -> bool + Send + Sync + 'static,
        reply: impl Into<Reply>,
    ) -> Self {
        let place = Location::caller();
        let name = format!("when(..) of {}:{}", place.file(), place.line());
        self.rule(Rule::new(name, applies, reply))
    }

    /// Replies to everything.
    pub fn otherwise(self, reply: impl Into<Reply>) -> Self {
        self.rule(Rule::new("otherwise".to_owned(), |_, _| true, reply))
    }

    /// A handle by which it is asked.
    #[must_use]
    pub fn model(&self) -> Model {
        Model::new(self.clone())
    }

    /// What it was asked so far.
    ///
    /// # Ordering
    ///
    /// By the graph, the superstep, the task and the attempt in which it was
    /// asked, and then by the length and the text of the conversation: the same
    /// whatever came first. Outside of runs it is not the order of time, either.
    #[must_use]
    pub fn calls(&self) -> Vec<Asked> {
        let mut calls = self.asked().clone();
        calls.sort_by_cached_key(Asked::order);
        calls
    }

    /// What it was asked in that node so far, or in a graph that is that node; in
    /// the order of [`calls`](Self::calls).
    #[must_use]
    pub fn calls_of(&self, node: &str) -> Vec<Asked> {
        let mut calls = self.calls();
        calls.retain(|call| call.is_inside(node));
        calls
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens after that is asked, here and now.
    fn steps(&self, request: ModelRequest) -> VecDeque<Step> {
        let task = CurrentTask::get();
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| (rule.applies)(&request, task.as_ref()));
        let name = rule.map(|rule| rule.name.clone());
        let asked = Asked::new(request, task.as_ref(), name);
        let steps = match rule {
            None => Err(rule::missing(&asked, &self.rules)),
            Some(rule) => resolve::steps(self, &rule.reply, &asked),
        };
        self.asked().push(asked);
        steps.unwrap_or_else(|error| [Step::Fail(error)].into())
    }
}

impl ChatModel for ScriptedModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn generate(&self, request: ModelRequest) -> Result<ModelResponse, ModelError> {
        let model = self.clone();
        play(move || model.steps(request)).finish().await
    }

    fn stream(&self, request: &ModelRequest) -> Option<ModelStream> {
        let (model, request) = (self.clone(), request.clone());
        Some(play(move || model.steps(request)))
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<&str> = self.rules.iter().map(|rule| &*rule.name).collect();
        f.debug_struct("ScriptedModel")
            .field("name", &self.name)
            .field("rules", &rules)
            .finish_non_exhaustive()
    }
}
