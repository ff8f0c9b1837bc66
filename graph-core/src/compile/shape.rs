//! Names resolved to indices: the graph without its functions.
//!
//! Nodes are numbered in the order of their names, which is the order of their
//! tasks in a superstep. A misspelt name is reported and then taken for the
//! name that was meant, so that one mistake does not show as several.

use super::findings::Findings;
use crate::graph::{Place, StateGraph};
use crate::id::{END, START};
use crate::state::State;

pub(crate) type NodeIndex = u32;

/// Where something leads out of: `None` is `START`.
pub(super) type Source = Option<NodeIndex>;

/// A node as far as the shape of the graph goes.
#[derive(Debug)]
pub(super) struct ShapeNode {
    pub(super) name: String,
    /// Its place in the builder's list.
    pub(super) recorded: usize,
    pub(super) place: Place,
    pub(super) worker: bool,
    pub(super) defer: bool,
    pub(super) destinations: Destinations,
    /// Indices of the fields that it declares to write.
    pub(super) writes: Option<Vec<usize>>,
}

/// Where a node's commands may go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destinations {
    /// It returns no command.
    None,
    /// It does not say.
    Any,
    /// To these; `END` is left out.
    Declared(Vec<NodeIndex>),
}

#[derive(Debug)]
pub(super) struct ShapeEdge {
    pub(super) from: Source,
    pub(super) to: NodeIndex,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct ShapeJoin {
    pub(super) from: Vec<NodeIndex>,
    pub(super) to: NodeIndex,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct ShapeRoute {
    pub(super) from: Source,
    /// `None` is `END`.
    pub(super) to: Vec<Option<NodeIndex>>,
    pub(super) exactly_one: bool,
    /// Its place in the builder's list.
    pub(super) recorded: usize,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct Shape {
    pub(super) nodes: Vec<ShapeNode>,
    pub(super) edges: Vec<ShapeEdge>,
    /// Sources of edges into `END`, for the drawing.
    pub(super) ends: Vec<Source>,
    pub(super) joins: Vec<ShapeJoin>,
    pub(super) routes: Vec<ShapeRoute>,
    /// Whether any edge or route says that it leads out of `START`.
    pub(super) has_entry: bool,
}

/// What a name stands for.
enum Named {
    Start,
    End,
    Node(NodeIndex),
    Nothing,
}

pub(super) fn resolve<S: State, C>(graph: &StateGraph<S, C>, findings: &mut Findings) -> Shape {
    let mut resolver = Resolver::new(graph, findings);
    resolver.declarations(graph);
    resolver.edges(graph);
    resolver.routes(graph);
    resolver.shape
}

struct Resolver<'a> {
    findings: &'a mut Findings,
    shape: Shape,
}

impl<'a> Resolver<'a> {
    fn new<S: State, C>(graph: &StateGraph<S, C>, findings: &'a mut Findings) -> Self {
        let mut nodes: Vec<ShapeNode> = Vec::with_capacity(graph.nodes.len());
        for (recorded, node) in graph.nodes.iter().enumerate() {
            if let Some(why) = invalid(&node.name) {
                findings.invalid_name(node.place, &node.name, why);
            }
            nodes.push(ShapeNode {
                name: node.name.clone(),
                recorded,
                place: node.place,
                worker: node.worker.is_some(),
                defer: node.definition.policy.defer,
                destinations: Destinations::None,
                writes: None,
            });
        }
        nodes.sort_by(|a, b| a.name.cmp(&b.name).then(a.recorded.cmp(&b.recorded)));
        nodes.dedup_by(|later, first| {
            let same = later.name == first.name;
            if same {
                findings.duplicate_node(later.place, &later.name, first.place);
            }
            same
        });
        let shape = Shape {
            nodes,
            edges: Vec::new(),
            ends: Vec::new(),
            joins: Vec::new(),
            routes: Vec::new(),
            has_entry: false,
        };
        Self { findings, shape }
    }

    /// What nodes say of themselves: destinations, writes, deferral.
    fn declarations<S: State, C>(&mut self, graph: &StateGraph<S, C>) {
        for index in 0..self.shape.nodes.len() {
            let node = &graph.nodes[self.shape.nodes[index].recorded];
            let policy = &node.definition.policy;
            if policy.defer && node.worker.is_some() {
                self.findings.deferred_worker(node.place, &node.name);
            }
            let destinations = match &policy.destinations {
                Some(names) => {
                    if !node.definition.commands {
                        self.findings.idle_destinations(node.place, &node.name);
                    }
                    let what = format!("a destination of `{}`", node.name);
                    let targets = self.targets(names, node.place, &what, true);
                    Destinations::Declared(targets.into_iter().flatten().collect())
                }
                None if node.definition.commands => Destinations::Any,
                None => Destinations::None,
            };
            let writes = policy.writes.as_ref().map(|fields| {
                let known = |name: &String| self.field::<S>(node.place, &node.name, name);
                fields.iter().filter_map(known).collect()
            });
            self.shape.nodes[index].destinations = destinations;
            self.shape.nodes[index].writes = writes;
        }
    }

    fn field<S: State>(&mut self, place: Place, node: &str, name: &str) -> Option<usize> {
        let fields = S::schema().fields;
        let index = fields.iter().position(|field| field.name == name);
        if index.is_none() {
            let meant = nearest(name, fields.iter().map(|field| field.name));
            self.findings.unknown_field(place, node, name, meant);
        }
        index
    }

    fn edges<S: State, C>(&mut self, graph: &StateGraph<S, C>) {
        for edge in &graph.edges {
            for (side, names) in [("source", &edge.from), ("target", &edge.to)] {
                if names.is_empty() {
                    self.findings.empty_edge(edge.place, side);
                }
            }
            let targets = self.targets(&edge.to, edge.place, "an edge", false);
            match edge.from.as_slice() {
                [] => {}
                [from] => self.plain_edges(from, &targets, edge.place),
                from => self.joins(from, &targets, edge.place),
            }
        }
    }

    fn plain_edges(&mut self, from: &str, targets: &[Option<NodeIndex>], place: Place) {
        let Some(from) = self.source(from, place, "an edge") else {
            return;
        };
        for to in targets {
            match *to {
                Some(to) => self.shape.edges.push(ShapeEdge { from, to, place }),
                None => self.shape.ends.push(from),
            }
        }
    }

    fn joins(&mut self, from: &[String], targets: &[Option<NodeIndex>], place: Place) {
        let target_name = targets
            .iter()
            .flatten()
            .next()
            .map_or(END.to_owned(), |&to| self.name(to).to_owned());
        let mut sources: Vec<NodeIndex> = Vec::with_capacity(from.len());
        for name in from {
            match self.source(name, place, "a join") {
                Some(Some(source)) if sources.contains(&source) => {
                    self.findings.repeated_source(place, name, &target_name);
                }
                Some(Some(source)) => sources.push(source),
                Some(None) => self.findings.join_from_start(place, &target_name),
                None => {}
            }
        }
        for to in targets {
            match *to {
                Some(to) => self.shape.joins.push(ShapeJoin {
                    from: sources.clone(),
                    to,
                    place,
                }),
                None => self.shape.ends.extend(sources.iter().copied().map(Some)),
            }
        }
    }

    fn routes<S: State, C>(&mut self, graph: &StateGraph<S, C>) {
        for (recorded, route) in graph.routes.iter().enumerate() {
            if route.from.is_empty() {
                self.findings.empty_edge(route.place, "source");
            }
            let what = if route.router.exactly_one() {
                "a route"
            } else {
                "a conditional edge"
            };
            // A variant of an enum names a node; only sends carry values.
            let sends = !route.router.exactly_one();
            let to = self.targets(&route.to, route.place, what, sends);
            for name in &route.from {
                if route.to.is_empty() {
                    self.findings.route_to_nowhere(route.place, name);
                }
                if let Some(from) = self.source(name, route.place, what) {
                    self.shape.routes.push(ShapeRoute {
                        from,
                        to: to.clone(),
                        exactly_one: route.router.exactly_one(),
                        recorded,
                        place: route.place,
                    });
                }
            }
        }
    }

    /// The source of that name; nothing if it cannot be one.
    fn source(&mut self, name: &str, place: Place, what: &str) -> Option<Source> {
        match self.named(name, place, what) {
            Named::Start => {
                self.shape.has_entry = true;
                Some(None)
            }
            Named::End => {
                self.findings.out_of_end(place, what);
                None
            }
            Named::Node(index) => Some(Some(index)),
            Named::Nothing => None,
        }
    }

    /// The targets of these names, `None` for `END`; those that cannot be
    /// targets are left out.
    fn targets(
        &mut self,
        names: &[String],
        place: Place,
        what: &str,
        workers: bool,
    ) -> Vec<Option<NodeIndex>> {
        let mut targets = Vec::with_capacity(names.len());
        for name in names {
            match self.named(name, place, what) {
                Named::Start => self.findings.into_start(place, what),
                Named::End => targets.push(None),
                Named::Node(index) => {
                    if self.shape.nodes[index as usize].worker && !workers {
                        self.findings.edge_to_worker(place, what, name);
                    }
                    targets.push(Some(index));
                }
                Named::Nothing => {}
            }
        }
        targets
    }

    fn named(&mut self, name: &str, place: Place, what: &str) -> Named {
        match name {
            START => return Named::Start,
            END => return Named::End,
            _ => {}
        }
        if let Some(index) = self.index(name) {
            return Named::Node(index);
        }
        let nodes = &self.shape.nodes;
        let meant = nearest(name, nodes.iter().map(|node| node.name.as_str()));
        let known: Vec<_> = nodes
            .iter()
            .take(12)
            .map(|node| node.name.as_str())
            .collect();
        self.findings.unknown_node(place, what, name, meant, &known);
        meant
            .and_then(|meant| self.index(meant))
            .map_or(Named::Nothing, Named::Node)
    }

    fn index(&self, name: &str) -> Option<NodeIndex> {
        let nodes = &self.shape.nodes;
        let index = nodes.binary_search_by(|node| node.name.as_str().cmp(name));
        index.ok().map(to_index)
    }

    fn name(&self, index: NodeIndex) -> &str {
        &self.shape.nodes[index as usize].name
    }
}

/// Node counts fit in 32 bits: a builder call for each would take hours.
pub(crate) fn to_index(index: usize) -> NodeIndex {
    NodeIndex::try_from(index).expect("fewer than 2^32 nodes")
}

fn invalid(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("it is empty"),
        START | END => Some("it is reserved"),
        _ if name.trim() != name => Some("it begins or ends with a space"),
        _ if name.chars().any(char::is_control) => Some("it holds a control character"),
        _ if name.contains('/') => Some("`/` separates the parts of a task's path"),
        _ => None,
    }
}

/// The known name nearest to `name`, if it is near enough to be what was
/// meant; the first in order among equals.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    known
        .map(|known| (strsim::osa_distance(name, known), known))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}
