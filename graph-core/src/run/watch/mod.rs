//! A run that is watched: events on their way from its tasks to a reader.

mod call;
mod events;
mod hub;
mod task;
mod watcher;

pub(super) use call::{WatchedBy, next_run};
pub use events::Events;
pub(super) use events::Start;
pub(super) use hub::{Hub, Watch};
pub(super) use task::{WatchedTask, with_causes};
pub use watcher::Watcher;
