//! Why a run ended without a result.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::checkpoint::CheckpointError;
use crate::id::{CheckpointId, NodeName, TaskId, ThreadId, list_of};
use crate::node::{Arrival, Arrivals};
use crate::plan::StarvedJoin;
use crate::state::WriteKind;

/// By whom a run was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelledBy {
    /// By [`RunControl::cancel`](crate::RunControl::cancel).
    Control,
    /// By its runtime, which was shut down.
    Runtime,
}

impl fmt::Display for CancelledBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "the run was cancelled",
            Self::Runtime => "the runtime was shut down",
        })
    }
}

/// What takes longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutScope {
    /// The run.
    Run,
    /// One superstep.
    Superstep,
}

impl fmt::Display for TimeoutScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run => "the run",
            Self::Superstep => "a superstep",
        })
    }
}

/// Why a run ended before it was done.
///
/// Its message is one clause and leaves its cause to [`source`](Error::source),
/// so that the chain of causes, joined by colons, reads as a sentence;
/// [`help`](Self::help) says what to do. As `Debug`, which `main` and `unwrap`
/// print, it is all of that, after its [`code`](Self::code).
///
/// # Examples
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use superstep::prelude::*;
/// use superstep::NodeError;
///
/// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
/// # struct Report { text: String }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn ask(_: View<Report>) -> NodeResult<ReportUpdate> {
///     Err(NodeError::msg("the model has nothing to say"))
/// }
///
/// let graph = StateGraph::<Report>::new("report")
///     .add_node("ask", ask)
///     .add_edge(START, "ask")
///     .compile()?;
/// let error = graph.invoke(Report::update()).await.unwrap_err();
/// assert_eq!(error.to_string(), "node `ask` failed in superstep 1, attempt 1");
/// assert_eq!(format!("{error:?}"), "\
/// node: node `ask` failed in superstep 1, attempt 1
///   caused by: the model has nothing to say
///   help: mend the cause, or give `ask` a policy: `node(f).retry(Retry::attempts(3))`");
/// # Ok(())
/// # }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A node failed, and its policies allowed no further attempt.
    #[error("node `{task}` failed in superstep {superstep}, attempt {attempt}")]
    Node {
        /// The node; `__start__` if a route out of `START` failed.
        node: NodeName,
        /// Its task in that superstep.
        task: TaskId,
        /// The attempt that failed last, from 1.
        attempt: u32,
        /// The superstep, from 1.
        superstep: u64,
        /// What the node returned, or the panic or timeout that ended it.
        source: Box<dyn Error + Send + Sync>,
    },

    /// Two tasks of one superstep wrote a field that takes one writer. Nothing
    /// of that superstep was merged.
    #[error("`{first}` and `{second}` both {} `{field}` in superstep {superstep}", wrote(*kind))]
    Conflict {
        /// The field.
        field: String,
        /// The first of the two in task order.
        first: TaskId,
        /// The second.
        second: TaskId,
        /// Whether both overwrote it, or one at least wrote it through its
        /// reducer.
        kind: WriteKind,
        /// The superstep, from 1.
        superstep: u64,
    },

    /// A reducer panicked.
    #[error(
        "the reducer of `{field}` panicked on the update of `{task}` in superstep {superstep}: {message}"
    )]
    Reducer {
        /// The field.
        field: String,
        /// The task whose update it was; `__start__` for the input.
        task: TaskId,
        /// The superstep, from 1; 0 for the input.
        superstep: u64,
        /// The panic's message.
        message: String,
    },

    /// The run took as many supersteps as it may, and more were ready.
    #[error("no end was reached within {}{}", so_many(*limit, setting.as_deref()), ran(last))]
    RecursionLimit {
        /// The most supersteps that the run may take.
        limit: u64,
        /// What has set that, if the graph says so:
        /// [`recursion_limit_by`](crate::StateGraph::recursion_limit_by).
        setting: Option<String>,
        /// The nodes of the last supersteps, oldest first.
        last: Vec<Vec<NodeName>>,
        /// The nodes that were ready to run next.
        next: Vec<NodeName>,
    },

    /// A route or a command named a target that cannot be gone to.
    #[error("`{node}` goes to `{target}`, which {why}")]
    UnknownTarget {
        /// The node whose route or command it was; `__start__` for `START`.
        node: NodeName,
        /// The name.
        target: String,
        /// Why not.
        why: String,
        /// The superstep, from 1; 0 for `START`.
        superstep: u64,
        /// What to do about it.
        help: String,
    },

    /// Another run is at work on the thread.
    #[error("thread `{thread}` is busy: another run is at work on it")]
    ThreadBusy {
        /// The thread.
        thread: ThreadId,
        /// When the other's lease ends, should it be dead.
        free_in: Duration,
    },

    /// Another run took the thread over, or has changed it meanwhile. What this
    /// run wrote before that is kept.
    #[error("thread `{thread}` was taken over by another run")]
    Stale {
        /// The thread.
        thread: ThreadId,
    },

    /// The checkpointer failed, or what it holds cannot be read.
    #[error("thread `{thread}` could not be read or written")]
    Checkpoint {
        /// The thread.
        thread: ThreadId,
        /// What the checkpointer says.
        source: CheckpointError,
    },

    /// The call needs a thread, and names none, or the graph has no
    /// checkpointer.
    #[error("{what}")]
    NoThread {
        /// What is missing.
        what: &'static str,
        /// What to do about it.
        help: &'static str,
    },

    /// There is no thread of that name yet.
    #[error("there is no thread `{thread}`")]
    UnknownThread {
        /// The name.
        thread: ThreadId,
        /// One that is there, and like it.
        near: Option<ThreadId>,
    },

    /// The thread has no checkpoint of that number, or no longer.
    #[error("thread `{thread}` has no checkpoint {checkpoint}")]
    UnknownCheckpoint {
        /// The thread.
        thread: ThreadId,
        /// The number.
        checkpoint: CheckpointId,
    },

    /// An input was given to a thread that has not finished.
    #[error(
        "thread `{thread}` has not finished: {} would be dropped",
        dropped(next, finished)
    )]
    Unfinished {
        /// The thread.
        thread: ThreadId,
        /// The tasks that would not run any more.
        next: Vec<TaskId>,
        /// Those that have finished, of the superstep at work.
        finished: Vec<TaskId>,
    },

    /// An answer was given to what nobody asks, or it is not clear to what.
    #[error("{what}")]
    UnknownInterrupt {
        /// What is wrong.
        what: String,
        /// The ids of what is asked, in task order.
        open: Vec<String>,
    },

    /// An answer is not of the type that was asked for. It was not kept: the
    /// question is still open.
    #[error("the answer to `{id}` is not what was asked for: {why}")]
    Answer {
        /// The question's id.
        id: String,
        /// Why not.
        why: String,
    },

    /// The thread waits at a node that the graph does not have.
    #[error("thread `{thread}` waits at `{node}`, which is not a node of this graph")]
    GoneNode {
        /// The thread.
        thread: ThreadId,
        /// The node's name.
        node: String,
    },

    /// A name that was given to the call is no node's.
    #[error("`{node}` is not a node of this graph")]
    UnknownNode {
        /// The name.
        node: String,
        /// What to do about it.
        help: String,
    },

    /// The run was ended before its end: by its caller, or since its runtime was
    /// shut down. What tasks had finished is kept on a thread.
    #[error("{by} in superstep {superstep}")]
    Cancelled {
        /// The superstep, from 1; 0 if none had begun.
        superstep: u64,
        /// By whom.
        by: CancelledBy,
    },

    /// The run, or a superstep of it, took longer than it may. What tasks had
    /// finished is kept on a thread.
    #[error("{scope} took longer than its timeout of {limit:?}{}", at_work(*superstep, running))]
    TimedOut {
        /// What took too long.
        scope: TimeoutScope,
        /// How long it may take.
        limit: Duration,
        /// The superstep at work, from 1; 0 if none had begun.
        superstep: u64,
        /// The tasks that were dropped, in task order.
        running: Vec<TaskId>,
    },

    /// A join that must not be half filled at the end of the run was:
    /// [`Join::strict`](crate::Join::strict).
    #[error("the run ended while {join}")]
    Starved {
        /// The join.
        join: StarvedJoin,
    },

    /// A join can get no further: too few of its sources have succeeded, or one
    /// that it requires has not.
    #[error("the join into `{target}` {why} (superstep {superstep})")]
    Join {
        /// The node that does not become ready.
        target: NodeName,
        /// Why not.
        why: String,
        /// The superstep after which that was so, from 1.
        superstep: u64,
        /// What has come of the sources.
        arrivals: Arrivals,
        /// What became of those that did not succeed.
        source: Box<dyn Error + Send + Sync>,
    },

    /// A [`Watcher`](crate::Watcher) panicked, and the run was dropped. What tasks
    /// had finished is kept on a thread.
    #[error("a watcher panicked at `{event}` in superstep {superstep}: {message}")]
    Watcher {
        /// The name of the event that it saw.
        event: &'static str,
        /// The superstep, from 1; 0 if none had begun.
        superstep: u64,
        /// The panic's message.
        message: String,
    },

    /// The run needs a tokio runtime, and was polled outside of one.
    #[error("there is no tokio runtime to run several tasks, or a timer, on")]
    NoRuntime,
}

impl RunError {
    /// A stable code to branch on.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Node { .. } => "node",
            Self::Conflict { .. } => "conflict",
            Self::Reducer { .. } => "reducer",
            Self::RecursionLimit { .. } => "recursion-limit",
            Self::UnknownTarget { .. } => "unknown-target",
            Self::ThreadBusy { .. } => "thread-busy",
            Self::Stale { .. } => "stale",
            Self::Checkpoint { .. } => "checkpoint",
            Self::NoThread { .. } => "no-thread",
            Self::UnknownThread { .. } => "unknown-thread",
            Self::UnknownCheckpoint { .. } => "unknown-checkpoint",
            Self::Unfinished { .. } => "unfinished",
            Self::UnknownInterrupt { .. } => "unknown-interrupt",
            Self::Answer { .. } => "answer",
            Self::GoneNode { .. } => "gone-node",
            Self::UnknownNode { .. } => "unknown-node",
            Self::Cancelled { .. } => "cancelled",
            Self::TimedOut { .. } => "timed-out",
            Self::Starved { .. } => "starved",
            Self::Join { .. } => "join",
            Self::Watcher { .. } => "watcher",
            Self::NoRuntime => "no-runtime",
        }
    }
}

/// The code and message, then each cause, then the help, each on its own line.
impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.code())?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        write!(f, "\n  help: {}", self.help())
    }
}

/// What would not run any more, or, if nothing is left to run, what would not
/// be merged.
fn dropped(next: &[TaskId], finished: &[TaskId]) -> String {
    match next {
        [] => format!("what came of {}", list_of(finished, finished.len())),
        next => list_of(next, next.len()),
    }
}

fn at_work(superstep: u64, running: &[TaskId]) -> String {
    match running {
        [] => String::new(),
        running => {
            let running = list_of(running, running.len());
            format!(" in superstep {superstep}, with {running} at work")
        }
    }
}

fn wrote(kind: WriteKind) -> &'static str {
    if kind == WriteKind::Reduce {
        "wrote"
    } else {
        "overwrote"
    }
}

fn so_many(limit: u64, setting: Option<&str>) -> String {
    match setting {
        None => format!("{limit} supersteps"),
        Some(setting) => format!("the {limit} supersteps of {setting}"),
    }
}

/// Supersteps as `` , the last 2 of which ran `a`, then `b`, `c` ``.
fn ran(supersteps: &[Vec<NodeName>]) -> String {
    let steps = supersteps.iter().map(|step| list_of(step, step.len()));
    let steps = steps.collect::<Vec<_>>().join(", then ");
    match supersteps.len() {
        0 => String::new(),
        1 => format!(", the last of which ran {steps}"),
        n => format!(", the last {n} of which ran {steps}"),
    }
}

/// What became of the sources of a join that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Missing(String);

impl Missing {
    /// As `` `fast` failed: no connection; `slow` was skipped ``.
    pub(super) fn of(arrivals: &Arrivals) -> Self {
        let became = |(task, came): (TaskId, &Arrival)| match came {
            Arrival::Done => None,
            Arrival::Failed(why) => Some(format!("`{task}` failed: {why}")),
            Arrival::TimedOut => Some(format!("`{task}` did not come in time")),
            Arrival::Cancelled => Some(format!("`{task}` was cancelled")),
            Arrival::Skipped => Some(format!("`{task}` was skipped")),
        };
        let became: Vec<String> = arrivals.iter().filter_map(became).collect();
        Self(became.join("; "))
    }
}

/// A node wrote a field that it does not declare.
#[derive(Debug, thiserror::Error)]
#[error("it wrote `{0}`, which `.writes(..)` does not declare")]
pub(super) struct UndeclaredWrite(pub(super) String);
