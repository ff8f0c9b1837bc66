//! What to do about the errors of runs.

use std::error::Error;

use super::error::{CancelledBy, RunError, UndeclaredWrite};
use super::thread::Swallowed;
use crate::checkpoint::CheckpointError;
use crate::id::{NodeName, list_of};
use crate::node::{
    BudgetExhausted, ExceedsBurst, FallbackFailed, Interrupted, LongWait, Panicked, TimedOut,
};
use crate::plan::StarvedJoin;
use crate::state::WriteKind;

impl RunError {
    /// What to do about it; of a node that is a graph, about what failed inside.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Node {
                node,
                attempt,
                source,
                ..
            } => help_after(&**source, node, *attempt),
            Self::Conflict {
                field,
                kind: WriteKind::Reduce,
                ..
            } => format!(
                "give `{field}` a reducer, such as `#[reduce(Last)]` or `#[reduce(Append)]`, \
                 or let one of the two run after the other"
            ),
            Self::Conflict { field, .. } => {
                format!("let only one task of a superstep overwrite `{field}`")
            }
            Self::Reducer { .. } => "a reducer must merge every update that can be made".into(),
            Self::RecursionLimit { next, setting, .. } => help_limited(next, setting.as_deref()),
            Self::UnknownTarget { help, .. } => help.clone(),
            Self::ThreadBusy { free_in, .. } => format!(
                "wait with `.on_busy(OnBusy::Wait)`, or take it over with `OnBusy::Interrupt`; \
                 if the other is dead, its lease ends in {free_in:.0?}"
            ),
            Self::Stale { .. } => "look at the thread, and go on from there with `proceed`".into(),
            Self::Checkpoint { source, .. } => help_with_store(source),
            Self::NoThread { help, .. } => (*help).into(),
            Self::UnknownThread {
                near: Some(near), ..
            } => format!("did you mean `{near}`?"),
            Self::UnknownThread { .. } => "begin it: `graph.invoke(input).thread(id)`".into(),
            Self::UnknownCheckpoint { .. } => {
                "see which there are: `graph.thread(id).history()`".into()
            }
            Self::Unfinished { .. } => {
                "go on with `resume` or `proceed`, or say what becomes of it: \
                 `.unfinished(Unfinished::Discard)` or `Unfinished::Keep`"
                    .into()
            }
            Self::UnknownInterrupt { open, .. } if open.is_empty() => {
                "go on with `proceed`, or begin a run with `invoke`".into()
            }
            Self::UnknownInterrupt { open, .. } => format!(
                "answer with `resume_with([(id, answer)])`; asked is {}",
                list_of(open, open.len())
            ),
            Self::Answer { .. } => "resume again with an answer of that type".into(),
            Self::GoneNode { node, .. } => format!(
                "if it was renamed, say so: `node(f).aliases([\"{node}\"])`; else go on as another \
                 node, `graph.thread(id).update(..).as_node(..)`, or from an older checkpoint"
            ),
            Self::UnknownNode { help, .. } => help.clone(),
            Self::Cancelled { by, .. } => help_cancelled(*by).into(),
            Self::TimedOut { .. } => {
                "on a thread, go on with `graph.proceed()`; give slow nodes timeouts of their own, \
                 so that the others' work is used: `node(f).timeout(..)`"
                    .into()
            }
            Self::Starved { join } => help_starved(join),
            Self::Join { .. } => HELP_JOIN.into(),
            Self::Watcher { .. } => HELP_WATCHER.into(),
            Self::NoRuntime => HELP_NO_RUNTIME.into(),
        }
    }
}

fn help_limited(next: &[NodeName], setting: Option<&str>) -> String {
    let next = list_of(next, next.len());
    let setting = setting.unwrap_or("`recursion_limit`");
    format!("see what still makes {next} ready, or raise {setting}")
}

fn help_cancelled(by: CancelledBy) -> &'static str {
    match by {
        CancelledBy::Control => "on a thread, go on with `graph.proceed()`",
        CancelledBy::Runtime => "keep the runtime until the run has ended, or drop the run first",
    }
}

const HELP_JOIN: &str = "give the sources policies, such as `.retry(..)`, or let the join ask for \
                         less: a smaller quorum, fewer in `.require(..)`, or `Join::settled()` \
                         alone, which fires whatever they come to";

const HELP_WATCHER: &str = "mend what panicked; on a thread, go on with `graph.proceed()`";

const HELP_NO_RUNTIME: &str = "await the run inside `#[tokio::main]` or `Runtime::block_on`";

fn help_starved(join: &StarvedJoin) -> String {
    let missing = list_of(&join.missing, join.missing.len());
    format!("lead to {missing} on every way, or wait only for what comes: `Join::settled()`")
}

fn help_with_store(error: &CheckpointError) -> String {
    match error {
        CheckpointError::Corrupt { .. } => {
            "read it with the state and the version that wrote it, or go on from an older \
             checkpoint, if one can be read: `proceed().checkpoint(id)`"
        }
        CheckpointError::Unwritable { .. } => {
            "let serde write it as JSON; what was committed is safe: go on with `proceed`"
        }
        CheckpointError::Exists => "choose another name, or delete the thread that has this one",
        _ => "what was committed is safe: mend the store, then go on with `proceed`",
    }
    .into()
}

/// What to do about the end of `node`'s last attempt.
fn help_after(cause: &(dyn Error + 'static), node: &str, attempt: u32) -> String {
    let once = attempt == 1;
    if let Some(inside) = cause.downcast_ref::<RunError>() {
        inside.help()
    } else if cause.is::<Panicked>() {
        "mend what panicked; `RUST_BACKTRACE=1` shows the way to it".to_owned()
    } else if let Some(UndeclaredWrite(field)) = cause.downcast_ref() {
        format!("add `{field}` to the `.writes(..)` of `{node}`, or do not write it there")
    } else if cause.is::<Interrupted>() {
        "a question needs a run on a thread, a node without `.hedge(..)`, a name, and a value that \
         can be JSON"
            .to_owned()
    } else if cause.is::<Swallowed>() {
        "hand on the error of `ctx.interrupt` with `?`".to_owned()
    } else if cause.is::<BudgetExhausted>() {
        "raise the budget of the run, or let the node go on without what it asked for".to_owned()
    } else if cause.is::<ExceedsBurst>() {
        "ask for less at once, or raise the `.burst(..)` of the limiter".to_owned()
    } else if cause.is::<FallbackFailed>() {
        format!("mend the fallback of `{node}`, or what it was called for")
    } else if cause.is::<LongWait>() {
        "run it again after that wait, or raise `Retry::max_retry_after`".to_owned()
    } else if let Some(timed_out) = cause.downcast_ref() {
        let raise = match timed_out {
            TimedOut::Whole(_) => format!("raise the `.timeout(..)` of `{node}`"),
            TimedOut::Idle(_) => {
                format!(
                    "call `ctx.heartbeat()` more often in `{node}`, raise its `.idle_timeout(..)`"
                )
            }
        };
        if once {
            format!("{raise}, or try again: `.retry(Retry::attempts(3))`")
        } else {
            format!("{raise}, or the attempts of its `.retry(..)`")
        }
    } else if once {
        format!("mend the cause, or give `{node}` a policy: `node(f).retry(Retry::attempts(3))`")
    } else {
        format!("mend the cause, or raise the attempts of the `.retry(..)` of `{node}`")
    }
}
