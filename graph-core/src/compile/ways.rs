//! The ways from node to node, and what they tell of when nodes run.

use petgraph::graphmap::DiGraphMap;

use super::shape::{Destinations, NodeIndex, Shape, ShapeNode, Source, to_index};

impl Shape {
    /// Every way from one node to another, joins taken apart; `START` and
    /// `END` left out. Nodes whose commands may go anywhere lead to one more
    /// node, numbered after all others, which leads to every node: so that
    /// there are no more links than the builder has heard of.
    pub(super) fn linked(&self) -> DiGraphMap<NodeIndex, ()> {
        let mut graph = DiGraphMap::new();
        for index in self.indices() {
            graph.add_node(index);
        }
        for (way, to) in self.ways() {
            match way {
                Way::Edge(Some(from)) => {
                    graph.add_edge(from, to, ());
                }
                Way::Edge(None) => {}
                Way::Route(route) => {
                    if let Some(from) = self.routes[route].from {
                        graph.add_edge(from, to, ());
                    }
                }
                Way::Join(join) => {
                    for &from in &self.joins[join].from {
                        graph.add_edge(from, to, ());
                    }
                }
            }
        }
        let anywhere = to_index(self.nodes.len());
        for from in self.indices().filter(|&from| self.goes_anywhere(from)) {
            graph.add_edge(from, anywhere, ());
        }
        if graph.contains_node(anywhere) {
            for to in self.indices() {
                graph.add_edge(anywhere, to, ());
            }
        }
        graph
    }

    fn goes_anywhere(&self, node: NodeIndex) -> bool {
        self.nodes[node as usize].destinations == Destinations::Any
    }

    /// Every way into a node, but for those of commands that may go anywhere.
    fn ways(&self) -> impl Iterator<Item = (Way, NodeIndex)> {
        let edges = self.edges.iter();
        let edges = edges.map(|edge| (Way::Edge(edge.from), edge.to));
        let joins = self.joins.iter().enumerate();
        let joins = joins.map(|(index, join)| (Way::Join(index), join.to));
        let routes = self.routes.iter().enumerate();
        let routes = routes.flat_map(|(index, route)| {
            let targets = route.to.iter().flatten();
            targets.map(move |&to| (Way::Route(index), to))
        });
        let commands = self.indices().flat_map(|from| {
            let targets = match &self.nodes[from as usize].destinations {
                Destinations::Declared(targets) => targets.as_slice(),
                Destinations::None | Destinations::Any => &[],
            };
            targets.iter().map(move |&to| (Way::Edge(Some(from)), to))
        });
        edges.chain(joins).chain(routes).chain(commands)
    }
}

/// A way into a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// An edge, or a declared destination.
    Edge(Source),
    /// A route, by its index.
    Route(usize),
    /// A join, by its index.
    Join(usize),
}

/// A target that a route chose, to the exclusion of its others.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub(super) route: usize,
    pub(super) target: NodeIndex,
}

/// What is known of when nodes run.
pub(super) struct Timing {
    /// For a node that runs once at most in a run, the superstep in which it
    /// does.
    superstep: Vec<Option<u32>>,
    /// For a node that runs only after a route that is asked once has chosen
    /// one target, the last such choice.
    choice: Vec<Option<Choice>>,
}

impl Timing {
    pub(super) fn new(shape: &Shape) -> Self {
        let mut into = vec![Vec::new(); shape.nodes.len()];
        for (way, to) in shape.ways() {
            let into: &mut Vec<Way> = &mut into[to as usize];
            // Several variants of a route may name one target.
            if !matches!(way, Way::Route(_)) || into.last() != Some(&way) {
                into.push(way);
            }
        }
        let mut timing = Self {
            superstep: vec![None; shape.nodes.len()],
            choice: vec![None; shape.nodes.len()],
        };
        if shape.indices().any(|node| shape.goes_anywhere(node)) {
            return timing;
        }
        for node in in_order(&shape.linked()) {
            timing.look_at(shape, node, &into[node as usize]);
        }
        timing
    }

    pub(super) fn choice(&self, node: NodeIndex) -> Option<Choice> {
        self.choice[node as usize]
    }

    /// What is known of a node once all is known that leads to it.
    fn look_at(&mut self, shape: &Shape, node: NodeIndex, into: &[Way]) {
        let ShapeNode { worker, defer, .. } = shape.nodes[node as usize];
        let mut supersteps = into.iter().map(|&way| self.superstep_by(shape, way));
        if let (false, false, Some(first)) = (worker, defer, supersteps.next()) {
            let same = supersteps.all(|superstep| superstep == first);
            self.superstep[node as usize] = first.filter(|_| same);
        }
        if let [way] = *into {
            self.choice[node as usize] = self.choice_by(shape, node, way);
        }
    }

    /// When the way is taken, if that is once at most.
    fn superstep_by(&self, shape: &Shape, way: Way) -> Option<u32> {
        let after = |from: Source| match from {
            None => Some(1),
            Some(from) => Some(self.superstep[from as usize]? + 1),
        };
        match way {
            Way::Edge(from) => after(from),
            Way::Route(route) => after(shape.routes[route].from),
            Way::Join(join) => {
                let sources = shape.joins[join].from.iter();
                sources
                    .map(|&from| after(Some(from)))
                    .max_by_key(|superstep| {
                        // A source that may run several times is the latest of all.
                        superstep.unwrap_or(u32::MAX)
                    })?
            }
        }
    }

    /// The choice behind a node with one way in.
    fn choice_by(&self, shape: &Shape, node: NodeIndex, way: Way) -> Option<Choice> {
        let behind = |from: Source| self.choice[from? as usize];
        match way {
            Way::Edge(from) => behind(from),
            Way::Route(index) => {
                let route = &shape.routes[index];
                let asked_once = route
                    .from
                    .is_none_or(|from| self.superstep[from as usize].is_some());
                if route.exactly_one && asked_once {
                    return Some(Choice {
                        route: index,
                        target: node,
                    });
                }
                behind(route.from)
            }
            Way::Join(join) => {
                let sources = shape.joins[join].from.iter();
                sources
                    .map(|&from| behind(Some(from)))
                    .find_map(|choice| choice)
            }
        }
    }
}

/// The nodes in an order in which each comes after all that lead to it; what is
/// on a cycle, or after one, is left out.
fn in_order(graph: &DiGraphMap<NodeIndex, ()>) -> Vec<NodeIndex> {
    let mut missing = vec![0_usize; graph.node_count()];
    for (_, to, ()) in graph.all_edges() {
        missing[to as usize] += 1;
    }
    let mut order: Vec<NodeIndex> = graph
        .nodes()
        .filter(|&node| missing[node as usize] == 0)
        .collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for to in graph.neighbors(node) {
            missing[to as usize] -= 1;
            if missing[to as usize] == 0 {
                order.push(to);
            }
        }
    }
    order
}
