//! Joins that do not wait for all: what leads to them, and to nothing else.
//!
//! 1. A source's *ways in* are the nodes that can still make it run, itself among
//!    them, but for ways through the join.
//! 2. The join's *region* are the nodes all of whose ways lead into the join, or
//!    to `END`, by way of each other. Its target is not among them, nor is a node
//!    whose commands may go anywhere, nor what can run only after the join has
//!    fired: that leads into it the next time.
//! 3. Joins are in an order in which each comes after those whose targets lead to
//!    its sources, as far as there is one.

use fixedbitset::FixedBitSet;

use super::check::BeforeJoins;
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
    /// The joins with rules whose targets are in it.
    pub(crate) inner: Vec<usize>,
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

    /// The joins that the node is inside of; one can be there twice.
    pub(crate) fn joins_of(&self, node: NodeIndex) -> impl Iterator<Item = usize> {
        let Member {
            sources, regions, ..
        } = self.member(node);
        regions
            .iter()
            .copied()
            .chain(sources.iter().map(|of| of.join))
    }

    /// Whether some join waits for the node, or for what follows it.
    pub(crate) fn is_member(&self, node: NodeIndex) -> bool {
        let Member {
            sources, regions, ..
        } = self.member(node);
        !sources.is_empty() || !regions.is_empty()
    }

    /// Whether a join waits for the node, or for what follows it, that may go on
    /// without: it depends on who comes when.
    pub(crate) fn is_in_race(&self, node: NodeIndex) -> bool {
        let mut joins = self.joins_of(node).map(|join| &self.joins[join]);
        joins.any(|join| join.closes_at().is_some() || join.rule.within.is_some())
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
    let links = Links::new(shape);
    let mut before = BeforeJoins::new(shape);
    let joins = ruled.iter();
    let mut joins: Vec<RuledJoin> = joins
        .map(|&index| ruled_join(shape, &links, &mut before, index))
        .collect();
    let members = members(shape.nodes.len(), &joins);
    for index in 0..joins.len() {
        for &outer in &members[joins[index].target as usize].regions {
            joins[outer].inner.push(index);
        }
    }
    Some(Rules {
        order: order(shape.n_linked(), &joins),
        has_times: joins.iter().any(|join| join.rule.within.is_some()),
        members,
        joins,
    })
}

fn ruled_join(
    shape: &Shape,
    links: &Links,
    before: &mut BeforeJoins<'_>,
    index: usize,
) -> RuledJoin {
    let ShapeJoin { from, to, rule, .. } = &shape.joins[index];
    let rule = rule.as_ref().expect("only joins with rules are ruled");
    let this = to_index(index);
    let ways_in: Vec<FixedBitSet> = from
        .iter()
        .map(|&source| all_before(links, shape.n_linked(), source, this))
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
    let mut leading = FixedBitSet::with_capacity(shape.n_linked());
    for ways in &ways_in {
        leading.union_with(ways);
    }
    let before = before.among(&leading, index);
    RuledJoin {
        sources: from.clone(),
        target: *to,
        rule: Rule::clone(rule),
        required,
        workers,
        region: region(shape, links, this, before),
        ways_in,
        inner: Vec::new(),
    }
}

/// What leads to each node and what each leads to, and by way of which join.
/// Nodes whose commands may go anywhere lead to all.
struct Links {
    before: Lists,
    after: Lists,
    /// In the same order.
    before_by: Lists,
    after_by: Lists,
}

/// In place of a join, where a way is none.
const NO_JOIN: u32 = u32::MAX;

impl Links {
    fn new(shape: &Shape) -> Self {
        let mut links: Vec<(Pair, u32)> = Vec::new();
        for (way, to) in shape.ways() {
            match way {
                Way::Join(index) => {
                    for &from in &shape.joins[index].from {
                        links.push(((from, to), to_index(index)));
                    }
                }
                Way::Edge(_) | Way::Route(_) => {
                    if let Source::Node(from) = shape.source(way) {
                        links.push(((from, to), NO_JOIN));
                    }
                }
            }
        }
        // As one more node, so that there are no more links than the builder has
        // heard of.
        let anywhere = to_index(shape.nodes.len());
        for node in shape.indices() {
            links.push(((anywhere, node), NO_JOIN));
            if shape.goes_anywhere(node) {
                links.push(((node, anywhere), NO_JOIN));
            }
        }
        let lists = |pair: &dyn Fn(&(Pair, u32)) -> Pair| {
            let pairs: Vec<Pair> = links.iter().map(pair).collect();
            Lists::new(shape.n_linked(), &pairs)
        };
        Self {
            before: lists(&|&((from, to), _)| (to, from)),
            after: lists(&|&((from, to), _)| (from, to)),
            before_by: lists(&|&((_, to), join)| (to, join)),
            after_by: lists(&|&((from, _), join)| (from, join)),
        }
    }

    /// What leads to the node, but for ways through that join.
    fn before(&self, node: NodeIndex, join: u32) -> impl Iterator<Item = NodeIndex> {
        others(self.before.of(node), self.before_by.of(node), join)
    }

    /// What the node leads to, but for ways through that join.
    fn after(&self, node: NodeIndex, join: u32) -> impl Iterator<Item = NodeIndex> {
        others(self.after.of(node), self.after_by.of(node), join)
    }
}

fn others<'l>(
    nodes: &'l [NodeIndex],
    by: &'l [u32],
    join: u32,
) -> impl Iterator<Item = NodeIndex> + use<'l> {
    let links = nodes.iter().zip(by);
    links.filter_map(move |(&node, &by)| (by != join).then_some(node))
}

/// All from which the node can be reached otherwise than through the join, itself
/// included.
fn all_before(links: &Links, n_nodes: usize, node: NodeIndex, join: u32) -> FixedBitSet {
    let mut before = FixedBitSet::with_capacity(n_nodes);
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        if !before.put(node as usize) {
            waiting.extend(links.before(node, join));
        }
    }
    before
}

/// What is left of the nodes that lead to the sources, and can run before the join
/// fires, when all are taken away that lead to something else.
fn region(shape: &Shape, links: &Links, join: u32, before: FixedBitSet) -> FixedBitSet {
    let mut region = before;
    region.remove(shape.joins[join as usize].to as usize);
    let nodes: Vec<NodeIndex> = region.ones().map(to_index).collect();
    for &node in nodes.iter().filter(|&&node| shape.goes_anywhere(node)) {
        region.remove(node as usize);
    }
    let leads_out = |node: NodeIndex, region: &FixedBitSet| {
        let mut after = links.after(node, join);
        after.any(|to| !region.contains(to as usize))
    };
    let mut waiting = nodes;
    while let Some(node) = waiting.pop() {
        if region.contains(node as usize) && leads_out(node, &region) {
            region.remove(node as usize);
            waiting.extend(links.before(node, join));
        }
    }
    region
}

fn order(n_nodes: usize, joins: &[RuledJoin]) -> Vec<usize> {
    let mut into: Vec<Pair> = Vec::with_capacity(joins.len());
    for (index, join) in joins.iter().enumerate() {
        into.push((join.target, to_index(index)));
    }
    let into = Lists::new(n_nodes, &into);
    let mut pairs = Vec::new();
    for (outer, join) in joins.iter().enumerate() {
        let mut before = FixedBitSet::with_capacity(n_nodes);
        for ways_in in &join.ways_in {
            before.union_with(ways_in);
        }
        for node in before.ones() {
            let inner = into.of(to_index(node)).iter();
            pairs.extend(inner.map(|&inner| (inner, to_index(outer))));
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
