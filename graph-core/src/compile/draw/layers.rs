//! What is settled about a graph before it is laid out: which edges run back, and on which row a node stands.
//!
//! Rows are counted from the start, so a node stands one row below the last of its sources. Captions have
//! rows of their own between those of the nodes. The layout crate is given no cycle and no choice of rows,
//! because the search it would make has no bound on its steps.

use std::{collections::BTreeMap, ops::Range};

/// The most siblings that stand side by side before they are split into several rows.
const SIDE_BY_SIDE: usize = 10;
/// The most rows siblings are split into: each further row costs a line past all rows above it.
const SPLIT: usize = 6;

/// Two nodes and the direction between them.
pub(super) type Ends = (usize, usize);

/// The graph with its cycles opened and its rows chosen.
#[derive(Debug)]
pub(super) struct Layers {
    /// For each edge: it runs against the rows, upwards.
    pub(super) back: Vec<bool>,
    /// For each node: its row.
    pub(super) row: Vec<usize>,
    /// For each edge: the row of its caption, which holds no nodes.
    pub(super) caption: Vec<Option<usize>>,
}

impl Layers {
    /// Opens the cycles and chooses the rows; edges from a node to itself count for nothing.
    pub(super) fn new(nodes: usize, edges: &[Ends], captioned: &[bool]) -> Self {
        let back = back_edges(nodes, edges);
        let down: Vec<Ends> = edges
            .iter()
            .zip(&back)
            .map(|(&(from, to), &back)| if back { (to, from) } else { (from, to) })
            .collect();
        let mut row = rows(nodes, &down, &lowered(nodes, &down));
        let caption = make_room(&mut row, &down, captioned);
        Self { back, row, caption }
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.row.iter().max().map_or(0, |last| last + 1)
    }

    /// The rows that an edge passes between its ends, from top to bottom.
    pub(super) fn passed(&self, (from, to): Ends) -> Range<usize> {
        let (one, other) = (self.row[from], self.row[to]);
        one.min(other) + 1..one.max(other)
    }
}

/// The edges that lead back to a node from which the search is still going on.
fn back_edges(nodes: usize, edges: &[Ends]) -> Vec<bool> {
    let mut leaving = vec![Vec::new(); nodes];
    for (at, &(from, to)) in edges.iter().enumerate() {
        if from != to {
            leaving[from].push((at, to));
        }
    }
    let mut back = vec![false; edges.len()];
    let mut open = vec![false; nodes];
    let mut seen = vec![false; nodes];
    for root in 0..nodes {
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 {
                if seen[node] {
                    continue;
                }
                seen[node] = true;
                open[node] = true;
            }
            let Some(&(at, to)) = leaving[node].get(next) else {
                open[node] = false;
                continue;
            };
            stack.push((node, next + 1));
            if open[to] {
                back[at] = true;
            } else if !seen[to] {
                stack.push((to, 0));
            }
        }
    }
    back
}

/// For each node, how many rows it is lowered so that many siblings do not stand on one row.
fn lowered(nodes: usize, down: &[Ends]) -> Vec<usize> {
    let mut sources = vec![Vec::new(); nodes];
    let mut targets = vec![Vec::new(); nodes];
    for &(from, to) in down.iter().filter(|(from, to)| from != to) {
        targets[from].push(to);
        sources[to].push(from);
    }
    let mut siblings: BTreeMap<(&[usize], &[usize]), Vec<usize>> = BTreeMap::new();
    for node in 0..nodes {
        if !sources[node].is_empty() {
            siblings
                .entry((&sources[node], &targets[node]))
                .or_default()
                .push(node);
        }
    }
    let mut lowered = vec![0; nodes];
    for group in siblings.values() {
        // across, then down: the lines to a lower row then pass between the columns
        let split = group.len().div_ceil(SIDE_BY_SIDE).min(SPLIT);
        for (at, &node) in group.iter().enumerate() {
            lowered[node] = at % split;
        }
    }
    lowered
}

/// The row of each node: as high as its sources allow, and then as much lower as it is to be.
fn rows(nodes: usize, down: &[Ends], lowered: &[usize]) -> Vec<usize> {
    let mut leaving = vec![Vec::new(); nodes];
    let mut waiting = vec![0_usize; nodes];
    for &(from, to) in down.iter().filter(|(from, to)| from != to) {
        leaving[from].push(to);
        waiting[to] += 1;
    }
    let mut row = vec![0; nodes];
    let mut ready: Vec<usize> = (0..nodes).filter(|&node| waiting[node] == 0).collect();
    while let Some(node) = ready.pop() {
        for &to in &leaving[node] {
            row[to] = row[to].max(row[node] + 1 + lowered[to]);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.push(to);
            }
        }
    }
    row
}

/// Puts a row between two rows of nodes wherever an edge has the middle of its way and a caption.
fn make_room(row: &mut [usize], down: &[Ends], captioned: &[bool]) -> Vec<Option<usize>> {
    let above: Vec<Option<usize>> = down
        .iter()
        .zip(captioned)
        .map(|(&(from, to), &captioned)| {
            (captioned && from != to).then(|| (row[from] + row[to] - 1) / 2)
        })
        .collect();
    let mut added = vec![0; row.iter().max().map_or(0, |last| last + 1)];
    for &above in above.iter().flatten() {
        added[above] = 1;
    }
    let mut next = 0;
    for added in &mut added {
        let moved = next;
        next += 1 + *added;
        *added = moved;
    }
    let moved = added;
    for row in row {
        *row = moved[*row];
    }
    above
        .into_iter()
        .map(|above| Some(moved[above?] + 1))
        .collect()
}
