//! The events of a run as a stream, which drives the run.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::task::coop::poll_proceed;

use super::{Hub, Watcher};
use crate::event::{Event, EventKind, Happened, Kinds};
use crate::merge::panic_message;
use crate::run::error::RunError;
use crate::run::result::Run;
use crate::run::thread::Running;
use crate::state::State;

/// How many events wait for a reader, unless it says otherwise.
const CAPACITY: usize = 1024;

/// Begins a run whose events go to a hub, if there is one.
pub(crate) type Start<S> = Box<dyn FnOnce(Option<Arc<Hub>>) -> Running<'static, S> + Send>;

/// Whether a custom event has a value of a certain type.
type IsA<S> = fn(&Event<S>) -> bool;

/// The events of a run, as they happen.
///
/// A stream, and what drives the run: nothing of it happens but while this is
/// polled, except in tasks that are already at work. [`next`](Self::next) needs
/// no extension trait. What of a run is seen can be chosen by filters, which add
/// up; without any it is everything.
///
/// # Ordering
///
/// Events are numbered as they happen. Those of one task are in order; those of
/// tasks at work at the same time come as they come. A superstep's begin comes
/// before all of its tasks' events, and its merge after them.
///
/// A reader that is slow holds the run up, and no more than a buffer of events
/// gathers: 1024, or as [`buffer`](Self::buffer) says, and beyond that what one
/// superstep's routes choose. With [`lossy`](Self::lossy) the run does not
/// wait; the oldest events are dropped then, and counted.
///
/// # Cancel safety
///
/// Dropping the stream cancels the run, as dropping its future does. Dropping
/// the future of `next` loses nothing.
///
/// # Examples
///
/// What each node wrote, as it finishes:
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
/// let graph = StateGraph::<Count>::new("count")
///     .add_node("one", async |_: View<Count>| Count::update().n(1))
///     .add_node("two", async |_: View<Count>| Count::update().n(2))
///     .add_edge(START, "one")
///     .add_edge("one", "two")
///     .compile()?;
///
/// let mut events = graph.invoke(Count::update()).stream().updates();
/// let mut seen = Vec::new();
/// while let Some(event) = events.next().await {
///     seen.push(format!("{}. {}", event.superstep(), event.node().unwrap()));
/// }
/// assert_eq!(seen, ["1. one", "2. two"]);
/// assert_eq!(events.finish().await?.state.n, 3);
/// # Ok(())
/// # }
/// ```
#[must_use = "a run does nothing until its events are read"]
pub struct Events<S: State> {
    stage: Stage<S>,
    hub: Option<Reading>,
    /// Those that were read from the hub together.
    taken: VecDeque<Happened>,
    /// The kinds that are shown; all, if no filter says otherwise.
    shown: Kinds,
    /// The types of custom events that are shown; all, if there is none.
    types: Vec<IsA<S>>,
    watchers: Vec<Box<dyn Watcher<S>>>,
    capacity: usize,
    lossy: bool,
    /// Whether the hub was told that the reader is elsewhere.
    left: bool,
}

/// The hub of a run, until nobody reads it any more.
struct Reading(Arc<Hub>);

impl Drop for Reading {
    /// What has outlived the run must not wait for room.
    fn drop(&mut self) {
        self.0.close();
    }
}

enum Stage<S: State> {
    Unstarted(Start<S>),
    Running(Running<'static, S>),
    Ended(Box<Result<Run<S>, RunError>>),
    /// The run was lost to a panic while it started.
    Lost,
}

impl<S: State> Events<S> {
    pub(crate) fn new(start: Start<S>, watchers: Vec<Box<dyn Watcher<S>>>) -> Self {
        Self {
            stage: Stage::Unstarted(start),
            hub: None,
            taken: VecDeque::new(),
            shown: Kinds::NONE,
            types: Vec::new(),
            watchers,
            capacity: CAPACITY,
            lossy: false,
            left: false,
        }
    }

    /// Shows the state, whenever updates were merged into it, also those of subgraphs:
    /// of the run's own graph are those whose [`path`](Event::path) is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Page { #[reduce(Sum)] words: u32 }
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Book { #[reduce(Sum)] words: u32 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let page = StateGraph::<Page>::new("page")
    ///     .add_node("write", async |_: View<Page>| Page::update().words(300_u32))
    ///     .add_edge(START, "write")
    ///     .compile()?;
    /// let graph = StateGraph::<Book>::new("book")
    ///     .add_subgraph(
    ///         "page",
    ///         page,
    ///         |_: &Book| Page::update(),
    ///         |page: &Page| Book::update().words(page.words),
    ///     )
    ///     .add_edge(START, "page")
    ///     .compile()?;
    /// let mut events = graph.invoke(Book::update()).stream().values();
    /// let (mut own, mut inside) = (Vec::new(), Vec::new());
    /// while let Some(event) = events.next().await {
    ///     match event.state() {
    ///         Some(book) if event.path().is_empty() => own.push(book.words),
    ///         _ => inside.extend(event.state_of::<Page>().map(|page| page.words)),
    ///     }
    /// }
    /// assert_eq!((own.last(), inside.last()), (Some(&300), Some(&300)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn values(self) -> Self {
        self.only(Kinds::VALUES)
    }

    /// Shows what each task wrote, when it has finished.
    pub fn updates(self) -> Self {
        self.only(Kinds::UPDATES)
    }

    /// Shows pieces of text, as nodes receive them from language models.
    pub fn tokens(self) -> Self {
        self.only(Kinds::TOKENS)
    }

    /// Shows what nodes emit that is a `T`.
    pub fn custom<T: 'static>(mut self) -> Self {
        self.types.push(|event| event.custom::<T>().is_some());
        self.only(Kinds::CUSTOM)
    }

    /// Shows waits, starts, retries and ends of tasks.
    pub fn tasks(self) -> Self {
        self.only(Kinds::TASKS)
    }

    /// Shows everything, as without a filter.
    pub fn debug(self) -> Self {
        self.only(Kinds::ALL)
    }

    /// Shows events of these kinds, beside those that other filters show. To be
    /// called before the first event is read.
    pub fn only(mut self, kinds: Kinds) -> Self {
        self.shown = self.shown | kinds;
        self
    }

    /// How many events wait for their reader before the run does; 0 counts
    /// as 1. To be called before the first event is read.
    pub fn buffer(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    /// Drops the oldest events where the run would have to wait for its reader;
    /// [`EventKind::Lost`] then says how many. To be called before the first
    /// event is read.
    pub fn lossy(mut self) -> Self {
        self.lossy = true;
        self
    }

    /// The next event; `None` once the run has ended.
    pub async fn next(&mut self) -> Option<Event<S>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Runs to the end, without showing what is left, and returns what
    /// `.await` would have.
    ///
    /// # Errors
    ///
    /// As [`Graph::invoke`](crate::Graph::invoke).
    pub async fn finish(mut self) -> Result<Run<S>, RunError> {
        if self.watchers.is_empty() {
            self.shown = Kinds::NONE;
            self.taken.clear();
            if let Some(Reading(hub)) = &self.hub {
                hub.close();
            }
        }
        // Nobody reads: what watchers want is enough.
        let watched = self.watchers.iter().map(|watcher| watcher.wants());
        let wanted = watched.fold(Kinds::NONE, |all, wanted| all | wanted);
        self.start(wanted);
        while self.next().await.is_some() {}
        match self.stage {
            Stage::Ended(result) => *result,
            _ => unreachable!("the stream of a run ends after the run"),
        }
    }

    /// The kinds that are shown, if any filter says so.
    fn filter(&self) -> Kinds {
        if self.shown == Kinds::NONE {
            Kinds::ALL
        } else {
            self.shown
        }
    }

    fn start(&mut self, wanted: Kinds) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Lost) {
            Stage::Unstarted(start) => {
                let wanted = (wanted != Kinds::NONE).then_some(wanted);
                let hub =
                    wanted.map(|wanted| Arc::new(Hub::new(wanted, self.capacity, self.lossy)));
                self.hub = hub.clone().map(Reading);
                Stage::Running(start(hub))
            }
            stage => stage,
        };
    }

    fn is_shown(&self, event: &Event<S>) -> bool {
        let kinds = event.kind.kinds();
        let of_type = || match event.kind {
            EventKind::Custom(_) if !self.types.is_empty() => {
                self.types.iter().any(|is_a| is_a(event))
            }
            _ => true,
        };
        self.filter().meets(kinds) && of_type()
    }

    fn tell_watchers(&mut self, event: &Event<S>) -> Result<(), RunError> {
        let watchers = self.watchers.iter_mut();
        let tell = || {
            watchers
                .filter(|watcher| watcher.wants().meets(event.kind.kinds()))
                .for_each(|watcher| watcher.see(event));
        };
        let told = catch_unwind(AssertUnwindSafe(tell));
        told.map_err(|panic| RunError::Watcher {
            event: event.kind.name(),
            superstep: event.superstep(),
            message: panic_message(&*panic),
        })
    }

    /// Drops the run, which ends with this error; nothing more of it is seen.
    fn break_off(&mut self, error: RunError) {
        self.stage = Stage::Ended(Box::new(Err(error)));
        self.hub = None;
        self.taken.clear();
        self.watchers.clear();
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event<S>>> {
        loop {
            if let Some(event) = self.taken.pop_front() {
                let event = Event::from(event);
                if let Err(error) = self.tell_watchers(&event) {
                    self.break_off(error);
                    continue;
                }
                if self.is_shown(&event) {
                    if let (false, Some(Reading(hub))) = (self.left, &self.hub) {
                        hub.is_left();
                        self.left = true;
                    }
                    return Poll::Ready(Some(event));
                }
                continue;
            }
            if let Some(Reading(hub)) = &self.hub {
                hub.take(&mut self.taken, None);
                if !self.taken.is_empty() {
                    continue;
                }
            }
            match &mut self.stage {
                Stage::Unstarted(_) => {
                    let watched = self.watchers.iter().map(|watcher| watcher.wants());
                    let wanted = watched.fold(self.filter(), |all, wanted| all | wanted);
                    self.start(wanted);
                }
                Stage::Running(run) => {
                    // A reader that always finds something must let others run.
                    ready!(poll_proceed(cx)).made_progress();
                    if let (true, Some(Reading(hub))) = (self.left, &self.hub) {
                        hub.is_back();
                        self.left = false;
                    }
                    match run.as_mut().poll(cx) {
                        Poll::Ready(result) => self.stage = Stage::Ended(Box::new(result)),
                        Poll::Pending => {
                            if let Some(Reading(hub)) = &self.hub {
                                hub.take(&mut self.taken, Some(cx.waker()));
                            }
                            if self.taken.is_empty() {
                                return Poll::Pending;
                            }
                        }
                    }
                }
                Stage::Ended(_) | Stage::Lost => return Poll::Ready(None),
            }
        }
    }
}

impl<S: State> Stream for Events<S> {
    type Item = Event<S>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event<S>>> {
        self.poll_event(cx)
    }
}

impl<S: State> fmt::Debug for Events<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("shown", &self.filter())
            .finish_non_exhaustive()
    }
}
