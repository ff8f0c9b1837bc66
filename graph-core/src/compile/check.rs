//! Rules about how the parts fit together, on indices alone.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use petgraph::algo::kosaraju_scc;
use petgraph::graphmap::DiGraphMap;

use super::findings::Findings;
use super::shape::{Destinations, NodeIndex, Shape, ShapeJoin, ShapeRoute, Source, invalid};
use super::ways::Timing;
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
    let mut single = vec![Vec::new(); shape.nodes.len()];
    let mut waiting = Vec::new();
    let edges = shape.edges.iter().map(|edge| (edge.from, edge.to));
    let routes = shape.routes.iter().flat_map(|route| {
        let targets = route.to.iter().flatten();
        targets.map(|&to| (route.from, to))
    });
    for (from, to) in edges.chain(routes) {
        match from {
            None => waiting.push(to),
            Some(from) => single[from as usize].push(to),
        }
    }
    let mut joins_of = vec![Vec::new(); shape.nodes.len()];
    let mut missing: Vec<usize> = shape.joins.iter().map(|join| join.from.len()).collect();
    for (index, join) in shape.joins.iter().enumerate() {
        for &from in &join.from {
            joins_of[from as usize].push(index);
        }
    }
    let mut reached = FixedBitSet::with_capacity(shape.nodes.len());
    let mut any = false;
    while let Some(node) = waiting.pop() {
        if reached.put(node as usize) {
            continue;
        }
        waiting.extend(&single[node as usize]);
        match &shape.nodes[node as usize].destinations {
            Destinations::None => {}
            Destinations::Declared(targets) => waiting.extend(targets),
            Destinations::Any if any => {}
            Destinations::Any => {
                any = true;
                waiting.extend(shape.indices());
            }
        }
        for &join in &joins_of[node as usize] {
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
    let links = shape.linked();
    let lost = |node: NodeIndex| !reached.contains(node as usize);
    let mut island: DiGraphMap<NodeIndex, ()> = DiGraphMap::new();
    let mut entered = FixedBitSet::with_capacity(links.node_count());
    for node in links.nodes().filter(|&node| lost(node)) {
        island.add_node(node);
    }
    for (from, to, ()) in links.all_edges().filter(|&(_, to, ())| lost(to)) {
        if lost(from) {
            island.add_edge(from, to, ());
        } else {
            entered.insert(to as usize);
        }
    }
    let mut seen = FixedBitSet::with_capacity(links.node_count());
    for root in roots(shape, &island, entered) {
        let mut after = reach(&island, root, &mut seen);
        after.retain(|&node| node != root && (node as usize) < shape.nodes.len());
        after.sort_unstable();
        let node = &shape.nodes[root as usize];
        if invalid(&node.name).is_none() {
            let after: Vec<_> = after.iter().map(|&node| shape.name(node)).collect();
            findings.unreachable_node(node.place, &node.name, &after);
        }
    }
}

/// One node of each component of `island` that nothing outside it leads to, in
/// the order of the builder calls; `entered` are nodes known to be led to.
fn roots(
    shape: &Shape,
    island: &DiGraphMap<NodeIndex, ()>,
    mut entered: FixedBitSet,
) -> Vec<NodeIndex> {
    let components = kosaraju_scc(island);
    let mut component_of = vec![0; entered.len()];
    for (index, component) in components.iter().enumerate() {
        for &node in component {
            component_of[node as usize] = index;
        }
    }
    for (from, to, ()) in island.all_edges() {
        if component_of[from as usize] != component_of[to as usize] {
            entered.insert(to as usize);
        }
    }
    let is_entered = |node: &NodeIndex| entered.contains(*node as usize);
    let order = |node: NodeIndex| Some(shape.nodes.get(node as usize)?.place.order);
    let mut roots: Vec<_> = components
        .iter()
        .filter(|component| !component.iter().any(is_entered))
        .filter_map(|component| {
            let orders = component.iter().map(|&node| (order(node), node));
            orders.filter(|(order, _)| order.is_some()).min()
        })
        .collect();
    roots.sort_unstable();
    roots.into_iter().map(|(_, node)| node).collect()
}

/// What can be reached from `root`, itself included, and was not seen before.
fn reach(
    graph: &DiGraphMap<NodeIndex, ()>,
    root: NodeIndex,
    seen: &mut FixedBitSet,
) -> Vec<NodeIndex> {
    let mut reached = Vec::new();
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        if !seen.put(node as usize) {
            reached.push(node);
            waiting.extend(graph.neighbors(node));
        }
    }
    reached
}

fn unfillable_joins(shape: &Shape, reached: &FixedBitSet, findings: &mut Findings) {
    if shape.joins.is_empty() {
        return;
    }
    let timing = Timing::new(shape);
    let mut last_found = None;
    for join in &shape.joins {
        let order = Some(join.place.order);
        if last_found == order {
            continue;
        }
        if let Some(why) = never_fills(shape, join, reached, &timing) {
            findings.join_never_fills(join.place, shape.name(join.to), &why);
            last_found = order;
        }
    }
}

/// Why the join can never fill, if it cannot.
fn never_fills(
    shape: &Shape,
    join: &ShapeJoin,
    reached: &FixedBitSet,
    timing: &Timing,
) -> Option<String> {
    let is_lost = |from: &&NodeIndex| !reached.contains(**from as usize);
    if join.from.contains(&join.to) && is_lost(&&join.to) {
        return Some("it waits for its own target".to_owned());
    }
    if let Some(&lost) = join.from.iter().find(is_lost) {
        let lost = shape.name(lost);
        return Some(format!("nothing that can run leads to `{lost}`"));
    }
    if shape.has_unknown {
        return None;
    }
    let mut choices: BTreeMap<usize, NodeIndex> = BTreeMap::new();
    for &from in &join.from {
        let Some(choice) = timing.choice(from) else {
            continue;
        };
        match choices.insert(choice.route, choice.target) {
            Some(rival) if rival != choice.target => {
                let (a, b) = (rival.min(choice.target), rival.max(choice.target));
                return Some(format!(
                    "one route chooses between `{}` and `{}`",
                    shape.name(a),
                    shape.name(b)
                ));
            }
            _ => {}
        }
    }
    None
}

/// Cycles of nodes that always make the next one ready.
fn endless_cycles(shape: &Shape, reached: &FixedBitSet, findings: &mut Findings) {
    let sure = SureWays::new(shape).closed(reached);
    let mut graph: DiGraphMap<NodeIndex, Place> = DiGraphMap::new();
    for way in sure {
        for &to in &way.to {
            graph.add_edge(way.from, to, way.place);
        }
    }
    for mut component in kosaraju_scc(&graph) {
        component.sort_unstable();
        let inside = component
            .iter()
            .flat_map(|&from| graph.edges(from))
            .filter(|(_, to, _)| component.binary_search(to).is_ok());
        let last = inside
            .map(|(_, _, &place)| place)
            .max_by_key(|place| place.order);
        if let Some(place) = last {
            let names: Vec<_> = component.iter().map(|&node| shape.name(node)).collect();
            findings.endless_cycle(place, &names);
        }
    }
}

/// A way that is taken each time its source has run: an edge, or a route that
/// takes exactly one of its targets. What rests on a guess is left out.
struct SureWay {
    from: NodeIndex,
    to: Vec<NodeIndex>,
    place: Place,
}

/// The sure ways of a graph, and which of them are still open.
///
/// A node surely goes on for ever if one of its sure ways leads only to nodes
/// that do. The greatest such set is what is left when nodes without an open
/// way are taken away, and the ways to them closed, until nothing changes.
struct SureWays {
    ways: Vec<SureWay>,
    /// For each node, the ways that lead to it.
    into: Vec<Vec<usize>>,
    /// For each node, how many of its own ways are open.
    n_open: Vec<usize>,
}

impl SureWays {
    fn new(shape: &Shape) -> Self {
        let mut this = Self {
            ways: Vec::new(),
            into: vec![Vec::new(); shape.nodes.len()],
            n_open: vec![0; shape.nodes.len()],
        };
        for edge in shape.edges.iter().filter(|edge| !edge.guessed) {
            this.add(edge.from, vec![edge.to], edge.place);
        }
        let exclusive = |route: &&ShapeRoute| route.exactly_one && !route.guessed;
        for route in shape.routes.iter().filter(exclusive) {
            let to: Option<Vec<_>> = route.to.iter().copied().collect();
            if let Some(to) = to {
                this.add(route.from, to, route.place);
            }
        }
        this
    }

    fn add(&mut self, from: Source, to: Vec<NodeIndex>, place: Place) {
        let Some(from) = from else { return };
        for &target in &to {
            self.into[target as usize].push(self.ways.len());
        }
        self.n_open[from as usize] += 1;
        self.ways.push(SureWay { from, to, place });
    }

    /// The ways between nodes that surely go on, as far as runs reach them.
    fn closed(mut self, reached: &FixedBitSet) -> Vec<SureWay> {
        let mut open = FixedBitSet::with_capacity(self.ways.len());
        open.insert_range(..);
        let ends = |node: &usize| self.n_open[*node] == 0;
        let mut ending: Vec<usize> = (0..self.n_open.len()).filter(ends).collect();
        while let Some(node) = ending.pop() {
            for &way in &self.into[node] {
                if !open.contains(way) {
                    continue;
                }
                open.remove(way);
                let from = self.ways[way].from as usize;
                self.n_open[from] -= 1;
                if self.n_open[from] == 0 {
                    ending.push(from);
                }
            }
        }
        let ways = self.ways.into_iter().enumerate();
        ways.filter(|(index, way)| open.contains(*index) && reached.contains(way.from as usize))
            .map(|(_, way)| way)
            .collect()
    }
}
