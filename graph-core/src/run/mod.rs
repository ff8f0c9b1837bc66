//! The only part that drives futures: the superstep loop, its executors, and
//! what a run comes to.

mod acquire;
mod attempt;
mod blocking;
mod bounds;
mod cached;
mod chance;
mod clock;
mod drive;
mod eager;
mod ended_by;
mod error;
mod execute;
mod given;
mod help;
mod hooks;
mod inner;
mod invocation;
mod joins;
mod limits;
mod nest;
mod policed;
mod race;
mod record;
mod recorded;
#[cfg(feature = "testing")]
mod rehearse;
mod remains;
mod remembering;
mod result;
mod results;
mod settle;
mod spans;
mod starving;
mod stop;
mod subgraph;
mod tell;
mod thread;
mod timed;
mod traced;
mod turn;
mod usage;
mod watch;

pub use acquire::Permit;
pub use blocking::{Blocking, blocking};
pub use cached::CacheStats;
pub use error::{CancelledBy, RunError, TimeoutScope};
pub use given::{Given, HasContext, IntoContext, NoContext};
pub use invocation::Invocation;
pub(crate) use record::to_json;
pub(crate) use recorded::Recorded;
#[cfg(feature = "testing")]
pub(crate) use rehearse::Rehearsal;
pub use remembering::PerThread;
pub use result::Run;
#[cfg(feature = "testing")]
pub(crate) use thread::incompatible;

pub(crate) use spans::{Ended, Row, TaskSpan, Time, Times};
pub use stop::RunControl;
pub use subgraph::{Subgraph, subgraph};
pub use thread::{
    Durability, History, InsideSnapshot, InsideThread, OnBusy, Snapshot, Thread, ThreadUpdate,
    Unfinished,
};
pub use usage::RunUsage;
pub use watch::{Events, JsonLines, Watcher};
