//! From a shape without mistakes to the graph that runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::diagnostic::Diagnostic;
use super::draw::{Kind, Picture, PictureEdge, PictureNode, Style};
use super::graph::{Arrival, Exits, Frozen, FrozenJoin, FrozenNode, FrozenRoute, Pace};
use super::shape::{Destinations, NodeIndex, Shape, ShapeJoin, ShapeNode, ShapeRoute, slot};
use crate::graph::{RecordedNode, RecordedRoute, StateGraph};
use crate::id::NodeName;
use crate::state::State;

pub(super) fn freeze<S: State, C>(
    graph: StateGraph<S, C>,
    mut shape: Shape,
    warnings: Vec<Diagnostic>,
) -> Frozen<S, C> {
    // Joins as they are, not as they were added: equal ones are one.
    let compare = |a: &ShapeJoin, b: &ShapeJoin| (a.to, &a.from).cmp(&(b.to, &b.from));
    shape.joins.sort_by(compare);
    shape.joins.dedup_by(|a, b| compare(a, b).is_eq());
    let picture = picture(&graph.name, &shape);
    let names: Vec<NodeName> = shape
        .nodes
        .iter()
        .map(|node| node.name.as_str().into())
        .collect();
    let mut exits = exits(&shape, &graph.routes, &names);
    let start = exits.remove(0);
    let n_fields = S::schema().fields.len();
    let nodes = shape
        .nodes
        .iter()
        .zip(exits)
        .map(|(node, exits)| freeze_node(node, &graph.nodes[node.recorded], exits, n_fields))
        .collect();
    let joins = shape
        .joins
        .into_iter()
        .map(|join| FrozenJoin {
            sources: join.from,
            target: join.to,
        })
        .collect();
    Frozen {
        name: graph.name,
        names: names.into(),
        nodes,
        start,
        joins,
        limits: graph.limits,
        picture,
        warnings,
    }
}

fn freeze_node<S: State, C>(
    node: &ShapeNode,
    recorded: &RecordedNode<S, C>,
    exits: Exits<S>,
    n_fields: usize,
) -> FrozenNode<S, C> {
    let destinations = match &node.destinations {
        Destinations::Declared(targets) => {
            let mut targets = targets.clone();
            targets.sort_unstable();
            Some(targets)
        }
        Destinations::None | Destinations::Any => None,
    };
    let writes = node.writes.as_ref().map(|fields| {
        let mut set = FixedBitSet::with_capacity(n_fields);
        set.extend(fields.iter().copied());
        set
    });
    let policy = &recorded.definition.policy;
    FrozenNode {
        body: Arc::clone(&recorded.definition.body),
        policy: policy.clone(),
        plain: policy.retry.is_none() && policy.timeout.is_none(),
        worker: recorded.worker,
        destinations,
        writes,
        exits,
        pace: Pace::unknown(),
    }
}

/// The exits of `START`, then of each node.
fn exits<S: State>(
    shape: &Shape,
    recorded: &[RecordedRoute<S>],
    names: &[NodeName],
) -> Vec<Exits<S>> {
    let empty = || Exits {
        only: None,
        edges: Vec::new(),
        joins: Vec::new(),
        routes: Vec::new(),
    };
    let mut exits: Vec<Exits<S>> = (0..=shape.nodes.len()).map(|_| empty()).collect();
    for edge in &shape.edges {
        exits[slot(edge.from)].edges.push(edge.to);
    }
    for (index, join) in shape.joins.iter().enumerate() {
        for (source, &from) in join.from.iter().enumerate() {
            let arrival = Arrival {
                join: index,
                source,
            };
            exits[slot(Some(from))].joins.push(arrival);
        }
    }
    for route in &shape.routes {
        let frozen = freeze_route(route, &recorded[route.recorded], names);
        exits[slot(route.from)].routes.push(frozen);
    }
    for exits in &mut exits {
        exits.edges.sort_unstable();
        exits.edges.dedup();
        if let ([only], [], []) = (&exits.edges[..], &exits.joins[..], &exits.routes[..]) {
            exits.only = Some(*only).filter(|&only| !shape.nodes[only as usize].defer);
        }
    }
    exits
}

fn freeze_route<S>(
    route: &ShapeRoute,
    recorded: &RecordedRoute<S>,
    names: &[NodeName],
) -> FrozenRoute<S> {
    let name = |to: &Option<NodeIndex>| match to {
        Some(to) => names[*to as usize].clone(),
        None => crate::id::END.into(),
    };
    FrozenRoute {
        router: recorded.router.clone(),
        targets: route.to.iter().map(|to| (name(to), *to)).collect(),
    }
}

/// The graph as something to look at: `START`, the nodes, a bar for each join,
/// and `END`, if anything leads there.
fn picture(name: &str, shape: &Shape) -> Picture {
    let mut drawing = Drawing {
        picture: Picture {
            title: name.to_owned(),
            nodes: vec![PictureNode {
                label: "START".to_owned(),
                kind: Kind::Start,
            }],
            edges: Vec::new(),
        },
        end: None,
        drawn: BTreeSet::new(),
    };
    for node in &shape.nodes {
        let kind = match (node.worker, node.defer) {
            (true, _) => Kind::Worker,
            (false, true) => Kind::Deferred,
            (false, false) => Kind::Node,
        };
        drawing.node(&node.name, kind);
    }
    for edge in &shape.edges {
        drawing.edge(slot(edge.from), slot(Some(edge.to)), Style::Plain);
    }
    for join in &shape.joins {
        let bar = drawing.node("", Kind::Join);
        for &from in &join.from {
            drawing.edge(slot(Some(from)), bar, Style::Join);
        }
        drawing.edge(bar, slot(Some(join.to)), Style::Join);
    }
    for route in &shape.routes {
        drawing.choices(shape, slot(route.from), &route.to);
    }
    for (index, node) in shape.nodes.iter().enumerate() {
        if let Destinations::Declared(targets) = &node.destinations {
            let targets: Vec<_> = targets.iter().copied().map(Some).collect();
            drawing.choices(shape, index + 1, &targets);
        }
    }
    for &from in &shape.ends {
        let end = drawing.end();
        drawing.edge(slot(from), end, Style::Plain);
    }
    drawing.picture
}

struct Drawing {
    picture: Picture,
    end: Option<usize>,
    /// The edges so far, so that none is drawn twice.
    drawn: BTreeSet<(usize, usize, Style)>,
}

impl Drawing {
    fn node(&mut self, label: &str, kind: Kind) -> usize {
        self.picture.nodes.push(PictureNode {
            label: label.to_owned(),
            kind,
        });
        self.picture.nodes.len() - 1
    }

    fn end(&mut self) -> usize {
        match self.end {
            Some(end) => end,
            None => {
                let end = self.node("END", Kind::End);
                self.end = Some(end);
                end
            }
        }
    }

    fn edge(&mut self, from: usize, to: usize, style: Style) {
        if self.drawn.insert((from, to, style)) {
            self.picture.edges.push(PictureEdge {
                from,
                to,
                style,
                label: None,
            });
        }
    }

    fn choices(&mut self, shape: &Shape, from: usize, targets: &[Option<NodeIndex>]) {
        for to in targets {
            match to {
                Some(to) if shape.nodes[*to as usize].worker => {
                    self.edge(from, slot(Some(*to)), Style::Send);
                }
                Some(to) => self.edge(from, slot(Some(*to)), Style::Route),
                None => {
                    let end = self.end();
                    self.edge(from, end, Style::Route);
                }
            }
        }
    }
}
