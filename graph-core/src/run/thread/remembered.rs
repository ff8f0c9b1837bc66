//! What graphs remembered that are looked at, when their calls began.
//!
//! It is what the thread's checkpoint holds of them, and then what earlier calls
//! in the same superstep of the thread had changed, as the results say of the tasks
//! that those were in. Nothing is taken out.

use std::sync::Arc;

use super::memory::{Changed, Found, Memories, Value, add};
use super::paths;
use super::recall::looked_at;
use crate::checkpoint::CheckpointError;
use crate::node::NodeError;
use crate::state::State;

/// What there is of memories, at some place inside a superstep of the thread.
pub(super) struct Remembered {
    memories: Memories,
    /// What has been changed since by the graphs around, the innermost last.
    around: Vec<Changed>,
}

/// From what a call began: the state, and the ephemeral fields that held something.
pub(super) type Begun<S> = (Arc<S>, Vec<String>);

impl Remembered {
    pub(super) fn new(memories: Memories) -> Self {
        Self {
            memories,
            around: Vec::new(),
        }
    }

    /// What follows is inside a graph, until that is left.
    pub(super) fn enter(&mut self) {
        self.around.push(Changed::new());
    }

    pub(super) fn leave(&mut self) {
        self.around.pop();
    }

    /// From what the call began of the graph with that path.
    pub(super) fn of<S: State>(&self, path: &str) -> Result<Begun<S>, CheckpointError> {
        let name = paths::names_of(path);
        let found = self.find(&name);
        let held = found.held.clone();
        Ok((looked_at(&name, found)?, held))
    }

    fn find(&self, name: &str) -> Found {
        let mut found = self.memories.look(name);
        for change in self.around.iter().filter_map(|changed| changed.get(name)) {
            if change.whole {
                found.value = Value::Nothing;
                found.since.clear();
            }
            found.since.push(change.fields.clone());
            found.version = change.version;
            found.held.clone_from(&change.held);
        }
        found
    }

    /// A task of the graph at hand has left this result, which counts.
    pub(super) fn take_in(&mut self, result: &str) -> Result<(), NodeError> {
        if let Some(changed) = self.around.last_mut()
            && self.memories.any()
        {
            add(changed, self.memories.read(result)?);
        }
        Ok(())
    }
}
