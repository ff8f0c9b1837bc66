//! Names resolved to indices.
//!
//! A name that is no node's is reported wherever it stands, and has an index
//! like a node, so that the rules see all that is said about it.

use std::time::Duration;

use fixedbitset::FixedBitSet;

use super::calls::{Calls, NodeCall, RouteCall};
use super::findings::Findings;
use super::links::sorted;
use super::shape::{
    Breakpoints, Destinations, NodeIndex, Shape, ShapeEdge, ShapeJoin, ShapeNode, ShapeRoute,
    Source, invalid, nearest,
};
use crate::graph::{JoinKind, Place, RecordedBreakpoint, RecordedEdge, Rule};
use crate::id::{END, MOST_LISTED, START, constant_named};

/// What a name stands for.
#[derive(Clone, Copy)]
enum Named {
    Start,
    End,
    Node(NodeIndex),
}

/// Where an edge or a route goes to; `None` is `END`.
type To = Option<NodeIndex>;

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
    for breakpoint in calls.breakpoints {
        resolver.breakpoint(breakpoint);
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
    /// The unknown names that were compared with all others in search of a
    /// likely one, and how many they are.
    searched: (FixedBitSet, usize),
    seen: Seen,
}

impl<'a> Resolver<'a> {
    fn new(calls: &'a Calls<'a>, findings: &'a mut Findings) -> Self {
        let name = |call: usize| calls.nodes[call].name;
        let by_name = sorted(calls.nodes.len(), &mut |a, b| name(a).cmp(name(b)));
        let mut unknown = unknown(calls, &by_name).into_iter().peekable();
        let mut nodes: Vec<ShapeNode> = Vec::with_capacity(calls.nodes.len());
        let (mut listed, mut n_known) = (Vec::new(), 0);
        for recorded in by_name {
            let recorded = recorded as usize;
            let NodeCall { name, place, .. } = calls.nodes[recorded];
            while let Some((name, place)) = unknown.next_if(|&(unknown, _)| unknown < name) {
                nodes.push(ShapeNode::unknown(name, place));
            }
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
                recorded: Some(recorded),
                worker: calls.nodes[recorded].worker,
                defer: calls.nodes[recorded].policy.defer,
                ..ShapeNode::unknown(name, place)
            });
        }
        for (name, place) in unknown {
            nodes.push(ShapeNode::unknown(name, place));
        }
        Self {
            calls,
            findings,
            known: (listed, n_known),
            searched: (FixedBitSet::with_capacity(nodes.len()), 0),
            seen: Seen::new(nodes.len() + 1),
            shape: Shape {
                nodes,
                edges: Vec::new(),
                ends: Vec::new(),
                joins: Vec::new(),
                routes: Vec::new(),
                breakpoints: Breakpoints::default(),
                has_entry: false,
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
        let brought = node.mistakes.iter();
        for mistake in brought.filter_map(|mistake| mistake.downcast_ref()) {
            self.findings.brought(place, mistake);
        }
        if policy.defer && node.worker {
            self.findings.deferred_worker(place, name);
        }
        if node.worker && !node.memories.is_empty() {
            let inside = node.memories.iter().map(|memory| &*memory.path);
            self.findings
                .memory_in_worker(place, name, &inside.collect::<Vec<_>>());
        }
        if policy.cache.is_some() && !self.calls.has_cache {
            self.findings.cache_without_store(place, name);
        }
        for zero in policy.zeros() {
            self.findings
                .zero_limit(place, zero, format_args!("`{name}`"));
        }
        let hedge = policy.hedge.filter(|&hedge| hedge < Duration::MAX);
        if hedge.is_some() && !policy.idempotent {
            self.findings.hedge_not_idempotent(place, name);
        }
        let destinations = match &policy.destinations {
            Some(names) => {
                if !node.commands {
                    self.findings.idle_destinations(place, name);
                }
                let what = format!("a destination of `{name}`");
                Destinations::Declared(self.targets(names, place, &what, true))
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
            [] => Source::Nothing,
            [from] if edge.rule.is_none() => self.source(from, edge.place, "an edge"),
            _ => return self.join(edge),
        };
        let targets = self.targets(&edge.to, edge.place, "an edge", false);
        self.plain_edges(from, &targets, edge.place);
    }

    fn plain_edges(&mut self, from: Source, targets: &[To], place: Place) {
        for &to in targets {
            match to {
                Some(to) => self.shape.edges.push(ShapeEdge { from, to, place }),
                None => self.shape.ends.push(from),
            }
        }
    }

    fn join(&mut self, edge: &RecordedEdge) {
        let RecordedEdge {
            from, to, place, ..
        } = edge;
        let place = *place;
        let mut sources = Vec::new();
        let mut repeated = Vec::new();
        let mut from_start = false;
        self.seen.forget();
        for name in from {
            match self.named(name, place, "a join") {
                Named::Node(source) => {
                    self.enter(source);
                    if self.seen.put(source as usize) {
                        repeated.push(source);
                    } else {
                        sources.push(source);
                    }
                }
                Named::Start => {
                    self.shape.has_entry = true;
                    from_start = true;
                }
                Named::End => self.findings.edge_out_of_end(place, "a join"),
            }
        }
        sources.sort_unstable();
        repeated.sort_unstable();
        repeated.dedup();
        let mut targets = self.targets(to, place, "an edge", false);
        let end = self.shape.nodes.len();
        self.seen.forget();
        targets.retain(|to| !self.seen.put(to.map_or(end, |to| to as usize)));
        let first = targets.iter().flatten().next();
        let into = first.map_or("END", |&to| self.shape.name(to));
        for name in repeated {
            let name = self.shape.name(name);
            self.findings.repeated_source(place, name, into);
        }
        if from_start {
            self.findings.join_from_start(place, into);
        }
        if sources.is_empty() {
            self.plain_edges(Source::Nothing, &targets, place);
            return;
        }
        if let Some(rule) = &edge.rule {
            let into = into.to_owned();
            if to.iter().any(|name| name == END) {
                self.findings.rule_into_end(place);
            }
            self.rule(rule, &sources, &into, place);
        }
        for to in targets {
            match to {
                Some(to) => self.shape.joins.push(ShapeJoin {
                    from: sources.clone(),
                    to,
                    rule: edge.rule.clone(),
                    place,
                }),
                None => {
                    for &from in &sources {
                        self.shape.ends.push(Source::Node(from));
                    }
                }
            }
        }
    }

    /// What of a rule nothing can ever meet.
    fn rule(&mut self, rule: &Rule, sources: &[NodeIndex], into: &str, place: Place) {
        let nodes = &self.shape.nodes;
        // A worker has any number of tasks, and an unknown name may be one's.
        let counted = |&source: &NodeIndex| {
            let node = &nodes[source as usize];
            node.recorded.is_some() && !node.worker
        };
        let n_sources = sources.len();
        match rule.kind {
            JoinKind::Quorum(0) => self.findings.quorum_of_none(place, into),
            JoinKind::Quorum(n) if n > n_sources && sources.iter().all(counted) => {
                self.findings.quorum_of_too_many(place, into, n, n_sources);
            }
            _ => {}
        }
        if rule.within.is_some_and(|time| time.is_zero()) {
            self.findings.no_time(place, into);
        }
        let names = self.shape.names(sources);
        for required in &rule.require {
            if !names.contains(&required.as_str()) {
                let meant = nearest(required, names.iter().copied());
                self.findings
                    .required_no_source(place, into, required, meant);
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
            sources.push(Source::Nothing);
        }
        // A variant of an enum names a node; only sends carry values.
        let to = self.targets(route.to, place, what, !exactly_one);
        for from in sources {
            self.shape.routes.push(ShapeRoute {
                from,
                to: to.clone(),
                exactly_one,
                recorded,
                place,
            });
        }
    }

    fn source(&mut self, name: &str, place: Place, what: &str) -> Source {
        match self.named(name, place, what) {
            Named::Start => {
                self.shape.has_entry = true;
                Source::Start
            }
            Named::End => {
                self.findings.edge_out_of_end(place, what);
                Source::Nothing
            }
            Named::Node(index) => {
                self.enter(index);
                Source::Node(index)
            }
        }
    }

    fn breakpoint(&mut self, breakpoint: &RecordedBreakpoint) {
        for name in &breakpoint.nodes {
            // A run stops at neither end.
            let what = "a breakpoint";
            if let Named::Node(index) = self.named(name, breakpoint.place, what) {
                self.shape.nodes[index as usize].entered = true;
                let breakpoints = &mut self.shape.breakpoints;
                match breakpoint.before {
                    true => breakpoints.before.push(index),
                    false => breakpoints.after.push(index),
                }
            } else {
                self.findings
                    .breakpoint_at_no_node(breakpoint.place, shown(name));
            }
        }
    }

    /// Where a source is called `"START"` and no node is, the constant may be
    /// what was meant.
    fn enter(&mut self, source: NodeIndex) {
        let unknown = self.shape.is_unknown(source);
        self.shape.has_entry |= unknown && constant_named(self.shape.name(source)) == Some("START");
    }

    /// The targets of these names. What cannot be a target becomes `END`, of
    /// which nothing else is said.
    fn targets(&mut self, names: &[String], place: Place, what: &str, workers: bool) -> Vec<To> {
        let mut targets = Vec::with_capacity(names.len());
        for name in names {
            targets.push(match self.named(name, place, what) {
                Named::Start => {
                    self.findings.edge_into_start(place, what);
                    None
                }
                Named::End => None,
                Named::Node(index) => {
                    let node = &mut self.shape.nodes[index as usize];
                    node.entered = true;
                    if node.worker && !workers {
                        self.findings.edge_to_worker(place, what, name);
                    }
                    Some(index)
                }
            });
        }
        targets
    }

    fn named(&mut self, name: &str, place: Place, what: &str) -> Named {
        match name {
            START => return Named::Start,
            END => return Named::End,
            _ => {}
        }
        let index = self.shape.index(name).expect("every name has an index");
        if self.shape.is_unknown(index) {
            self.search(index);
            let meant = self.shape.nodes[index as usize].meant;
            let meant = meant.map(|meant| self.shape.name(meant));
            // What has an impossible name is a mistake already, whoever names it.
            if meant.is_none_or(|meant| invalid(meant).is_none()) {
                let (listed, n_known) = &self.known;
                self.findings
                    .unknown_node(place, what, name, meant, listed, *n_known);
            }
        }
        Named::Node(index)
    }

    /// Finds out what an unknown name was meant to be.
    fn search(&mut self, index: NodeIndex) {
        let (searched, n_searched) = &mut self.searched;
        if searched.put(index as usize) {
            return;
        }
        *n_searched += 1;
        let nodes = &self.shape.nodes;
        let (_, n_known) = self.known;
        if n_searched.saturating_mul(n_known) > MOST_COMPARISONS {
            return;
        }
        let known = nodes.iter().filter(|node| node.recorded.is_some());
        let known = known.map(|node| node.name.as_str());
        let meant = nearest(self.shape.name(index), known);
        let meant = meant.and_then(|meant| self.shape.index(meant));
        self.shape.nodes[index as usize].meant = meant;
    }
}

/// The names that are no node's, sorted, each with the first call that has it;
/// `by_name` are the calls that add nodes.
fn unknown<'a>(calls: &Calls<'a>, by_name: &[u32]) -> Vec<(&'a str, Place)> {
    let mut unknown: Vec<(&'a str, Place)> = Vec::new();
    let mut mention = |names: &'a [String], place: Place| {
        for name in names {
            let compare = |&call: &u32| calls.nodes[call as usize].name.cmp(name);
            let special = matches!(name.as_str(), START | END);
            if !special && by_name.binary_search_by(compare).is_err() {
                unknown.push((name, place));
            }
        }
    };
    for node in &calls.nodes {
        mention(
            node.policy.destinations.as_deref().unwrap_or(&[]),
            node.place,
        );
    }
    for edge in calls.edges {
        mention(&edge.from, edge.place);
        mention(&edge.to, edge.place);
    }
    for route in &calls.routes {
        mention(route.from, route.place);
        mention(route.to, route.place);
    }
    for breakpoint in calls.breakpoints {
        mention(&breakpoint.nodes, breakpoint.place);
    }
    let name = |index: usize| unknown[index].0;
    let mut names: Vec<(&'a str, Place)> = Vec::new();
    for index in sorted(unknown.len(), &mut |a, b| name(a).cmp(name(b))) {
        let (name, place) = unknown[index as usize];
        if names.last().is_none_or(|&(last, _)| last != name) {
            names.push((name, place));
        }
    }
    names
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
