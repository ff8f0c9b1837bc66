//! Runs on threads: what a run does beside running, so that it can stop and go
//! on, in another process if need be.
//!
//! 1. A run holds its thread's lease from before it reads to after its last
//!    write.
//! 2. A superstep is written with its successors, all at once, when its updates
//!    are merged. Whatever fails before that leaves the thread where it was.
//! 3. A task of several leaves its result when it ends, and is not run again.
//!    Its routes are not asked until all have ended; one that fails takes its
//!    task's result with it.
//! 4. A conflict takes all results of its superstep with it.
//! 5. A task that asks waits until one of its questions is answered, and then
//!    runs from its start.

mod begin;
mod breakpoints;
mod call;
#[cfg(feature = "testing")]
mod check;
mod drive;
mod entries;
mod fields;
mod handle;
mod history;
mod inside;
mod inspect;
mod join;
mod ledger;
mod line;
mod load;
mod lost;
mod memory;
mod migrate;
mod options;
mod outbox;
mod paths;
mod pending;
mod problem;
mod read;
mod recall;
mod remembered;
mod replay;
mod rewind;
mod settings;
mod snapshot;
mod squash;
mod starved;
mod update;
mod warm;
mod within;

pub(in crate::run) use call::Parts;
pub(crate) use call::{Answers, Begin, Running, ThreadCall};
#[cfg(feature = "testing")]
pub(crate) use check::incompatible;
pub use handle::Thread;
pub use history::History;
pub(super) use inside::{InsideEnd, InsideLedger, OnThread};
pub use inspect::{InsideSnapshot, InsideThread};
pub(super) use ledger::PausedInside;
pub(in crate::run) use ledger::{BadAnswer, Swallowed};
pub use options::{Durability, OnBusy, Unfinished};
pub(super) use recall::Recalled;
pub(in crate::run) use replay::{replay, replay_from_memory};
pub use snapshot::Snapshot;
pub use update::ThreadUpdate;
