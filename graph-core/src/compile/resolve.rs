//! Names resolved to indices.
//!
//! A misspelt name is reported and then taken for the name that was meant, so
//! that one mistake does not show as several.

use fixedbitset::FixedBitSet;

use super::calls::{Calls, NodeCall, RouteCall};
use super::findings::{Findings, MOST_LISTED};
use super::links::sorted;
use super::shape::{
    Destinations, NodeIndex, Shape, ShapeEdge, ShapeJoin, ShapeNode, ShapeRoute, Source, invalid,
    nearest,
};
use crate::graph::{Place, RecordedEdge};
use crate::id::{END, START};

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

/// What follows an unknown name is taken to be reached, so that the name is
/// the only mistake that shows.
const UNKNOWN: From = From {
    source: None,
    guessed: true,
};

/// So many names are compared in search of the one that was meant: a graph
/// whose every name is wrong is still judged at once.
const MOST_COMPARISONS: usize = 300_000;

pub(super) fn resolve(calls: &Calls<'_>, findings: &mut Findings) -> Shape {
    let mut resolver = Resolver::new(calls, findings);
    for node in &calls.nodes {
        resolver.declarations(node);
    }
    for edge in calls.edges {
        resolver.edge(edge);
    }
    for (recorded, route) in calls.routes.iter().enumerate() {
        resolver.route(recorded, route);
    }
    resolver.shape
}

struct Resolver<'a> {
    calls: &'a Calls<'a>,
    findings: &'a mut Findings,
    shape: Shape,
    /// The possible names among the nodes', as far as messages list them, and
    /// how many there are.
    known: (Vec<&'a str>, usize),
    /// How many names were compared with all others in search of a likely one.
    n_searches: usize,
    seen: Seen,
}

impl<'a> Resolver<'a> {
    fn new(calls: &'a Calls<'a>, findings: &'a mut Findings) -> Self {
        let mut nodes: Vec<ShapeNode> = Vec::with_capacity(calls.nodes.len());
        let (mut listed, mut n_known) = (Vec::new(), 0);
        let by_name = |a: usize, b: usize| calls.nodes[a].name.cmp(calls.nodes[b].name);
        for recorded in sorted(calls.nodes.len(), &mut { by_name }) {
            let recorded = recorded as usize;
            let NodeCall { name, place, .. } = calls.nodes[recorded];
            let why = invalid(name);
            if let Some(why) = why {
                findings.invalid_name(place, name, why);
            }
            match nodes.last() {
                Some(first) if first.name == name => {
                    if why.is_none() {
                        findings.duplicate_node(place, name, first.place);
                    }
                    continue;
                }
                _ => {}
            }
            if why.is_none() {
                n_known += 1;
                if n_known <= MOST_LISTED {
                    listed.push(name);
                }
            }
            nodes.push(ShapeNode {
                name: name.into(),
                recorded,
                place,
                worker: calls.nodes[recorded].worker,
                defer: calls.nodes[recorded].policy.defer,
                destinations: Destinations::None,
                writes: None,
            });
        }
        Self {
            calls,
            findings,
            known: (listed, n_known),
            n_searches: 0,
            seen: Seen::new(nodes.len() + 1),
            shape: Shape {
                nodes,
                edges: Vec::new(),
                ends: Vec::new(),
                joins: Vec::new(),
                routes: Vec::new(),
                has_entry: false,
                has_unknown: false,
            },
        }
    }

    /// What a node says of itself: destinations, writes, deferral. Of two
    /// nodes with one name, the destinations add up, so that the duplicate is
    /// the only mistake that shows.
    fn declarations(&mut self, node: &NodeCall<'_>) {
        let NodeCall {
            name,
            policy,
            place,
            ..
        } = *node;
        if policy.defer && node.worker {
            self.findings.deferred_worker(place, name);
        }
        let destinations = match &policy.destinations {
            Some(names) => {
                if !node.commands {
                    self.findings.idle_destinations(place, name);
                }
                let what = format!("a destination of `{name}`");
                let targets = self.targets(names, place, &what, true);
                Destinations::Declared(targets.iter().filter_map(|to| to.target).collect())
            }
            None if node.commands => Destinations::Any,
            None => Destinations::None,
        };
        let fields = policy.writes.as_deref();
        let writes = fields.map(|fields| self.fields(place, name, fields));
        if let Some(index) = self.shape.index(name) {
            let shape = &mut self.shape.nodes[index as usize];
            shape.destinations.add(destinations);
            shape.writes = shape.writes.take().or(writes);
        }
    }

    fn fields(&mut self, place: Place, node: &str, names: &[String]) -> FixedBitSet {
        let fields = self.calls.fields;
        let mut indices = FixedBitSet::with_capacity(fields.len());
        for name in names {
            match fields.iter().position(|field| field.name == name) {
                Some(index) => indices.insert(index),
                None => {
                    let meant = nearest(name, fields.iter().map(|field| field.name));
                    self.findings.unknown_field(place, node, name, meant);
                }
            }
        }
        indices
    }

    fn edge(&mut self, edge: &RecordedEdge) {
        for (side, names) in [("source", &edge.from), ("target", &edge.to)] {
            if names.is_empty() {
                self.findings.empty_edge(edge.place, "an edge", side);
            }
        }
        let from = match edge.from.as_slice() {
            [] => UNKNOWN,
            [from] => self.source(from, edge.place, "an edge"),
            from => return self.join(from, &edge.to, edge.place),
        };
        let targets = self.targets(&edge.to, edge.place, "an edge", false);
        self.plain_edges(from, &targets, edge.place);
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

    fn join(&mut self, from: &[String], to: &[String], place: Place) {
        let mut sources = Vec::new();
        let mut repeated = Vec::new();
        let mut from_start = false;
        self.seen.forget();
        for name in from {
            match self.named(name, place, "a join") {
                Named::Node(source) => {
                    if self.seen.put(source as usize) {
                        repeated.push(source);
                    } else {
                        sources.push(source);
                    }
                }
                Named::Guess(source) => {
                    if !self.seen.put(source as usize) {
                        sources.push(source);
                    }
                }
                Named::Start => {
                    self.shape.has_entry = true;
                    from_start = true;
                }
                Named::End => self.findings.edge_out_of_end(place, "a join"),
                Named::Nothing => {}
            }
        }
        sources.sort_unstable();
        repeated.sort_unstable();
        repeated.dedup();
        let mut targets = self.targets(to, place, "an edge", false);
        let end = self.shape.nodes.len();
        self.seen.forget();
        targets.retain(|to| !self.seen.put(to.target.map_or(end, |to| to as usize)));
        let first = targets.iter().find_map(|to| to.target);
        let into = first.map_or("END", |to| self.shape.name(to));
        for name in repeated {
            let name = self.shape.name(name);
            self.findings.repeated_source(place, name, into);
        }
        if from_start {
            self.findings.join_from_start(place, into);
        }
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

    fn route(&mut self, recorded: usize, route: &RouteCall<'_>) {
        let RouteCall {
            exactly_one, place, ..
        } = *route;
        let what = if exactly_one {
            "a route"
        } else {
            "a conditional edge"
        };
        if route.from.is_empty() {
            self.findings.empty_edge(place, what, "source");
        }
        if route.to.is_empty() {
            let from: Vec<_> = route.from.iter().map(|name| shown(name)).collect();
            self.findings.route_to_nowhere(place, what, &from);
        }
        let mut sources = Vec::with_capacity(route.from.len());
        for name in route.from {
            sources.push(self.source(name, place, what));
        }
        if sources.is_empty() {
            sources.push(UNKNOWN);
        }
        // A variant of an enum names a node; only sends carry values.
        let targets = self.targets(route.to, place, what, !exactly_one);
        let guessed = targets.iter().any(|to| to.guessed);
        for from in sources {
            self.shape.routes.push(ShapeRoute {
                from: from.source,
                to: targets.iter().map(|to| to.target).collect(),
                exactly_one,
                recorded,
                place,
                guessed: guessed || from.guessed,
            });
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
        if let Some(index) = self.shape.index(name) {
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
            .and_then(|meant| self.shape.index(meant))
            .map_or(Named::Nothing, Named::Guess)
    }
}

/// Which numbers were met since they were forgotten.
struct Seen {
    last: Vec<u32>,
    now: u32,
}

impl Seen {
    fn new(n: usize) -> Self {
        Self {
            last: vec![0; n],
            now: 0,
        }
    }

    fn forget(&mut self) {
        self.now += 1;
    }

    /// Notes a number; says whether it was met before.
    fn put(&mut self, number: usize) -> bool {
        std::mem::replace(&mut self.last[number], self.now) == self.now
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
