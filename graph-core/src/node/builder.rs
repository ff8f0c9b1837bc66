//! A function on its way to becoming a node, and the policies put on it.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use super::{Definition, IntoNames, IntoNode, IntoOutcome, IntoWorker, Policy, Retry};
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
