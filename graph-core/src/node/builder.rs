//! A function on its way to becoming a node, and the policies put on it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use super::cache::CachedByKeyOf;
use super::{
    CachePolicy, Definition, Fallback, IntoNames, IntoNode, IntoOutcome, IntoWorker, Limiter,
    Policy, Retry, Usage,
};
use crate::state::{Data, State};

/// Wraps a function, so that policies can be put on the node it becomes.
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use std::time::Duration;
/// use superstep::prelude::*;
///
/// # #[derive(State, Clone, Default, Serialize, Deserialize)]
/// # struct Page { text: String }
/// async fn fetch(state: View<Page>) -> NodeResult<PageUpdate> {
///     Ok(Page::update().text(state.text.to_uppercase()))
/// }
///
/// let graph = StateGraph::<Page>::new("fetcher")
///     .add_node("fetch", node(fetch).retry(Retry::attempts(3)).timeout(Duration::from_secs(20)))
///     .add_edge(START, "fetch")
///     .add_edge("fetch", END)
///     .compile()?;
/// # Ok::<(), superstep::CompileError>(())
/// ```
pub fn node<F>(function: F) -> NodeBuilder<F> {
    NodeBuilder {
        function,
        policy: Policy::default(),
    }
}

/// A function with policies, on its way to becoming a node; see [`node`].
#[must_use = "a node does nothing until it is added to a graph"]
#[derive(Clone)]
pub struct NodeBuilder<F> {
    function: F,
    policy: Policy,
}

impl<F> NodeBuilder<F> {
    /// Tries again after a failure.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.policy.retry = Some(retry);
        self
    }

    /// Ends each attempt that takes longer than that, as a failure, by
    /// dropping its future. A body that computes without an await is not
    /// interrupted. `Duration::MAX` is no timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = Some(timeout);
        self
    }

    /// Ends each attempt that for so long gave no sign of life, as a failure, by
    /// dropping its future. Signs of life are
    /// [`ctx.heartbeat()`](crate::Ctx::heartbeat) and whatever the body emits;
    /// the first is its start. `Duration::MAX` is no timeout.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use std::time::Duration;
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Page { #[reduce(Append)] chunks: Vec<String> }
    /// # async fn next_chunk(n: usize) -> Option<String> { ["one", "two"].get(n).map(ToString::to_string) }
    /// async fn download(_: View<Page>, ctx: Ctx) -> PageUpdate {
    ///     let mut chunks = Vec::new();
    ///     while let Some(chunk) = next_chunk(chunks.len()).await {
    ///         chunks.push(chunk);
    ///         ctx.heartbeat();
    ///     }
    ///     Page::update().chunks(chunks)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // However long the page is, no chunk may take longer than that.
    /// let graph = StateGraph::<Page>::new("page")
    ///     .add_node("download", node(download).idle_timeout(Duration::from_secs(30)))
    ///     .add_edge(START, "download")
    ///     .compile()?;
    /// let run = graph.invoke(Page::update()).await?;
    /// assert_eq!(run.state.chunks, ["one", "two"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.policy.idle_timeout = Some(timeout);
        self
    }

    /// Lets `handler` take the node's place when it has failed for good: when its
    /// retries are used up, or there were none.
    ///
    /// It is any function that could be the node itself, and finds the failure in
    /// [`ctx.failure()`](crate::Ctx::failure). What it returns is what the node
    /// returns: its edges, routes and joins are followed as if it had succeeded.
    /// It is called once; the node's timeouts hold for it, too. If it fails, the
    /// task fails, with an error that tells both. It takes a place of each
    /// `max_concurrency` that holds for the node, and nothing of the node's
    /// limiters and what the node [`reserves`](Self::reserves): what it does is
    /// not what these are for.
    ///
    /// A graph that is a node can have one, too, and
    /// [`Failure::task`](crate::Failure::task) then says where inside it has failed.
    /// What had finished there is not part of what the node writes.
    ///
    /// It is not called for a question, nor when the run is cancelled. On a
    /// thread, its result is kept as the node's would be; after a crash before
    /// that, the task begins with its first attempt again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Answer {
    ///     text: String,
    ///     note: String,
    /// }
    ///
    /// async fn ask(_: View<Answer>) -> NodeResult<AnswerUpdate> {
    ///     Err("the model is overloaded".into())
    /// }
    ///
    /// async fn apologize(_: View<Answer>, ctx: Ctx) -> AnswerUpdate {
    ///     let why = ctx.failure().map(ToString::to_string).unwrap_or_default();
    ///     Answer::update().text("please ask again later").note(why)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Answer>::new("answer")
    ///     .add_node("ask", node(ask).on_error(apologize))
    ///     .add_node("print", async |_: View<Answer>| {})
    ///     .add_edge(START, "ask")
    ///     .add_edge("ask", "print")
    ///     .compile()?;
    /// let run = graph.invoke(Answer::update()).await?;
    /// assert_eq!(run.state.text, "please ask again later");
    /// assert_eq!(run.state.note, "the model is overloaded");
    /// assert_eq!(run.ran(), [["ask"], ["print"]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_error<H>(self, handler: H) -> NodeBuilder<Fallback<F, H>> {
        NodeBuilder {
            function: Fallback::new(self.function, handler),
            policy: self.policy,
        }
    }

    /// Declares that the node may run twice at once, with the same effect as
    /// once; see [`hedge`](Self::hedge).
    pub fn idempotent(mut self) -> Self {
        self.policy.idempotent = true;
        self
    }

    /// Calls the node a second time beside the first, with the same input, if an
    /// attempt has not ended after that long. `Duration::MAX` is never.
    ///
    /// The first of the two to succeed wins, and the other is dropped. An attempt
    /// fails when all calls of it that have begun have failed: at once, if the
    /// first fails before that time. Both calls are one attempt, under one
    /// timeout, and take one place of `max_concurrency`, one start of each
    /// [`limiter`](Self::limiter) and one reservation.
    ///
    /// The node must be [`idempotent`](Self::idempotent), which `compile` checks.
    /// It cannot ask questions: [`ctx.interrupt`](crate::Ctx::interrupt) is an
    /// error in it. An effect in [`ctx.once`](crate::Ctx::once) may happen in
    /// both calls.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Page { text: String }
    /// /// Counts the requests; the first is never answered.
    /// #[derive(Default)]
    /// struct Server(AtomicU32);
    ///
    /// async fn fetch(server: Ctx<Server>) -> PageUpdate {
    ///     if server.0.fetch_add(1, Ordering::Relaxed) == 0 {
    ///         std::future::pending::<()>().await;
    ///     }
    ///     Page::update().text("a page")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Page, Server>::new("page")
    ///     .add_node("fetch", node(fetch).idempotent().hedge(Duration::from_millis(5)))
    ///     .add_edge(START, "fetch")
    ///     .compile()?;
    /// let run = graph.invoke(Page::update()).context(Server::default()).await?;
    /// assert_eq!(run.state.text, "a page");
    /// # Ok(())
    /// # }
    /// ```
    pub fn hedge(mut self, after: Duration) -> Self {
        self.policy.hedge = Some(after);
        self
    }

    /// The most tasks of the node at work at once in a run. For workers, of which
    /// any number may be sent to.
    ///
    /// A task that waits for its turn does not count towards the run's own
    /// `max_concurrency`; nor does one that waits for its next attempt. In a
    /// subgraph it holds for each run of that graph by itself: a [`Limiter`] holds
    /// for all.
    pub fn max_concurrency(mut self, tasks: usize) -> Self {
        self.policy.max_concurrency = Some(tasks);
        self
    }

    /// Lets each attempt begin only when the limiter has room for it; several
    /// limiters add up. See [`Limiter`] for the order of those who wait.
    ///
    /// A graph that is a node holds its slots until it ends: one of its own nodes
    /// that needs the same may wait for ever.
    pub fn limiter(mut self, limiter: impl Into<Limiter>) -> Self {
        self.policy.gates.add(&limiter.into());
        self
    }

    /// Lets each attempt reserve so much of the run's budget before it begins,
    /// which counts as used when it ends, however it does; one that is exhausted
    /// fails the task. What only the body knows it reserves itself, by
    /// [`Ctx::reserve`](crate::Ctx::reserve).
    pub fn reserves(mut self, usage: impl Into<Usage>) -> Self {
        self.policy.reserves = Some(usage.into());
        self
    }

    /// Takes what the node came to before, where the policy says that it would
    /// come to the same, and keeps what it comes to. The graph needs a cache:
    /// `StateGraph::cache`.
    pub fn cache<I>(mut self, policy: CachePolicy<I>) -> NodeBuilder<CachedByKeyOf<I, F>> {
        self.policy.cache = Some(policy.rule);
        NodeBuilder {
            function: CachedByKeyOf::new(self.function),
            policy: self.policy,
        }
    }

    /// Holds the node back until nothing else is ready; all that are held back
    /// then run together.
    pub fn defer(mut self) -> Self {
        self.policy.defer = true;
        self
    }

    /// Declares where the node's commands may go. They are then drawn and
    /// checked, and a command that goes to another node is an error; to `END`
    /// it may always go.
    pub fn destinations(mut self, names: impl IntoNames) -> Self {
        self.policy.destinations = Some(names.into_names());
        self
    }

    /// Names that the node had before, for threads that wait at it under one of
    /// them.
    pub fn aliases(mut self, names: impl IntoNames) -> Self {
        self.policy.aliases.extend(names.into_names());
        self
    }

    /// Declares the fields that the node writes, so that `compile` can warn of
    /// two nodes that may write the same one in the same superstep. A write to
    /// another field is then an error.
    pub fn writes(mut self, fields: impl IntoNames) -> Self {
        self.policy.writes = Some(fields.into_names());
        self
    }
}

impl<F> fmt::Debug for NodeBuilder<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeBuilder")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Configured<Marker>(PhantomData<Marker>);

#[diagnostic::do_not_recommend]
impl<S, C, Marker, F> IntoNode<S, C, Configured<Marker>> for NodeBuilder<F>
where
    S: State,
    F: IntoNode<S, C, Marker>,
{
    type Future = F::Future;

    fn into_node(self) -> Definition<S, C>
    where
        F::Future: Send,
        <F::Future as Future>::Output: IntoOutcome<S>,
    {
        Definition {
            policy: self.policy,
            ..self.function.into_node()
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T, S, C, Marker, F> IntoWorker<T, S, C, Configured<Marker>> for NodeBuilder<F>
where
    S: State,
    F: IntoWorker<T, S, C, Marker>,
{
    type Future = F::Future;

    fn into_worker(self) -> Definition<S, C>
    where
        T: Data,
        F::Future: Send,
        <F::Future as Future>::Output: IntoOutcome<S>,
    {
        Definition {
            policy: self.policy,
            ..self.function.into_worker()
        }
    }
}
