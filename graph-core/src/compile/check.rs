//! Rules about how the parts fit together, on indices alone.

use fixedbitset::FixedBitSet;

use super::findings::Findings;
use super::links::{Lists, Pair, components, sort};
use super::shape::{NodeIndex, Shape, ShapeJoin, ShapeRoute, Source, invalid, to_index};
use super::ways::{Timing, Way};
use crate::graph::Place;

pub(super) fn check(shape: &Shape, place: Place, findings: &mut Findings) {
    let reached = if shape.has_entry {
        let reached = reachable(shape);
        unreachable_nodes(shape, &reached, findings);
        reached
    } else {
        findings.no_entry(place);
        let mut all = FixedBitSet::with_capacity(shape.nodes.len());
        all.insert_range(..);
        all
    };
    unfillable_joins(shape, &reached, findings);
    endless_cycles(shape, &reached, findings);
}

/// The nodes that some run can reach. A join's target is among them only if
/// all of the join's sources are.
fn reachable(shape: &Shape) -> FixedBitSet {
    let n_nodes = shape.nodes.len();
    let mut next = Vec::new();
    let mut waiting = Vec::new();
    for (way, to) in shape.ways() {
        match (way, shape.source(way)) {
            (Way::Join(_), _) => {}
            (_, None) => waiting.push(to),
            (_, Some(from)) => next.push((from, to)),
        }
    }
    let next = Lists::new(n_nodes, &next);
    let mut joins_of = Vec::new();
    let mut missing = Vec::with_capacity(shape.joins.len());
    for (index, join) in shape.joins.iter().enumerate() {
        missing.push(join.from.len());
        for &from in &join.from {
            joins_of.push((from, to_index(index)));
        }
    }
    let joins_of = Lists::new(n_nodes, &joins_of);
    let mut reached = FixedBitSet::with_capacity(n_nodes);
    let mut any = false;
    while let Some(node) = waiting.pop() {
        if reached.put(node as usize) {
            continue;
        }
        waiting.extend_from_slice(next.of(node));
        if shape.goes_anywhere(node) && !any {
            any = true;
            waiting.extend(shape.indices());
        }
        for &join in joins_of.of(node) {
            let join = join as usize;
            missing[join] -= 1;
            if missing[join] == 0 {
                waiting.push(shape.joins[join].to);
            }
        }
    }
    reached
}

/// Names the nodes that no run can reach, short of those that only other such
/// nodes lead to, and of targets of joins, about which there is another rule.
fn unreachable_nodes(shape: &Shape, reached: &FixedBitSet, findings: &mut Findings) {
    let nothing_known = shape.has_unknown && reached.is_clear();
    if nothing_known || reached.is_full() {
        return;
    }
    let lost = |node: NodeIndex| !reached.contains(node as usize);
    let mut into_lost = shape.links();
    into_lost.retain(|&(_, to)| lost(to));
    let mut island = into_lost.clone();
    island.retain(|&(from, _)| lost(from));
    let component_of = components(shape.n_linked(), &island);
    let component = |node: NodeIndex| component_of[node as usize] as usize;
    // Components that are named already, or that others lead to.
    let mut known = FixedBitSet::with_capacity(shape.n_linked());
    for (from, to) in into_lost {
        if !lost(from) || component(from) != component(to) {
            known.insert(component(to));
        }
    }
    let mut roots: Vec<_> = shape.indices().collect();
    roots.retain(|&node| lost(node));
    let order = |node: usize| shape.nodes[node].place.order;
    sort(&mut roots, &mut |a, b| order(a).cmp(&order(b)));
    let next = Lists::new(shape.n_linked(), &island);
    let mut seen = FixedBitSet::with_capacity(shape.n_linked());
    for root in roots {
        if known.put(component(root)) {
            continue;
        }
        let mut after = reach(&next, root, &mut seen);
        after.retain(|&node| node != root && (node as usize) < shape.nodes.len());
        after.sort_unstable();
        let node = &shape.nodes[root as usize];
        if invalid(&node.name).is_none() {
            findings.unreachable_node(node.place, &node.name, &shape.names(&after));
        }
    }
}

/// What can be reached from `root`, itself included, and was not seen before.
fn reach(next: &Lists, root: NodeIndex, seen: &mut FixedBitSet) -> Vec<NodeIndex> {
    let mut reached = Vec::new();
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        if !seen.put(node as usize) {
            reached.push(node);
            waiting.extend_from_slice(next.of(node));
        }
    }
    reached
}

fn unfillable_joins(shape: &Shape, reached: &FixedBitSet, findings: &mut Findings) {
    if shape.joins.is_empty() {
        return;
    }
    let timing = Timing::new(shape);
    let mut chosen = vec![None; shape.routes.len()];
    let mut last_found = None;
    for join in &shape.joins {
        let order = Some(join.place.order);
        if last_found == order {
            continue;
        }
        let lost = why_lost(shape, join, reached);
        let rivals = || rivals(shape, join, &timing, &mut chosen);
        if let Some(why) = lost.or_else(rivals) {
            findings.join_never_fills(join.place, shape.name(join.to), &why);
            last_found = order;
        }
    }
}

/// Which source of the join no run can reach, if there is one.
fn why_lost(shape: &Shape, join: &ShapeJoin, reached: &FixedBitSet) -> Option<String> {
    let is_lost = |from: &NodeIndex| !reached.contains(*from as usize);
    if join.from.contains(&join.to) && is_lost(&join.to) {
        return Some("it waits for its own target".to_owned());
    }
    let lost = *join.from.iter().find(|from| is_lost(from))?;
    let lost = shape.name(lost);
    Some(format!("nothing that can run leads to `{lost}`"))
}

/// Which sources of the join are chosen between, if any are. `chosen` has room
/// for a target of each route, and is left empty.
fn rivals(
    shape: &Shape,
    join: &ShapeJoin,
    timing: &Timing,
    chosen: &mut [Option<NodeIndex>],
) -> Option<String> {
    if shape.has_unknown {
        return None;
    }
    let mut found = None;
    for &from in &join.from {
        if let Some(choice) = timing.choice(from) {
            let rival = *chosen[choice.route].get_or_insert(choice.target);
            if rival != choice.target {
                found = Some((rival.min(choice.target), rival.max(choice.target)));
                break;
            }
        }
    }
    for &from in &join.from {
        if let Some(choice) = timing.choice(from) {
            chosen[choice.route] = None;
        }
    }
    let (a, b) = found?;
    let (a, b) = (shape.name(a), shape.name(b));
    Some(format!("one route chooses between `{a}` and `{b}`"))
}

/// Cycles of nodes that always make the next one ready.
fn endless_cycles(shape: &Shape, reached: &FixedBitSet, findings: &mut Findings) {
    let n_nodes = shape.nodes.len();
    let sure = SureWays::new(shape);
    let open = sure.open(n_nodes);
    let mut to = sure.to;
    to.retain(|&(way, _)| {
        let (from, _) = sure.from[way as usize];
        open.contains(way as usize) && reached.contains(from as usize)
    });
    let links: Vec<Pair> = to
        .iter()
        .map(|&(way, to)| (sure.from[way as usize].0, to))
        .collect();
    let component_of = components(n_nodes, &links);
    // The last way inside each component.
    let mut last: Vec<Option<Place>> = vec![None; n_nodes];
    for (&(way, _), (from, to)) in to.iter().zip(links) {
        let component = component_of[from as usize];
        let (_, place) = sure.from[way as usize];
        let last = &mut last[component as usize];
        if component == component_of[to as usize]
            && last.is_none_or(|last| last.order <= place.order)
        {
            *last = Some(place);
        }
    }
    let mut members = Vec::with_capacity(n_nodes);
    for node in shape.indices() {
        members.push((component_of[node as usize], node));
    }
    let members = Lists::new(n_nodes, &members);
    for node in shape.indices() {
        let component = component_of[node as usize];
        if let Some(place) = last[component as usize].take() {
            findings.endless_cycle(place, &shape.names(members.of(component)));
        }
    }
}

/// The ways that are taken each time their source has run: edges, and routes
/// that take exactly one of their targets. What rests on a guess is left out.
///
/// A node surely goes on for ever if one of its sure ways leads only to nodes
/// that do. The greatest such set is what is left when nodes without an open
/// way are taken away, and the ways to them closed, until nothing changes.
struct SureWays {
    from: Vec<(NodeIndex, Place)>,
    /// Where each way leads to.
    to: Vec<Pair>,
}

impl SureWays {
    fn new(shape: &Shape) -> Self {
        let mut this = Self {
            from: Vec::new(),
            to: Vec::new(),
        };
        for edge in shape.edges.iter().filter(|edge| !edge.guessed) {
            this.add(edge.from, &[Some(edge.to)], edge.place);
        }
        let exclusive = |route: &&ShapeRoute| route.exactly_one && !route.guessed;
        for route in shape.routes.iter().filter(exclusive) {
            this.add(route.from, &route.to, route.place);
        }
        this
    }

    /// Adds a way, unless it may also lead to `END`.
    fn add(&mut self, from: Source, to: &[Option<NodeIndex>], place: Place) {
        let Some(from) = from else { return };
        if to.contains(&None) {
            return;
        }
        let way = to_index(self.from.len());
        for &to in to.iter().flatten() {
            self.to.push((way, to));
        }
        self.from.push((from, place));
    }

    /// The ways between nodes that surely go on.
    fn open(&self, n_nodes: usize) -> FixedBitSet {
        let mut n_open = vec![0_usize; n_nodes];
        for &(from, _) in &self.from {
            n_open[from as usize] += 1;
        }
        let into: Vec<Pair> = self.to.iter().map(|&(way, to)| (to, way)).collect();
        let into = Lists::new(n_nodes, &into);
        let mut open = FixedBitSet::with_capacity(self.from.len());
        open.insert_range(..);
        let mut ending: Vec<NodeIndex> = (0..to_index(n_nodes)).collect();
        ending.retain(|&node| n_open[node as usize] == 0);
        while let Some(node) = ending.pop() {
            for &way in into.of(node) {
                let way = way as usize;
                if !open.contains(way) {
                    continue;
                }
                open.remove(way);
                let (from, _) = self.from[way];
                n_open[from as usize] -= 1;
                if n_open[from as usize] == 0 {
                    ending.push(from);
                }
            }
        }
        open
    }
}
