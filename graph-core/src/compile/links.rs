//! Pairs of small numbers: lists by key, orders and cycles.
//!
//! Each of these is done here once, for all rules and on one type: every
//! further type that is sorted or keyed adds kilobytes to each program.

use std::cmp::Ordering;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use super::shape::to_index;

/// Leads from its first number to its second.
pub(super) type Pair = (u32, u32);

/// Lists of numbers, one for each key.
pub(super) struct Lists {
    /// Where each list begins, and in the end where the last one ends.
    starts: Vec<usize>,
    items: Vec<u32>,
}

impl Lists {
    /// The second numbers listed by the first, in the order of the pairs.
    pub(super) fn new(n_keys: usize, pairs: &[Pair]) -> Self {
        let mut starts = vec![0; n_keys + 1];
        for &(key, _) in pairs {
            starts[key as usize + 1] += 1;
        }
        for key in 0..n_keys {
            starts[key + 1] += starts[key];
        }
        let mut ends = starts.clone();
        let mut items = vec![0; pairs.len()];
        for &(key, item) in pairs {
            let end = &mut ends[key as usize];
            items[*end] = item;
            *end += 1;
        }
        Self { starts, items }
    }

    pub(super) fn of(&self, key: u32) -> &[u32] {
        let key = key as usize;
        &self.items[self.starts[key]..self.starts[key + 1]]
    }
}

/// Sorts numbers by what they stand for, and those that compare equal by
/// themselves.
pub(super) fn sort(numbers: &mut [u32], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    numbers.sort_unstable_by(|&a, &b| compare(a as usize, b as usize).then(a.cmp(&b)));
}

/// The numbers of `n` things in the order in which they are to come.
pub(super) fn sorted(n: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..to_index(n)).collect();
    sort(&mut numbers, compare);
    numbers
}

/// The things with these numbers, each of which is there once at most.
pub(super) fn arranged<T>(things: Vec<T>, numbers: &[u32]) -> Vec<T> {
    let mut left = Vec::with_capacity(things.len());
    for thing in things {
        left.push(Some(thing));
    }
    let mut arranged = Vec::with_capacity(numbers.len());
    for &number in numbers {
        if let Some(thing) = left[number as usize].take() {
            arranged.push(thing);
        }
    }
    arranged
}

/// For each node, a number that it shares with those that it leads to and that
/// lead back to it.
pub(super) fn components(n_nodes: usize, pairs: &[Pair]) -> Vec<u32> {
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(n_nodes, pairs.len());
    for _ in 0..n_nodes {
        graph.add_node(());
    }
    for &(from, to) in pairs {
        graph.add_edge(from.into(), to.into(), ());
    }
    let mut component_of = vec![0; n_nodes];
    for (number, component) in (0..).zip(kosaraju_scc(&graph)) {
        for node in component {
            component_of[node.index()] = number;
        }
    }
    component_of
}

/// The nodes in an order in which each comes after all that lead to it; what is
/// on a cycle, or after one, is left out.
pub(super) fn in_order(n_nodes: usize, pairs: &[Pair]) -> Vec<u32> {
    let mut missing = vec![0_usize; n_nodes];
    for &(_, to) in pairs {
        missing[to as usize] += 1;
    }
    let after = Lists::new(n_nodes, pairs);
    let mut order = Vec::with_capacity(n_nodes);
    for node in 0..to_index(n_nodes) {
        if missing[node as usize] == 0 {
            order.push(node);
        }
    }
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &to in after.of(node) {
            missing[to as usize] -= 1;
            if missing[to as usize] == 0 {
                order.push(to);
            }
        }
    }
    order
}
