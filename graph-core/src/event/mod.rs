//! What a watcher of a run can see, as data.

mod json;
mod kinds;
mod phase;
mod record;
mod watched;

pub use kinds::Kinds;
pub(crate) use phase::nanos;
pub use phase::{Phase, PhaseKind};
pub use record::{InsideRecord, Lead, LeadBy, MergeRecord, SuperstepRecord, TaskRecord};
pub use watched::{Event, EventKind, Interrupt, Status};
pub(crate) use watched::{Happened, Origin, Spot, Stamp};
