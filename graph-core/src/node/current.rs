//! The task at work: what code that a node calls can find out without being
//! given a [`Ctx`](super::Ctx), such as a client of a language model.
//!
//! 1. While a body is polled, its thread knows of its task; nested polls know of
//!    the innermost.
//! 2. What a body spawns knows of no task, unless it is taken along by
//!    [`CurrentTask::scope`].
//! 3. It costs a few writes to the thread's own memory for each poll.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{
    Budget, BudgetExhausted, Desk, EmitError, Emitted, Emitter, Place, Reservation, Telling, Told,
    Usage, attempted,
};
use crate::id::{NodeName, TaskId};

/// What the tasks of one graph in a run have in common.
pub(crate) struct Scope {
    names: Arc<[NodeName]>,
    emitter: Option<Arc<dyn Emitter>>,
    budget: Option<Budget>,
    /// Where the graph stands: empty for the run's own.
    path: String,
    /// Of the run's own graph, which counts for all.
    outermost: Option<Arc<Self>>,
    /// By the paths of tasks.
    used: Mutex<BTreeMap<UsedBy, Usage>>,
}

impl Scope {
    pub(crate) fn new(
        names: Arc<[NodeName]>,
        emitter: Option<Arc<dyn Emitter>>,
        budget: Option<Budget>,
    ) -> Self {
        Self {
            names,
            emitter,
            budget,
            path: String::new(),
            outermost: None,
            used: Mutex::default(),
        }
    }

    /// The same for a graph that is a node, in a task.
    pub(crate) fn inside(self, outer: &Arc<Self>, place: Place) -> Self {
        let outermost = outer.outermost.as_ref().unwrap_or(outer);
        Self {
            path: format!("{}{}/", outer.path, outer.around(place)),
            outermost: Some(Arc::clone(outermost)),
            ..self
        }
    }

    /// A task with its number, as it is in paths.
    fn around(&self, place: Place) -> String {
        let node = &self.names[place.node as usize];
        format!("{node}/{}", place.send.unwrap_or(0))
    }

    fn note(&self, place: Place, part: Option<&Arc<str>>, usage: Usage) {
        let node = self.names[place.node as usize].clone();
        let send = place.send;
        let path = format!("{}{}", self.path, TaskId { node, send });
        let counts = self.outermost.as_deref().unwrap_or(self);
        let mut used = counts.used.lock();
        let before = used.entry((path, part.cloned())).or_default();
        *before = *before + usage;
    }

    /// What has been used, and by whom.
    pub(crate) fn take_used(&self) -> BTreeMap<UsedBy, Usage> {
        std::mem::take(&mut self.used.lock())
    }
}

/// The path of a task, and the part of it that has a name.
pub(crate) type UsedBy = (String, Option<Arc<str>>);

/// What the tasks of a graph have in common, and one task's own.
#[derive(Clone)]
struct Held {
    scope: Arc<Scope>,
    desk: Option<Arc<Desk>>,
    /// Of the task, if somebody has named it.
    part: Option<Arc<str>>,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
    /// Apart, since it is another with each task.
    static PLACE: Cell<Place> = const { Cell::new(Place::NOWHERE) };
}

/// Calls `f`, during which the thread knows of that task.
#[inline]
pub(crate) fn within<T>(scope: &Arc<Scope>, place: Place, f: impl FnOnce() -> T) -> T {
    with_desk(scope, place, None, f)
}

/// As [`within`], of a task that has a desk.
#[inline]
pub(crate) fn with_desk<T>(
    scope: &Arc<Scope>,
    place: Place,
    desk: Option<&Arc<Desk>>,
    f: impl FnOnce() -> T,
) -> T {
    let _entered = Entered::new(
        Held {
            scope: Arc::clone(scope),
            desk: desk.map(Arc::clone),
            part: None,
        },
        place,
    );
    f()
}

/// Until what this returns is dropped, the thread knows of tasks of that scope:
/// of the one that it was told [last](at).
pub(crate) fn enter(scope: &Arc<Scope>) -> impl Drop + use<> {
    let scope = Arc::clone(scope);
    let (desk, part) = (None, None);
    Entered::new(Held { scope, desk, part }, Place::NOWHERE)
}

/// In a scope that was [entered](enter), the thread knows of that task from now on.
#[inline]
pub(crate) fn at(place: Place) {
    PLACE.set(place);
}

/// The part of the task that is at work on this thread, if it has a name.
pub(super) fn part() -> Option<Arc<str>> {
    HELD.with_borrow(|held| held.as_ref()?.part.clone())
}

/// The attempt of the task that is at work on this thread, from 1; else 0.
pub(super) fn attempt() -> u32 {
    PLACE.get().attempt
}

/// Puts things back when it is dropped.
struct Entered {
    before: Option<Held>,
    place: Place,
    attempted: u32,
}

impl Entered {
    fn new(held: Held, place: Place) -> Self {
        Self {
            before: HELD.replace(Some(held)),
            place: PLACE.replace(place),
            attempted: attempted::replace(0),
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        PLACE.set(self.place);
        attempted::replace(self.attempted);
        let over = HELD.replace(self.before.take());
        // Not while it is borrowed: what is dropped may ask.
        drop(over);
    }
}

/// The task of a run in which code is at work, as that code sees it.
///
/// For what nodes call: a client of a language model tells of tokens as they
/// come, and of what it has used, without being handed a [`Ctx`](super::Ctx).
/// Nodes themselves have the context.
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::{CurrentTask, Usage};
///
/// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// struct Text {
///     words: String,
/// }
///
/// /// Somewhere in a library.
/// async fn translate(text: &str) -> String {
///     if let Some(task) = CurrentTask::get() {
///         task.used(Usage::new().tokens(text.len() as u64).calls(1));
///     }
///     text.to_uppercase()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = StateGraph::<Text>::new("text")
///     .add_node("translate", async |text: View<Text>| {
///         Text::update().words(translate(&text.words).await)
///     })
///     .add_edge(START, "translate")
///     .compile()?;
/// let run = graph.invoke(Text::update().words("hello")).await?;
/// assert_eq!(run.state.words, "HELLO");
/// assert_eq!(run.usage().of("translate").tokens, 5);
/// assert!(CurrentTask::get().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CurrentTask {
    held: Held,
    place: Place,
    /// What tries again inside of it.
    attempted: u32,
}

impl CurrentTask {
    /// The task in whose body this is called, if it is one of a run.
    #[must_use]
    pub fn get() -> Option<Self> {
        let held = HELD.with_borrow(Clone::clone)?;
        Some(Self {
            held,
            place: PLACE.get(),
            attempted: attempted::number(),
        })
    }

    /// The task's node.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        &self.held.scope.names[self.place.node as usize]
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> TaskId {
        TaskId {
            node: self.node().clone(),
            send: self.place.send,
        }
    }

    /// The superstep, from 1.
    #[must_use]
    pub fn superstep(&self) -> u64 {
        self.place.superstep
    }

    /// The task's attempt, from 1; see [`CurrentAttempt`](crate::CurrentAttempt) for
    /// those inside of it.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.place.attempt
    }

    /// Where the task's graph stands: empty for the run's own, `review/0` for a
    /// graph that is node `review`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.held.scope.path.trim_end_matches('/')
    }

    /// A name for something that the task makes, which nothing else on any thread
    /// has; none where the run has no thread. A task that runs again gives the same
    /// names in the same order.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use superstep::prelude::*;
    /// use superstep::{CurrentTask, MemoryCheckpointer};
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Letter {
    ///     pages: Vec<Option<String>>,
    /// }
    ///
    /// /// Somewhere in a library.
    /// fn page() -> Option<String> {
    ///     CurrentTask::get()?.unique_key("page")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let graph = StateGraph::<Letter>::new("letter")
    ///     .add_node("write", async |_: View<Letter>| {
    ///         Letter::update().pages(vec![page(), page()])
    ///     })
    ///     .add_edge(START, "write")
    ///     .checkpointer(MemoryCheckpointer::new())
    ///     .compile()?;
    /// let run = graph.invoke(Letter::update()).thread("to-ann").await?;
    /// let pages = ["to-ann/1/0/write/page/0", "to-ann/1/0/write/page/1"];
    /// assert_eq!(run.state.pages, pages.map(|page| Some(page.to_owned())));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn unique_key(&self, what: &str) -> Option<String> {
        let desk = self.held.desk.as_ref().filter(|desk| desk.waits())?;
        Some(desk.unique_key(what))
    }

    /// The part of the task that is at work, if it has a [name](Self::in_part).
    #[must_use]
    pub fn part(&self) -> Option<&str> {
        self.held.part.as_deref()
    }

    /// A part of the task with that name: each token that is told of in its
    /// [`scope`](Self::scope) says of which part it is, by
    /// [`Event::part`](crate::Event::part), and what is used there is
    /// [its own](crate::RunUsage::of_part), too. For what asks several models at once. The
    /// name of a part of a part is a path: `outer/inner`.
    #[must_use]
    pub fn in_part(mut self, name: &str) -> Self {
        self.held.part = Some(match self.part() {
            None => name.into(),
            Some(outer) => format!("{outer}/{name}").into(),
        });
        self
    }

    /// Counts what the task has used, for [`Run::usage`](crate::Run::usage). A
    /// budget is not asked: see [`reserve`](Self::reserve).
    pub fn used(&self, usage: Usage) {
        let part = self.held.part.as_ref();
        self.held.scope.note(self.place, part, usage);
    }

    /// Reserves something of the run's budget; none if the run has no budget.
    ///
    /// # Errors
    ///
    /// When less is left.
    pub fn reserve(&self, usage: Usage) -> Result<Option<Reservation>, BudgetExhausted> {
        let budget = self.held.scope.budget.as_ref();
        budget.map(|budget| budget.reserve(usage)).transpose()
    }

    /// Whether somebody who watches the run wants tokens.
    #[must_use]
    pub fn wants_tokens(&self) -> bool {
        let emitter = self.held.scope.emitter.as_ref();
        emitter.is_some_and(|emitter| emitter.wants(Telling::Token))
    }

    /// As [`Ctx::emit_token`](super::Ctx::emit_token).
    ///
    /// # Errors
    ///
    /// As [`Ctx::emit`](super::Ctx::emit).
    pub fn emit_token(&self, text: impl Into<Arc<str>>) -> Result<Emitted, EmitError> {
        self.heartbeat();
        match &self.held.scope.emitter {
            Some(emitter) if emitter.wants(Telling::Token) => {
                let (text, part) = (text.into(), self.held.part.clone());
                emitter.emit(self.place, Told::Token { text, part })
            }
            _ => Ok(Emitted::default()),
        }
    }

    /// As [`Ctx::heartbeat`](super::Ctx::heartbeat).
    pub fn heartbeat(&self) {
        if let Some(desk) = &self.held.desk {
            desk.beat();
        }
    }

    /// For how long the run has waited for whoever reads its events, since somebody
    /// wanted to know for the first time. For what has a timeout of its own: those of
    /// nodes stand still in that time.
    #[must_use]
    pub fn held_up(&self) -> Duration {
        let emitter = self.held.scope.emitter.as_ref();
        emitter.map_or(Duration::ZERO, |emitter| emitter.stood())
    }

    /// The same future, in which this is the current task wherever it is polled:
    /// for what a body spawns.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.enter(|| future.as_mut().poll(cx))).await
    }

    /// Calls `f`, in which this is the current task.
    pub fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        let _entered = Entered::new(self.held.clone(), self.place);
        attempted::replace(self.attempted);
        f()
    }
}

impl fmt::Debug for CurrentTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentTask")
            .field("path", &self.path())
            .field("task", &self.task())
            .finish_non_exhaustive()
    }
}
