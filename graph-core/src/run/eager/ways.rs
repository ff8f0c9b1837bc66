//! Where a graph's nodes lead, for those who want to know what may still come.

use fixedbitset::FixedBitSet;

use crate::compile::{Frozen, JoinSource, NodeIndex};
use crate::state::State;

/// The direct ways of a graph; none is into a deferred node, which waits for
/// all in any case.
pub(super) struct Ways {
    /// For each node, those that it may make ready: by edges, routes, declared
    /// commands and joins. Sorted, each once.
    next: Vec<Vec<NodeIndex>>,
    /// The nodes whose commands may go anywhere.
    anywhere: FixedBitSet,
    /// For each node, its places in joins.
    arrivals: Vec<Vec<JoinSource>>,
    joins: Vec<(Vec<NodeIndex>, NodeIndex)>,
}

impl Ways {
    pub(super) fn of<S: State, C>(graph: &Frozen<S, C>) -> Self {
        let waits = |node: NodeIndex| graph.node(node).policy.defer;
        let mut ways = Self {
            next: Vec::with_capacity(graph.nodes.len()),
            anywhere: FixedBitSet::with_capacity(graph.nodes.len()),
            arrivals: Vec::with_capacity(graph.nodes.len()),
            joins: Vec::with_capacity(graph.joins.len()),
        };
        for join in &graph.joins {
            ways.joins.push((join.sources.clone(), join.target));
        }
        for (index, node) in graph.nodes.iter().enumerate() {
            let exits = &node.exits;
            let mut next = exits.edges.clone();
            for route in &exits.routes {
                next.extend_from_slice(&route.allowed.nodes);
            }
            match &node.destinations {
                Some(declared) => next.extend_from_slice(&declared.allowed.nodes),
                None => ways.anywhere.set(index, node.commands),
            }
            let mut arrivals = exits.joins.clone();
            arrivals.retain(|arrival| !waits(graph.joins[arrival.join].target));
            for arrival in &arrivals {
                next.push(graph.joins[arrival.join].target);
            }
            next.retain(|&to| !waits(to));
            next.sort_unstable();
            next.dedup();
            ways.next.push(next);
            ways.arrivals.push(arrivals);
        }
        ways
    }

    pub(super) fn n_nodes(&self) -> usize {
        self.next.len()
    }

    pub(super) fn next(&self, node: NodeIndex) -> &[NodeIndex] {
        &self.next[node as usize]
    }

    pub(super) fn goes_anywhere(&self, node: NodeIndex) -> bool {
        self.anywhere.contains(node as usize)
    }

    pub(super) fn arrivals(&self, node: NodeIndex) -> &[JoinSource] {
        &self.arrivals[node as usize]
    }

    pub(super) fn sources(&self, join: usize) -> &[NodeIndex] {
        &self.joins[join].0
    }

    pub(super) fn target(&self, join: usize) -> NodeIndex {
        self.joins[join].1
    }
}
