//! Which graphs inside a node remember something of each thread.

use crate::id::NodeName;

/// A graph that is a node, and begins from what its last call on the thread came
/// to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    /// The names of the nodes on the way to it, as `review/section`, from the node
    /// or the graph that this is said of.
    pub(crate) path: String,
    /// What that was before nodes on the way had other names.
    pub(crate) formerly: Vec<String>,
    /// Whether a run can go on after a call of it that came to nothing: another
    /// may begin from the same memory.
    pub(crate) retried: bool,
}

impl Memory {
    /// The same, from the graph that has the node.
    pub(crate) fn in_graph(&self, node: &NodeName, aliases: &[String], retried: bool) -> Self {
        let names = std::iter::once(node.as_str()).chain(aliases.iter().map(String::as_str));
        let rests = std::iter::once(&self.path).chain(&self.formerly);
        let paths = names.flat_map(|name| rests.clone().map(move |rest| join(name, rest)));
        Self {
            path: join(node, &self.path),
            formerly: paths.skip(1).collect(),
            retried: self.retried || retried,
        }
    }
}

fn join(node: &str, rest: &str) -> String {
    match rest {
        "" => node.to_owned(),
        rest => format!("{node}/{rest}"),
    }
}
