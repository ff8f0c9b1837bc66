//! Rules about how the parts fit together, on indices alone.

use fixedbitset::FixedBitSet;

use super::findings::Findings;
use super::links::{Lists, Pair, components, sort};
use super::shape::{NodeIndex, Shape, ShapeJoin, Source, invalid, to_index};
use super::ways::{Timing, Way};
use crate::graph::Place;

pub(super) fn check(shape: &Shape, place: Place, findings: &mut Findings) {
    let reached = if shape.has_entry {
        let reached = reachable(shape);
        unreachable_nodes(shape, &reached, findings);
        reached
    } else {
        findings.no_entry(place);
        let mut all = FixedBitSet::with_capacity(shape.nodes.len());
        all.insert_range(..);
        all
    };
    unfillable_joins(shape, &reached, findings);
    endless_cycles(shape, &reached, findings);
}

/// The nodes that some run may reach. A join's target is among them only if all
/// of the join's sources are, or one of those of a join that does not wait for
/// all.
///
/// An unknown name and the node that is meant are reached together.
fn reachable(shape: &Shape) -> FixedBitSet {
    let n_nodes = shape.nodes.len();
    let mut reach = Reach::new(shape);
    let mut unknown = FixedBitSet::with_capacity(n_nodes);
    let mut taken_to_run = FixedBitSet::with_capacity(n_nodes);
    for node in shape.indices().filter(|&node| shape.is_unknown(node)) {
        unknown.insert(node as usize);
        if !shape.nodes[node as usize].entered {
            taken_to_run.insert(node as usize);
            reach.run(node);
        }
    }
    let mut reached = FixedBitSet::with_capacity(n_nodes);
    while let Some(node) = reach.waiting.pop() {
        if reached.put(node as usize) {
            continue;
        }
        reach.waiting.extend(shape.nodes[node as usize].meant);
        if !taken_to_run.contains(node as usize) {
            reach.run(node);
        }
    }
    // Where runs begin with unknown names alone, anything may be reached.
    let begins = |&(way, to)| shape.source(way) == Source::Start && shape.is_unknown(to);
    if reached.is_subset(&unknown) && shape.ways().iter().any(begins) {
        reached.insert_range(..);
    }
    reached.union_with(&taken_to_run);
    reached
}

/// What can run before a join has fired, for one join after another.
pub(super) struct BeforeJoins<'s> {
    reach: Reach<'s>,
    /// Where runs begin.
    entries: FixedBitSet,
}

impl<'s> BeforeJoins<'s> {
    pub(super) fn new(shape: &'s Shape) -> Self {
        let mut reach = Reach::new(shape);
        let mut entries = FixedBitSet::with_capacity(shape.n_linked());
        entries.extend(reach.waiting.drain(..).map(|node| node as usize));
        Self { reach, entries }
    }

    /// Those of the nodes that can run before that join has fired for the first
    /// time. The nodes are given with all that leads to them otherwise than by the
    /// join, so that no others need be looked at.
    pub(super) fn among(&mut self, nodes: &FixedBitSet, join: usize) -> FixedBitSet {
        let Self { reach, entries } = self;
        let of_this = reach.missing[join];
        // More than there are.
        reach.missing[join] = usize::MAX;
        let entered = nodes.intersection(entries);
        reach.waiting.extend(entered.map(to_index));
        let mut reached = FixedBitSet::with_capacity(nodes.len());
        while let Some(node) = reach.waiting.pop() {
            if nodes.contains(node as usize) && !reached.put(node as usize) {
                reach.run(node);
            }
        }
        for arrived in reach.arrived.drain(..) {
            reach.missing[arrived as usize] += 1;
        }
        reach.missing[join] = of_this;
        reach.anywhere = false;
        reached
    }
}

/// What has been led to so far.
struct Reach<'s> {
    shape: &'s Shape,
    /// Where edges, routes and destinations lead.
    next: Lists,
    joins_of: Lists,
    /// For each join, how many of its sources still have to run.
    missing: Vec<usize>,
    /// The joins for which one has.
    arrived: Vec<u32>,
    /// Whether a node has run whose commands may go anywhere.
    anywhere: bool,
    /// Led to, and not yet looked at.
    waiting: Vec<NodeIndex>,
}

impl<'s> Reach<'s> {
    fn new(shape: &'s Shape) -> Self {
        let mut next = Vec::new();
        let mut waiting = Vec::new();
        for (way, to) in shape.ways() {
            match (way, shape.source(way)) {
                (Way::Join(_), _) => {}
                (_, Source::Start | Source::Nothing) => waiting.push(to),
                (_, Source::Node(from)) => next.push((from, to)),
            }
        }
        for name in shape.indices().filter(|&name| shape.meant(name) != name) {
            next.push((shape.meant(name), name));
        }
        let mut joins_of = Vec::new();
        let mut missing = Vec::with_capacity(shape.joins.len());
        for (index, join) in shape.joins.iter().enumerate() {
            missing.push(match join.waits_for_all() {
                true => join.from.len(),
                false => 1,
            });
            for &from in &join.from {
                joins_of.push((from, to_index(index)));
            }
        }
        Self {
            shape,
            next: Lists::new(shape.nodes.len(), &next),
            joins_of: Lists::new(shape.nodes.len(), &joins_of),
            missing,
            arrived: Vec::new(),
            anywhere: false,
            waiting,
        }
    }

    /// Notes what a node leads to.
    fn run(&mut self, node: NodeIndex) {
        self.waiting.extend_from_slice(self.next.of(node));
        if self.shape.goes_anywhere(node) && !self.anywhere {
            self.anywhere = true;
            self.waiting.extend(self.shape.indices());
        }
        for &join in self.joins_of.of(node) {
            let missing = &mut self.missing[join as usize];
            if *missing == 1 {
                self.waiting.push(self.shape.joins[join as usize].to);
            }
            if *missing > 0 {
                *missing -= 1;
                self.arrived.push(join);
            }
        }
    }
}

/// Names the nodes that no run can reach, short of those that only other such
/// nodes lead to, and of targets of joins, about which there is another rule.
fn unreachable_nodes(shape: &Shape, reached: &FixedBitSet, findings: &mut Findings) {
    if reached.is_full() {
        return;
    }
    let lost = |node: NodeIndex| !reached.contains(node as usize);
    let mut into_lost = shape.links();
    into_lost.retain(|&(_, to)| lost(to));
    let mut island = into_lost.clone();
    island.retain(|&(from, _)| lost(from));
    let component_of = components(shape.n_linked(), &island);
    let component = |node: NodeIndex| component_of[node as usize] as usize;
    // Components that are named already, or that others lead to.
    let mut known = FixedBitSet::with_capacity(shape.n_linked());
    for (from, to) in into_lost {
        if !lost(from) || component(from) != component(to) {
            known.insert(component(to));
        }
    }
    let is_node = |node: NodeIndex| (node as usize) < shape.nodes.len() && !shape.is_unknown(node);
    let mut roots: Vec<_> = shape.indices().collect();
    roots.retain(|&node| is_node(node) && lost(node));
    let order = |node: usize| shape.nodes[node].place.order;
    sort(&mut roots, &mut |a, b| order(a).cmp(&order(b)));
    let next = Lists::new(shape.n_linked(), &island);
    let mut seen = FixedBitSet::with_capacity(shape.n_linked());
    for root in roots {
        if known.put(component(root)) {
            continue;
        }
        let mut after = reach(&next, root, &mut seen);
        after.retain(|&node| node != root && is_node(node));
        after.sort_unstable();
        let node = &shape.nodes[root as usize];
        if invalid(&node.name).is_none() {
            findings.unreachable_node(node.place, &node.name, &shape.names(&after));
        }
    }
}

/// What can be reached from `root`, itself included, and was not seen before.
fn reach(next: &Lists, root: NodeIndex, seen: &mut FixedBitSet) -> Vec<NodeIndex> {
    let mut reached = Vec::new();
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        if !seen.put(node as usize) {
            reached.push(node);
            waiting.extend_from_slice(next.of(node));
        }
    }
    reached
}

fn unfillable_joins(shape: &Shape, reached: &FixedBitSet, findings: &mut Findings) {
    if shape.joins.is_empty() {
        return;
    }
    let timing = Timing::new(shape);
    let mut chosen = vec![None; shape.routes.len()];
    let mut last_found = None;
    for join in shape.joins.iter().filter(|join| join.waits_for_all()) {
        let order = Some(join.place.order);
        if last_found == order {
            continue;
        }
        let lost = why_lost(shape, join, reached);
        let rivals = || rivals(shape, join, &timing, &mut chosen);
        if let Some(why) = lost.or_else(rivals) {
            findings.join_never_fills(join.place, shape.name(join.to), &why);
            last_found = order;
        }
    }
}

/// Which source of the join no run can reach, if there is one.
fn why_lost(shape: &Shape, join: &ShapeJoin, reached: &FixedBitSet) -> Option<String> {
    let is_lost = |from: &NodeIndex| !reached.contains(*from as usize);
    if join.from.contains(&join.to) && is_lost(&join.to) {
        return Some("it waits for its own target".to_owned());
    }
    let lost = *join.from.iter().find(|from| is_lost(from))?;
    let lost = shape.name(lost);
    Some(format!("nothing that can run leads to `{lost}`"))
}

/// Which sources of the join are chosen between, if any are. `chosen` has room
/// for a target of each route, and is left empty.
fn rivals(
    shape: &Shape,
    join: &ShapeJoin,
    timing: &Timing,
    chosen: &mut [Option<NodeIndex>],
) -> Option<String> {
    let mut found = None;
    for &from in &join.from {
        if let Some(choice) = timing.choice(from) {
            let rival = *chosen[choice.route].get_or_insert(choice.target);
            if rival != choice.target {
                found = Some((rival.min(choice.target), rival.max(choice.target)));
                break;
            }
        }
    }
    for &from in &join.from {
        if let Some(choice) = timing.choice(from) {
            chosen[choice.route] = None;
        }
    }
    let (a, b) = found?;
    let (a, b) = (shape.name(a), shape.name(b));
    Some(format!("one route chooses between `{a}` and `{b}`"))
}

/// Cycles of nodes that always make the next one ready.
fn endless_cycles(shape: &Shape, reached: &FixedBitSet, findings: &mut Findings) {
    let n_nodes = shape.nodes.len();
    let sure = SureWays::new(shape);
    let open = sure.open(n_nodes);
    let mut to = sure.to;
    to.retain(|&(way, _)| {
        let (from, _) = sure.from[way as usize];
        open.contains(way as usize) && reached.contains(from as usize)
    });
    let links: Vec<Pair> = to
        .iter()
        .map(|&(way, to)| (sure.from[way as usize].0, to))
        .collect();
    let component_of = components(n_nodes, &links);
    // The last way inside each component.
    let mut last: Vec<Option<Place>> = vec![None; n_nodes];
    for (&(way, _), (from, to)) in to.iter().zip(links) {
        let component = component_of[from as usize];
        let (_, place) = sure.from[way as usize];
        let last = &mut last[component as usize];
        if component == component_of[to as usize]
            && last.is_none_or(|last| last.order <= place.order)
        {
            *last = Some(place);
        }
    }
    let mut members = Vec::with_capacity(n_nodes);
    for node in shape.indices() {
        members.push((component_of[node as usize], node));
    }
    let members = Lists::new(n_nodes, &members);
    for node in shape.indices() {
        let component = component_of[node as usize];
        if let Some(place) = last[component as usize].take() {
            findings.endless_cycle(place, &shape.names(members.of(component)));
        }
    }
}

/// The ways that are taken each time their source has run: edges, and routes
/// that take exactly one of their targets.
///
/// A node surely goes on for ever if one of its sure ways leads only to nodes
/// that do. The greatest such set is what is left when nodes without an open
/// way are taken away, and the ways to them closed, until nothing changes.
struct SureWays {
    from: Vec<(NodeIndex, Place)>,
    /// Where each way leads to.
    to: Vec<Pair>,
}

impl SureWays {
    fn new(shape: &Shape) -> Self {
        let mut this = Self {
            from: Vec::new(),
            to: Vec::new(),
        };
        for edge in &shape.edges {
            this.add(edge.from, &[Some(edge.to)], edge.place);
        }
        for route in shape.routes.iter().filter(|route| route.exactly_one) {
            this.add(route.from, &route.to, route.place);
        }
        this
    }

    /// Adds a way, unless it may also lead to `END`.
    fn add(&mut self, from: Source, to: &[Option<NodeIndex>], place: Place) {
        let Source::Node(from) = from else { return };
        if to.contains(&None) {
            return;
        }
        let way = to_index(self.from.len());
        for &to in to.iter().flatten() {
            self.to.push((way, to));
        }
        self.from.push((from, place));
    }

    /// The ways between nodes that surely go on.
    fn open(&self, n_nodes: usize) -> FixedBitSet {
        let mut n_open = vec![0_usize; n_nodes];
        for &(from, _) in &self.from {
            n_open[from as usize] += 1;
        }
        let into: Vec<Pair> = self.to.iter().map(|&(way, to)| (to, way)).collect();
        let into = Lists::new(n_nodes, &into);
        let mut open = FixedBitSet::with_capacity(self.from.len());
        open.insert_range(..);
        let mut ending: Vec<NodeIndex> = (0..to_index(n_nodes)).collect();
        ending.retain(|&node| n_open[node as usize] == 0);
        while let Some(node) = ending.pop() {
            for &way in into.of(node) {
                let way = way as usize;
                if !open.contains(way) {
                    continue;
                }
                open.remove(way);
                let (from, _) = self.from[way];
                n_open[from as usize] -= 1;
                if n_open[from as usize] == 0 {
                    ending.push(from);
                }
            }
        }
        open
    }
}
