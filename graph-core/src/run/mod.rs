//! The only part that drives futures: the superstep loop, its executors, and
//! what a run comes to.

mod attempt;
mod drive;
mod error;
mod execute;
mod invocation;
mod record;
mod rehearse;
mod result;
mod settle;

pub use error::RunError;
pub(crate) use invocation::Recorded;
pub use invocation::{Given, HasContext, Invocation, NoContext};
pub(crate) use record::to_json;
pub(crate) use rehearse::Rehearsal;
pub use result::{Run, Status};
