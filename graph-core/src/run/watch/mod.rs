//! A run that is watched: events on their way from its tasks to a reader.

mod call;
mod events;
mod hub;
mod lines;
mod room;
mod task;
mod told;
mod watcher;

pub(super) use call::{WatchedBy, next_run};
pub use events::Events;
pub(super) use events::Start;
pub(super) use hub::{Elapsed, Hub, Put};
pub use lines::JsonLines;
pub(super) use room::Room;
pub(super) use task::{WatchedTask, finished, with_causes};
pub(super) use told::Watch;
pub use watcher::Watcher;
