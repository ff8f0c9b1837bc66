//! The loop as a graph: its nodes, and what leads from one to the other.

use std::ops::ControlFlow;
use std::sync::Arc;

use superstep_core::{Ctx, END, NodeResult, START, State, StateGraph, Target, Update, View};
use superstep_providers::{Message, ToolCall, ToolResult};

use super::delegate::Desk;
use super::handover::{self, Contact};
use super::special::Plain;
use super::writes::Writes;
use super::{Callee, Hooks, Instruction, Lens, ModelOf, Respond, Special};
use crate::bounds::supersteps;
use crate::failure::judged;
use crate::policies::Policies;
use crate::tools::{Toolbox, open_calls};

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
/// What is set before the nodes are made holds for all of them.
pub(crate) struct Turns<C, S: State> {
    /// Who speaks, if several do: the name on the model's messages.
    pub(crate) speaker: Option<String>,
    pub(super) model: ModelOf<C>,
    pub(crate) toolbox: Toolbox<C, S>,
    pub(super) lens: Lens<S>,
    pub(crate) instruction: Option<Instruction<S>>,
    /// Whether the model is told that it may ask for several calls at once.
    pub(crate) parallel_calls: Option<bool>,
    pub(crate) bound: Bound,
    pub(crate) hooks: Hooks<C, S>,
    /// To whom it can hand on.
    pub(super) contacts: Vec<Contact>,
    /// The agents that it can call.
    desks: Vec<Desk<S>>,
    /// Whether the loop is left without an answer.
    pub(crate) leaves: Option<When<S>>,
    /// What is written of the last answer.
    pub(crate) respond: Option<Respond<S>>,
    /// How the model is asked again.
    pub(crate) policies: Policies,
    pub(crate) special: Arc<dyn Special<S>>,
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
            contacts: Vec::new(),
            desks: Vec::new(),
            leaves: None,
            respond: None,
            policies: Policies::default(),
            special: Arc::new(Plain),
        }
    }

    /// Lets the model hand on to these.
    #[track_caller]
    pub(crate) fn hand_on_to(&mut self, contacts: Vec<Contact>) {
        if !contacts.is_empty() {
            let tool = handover::tool(&contacts, self.lens.clone());
            self.toolbox = std::mem::take(&mut self.toolbox).add_all([tool]);
        }
        self.contacts = contacts;
    }

    /// Lets the model call these, which the graph is to be made with.
    #[track_caller]
    pub(crate) fn call_agents(&mut self, agents: &[Callee<C, S>]) {
        let tools = agents.iter().map(Callee::tool);
        self.toolbox = std::mem::take(&mut self.toolbox).add_all(tools);
        self.desks = agents.iter().map(Callee::desk).collect();
    }

    /// The graph of a node that asks the model, under that name, of [`TOOLS`] and
    /// [`ANSWER`], and of the agents that the model calls.
    #[track_caller]
    pub(crate) fn graph(
        self,
        name: impl Into<String>,
        model: &str,
        agents: Vec<Callee<C, S>>,
    ) -> StateGraph<S, C> {
        let names = self.desks.iter().map(Desk::name);
        let leaves = self.leaves.as_ref().map(|_| END);
        let targets: Vec<&str> = names.chain([TOOLS, ANSWER]).chain(leaves).collect();
        let turns = Arc::new(self);
        let graph = StateGraph::new(name).recursion_limit(supersteps(turns.bound.turns, 2, 1));
        let graph = Self::add_nodes(&turns, graph, model);
        let graph = graph
            .add_edge(START, model)
            .add_conditional_edges(model, move |state| turns.targets(state), targets)
            .add_edge(TOOLS, model);
        let add = |graph, agent: Callee<C, S>| agent.add(graph, model);
        agents.into_iter().fold(graph, add)
    }

    /// Adds the three nodes, the first of them under that name, and no edges.
    #[track_caller]
    fn add_nodes(turns: &Arc<Self>, graph: StateGraph<S, C>, model: &str) -> StateGraph<S, C> {
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
        graph
            .add_node(model, turns.policies.node(ask))
            .add_node(TOOLS, call)
            .add_node(ANSWER, turns.policies.node(answer))
    }

    /// What follows the state that the model has just written.
    fn targets(&self, state: &S) -> Vec<Target> {
        if self.is_left(state) {
            return vec![END.into()];
        }
        let calls = open_calls(self.lens.all(state));
        if calls.is_empty() {
            return vec![ANSWER.into()];
        }
        let asked: Vec<_> = (0..calls.len())
            .map(|at| self.asked_of(&calls, at))
            .collect();
        let tools = asked.iter().any(Option::is_none).then(|| TOOLS.into());
        let sends = asked.into_iter().zip(&calls).filter_map(|(asked, call)| {
            let (desk, request) = asked?;
            Some(Target::Send(desk.send(state, call, request)))
        });
        tools.into_iter().chain(sends).collect()
    }

    pub(super) fn is_left(&self, state: &S) -> bool {
        self.leaves.as_ref().is_some_and(|leaves| leaves(state))
    }

    /// The agent that answers a call of a message, and what it is asked; none, if the
    /// tools do.
    fn asked_of(&self, calls: &[ToolCall], at: usize) -> Option<(&Desk<S>, String)> {
        let (before, call) = (calls.get(..at)?, calls.get(at)?);
        let mut desks = self.desks.iter();
        desks.find_map(|desk| Some((desk, desk.request(call, before)?)))
    }

    /// Runs the calls that the model has asked for last.
    async fn call(&self, state: &View<S>, ctx: &Ctx<C>) -> NodeResult<S::Update> {
        let open = open_calls(self.lens.all(state));
        let own = (0..open.len()).filter(|at| self.asked_of(&open, *at).is_none());
        let own = own.filter_map(|at| open.get(at).cloned());
        let called = self.results(own.collect(), state, ctx).await?;
        let to = called.done.iter().find_map(handover::target);
        let beside = to.map(|to| self.special.hands_on(to)).into_iter();
        let beside = beside.chain(self.special.beside(&called));
        let words = match self.special.is_left_by(&called) {
            true => self.last_words(state).transpose()?,
            false => None,
        };
        let beside = beside.chain(words);
        let written = self.hooks.after_tools.iter();
        let beside = beside.chain(written.filter_map(|write| write(&called.results, state)));
        let beside: Vec<S::Update> = beside.collect();
        let results = called.results.into_iter().map(Message::tool);
        let mut update = self.lens.write(results.collect());
        for more in beside {
            update.extend(more);
        }
        Ok(update)
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
}

fn writes<S: State>(update: NodeResult<Option<S::Update>>) -> NodeResult<Writes<S>> {
    Ok(Writes(update.map_err(judged)?))
}
