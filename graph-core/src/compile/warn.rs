//! What can be right and often is not.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;
use serde_json::Value;

use super::findings::Findings;
use super::links::{Lists, Pair, in_order, sort};
use super::shape::{NodeIndex, Shape, Source, to_index};
use crate::graph::Place;
use crate::state::FieldSchema;

pub(super) fn warn(shape: &Shape, fields: &[FieldSchema], findings: &mut Findings) {
    uneven_paths(shape, findings);
    possible_conflicts(shape, fields, findings);
}

/// Fields that begin where their reducer can only stay. Reducers are known by
/// name.
pub(super) fn stuck_reducers(
    default: &Value,
    fields: &[FieldSchema],
    place: Place,
    findings: &mut Findings,
) {
    for field in fields {
        let Some(value) = default.get(field.name) else {
            continue;
        };
        let is_unsigned = ["u8", "u16", "u32", "u64", "u128", "usize"].contains(&field.type_name);
        let stuck = match field.reducer {
            "All" => *value == Value::Bool(false),
            "Any" => *value == Value::Bool(true),
            "Min" => is_unsigned && value.as_u64() == Some(0),
            _ => false,
        };
        if stuck {
            findings.stuck_reducer(place, field.name, value, field.reducer);
        }
    }
}

/// When a node runs, as far as plain edges tell.
#[derive(Clone, Copy)]
struct Level {
    /// The first superstep in which it does.
    first: u32,
    /// Whether there are others.
    more: bool,
}

/// Nodes with several plain edges into them from nodes that run at different
/// times, each of which makes them run.
///
/// Looks at plain edges only: what routes and joins do depends on the run. Of
/// several nodes in a row, the first is named, where the paths meet.
fn uneven_paths(shape: &Shape, findings: &mut Findings) {
    let n_nodes = shape.nodes.len();
    let mut plain = Vec::with_capacity(shape.edges.len());
    let mut into = Vec::with_capacity(shape.edges.len());
    let mut levels: Vec<Option<Level>> = vec![None; n_nodes];
    for (index, edge) in shape.edges.iter().enumerate() {
        into.push((edge.to, to_index(index)));
        match edge.from {
            Source::Node(from) => plain.push((from, edge.to)),
            Source::Start | Source::Nothing => reach_at(&mut levels, edge.to, 1),
        }
    }
    let order = in_order(n_nodes, &plain);
    if order.len() < n_nodes {
        return;
    }
    let next = Lists::new(n_nodes, &plain);
    for node in order {
        if let Some(Level { first, .. }) = levels[node as usize] {
            for &to in next.of(node) {
                reach_at(&mut levels, to, first + 1);
            }
        }
    }
    let into = Lists::new(n_nodes, &into);
    let mut routed = FixedBitSet::with_capacity(n_nodes);
    for route in &shape.routes {
        for &to in route.to.iter().flatten() {
            routed.insert(to as usize);
        }
    }
    for join in &shape.joins {
        routed.insert(join.to as usize);
    }
    for node in shape.indices() {
        let more = levels[node as usize].is_some_and(|level| level.more);
        if more && !shape.nodes[node as usize].defer && !routed.contains(node as usize) {
            name_uneven(shape, node, into.of(node), &levels, findings);
        }
    }
}

fn reach_at(levels: &mut [Option<Level>], node: NodeIndex, superstep: u32) {
    let level = &mut levels[node as usize];
    *level = Some(match *level {
        None => Level {
            first: superstep,
            more: false,
        },
        Some(Level { first, more }) => Level {
            first: first.min(superstep),
            more: more || first != superstep,
        },
    });
}

/// `into` are the edges that lead to the node.
fn name_uneven(
    shape: &Shape,
    node: NodeIndex,
    into: &[u32],
    levels: &[Option<Level>],
    findings: &mut Findings,
) {
    let level = |edge: usize| match shape.edges[edge].from {
        Source::Start | Source::Nothing => Some(0),
        Source::Node(from) => Some(levels[from as usize]?.first),
    };
    let mut into = into.to_vec();
    into.retain(|&edge| level(edge as usize).is_some());
    let key = |edge: usize| (level(edge), shape.edges[edge].from);
    sort(&mut into, &mut |a, b| key(a).cmp(&key(b)));
    let mut sources = Vec::with_capacity(into.len());
    for &edge in &into {
        sources.extend(shape.edges[edge as usize].from.node());
    }
    sources.dedup();
    let (Some(&early), Some(&late)) = (into.first(), into.last()) else {
        return;
    };
    let (early, late) = (&shape.edges[early as usize], &shape.edges[late as usize]);
    if let Some(from) = late.from.node() {
        let early = early.from.node().map(|early| shape.name(early));
        let (target, sources) = (shape.name(node), shape.names(&sources));
        findings.uneven_paths(late.place, target, early, shape.name(from), &sources);
    }
}

/// Nodes that declare to write the same single-writer field and can become
/// ready together: targets of one fan-out, or of two that can, or several
/// sends to one worker. Each node is named once for a field.
fn possible_conflicts(shape: &Shape, fields: &[FieldSchema], findings: &mut Findings) {
    let mut writes = Vec::new();
    let mut writers = FixedBitSet::with_capacity(shape.nodes.len());
    for index in shape.indices() {
        let node = &shape.nodes[index as usize];
        let Some(declared) = &node.writes else {
            continue;
        };
        for field in declared.ones().filter(|&field| fields[field].single_writer) {
            writers.insert(index as usize);
            writes.push((index, to_index(field)));
            if node.worker {
                findings.possible_self_conflict(node.place, fields[field].name, &node.name);
            }
        }
    }
    if writers.count_ones(..) < 2 {
        return;
    }
    let writes = Lists::new(shape.nodes.len(), &writes);
    let mut named = FixedBitSet::with_capacity(shape.nodes.len() * fields.len());
    for (first, second) in ready_together(shape, &writers) {
        let (a, b) = (&shape.nodes[first as usize], &shape.nodes[second as usize]);
        let b_is_later = b.place.order > a.place.order;
        let (later, index) = if b_is_later { (b, second) } else { (a, first) };
        for field in writes.of(first) {
            let both = writes.of(second).contains(field);
            let field = *field as usize;
            if both && !named.put(index as usize * fields.len() + field) {
                findings.possible_conflict(later.place, fields[field].name, &a.name, &b.name);
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
fn ready_together(shape: &Shape, writers: &FixedBitSet) -> BTreeSet<Pair> {
    let exits = Exits::new(shape);
    let mut pairs = Pairs {
        shape,
        left: MOST_PAIRS,
        found: BTreeSet::new(),
        waiting: Vec::new(),
    };
    for slot in 0..=to_index(shape.nodes.len()) {
        let mut targets = exits.of(slot).to_vec();
        targets.retain(|&target| {
            let target = &exits.targets[target as usize];
            writers.contains(target.node as usize)
        });
        pairs.add_among(&exits, &targets);
    }
    for slot in 0..=to_index(shape.nodes.len()) {
        pairs.add_among(&exits, exits.of(slot));
    }
    let mut next = 0;
    while let Some(&(a, b)) = pairs.waiting.get(next) {
        next += 1;
        for &a in exits.of(a + 1) {
            for &b in exits.of(b + 1) {
                let (a, b) = (exits.targets[a as usize], exits.targets[b as usize]);
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
    found: BTreeSet<Pair>,
    /// The same, in the order in which what follows them is looked at.
    waiting: Vec<Pair>,
}

impl Pairs<'_> {
    /// Adds a pair, if it is new; says whether another may be looked at.
    fn add(&mut self, a: NodeIndex, b: NodeIndex) -> bool {
        self.left = self.left.saturating_sub(1);
        let pair = (a.min(b), a.max(b));
        let defer = |node: NodeIndex| self.shape.nodes[node as usize].defer;
        // A deferred node never runs beside one that is not.
        if a != b && defer(a) == defer(b) && self.found.insert(pair) {
            self.waiting.push(pair);
        }
        self.left > 0
    }

    fn add_among(&mut self, exits: &Exits, targets: &[u32]) {
        for (n_before, &a) in targets.iter().enumerate() {
            let a = exits.targets[a as usize];
            for &b in &targets[..n_before] {
                let b = exits.targets[b as usize];
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

/// Where edges and routes lead.
struct Exits {
    targets: Vec<Target>,
    /// The targets of `START`, then of each node.
    of: Lists,
}

impl Exits {
    fn new(shape: &Shape) -> Self {
        let mut targets = Vec::with_capacity(shape.edges.len());
        let mut from = Vec::with_capacity(shape.edges.len());
        for edge in &shape.edges {
            from.push((to_index(edge.from.slot()), to_index(targets.len())));
            targets.push(Target {
                node: edge.to,
                route: None,
            });
        }
        for (index, route) in shape.routes.iter().enumerate() {
            for &node in route.to.iter().flatten() {
                from.push((to_index(route.from.slot()), to_index(targets.len())));
                targets.push(Target {
                    node,
                    route: route.exactly_one.then_some(index),
                });
            }
        }
        let of = Lists::new(shape.nodes.len() + 1, &from);
        Self { targets, of }
    }

    fn of(&self, slot: u32) -> &[u32] {
        self.of.of(slot)
    }
}
