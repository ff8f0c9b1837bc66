//! A graph that can run: judged, and laid out as vectors of indices.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fixedbitset::FixedBitSet;
use parking_lot::Mutex;
use serde_json::Value;

use super::diagnostic::Diagnostic;
use super::draw::{self, Picture};
use super::picture::{Xray, picture};
use super::rules::Rules;
use super::shape::{NodeIndex, Shape};
use crate::checkpoint::DynCheckpointer;
use crate::graph::{Caching, Limits, Place, Router};
use crate::id::NodeName;
use crate::node::{Arrivals, Body, InputType, Memory, Policy, Question};
use crate::state::State;

/// A graph that was compiled: cheap to clone, and safe to run any number of
/// times at once.
pub struct Graph<S: State, C = ()> {
    pub(crate) frozen: Arc<Frozen<S, C>>,
}

/// What is inside a [`Graph`]. Nodes are numbered in the order of their names.
pub(crate) struct Frozen<S: State, C> {
    pub(crate) name: String,
    pub(crate) names: Arc<[NodeName]>,
    pub(crate) nodes: Vec<FrozenNode<S, C>>,
    /// What a run begins with.
    pub(crate) start: Exits<S>,
    pub(crate) joins: Vec<FrozenJoin>,
    /// The joins that have rules, if there are any.
    pub(crate) rules: Option<Arc<Rules>>,
    /// Makes those who decide about them: the runs know the type.
    pub(crate) referees: Option<Box<dyn Any + Send + Sync>>,
    pub(crate) limits: Limits,
    /// What the recursion limit is called by whoever has set it.
    pub(crate) recursion_limit_by: Option<String>,
    /// The nodes of which only so many tasks may be at work at once, sorted.
    pub(crate) narrow: Vec<(NodeIndex, usize)>,
    pub(crate) threads: Threads,
    /// How its tasks run eagerly, if they do: the runs know the type.
    pub(crate) eager: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) questions: Questions,
    pub(crate) cache: Option<Caching>,
    /// The graphs inside it that remember something of each thread.
    pub(crate) memories: Vec<Memory>,
    /// What pictures and warnings are made of.
    pub(super) shape: Shape,
    pub(super) warnings: Warnings,
}

/// What the graph's threads are kept in, and where runs on them stop.
pub(crate) struct Threads {
    pub(crate) checkpointer: Option<Arc<dyn DynCheckpointer>>,
    pub(crate) lease: Duration,
    /// How many threads are kept as they were left, and where: the runs know
    /// the type.
    pub(crate) most_warm: usize,
    pub(crate) warm: OnceLock<Box<dyn Any + Send + Sync>>,
    pub(crate) before: Vec<NodeIndex>,
    pub(crate) after: Vec<NodeIndex>,
}

/// What is known of the questions that were asked in this process: by node and
/// name, whether an answer is of the type that is asked for.
#[derive(Default)]
pub(crate) struct Questions(Mutex<BTreeMap<(String, String), CheckAnswer>>);

type CheckAnswer = fn(&Value) -> Result<(), String>;

impl Questions {
    pub(crate) fn note(&self, node: &str, question: &Question) {
        let key = (node.to_owned(), question.key.0.clone());
        self.0.lock().insert(key, question.check);
    }

    /// Says why an answer is not what was asked for, as far as that is known.
    pub(crate) fn check(&self, node: &str, name: &str, answer: &Value) -> Result<(), String> {
        let check = self
            .0
            .lock()
            .get(&(node.to_owned(), name.to_owned()))
            .copied();
        check.map_or(Ok(()), |check| check(answer))
    }
}

/// What is worth a second look.
pub(super) struct Warnings {
    /// Where the builder was made.
    pub(super) place: Place,
    /// What was seen in passing.
    pub(super) noticed: Vec<Diagnostic>,
    /// That, and all else, once somebody has asked.
    pub(super) all: OnceLock<Vec<Diagnostic>>,
}

/// The time that a task took its thread in late wide supersteps whose first
/// task was this node's, in nanoseconds; unknown at first.
#[derive(Debug)]
pub(crate) struct Pace(AtomicU64);

impl Pace {
    pub(super) fn unknown() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    /// What that many tasks can be expected to take.
    pub(crate) fn expected(&self, n_tasks: usize) -> Duration {
        let n_tasks = u64::try_from(n_tasks).unwrap_or(u64::MAX);
        Duration::from_nanos(self.0.load(Ordering::Relaxed).saturating_mul(n_tasks))
    }

    /// Notes what that many tasks took. Slow ones are remembered for a while, so
    /// that quick ones in between do not hide them.
    pub(crate) fn note(&self, n_tasks: usize, took: Duration) {
        let Some(nanos) = took.as_nanos().checked_div(n_tasks as u128) else {
            return;
        };
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        let remembered = match self.0.load(Ordering::Relaxed) {
            u64::MAX => 0,
            before => before - before / 16,
        };
        self.0.store(nanos.max(remembered), Ordering::Relaxed);
    }
}

pub(crate) struct FrozenNode<S: State, C> {
    pub(crate) body: Arc<dyn Body<S, C>>,
    /// Called when the task has failed.
    pub(crate) fallback: Option<Arc<dyn Body<S, C>>>,
    pub(crate) policy: Policy,
    /// Whether no policy is in the way of its one attempt, and no join's rule.
    pub(crate) plain: bool,
    /// Whether it is a graph.
    pub(crate) nested: bool,
    /// Whether it may return commands.
    pub(crate) commands: bool,
    /// Whether, moreover, nothing is to be decided when it has ended but what
    /// is ready then.
    pub(crate) alone: bool,
    /// For a worker, the type of its input.
    pub(crate) worker: Option<InputType>,
    /// Where its commands may go, if it says.
    pub(crate) destinations: Option<Box<FrozenDestinations>>,
    /// The fields it may write, if it says.
    pub(crate) writes: Option<FixedBitSet>,
    pub(crate) exits: Exits<S>,
    /// Decides nothing but which threads do the work.
    pub(crate) pace: Pace,
}

/// What follows when a node has run.
pub(crate) struct Exits<S> {
    /// The one node that is ready then, if that is all there is to it: the
    /// short way through planning.
    pub(crate) only: Option<NodeIndex>,
    /// Sorted, each once.
    pub(crate) edges: Vec<NodeIndex>,
    pub(crate) joins: Vec<JoinSource>,
    /// Of the joins that have rules.
    pub(crate) ruled: Vec<JoinSource>,
    pub(crate) routes: Vec<FrozenRoute<S>>,
    /// Whether an edge says that the path ends here, for those who read of it.
    pub(crate) end: bool,
}

/// A source's place in a join.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinSource {
    pub(crate) join: usize,
    pub(crate) source: usize,
}

pub(crate) struct FrozenRoute<S> {
    pub(crate) router: Router<S>,
    /// As they were declared, which is what [`Router::One`] counts by; `None`
    /// is `END`.
    pub(crate) targets: Vec<Option<NodeIndex>>,
    pub(crate) allowed: Allowed,
}

/// Where a node says that its commands may go.
pub(crate) struct FrozenDestinations {
    pub(crate) of: NodeIndex,
    pub(crate) allowed: Allowed,
}

/// What was declared, to be looked up.
#[derive(Debug)]
pub(crate) struct Allowed {
    /// Sorted, each once.
    pub(crate) nodes: Vec<NodeIndex>,
    pub(crate) end: bool,
}

impl Allowed {
    /// `None` is `END`.
    pub(super) fn of(targets: &[Option<NodeIndex>]) -> Self {
        let mut nodes: Vec<NodeIndex> = targets.iter().copied().flatten().collect();
        nodes.sort_unstable();
        nodes.dedup();
        Self {
            nodes,
            end: targets.contains(&None),
        }
    }

    pub(crate) fn allows(&self, node: NodeIndex) -> bool {
        self.nodes.binary_search(&node).is_ok()
    }
}

/// A send that has come to a join: the place of its worker, and its number.
pub(crate) type JoinSend = (usize, u32);

/// A join that waits for all.
#[derive(Debug)]
pub(crate) struct FrozenJoin {
    pub(crate) sources: Vec<NodeIndex>,
    pub(crate) target: NodeIndex,
    /// Whether no run may end while it is half filled.
    pub(crate) strict: bool,
    /// What has come when it fires, made once: of each source a success.
    pub(crate) all_done: Arc<Arrivals>,
}

impl FrozenJoin {
    /// What its target sees, once of its workers these sends have come.
    pub(crate) fn arrivals(&self, sent: &[JoinSend]) -> Arc<Arrivals> {
        match sent {
            [] => Arc::clone(&self.all_done),
            _ => Arc::new(self.all_done.with_sends(sent)),
        }
    }
}

impl<S: State, C> Frozen<S, C> {
    pub(crate) fn node(&self, index: NodeIndex) -> &FrozenNode<S, C> {
        &self.nodes[index as usize]
    }

    pub(crate) fn name_of(&self, index: NodeIndex) -> &NodeName {
        &self.names[index as usize]
    }

    /// Whether a node of it is a graph.
    pub(crate) fn nests(&self) -> bool {
        self.nodes.iter().any(|node| node.nested)
    }

    pub(crate) fn index_of(&self, name: &str) -> Option<NodeIndex> {
        let index = self
            .names
            .binary_search_by(|known| known.as_str().cmp(name));
        index.ok().map(super::shape::to_index)
    }

    /// The graph as something to look at, with so many levels of what is inside
    /// its nodes.
    pub(crate) fn drawn(&self, levels: usize) -> Picture {
        let mut picture = picture(&self.name, &self.shape);
        let Some(levels) = levels.checked_sub(1) else {
            return picture;
        };
        // After `START`, and before bars and `END`.
        for (drawn, node) in picture.nodes[1..].iter_mut().zip(&self.nodes) {
            let inside = node.body.inside().map(|inside| inside.picture(levels));
            let inside = inside.and_then(|inside| inside.downcast::<Picture>().ok());
            drawn.inside = inside.map(|inside| Box::new(inside.with_end()));
        }
        picture
    }

    /// The node that had this name before.
    pub(crate) fn formerly(&self, name: &str) -> Option<NodeIndex> {
        let had = |node: &FrozenNode<S, C>| node.policy.aliases.iter().any(|alias| alias == name);
        self.nodes.iter().position(had).map(super::shape::to_index)
    }
}

impl<S: State, C> Graph<S, C> {
    /// The name given to the builder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.frozen.name
    }

    /// The names of the nodes, sorted: the order of their tasks in a
    /// superstep.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.frozen.names.iter()
    }

    /// What is worth a second look, in the order in which the parts were
    /// added: fields that no write can change, nodes that may conflict, and
    /// nodes that run more often than is usually meant.
    ///
    /// Looked for when it is first called, and then kept.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        let Frozen {
            shape, warnings, ..
        } = &*self.frozen;
        warnings.all.get_or_init(|| {
            let default = serde_json::to_value(S::default()).ok();
            super::warnings(shape, S::schema().fields, default.as_ref(), warnings)
        })
    }

    /// The graph as a Mermaid flowchart; [`xray`](Self::xray) shows what is inside
    /// nodes that are graphs, too.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Default, Serialize, Deserialize)]
    /// # struct Empty {}
    /// let graph = StateGraph::<Empty>::new("one")
    ///     .add_node("only", async |_: View<Empty>| {})
    ///     .add_edge(START, "only")
    ///     .add_edge("only", END)
    ///     .compile()?;
    /// assert!(graph.to_mermaid().contains("flowchart TD"));
    /// # Ok::<(), superstep::CompileError>(())
    /// ```
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        draw::mermaid(&self.frozen.drawn(0))
    }

    /// The graph in Graphviz' DOT language.
    #[must_use]
    pub fn to_dot(&self) -> String {
        draw::dot(&self.frozen.drawn(0))
    }

    /// The graph as a picture in SVG, the same for the same graph.
    #[must_use]
    pub fn to_svg(&self) -> String {
        draw::svg(&self.frozen.drawn(0))
    }

    /// The graph to be drawn with what is inside nodes that are graphs, however
    /// deep.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Default, Serialize, Deserialize)]
    /// # struct Empty {}
    /// # async fn work(_: View<Empty>) {}
    /// let review = StateGraph::<Empty>::new("review")
    ///     .add_node("check", work)
    ///     .add_edge(START, "check")
    ///     .compile()?;
    /// let graph = StateGraph::<Empty>::new("write")
    ///     .add_node("review", review)
    ///     .add_edge(START, "review")
    ///     .compile()?;
    /// assert!(!graph.to_mermaid().contains("check"));
    /// assert!(graph.xray().to_mermaid().contains("check"));
    /// # Ok::<(), superstep::CompileError>(())
    /// ```
    pub fn xray(&self) -> Xray<'_> {
        Xray::new(&*self.frozen)
    }
}

impl<S: State, C> Clone for Graph<S, C> {
    fn clone(&self) -> Self {
        Self {
            frozen: Arc::clone(&self.frozen),
        }
    }
}

impl<S: State, C> fmt::Debug for Graph<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("name", &self.frozen.name)
            .field("nodes", &self.frozen.names)
            .finish_non_exhaustive()
    }
}
