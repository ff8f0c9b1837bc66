//! The only part that drives futures: the superstep loop, its executors, and
//! what a run comes to.

mod attempt;
mod blocking;
mod chance;
mod clock;
mod drive;
mod eager;
mod error;
mod execute;
mod hooks;
mod invocation;
mod nest;
mod policed;
mod race;
mod record;
#[cfg(feature = "testing")]
mod rehearse;
mod result;
mod settle;
mod spans;
mod stop;
mod tell;
mod thread;
mod timed;
mod watch;

pub use blocking::{Blocking, blocking};
pub use error::{CancelledBy, RunError, TimeoutScope};
pub(crate) use invocation::Recorded;
pub use invocation::{Given, HasContext, IntoContext, Invocation, NoContext};
pub use nest::{Subgraph, subgraph};
pub(crate) use record::to_json;
#[cfg(feature = "testing")]
pub(crate) use rehearse::Rehearsal;
pub use result::Run;
#[cfg(feature = "testing")]
pub(crate) use thread::incompatible;

pub(crate) use spans::{Doing, Ended, Row, TaskSpan, Time, Times};
pub use stop::RunControl;
pub use thread::{Durability, History, OnBusy, Snapshot, Thread, ThreadUpdate, Unfinished};
pub use watch::{Events, Watcher};
