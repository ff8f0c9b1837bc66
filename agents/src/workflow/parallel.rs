//! Agents at the same time.

use super::agent::{Agent, IntoAgents};
use super::head::{Head, common};

/// What becomes of the others when one of several parallel agents fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum BranchFailure {
    /// They are cancelled, and awaited; the run fails.
    #[default]
    Stop,
    /// They go on, and so does what follows. Of the agents that failed, keys that
    /// they declare and that nobody has written are null, and the key `NAME_failed`
    /// has their names and errors, where `NAME` is that of the parallel agent. It
    /// is null if none failed.
    Continue,
}

/// Agents that run at the same time.
///
/// Each sees what was said and known before, and what it says and writes itself.
/// What they come to is merged when all have ended, in the order in which they are
/// given here, whichever ends first: what follows reads the same on every run.
///
/// Two of them that write the same key are a mistake, which is found when the
/// graph is built, or, for keys that only functions of yours know, when they are
/// merged. Any number may [add](super::Change::add) and
/// [append](super::Change::append).
///
/// # Examples
///
/// ```
/// use superstep::{LlmAgent, Model, ParallelAgent, ScriptedModel, SequentialAgent, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::new(
///     ScriptedModel::new()
///         .on_system("in favour", "It is warm.")
///         .on_system("against", "It is wet.")
///         .on_system("It is warm. It is wet.", "Bring an umbrella."),
/// );
/// let sides = ParallelAgent::new("sides", [
///     LlmAgent::new("pro").instruction("Speak in favour.").output_key("pro"),
///     LlmAgent::new("con").instruction("Speak against.").output_key("con"),
/// ]);
/// let judge = LlmAgent::new("judge").instruction("Decide: {pro} {con}");
/// let graph = SequentialAgent::new("debate", (sides, judge)).model(model).build()?.compile()?;
/// let run = graph.invoke(Session::ask("Shall we go out?")).await?;
/// assert_eq!(run.state.answer(), "Bring an umbrella.");
/// # Ok(())
/// # }
/// ```
#[must_use = "an agent does nothing until a graph is built of it"]
pub struct ParallelAgent<C = ()> {
    pub(super) head: Head<C>,
    pub(super) agents: Vec<Agent<C>>,
    pub(super) on_failure: BranchFailure,
    pub(super) max_concurrency: Option<usize>,
}

common!(ParallelAgent, Parallel);

impl<C> ParallelAgent<C> {
    /// These agents.
    #[track_caller]
    pub fn new(name: impl Into<String>, agents: impl IntoAgents<C>) -> Self {
        Self {
            head: Head::new(name),
            agents: agents.into_agents(),
            on_failure: BranchFailure::default(),
            max_concurrency: None,
        }
    }

    /// What becomes of the others when one fails; a timeout is a failure.
    pub fn on_failure(mut self, on_failure: BranchFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    /// The most of them at work at once, over all runs of the graph in the
    /// process; 0 counts as 1. No limit by default.
    pub fn max_concurrency(mut self, agents: usize) -> Self {
        self.max_concurrency = Some(agents.max(1));
        self
    }
}
