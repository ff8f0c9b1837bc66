//! What can be right and often is not.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::toposort;
use petgraph::graphmap::DiGraphMap;

use super::findings::Findings;
use super::shape::{NodeIndex, Shape, Source};
use crate::state::FieldSchema;

pub(super) fn warn(shape: &Shape, fields: &[FieldSchema], findings: &mut Findings) {
    uneven_paths(shape, findings);
    possible_conflicts(shape, fields, findings);
}

/// Nodes with several plain edges into them from nodes that run at different
/// times, each of which makes them run.
///
/// Looks at plain edges only: what routes and joins do depends on the run. Of
/// several nodes in a row, the first is named, where the paths meet.
fn uneven_paths(shape: &Shape, findings: &mut Findings) {
    let mut plain: DiGraphMap<NodeIndex, ()> = DiGraphMap::new();
    for edge in &shape.edges {
        if let Some(from) = edge.from {
            plain.add_edge(from, edge.to, ());
        } else {
            plain.add_node(edge.to);
        }
    }
    let Ok(order) = toposort(&plain, None) else {
        return;
    };
    let mut levels: BTreeMap<NodeIndex, BTreeSet<u32>> = BTreeMap::new();
    for edge in shape.edges.iter().filter(|edge| edge.from.is_none()) {
        levels.entry(edge.to).or_default().insert(1);
    }
    let routed: BTreeSet<NodeIndex> = shape
        .routes
        .iter()
        .flat_map(|route| route.to.iter().flatten().copied())
        .chain(shape.joins.iter().map(|join| join.to))
        .collect();
    for node in order {
        let own = levels.get(&node).cloned().unwrap_or_default();
        let own_deferred = shape.nodes[node as usize].defer;
        if own.len() > 1 && !own_deferred && !routed.contains(&node) {
            name_uneven(shape, node, &levels, findings);
        }
        let Some(&first) = own.first() else { continue };
        for to in plain.neighbors(node) {
            levels.entry(to).or_default().insert(first + 1);
        }
    }
}

fn name_uneven(
    shape: &Shape,
    node: NodeIndex,
    levels: &BTreeMap<NodeIndex, BTreeSet<u32>>,
    findings: &mut Findings,
) {
    let mut into: Vec<(u32, Source, _)> = shape
        .edges
        .iter()
        .filter(|edge| edge.to == node)
        .filter_map(|edge| match edge.from {
            None => Some((0, None, edge.place)),
            Some(from) => {
                let level = *levels.get(&from)?.first()?;
                Some((level, Some(from), edge.place))
            }
        })
        .collect();
    into.sort_by_key(|&(level, from, _)| (level, from));
    if let (Some((_, Some(early), _)), Some((_, Some(late), place))) = (into.first(), into.last()) {
        findings.uneven_paths(
            *place,
            shape.name(node),
            shape.name(*early),
            shape.name(*late),
        );
    }
}

/// Pairs of nodes that declare to write the same single-writer field and can
/// become ready together: targets of one fan-out, or of two that can.
fn possible_conflicts(shape: &Shape, fields: &[FieldSchema], findings: &mut Findings) {
    if shape.nodes.iter().all(|node| node.writes.is_none()) {
        return;
    }
    let together = ready_together(shape);
    for &(first, second) in &together {
        let (a, b) = (&shape.nodes[first as usize], &shape.nodes[second as usize]);
        let (Some(a_writes), Some(b_writes)) = (&a.writes, &b.writes) else {
            continue;
        };
        let shared = a_writes
            .iter()
            .filter(|field| fields[**field].single_writer && b_writes.contains(field));
        for &field in shared {
            let place = if a.place.order > b.place.order {
                a.place
            } else {
                b.place
            };
            findings.possible_conflict(place, fields[field].name, &a.name, &b.name);
        }
    }
}

/// Pairs of nodes, the lesser index first, that can run in one superstep as
/// far as edges and routes tell.
fn ready_together(shape: &Shape) -> BTreeSet<(NodeIndex, NodeIndex)> {
    let mut pairs = BTreeSet::new();
    let mut waiting = Vec::new();
    let sources = std::iter::once(None).chain(shape.indices().map(Some));
    for source in sources {
        let targets = targets_of(shape, source);
        for (i, a) in targets.iter().enumerate() {
            for b in &targets[i + 1..] {
                // Two targets of one exclusive route never become ready together.
                if a.1.is_none() || a.1 != b.1 {
                    waiting.push((a.0, b.0));
                }
            }
        }
    }
    while let Some((a, b)) = waiting.pop() {
        let pair = (a.min(b), a.max(b));
        if a == b || !pairs.insert(pair) {
            continue;
        }
        for (next_a, _) in targets_of(shape, Some(a)) {
            for (next_b, _) in targets_of(shape, Some(b)) {
                waiting.push((next_a, next_b));
            }
        }
    }
    pairs
}

/// Where edges and routes lead from a source, each with the exclusive route
/// that leads there, if it is one.
fn targets_of(shape: &Shape, source: Source) -> Vec<(NodeIndex, Option<usize>)> {
    let edges = shape.edges.iter().filter(|edge| edge.from == source);
    let routes = shape.routes.iter().filter(|route| route.from == source);
    let routed = routes.flat_map(|route| {
        let exclusive = route.exactly_one.then_some(route.place.order);
        route.to.iter().flatten().map(move |&to| (to, exclusive))
    });
    edges.map(|edge| (edge.to, None)).chain(routed).collect()
}
