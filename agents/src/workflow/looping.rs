//! Agents one after another, again and again.

use std::sync::Arc;

use super::Session;
use super::agent::{Agent, IntoAgents};
use super::head::{Head, common};

/// How often a loop goes round, unless something else is set.
const ITERATIONS: u32 = 10;

pub(super) type Until = Arc<dyn Fn(&Session) -> bool + Send + Sync>;

/// Agents that run one after another, and then again: until one of them
/// [escalates](Session::escalate), a condition holds, or they have run so often.
///
/// None of these is a failure. What escalates ends the innermost loop around it,
/// unless it names another; the rest of that round does not run.
///
/// # Examples
///
/// ```
/// use superstep::{LlmAgent, LoopAgent, Model, ScriptedModel, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::new(
///     ScriptedModel::new()
///         .on_system("shorter: This is a long text.", "Short.")
///         .on_system("shorter", "This is a long text."),
/// );
/// let writer = LlmAgent::new("writer").instruction("Make it shorter: {draft?}").output_key("draft");
/// let graph = LoopAgent::new("refine", [writer])
///     .until(|session| session.get("draft").is_some_and(|draft: String| draft.len() < 10))
///     .max_iterations(5)
///     .model(model)
///     .build()?
///     .compile()?;
/// let run = graph.invoke(Session::ask("Write something.")).await?;
/// assert_eq!(run.state.get::<String>("draft").as_deref(), Some("Short."));
/// # Ok(())
/// # }
/// ```
#[must_use = "an agent does nothing until a graph is built of it"]
pub struct LoopAgent<C = ()> {
    pub(super) head: Head<C>,
    pub(super) agents: Vec<Agent<C>>,
    pub(super) max_iterations: u32,
    pub(super) until: Option<Until>,
}

common!(LoopAgent, Loop);

impl<C> LoopAgent<C> {
    /// These agents, in their order.
    #[track_caller]
    pub fn new(name: impl Into<String>, agents: impl IntoAgents<C>) -> Self {
        Self {
            head: Head::new(name),
            agents: agents.into_agents(),
            max_iterations: ITERATIONS,
            until: None,
        }
    }

    /// The most rounds; 10 unless it is set, and 0 counts as 1.
    pub fn max_iterations(mut self, rounds: u32) -> Self {
        self.max_iterations = rounds.max(1);
        self
    }

    /// Ends the loop after a round, if that holds.
    pub fn until(mut self, done: impl Fn(&Session) -> bool + Send + Sync + 'static) -> Self {
        self.until = Some(Arc::new(done));
        self
    }
}
