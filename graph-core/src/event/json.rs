//! An event as JSON: one flat object, made to be a line of a log.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Event, EventKind, Status};
use crate::node::EventValue;
use crate::state::State;

/// As `{"event":"task_finished","run":"research-1","sequence":7,…}`: the name of
/// what happened, where and when, and what belongs to it. In place of a value that
/// cannot be JSON it has why not, as `error`.
impl<S: State> Serialize for Event<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", self.kind.name())?;
        map.serialize_entry("run", self.run())?;
        map.serialize_entry("sequence", &self.sequence())?;
        let elapsed = u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX);
        map.serialize_entry("elapsed_us", &elapsed)?;
        if !self.path().is_empty() {
            map.serialize_entry("path", self.path())?;
        }
        map.serialize_entry("superstep", &self.superstep())?;
        if let Some(task) = self.task() {
            map.serialize_entry("task", &task.to_string())?;
            map.serialize_entry("attempt", &self.attempt())?;
        }
        write_kind(&self.kind, &mut map)?;
        map.end()
    }
}

fn write_kind<M: SerializeMap>(kind: &EventKind, map: &mut M) -> Result<(), M::Error> {
    match kind {
        EventKind::SuperstepStarted { tasks } => map.serialize_entry("tasks", tasks),
        EventKind::TaskWaited { waits } => map.serialize_entry("waits", &**waits),
        EventKind::TaskRetried { error, delay } => {
            map.serialize_entry("error", &**error)?;
            let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            map.serialize_entry("delay_ms", &delay)
        }
        EventKind::TaskFinished { update } | EventKind::TaskCached { update } => {
            write_value("update", update.as_ref(), map)
        }
        EventKind::TaskFallback { error }
        | EventKind::TaskFailed { error }
        | EventKind::RunFailed { error } => map.serialize_entry("error", &**error),
        EventKind::SuperstepFinished { state, .. } => write_value("state", Some(state), map),
        EventKind::Routed { to, sends } => {
            map.serialize_entry("to", to)?;
            match sends {
                0 => Ok(()),
                sends => map.serialize_entry("sends", sends),
            }
        }
        EventKind::CheckpointWritten { checkpoint } => {
            map.serialize_entry("checkpoint", checkpoint)
        }
        EventKind::Interrupted { interrupt } => {
            map.serialize_entry("id", &interrupt.id)?;
            map.serialize_entry("value", &interrupt.value)
        }
        EventKind::Token { text, part } => {
            map.serialize_entry("text", &**text)?;
            match part {
                None => Ok(()),
                Some(part) => map.serialize_entry("part", &**part),
            }
        }
        EventKind::Custom(custom) => write_value("value", Some(custom), map),
        EventKind::RunFinished { status } => map.serialize_entry(
            "status",
            match status {
                Status::Done => "done",
                Status::Interrupted => "interrupted",
                Status::Drained => "drained",
            },
        ),
        EventKind::Lost { events } => map.serialize_entry("events", events),
        EventKind::RunStarted
        | EventKind::TaskStarted
        | EventKind::TaskPaused
        | EventKind::TaskCancelled => Ok(()),
    }
}

fn write_value<M: SerializeMap>(
    key: &'static str,
    value: Option<&EventValue>,
    map: &mut M,
) -> Result<(), M::Error> {
    match value.map(EventValue::write).transpose() {
        Ok(written) => map.serialize_entry(key, &written),
        Err(error) => map.serialize_entry("error", &error.to_string()),
    }
}
