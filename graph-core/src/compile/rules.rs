//! Joins that do not wait for all: what leads to them, and to nothing else.
//!
//! 1. A source's *ways in* are the nodes that can still make it run, itself among
//!    them, but for ways through the join.
//! 2. The join's *region* are the nodes all of whose ways lead into the join, or
//!    to `END`, by way of each other. Its target is not among them, nor is a node
//!    whose commands may go anywhere.
//! 3. Joins are in an order in which each comes after those whose targets lead to
//!    its sources, as far as there is one.

use fixedbitset::FixedBitSet;

use super::graph::JoinSource;
use super::links::{Lists, Pair, components, sorted};
use super::shape::{NodeIndex, Shape, ShapeJoin, Source, to_index};
use super::ways::Way;
use crate::graph::Rule;

/// The joins of a graph that have rules.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) joins: Vec<RuledJoin>,
    /// The order in which to look at them.
    pub(crate) order: Vec<usize>,
    /// Whether any of them waits only so long.
    pub(crate) has_times: bool,
    /// For each node, what it is to them.
    members: Vec<Member>,
}

/// A join that has a rule.
#[derive(Debug)]
pub(crate) struct RuledJoin {
    pub(crate) sources: Vec<NodeIndex>,
    pub(crate) target: NodeIndex,
    pub(crate) rule: Rule,
    /// The numbers of the sources that must have succeeded.
    pub(crate) required: Vec<usize>,
    /// The numbers of the sources that are workers.
    pub(crate) workers: FixedBitSet,
    /// For each source, its ways in.
    pub(crate) ways_in: Vec<FixedBitSet>,
    pub(crate) region: FixedBitSet,
}

/// What a node is to the joins that have rules.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// The joins that it is a source of.
    pub(crate) sources: Vec<JoinSource>,
    /// The joins whose region it is in.
    pub(crate) regions: Vec<usize>,
    /// Whether its failures are data.
    pub(crate) absorbed: bool,
}

impl Rules {
    pub(crate) fn member(&self, node: NodeIndex) -> &Member {
        &self.members[node as usize]
    }

    /// Whether the node is a source of the join, or in its region.
    pub(crate) fn is_inside(&self, join: usize, node: NodeIndex) -> bool {
        let mut sources = self.member(node).sources.iter();
        self.joins[join].region.contains(node as usize) || sources.any(|of| of.join == join)
    }

    /// Whether some join waits for the node, or for what follows it.
    pub(crate) fn is_member(&self, node: NodeIndex) -> bool {
        let Member {
            sources, regions, ..
        } = self.member(node);
        !sources.is_empty() || !regions.is_empty()
    }
}

impl RuledJoin {
    /// The successes at which it cancels what is at work, if it ever does.
    pub(crate) fn closes_at(&self) -> Option<usize> {
        self.rule.successes().filter(|_| self.rule.cancel_rest)
    }
}

/// Finds the rules of a graph: a program without any does not contain how.
#[derive(Debug)]
pub(crate) struct RulesOf(fn(&Shape) -> Option<Rules>);

impl RulesOf {
    pub(crate) fn new() -> Self {
        Self(rules)
    }

    pub(super) fn rules(&self, shape: &Shape) -> Option<Rules> {
        self.0(shape)
    }
}

/// The rules of a graph that has any.
fn rules(shape: &Shape) -> Option<Rules> {
    let indices = 0..shape.joins.len();
    let ruled: Vec<usize> = indices
        .filter(|&index| !shape.joins[index].waits_for_all())
        .collect();
    if ruled.is_empty() {
        return None;
    }
    let joins: Vec<RuledJoin> = ruled
        .iter()
        .map(|&index| ruled_join(shape, index))
        .collect();
    Some(Rules {
        order: order(&joins),
        has_times: joins.iter().any(|join| join.rule.within.is_some()),
        members: members(shape.nodes.len(), &joins),
        joins,
    })
}

fn ruled_join(shape: &Shape, index: usize) -> RuledJoin {
    let ShapeJoin { from, to, rule, .. } = &shape.joins[index];
    let rule = rule.as_ref().expect("only joins with rules are ruled");
    let backwards = backwards(shape, index);
    let ways_in: Vec<FixedBitSet> = from
        .iter()
        .map(|&source| all_before(&backwards, shape.n_linked(), source))
        .collect();
    let mut workers = FixedBitSet::with_capacity(from.len());
    let mut required = Vec::new();
    for (number, &source) in from.iter().enumerate() {
        let node = &shape.nodes[source as usize];
        workers.set(number, node.worker);
        if rule.require.iter().any(|name| node.name == name.as_str()) {
            required.push(number);
        }
    }
    RuledJoin {
        sources: from.clone(),
        target: *to,
        rule: Rule::clone(rule),
        required,
        workers,
        region: region(shape, *to, &ways_in, &backwards),
        ways_in,
    }
}

/// What leads to each node, but for ways through that join. Nodes whose commands
/// may go anywhere lead to all.
fn backwards(shape: &Shape, join: usize) -> Lists {
    let mut pairs: Vec<Pair> = Vec::new();
    for (way, to) in shape.ways() {
        match way {
            Way::Join(index) if index == join => {}
            Way::Join(index) => {
                for &from in &shape.joins[index].from {
                    pairs.push((to, from));
                }
            }
            Way::Edge(_) | Way::Route(_) => {
                if let Source::Node(from) = shape.source(way) {
                    pairs.push((to, from));
                }
            }
        }
    }
    // As one more node, so that there are no more pairs than the builder has
    // heard of.
    let anywhere = to_index(shape.nodes.len());
    for node in shape.indices() {
        pairs.push((node, anywhere));
        if shape.goes_anywhere(node) {
            pairs.push((anywhere, node));
        }
    }
    Lists::new(shape.n_linked(), &pairs)
}

/// All from which the node can be reached, itself included.
fn all_before(backwards: &Lists, n_nodes: usize, node: NodeIndex) -> FixedBitSet {
    let mut before = FixedBitSet::with_capacity(n_nodes);
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        if !before.put(node as usize) {
            waiting.extend_from_slice(backwards.of(node));
        }
    }
    before
}

/// What is left of the nodes before the sources when all are taken away that
/// lead to something else.
fn region(
    shape: &Shape,
    target: NodeIndex,
    ways_in: &[FixedBitSet],
    backwards: &Lists,
) -> FixedBitSet {
    let mut region = FixedBitSet::with_capacity(shape.n_linked());
    for before in ways_in {
        region.union_with(before);
    }
    region.remove(target as usize);
    region.remove(shape.nodes.len());
    for node in shape.indices().filter(|&node| shape.goes_anywhere(node)) {
        region.remove(node as usize);
    }
    let mut outside: Vec<NodeIndex> = shape.indices().collect();
    outside.retain(|&node| !region.contains(node as usize));
    while let Some(node) = outside.pop() {
        for &from in backwards.of(node) {
            if region.contains(from as usize) {
                region.remove(from as usize);
                outside.push(from);
            }
        }
    }
    region
}

fn order(joins: &[RuledJoin]) -> Vec<usize> {
    let mut pairs = Vec::new();
    for (from, inner) in joins.iter().enumerate() {
        for (to, outer) in joins.iter().enumerate() {
            let leads = |before: &FixedBitSet| before.contains(inner.target as usize);
            if outer.ways_in.iter().any(leads) {
                pairs.push((to_index(from), to_index(to)));
            }
        }
    }
    // Numbered from the last.
    let component = components(joins.len(), &pairs);
    let key = |join: usize| std::cmp::Reverse(component[join]);
    let order = sorted(joins.len(), &mut |a, b| key(a).cmp(&key(b)));
    order.into_iter().map(|join| join as usize).collect()
}

fn members(n_nodes: usize, joins: &[RuledJoin]) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::with_capacity(n_nodes);
    members.resize_with(n_nodes, Member::default);
    for (index, join) in joins.iter().enumerate() {
        let absorbed = join.rule.is_tolerant();
        for (source, &node) in join.sources.iter().enumerate() {
            let member = &mut members[node as usize];
            member.sources.push(JoinSource {
                join: index,
                source,
            });
            member.absorbed |= absorbed;
        }
        for node in join.region.ones() {
            let member = &mut members[node];
            member.regions.push(index);
            member.absorbed |= absorbed;
        }
    }
    members
}
