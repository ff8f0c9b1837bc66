//! Where a task stands among those inside others, as text: a path of nodes, each
//! with the number of its send and the superstep inside it, and the task in the
//! end. `review/0/2/approve` is `approve` in superstep 2 of what `review` is.

use super::entries::interrupt_id as id_in_task;
use crate::id::TaskId;
use crate::node::QuestionKey;

/// A path, taken apart.
struct Path<'p> {
    /// Nodes with their sends.
    around: Vec<(&'p str, &'p str)>,
    task: TaskId,
}

impl<'p> Path<'p> {
    fn of(text: &'p str) -> Self {
        let mut parts: Vec<&str> = text.split('/').collect();
        let mut around = Vec::new();
        while parts.len() > 2 {
            let rest = parts.split_off(3);
            around.push((parts[0], parts[1]));
            parts = rest;
        }
        let send = parts.get(1).and_then(|send| send.parse().ok());
        let node = parts.first().copied().unwrap_or_default();
        Self {
            around,
            task: TaskId {
                node: node.into(),
                send,
            },
        }
    }
}

/// The task in the end, and where its graph stands: `review/0`, or nothing for
/// the run's own graph.
pub(super) fn place_of(path: &str) -> (String, TaskId) {
    let Path { around, task } = Path::of(path);
    let around: Vec<String> = around
        .iter()
        .map(|(node, send)| format!("{node}/{send}"))
        .collect();
    (around.join("/"), task)
}

/// The names of the nodes on the way: `review/approve`.
pub(super) fn names_of(path: &str) -> String {
    let Path { around, task } = Path::of(path);
    let around = around.iter().map(|&(node, _)| node);
    around
        .chain([task.node.as_str()])
        .collect::<Vec<_>>()
        .join("/")
}

/// The path by which people name a question: `review/0/approve/0/limit`.
pub(super) fn interrupt_id(path: &str, key: &QuestionKey) -> String {
    let (around, task) = place_of(path);
    let id = id_in_task(&task, key);
    match around.as_str() {
        "" => id,
        around => format!("{around}/{id}"),
    }
}

/// Whether the path is that of a task inside another.
pub(super) fn is_inside(path: &str) -> bool {
    path.split('/').nth(2).is_some()
}

/// Whether a path is this one, or leads on from there.
pub(super) fn is_within(path: &str, around: &str) -> bool {
    let rest = path.strip_prefix(around);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the paths of tasks inside this one begin with.
pub(super) fn inside(task: &TaskId) -> String {
    format!("{}/{}/", task.node, task.send.unwrap_or(0))
}

/// Where the graph stands that is the node of a task: `review/0`.
pub(super) fn graph_of(task: &str) -> String {
    match task.split('/').count() % 3 {
        1 => format!("{task}/0"),
        _ => task.to_owned(),
    }
}
