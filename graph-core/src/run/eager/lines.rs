//! Which tasks may come to lead to the same one: those of nodes from which a node
//! is reached that is reached from the others, too.

use std::collections::{BTreeMap, BTreeSet};

use super::ways::Ways;
use crate::compile::NodeIndex;

/// A set of nodes that may meet.
pub(super) type Line = usize;

/// The lines that nodes with something at work, or kept, lead on.
pub(super) struct Lines {
    /// For each line, one that it has met, or itself.
    met: Vec<Line>,
    /// For each node, a line that reaches it.
    at: Vec<Option<Line>>,
    /// Of each node that leads anywhere.
    from: BTreeMap<NodeIndex, Line>,
    /// Some node may lead to all others.
    anywhere: bool,
}

impl Lines {
    pub(super) fn of(ways: &Ways, nodes: &BTreeSet<NodeIndex>) -> Self {
        let mut lines = Self {
            met: Vec::new(),
            at: vec![None; ways.n_nodes()],
            from: BTreeMap::new(),
            anywhere: false,
        };
        for &node in nodes {
            lines.follow(ways, node);
        }
        lines
    }

    fn follow(&mut self, ways: &Ways, from: NodeIndex) {
        let line = self.met.len();
        self.met.push(line);
        let mut nodes = vec![from];
        while let Some(node) = nodes.pop() {
            self.anywhere |= ways.goes_anywhere(node);
            for &to in ways.next(node) {
                match self.at[to as usize] {
                    None => {
                        self.at[to as usize] = Some(line);
                        nodes.push(to);
                    }
                    Some(other) => {
                        let (one, other) = (self.find(line), self.find(other));
                        self.met[one] = other;
                    }
                }
            }
        }
        if ways.goes_anywhere(from) || !ways.next(from).is_empty() {
            self.from.insert(from, line);
        }
    }

    /// The line that a node leads on, if it leads to anything.
    pub(super) fn from(&self, node: NodeIndex) -> Option<Line> {
        let line = self.from.get(&node);
        line.map(|&line| if self.anywhere { 0 } else { self.find(line) })
    }

    /// The line that may reach a node, if any does.
    pub(super) fn at(&self, node: NodeIndex) -> Option<Line> {
        if self.anywhere {
            return Some(0);
        }
        self.at[node as usize].map(|line| self.find(line))
    }

    fn find(&self, mut line: Line) -> Line {
        while self.met[line] != line {
            line = self.met[line];
        }
        line
    }
}
