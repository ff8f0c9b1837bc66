//! A run before its `.await`.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;
use serde_json::Value;

use super::attempt::{Shared, Watching};
use super::chance::Seed;
use super::drive::Progress;
use super::error::RunError;
use super::given::{Given, HasContext, IntoContext, NoContext};
use super::hooks::Hooks;
use super::joins::referee_of;
use super::limits::RunLimits;
use super::nest::Around;
use super::result::Run;
use super::spans::Spans;
use super::stop::{StopCall, Stops};
use super::thread::{Answers, Begin, Parts, Running, ThreadCall};
use super::traced::Tracer;
use super::watch::{Events, Hub, Start, Watch, WatchedBy, Watcher, next_run};
use crate::compile::Graph;
use crate::event::Origin;
use crate::id::ThreadId;
use crate::node::{BoxFuture, Budget};
use crate::state::State;

impl<S: State, C: Send + Sync + 'static> Graph<S, C> {
    /// A run with this input, which is applied to the state's [`Default`];
    /// `.await` starts it.
    ///
    /// # Ordering
    ///
    /// The tasks of a superstep run at the same time, on all threads of the
    /// runtime; a superstep of one task runs where the run is awaited. Which
    /// thread starts a task, and inside which task of the runtime, is not said,
    /// so that nodes cannot rely on task-locals. A body that blocks its thread
    /// takes a core; [`blocking`](crate::blocking()) is for more of these than
    /// there are cores. Updates are merged in task order. The result is a function of the graph and the
    /// input, as far as the nodes are. Of several failures in one superstep,
    /// the one that comes first is returned; under
    /// [`OnFailure::Finish`](crate::OnFailure::Finish) the first in task order.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the run: nothing is started any more. A task
    /// alone in its superstep is gone when the drop returns; of several, each is
    /// gone only when the runtime next comes to it, or, if at work on another
    /// thread, at its next await. To know that all are gone, cancel by
    /// [`RunControl`](crate::RunControl) and await the run: when it returns,
    /// none is alive, but for a function in [`blocking`](crate::blocking()).
    ///
    /// # Errors
    ///
    /// The future returns a [`RunError`] when a node fails for good, two tasks
    /// of a superstep write a field that takes one writer, a reducer panics, a
    /// route or command names what is not there, the run takes too many
    /// supersteps, or its runtime is shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Count {
    ///     #[reduce(Sum)]
    ///     n: u32,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Count>::new("double")
    ///     .add_node("double", async |state: View<Count>| Count::update().n(state.n))
    ///     .add_edge(START, "double")
    ///     .compile()?;
    /// let run = graph.invoke(Count::update().n(21)).await?;
    /// assert_eq!(run.state.n, 42);
    /// assert_eq!(run.supersteps(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invoke(&self, input: S::Update) -> Invocation<S, C, NoContext> {
        Invocation {
            graph: self.clone(),
            input,
            context: NoContext,
            recursion_limit: None,
            max_concurrency: None,
            budget: None,
            seed: None,
            running: None,
            begin: Begin::Input,
            call: None,
            watched_by: None,
            stop: None,
        }
    }

    /// A run that goes on with a thread, which is waiting for one answer: this,
    /// given to the one question that is open.
    ///
    /// Name the thread by `.thread(id)`. The tasks that asked run again from
    /// their start; nothing else does.
    ///
    /// # Errors
    ///
    /// The future returns [`RunError::UnknownInterrupt`] when the thread asks
    /// nothing, or several questions, [`RunError::Answer`] when the answer is
    /// not of the type that was asked for, and whatever
    /// [`invoke`](Self::invoke) does.
    ///
    /// # Examples
    ///
    /// See [`Ctx::interrupt`](crate::Ctx::interrupt).
    pub fn resume(&self, answer: impl Serialize) -> Invocation<S, C, NoContext> {
        self.beginning(Begin::Resume(Answers::Only(written(answer))))
    }

    /// As [`resume`](Self::resume), with answers to questions by their ids. Those
    /// that get no answer stay open, and their tasks do not run.
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume), and [`RunError::UnknownInterrupt`] for an
    /// id that nobody asks under.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    /// use superstep::{MemoryCheckpointer, Status};
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Trip {
    ///     #[reduce(Append)]
    ///     choices: Vec<String>,
    /// }
    ///
    /// async fn choose(_: View<Trip>, ctx: Ctx) -> NodeResult<TripUpdate> {
    ///     let choice: String = ctx.interrupt("which", ctx.node())?;
    ///     Ok(Trip::update().choices(choice))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Trip>::new("trip")
    ///     .add_node("flight", choose)
    ///     .add_node("hotel", choose)
    ///     .add_edge(START, ["flight", "hotel"])
    ///     .checkpointer(MemoryCheckpointer::new())
    ///     .compile()?;
    /// let run = graph.invoke(Trip::update()).thread("ann").await?;
    /// let ids: Vec<_> = run.interrupts().iter().map(|asked| asked.id.as_str()).collect();
    /// assert_eq!(ids, ["flight/0/which", "hotel/0/which"]);
    ///
    /// let run = graph.resume_with([("hotel/0/which", "Ritz")]).thread("ann").await?;
    /// assert_eq!(run.status, Status::Interrupted);
    /// let run = graph.resume("AF 7").thread("ann").await?;
    /// assert_eq!(run.state.choices, ["AF 7", "Ritz"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume_with<I: Into<String>, A: Serialize>(
        &self,
        answers: impl IntoIterator<Item = (I, A)>,
    ) -> Invocation<S, C, NoContext> {
        let answers = answers.into_iter();
        let answers = answers.map(|(id, answer)| (id.into(), written(answer)));
        self.beginning(Begin::Resume(Answers::ById(answers.collect())))
    }

    /// A run that goes on with a thread where it is: after a failure, a crash, a
    /// breakpoint or the recursion limit. What has finished does not run again,
    /// and what waits for an answer goes on waiting. On a thread that is done,
    /// nothing runs.
    ///
    /// Name the thread by `.thread(id)`; with `.checkpoint(id)` it goes on from
    /// an older checkpoint, as a fork.
    ///
    /// # Errors
    ///
    /// The future returns [`RunError::UnknownThread`] when there is no such
    /// thread, and whatever [`invoke`](Self::invoke) does.
    ///
    /// # Examples
    ///
    /// See [`Thread`](crate::Thread).
    pub fn proceed(&self) -> Invocation<S, C, NoContext> {
        self.beginning(Begin::Proceed)
    }

    fn beginning(&self, begin: Begin) -> Invocation<S, C, NoContext> {
        Invocation {
            begin,
            ..self.invoke(S::Update::default())
        }
    }
}

/// An answer as JSON.
fn written(answer: impl Serialize) -> Result<Value, String> {
    serde_json::to_value(answer).map_err(|error| error.to_string())
}

/// A run before its `.await`: input, context and limits.
///
/// It can be awaited where its graph needs no context (`C = ()`), and once it
/// was given one with [`context`](Self::context). The first poll starts it;
/// its settings say nothing after that.
#[must_use = "a run does nothing until it is awaited"]
pub struct Invocation<S: State, C, X> {
    pub(super) graph: Graph<S, C>,
    pub(super) input: S::Update,
    context: X,
    pub(super) recursion_limit: Option<u64>,
    pub(super) max_concurrency: Option<usize>,
    pub(super) budget: Option<Budget>,
    pub(super) seed: Option<u64>,
    pub(super) begin: Begin,
    call: Option<Box<Call<S, C>>>,
    watched_by: Option<Box<WatchedBy<S>>>,
    stop: Option<Box<StopCall>>,
    /// The run itself, from the first poll on.
    pub(super) running: Option<BoxFuture<Result<Run<S>, RunError>>>,
}

/// What a call says of its thread, and how one runs: a program that names none
/// does not contain it.
pub(super) struct Call<S: State, C> {
    pub(super) thread: Option<(ThreadId, RunOnThread<S, C>)>,
    pub(super) settings: ThreadCall,
}

pub(super) type RunOnThread<S, C> = for<'h> fn(Parts<'h, S, C>) -> Running<'h, S>;

impl<S: State, C> Default for Call<S, C> {
    fn default() -> Self {
        Self {
            thread: None,
            settings: ThreadCall::default(),
        }
    }
}

// Nothing in it is pinned in place: the run itself is in a box.
impl<S: State, C, X> Unpin for Invocation<S, C, X> {}

impl<S: State, C, X> Invocation<S, C, X> {
    /// Gives the nodes their context: a `C`, or an `Arc<C>` to share one.
    ///
    /// # Examples
    ///
    /// One context for several runs:
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use std::sync::Arc;
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Price { gross: u32, net: u32 }
    /// struct Rates {
    ///     tax: u32,
    /// }
    ///
    /// async fn price(state: View<Price>, ctx: Ctx<Rates>) -> PriceUpdate {
    ///     Price::update().gross(state.net + state.net * ctx.tax / 100)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Price, Rates>::new("price")
    ///     .add_node("price", price)
    ///     .add_edge(START, "price")
    ///     .compile()?;
    ///
    /// let rates = Arc::new(Rates { tax: 20 });
    /// for (net, gross) in [(100, 120), (50, 60)] {
    ///     let run = graph.invoke(Price::update().net(net)).context(Arc::clone(&rates)).await?;
    ///     assert_eq!(run.state.gross, gross);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn context(self, context: impl IntoContext<C>) -> Invocation<S, C, Given<C>> {
        self.replace_context(Given::new(context.into_context()))
    }

    pub(crate) fn replace_context<Y>(self, context: Y) -> Invocation<S, C, Y> {
        Invocation {
            graph: self.graph,
            input: self.input,
            context,
            recursion_limit: self.recursion_limit,
            max_concurrency: self.max_concurrency,
            budget: self.budget,
            seed: self.seed,
            begin: self.begin,
            call: self.call,
            watched_by: self.watched_by,
            stop: self.stop,
            running: self.running,
        }
    }

    pub(super) fn watched_by_mut(&mut self) -> &mut WatchedBy<S> {
        self.watched_by.get_or_insert_default()
    }

    pub(super) fn stops_mut(&mut self) -> &mut StopCall {
        self.stop.get_or_insert_default()
    }

    fn is_watched(&self) -> bool {
        let by = self.watched_by.as_ref();
        by.is_some_and(|by| !by.watchers.is_empty())
    }

    pub(super) fn call_mut(&mut self) -> &mut Call<S, C> {
        self.call.get_or_insert_default()
    }
}

impl<S, C, X> Invocation<S, C, X>
where
    S: State,
    C: Send + Sync + 'static,
    X: HasContext<C>,
{
    /// The same run, to be run; what stays behind has no settings.
    pub(super) fn taken(&mut self) -> Invocation<S, C, Given<C>> {
        Invocation {
            graph: self.graph.clone(),
            input: mem::take(&mut self.input),
            context: Given::new(self.context.context()),
            recursion_limit: self.recursion_limit,
            max_concurrency: self.max_concurrency,
            budget: self.budget.take(),
            seed: self.seed,
            begin: mem::take(&mut self.begin),
            call: self.call.take(),
            watched_by: self.watched_by.take(),
            stop: self.stop.take(),
            running: None,
        }
    }

    /// As [`taken`](Self::taken), of a run that must not have begun.
    pub(super) fn taken_unpolled(&mut self) -> Invocation<S, C, Given<C>> {
        assert!(
            self.running.is_none(),
            "events were asked for of a run that had begun"
        );
        self.taken()
    }

    /// What may end the run, which begins now, before its end.
    fn stops(&self) -> Option<Arc<Stops>> {
        let limits = self.graph.frozen.limits;
        let call = self.stop.as_deref().cloned();
        call.unwrap_or_default()
            .begin(limits.run_timeout, limits.superstep_timeout)
    }

    fn shared(&self) -> Shared<S, C> {
        let graph = &self.graph.frozen;
        let most = self.max_concurrency.or(graph.limits.max_concurrency);
        Shared {
            graph: Arc::clone(graph),
            context: Some(self.context.context()),
            limits: RunLimits::new(most, &graph.narrow, self.budget.clone()),
            ledger: None,
            referee: referee_of(graph),
            watching: None,
            stops: self.stops(),
            nest: None,
            within: None,
            seed: Seed::new(self.seed),
            spans: Arc::new(Spans::new(tokio::time::Instant::now())),
            tracer: Tracer::of_run(graph, self.watched_by.as_deref(), self.call.as_deref()),
            scope: None,
        }
    }

    /// The run, which tells a hub, if there is one, of what happens in it.
    pub(super) fn told(mut self, hub: Option<Arc<Hub>>, hooks: Hooks<'_, S, C>) -> Running<'_, S> {
        let Some(hub) = hub else {
            return self.into_run(hooks);
        };
        let graph = Arc::clone(&self.graph.frozen);
        let run = &mut self.watched_by_mut().run_id;
        let origin = Origin {
            run: run.get_or_insert_with(|| next_run(&graph.name)).clone(),
            path: String::new(),
            names: Arc::clone(&graph.names),
        };
        let watching = Watching::new(Watch::new(hub, Arc::new(origin)));
        let watch = Arc::clone(&watching.watch);
        let run = self.into_run(Hooks {
            watch: Some(watching),
            ..hooks
        });
        Box::pin(async move {
            watch.begins();
            let ended = run.await;
            watch.ends(&ended);
            ended
        })
    }

    /// The events of the run, which is to be run.
    pub(super) fn events(mut self) -> Events<S> {
        let watchers = self.take_watchers();
        let run = self.taken();
        let start: Start<S> = Box::new(move |hub| run.told(hub, Hooks::default()));
        Events::new(start, watchers)
    }

    pub(super) fn take_watchers(&mut self) -> Vec<Box<dyn Watcher<S>>> {
        let by = self.watched_by.as_mut();
        by.map(|by| mem::take(&mut by.watchers)).unwrap_or_default()
    }

    /// The run as its settings say, without a thread or on one.
    fn into_run<'h>(mut self, hooks: Hooks<'h, S, C>) -> Running<'h, S> {
        let mut shared = self.shared();
        let limits = self.graph.frozen.limits;
        let recursion_limit = self.recursion_limit.unwrap_or(limits.recursion_limit);
        let input = mem::take(&mut self.input);
        let Hooks {
            observer,
            executor,
            watch,
        } = hooks;
        shared.watching = watch;
        let tracer = shared.tracer.clone();
        let call = self.call.take();
        let settings = call.is_some();
        if let Some(call) = call
            && let Some((thread, run_on_thread)) = call.thread
        {
            return tracer.around(run_on_thread(Parts {
                shared,
                call_limit: self.recursion_limit,
                recursion_limit,
                begin: mem::take(&mut self.begin),
                input,
                thread,
                call: call.settings,
                observer,
                executor,
            }));
        }
        let nothing_lost = self.nothing_lost(settings, executor.is_some());
        let around = Around {
            recursion_limit: self.recursion_limit,
            insides: observer.as_ref().map(|observer| observer.insides()),
            ..Around::default()
        };
        let mut progress = Progress::new(shared.nested(around), recursion_limit);
        progress.observer = observer;
        progress.executor = executor;
        tracer.around(Box::pin(async move {
            nothing_lost?;
            progress.run(input).await?;
            progress.finish()
        }))
    }

    /// Refuses a run that should have a thread, and names none.
    fn nothing_lost(&self, settings: bool, rehearsed: bool) -> Result<(), RunError> {
        let threads = &self.graph.frozen.threads;
        let stops = !threads.before.is_empty() || !threads.after.is_empty();
        let what = match self.begin {
            _ if settings => "the run says how to go about its thread, and names none",
            Begin::Resume(_) | Begin::Proceed => {
                "`resume` and `proceed` go on with a thread, and the run names none"
            }
            Begin::Input if rehearsed => return Ok(()),
            Begin::Input if threads.checkpointer.is_some() => {
                "the graph has a checkpointer, and the run names no thread: nothing would be kept"
            }
            Begin::Input if stops => {
                "the graph has breakpoints, and the run names no thread that could go on from one"
            }
            Begin::Input => return Ok(()),
        };
        Err(RunError::NoThread {
            what,
            help: "name one: `.thread(id)`",
        })
    }
}

// A future itself, although a conversion into one would do: the compiler then
// says of a run without its context that the context is missing, where it would
// else say that the run "is not a future", and to remove the `.await`.
impl<S, C, X> Future for Invocation<S, C, X>
where
    S: State,
    C: Send + Sync + 'static,
    X: HasContext<C>,
{
    type Output = Result<Run<S>, RunError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let running = match self.running.take() {
            Some(running) => running,
            None if self.is_watched() => Box::pin(self.taken().events().finish()),
            None => self.taken().into_run(Hooks::default()),
        };
        // Back in its place before it is polled: a panic must not start it anew.
        self.running.insert(running).as_mut().poll(cx)
    }
}

impl<S: State, C, X> fmt::Debug for Invocation<S, C, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("graph", &self.graph)
            .finish_non_exhaustive()
    }
}
