//! What a node can reach beside the state.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::desk::Interrupted;
use super::{Arrival, Arrivals, Budget, Desk, Emitter, Failure, NO_ARRIVALS, NodeError};
use crate::id::{NodeName, TaskId};
use crate::slots::Held;

/// The context of a run, and where in it this call stands.
///
/// Reads like a `&C`, the value given to `.context(..)`: clients, pools and
/// keys, which no state should hold.
pub struct Ctx<C = ()> {
    context: Arc<C>,
    names: Arc<[NodeName]>,
    pub(super) place: Place,
    pub(super) desk: Option<Arc<Desk>>,
    pub(super) emitter: Option<Arc<dyn Emitter>>,
    arrivals: Option<Arc<Arrivals>>,
}

/// Where a call of a node stands in its run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) node: u32,
    pub(crate) send: Option<u32>,
    pub(crate) superstep: u64,
    pub(crate) attempt: u32,
}

impl Place {
    /// That of no call.
    pub(crate) const NOWHERE: Self = Self {
        node: 0,
        send: None,
        superstep: 0,
        attempt: 0,
    };
}

/// What an executor lends to a node's body, from which it makes a [`Ctx`] if
/// it takes one.
pub(crate) struct Frame<'a, C> {
    pub(crate) context: &'a Arc<C>,
    pub(crate) names: &'a Arc<[NodeName]>,
    pub(crate) place: Place,
    pub(crate) desk: Option<&'a Arc<Desk>>,
    pub(crate) emitter: Option<&'a Arc<dyn Emitter>>,
    /// What a graph that is a node has of the run it is in; the runs know the
    /// type.
    pub(crate) nest: Option<&'a Arc<dyn Any + Send + Sync>>,
    pub(crate) arrivals: Option<&'a Arc<Arrivals>>,
    /// What the attempt holds: what outlives it keeps that.
    pub(crate) held: Option<&'a Arc<Held>>,
}

impl<C> Frame<'_, C> {
    pub(crate) fn ctx(&self) -> Ctx<C> {
        Ctx {
            context: Arc::clone(self.context),
            names: Arc::clone(self.names),
            place: self.place,
            desk: self.desk.map(Arc::clone),
            emitter: self.emitter.map(Arc::clone),
            arrivals: self.arrivals.map(Arc::clone),
        }
    }
}

impl<C> Ctx<C> {
    /// A context outside any run, to call a node function in a test: node
    /// `test`, superstep 1, attempt 1; see [`View::new`](crate::View::new) for
    /// an example.
    #[must_use]
    pub fn new(context: C) -> Self {
        Self {
            context: Arc::new(context),
            names: Arc::new([NodeName::from("test")]),
            place: Place {
                node: 0,
                send: None,
                superstep: 1,
                attempt: 1,
            },
            desk: None,
            emitter: None,
            arrivals: None,
        }
    }

    /// The context itself, as a shared pointer that can outlive the call.
    #[must_use]
    pub fn context(&self) -> Arc<C> {
        Arc::clone(&self.context)
    }

    /// The name of the node that runs.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        &self.names[self.place.node as usize]
    }

    /// The task that runs: the node, and for a send its number.
    #[must_use]
    pub fn task(&self) -> TaskId {
        TaskId {
            node: self.node().clone(),
            send: self.place.send,
        }
    }

    /// The number of the superstep, from 1.
    #[must_use]
    pub fn superstep(&self) -> u64 {
        self.place.superstep
    }

    /// The number of the attempt, from 1; more under a retry policy.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.place.attempt
    }

    pub(super) fn budget(&self) -> Option<&Budget> {
        self.desk.as_ref()?.budget()
    }

    /// In a fallback, the failure that it is called for; see
    /// [`on_error`](crate::NodeBuilder::on_error).
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.desk.as_ref()?.failure()
    }

    /// The same context after a failure, to call a fallback in a test.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::Ctx;
    ///
    /// async fn apologize(ctx: Ctx) -> String {
    ///     ctx.failure().map(|failure| format!("sorry: {failure}")).unwrap_or_default()
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let ctx = Ctx::new(()).with_failure("no answer");
    /// assert_eq!(apologize(ctx).await, "sorry: no answer");
    /// # }
    /// ```
    #[must_use]
    pub fn with_failure(mut self, error: impl Into<NodeError>) -> Self {
        let failure = Failure::new(error.into(), self.task().to_string(), self.attempt());
        self.desk = Some(Arc::new(Desk::after(self.desk.as_ref(), failure)));
        self
    }

    /// In a [`blocking`](crate::blocking()) function, whether nobody wants its
    /// result any more: the run was cancelled, a sibling failed, or a timeout
    /// passed. An async node is dropped then, and does not see it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.desk.as_ref().is_some_and(|desk| desk.is_cancelled())
    }

    /// One for a function on a thread of its own, and where to tell that it was
    /// cancelled.
    pub(crate) fn on_thread(mut self) -> (Self, Option<Arc<Desk>>) {
        let desk = Arc::new(Desk::on_thread(self.desk.as_ref()));
        self.desk = Some(Arc::clone(&desk));
        (self, Some(desk))
    }

    /// A sign of life, for a node with an
    /// [`idle_timeout`](crate::NodeBuilder::idle_timeout): its attempt has that
    /// long again until the next one. Costs a look at the clock, and does nothing
    /// where there is no such timeout.
    pub fn heartbeat(&self) {
        if let Some(desk) = &self.desk {
            desk.beat();
        }
    }

    /// What the sources of the join came to that made this task ready; nothing
    /// in other tasks. Where the join waits for all, as an edge from several
    /// sources does, each is done.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Trip { plan: String }
    /// async fn assemble(ctx: Ctx) -> TripUpdate {
    ///     let mut plan = String::new();
    ///     for (source, arrival) in ctx.arrivals() {
    ///         plan += &format!("{source} is {arrival}. ");
    ///     }
    ///     Trip::update().plan(plan)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Trip>::new("trip")
    ///     .add_node("flights", async |_: View<Trip>| {})
    ///     .add_node("hotels", async |_: View<Trip>| {})
    ///     .add_node("assemble", assemble)
    ///     .add_edge(START, ["flights", "hotels"])
    ///     .add_edge(["flights", "hotels"], "assemble")
    ///     .compile()?;
    ///
    /// let run = graph.invoke(Trip::update()).await?;
    /// assert_eq!(run.state.plan, "flights is done. hotels is done. ");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`add_join`](crate::StateGraph::add_join) has one of a join that does
    /// without some of them.
    #[must_use]
    pub fn arrivals(&self) -> &Arrivals {
        self.arrivals.as_deref().unwrap_or(&NO_ARRIVALS)
    }

    /// The same context, in the target of a join: to call a node in a test.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{Arrival, Ctx};
    ///
    /// async fn assemble(ctx: Ctx) -> usize {
    ///     ctx.arrivals().done().count()
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let came = [("flights", Arrival::Done), ("hotels", Arrival::TimedOut)];
    /// assert_eq!(assemble(Ctx::new(()).with_arrivals(came)).await, 1);
    /// # }
    /// ```
    #[must_use]
    pub fn with_arrivals<N: AsRef<str>>(
        mut self,
        arrivals: impl IntoIterator<Item = (N, Arrival)>,
    ) -> Self {
        self.arrivals = Some(Arc::new(arrivals.into_iter().collect()));
        self
    }

    /// Asks somebody outside, and pauses the task until there is an answer.
    ///
    /// Returns the answer if the thread was resumed with one. Else it returns
    /// an error, to be handed on with `?`: the body ends, siblings of the
    /// superstep finish, and the run ends with
    /// [`Status::Interrupted`](crate::Status::Interrupted). When the thread is
    /// resumed the body runs again *from its start*: what must not happen twice
    /// before the question goes through [`once`](Self::once), or after it.
    ///
    /// `name` is the question's own in its task, any text without a `#`,
    /// and `value` is what whoever answers needs to see, as JSON. The same name
    /// again in one task is another question, told apart by count. A question's
    /// id is a path: `approve/0/limit` is `limit`, asked by node `approve`; of a
    /// worker the number is the send's, and `approve/0/limit#2` was asked
    /// second.
    ///
    /// # Errors
    ///
    /// When there is no answer yet; when the answer is no `T`; when the run has
    /// no thread, the node is hedged, the name is empty, or the value cannot be
    /// JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use serde_json::json;
    /// use superstep::prelude::*;
    /// use superstep::{MemoryCheckpointer, Status};
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Order {
    ///     total: u32,
    ///     approved: bool,
    /// }
    ///
    /// async fn approve(order: View<Order>, ctx: Ctx) -> NodeResult<OrderUpdate> {
    ///     let approved: bool = ctx.interrupt("approve", json!({ "total": order.total }))?;
    ///     Ok(Order::update().approved(approved))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Order>::new("order")
    ///     .add_node("approve", approve)
    ///     .add_edge(START, "approve")
    ///     .checkpointer(MemoryCheckpointer::new())
    ///     .compile()?;
    ///
    /// let run = graph.invoke(Order::update().total(900)).thread("order-17").await?;
    /// assert_eq!(run.status, Status::Interrupted);
    /// assert_eq!(run.interrupts()[0].id, "approve/0/approve");
    /// assert_eq!(run.interrupts()[0].value, json!({ "total": 900 }));
    ///
    /// let run = graph.resume(true).thread("order-17").await?;
    /// assert_eq!(run.status, Status::Done);
    /// assert!(run.state.approved);
    /// # Ok(())
    /// # }
    /// ```
    pub fn interrupt<T: DeserializeOwned>(
        &self,
        name: &str,
        value: impl Serialize,
    ) -> Result<T, Interrupted> {
        let refuse = |why: String| Err(Interrupted(format!("question `{name}` {why}")));
        let Some(desk) = self.desk.as_ref().filter(|desk| desk.waits()) else {
            return refuse(
                "cannot be asked without a thread to wait on: give the graph a checkpointer, \
                 and the run a thread"
                    .to_owned(),
            );
        };
        if desk.is_hedged() {
            return refuse(
                "cannot be asked in a node with `.hedge(..)`: it may run twice at once".to_owned(),
            );
        }
        if name.is_empty() || name.contains('#') {
            let why = "a question needs a name, without a `#`, which tells those of one name apart";
            return Err(Interrupted(why.to_owned()));
        }
        let value = match serde_json::to_value(value) {
            Ok(value) => value,
            Err(error) => return refuse(format!("cannot be written as JSON: {error}")),
        };
        let Some(answer) = desk.ask(name, value, is_a::<T>) else {
            return refuse("has no answer yet".to_owned());
        };
        T::deserialize(answer)
            .or_else(|error| refuse(format!("was answered with what it is not: {error}")))
    }

    /// Lets an effect happen that a re-run of the task must not repeat.
    ///
    /// The first time, runs `effect` and keeps what it returned; the same key
    /// again in the same task returns what was kept, and runs nothing. That
    /// holds over retries, and on a thread over interrupts, failures and
    /// crashes, until the task's superstep has ended: what was kept is written
    /// before this returns. On a thread with `Durability::Exit`, and in a run
    /// without a thread, it is kept in memory only.
    ///
    /// A crash after the effect and before it was written lets it happen again:
    /// give the other side [`idempotency_key`](Self::idempotency_key), if it
    /// takes one, to tell the two apart. Two calls of a hedged attempt do not wait
    /// for each other, and the effect may happen in both. A fork of the thread is another history, with effects of its own.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `effect`; if that had happened already, it
    /// happens again next time.
    ///
    /// # Errors
    ///
    /// When `effect` fails, of which nothing is kept; when what it returned
    /// cannot be kept, or what was kept is no `T`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use std::time::Duration;
    /// use superstep::NodeError;
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Order {
    ///     receipt: String,
    /// }
    ///
    /// /// A bank that counts the charges.
    /// #[derive(Default)]
    /// struct Bank(AtomicU32);
    ///
    /// async fn pay(_: View<Order>, bank: Ctx<Bank>) -> NodeResult<OrderUpdate> {
    ///     let receipt = bank
    ///         .once("charge", || async {
    ///             let number = bank.0.fetch_add(1, Ordering::Relaxed);
    ///             Ok::<_, NodeError>(format!("receipt {number}"))
    ///         })
    ///         .await?;
    ///     if bank.attempt() == 1 {
    ///         return Err("the printer is out of paper".into());
    ///     }
    ///     Ok(Order::update().receipt(receipt))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Order, Bank>::new("order")
    ///     .add_node("pay", node(pay).retry(Retry::attempts(2).delay(Duration::ZERO)))
    ///     .add_edge(START, "pay")
    ///     .compile()?;
    /// let run = graph.invoke(Order::update()).context(Bank::default()).await?;
    /// assert_eq!(run.state.receipt, "receipt 0"); // charged once, in two attempts
    /// # Ok(())
    /// # }
    /// ```
    pub async fn once<T, E, F, Fut>(&self, key: &str, effect: F) -> Result<T, NodeError>
    where
        T: Serialize + DeserializeOwned,
        E: Into<NodeError>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let done = self.desk.as_ref().and_then(|desk| desk.done_once(key));
        if let Some((json, kept)) = done {
            if let Some(kept) = kept {
                kept.await?;
            }
            return serde_json::from_str(&json).map_err(|error| {
                NodeError::msg(format_args!("what `{key}` came to cannot be read: {error}"))
            });
        }
        let value = effect().await.map_err(E::into)?;
        if let Some(desk) = &self.desk {
            let json = serde_json::to_string(&value).map_err(|error| {
                NodeError::msg(format_args!(
                    "what `{key}` came to cannot be written: {error}"
                ))
            })?;
            // As that a float is written that is no number.
            if json.contains("null") {
                serde_json::from_str::<T>(&json).map_err(|error| {
                    NodeError::msg(format_args!(
                        "what `{key}` came to cannot be read again: {error}"
                    ))
                })?;
            }
            if let Some(kept) = desk.keep_once(key, json) {
                kept.await?;
            }
        }
        Ok(value)
    }

    /// A text by which others can tell an effect of this task that happens again
    /// from another: the same whenever the task runs again, after a failure or a
    /// crash, and different for every other task, superstep, fork and thread.
    /// `None` in a run without a thread.
    ///
    /// It has the thread's name in it, which must not be used again for
    /// something else.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::MemoryCheckpointer;
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Order {
    ///     key: Option<String>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Order>::new("order")
    ///     .add_node("pay", async |ctx: Ctx| {
    ///         Order::update().key(ctx.idempotency_key("charge"))
    ///     })
    ///     .add_edge(START, "pay")
    ///     .checkpointer(MemoryCheckpointer::new())
    ///     .compile()?;
    /// let run = graph.invoke(Order::update()).thread("order-17").await?;
    /// assert_eq!(run.state.key.as_deref(), Some("order-17/1/0/pay/charge"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn idempotency_key(&self, key: &str) -> Option<String> {
        let desk = self.desk.as_ref().filter(|desk| desk.waits())?;
        Some(desk.key_for(key))
    }

    /// The same context, in which a question of that name has an answer: to call
    /// a node that asks in a test.
    ///
    /// # Panics
    ///
    /// When the answer cannot be written as JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{Ctx, View};
    ///
    /// async fn approve(total: View<u32>, ctx: Ctx) -> Result<bool, superstep::NodeError> {
    ///     Ok(ctx.interrupt("approve", *total)?)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let ctx = Ctx::new(()).with_answer("approve", true);
    /// assert!(approve(View::new(900), ctx).await.unwrap());
    /// # }
    /// ```
    #[must_use]
    pub fn with_answer(mut self, name: &str, answer: impl Serialize) -> Self {
        let answer = serde_json::to_value(answer).expect("the answer can be written as JSON");
        let mut answers = match &self.desk {
            Some(desk) => desk.answers().clone(),
            None => BTreeMap::new(),
        };
        let number = answers.keys().filter(|(asked, _)| asked == name).count();
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        answers.insert((name.to_owned(), number), answer);
        let mut desk = Desk::for_a_test(answers);
        desk.failure = self.failure().cloned();
        self.desk = Some(Arc::new(desk));
        self
    }
}

/// Why a value is no `T`.
fn is_a<T: DeserializeOwned>(value: &Value) -> Result<(), String> {
    T::deserialize(value)
        .map(drop)
        .map_err(|error| error.to_string())
}

impl<C> Clone for Ctx<C> {
    fn clone(&self) -> Self {
        Self {
            context: Arc::clone(&self.context),
            names: Arc::clone(&self.names),
            place: self.place,
            desk: self.desk.clone(),
            emitter: self.emitter.clone(),
            arrivals: self.arrivals.clone(),
        }
    }
}

impl<C> Deref for Ctx<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.context
    }
}

impl<C> fmt::Debug for Ctx<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx")
            .field("node", self.node())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
