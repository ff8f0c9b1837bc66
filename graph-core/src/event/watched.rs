//! One thing that happened in a run.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Kinds, Phase};
use crate::id::{CheckpointId, NodeName, RunId, TaskId};
use crate::node::EventValue;
use crate::state::State;

/// Something that happened in a run, and where.
///
/// Events of one run are numbered as they happen. Cloning one copies pointers:
/// states and updates in it are shared.
pub struct Event<S: State> {
    /// What happened.
    pub kind: EventKind,
    stamp: Stamp,
    of: PhantomData<fn() -> S>,
}

/// An event, before it is known of what state.
#[derive(Debug)]
pub(crate) struct Happened {
    pub(crate) kind: EventKind,
    pub(crate) stamp: Stamp,
}

/// What happened.
///
/// What it holds of states and updates has no type here, since a subgraph may
/// have another state: [`Event::state`] and [`Event::update`] give it one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventKind {
    /// The run begins.
    RunStarted,
    /// A superstep begins.
    SuperstepStarted {
        /// How many tasks it has.
        tasks: usize,
    },
    /// A task had to wait for its turn, which has come: it starts next.
    TaskWaited {
        /// What it waited for, one after another: slots or rates.
        waits: Arc<[Phase]>,
    },
    /// A task begins: an attempt of it, the first if it is retried.
    TaskStarted,
    /// An attempt failed, and there will be another.
    TaskRetried {
        /// The message of its error, with its causes.
        error: Arc<str>,
        /// The wait before the next attempt.
        delay: Duration,
    },
    /// The last attempt failed, and the node's fallback is called: it starts next.
    TaskFallback {
        /// The message of the error that it is called for, with its causes.
        error: Arc<str>,
    },
    /// A task has succeeded.
    TaskFinished {
        /// What it writes; `None` if it returned no update.
        update: Option<EventValue>,
    },
    /// A task was not run: what it came to was in the cache.
    TaskCached {
        /// What it writes.
        update: Option<EventValue>,
    },
    /// A task waits: it asks somebody, or what is inside it does, or has stopped at
    /// a breakpoint.
    TaskPaused,
    /// A task has failed for good.
    TaskFailed {
        /// The message of its error, with its causes.
        error: Arc<str>,
    },
    /// A task was dropped before it ended: a sibling has failed, or the run
    /// was cancelled.
    TaskCancelled,
    /// A route or command chose where to go.
    Routed {
        /// The node, or [`END`](crate::END).
        to: NodeName,
        /// How many sends in a row went there; 0 if it was gone to by name.
        sends: usize,
    },
    /// A superstep has ended, and its updates were merged. Superstep 0 is the
    /// input, or what a thread had come to that is gone on with.
    SuperstepFinished {
        /// The state as it is now, shared. Whoever keeps it makes the next merge
        /// copy it, once.
        state: EventValue,
        /// Whether any task has returned an update.
        written: bool,
    },
    /// A checkpoint was written.
    CheckpointWritten {
        /// Its number.
        checkpoint: CheckpointId,
    },
    /// The run ends with a question that is open.
    Interrupted {
        /// The question.
        interrupt: Arc<Interrupt>,
    },
    /// A piece of a text, as a node receives it from a language model.
    Token {
        /// The piece.
        text: Arc<str>,
        /// The part of the task that it is of, where several ask models at once: see
        /// [`CurrentTask::in_part`](crate::CurrentTask::in_part).
        part: Option<Arc<str>>,
    },
    /// A value that a node emitted.
    Custom(EventValue),
    /// The run has ended, done or interrupted.
    RunFinished {
        /// Which of them.
        status: Status,
    },
    /// The run has failed.
    RunFailed {
        /// The message of its error, with its causes.
        error: Arc<str>,
    },
    /// Events were dropped here, since nobody read them in time.
    Lost {
        /// How many.
        events: u64,
    },
}

/// How a run ended, short of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Nothing was left to run.
    Done,
    /// It stopped at a breakpoint, or since somebody has to answer; the thread
    /// goes on with `resume` or `proceed`.
    Interrupted,
    /// It was [drained](crate::RunControl::drain) before its end; a thread goes on
    /// with `proceed`.
    Drained,
}

/// A question that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interrupt {
    /// The path by which it is answered: `approve/0/limit` is question `limit`
    /// of node `approve`; see [`Ctx::interrupt`](crate::Ctx::interrupt).
    pub id: String,
    /// Its name in its task.
    pub name: String,
    /// What whoever answers needs to see.
    pub value: Value,
    /// The task that asks.
    pub task: TaskId,
    /// Where the task's graph stands: empty for the run's own, `review/0` for a
    /// subgraph that is node `review`.
    pub path: String,
}

/// The run that events are of, and the graph within it.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) run: RunId,
    /// Empty for the run's own graph.
    pub(crate) path: String,
    pub(crate) names: Arc<[NodeName]>,
}

/// When and where something happened.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) origin: Arc<Origin>,
    pub(crate) sequence: u64,
    /// In nanoseconds, since the run began.
    pub(crate) elapsed: u64,
    pub(crate) at: Spot,
}

/// Where in its graph something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) superstep: u64,
    /// The node, and the send's number.
    pub(crate) task: Option<(u32, Option<u32>)>,
    pub(crate) attempt: u32,
}

impl<S: State> Event<S> {
    /// The run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.stamp.origin.run
    }

    /// Its number in the run, from 0: one more than that of the event before,
    /// of those whose kinds are wanted. So there are gaps where a filter shows
    /// [one type](crate::Events::custom) of the custom events that are emitted.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.stamp.sequence
    }

    /// Where the graph stands that it happened in: empty for the run's own,
    /// `review/0` for a subgraph that is node `review`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.stamp.origin.path
    }

    /// The superstep, from 1; 0 before the first.
    #[must_use]
    pub fn superstep(&self) -> u64 {
        self.stamp.at.superstep
    }

    /// The task, if it happened to one.
    #[must_use]
    pub fn task(&self) -> Option<TaskId> {
        let (node, send) = self.stamp.at.task?;
        let node = self.stamp.origin.names[node as usize].clone();
        Some(TaskId { node, send })
    }

    /// The task's node, if it happened to one.
    #[must_use]
    pub fn node(&self) -> Option<&NodeName> {
        let (node, _) = self.stamp.at.task?;
        Some(&self.stamp.origin.names[node as usize])
    }

    /// The attempt of the task, from 1; 0 where there is none.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.stamp.at.attempt
    }

    /// How long after the begin of the run it happened, by tokio's clock.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.stamp.elapsed)
    }

    /// The state, if this is the end of a superstep. Of a subgraph with a state
    /// of its own, see [`state_of`](Self::state_of).
    #[must_use]
    pub fn state(&self) -> Option<&S> {
        self.state_of()
    }

    /// The state, if this is the end of a superstep in a graph over `T`.
    #[must_use]
    pub fn state_of<T: State>(&self) -> Option<&T> {
        match &self.kind {
            EventKind::SuperstepFinished { state, .. } => state.get(),
            _ => None,
        }
    }

    /// What a task writes that has succeeded. Of a subgraph with a state of its
    /// own, see [`update_of`](Self::update_of).
    #[must_use]
    pub fn update(&self) -> Option<&S::Update> {
        self.update_of::<S>()
    }

    /// What a task writes that has succeeded, if its graph is over `T`.
    #[must_use]
    pub fn update_of<T: State>(&self) -> Option<&T::Update> {
        match &self.kind {
            EventKind::TaskFinished { update } | EventKind::TaskCached { update } => {
                update.as_ref()?.get()
            }
            _ => None,
        }
    }

    /// The text of a token.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        match &self.kind {
            EventKind::Token { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The part of the task that a token is of, if that has a name, such as the
    /// branch of a chain.
    #[must_use]
    pub fn part(&self) -> Option<&str> {
        match &self.kind {
            EventKind::Token { part, .. } => part.as_deref(),
            _ => None,
        }
    }

    /// A value that a node emitted, if it is a `T`.
    #[must_use]
    pub fn custom<T: 'static>(&self) -> Option<&T> {
        match &self.kind {
            EventKind::Custom(custom) => custom.get(),
            _ => None,
        }
    }
}

impl EventKind {
    /// The filters that let it through.
    pub(crate) fn kinds(&self) -> Kinds {
        match self {
            Self::SuperstepFinished { written: true, .. } => Kinds::VALUES | Kinds::PROGRESS,
            Self::TaskFinished { .. } | Self::TaskCached { .. } => Kinds::UPDATES | Kinds::TASKS,
            Self::Token { .. } => Kinds::TOKENS,
            Self::Custom(_) => Kinds::CUSTOM,
            Self::TaskWaited { .. }
            | Self::TaskStarted
            | Self::TaskRetried { .. }
            | Self::TaskFallback { .. }
            | Self::TaskPaused
            | Self::TaskFailed { .. }
            | Self::TaskCancelled => Kinds::TASKS,
            Self::Lost { .. } => Kinds::ALL,
            _ => Kinds::PROGRESS,
        }
    }

    /// Its name, as it is written as JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunStarted => "run_started",
            Self::SuperstepStarted { .. } => "superstep_started",
            Self::TaskWaited { .. } => "task_waited",
            Self::TaskStarted => "task_started",
            Self::TaskRetried { .. } => "task_retried",
            Self::TaskFallback { .. } => "task_fallback",
            Self::TaskFinished { .. } => "task_finished",
            Self::TaskCached { .. } => "task_cached",
            Self::TaskPaused => "task_paused",
            Self::TaskFailed { .. } => "task_failed",
            Self::TaskCancelled => "task_cancelled",
            Self::Routed { .. } => "routed",
            Self::SuperstepFinished { .. } => "superstep_finished",
            Self::CheckpointWritten { .. } => "checkpoint_written",
            Self::Interrupted { .. } => "interrupted",
            Self::Token { .. } => "token",
            Self::Custom(_) => "custom",
            Self::RunFinished { .. } => "run_finished",
            Self::RunFailed { .. } => "run_failed",
            Self::Lost { .. } => "lost",
        }
    }
}

impl<S: State> From<Happened> for Event<S> {
    fn from(Happened { kind, stamp }: Happened) -> Self {
        Self {
            kind,
            stamp,
            of: PhantomData,
        }
    }
}

impl<S: State> Clone for Event<S> {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind.clone(),
            stamp: self.stamp.clone(),
            of: PhantomData,
        }
    }
}

/// As it is written as JSON.
impl<S: State> fmt::Debug for Event<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_string(self) {
            Ok(json) => f.write_str(&json),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}
