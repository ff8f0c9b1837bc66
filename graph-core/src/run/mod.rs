//! The only part that drives futures: the superstep loop, its executors, and
//! what a run comes to.

mod acquire;
mod attempt;
mod budget;
mod cached;
mod clock;
mod drive;
mod error;
mod execute;
mod hooks;
mod invocation;
mod limits;
mod record;
#[cfg(feature = "testing")]
mod rehearse;
mod result;
mod settle;
mod thread;

pub use cached::CacheStats;
pub use error::RunError;
pub(crate) use invocation::Recorded;
pub use invocation::{Given, HasContext, IntoContext, Invocation, NoContext};
pub(crate) use record::to_json;
#[cfg(feature = "testing")]
pub(crate) use rehearse::Rehearsal;
pub use result::{Run, Status};
#[cfg(feature = "testing")]
pub(crate) use thread::incompatible;
pub use thread::{
    Durability, History, Interrupt, OnBusy, Snapshot, Thread, ThreadUpdate, Unfinished,
};
