//! Workers: nodes that are started by sends, each with a value of its own.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;

use crate::state::Data;

/// The name of a worker and the type of its input, in one place.
///
/// Make it a `const`, register a function under it with `add_worker`, and send
/// values to it, from `add_conditional_edges` or from a `Command`. A send of a
/// value of another type does not compile.
///
/// - **It gets** the value, and a `Ctx<C>` if it takes one: `async fn(T)` or
///   `async fn(T, Ctx<C>)`. It has no view of the state: put what it needs into
///   the value.
/// - **The value** is data, as the state is: `Clone`, `Serialize`,
///   `DeserializeOwned`, `Send`, `Sync` and `'static`. Each attempt is given it,
///   or a clone of it.
/// - **Each send is a task of its own**, also of equal values, and runs in the
///   superstep after the one that sent it. `ctx.task()` tells them apart:
///   `review/0` is the first send to `review` of that superstep. An edge out of
///   the worker is followed once, after all of them; with no sends there is
///   nothing to follow it after, see the second example.
/// - **Policies** apply to each task: `node(f).retry(..)`, `.timeout(..)`. A
///   worker cannot be deferred; the node that collects can.
/// - **Many**: all sends of a superstep are at work at once, unless
///   `node(f).max_concurrency(n)` bounds them, a [`Limiter`](super::Limiter), or
///   the run's `max_concurrency`: set one where they call a service. A send
///   costs about a boxed value, a boxed future and an update; ten thousand that
///   wait for nothing are a few milliseconds of work, done on all threads of
///   the runtime.
///
/// # Ordering
///
/// Updates are merged in task order: after those of the superstep's plain
/// nodes, sends in the order in which they were emitted, whatever order they
/// end in. Two that write a field without a reducer are a conflict.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Report {
///     title: String,
///     pages: Vec<String>,
///     #[reduce(Append)]
///     reviews: Vec<String>,
///     summary: String,
/// }
///
/// /// What a reviewer needs: its page, and the title from the state.
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Page {
///     title: String,
///     text: String,
/// }
///
/// const REVIEW: Worker<Page> = Worker::new("review");
///
/// fn split(report: &Report) -> Vec<superstep::SendTo> {
///     let page = |text: &String| Page { title: report.title.clone(), text: text.clone() };
///     report.pages.iter().map(|text| REVIEW.send(page(text))).collect()
/// }
///
/// async fn review(page: Page, ctx: Ctx) -> ReportUpdate {
///     Report::update().reviews(format!("{}: {} of {}", ctx.task(), page.text, page.title))
/// }
///
/// async fn collect(report: View<Report>) -> ReportUpdate {
///     Report::update().summary(report.reviews.join("; "))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Report>::new("report")
///     .add_worker(REVIEW, node(review).timeout(Duration::from_secs(20)))
///     .add_node("collect", collect)
///     .add_conditional_edges(START, split, [REVIEW])
///     .add_edge(REVIEW, "collect") // once, after all of them
///     .compile()?;
///
/// let run = graph.invoke(Report::update().title("Rust").pages(["one", "two"])).await?;
/// assert_eq!(run.ran(), [vec!["review", "review"], vec!["collect"]]);
/// assert_eq!(run.state.summary, "review/0: one of Rust; review/1: two of Rust");
/// # Ok(())
/// # }
/// ```
///
/// When there is nothing to send, no worker runs, the edge out of it is not
/// followed, and the node that collects does not run either. Where it must, the
/// route goes there itself; both targets are declared:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::Target;
/// use superstep::prelude::*;
///
/// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// # struct Report { pages: Vec<String>, #[reduce(Append)] reviews: Vec<String>, summary: String }
/// # const REVIEW: Worker<String> = Worker::new("review");
/// # async fn review(page: String) -> ReportUpdate { Report::update().reviews(page) }
/// # async fn collect(report: View<Report>) -> ReportUpdate {
/// #     Report::update().summary(format!("{} reviews", report.reviews.len()))
/// # }
/// fn split(report: &Report) -> Vec<Target> {
///     if report.pages.is_empty() {
///         return vec!["collect".into()];
///     }
///     report.pages.iter().map(|page| REVIEW.send(page.clone()).into()).collect()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Report>::new("report")
///     .add_worker(REVIEW, review)
///     .add_node("collect", collect)
///     .add_conditional_edges(START, split, ["review", "collect"])
///     .add_edge(REVIEW, "collect")
///     .compile()?;
///
/// let run = graph.invoke(Report::update()).await?;
/// assert_eq!(run.ran(), [["collect"]]);
/// assert_eq!(run.state.summary, "0 reviews");
/// let run = graph.invoke(Report::update().pages(["one", "two"])).await?;
/// assert_eq!(run.state.summary, "2 reviews");
/// # assert!(graph.warnings().is_empty(), "{:?}", graph.warnings());
/// # Ok(())
/// # }
/// ```
pub struct Worker<T>(&'static str, PhantomData<fn() -> T>);

impl<T> Worker<T> {
    /// A worker of that name, which takes a `T`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name, PhantomData)
    }

    /// The worker's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.0
    }

    /// A task for the next superstep: run the worker on `input`.
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::Worker;
    ///
    /// const REVIEW: Worker<String> = Worker::new("review");
    ///
    /// let send = REVIEW.send("page one".to_owned());
    /// assert_eq!(send.worker(), "review");
    /// ```
    #[must_use = "a send does nothing until a route or a command returns it"]
    pub fn send(&self, input: T) -> SendTo
    where
        T: Data,
    {
        SendTo {
            worker: self.0,
            input: Box::new(input),
        }
    }
}

impl<T> Clone for Worker<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Worker<T> {}

impl<T> fmt::Debug for Worker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker<{}>({})", type_name::<T>(), self.0)
    }
}

/// A value on its way to a worker; made by [`Worker::send`].
#[derive(Debug, Clone)]
pub struct SendTo {
    pub(crate) worker: &'static str,
    pub(crate) input: Box<dyn Payload>,
}

impl SendTo {
    /// The name of the worker it goes to.
    #[must_use]
    pub fn worker(&self) -> &'static str {
        self.worker
    }
}

/// The type of a worker's input.
#[derive(Clone, Copy)]
pub(crate) struct InputType {
    /// The worker's own name.
    pub(crate) worker: &'static str,
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
    /// Reads one that was written as JSON.
    pub(crate) read: fn(&str) -> serde_json::Result<Box<dyn Payload>>,
}

impl InputType {
    pub(crate) fn of<T: Data>(worker: &'static str) -> Self {
        Self {
            worker,
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
            read: |json| Ok(Box::new(serde_json::from_str::<T>(json)?)),
        }
    }
}

/// A worker's input without its type.
pub(crate) trait Payload: Send + Sync {
    fn boxed_clone(&self) -> Box<dyn Payload>;
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn input_type(&self) -> TypeId;
    fn type_name(&self) -> &'static str;
    /// As JSON for people; one that cannot be is shown as why not.
    fn to_json(&self) -> Value;
    /// As JSON to be read again.
    fn write(&self) -> serde_json::Result<String>;
}

impl<T: Data> Payload for T {
    fn boxed_clone(&self) -> Box<dyn Payload> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn input_type(&self) -> TypeId {
        TypeId::of::<T>()
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|error| format!("<{error}>").into())
    }

    fn write(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

impl fmt::Debug for dyn Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

impl Clone for Box<dyn Payload> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}
