//! The ways from node to node, and what they tell of when nodes run.

use super::links::{Lists, Pair, in_order};
use super::shape::{Destinations, NodeIndex, Shape, ShapeNode, Source, to_index};

impl Shape {
    /// Every way from one node to another, joins taken apart; `START` and
    /// `END` left out. What leads to an unknown name leads to the node that is
    /// meant, and from there to the name. Nodes whose commands may go anywhere lead to one more
    /// node, numbered after all others, which leads to every node: so that
    /// there are no more links than the builder has heard of.
    pub(super) fn links(&self) -> Vec<Pair> {
        let mut links = Vec::new();
        for (way, to) in self.ways() {
            let to = self.meant(to);
            match way {
                Way::Join(join) => {
                    for &from in &self.joins[join].from {
                        links.push((from, to));
                    }
                }
                Way::Edge(_) | Way::Route(_) => {
                    if let Source::Node(from) = self.source(way) {
                        links.push((from, to));
                    }
                }
            }
        }
        for name in self.indices().filter(|&name| self.meant(name) != name) {
            links.push((self.meant(name), name));
        }
        let anywhere = to_index(self.nodes.len());
        let n_known = links.len();
        for from in self.indices().filter(|&from| self.goes_anywhere(from)) {
            links.push((from, anywhere));
        }
        if links.len() > n_known {
            for to in self.indices() {
                links.push((anywhere, to));
            }
        }
        links
    }

    /// The number of nodes in [`links`](Self::links).
    pub(super) fn n_linked(&self) -> usize {
        self.nodes.len() + 1
    }

    pub(super) fn goes_anywhere(&self, node: NodeIndex) -> bool {
        self.nodes[node as usize].destinations == Destinations::Any
    }

    /// Every way into a node, but for those of commands that may go anywhere.
    pub(super) fn ways(&self) -> Vec<(Way, NodeIndex)> {
        let mut ways = Vec::with_capacity(self.edges.len());
        for edge in &self.edges {
            ways.push((Way::Edge(edge.from), edge.to));
        }
        for (index, join) in self.joins.iter().enumerate() {
            ways.push((Way::Join(index), join.to));
        }
        for (index, route) in self.routes.iter().enumerate() {
            for &to in route.to.iter().flatten() {
                ways.push((Way::Route(index), to));
            }
        }
        for from in self.indices() {
            if let Destinations::Declared(targets) = &self.nodes[from as usize].destinations {
                for &to in targets.iter().flatten() {
                    ways.push((Way::Edge(Source::Node(from)), to));
                }
            }
        }
        ways
    }

    /// Where a way comes from that is not a join.
    pub(super) fn source(&self, way: Way) -> Source {
        match way {
            Way::Edge(from) => from,
            Way::Route(route) => self.routes[route].from,
            Way::Join(_) => Source::Nothing,
        }
    }
}

/// A way into a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
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
///
/// An unknown name and the node that is meant share the ways into both, and so
/// what is said of a node holds whether they are one node or two. Of an unknown
/// name itself less is known: it may be a worker's.
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
        let n_nodes = shape.nodes.len();
        let mut timing = Self {
            superstep: vec![None; n_nodes],
            choice: vec![None; n_nodes],
        };
        if shape.indices().any(|node| shape.goes_anywhere(node)) {
            return timing;
        }
        let ways = shape.ways();
        let mut into = Vec::with_capacity(ways.len());
        for (index, &(_, to)) in ways.iter().enumerate() {
            into.push((shape.meant(to), to_index(index)));
        }
        let into = Lists::new(n_nodes, &into);
        let mut ways_in = Vec::new();
        for node in in_order(n_nodes, &shape.links()) {
            let meant = shape.meant(node);
            if meant != node {
                let entered = shape.nodes[node as usize].entered;
                timing.choice[node as usize] = timing.choice(meant).filter(|_| entered);
                continue;
            }
            ways_in.clear();
            for &way in into.of(node) {
                let (way, _) = ways[way as usize];
                // Several variants of a route may name one target.
                if !matches!(way, Way::Route(_)) || ways_in.last() != Some(&way) {
                    ways_in.push(way);
                }
            }
            timing.look_at(shape, node, &ways_in);
        }
        timing
    }

    pub(super) fn choice(&self, node: NodeIndex) -> Option<Choice> {
        self.choice[node as usize]
    }

    /// What is known of a node once all is known that leads to it.
    fn look_at(&mut self, shape: &Shape, node: NodeIndex, into: &[Way]) {
        let ShapeNode { worker, defer, .. } = shape.nodes[node as usize];
        let certain = !worker && !defer && !shape.is_unknown(node);
        let mut supersteps = into.iter().map(|&way| self.superstep_by(shape, way));
        if let (true, Some(first)) = (certain, supersteps.next()) {
            let same = supersteps.all(|superstep| superstep == first);
            self.superstep[node as usize] = first.filter(|_| same);
        }
        if let [way] = *into {
            self.choice[node as usize] = self.choice_by(shape, node, way);
        }
    }

    /// When the way is taken, if that is once at most.
    fn superstep_by(&self, shape: &Shape, way: Way) -> Option<u32> {
        match way {
            Way::Edge(_) | Way::Route(_) => Some(self.superstep_of(shape.source(way))? + 1),
            Way::Join(join) if !shape.joins[join].waits_for_all() => None,
            Way::Join(join) => {
                let mut latest = 0;
                for &from in &shape.joins[join].from {
                    latest = latest.max(self.superstep[from as usize]?);
                }
                Some(latest + 1)
            }
        }
    }

    /// When the source runs, if that is once at most.
    fn superstep_of(&self, source: Source) -> Option<u32> {
        match source {
            Source::Start => Some(0),
            Source::Node(node) => self.superstep[node as usize],
            Source::Nothing => None,
        }
    }

    /// The choice behind a node with one way in.
    fn choice_by(&self, shape: &Shape, node: NodeIndex, way: Way) -> Option<Choice> {
        match way {
            Way::Edge(from) => self.choice(from.node()?),
            Way::Route(index) => {
                let route = &shape.routes[index];
                if route.exactly_one && self.superstep_of(route.from).is_some() {
                    return Some(Choice {
                        route: index,
                        target: node,
                    });
                }
                self.choice(route.from.node()?)
            }
            // It may fire although one of them was not chosen.
            Way::Join(join) if !shape.joins[join].waits_for_all() => None,
            Way::Join(join) => {
                let sources = &shape.joins[join].from;
                sources.iter().find_map(|&from| self.choice(from))
            }
        }
    }
}
