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

use fixedbitset::FixedBitSet;

use super::attempt::{Shared, Watching};
use super::chance::Seed;
use super::drive::Progress;
use super::inner::{Ended, Nested, go};
use super::joins::referee_of;
use super::limits::{Bounds, RunLimits};
use super::record::{Insides, Record, Recording};
use super::remains::{Inside, Remains};
use super::settle::TaskKey;
use super::spans::{Inside as SpanInside, Spans, Times};
use super::starving::{PlainTask, Starving};
use super::stop::{RunControl, StopCall};
use super::thread::{InsideLedger, OnThread, replay};
use super::traced::Tracer;
use super::watch::Watch;
use crate::compile::{Frozen, Graph, NodeIndex, to_index};
use crate::id::{NodeName, TaskId};
use crate::node::{
    Body, BoxCall, Definition, Frame, GraphInside, Input, InputType, IntoNode, MayFail, NodeError,
    Outcome, Place, Policy, Scope,
};
use crate::state::State;

/// What graphs that are nodes have of the run they are in.
pub(super) struct Nest {
    names: Arc<[NodeName]>,
    bounds: Option<Arc<Bounds>>,
    watch: Option<Arc<Watch>>,
    recursion_limit: Option<u64>,
    thread: Option<OnThread>,
    /// What may drain the run.
    control: Option<RunControl>,
    /// The nodes that are in a race.
    races: FixedBitSet,
    seed: Seed,
    spans: Arc<Spans>,
    /// The joins that have starved in graphs that are nodes, without a thread.
    pub(super) starving: Starving<PlainTask>,
    /// What is alive in graphs that are nodes.
    remains: Arc<Remains>,
    /// Where the graph is that they are nodes of.
    within: Option<Arc<Inside>>,
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
        self.spans.inside(SpanInside {
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

    /// The task that a graph is in.
    fn within(&self, place: Place) -> Arc<Inside> {
        Arc::new(Inside {
            of: Arc::clone(&self.remains),
            task: TaskKey::at(place),
            around: self.within.clone(),
        })
    }

    /// What may drain the graph in a task: nothing, if that is in a race, which a
    /// drain must not decide.
    pub(super) fn control_in(&self, place: Place) -> Option<&RunControl> {
        let races = self.races.contains(place.node as usize);
        self.control.as_ref().filter(|_| !races)
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
                races: races(&self.graph),
                seed: self.seed.clone(),
                spans: Arc::clone(&self.spans),
                starving: Starving::default(),
                remains: Arc::default(),
                within: self.within.clone(),
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

/// The nodes that others may win against, be it a second call of themselves.
fn races<S: State, C>(graph: &Frozen<S, C>) -> FixedBitSet {
    let rules = graph.rules.as_ref();
    let races = |&node: &NodeIndex| {
        let hedged = graph.node(node).policy.hedge.is_some();
        hedged || rules.is_some_and(|rules| rules.is_in_race(node))
    };
    let nodes = (0..graph.nodes.len()).map(to_index);
    nodes.filter(races).map(|node| node as usize).collect()
}

impl<S: State, C> Shared<S, C> {
    /// Returns when nothing is alive of graphs that were nodes and were dropped at
    /// work: in no task, or not in this one.
    pub(super) async fn nothing_remains(&self, task: Option<TaskKey>) {
        if let Some(nest) = self.nest() {
            nest.remains.gone(task).await;
        }
    }

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
            within: Some(nest.within(place)),
            seed: nest.seed_in(place),
            spans: Arc::new(nest.spans.of_inside()),
            tracer,
            scope: None,
        };
        let recursion_limit = nest.recursion_limit.unwrap_or(limits.recursion_limit);
        let shared = shared.nested(Around {
            recursion_limit: nest.recursion_limit,
            thread: ledger.map(|ledger| OnThread::Inside(Arc::clone(ledger))),
            control: nest.control_in(place).cloned(),
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
        definition(&Arc::clone(&self.frozen), Arc::new(SameState(self)))
    }
}

/// A node with that body, which runs this graph.
pub(super) fn definition<P: State, S: State, C>(
    graph: &Frozen<S, C>,
    body: Arc<dyn Body<P, C>>,
) -> Definition<P, C> {
    Definition {
        body,
        fallback: None,
        policy: Policy::default(),
        commands: graph.nodes.iter().any(|node| node.commands),
        nested: true,
        memories: graph.memories.clone(),
        mistakes: Vec::new(),
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
