//! What the tasks of a run have used.

use std::collections::BTreeMap;

use crate::node::Usage;

/// What the tasks of a run have used, of language models most of all: what
/// [`CurrentTask::used`](crate::CurrentTask::used) was told.
///
/// Attempts that failed and tasks that were cancelled count, too; what a thread
/// has from runs before does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunUsage {
    by_task: BTreeMap<String, Usage>,
}

impl RunUsage {
    pub(super) fn new(by_task: BTreeMap<String, Usage>) -> Self {
        Self { by_task }
    }

    /// All of it.
    pub fn total(&self) -> Usage {
        sum(self.by_task.values())
    }

    /// What a node has used, with all that is inside it; or one of its sends, as
    /// `review/3`; or a node further in, as `review/3/score`.
    pub fn of(&self, path: &str) -> Usage {
        let inside = |task: &str| {
            let rest = task.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let tasks = self.by_task.iter();
        sum(tasks.filter(|(task, _)| inside(task)).map(|(_, used)| used))
    }

    /// What each task has used, by its path, sorted; the tasks of a node that ran
    /// in several supersteps are one.
    pub fn tasks(&self) -> impl Iterator<Item = (&str, Usage)> {
        self.by_task.iter().map(|(task, used)| (&**task, *used))
    }
}

fn sum<'u>(all: impl Iterator<Item = &'u Usage>) -> Usage {
    all.fold(Usage::new(), |sum, used| sum + *used)
}
