//! What can be right and often is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::algo::toposort;
use petgraph::graphmap::DiGraphMap;

use super::findings::Findings;
use super::shape::{NodeIndex, Shape, ShapeEdge, ShapeNode, slot};
use crate::state::FieldSchema;

pub(super) fn warn(shape: &Shape, fields: &[FieldSchema], findings: &mut Findings) {
    uneven_paths(shape, findings);
    possible_conflicts(shape, fields, findings);
}

/// The first superstep in which each node runs, and whether there are others,
/// as far as plain edges tell.
type Levels = BTreeMap<NodeIndex, BTreeSet<u32>>;

/// Nodes with several plain edges into them from nodes that run at different
/// times, each of which makes them run.
///
/// Looks at plain edges only: what routes and joins do depends on the run. Of
/// several nodes in a row, the first is named, where the paths meet.
fn uneven_paths(shape: &Shape, findings: &mut Findings) {
    let mut plain: DiGraphMap<NodeIndex, ()> = DiGraphMap::new();
    let mut into: Vec<Vec<&ShapeEdge>> = vec![Vec::new(); shape.nodes.len()];
    let mut levels = Levels::new();
    for edge in &shape.edges {
        into[edge.to as usize].push(edge);
        if let Some(from) = edge.from {
            plain.add_edge(from, edge.to, ());
        } else {
            plain.add_node(edge.to);
            levels.entry(edge.to).or_default().insert(1);
        }
    }
    let Ok(order) = toposort(&plain, None) else {
        return;
    };
    let routed: BTreeSet<NodeIndex> = shape
        .routes
        .iter()
        .flat_map(|route| route.to.iter().flatten().copied())
        .chain(shape.joins.iter().map(|join| join.to))
        .collect();
    for node in order {
        let Some(own) = levels.get(&node) else {
            continue;
        };
        let own_deferred = shape.nodes[node as usize].defer;
        let first = own.first().copied().unwrap_or(1);
        if own.len() > 1 && !own_deferred && !routed.contains(&node) {
            name_uneven(shape, node, &into[node as usize], &levels, findings);
        }
        for to in plain.neighbors(node) {
            levels.entry(to).or_default().insert(first + 1);
        }
    }
}

fn name_uneven(
    shape: &Shape,
    node: NodeIndex,
    into: &[&ShapeEdge],
    levels: &Levels,
    findings: &mut Findings,
) {
    let mut into: Vec<_> = into
        .iter()
        .filter_map(|edge| {
            let level = match edge.from {
                None => 0,
                Some(from) => *levels.get(&from)?.first()?,
            };
            Some((level, edge.from, edge.place))
        })
        .collect();
    into.sort_by_key(|&(level, from, _)| (level, from));
    let mut sources: Vec<_> = into.iter().filter_map(|&(_, from, _)| from).collect();
    sources.dedup();
    let sources: Vec<_> = sources.iter().map(|&from| shape.name(from)).collect();
    if let (Some((_, early, _)), Some((_, Some(late), place))) = (into.first(), into.last()) {
        let early = early.map(|early| shape.name(early));
        let (target, late) = (shape.name(node), shape.name(*late));
        findings.uneven_paths(*place, target, early, late, &sources);
    }
}

/// Nodes that declare to write the same single-writer field and can become
/// ready together: targets of one fan-out, or of two that can, or several
/// sends to one worker. Each node is named once for a field.
fn possible_conflicts(shape: &Shape, fields: &[FieldSchema], findings: &mut Findings) {
    let contested = |node: &ShapeNode| -> Vec<usize> {
        let writes = node.writes.iter().flatten().copied();
        writes
            .filter(|&field| fields[field].single_writer)
            .collect()
    };
    let writes: Vec<Vec<usize>> = shape.nodes.iter().map(contested).collect();
    for (node, writes) in shape.nodes.iter().zip(&writes) {
        for &field in writes.iter().filter(|_| node.worker) {
            findings.possible_self_conflict(node.place, fields[field].name, &node.name);
        }
    }
    let n_writers = writes.iter().filter(|writes| !writes.is_empty()).count();
    if n_writers < 2 {
        return;
    }
    let mut named = BTreeSet::new();
    for (first, second) in ready_together(shape, &writes) {
        let (a, b) = (&shape.nodes[first as usize], &shape.nodes[second as usize]);
        let b_writes = &writes[second as usize];
        for field in writes[first as usize]
            .iter()
            .filter(|field| b_writes.contains(field))
        {
            let later = if a.place.order > b.place.order { a } else { b };
            if named.insert((later.place.order, *field)) {
                findings.possible_conflict(later.place, fields[*field].name, &a.name, &b.name);
            }
        }
    }
}

/// The most pairs of nodes that are looked at in search of conflicts. In a
/// graph so wide that there are more, those furthest from the fan-out that
/// starts them are not looked at: a warning may be missing, and `compile` ends
/// soon.
const MOST_PAIRS: usize = 300_000;

/// Pairs of nodes, the lesser index first, that can run in one superstep as
/// far as edges and routes tell.
fn ready_together(shape: &Shape, writes: &[Vec<usize>]) -> BTreeSet<(NodeIndex, NodeIndex)> {
    let exits = Exits::new(shape);
    let mut pairs = Pairs {
        shape,
        left: MOST_PAIRS,
        found: BTreeSet::new(),
        waiting: VecDeque::new(),
    };
    let writes = |target: &&Target| !writes[target.node as usize].is_empty();
    for targets in exits.all() {
        let writers: Vec<Target> = targets.iter().filter(writes).copied().collect();
        pairs.add_among(&writers);
    }
    for targets in exits.all() {
        pairs.add_among(targets);
    }
    while let Some((a, b)) = pairs.waiting.pop_front() {
        for a in exits.of(a) {
            for b in exits.of(b) {
                if !pairs.add(a.node, b.node) {
                    return pairs.found;
                }
            }
        }
    }
    pairs.found
}

struct Pairs<'s> {
    shape: &'s Shape,
    /// How many may still be looked at.
    left: usize,
    found: BTreeSet<(NodeIndex, NodeIndex)>,
    /// Found, and what follows them not yet looked at.
    waiting: VecDeque<(NodeIndex, NodeIndex)>,
}

impl Pairs<'_> {
    /// Adds a pair, if it is new; says whether another may be looked at.
    fn add(&mut self, a: NodeIndex, b: NodeIndex) -> bool {
        self.left = self.left.saturating_sub(1);
        let pair = (a.min(b), a.max(b));
        let defer = |node: NodeIndex| self.shape.nodes[node as usize].defer;
        // A deferred node never runs beside one that is not.
        if a != b && defer(a) == defer(b) && self.found.insert(pair) {
            self.waiting.push_back(pair);
        }
        self.left > 0
    }

    fn add_among(&mut self, targets: &[Target]) {
        for (n_before, a) in targets.iter().enumerate() {
            for b in &targets[..n_before] {
                // Two targets of one exclusive route never become ready together.
                let exclusive = a.route.is_some() && a.route == b.route;
                if !exclusive && !self.add(a.node, b.node) {
                    return;
                }
            }
        }
    }
}

/// Where an edge or a route leads.
#[derive(Clone, Copy)]
struct Target {
    node: NodeIndex,
    /// The route, if it takes exactly one of its targets.
    route: Option<usize>,
}

/// Where edges and routes lead from `START`, then from each node.
struct Exits(Vec<Vec<Target>>);

impl Exits {
    fn new(shape: &Shape) -> Self {
        let mut exits = vec![Vec::new(); shape.nodes.len() + 1];
        for edge in &shape.edges {
            exits[slot(edge.from)].push(Target {
                node: edge.to,
                route: None,
            });
        }
        for (index, route) in shape.routes.iter().enumerate() {
            let exclusive = route.exactly_one.then_some(index);
            exits[slot(route.from)].extend(route.to.iter().flatten().map(|&node| Target {
                node,
                route: exclusive,
            }));
        }
        Self(exits)
    }

    fn all(&self) -> impl Iterator<Item = &[Target]> {
        self.0.iter().map(Vec::as_slice)
    }

    fn of(&self, node: NodeIndex) -> &[Target] {
        &self.0[slot(Some(node))]
    }
}
