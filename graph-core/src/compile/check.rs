//! Rules about how the parts fit together, on indices alone.

use fixedbitset::FixedBitSet;
use petgraph::algo::kosaraju_scc;
use petgraph::graphmap::DiGraphMap;

use super::findings::Findings;
use super::shape::{Destinations, NodeIndex, Shape, ShapeJoin, ShapeRoute, Source};
use crate::graph::Place;

pub(super) fn check(shape: &Shape, place: Place, findings: &mut Findings) {
    if !shape.has_entry {
        findings.no_entry(place);
        return;
    }
    let reached = reachable(shape);
    for (index, node) in shape.nodes.iter().enumerate() {
        if !reached.contains(index) {
            findings.unreachable_node(node.place, &node.name);
        }
    }
    let loops = nodes_on_cycles(shape);
    let only_ways = only_ways_in(shape);
    for join in &shape.joins {
        if let Some(why) = never_fills(shape, join, &reached, &loops, &only_ways) {
            findings.join_never_fills(join.place, shape.name(join.to), &why);
        }
    }
    endless_cycles(shape, &reached, findings);
}

impl Shape {
    pub(super) fn name(&self, index: NodeIndex) -> &str {
        &self.nodes[index as usize].name
    }

    pub(super) fn indices(&self) -> std::ops::Range<NodeIndex> {
        0..super::shape::to_index(self.nodes.len())
    }

    /// Every way from one node to another, joins taken apart; `START` and
    /// `END` left out.
    fn links(&self) -> impl Iterator<Item = (Source, NodeIndex)> {
        let edges = self.edges.iter().map(|edge| (edge.from, edge.to));
        let joins = self
            .joins
            .iter()
            .flat_map(|join| join.from.iter().map(|&from| (Some(from), join.to)));
        let routes = self.routes.iter().flat_map(|route| {
            let targets = route.to.iter().flatten();
            targets.map(|&to| (route.from, to))
        });
        let commands = self.indices().flat_map(|from| {
            let targets = self.command_targets(from);
            targets.into_iter().map(move |to| (Some(from), to))
        });
        edges.chain(joins).chain(routes).chain(commands)
    }

    fn command_targets(&self, from: NodeIndex) -> Vec<NodeIndex> {
        match &self.nodes[from as usize].destinations {
            Destinations::None => Vec::new(),
            Destinations::Any => self.indices().collect(),
            Destinations::Declared(targets) => targets.clone(),
        }
    }

    /// The links as a graph of petgraph's.
    fn linked(&self) -> DiGraphMap<NodeIndex, ()> {
        let mut graph = DiGraphMap::new();
        for index in self.indices() {
            graph.add_node(index);
        }
        for (from, to) in self.links() {
            if let Some(from) = from {
                graph.add_edge(from, to, ());
            }
        }
        graph
    }
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

/// The nodes that can lead back to themselves.
fn nodes_on_cycles(shape: &Shape) -> FixedBitSet {
    let graph = shape.linked();
    let mut on_cycle = FixedBitSet::with_capacity(shape.nodes.len());
    for component in kosaraju_scc(&graph) {
        let alone = component.len() == 1 && !graph.contains_edge(component[0], component[0]);
        if !alone {
            on_cycle.extend(component.iter().map(|&node| node as usize));
        }
    }
    on_cycle
}

/// Why the join can never fill, if it cannot.
fn never_fills(
    shape: &Shape,
    join: &ShapeJoin,
    reached: &FixedBitSet,
    on_cycle: &FixedBitSet,
    only_ways: &[Option<&ShapeRoute>],
) -> Option<String> {
    let lost = join
        .from
        .iter()
        .find(|&&from| !reached.contains(from as usize));
    if let Some(&lost) = lost {
        return Some(if lost == join.to {
            "it waits for its own target".to_owned()
        } else {
            format!("nothing that can run leads to `{}`", shape.name(lost))
        });
    }
    let mut chosen: Vec<(&ShapeRoute, NodeIndex)> = Vec::new();
    for &from in &join.from {
        let Some(route) = only_ways[from as usize] else {
            continue;
        };
        let once = route
            .from
            .is_none_or(|node| !on_cycle.contains(node as usize));
        if !once {
            continue;
        }
        let rival = chosen.iter().find(|(other, _)| std::ptr::eq(*other, route));
        if let Some(&(_, rival)) = rival {
            return Some(format!(
                "one route chooses between `{}` and `{}`",
                shape.name(rival),
                shape.name(from)
            ));
        }
        chosen.push((route, from));
    }
    None
}

/// The exclusive route that is the one way into each node, where there is one.
fn only_ways_in(shape: &Shape) -> Vec<Option<&ShapeRoute>> {
    let mut ways = vec![0_usize; shape.nodes.len()];
    for (_, to) in shape.links() {
        ways[to as usize] += 1;
    }
    let mut only = vec![None; shape.nodes.len()];
    for route in shape.routes.iter().filter(|route| route.exactly_one) {
        for &to in route.to.iter().flatten() {
            if ways[to as usize] == 1 {
                only[to as usize] = Some(route);
            }
        }
    }
    only
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
/// takes exactly one of its targets.
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
        for edge in &shape.edges {
            this.add(edge.from, vec![edge.to], edge.place);
        }
        for route in shape.routes.iter().filter(|route| route.exactly_one) {
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
