//! From a shape without mistakes to the graph that runs.
//!
//! What does not hold functions is made by functions that know neither state
//! nor context, so that there is one copy of them in a program.

use std::sync::{Arc, OnceLock};

use super::diagnostic::Diagnostic;
use super::graph::{
    Allowed, Exits, Frozen, FrozenDestinations, FrozenJoin, FrozenNode, FrozenRoute, JoinSource,
    Pace, Questions, Threads, Warnings,
};
use super::links::{Lists, arranged, sorted};
use super::rules::RulesOf;
use super::shape::{Breakpoints, Destinations, NodeIndex, Shape, ShapeNode, Source, to_index};
use crate::graph::{RecordedThreads, StateGraph};
use crate::id::NodeName;
use crate::node::Arrivals;
use crate::state::State;

pub(super) fn freeze<S: State, C>(
    graph: StateGraph<S, C>,
    mut shape: Shape,
    noticed: Vec<Diagnostic>,
) -> Frozen<S, C> {
    merge_equal_joins(&mut shape);
    let mut exits = exits(&graph, &shape);
    let start = exits.remove(0);
    let rules = graph.rules.as_ref();
    let rules = rules.and_then(|rules| rules.downcast_ref::<RulesOf>());
    let rules = rules.and_then(|of| of.rules(&shape));
    let mut nodes = Vec::with_capacity(shape.nodes.len());
    let mut memories = Vec::new();
    for (index, (node, exits)) in shape.indices().zip(shape.nodes.iter().zip(exits)) {
        let recorded = node.recorded.expect("unknown names are mistakes");
        let recorded = &graph.nodes[recorded];
        let policy = recorded.definition.policy.clone().settled(&graph.defaults);
        let plain = policy.is_plain() && recorded.definition.fallback.is_none();
        let retried = policy.retry.is_some()
            || recorded.definition.fallback.is_some()
            || rules.as_ref().is_some_and(|rules| rules.is_member(index));
        let inside = recorded.definition.memories.iter();
        memories.extend(inside.map(|it| it.in_graph(&node.name, &policy.aliases, retried)));
        nodes.push(FrozenNode {
            body: Arc::clone(&recorded.definition.body),
            plain: plain && rules.as_ref().is_none_or(|rules| !rules.is_member(index)),
            alone: plain && rules.is_none(),
            fallback: recorded.definition.fallback.clone(),
            nested: recorded.definition.nested,
            commands: recorded.definition.commands,
            policy,
            worker: recorded.worker,
            destinations: destinations(index, node),
            writes: node.writes.clone(),
            exits,
            pace: Pace::unknown(),
        });
    }
    Frozen {
        name: graph.name,
        names: names(&shape),
        narrow: narrow(&nodes),
        nodes,
        start,
        joins: joins(&shape),
        rules: rules.map(Arc::new),
        referees: graph.referees,
        limits: graph.limits,
        recursion_limit_by: graph.recursion_limit_by,
        threads: threads(graph.threads, std::mem::take(&mut shape.breakpoints)),
        eager: graph.eager.map(|(eager, _)| eager),
        questions: Questions::default(),
        cache: graph.cache,
        memories,
        shape,
        warnings: Warnings {
            place: graph.place,
            noticed,
            all: OnceLock::new(),
        },
    }
}

fn threads(recorded: RecordedThreads, breakpoints: Breakpoints) -> Threads {
    Threads {
        checkpointer: recorded.checkpointer,
        lease: recorded.lease,
        most_warm: recorded.most_warm,
        warm: OnceLock::new(),
        before: breakpoints.before,
        after: breakpoints.after,
    }
}

/// What follows `START`, then each node.
fn exits<S: State, C>(graph: &StateGraph<S, C>, shape: &Shape) -> Vec<Exits<S>> {
    let mut exits = Vec::with_capacity(shape.nodes.len() + 1);
    for ways in ways(shape) {
        exits.push(Exits {
            only: ways.only,
            edges: ways.edges,
            joins: ways.joins,
            ruled: ways.ruled,
            routes: Vec::new(),
            end: false,
        });
    }
    for &from in &shape.ends {
        exits[from.slot()].end = true;
    }
    for route in &shape.routes {
        exits[route.from.slot()].routes.push(FrozenRoute {
            router: graph.routes[route.recorded].router.clone(),
            targets: route.to.clone(),
            allowed: Allowed::of(&route.to),
        });
    }
    exits
}

/// The nodes of which only so many tasks may be at work at once.
fn narrow<S: State, C>(nodes: &[FrozenNode<S, C>]) -> Vec<(NodeIndex, usize)> {
    let most = |node: &FrozenNode<S, C>| node.policy.max_concurrency;
    let nodes = (0..).zip(nodes);
    nodes
        .filter_map(|(index, node)| Some((index, most(node)?)))
        .collect()
}

/// Joins as they are, not as they were added: equal ones are one. Of those that
/// wait for all, the strict one is kept.
fn merge_equal_joins(shape: &mut Shape) {
    let joins = &shape.joins;
    let rule = |index: usize| joins[index].rule.as_ref();
    let key = |index: usize| {
        let rule = rule(index).filter(|_| !joins[index].waits_for_all());
        (joins[index].to, &joins[index].from, rule)
    };
    let lenient = |index: usize| !rule(index).is_some_and(|rule| rule.strict);
    let mut kept = sorted(joins.len(), &mut |a, b| {
        let equal = lenient(a).cmp(&lenient(b));
        key(a).cmp(&key(b)).then(equal)
    });
    kept.dedup_by(|a, b| key(*a as usize) == key(*b as usize));
    shape.joins = arranged(std::mem::take(&mut shape.joins), &kept);
}

fn names(shape: &Shape) -> Arc<[NodeName]> {
    shape.nodes.iter().map(|node| node.name.clone()).collect()
}

fn joins(shape: &Shape) -> Vec<FrozenJoin> {
    let name = |&source: &NodeIndex| &shape.nodes[source as usize].name;
    let joins = shape.joins.iter().filter(|join| join.waits_for_all());
    let joins = joins.map(|join| FrozenJoin {
        sources: join.from.clone(),
        target: join.to,
        strict: join.rule.as_ref().is_some_and(|rule| rule.strict),
        all_done: Arc::new(Arrivals::all_done(join.from.iter().map(name))),
    });
    joins.collect()
}

fn destinations(of: NodeIndex, node: &ShapeNode) -> Option<Box<FrozenDestinations>> {
    match &node.destinations {
        Destinations::Declared(targets) => Some(Box::new(FrozenDestinations {
            of,
            allowed: Allowed::of(targets),
        })),
        Destinations::None | Destinations::Any => None,
    }
}

/// What follows a node, but for routes.
struct Ways {
    only: Option<NodeIndex>,
    edges: Vec<NodeIndex>,
    joins: Vec<JoinSource>,
    ruled: Vec<JoinSource>,
}

/// The ways on from `START`, then from each node.
fn ways(shape: &Shape) -> Vec<Ways> {
    let n_slots = shape.nodes.len() + 1;
    let mut ways = Vec::with_capacity(n_slots);
    let mut edges = Vec::with_capacity(shape.edges.len());
    for edge in &shape.edges {
        edges.push((to_index(edge.from.slot()), edge.to));
    }
    let edges = Lists::new(n_slots, &edges);
    for slot in 0..to_index(n_slots) {
        let mut edges = edges.of(slot).to_vec();
        edges.sort_unstable();
        edges.dedup();
        ways.push(Ways {
            // Unless something else follows, which is seen below.
            only: match edges[..] {
                [only] if !shape.nodes[only as usize].defer => Some(only),
                _ => None,
            },
            edges,
            joins: Vec::new(),
            ruled: Vec::new(),
        });
    }
    let (mut n_plain, mut n_ruled) = (0, 0);
    for join in &shape.joins {
        let plain = join.waits_for_all();
        let number = if plain { &mut n_plain } else { &mut n_ruled };
        for (source, &from) in join.from.iter().enumerate() {
            let ways = &mut ways[Source::Node(from).slot()];
            ways.only = None;
            let list = if plain {
                &mut ways.joins
            } else {
                &mut ways.ruled
            };
            list.push(JoinSource {
                join: *number,
                source,
            });
        }
        *number += 1;
    }
    for route in &shape.routes {
        ways[route.from.slot()].only = None;
    }
    ways
}
