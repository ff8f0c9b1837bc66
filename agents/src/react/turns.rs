//! The loop as a graph: its nodes, and what leads from one to the other.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use superstep_core::{Ctx, END, NodeResult, Retry, START, State, StateGraph, Update, View, node};
use superstep_macros::Route;
use superstep_providers::{Message, Role, ToolCall, ToolResult};

use super::respond::{AGAIN, Answered};
use super::writes::Writes;
use super::{Hooks, Instruction, Lens, ModelOf, Respond};
use crate::failure::judged;
use crate::tools::Toolbox;

/// The node that asks the model.
pub(crate) const MODEL: &str = "model";

/// The node that runs what the model has called.
pub(crate) const TOOLS: &str = "tools";

/// The node in which a graph of agents ends.
pub(crate) const ANSWER: &str = "answer";

/// How often the model is asked before a user speaks again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) turns: usize,
    /// Whether the last turn has no tools, so that it has to be an answer.
    pub(crate) answers: bool,
}

impl Default for Bound {
    fn default() -> Self {
        Self {
            turns: 25,
            answers: false,
        }
    }
}

/// Whether it is so, of one of these.
type When<T> = Arc<dyn Fn(&T) -> bool + Send + Sync>;

/// Whether it is so of a call, of those that come before it in a message.
type WhenCalled = Arc<dyn Fn(&ToolCall, &[ToolCall]) -> bool + Send + Sync>;

/// What is written with what calls came to.
type Beside<S> = Arc<dyn Fn(&S, &Called) -> Option<<S as State>::Update> + Send + Sync>;

/// What calls came to.
#[derive(Default)]
pub(crate) struct Called {
    /// The results, in the order of the calls.
    pub(crate) results: Vec<ToolResult>,
    /// The calls that the tools have made, as hooks left them, and whose results are
    /// no failures: neither the tool's own nor what hooks made of it.
    pub(crate) done: Vec<ToolCall>,
}

/// A model and its tools that take turns over a state.
///
/// What is set before the nodes are made holds for all of them. The nodes' bodies
/// are methods, so that a graph of another shape can be made of them.
pub(crate) struct Turns<C, S: State> {
    /// Who speaks, if several do: the name on the model's messages.
    pub(crate) speaker: Option<String>,
    pub(crate) model: ModelOf<C>,
    pub(crate) toolbox: Toolbox<C, S>,
    pub(crate) lens: Lens<S>,
    pub(crate) instruction: Option<Instruction<S>>,
    /// Whether the model is told that it may ask for several calls at once.
    pub(crate) parallel_calls: Option<bool>,
    pub(crate) bound: Bound,
    pub(crate) hooks: Hooks<C, S>,
    /// Calls that somebody else answers, and the tools leave alone.
    pub(crate) delegated: Option<WhenCalled>,
    /// What is written when the tools have run, beside their results.
    pub(crate) beside: Option<Beside<S>>,
    /// Whether the loop is left when the tools have run.
    pub(crate) leaves: Option<When<S>>,
    /// What is written of the last answer.
    pub(crate) respond: Option<Respond<S>>,
    /// How the model is asked again.
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
}

/// What follows an answer of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Route)]
pub(crate) enum Next {
    #[route("tools")]
    Tools,
    #[route("answer")]
    Answer,
}

/// What follows the tools.
#[derive(Route)]
enum Back {
    #[route("model")]
    Model,
    #[route(END)]
    Leave,
}

impl<C: Send + Sync + 'static, S: State> Turns<C, S> {
    pub(crate) fn new(model: ModelOf<C>, toolbox: Toolbox<C, S>, lens: Lens<S>) -> Self {
        Self {
            speaker: None,
            model,
            toolbox,
            lens,
            instruction: None,
            parallel_calls: None,
            bound: Bound::default(),
            hooks: Hooks::default(),
            delegated: None,
            beside: None,
            leaves: None,
            respond: None,
            retry: None,
            timeout: None,
        }
    }

    /// The graph of nodes [`MODEL`], [`TOOLS`] and [`ANSWER`].
    #[track_caller]
    pub(crate) fn graph(self, name: impl Into<String>) -> StateGraph<S, C> {
        let turns = Arc::new(self);
        let graph = StateGraph::new(name);
        let graph = Self::add_nodes(&turns, graph, MODEL);
        let (next, leaves) = (Arc::clone(&turns), turns.leaves.clone());
        let graph = graph
            .add_edge(START, MODEL)
            .add_route(MODEL, move |state| next.next(state));
        match leaves {
            None => graph.add_edge(TOOLS, MODEL),
            Some(leaves) => graph.add_route(TOOLS, move |state| match leaves(state) {
                true => Back::Leave,
                false => Back::Model,
            }),
        }
    }

    /// Adds the three nodes, the first of them under that name, and no edges.
    #[track_caller]
    pub(crate) fn add_nodes(
        turns: &Arc<Self>,
        graph: StateGraph<S, C>,
        model: &str,
    ) -> StateGraph<S, C> {
        let asks = Arc::clone(turns);
        let ask = move |state: View<S>, ctx: Ctx<C>| {
            let turns = Arc::clone(&asks);
            async move { writes(turns.ask(&state, &ctx).await.map(Some)) }
        };
        let calls = Arc::clone(turns);
        let call = move |state: View<S>, ctx: Ctx<C>| {
            let turns = Arc::clone(&calls);
            async move { writes(turns.call(&state, &ctx).await.map(Some)) }
        };
        let answers = Arc::clone(turns);
        let answer = move |state: View<S>, ctx: Ctx<C>| {
            let turns = Arc::clone(&answers);
            async move { writes(turns.answer(&state, &ctx).await) }
        };
        let (mut ask, mut answer) = (node(ask), node(answer));
        if let Some(retry) = &turns.retry {
            (ask, answer) = (ask.retry(retry.clone()), answer.retry(retry.clone()));
        }
        if let Some(timeout) = turns.timeout {
            (ask, answer) = (ask.timeout(timeout), answer.timeout(timeout));
        }
        graph
            .add_node(model, ask)
            .add_node(TOOLS, call)
            .add_node(ANSWER, answer)
    }

    /// What follows the state that the model has just written.
    pub(crate) fn next(&self, state: &S) -> Next {
        let messages = self.lens.read(state);
        let mut said = messages.iter().rev();
        let last = said.find(|message| message.role == Role::Assistant);
        match last.is_some_and(|message| message.tool_calls().next().is_some()) {
            true => Next::Tools,
            false => Next::Answer,
        }
    }

    /// Runs the calls that the model has asked for last.
    pub(crate) async fn call(&self, state: &View<S>, ctx: &Ctx<C>) -> NodeResult<S::Update> {
        let open = crate::tools::open_calls(&self.lens.read(state));
        let (_, calls) = self.parted(open);
        let called = self.results(calls, state, ctx).await?;
        let beside = self.beside.as_ref();
        let beside = beside.and_then(|beside| beside(state, &called));
        let results = called.results.into_iter();
        let mut update = self.lens.write(results.map(Message::tool).collect());
        if let Some(beside) = beside {
            update.extend(beside);
        }
        Ok(update)
    }

    /// The calls that somebody else answers, and those that the tools do.
    pub(crate) fn parted(&self, calls: Vec<ToolCall>) -> (Vec<ToolCall>, Vec<ToolCall>) {
        let Some(delegated) = &self.delegated else {
            return (Vec::new(), calls);
        };
        let is_delegated: Vec<bool> = (0..calls.len())
            .map(|at| delegated(&calls[at], &calls[..at]))
            .collect();
        let parted = calls.into_iter().zip(is_delegated);
        let (others, own): (Vec<_>, Vec<_>) = parted.partition(|(_, delegated)| *delegated);
        let calls = |parted: Vec<(ToolCall, bool)>| parted.into_iter().map(|(call, _)| call);
        (calls(others).collect(), calls(own).collect())
    }

    /// What the calls come to.
    async fn results(
        &self,
        calls: Vec<ToolCall>,
        state: &View<S>,
        ctx: &Ctx<C>,
    ) -> NodeResult<Called> {
        let mut results = Vec::with_capacity(calls.len());
        let mut made = Vec::with_capacity(calls.len());
        for call in calls {
            results.push(match self.hooks.before_tool(call, state, ctx).await? {
                ControlFlow::Break(result) => Some(result),
                ControlFlow::Continue(call) => {
                    made.push(call);
                    None
                }
            });
        }
        let came = self.toolbox.run(&made, state, ctx).await?;
        let mut made = made.into_iter().zip(came);
        let mut called = Called::default();
        for result in results {
            let (result, call) = match result {
                Some(result) => (result, None),
                None => match made.next() {
                    Some((call, result)) => (result, Some(call)),
                    None => continue,
                },
            };
            let failed = result.is_error;
            let result = self.hooks.after_tool(result, state, ctx).await?;
            called
                .done
                .extend(call.filter(|_| !failed && !result.is_error));
            called.results.push(result);
        }
        Ok(called)
    }

    /// Writes what is to be written of the last answer.
    async fn answer(&self, state: &View<S>, ctx: &Ctx<C>) -> NodeResult<Option<S::Update>> {
        let Some(respond) = &self.respond else {
            return Ok(None);
        };
        let request = self.request(state)?;
        let said = request.messages.last().map(Message::text);
        if let Some(update) = respond.read(&said.unwrap_or_default()) {
            return update.map(Some);
        }
        let request = request.message(AGAIN);
        let asked = match self.hooks.before_model(request, state, ctx).await? {
            ControlFlow::Break(response) => Answered::of(response),
            ControlFlow::Continue(request) => respond.ask(self.model.get(ctx), request).await?,
        };
        let response = asked.response.clone();
        let response = self.hooks.after_model(response, state, ctx).await?;
        respond.update(asked, &response).map(Some)
    }
}

fn writes<S: State>(update: NodeResult<Option<S::Update>>) -> NodeResult<Writes<S>> {
    Ok(Writes(update.map_err(judged)?))
}
