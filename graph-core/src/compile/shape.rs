//! The shape of a graph: indices instead of names, and no functions.
//!
//! Nodes are numbered in the order of their names, which is the order of their
//! tasks in a superstep.

use fixedbitset::FixedBitSet;

use crate::graph::{Place, Rule};
use crate::id::{END, NodeName, START};

pub(crate) type NodeIndex = u32;

/// Where something leads out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Start,
    Node(NodeIndex),
    /// What is written there cannot be a source. That is a mistake of its own,
    /// and what follows is taken to be reached.
    Nothing,
}

impl Source {
    pub(super) fn node(self) -> Option<NodeIndex> {
        match self {
            Self::Node(node) => Some(node),
            Self::Start | Self::Nothing => None,
        }
    }

    /// Its place in a list of all: `START` comes before the nodes.
    pub(super) fn slot(self) -> usize {
        match self {
            Self::Start | Self::Nothing => 0,
            Self::Node(node) => node as usize + 1,
        }
    }
}

/// A node as far as the shape of the graph goes, or a name that is no node's.
///
/// Such a name may be misspelt, or its node forgotten. Rules find what is wrong
/// in both cases: the name shows as one mistake, and hides no other. Where
/// nothing leads to it, that may be forgotten too: then it is taken to run.
#[derive(Debug)]
pub(super) struct ShapeNode {
    pub(super) name: NodeName,
    /// Its place in the builder's list, if it is a node.
    pub(super) recorded: Option<usize>,
    /// If it is none, the node whose name was probably meant.
    pub(super) meant: Option<NodeIndex>,
    /// Whether anything says that it leads there.
    pub(super) entered: bool,
    pub(super) place: Place,
    pub(super) worker: bool,
    pub(super) defer: bool,
    pub(super) destinations: Destinations,
    /// Indices of the fields that it declares to write.
    pub(super) writes: Option<FixedBitSet>,
}

/// Where a node's commands may go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destinations {
    /// It returns no command.
    None,
    /// It does not say.
    Any,
    /// To these; `None` is `END`.
    Declared(Vec<Option<NodeIndex>>),
}

#[derive(Debug)]
pub(super) struct ShapeEdge {
    pub(super) from: Source,
    pub(super) to: NodeIndex,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct ShapeJoin {
    /// Sorted, each once; never empty.
    pub(super) from: Vec<NodeIndex>,
    pub(super) to: NodeIndex,
    /// What it waits for, if not for all.
    pub(super) rule: Option<Box<Rule>>,
    pub(super) place: Place,
}

impl ShapeJoin {
    /// Whether it fires only when all its sources have run.
    pub(super) fn waits_for_all(&self) -> bool {
        let rule = self.rule.as_ref();
        rule.is_none_or(|rule| rule.waits_for_all())
    }
}

#[derive(Debug)]
pub(super) struct ShapeRoute {
    pub(super) from: Source,
    /// As they were declared; `None` is `END`.
    pub(super) to: Vec<Option<NodeIndex>>,
    pub(super) exactly_one: bool,
    /// Its place in the builder's list.
    pub(super) recorded: usize,
    pub(super) place: Place,
}

/// Where runs stop, in any order.
#[derive(Debug, Default)]
pub(super) struct Breakpoints {
    pub(super) before: Vec<NodeIndex>,
    pub(super) after: Vec<NodeIndex>,
}

#[derive(Debug)]
pub(super) struct Shape {
    pub(super) nodes: Vec<ShapeNode>,
    pub(super) edges: Vec<ShapeEdge>,
    /// Sources of edges into `END`, for the drawing.
    pub(super) ends: Vec<Source>,
    pub(super) joins: Vec<ShapeJoin>,
    pub(super) routes: Vec<ShapeRoute>,
    pub(super) breakpoints: Breakpoints,
    /// Whether any edge or route says that it leads out of `START`.
    pub(super) has_entry: bool,
}

impl ShapeNode {
    /// A name that is no node's, as far as is known.
    pub(super) fn unknown(name: &str, place: Place) -> Self {
        Self {
            name: name.into(),
            recorded: None,
            meant: None,
            entered: false,
            place,
            worker: false,
            defer: false,
            destinations: Destinations::None,
            writes: None,
        }
    }
}

impl Destinations {
    pub(super) fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (_, Self::None) | (Self::Any, _) => {}
            (Self::Declared(targets), Self::Declared(more)) => targets.extend(more),
            (_, more) => *self = more,
        }
    }
}

impl Shape {
    pub(super) fn name(&self, index: NodeIndex) -> &str {
        &self.nodes[index as usize].name
    }

    pub(super) fn names(&self, indices: &[NodeIndex]) -> Vec<&str> {
        indices.iter().map(|&index| self.name(index)).collect()
    }

    pub(super) fn index(&self, name: &str) -> Option<NodeIndex> {
        let nodes = &self.nodes;
        let index = nodes.binary_search_by(|node| node.name.as_str().cmp(name));
        index.ok().map(to_index)
    }

    pub(super) fn is_unknown(&self, index: NodeIndex) -> bool {
        self.nodes[index as usize].recorded.is_none()
    }

    /// The node that is meant by an unknown name, if that can be told; else
    /// what is given.
    pub(super) fn meant(&self, index: NodeIndex) -> NodeIndex {
        self.nodes[index as usize].meant.unwrap_or(index)
    }

    pub(super) fn indices(&self) -> std::ops::Range<NodeIndex> {
        0..to_index(self.nodes.len())
    }
}

/// Node counts fit in 32 bits: a builder call for each would take hours.
pub(crate) fn to_index(index: usize) -> NodeIndex {
    NodeIndex::try_from(index).expect("fewer than 2^32 nodes")
}

/// Why a node cannot have that name, if it cannot.
pub(super) fn invalid(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("it is empty"),
        START | END => Some("it is reserved"),
        _ if name.trim() != name => Some("it begins or ends with a space"),
        _ if name.chars().any(char::is_control) => Some("it holds a control character"),
        _ if name.contains('/') => Some("`/` separates the parts of a task's path"),
        _ => None,
    }
}

/// The known name nearest to `name`, if it is near enough to be what was
/// meant; the first in order among equals.
pub(crate) fn nearest<'n>(name: &str, mut known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    nearest_of(name, &mut known)
}

fn nearest_of<'n>(name: &str, known: &mut dyn Iterator<Item = &'n str>) -> Option<&'n str> {
    let length = name.chars().count();
    // At least one character must be right: `c` is not a misspelt `a`.
    let allowed = (length / 3).clamp(1, 3).min(length.saturating_sub(1));
    let mut nearest: Option<(usize, &str)> = None;
    for known in known {
        if known.chars().count().abs_diff(length) > allowed {
            continue;
        }
        let distance = strsim::osa_distance(name, known);
        if distance <= allowed && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, known));
        }
    }
    nearest.map(|(_, known)| known)
}
