//! Agents that work for others: on a task, in a state of their own.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use superstep_core::{
    Ctx, Graph, NodeError, NodeResult, Retry, START, State, StateGraph, View, Worker, subgraph,
};
use superstep_macros::State;
use superstep_providers::{Message, ToolCall};

use super::Chat;
use super::mistakes::Mistakes;
use crate::failure::{judged, told};
use crate::findings::Place;
use crate::policies::Policies;
use crate::react::{Callee, worker};

/// The node that works, in the graph around an agent.
const WORK: &str = "agent";

/// A task that is given to an agent, and what comes back.
#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Work {
    /// What whoever has given it needs to know when it comes back.
    pub(super) key: Value,
    pub(super) task: String,
    pub(super) report: String,
    pub(super) failed: bool,
}

impl Work {
    pub(super) fn given(key: impl Into<Value>, task: &str) -> WorkUpdate {
        Self::update().key(key.into()).task(task)
    }
}

/// An agent that works for others: a graph or a function, its name, and what it
/// can do.
///
/// It is given a task as text, knows nothing else of the conversation, and reports
/// back. When it fails for good, that is what it reports; with
/// [`fatal`](Self::fatal) the run fails. [`supervisor`](super::supervisor()) and
/// [`plan_and_execute`](super::plan_and_execute) take such agents.
///
/// # Examples
///
/// ```
/// use superstep::{Delegate, Ctx, NodeResult, ScriptedModel, Toolbox, react_agent};
///
/// let model = ScriptedModel::new().otherwise("42");
/// let graph = react_agent(model.model(), Toolbox::new()).build()?.compile()?;
/// let maths: Delegate = Delegate::new("maths", "Does sums.", graph);
///
/// let clock: Delegate = Delegate::function("clock", "Knows the time.", |_: String, _: Ctx| async {
///     NodeResult::Ok("noon".to_owned())
/// });
/// assert_eq!((maths.name(), clock.name()), ("maths", "clock"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an agent does nothing until somebody gives it work"]
pub struct Delegate<C = ()> {
    name: String,
    description: String,
    place: Place,
    add: Add<C>,
    fatal: bool,
    policies: Policies,
}

/// Adds the node that works to the graph around it, as fatal as that says.
type Add<C> = Box<dyn FnOnce(StateGraph<Work, C>, &Policies, bool) -> StateGraph<Work, C> + Send>;

impl<C: Send + Sync + 'static> Delegate<C> {
    /// An agent that is a graph over a [`Chat`]: the task is what a user says, and
    /// the last answer is the report.
    #[track_caller]
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        graph: Graph<Chat, C>,
    ) -> Self {
        Self::over(
            name,
            description,
            graph,
            |task| Chat::ask(task),
            Chat::answer,
        )
    }

    /// An agent that is a graph over a state of its own: `input` makes its input of
    /// the task, and `report` the report of what it came to.
    #[track_caller]
    pub fn over<S: State>(
        name: impl Into<String>,
        description: impl Into<String>,
        graph: Graph<S, C>,
        input: impl Fn(&str) -> S::Update + Send + Sync + 'static,
        report: impl Fn(&S) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::of(name, description, move |around, policies, fatal| {
            let inside = subgraph(
                graph,
                move |work: &Work| input(&work.task),
                move |state: &S| Work::update().report(report(state)),
            );
            let inside = policies.node(inside);
            match fatal {
                true => around.add_node(WORK, inside),
                false => around.add_node(WORK, inside.on_error(tell_failure::<C>)),
            }
        })
    }

    /// An agent that is a function of the task.
    #[track_caller]
    pub fn function<F, Fut, E>(
        name: impl Into<String>,
        description: impl Into<String>,
        function: F,
    ) -> Self
    where
        F: Fn(String, Ctx<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<NodeError>,
    {
        Self::of(name, description, move |around, policies, fatal| {
            let work = move |work: View<Work>, ctx: Ctx<C>| {
                let reported = function(work.task.clone(), ctx);
                async move {
                    let report = reported.await.map_err(|error| judged(error.into()))?;
                    NodeResult::Ok(Work::update().report(report))
                }
            };
            let work = policies.node(work);
            match fatal {
                true => around.add_node(WORK, work),
                false => around.add_node(WORK, work.on_error(tell_failure::<C>)),
            }
        })
    }

    #[track_caller]
    fn of(
        name: impl Into<String>,
        description: impl Into<String>,
        add: impl FnOnce(StateGraph<Work, C>, &Policies, bool) -> StateGraph<Work, C> + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            place: Location::caller(),
            add: Box::new(add),
            fatal: false,
            policies: Policies::default(),
        }
    }

    /// Fails the run when the agent fails for good, rather than to tell of it.
    pub fn fatal(mut self) -> Self {
        self.fatal = true;
        self
    }

    /// Tries again when the agent fails, from its start. What a model says would fail
    /// again is not tried again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.policies.retry = Some(retry);
        self
    }

    /// Ends each attempt that takes longer than that.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policies.timeout = Some(timeout);
        self
    }

    /// Its name, and where it is made.
    pub(super) fn made(&self) -> (&str, Place) {
        (&self.name, self.place)
    }

    /// The agent, as a model can call it.
    pub(super) fn callee(self, mistakes: &mut Mistakes) -> Option<Callee<C, Chat>> {
        let (worker, description) = (self.worker(), self.description.clone());
        let inside = subgraph(
            self.into_graph(mistakes)?,
            |given: &Delegation| Work::given(&*given.call, &given.request),
            move |work: &Work| Chat::update().messages(report(work, worker.name())),
        );
        let give = |_: &Chat, call: &ToolCall, request| Delegation {
            call: call.id.clone(),
            request,
        };
        let add = move |graph: StateGraph<Chat, C>| graph.add_worker(worker, inside);
        Some(Callee::new(worker, description, give, add))
    }

    /// The worker that it is, in a graph of others.
    pub(super) fn worker<T>(&self) -> Worker<T> {
        worker(&self.name)
    }

    /// What it works in: a graph around it, which tells of failures.
    pub(super) fn into_graph(self, mistakes: &mut Mistakes) -> Option<Graph<Work, C>> {
        let around = StateGraph::<Work, C>::new(self.name).add_edge(START, WORK);
        mistakes.compiled((self.add)(around, &self.policies, self.fatal).compile())
    }
}

/// A request on its way to an agent.
#[derive(Clone, Serialize, Deserialize)]
struct Delegation {
    /// The id of the call that asks for it.
    call: String,
    request: String,
}

/// What an agent has come to, as the result of the call.
fn report(work: &Work, name: &str) -> Message {
    let call = ToolCall {
        id: work.key.as_str().unwrap_or_default().to_owned(),
        name: name.to_owned(),
        arguments: String::new(),
    };
    Message::tool(match work.failed {
        true => call.failure(&*work.report),
        false => call.result(&*work.report),
    })
}

async fn tell_failure<C>(_: View<Work>, ctx: Ctx<C>) -> Option<WorkUpdate> {
    let why = told(ctx.failure()?);
    Some(Work::update().report(why).failed(true))
}

impl<C> Delegate<C> {
    /// Its name, which is that of its node.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it can do.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }
}

impl<C> fmt::Debug for Delegate<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegate")
            .field("name", &self.name)
            .field("description", &self.description)
            .finish_non_exhaustive()
    }
}
