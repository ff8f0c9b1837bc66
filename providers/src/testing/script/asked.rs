//! What a model for tests was asked.

use superstep_core::CurrentTask;

use super::rule::{around, said_by_user};
use crate::ModelRequest;

/// A request that a [`ScriptedModel`](super::ScriptedModel) was given, and in
/// which task.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Asked {
    /// What was asked.
    pub request: ModelRequest,
    /// The node in which it was asked.
    pub node: Option<String>,
    /// The task with the graphs around it, such as `review/0/ask`.
    pub task: Option<String>,
    /// The superstep of the task's graph; 0 outside of runs.
    pub superstep: u64,
    /// The attempt of the task, from 1; 0 outside of runs.
    pub attempt: u32,
    /// The rule that replied, such as ``on(`weather`)``.
    pub rule: Option<String>,
    path: String,
}

impl Asked {
    pub(super) fn new(
        request: ModelRequest,
        task: Option<&CurrentTask>,
        rule: Option<String>,
    ) -> Self {
        let path = task.map(|task| task.path().to_owned()).unwrap_or_default();
        let name = |task: &CurrentTask| match path.is_empty() {
            true => task.task().to_string(),
            false => format!("{path}/{}", task.task()),
        };
        Self {
            request,
            node: task.map(|task| task.node().as_str().to_owned()),
            task: task.map(name),
            superstep: task.map_or(0, CurrentTask::superstep),
            attempt: task.map_or(0, CurrentTask::attempt),
            rule,
            path,
        }
    }

    /// The text of the last message of a user.
    #[must_use]
    pub fn text(&self) -> String {
        said_by_user(&self.request).unwrap_or_default()
    }

    pub(super) fn is_inside(&self, node: &str) -> bool {
        self.node.as_deref() == Some(node) || around(&self.path).any(|around| around == node)
    }

    /// What it is ordered by among others.
    pub(super) fn order(&self) -> impl Ord + use<> {
        let json = serde_json::to_string(&self.request).unwrap_or_default();
        let place = (self.path.clone(), self.superstep, self.task.clone());
        (place, self.attempt, self.request.messages.len(), json)
    }
}
