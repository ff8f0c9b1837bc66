//! Graphs that are nodes of others.
//!
//! 1. A task of such a node is a run of its graph, inside the parent's task:
//!    dropping that ends it, and its failure is the task's.
//! 2. It begins from the state that the parent's task sees, or from an input
//!    made of that, and hands on what its tasks have written, never its whole
//!    state.
//! 3. Permits, the budget, events, the thread and the call's recursion limit are the parent
//!    run's. Supersteps are counted anew in each, and so are the permits that its graph
//!    has beside the run's.
//! 4. A command to the parent ends it with the superstep at work.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::attempt::{Shared, Watching};
use super::chance::Seed;
use super::drive::Progress;
use super::inner::{Ended, Nested, go};
use super::joins::referee_of;
use super::limits::{Bounds, RunLimits};
use super::record::{Insides, Record, Recording};
use super::spans::{Inside, Spans, Times};
use super::starving::{PlainTask, Starving};
use super::stop::{RunControl, StopCall};
use super::thread::{InsideLedger, OnThread, replay};
use super::traced::Tracer;
use super::watch::Watch;
use crate::compile::{Frozen, Graph};
use crate::graph::StateGraph;
use crate::id::{NodeName, TaskId};
use crate::node::{
    Body, BoxCall, Definition, Frame, GraphInside, Input, InputType, IntoNode, IntoWorker, MayFail,
    NodeError, Outcome, Place, Policy, Scope,
};
use crate::state::{Data, State};

/// What graphs that are nodes have of the run they are in.
pub(super) struct Nest {
    names: Arc<[NodeName]>,
    bounds: Option<Arc<Bounds>>,
    watch: Option<Arc<Watch>>,
    recursion_limit: Option<u64>,
    thread: Option<OnThread>,
    /// What may drain the run.
    pub(super) control: Option<RunControl>,
    seed: Seed,
    spans: Arc<Spans>,
    /// The joins that have starved in graphs that are nodes, without a thread.
    pub(super) starving: Starving<PlainTask>,
    tracer: Tracer,
    scope: Arc<Scope>,
    /// Where they leave what they do, if it is recorded.
    insides: Option<Arc<Insides>>,
    /// The workers of the graph that they are nodes of.
    workers: Vec<InputType>,
    /// That of the graph around it.
    outer: Option<Arc<Self>>,
}

impl Nest {
    /// A worker of the graph so many levels up from one that is a node.
    pub(super) fn worker(&self, levels: usize, name: &str) -> Option<InputType> {
        if levels > 1 {
            return self.outer.as_ref()?.worker(levels - 1, name);
        }
        let mut workers = self.workers.iter();
        workers.find(|worker| worker.worker == name).copied()
    }

    /// Notes when the tasks of a graph were at work that a task has run.
    pub(super) fn note(&self, place: Place, times: Times) {
        self.spans.inside(Inside {
            node: place.node,
            send: place.send,
            times,
        });
    }

    /// Where the graph stands in a task: `review/0`.
    pub(super) fn path_of(&self, place: Place) -> String {
        let node = &self.names[place.node as usize];
        format!("{node}/{}", place.send.unwrap_or(0))
    }

    fn seed_in(&self, place: Place) -> Seed {
        let node = self.names[place.node as usize].clone();
        let send = place.send;
        self.seed.inside(place.superstep, &TaskId { node, send })
    }

    /// The ledger of a graph that is a node, in a task.
    fn ledger<S: State, C>(&self, place: Place, graph: &Frozen<S, C>) -> Option<Arc<InsideLedger>> {
        let node = &self.names[place.node as usize];
        let thread = self.thread.as_ref()?;
        Some(Arc::new(thread.inside(node, place.send, graph)))
    }
}

/// What a call, and the graph around, have to do with a run.
#[derive(Default)]
pub(super) struct Around {
    /// The call's own limit.
    pub(super) recursion_limit: Option<u64>,
    pub(super) thread: Option<OnThread>,
    /// What the graph around has, and its task that this is in.
    pub(super) outer: Option<(Arc<Nest>, Place)>,
    /// What may drain the graph around.
    pub(super) control: Option<RunControl>,
    /// Where graphs that are nodes leave what they do, if it is recorded.
    pub(super) insides: Option<Arc<Insides>>,
}

impl Around {
    fn outer_task(&self) -> Option<(&Arc<Scope>, Place)> {
        let (nest, place) = self.outer.as_ref()?;
        Some((&nest.scope, *place))
    }
}

impl<S: State, C> Shared<S, C> {
    /// The same, to be shared; graphs that are nodes of its graph are told what
    /// they need.
    pub(super) fn nested(mut self, around: Around) -> Arc<Self> {
        let scope = Arc::new(self.new_scope(around.outer_task()));
        self.scope = Some(Arc::clone(&scope));
        if self.graph.nests() {
            let workers = self.graph.nodes.iter().filter_map(|node| node.worker);
            self.nest = Some(Arc::new(Nest {
                names: Arc::clone(&self.graph.names),
                bounds: self.limits.bounds().map(Arc::clone),
                watch: self.watch().cloned(),
                recursion_limit: around.recursion_limit,
                thread: around.thread,
                control: around.control.or_else(|| {
                    let stops = self.stops.as_ref();
                    stops.and_then(|stops| stops.control().cloned())
                }),
                seed: self.seed.clone(),
                spans: Arc::clone(&self.spans),
                starving: Starving::default(),
                tracer: self.tracer.clone(),
                scope,
                insides: around.insides,
                workers: workers.collect(),
                outer: around.outer.map(|(nest, _)| nest),
            }));
        }
        Arc::new(self)
    }
}

impl<S: State, C> Shared<S, C> {
    /// What tasks find out by themselves; in a task of another graph, if that is
    /// given.
    fn new_scope(&self, outer: Option<(&Arc<Scope>, Place)>) -> Scope {
        let emitter = self.watching.as_ref();
        let emitter = emitter.map(|watching| Arc::clone(&watching.emitter));
        let budget = self.limits.budget().cloned();
        let scope = Scope::new(Arc::clone(&self.graph.names), emitter, budget);
        match outer {
            None => scope,
            Some((outer, place)) => scope.inside(outer, place),
        }
    }
}

/// A graph inside a run, and where.
pub(super) struct InRun<S: State, C> {
    graph: Arc<Frozen<S, C>>,
    context: Arc<C>,
    pub(super) nest: Arc<Nest>,
    /// The parent's task.
    pub(super) place: Place,
}

impl<S: State, C: Send + Sync + 'static> InRun<S, C> {
    pub(super) fn new(graph: &Graph<S, C>, frame: &Frame<'_, C>) -> Self {
        let nest = frame.nest.map(Arc::clone);
        let nest = nest.and_then(|nest| nest.downcast().ok());
        Self {
            graph: Arc::clone(&graph.frozen),
            context: Arc::clone(frame.context),
            nest: nest.expect("a run knows of the graphs that are its nodes"),
            place: frame.place,
        }
    }

    /// Runs the graph from `state`, to which `input` is applied.
    pub(super) async fn run(
        self,
        state: Arc<S>,
        input: S::Update,
        hands: bool,
    ) -> Result<Ended<S>, NodeError> {
        let ledger = self.ledger();
        let around = (Arc::clone(&self.nest), self.place);
        let mut recording = self.recording();
        let progress = self.begin(state, hands, ledger.as_ref(), recording.record());
        let ended = go(around, progress, ledger.as_deref(), input).await;
        let ended = ended.map(|progress| {
            if let Some(ledger) = ledger {
                ledger.hand_on();
            }
            Ended::of(progress)
        });
        recording.ends(&ended);
        ended
    }

    /// Records what it does, if somebody wants to know.
    pub(super) fn recording(&self) -> Recording {
        Recording::begin(self.nest.insides.as_ref(), self.place, &self.graph)
    }

    pub(super) fn ledger(&self) -> Option<Arc<InsideLedger>> {
        self.nest.ledger(self.place, &self.graph)
    }

    pub(super) fn begin<'r>(
        self,
        state: Arc<S>,
        hands: bool,
        ledger: Option<&Arc<InsideLedger>>,
        record: Option<&'r mut Record>,
    ) -> Progress<'r, S, C> {
        let Self {
            graph,
            context,
            nest,
            place,
        } = self;
        let watch = nest.watch.as_ref();
        let watch = watch.map(|watch| watch.inside(place, Arc::clone(&graph.names)));
        let limits = graph.limits;
        let tracer = nest.tracer.inside(place, &graph.name, &graph.names);
        let shared = Shared {
            referee: referee_of(&graph),
            limits: RunLimits::inside(nest.bounds.as_ref(), limits.max_concurrency, &graph.narrow),
            graph,
            context: Some(context),
            ledger: ledger.map(|ledger| Arc::clone(ledger) as _),
            watching: watch.map(Watching::new),
            stops: StopCall::default().begin(limits.run_timeout, limits.superstep_timeout),
            nest: None,
            seed: nest.seed_in(place),
            spans: Arc::new(nest.spans.of_inside()),
            tracer,
            scope: None,
        };
        let recursion_limit = nest.recursion_limit.unwrap_or(limits.recursion_limit);
        let shared = shared.nested(Around {
            recursion_limit: nest.recursion_limit,
            thread: ledger.map(|ledger| OnThread::Inside(Arc::clone(ledger))),
            control: nest.control.clone(),
            insides: record.as_ref().map(|record| record.insides()),
            outer: Some((nest, place)),
        });
        let mut progress = Progress::new(shared, recursion_limit);
        progress.observer = record.map(|record| record as _);
        progress.state = state;
        progress.nested = Some(Box::new(Nested::new(hands)));
        progress
    }
}

/// The future of a graph that is a node.
pub(super) type Running<S> = Pin<Box<dyn Future<Output = Result<Outcome<S>, NodeError>> + Send>>;

#[doc(hidden)]
#[derive(Debug)]
pub enum OfGraph {}

impl MayFail for OfGraph {}

/// A graph over the same state is a node: what its nodes write is handed on, one
/// write after another, as if this node had written it.
#[diagnostic::do_not_recommend]
impl<S: State, C: Send + Sync + 'static> IntoNode<S, C, OfGraph> for Graph<S, C> {
    type Future = Running<S>;

    fn into_node(self) -> Definition<S, C> {
        Definition {
            commands: self.frozen.nodes.iter().any(|node| node.commands),
            memories: self.frozen.memories.clone(),
            body: Arc::new(SameState(self)),
            policy: Policy::default(),
            nested: true,
            fallback: None,
        }
    }
}

struct SameState<S: State, C>(Graph<S, C>);

impl<S: State, C: Send + Sync + 'static> Body<S, C> for SameState<S, C> {
    fn call(&self, input: Input<'_, S>, frame: &Frame<'_, C>) -> BoxCall<S> {
        let inside = InRun::new(&self.0, frame);
        let Input::State(state) = input else {
            unreachable!("a graph that is a node was sent a value");
        };
        let run = inside.run(Arc::clone(state), S::Update::default(), true);
        let outcome = async move {
            let ended = run.await?;
            Ok::<_, NodeError>(Outcome {
                update: ended.handed,
                targets: ended.targets,
            })
        };
        Box::pin(outcome)
    }

    fn inside(&self) -> Option<&dyn GraphInside> {
        Some(&*self.0.frozen)
    }

    fn replay(&self, input: Input<'_, S>, again: &mut dyn Any) {
        if let Input::State(state) = input {
            replay(
                &self.0,
                Arc::clone(state),
                S::Update::default(),
                true,
                again,
            );
        }
    }
}

/// A graph with a state of its own, as a node of another: see [`subgraph`].
#[derive(Debug, Clone)]
#[must_use = "a subgraph does nothing until it is added to a graph"]
pub struct Subgraph<S: State, C, I, O> {
    pub(super) graph: Graph<S, C>,
    pub(super) input: I,
    pub(super) output: O,
}

/// A graph with a state of its own, to be a node of another graph, or a worker.
///
/// Each time the node runs, `input` makes the subgraph's input of what the node
/// is given: the parent's state, or for a worker the value that was sent. When the
/// subgraph is done, `output` makes the parent's update of its state.
///
/// Policies are put on it by [`node`](crate::node).
///
/// # Examples
///
/// One subgraph, for many documents at once:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::subgraph;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Review {
///     text: String,
///     #[reduce(Append)]
///     remarks: Vec<String>,
/// }
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Report {
///     #[reduce(Append)]
///     remarks: Vec<String>,
/// }
///
/// const REVIEW: Worker<String> = Worker::new("review");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let review = StateGraph::<Review>::new("review")
///     .add_node("length", async |doc: View<Review>| {
///         Review::update().remarks(format!("{} letters", doc.text.len()))
///     })
///     .add_edge(START, "length")
///     .compile()?;
/// let graph = StateGraph::<Report>::new("report")
///     .add_worker(
///         REVIEW,
///         subgraph(
///             review,
///             |text: &String| Review::update().text(text.clone()),
///             |review: &Review| Report::update().remarks(review.remarks.clone()),
///         ),
///     )
///     .add_conditional_edges(
///         START,
///         |_: &Report| ["one", "three"].map(|text| REVIEW.send(text.to_owned())),
///         [REVIEW],
///     )
///     .compile()?;
/// let run = graph.invoke(Report::update()).await?;
/// assert_eq!(run.state.remarks, ["3 letters", "5 letters"]);
/// # Ok(())
/// # }
/// ```
pub fn subgraph<S: State, C, I, O>(
    graph: Graph<S, C>,
    input: I,
    output: O,
) -> Subgraph<S, C, I, O> {
    Subgraph {
        graph,
        input,
        output,
    }
}

impl<S: State, C: Send + Sync + 'static> StateGraph<S, C> {
    /// Adds a graph with a state of its own as a node: `input` makes its input of
    /// the state, and `output` the update of what it has come to. The same as
    /// `add_node` with a [`subgraph`], which shows more.
    #[track_caller]
    pub fn add_subgraph<T: State>(
        self,
        name: impl Into<String>,
        graph: Graph<T, C>,
        input: impl Fn(&S) -> T::Update + Send + Sync + 'static,
        output: impl Fn(&T) -> S::Update + Send + Sync + 'static,
    ) -> Self {
        self.add_node::<_, OfSubgraph>(name, subgraph(graph, input, output))
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub enum OfSubgraph {}

impl MayFail for OfSubgraph {}

#[diagnostic::do_not_recommend]
impl<P, S, C, I, O> IntoNode<P, C, OfSubgraph> for Subgraph<S, C, I, O>
where
    P: State,
    S: State,
    C: Send + Sync + 'static,
    I: Fn(&P) -> S::Update + Send + Sync + 'static,
    O: Fn(&S) -> P::Update + Send + Sync + 'static,
{
    type Future = Running<P>;

    fn into_node(self) -> Definition<P, C> {
        Definition {
            commands: self.graph.frozen.nodes.iter().any(|node| node.commands),
            memories: self.graph.frozen.memories.clone(),
            body: Arc::new(OwnState {
                graph: self.graph,
                input: self.input,
                output: Arc::new(self.output),
            }),
            policy: Policy::default(),
            nested: true,
            fallback: None,
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T, P, S, C, I, O> IntoWorker<T, P, C, OfSubgraph> for Subgraph<S, C, I, O>
where
    P: State,
    S: State,
    C: Send + Sync + 'static,
    I: Fn(&T) -> S::Update + Send + Sync + 'static,
    O: Fn(&S) -> P::Update + Send + Sync + 'static,
{
    type Future = Running<P>;

    fn into_worker(self) -> Definition<P, C>
    where
        T: Data,
    {
        let input = self.input;
        Definition {
            commands: self.graph.frozen.nodes.iter().any(|node| node.commands),
            memories: self.graph.frozen.memories.clone(),
            body: Arc::new(OwnStateOfSent {
                graph: self.graph,
                input: move |sent: &dyn Any| {
                    let sent = sent.downcast_ref::<T>();
                    input(sent.expect("a send's type is checked before its task is planned"))
                },
                output: Arc::new(self.output),
            }),
            policy: Policy::default(),
            nested: true,
            fallback: None,
        }
    }
}

struct OwnState<S: State, C, I, O> {
    graph: Graph<S, C>,
    input: I,
    output: Arc<O>,
}

struct OwnStateOfSent<S: State, C, I, O> {
    graph: Graph<S, C>,
    input: I,
    output: Arc<O>,
}

impl<P, S, C, I, O> Body<P, C> for OwnState<S, C, I, O>
where
    P: State,
    S: State,
    C: Send + Sync + 'static,
    I: Fn(&P) -> S::Update + Send + Sync + 'static,
    O: Fn(&S) -> P::Update + Send + Sync + 'static,
{
    fn call(&self, input: Input<'_, P>, frame: &Frame<'_, C>) -> BoxCall<P> {
        let Input::State(state) = input else {
            unreachable!("a graph that is a node was sent a value");
        };
        mapped(
            InRun::new(&self.graph, frame),
            (self.input)(state),
            &self.output,
        )
    }

    fn inside(&self) -> Option<&dyn GraphInside> {
        Some(&*self.graph.frozen)
    }

    fn replay(&self, input: Input<'_, P>, again: &mut dyn Any) {
        if let Input::State(state) = input {
            let input = (self.input)(state);
            replay(&self.graph, Arc::default(), input, false, again);
        }
    }
}

impl<P, S, C, I, O> Body<P, C> for OwnStateOfSent<S, C, I, O>
where
    P: State,
    S: State,
    C: Send + Sync + 'static,
    I: Fn(&dyn Any) -> S::Update + Send + Sync + 'static,
    O: Fn(&S) -> P::Update + Send + Sync + 'static,
{
    fn call(&self, input: Input<'_, P>, frame: &Frame<'_, C>) -> BoxCall<P> {
        let Input::Sent(sent) = input else {
            unreachable!("a worker was started without a value");
        };
        let input = (self.input)(&*sent.into_any());
        mapped(InRun::new(&self.graph, frame), input, &self.output)
    }

    fn inside(&self) -> Option<&dyn GraphInside> {
        Some(&*self.graph.frozen)
    }

    fn replay(&self, input: Input<'_, P>, again: &mut dyn Any) {
        if let Input::Sent(sent) = input {
            let input = (self.input)(&*sent.into_any());
            replay(&self.graph, Arc::default(), input, false, again);
        }
    }
}

/// A run of a graph with a state of its own.
fn mapped<P, S, C, O>(inside: InRun<S, C>, input: S::Update, output: &Arc<O>) -> BoxCall<P>
where
    P: State,
    S: State,
    C: Send + Sync + 'static,
    O: Fn(&S) -> P::Update + Send + Sync + 'static,
{
    let output = Arc::clone(output);
    let run = inside.run(Arc::new(S::default()), input, false);
    let outcome = async move {
        let ended = run.await?;
        Ok::<_, NodeError>(Outcome {
            update: Some(output(&ended.state)),
            targets: ended.targets,
        })
    };
    Box::pin(outcome)
}
