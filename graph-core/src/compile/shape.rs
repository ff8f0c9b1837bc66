//! Names resolved to indices: the graph without its functions.
//!
//! Nodes are numbered in the order of their names, which is the order of their
//! tasks in a superstep. A misspelt name is reported and then taken for the
//! name that was meant, so that one mistake does not show as several.

use std::collections::BTreeSet;

use super::findings::{Findings, MOST_LISTED};
use crate::graph::{Place, StateGraph};
use crate::id::{END, START};
use crate::state::State;

pub(crate) type NodeIndex = u32;

/// Where something leads out of: `None` is `START`.
pub(super) type Source = Option<NodeIndex>;

/// A source's place in a list of all: `START` comes before the nodes.
pub(super) fn slot(source: Source) -> usize {
    source.map_or(0, |node| node as usize + 1)
}

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
    /// Whether one of its names had to be guessed.
    pub(super) guessed: bool,
}

#[derive(Debug)]
pub(super) struct ShapeJoin {
    /// Sorted, each once; never empty.
    pub(super) from: Vec<NodeIndex>,
    pub(super) to: NodeIndex,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct ShapeRoute {
    pub(super) from: Source,
    /// As they were declared; `None` is `END`.
    pub(super) to: Vec<Option<NodeIndex>>,
    pub(super) exactly_one: bool,
    /// Its place in the builder's list.
    pub(super) recorded: usize,
    pub(super) place: Place,
    /// Whether one of its names had to be guessed.
    pub(super) guessed: bool,
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
    /// Whether some name is no node's, so that the shape is partly a guess.
    pub(super) has_unknown: bool,
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Named {
    Start,
    End,
    Node(NodeIndex),
    /// It is misspelt, and taken for this node.
    Guess(NodeIndex),
    Nothing,
}

/// Where an edge or a route comes from.
#[derive(Clone, Copy)]
struct From {
    source: Source,
    guessed: bool,
}

/// Where an edge or a route goes to; `None` is `END`.
#[derive(Clone, Copy)]
struct To {
    target: Option<NodeIndex>,
    guessed: bool,
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
    /// The possible names among the nodes', as far as messages list them, and
    /// how many there are.
    known: (Vec<String>, usize),
    /// How many names were compared with all others in search of a likely one.
    n_searches: usize,
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
            if same && invalid(&later.name).is_none() {
                findings.duplicate_node(later.place, &later.name, first.place);
            }
            same
        });
        let possible = nodes.iter().filter(|node| invalid(&node.name).is_none());
        let listed = possible.clone().take(MOST_LISTED);
        let known = (
            listed.map(|node| node.name.clone()).collect(),
            possible.count(),
        );
        let shape = Shape {
            nodes,
            edges: Vec::new(),
            ends: Vec::new(),
            joins: Vec::new(),
            routes: Vec::new(),
            has_entry: false,
            has_unknown: false,
        };
        Self {
            findings,
            shape,
            known,
            n_searches: 0,
        }
    }

    /// What nodes say of themselves: destinations, writes, deferral. Of two
    /// nodes with one name, the destinations add up, so that the duplicate is
    /// the only mistake that shows.
    fn declarations<S: State, C>(&mut self, graph: &StateGraph<S, C>) {
        for node in &graph.nodes {
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
                    Destinations::Declared(targets.iter().filter_map(|to| to.target).collect())
                }
                None if node.definition.commands => Destinations::Any,
                None => Destinations::None,
            };
            let writes = policy.writes.as_ref().map(|fields| {
                let known = |name: &String| self.field::<S>(node.place, &node.name, name);
                let mut fields: Vec<_> = fields.iter().filter_map(known).collect();
                fields.sort_unstable();
                fields.dedup();
                fields
            });
            let Some(index) = self.index(&node.name) else {
                continue;
            };
            let shape = &mut self.shape.nodes[index as usize];
            shape.destinations.add(destinations);
            shape.writes = shape.writes.take().or(writes);
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
                    self.findings.empty_edge(edge.place, "an edge", side);
                }
            }
            match edge.from.as_slice() {
                [] => {
                    let targets = self.targets(&edge.to, edge.place, "an edge", false);
                    self.plain_edges(UNKNOWN, &targets, edge.place);
                }
                [from] => {
                    let from = self.source(from, edge.place, "an edge");
                    let targets = self.targets(&edge.to, edge.place, "an edge", false);
                    self.plain_edges(from, &targets, edge.place);
                }
                from => self.joins(from, &edge.to, edge.place),
            }
        }
    }

    fn plain_edges(&mut self, from: From, targets: &[To], place: Place) {
        for to in targets {
            match to.target {
                Some(target) => self.shape.edges.push(ShapeEdge {
                    from: from.source,
                    to: target,
                    place,
                    guessed: from.guessed || to.guessed,
                }),
                None => self.shape.ends.push(from.source),
            }
        }
    }

    fn joins(&mut self, from: &[String], to: &[String], place: Place) {
        let mut sources = BTreeSet::new();
        let mut repeated = BTreeSet::new();
        let mut from_start = false;
        for name in from {
            match self.named(name, place, "a join") {
                Named::Node(source) => {
                    if !sources.insert(source) {
                        repeated.insert(name);
                    }
                }
                Named::Guess(source) => {
                    sources.insert(source);
                }
                Named::Start => {
                    self.shape.has_entry = true;
                    from_start = true;
                }
                Named::End => self.findings.edge_out_of_end(place, "a join"),
                Named::Nothing => {}
            }
        }
        let mut targets = self.targets(to, place, "an edge", false);
        let mut seen = BTreeSet::new();
        targets.retain(|to| seen.insert(to.target));
        let first = targets.iter().find_map(|to| to.target);
        let into = first.map_or("END", |to| self.shape.name(to)).to_owned();
        for name in repeated {
            self.findings.repeated_source(place, name, &into);
        }
        if from_start {
            self.findings.join_from_start(place, &into);
        }
        let sources: Vec<_> = sources.into_iter().collect();
        if sources.is_empty() {
            self.plain_edges(UNKNOWN, &targets, place);
            return;
        }
        for to in targets {
            match to.target {
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
            let exactly_one = route.router.exactly_one();
            let what = if exactly_one {
                "a route"
            } else {
                "a conditional edge"
            };
            if route.from.is_empty() {
                self.findings.empty_edge(route.place, what, "source");
            }
            if route.to.is_empty() {
                let from: Vec<_> = route.from.iter().map(|name| shown(name)).collect();
                self.findings.route_to_nowhere(route.place, what, &from);
            }
            let mut sources: Vec<_> = route
                .from
                .iter()
                .map(|name| self.source(name, route.place, what))
                .collect();
            if sources.is_empty() {
                sources.push(UNKNOWN);
            }
            // A variant of an enum names a node; only sends carry values.
            let targets = self.targets(&route.to, route.place, what, !exactly_one);
            let guessed = targets.iter().any(|to| to.guessed);
            let to: Vec<_> = targets.iter().map(|to| to.target).collect();
            for from in sources {
                self.shape.routes.push(ShapeRoute {
                    from: from.source,
                    to: to.clone(),
                    exactly_one,
                    recorded,
                    place: route.place,
                    guessed: guessed || from.guessed,
                });
            }
        }
    }

    fn source(&mut self, name: &str, place: Place, what: &str) -> From {
        match self.named(name, place, what) {
            Named::Start => {
                self.shape.has_entry = true;
                From {
                    source: None,
                    guessed: false,
                }
            }
            Named::End => {
                self.findings.edge_out_of_end(place, what);
                UNKNOWN
            }
            Named::Node(index) => From {
                source: Some(index),
                guessed: false,
            },
            Named::Guess(index) => From {
                source: Some(index),
                guessed: true,
            },
            Named::Nothing => UNKNOWN,
        }
    }

    /// The targets of these names. What cannot be a target becomes `END`, of
    /// which nothing else is said.
    fn targets(&mut self, names: &[String], place: Place, what: &str, workers: bool) -> Vec<To> {
        let mut targets = Vec::with_capacity(names.len());
        for name in names {
            let named = self.named(name, place, what);
            let target = match named {
                Named::Start => {
                    self.findings.edge_into_start(place, what);
                    None
                }
                Named::End | Named::Nothing => None,
                Named::Guess(index) => Some(index),
                Named::Node(index) => {
                    if self.shape.nodes[index as usize].worker && !workers {
                        self.findings.edge_to_worker(place, what, name);
                    }
                    Some(index)
                }
            };
            let guessed = !matches!(named, Named::Node(_) | Named::End);
            targets.push(To { target, guessed });
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
        self.shape.has_unknown = true;
        let nodes = &self.shape.nodes;
        self.n_searches += 1;
        let affordable = self.n_searches.saturating_mul(nodes.len()) <= MOST_COMPARISONS;
        let names = nodes.iter().map(|node| node.name.as_str());
        let meant = affordable.then(|| nearest(name, names)).flatten();
        // What has an impossible name is a mistake already, whoever names it.
        if meant.is_none_or(|meant| invalid(meant).is_none()) {
            let (listed, n_known) = &self.known;
            self.findings
                .unknown_node(place, what, name, meant, listed, *n_known);
        }
        meant
            .and_then(|meant| self.index(meant))
            .map_or(Named::Nothing, Named::Guess)
    }

    fn index(&self, name: &str) -> Option<NodeIndex> {
        let nodes = &self.shape.nodes;
        let index = nodes.binary_search_by(|node| node.name.as_str().cmp(name));
        index.ok().map(to_index)
    }
}

/// What follows an unknown name is taken to be reached, so that the name is
/// the only mistake that shows.
const UNKNOWN: From = From {
    source: None,
    guessed: true,
};

/// So many names are compared in search of the one that was meant: a graph
/// whose every name is wrong is still judged at once.
const MOST_COMPARISONS: usize = 300_000;

impl Destinations {
    fn add(&mut self, more: Self) {
        match (&mut *self, more) {
            (_, Self::None) | (Self::Any, _) => {}
            (Self::Declared(targets), Self::Declared(more)) => targets.extend(more),
            (_, more) => *self = more,
        }
    }
}

impl Shape {
    pub(super) fn name(&self, index: NodeIndex) -> &str {
        &self.nodes[index as usize].name
    }

    pub(super) fn indices(&self) -> std::ops::Range<NodeIndex> {
        0..to_index(self.nodes.len())
    }
}

/// A name as messages show it.
fn shown(name: &str) -> &str {
    match name {
        START => "START",
        END => "END",
        name => name,
    }
}

/// Node counts fit in 32 bits: a builder call for each would take hours.
pub(crate) fn to_index(index: usize) -> NodeIndex {
    NodeIndex::try_from(index).expect("fewer than 2^32 nodes")
}

/// Why a node cannot have that name, if it cannot.
pub(super) fn invalid(name: &str) -> Option<&'static str> {
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
    let length = name.chars().count();
    // At least one character must be right: `c` is not a misspelt `a`.
    let allowed = (length / 3).clamp(1, 3).min(length.saturating_sub(1));
    known
        .filter(|known| known.chars().count().abs_diff(length) <= allowed)
        .map(|known| (strsim::osa_distance(name, known), known))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}
