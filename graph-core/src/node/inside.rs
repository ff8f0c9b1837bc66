//! What a node that is a graph says of what is inside it, whatever its state.

use std::any::Any;

/// A graph that is a node of another.
pub(crate) trait GraphInside: Send + Sync {
    /// Looks for a node by the names on the way to it, each that of a graph but for
    /// the last; says whether that is one, too.
    fn find(&self, names: &[&str]) -> Result<bool, Astray>;

    /// The names on the way to a node of that name, here or further down.
    fn way_to(&self, name: &str) -> Option<String>;

    /// The path of a task of it, or of one inside that, by the names that the nodes
    /// have now.
    fn renamed(&self, task: &str) -> String;

    /// A picture of it, with so many levels of what is inside; `compile` knows the
    /// type.
    fn picture(&self, levels: usize) -> Box<dyn Any>;

    /// Tries whether the graph that these names lead to can read what it remembers;
    /// the runs know what that is.
    #[cfg(feature = "testing")]
    fn try_memory(&self, names: &[&str], memory: &mut dyn Any);
}

/// Why names lead to no node.
#[derive(Debug)]
pub(crate) enum Astray {
    /// There is none of such a name; this way is near.
    NoNode(Option<String>),
    /// This one is no graph, and nothing is inside it.
    NoGraph(String),
}
