//! What the tasks of a run have used.

use std::collections::BTreeMap;

use crate::node::{Usage, UsedBy};

/// What the tasks of a run have used, of language models most of all: what
/// [`CurrentTask::used`](crate::CurrentTask::used) was told.
///
/// Attempts that failed and tasks that were cancelled count, too; what a thread
/// has from runs before does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunUsage {
    by: BTreeMap<UsedBy, Usage>,
}

impl RunUsage {
    pub(super) fn new(by: BTreeMap<UsedBy, Usage>) -> Self {
        Self { by }
    }

    /// All of it.
    pub fn total(&self) -> Usage {
        sum(self.by.values())
    }

    /// What a node has used, with all that is inside it; or one of its sends, as
    /// `review/3`; or a node further in, as `review/3/score`.
    pub fn of(&self, path: &str) -> Usage {
        let by = self.by.iter();
        sum(by
            .filter(|((task, _), _)| is_within(task, path))
            .map(|(_, used)| used))
    }

    /// Of that, what a part with a name has used, with all parts of it: the branch
    /// `summary` of a chain that is a node, in each of its attempts.
    pub fn of_part(&self, path: &str, part: &str) -> Usage {
        let within = |named: &Option<_>| {
            let named: Option<&str> = named.as_deref();
            named.is_some_and(|named| is_within(named, part))
        };
        let by = self.by.iter();
        sum(by
            .filter(|((task, named), _)| is_within(task, path) && within(named))
            .map(|(_, used)| used))
    }

    /// What each task has used, by its path, sorted; the tasks of a node that ran
    /// in several supersteps are one.
    pub fn tasks(&self) -> impl Iterator<Item = (&str, Usage)> {
        let mut by = self.by.iter().peekable();
        std::iter::from_fn(move || {
            let ((task, _), used) = by.next()?;
            let mut all = *used;
            while let Some((_, used)) = by.next_if(|((other, _), _)| other == task) {
                all = all + *used;
            }
            Some((&**task, all))
        })
    }
}

/// Whether a path is this one, leads on from there, or is another attempt of it.
fn is_within(path: &str, around: &str) -> bool {
    let rest = path.strip_prefix(around);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '#']))
}

fn sum<'u>(all: impl Iterator<Item = &'u Usage>) -> Usage {
    all.fold(Usage::new(), |sum, used| sum + *used)
}
