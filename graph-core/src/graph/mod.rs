//! The builder: it records what is said, and where, and judges nothing.

mod cache;
mod join;
mod threads;

pub(crate) use cache::Caching;
pub use join::Join;
pub(crate) use join::{JoinKind, Rule};
pub(crate) use threads::{RecordedBreakpoint, RecordedThreads};

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::node::{
    Definition, InputType, IntoNames, IntoNode, IntoOutcome, IntoTargets, IntoWorker, NodeDefaults,
    Route, Target, Worker, Zero,
};
use crate::state::{Data, State};

/// Where a builder call stands: in the user's source, and among the calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) location: &'static Location<'static>,
    pub(crate) order: usize,
}

/// A route's function.
pub(crate) enum Router<S> {
    /// Takes the one of its targets that has this index.
    One(Arc<dyn Fn(&S) -> usize + Send + Sync>),
    /// Adds any number of targets.
    Many(ManyRouter<S>),
}

type ManyRouter<S> = Arc<dyn Fn(&S, &mut Vec<Target>) + Send + Sync>;

impl<S> Clone for Router<S> {
    fn clone(&self) -> Self {
        match self {
            Self::One(router) => Self::One(Arc::clone(router)),
            Self::Many(router) => Self::Many(Arc::clone(router)),
        }
    }
}

impl<S> Router<S> {
    /// Whether it takes exactly one of its targets each time.
    pub(crate) fn exactly_one(&self) -> bool {
        matches!(self, Self::One(_))
    }
}

pub(crate) struct RecordedNode<S: State, C> {
    pub(crate) name: String,
    /// For a worker, the type of its input.
    pub(crate) worker: Option<InputType>,
    pub(crate) definition: Definition<S, C>,
    pub(crate) place: Place,
}

pub(crate) struct RecordedEdge {
    /// One name is a plain edge, several are a join.
    pub(crate) from: Vec<String>,
    pub(crate) to: Vec<String>,
    /// Of a join that is not like any other; it can have one source.
    pub(crate) rule: Option<Box<Rule>>,
    pub(crate) place: Place,
}

pub(crate) struct RecordedRoute<S> {
    pub(crate) from: Vec<String>,
    pub(crate) to: Vec<String>,
    pub(crate) router: Router<S>,
    pub(crate) place: Place,
}

/// A number that is 0 and must not be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordedZero {
    pub(crate) zero: Zero,
    /// Whether it is one of the nodes' defaults, and not the graph's own.
    pub(crate) default: bool,
    pub(crate) place: Place,
}

/// What a superstep does when one of its tasks fails for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// The tasks still at work are cancelled, and awaited. Which of two
    /// failures ends the run then depends on which comes first.
    #[default]
    Stop,
    /// The tasks still at work end first; the failure that ends the run is
    /// then the first in task order.
    Finish,
}

/// The limits of a run, as the builder sets them for a graph.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) recursion_limit: u64,
    pub(crate) max_concurrency: Option<usize>,
    pub(crate) on_failure: OnFailure,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) superstep_timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recursion_limit: 1000,
            max_concurrency: None,
            on_failure: OnFailure::Stop,
            run_timeout: None,
            superstep_timeout: None,
        }
    }
}

/// Records a graph over state `S`, whose nodes can reach a context `C`.
///
/// Every method takes the builder and gives it back, and none of them fails:
/// `compile` reports all mistakes together, each with the place of its call.
/// The order of the calls means nothing, except that several routes out of one
/// node are asked in the order in which they were added.
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Greeting {
///     name: String,
///     #[reduce(Append)]
///     lines: Vec<String>,
/// }
///
/// async fn hello(state: View<Greeting>) -> GreetingUpdate {
///     Greeting::update().lines(format!("hello, {}", state.name))
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let graph = StateGraph::<Greeting>::new("greeter")
///     .add_node("hello", hello)
///     .add_edge(START, "hello")
///     .add_edge("hello", END)
///     .compile()?;
///
/// let run = graph.invoke(Greeting::update().name("you")).await?;
/// assert_eq!(run.state.lines, ["hello, you"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[must_use = "a builder does nothing until `compile` is called"]
pub struct StateGraph<S: State, C = ()> {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) nodes: Vec<RecordedNode<S, C>>,
    pub(crate) edges: Vec<RecordedEdge>,
    pub(crate) routes: Vec<RecordedRoute<S>>,
    pub(crate) defaults: NodeDefaults,
    pub(crate) limits: Limits,
    /// What the recursion limit is called by whoever has set it.
    pub(crate) recursion_limit_by: Option<String>,
    pub(crate) threads: RecordedThreads,
    /// What is known of joins with rules, if there are any, and what decides about
    /// them: `compile` and the runs know the types.
    pub(crate) rules: Option<Box<dyn Any + Send + Sync>>,
    pub(crate) referees: Option<Box<dyn Any + Send + Sync>>,
    pub(crate) cache: Option<Caching>,
    /// How its tasks run eagerly, and where that was said: the runs know the
    /// type.
    pub(crate) eager: Option<(Arc<dyn Any + Send + Sync>, Place)>,
    /// What is 0 of all this and must not be.
    pub(crate) zeros: Vec<RecordedZero>,
}

impl<S: State, C: Send + Sync + 'static> StateGraph<S, C> {
    /// An empty graph; the name is for drawings, transcripts and errors.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            place: Place {
                location: Location::caller(),
                order: 0,
            },
            nodes: Vec::new(),
            edges: Vec::new(),
            routes: Vec::new(),
            defaults: NodeDefaults::default(),
            limits: Limits::default(),
            recursion_limit_by: None,
            threads: RecordedThreads::default(),
            rules: None,
            referees: None,
            cache: None,
            eager: None,
            zeros: Vec::new(),
        }
    }

    /// Adds a node: an async function of the state, see [`IntoNode`].
    #[track_caller]
    pub fn add_node<N, Marker>(mut self, name: impl Into<String>, node: N) -> Self
    where
        N: IntoNode<S, C, Marker>,
        N::Future: Send,
        <N::Future as Future>::Output: IntoOutcome<S>,
    {
        let place = self.place_here();
        self.nodes.push(RecordedNode {
            name: name.into(),
            worker: None,
            definition: node.into_node(),
            place,
        });
        self
    }

    /// Adds a worker, made by ``const W: Worker<String> = Worker::new("w")``:
    /// the name alone does not say what is sent to it.
    ///
    /// Its function is async and takes the value that is sent, and the
    /// [`Ctx`](crate::Ctx) if it wants one; see [`IntoWorker`], and [`Worker`]
    /// for an example.
    ///
    /// Only sends reach it, each as a task of its own; edges and routes lead out
    /// of it as out of any node.
    #[track_caller]
    pub fn add_worker<T, N, Marker>(mut self, worker: Worker<T>, function: N) -> Self
    where
        T: Data,
        N: IntoWorker<T, S, C, Marker>,
        N::Future: Send,
        <N::Future as Future>::Output: IntoOutcome<S>,
    {
        let place = self.place_here();
        self.nodes.push(RecordedNode {
            name: worker.name().into(),
            worker: Some(InputType::of::<T>(worker.name())),
            definition: function.into_worker(),
            place,
        });
        self
    }

    /// Adds edges, followed each time their source has run.
    ///
    /// Several targets are a fan-out: all become ready. Several sources are a
    /// join: the target becomes ready when all of them have run since it last
    /// did, over any number of supersteps. Out of [`START`](crate::START), an
    /// edge is followed when a run begins; into [`END`](crate::END), it
    /// leads nowhere.
    #[track_caller]
    pub fn add_edge(mut self, from: impl IntoNames, to: impl IntoNames) -> Self {
        let place = self.place_here();
        self.edges.push(RecordedEdge {
            from: from.into_names(),
            to: to.into_names(),
            rule: None,
            place,
        });
        self
    }

    /// Adds a route: each time `from` has run, `choose` looks at the state and
    /// names the one variant of `R` to go to.
    ///
    /// It sees the state that `from` saw plus `from`'s own writes, and never
    /// its siblings'. If `from` has also edges, they are followed too. A panic
    /// in it counts as a failure of `from`.
    #[track_caller]
    pub fn add_route<R: Route>(
        mut self,
        from: impl IntoNames,
        choose: impl Fn(&S) -> R + Send + Sync + 'static,
    ) -> Self {
        let place = self.place_here();
        self.routes.push(RecordedRoute {
            from: from.into_names(),
            to: R::TARGETS.iter().map(|&name| name.into()).collect(),
            router: Router::One(Arc::new(move |state| choose(state).index())),
            place,
        });
        self
    }

    /// Adds conditional edges: each time `from` has run, `choose` looks at the
    /// state and names any number of nodes, or sends to workers.
    ///
    /// `declared` lists everything that it may name; going elsewhere is
    /// `RunError::UnknownTarget`. For what it sees, see
    /// [`add_route`](Self::add_route).
    #[track_caller]
    pub fn add_conditional_edges<T: IntoTargets>(
        mut self,
        from: impl IntoNames,
        choose: impl Fn(&S) -> T + Send + Sync + 'static,
        declared: impl IntoNames,
    ) -> Self {
        let place = self.place_here();
        self.routes.push(RecordedRoute {
            from: from.into_names(),
            to: declared.into_names(),
            router: Router::Many(Arc::new(move |state, targets| {
                choose(state).add_to(targets);
            })),
            place,
        });
        self
    }

    #[track_caller]
    pub(crate) fn place_here(&self) -> Place {
        Place {
            location: Location::caller(),
            order: 1
                + self.nodes.len()
                + self.edges.len()
                + self.routes.len()
                + self.threads.breakpoints.len()
                + usize::from(self.eager.is_some()),
        }
    }

    /// Policies for all nodes and workers, for each as far as it sets none of its
    /// own, whether it was added before or after. A second call adds to the first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use std::time::Duration;
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Count { #[reduce(Sum)] attempts: u32 }
    /// async fn flaky(_: View<Count>, ctx: Ctx) -> NodeResult<CountUpdate> {
    ///     match ctx.attempt() {
    ///         1 => Err("busy".into()),
    ///         n => Ok(Count::update().attempts(n)),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Count>::new("flaky")
    ///     .node_defaults(|node| {
    ///         node.retry(Retry::attempts(3).delay(Duration::ZERO)).timeout(Duration::from_secs(20))
    ///     })
    ///     .add_node("a", flaky)
    ///     .add_node("b", node(flaky).timeout(Duration::from_secs(60))) // tried again as well
    ///     .add_edge(START, ["a", "b"])
    ///     .compile()?;
    /// let run = graph.invoke(Count::update()).await?;
    /// assert_eq!(run.state.attempts, 4);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn node_defaults(mut self, defaults: impl FnOnce(NodeDefaults) -> NodeDefaults) -> Self {
        let place = self.place_here();
        self.defaults = defaults(self.defaults);
        self.zeros.retain(|recorded| !recorded.default);
        self.zeros
            .extend(self.defaults.zeros().into_iter().map(|zero| RecordedZero {
                zero,
                default: true,
                place,
            }));
        self
    }

    /// Notes whether a number of the graph's own is 0, in place of what it was
    /// before.
    #[track_caller]
    pub(crate) fn noted(mut self, what: &'static str, why: &'static str, is_zero: bool) -> Self {
        let place = self.place_here();
        let own = |recorded: &RecordedZero| !recorded.default && recorded.zero.what == what;
        self.zeros.retain(|recorded| !own(recorded));
        if is_zero {
            self.zeros.push(RecordedZero {
                zero: Zero { what, why },
                default: false,
                place,
            });
        }
        self
    }

    /// The most supersteps that a run may take; 1000 by default.
    #[track_caller]
    pub fn recursion_limit(mut self, supersteps: u64) -> Self {
        self.limits.recursion_limit = supersteps;
        self.recursion_limit_by = None;
        self.noted("recursion_limit", "nothing could run", supersteps == 0)
    }

    /// The same where something of another name sets the limit, of whatever builds the
    /// graph: that is what [`RunError::RecursionLimit`](crate::RunError) tells its
    /// reader to raise.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Draft {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Draft>::new("essay")
    ///     .add_node("write", async |_: View<Draft>| {})
    ///     .add_edge(START, "write")
    ///     .add_conditional_edges("write", |_: &Draft| "write", ["write", END])
    ///     .recursion_limit_by(2, "`max_drafts`")
    ///     .compile()?;
    /// let error = graph.invoke(Draft::update()).await.unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "no end was reached within the 2 supersteps of `max_drafts`, \
    ///      the last 2 of which ran `write`, then `write`"
    /// );
    /// assert_eq!(error.help(), "see what still makes `write` ready, or raise `max_drafts`");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn recursion_limit_by(self, supersteps: u64, setting: impl Into<String>) -> Self {
        let mut graph = self.recursion_limit(supersteps);
        graph.recursion_limit_by = Some(setting.into());
        graph
    }

    /// The most tasks at work at once in a run, or in a call of this graph where it is
    /// a node; the run's limit holds beside it. No limit by default. A task that
    /// waits for a limiter, or for its next attempt, is not at work.
    #[track_caller]
    pub fn max_concurrency(mut self, tasks: usize) -> Self {
        self.limits.max_concurrency = Some(tasks);
        self.noted("max_concurrency", "nothing could run", tasks == 0)
    }

    /// How long a run may take before it ends with
    /// [`RunError::TimedOut`](crate::RunError::TimedOut). No limit by default.
    #[track_caller]
    pub fn run_timeout(mut self, timeout: Duration) -> Self {
        self.limits.run_timeout = Some(timeout);
        self.noted("run_timeout", "every run would be late", timeout.is_zero())
    }

    /// How long the tasks of one superstep may take together before the run ends
    /// with [`RunError::TimedOut`](crate::RunError::TimedOut). No limit by
    /// default.
    #[track_caller]
    pub fn superstep_timeout(mut self, timeout: Duration) -> Self {
        self.limits.superstep_timeout = Some(timeout);
        let is_zero = timeout.is_zero();
        self.noted(
            "superstep_timeout",
            "every superstep would be late",
            is_zero,
        )
    }

    /// What a superstep does when one of its tasks fails for good.
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.limits.on_failure = on_failure;
        self
    }
}

impl<S: State, C> fmt::Debug for StateGraph<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.nodes.iter().map(|node| &node.name).collect();
        f.debug_struct("StateGraph")
            .field("name", &self.name)
            .field("nodes", &names)
            .field("edges", &self.edges.len())
            .field("routes", &self.routes.len())
            .finish_non_exhaustive()
    }
}
