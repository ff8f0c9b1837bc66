//! Sessions of users, on threads.
//!
//! 1. A session is a thread, `APP/USER/SESSION`. What a user's sessions share is the
//!    thread `APP/USER`, and what all share is the thread `APP`.
//! 2. A turn begins with what is shared, as it is then.
//! 3. What a turn changes of that is kept in its session, as changes, and told to the
//!    others when the turn is done: what two have set, the later has; what two have
//!    added, is added twice. Nothing is lost, and nothing happens twice: before the
//!    changes are forgotten in the session, they are known as told where they went.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use superstep_core::{
    Checkpointer, CompileError, Given, Graph, IntoContext, Invocation, OnBusy, Run, RunError,
    START, StateGraph, Status, Unfinished, View,
};
use superstep_providers::Message;

use super::Session;
use super::board::{Board, Shared};
use super::values::{Changes, Outside, SHARED};

/// The sessions of an app: who says what to its agents, and what is known of whom.
///
/// # Examples
///
/// ```
/// use superstep::prelude::*;
/// use superstep::{Change, CustomAgent, MemoryCheckpointer, Session, Sessions};
///
/// /// Counts how often the user was there.
/// async fn greet(_: View<Session>) -> superstep::SessionUpdate {
///     Session::update().values(Change::add("user:visits", 1))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let graph = CustomAgent::new("greet", greet).build()?;
/// let sessions = Sessions::new("shop", graph, MemoryCheckpointer::new())?;
/// sessions.session("ann", "monday").send("Hello!").await?;
/// let run = sessions.session("ann", "tuesday").send("Hello again!").await?;
/// assert_eq!(run.state.get::<u32>("user:visits"), Some(2));
/// let run = sessions.session("bob", "monday").send("Hello!").await?;
/// assert_eq!(run.state.get::<u32>("user:visits"), Some(1));
/// # Ok(())
/// # }
/// ```
pub struct Sessions<C = ()> {
    app: String,
    graph: Graph<Session, C>,
    shared: Graph<Shared>,
    context: Arc<C>,
}

impl Sessions {
    /// The sessions of an app of that name, whose agents are that graph, and whose
    /// threads are kept there. The graph gets the checkpointer; it needs none.
    ///
    /// # Errors
    ///
    /// When the graph does not compile.
    pub fn new(
        app: impl Into<String>,
        graph: StateGraph<Session>,
        checkpointer: impl Checkpointer + Clone,
    ) -> Result<Self, CompileError> {
        Self::with_context(app, graph, checkpointer, ())
    }
}

impl<C: Send + Sync + 'static> Sessions<C> {
    /// As `new`, for a graph with a context, which all turns share.
    ///
    /// # Errors
    ///
    /// When the graph does not compile.
    pub fn with_context(
        app: impl Into<String>,
        graph: StateGraph<Session, C>,
        checkpointer: impl Checkpointer + Clone,
        context: impl IntoContext<C>,
    ) -> Result<Self, CompileError> {
        let shared = StateGraph::<Shared>::new("shared")
            .add_node("keep", async |_: View<Shared>| {})
            .add_edge(START, "keep")
            .checkpointer(checkpointer.clone());
        Ok(Self {
            app: app.into(),
            graph: graph.checkpointer(checkpointer).compile()?,
            shared: shared.compile()?,
            context: context.into_context(),
        })
    }

    /// The session of that name, of that user. It begins with what is said first.
    pub fn session(&self, user: impl AsRef<str>, name: impl AsRef<str>) -> UserSession<'_, C> {
        let (app, user, name) = (part(&self.app), part(user.as_ref()), part(name.as_ref()));
        UserSession {
            sessions: self,
            thread: format!("{app}/{user}/{name}"),
            unfinished: None,
            // In the order of the scopes.
            shared: [format!("{app}/{user}"), app],
        }
    }

    /// The graph, for its threads.
    #[must_use]
    pub fn graph(&self) -> &Graph<Session, C> {
        &self.graph
    }
}

/// A part of a thread's name, which has no `/`.
fn part(text: &str) -> String {
    text.replace('%', "%25").replace('/', "%2F")
}

impl<C> fmt::Debug for Sessions<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

/// Why a turn of a session did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no run, or it has failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The run is done, and is on its thread; but other sessions could not be told
    /// what it has changed. They are told by [`share`](UserSession::share), or when
    /// the next turn of the session is done.
    #[error("the run is done, but what it has changed is not shared")]
    Unshared {
        /// What came of it.
        run: Box<Run<Session>>,
        /// Why it is not shared.
        source: RunError,
    },
}

/// A session of a user; see [`Sessions::session`].
#[derive(Clone)]
pub struct UserSession<'a, C = ()> {
    sessions: &'a Sessions<C>,
    thread: String,
    unfinished: Option<Unfinished>,
    /// The threads of what is shared, one for each scope.
    shared: [String; SHARED.len()],
}

impl<C: Send + Sync + 'static> UserSession<'_, C> {
    /// The name of its thread.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// What becomes of a turn that failed or waits for an answer when something new is
    /// said, by [`send`](Self::send) or [`turn`](Self::turn). Unless it is set, saying
    /// something then fails with [`RunError::Unfinished`].
    ///
    /// # Examples
    ///
    /// ```
    /// use superstep::{
    ///     LlmAgent, MemoryCheckpointer, ModelErrorKind, ScriptedModel, Sessions, Unfinished,
    /// };
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = ScriptedModel::new()
    ///     .on("Hello?", "Here I am.")
    ///     .on("Hello!", ModelErrorKind::Auth);
    /// let graph = LlmAgent::new("clerk").model(model.model()).build()?;
    /// let sessions = Sessions::new("shop", graph, MemoryCheckpointer::new())?;
    /// let session = sessions.session("ann", "monday").unfinished(Unfinished::Discard);
    /// session.send("Hello!").await.unwrap_err();
    /// let run = session.send("Hello?").await?;
    /// assert_eq!(run.state.answer(), "Here I am.");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn unfinished(mut self, unfinished: Unfinished) -> Self {
        self.unfinished = Some(unfinished);
        self
    }

    /// Says something to the agents, and returns what came of it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the run. What it has changed that is shared, other
    /// sessions are told when the next turn of this one is done.
    ///
    /// # Errors
    ///
    /// Those of the run, and of the threads of what is shared. A run that is done is
    /// not lost when what it has changed cannot be shared: see
    /// [`SessionError::Unshared`].
    pub async fn send(&self, message: impl Into<Message>) -> Result<Run<Session>, SessionError> {
        let run = self.turn(message).await?.await?;
        self.told(run).await
    }

    /// Answers what the agents ask, if it is one thing; as
    /// [`Graph::resume`](superstep_core::Graph::resume).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn resume(&self, answer: impl Serialize) -> Result<Run<Session>, SessionError> {
        let resumed = self.sessions.graph.resume(answer);
        let run = self.on_thread(resumed.context(Arc::clone(&self.sessions.context)));
        self.told(run.await?).await
    }

    /// Goes on after a failure or a crash; as
    /// [`Graph::proceed`](superstep_core::Graph::proceed).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn proceed(&self) -> Result<Run<Session>, SessionError> {
        let proceeds = self.sessions.graph.proceed();
        let run = self.on_thread(proceeds.context(Arc::clone(&self.sessions.context)));
        self.told(run.await?).await
    }

    /// A turn before its `.await`, so that it can be streamed, bounded and watched.
    /// After it, [`share`](Self::share) tells other sessions what it has changed.
    ///
    /// # Errors
    ///
    /// When what is shared cannot be read.
    pub async fn turn(
        &self,
        message: impl Into<Message>,
    ) -> Result<Invocation<Session, C, Given<C>>, RunError> {
        let mut values = Changes::default();
        for (scope, thread) in SHARED.iter().zip(&self.shared) {
            let board = self.board(thread).await?;
            values = values.and_outside(Outside {
                told: board.told(&self.thread),
                scope: (*scope).to_owned(),
                entries: board.into_entries(),
            });
        }
        let invoked = self
            .sessions
            .graph
            .invoke(Session::ask(message).values(values));
        let turn = self.on_thread(invoked.context(Arc::clone(&self.sessions.context)));
        Ok(match self.unfinished {
            Some(unfinished) => turn.unfinished(unfinished),
            None => turn,
        })
    }

    fn on_thread(
        &self,
        invocation: Invocation<Session, C, Given<C>>,
    ) -> Invocation<Session, C, Given<C>> {
        invocation.thread(&*self.thread)
    }

    async fn board(&self, thread: &str) -> Result<Board, RunError> {
        match self.sessions.shared.thread(thread).state().await {
            Ok(snapshot) => Ok(snapshot.values.board),
            Err(RunError::UnknownThread { .. }) => Ok(Board::default()),
            Err(error) => Err(error),
        }
    }

    /// Shares what a run has changed, if it is done.
    async fn told(&self, run: Run<Session>) -> Result<Run<Session>, SessionError> {
        if run.status != Status::Done {
            return Ok(run);
        }
        match self.share_of(&run.state).await {
            Ok(()) => Ok(run),
            Err(source) => Err(SessionError::Unshared {
                run: Box::new(run),
                source,
            }),
        }
    }

    /// Tells other sessions what this one has changed that is shared: the last step
    /// of a [`turn`](Self::turn). Twice is as once.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves what is not told yet for the next time.
    ///
    /// # Errors
    ///
    /// When threads cannot be read or written.
    pub async fn share(&self) -> Result<(), RunError> {
        let snapshot = self.sessions.graph.thread(&*self.thread).state().await?;
        self.share_of(&snapshot.values).await
    }

    async fn share_of(&self, session: &Session) -> Result<(), RunError> {
        let (from, changes) = session.values.untold();
        if changes.is_empty() {
            return Ok(());
        }
        let up_to = from + u64::try_from(changes.len()).unwrap_or(u64::MAX);
        let shared = SHARED.iter().zip(&self.shared);
        let shared: Vec<_> = shared
            .filter(|(scope, _)| {
                changes
                    .iter()
                    .any(|change| change.key().starts_with(**scope))
            })
            .collect();
        for (scope, thread) in &shared {
            let update = Shared::tell(&self.thread, scope, from, changes);
            self.keep(thread, update).await?;
        }
        let told = Session::update().values(Changes::told(up_to));
        let thread = self.sessions.graph.thread(&*self.thread);
        thread.update(told).on_busy(OnBusy::Wait).await?;
        for (_, thread) in &shared {
            self.keep(thread, Shared::confirm(&self.thread, up_to))
                .await?;
        }
        Ok(())
    }

    async fn keep(&self, thread: &str, update: super::board::SharedUpdate) -> Result<(), RunError> {
        let kept = self.sessions.shared.invoke(update).thread(thread);
        kept.on_busy(OnBusy::Wait).await.map(drop)
    }
}

impl<C> fmt::Debug for UserSession<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSession")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}
