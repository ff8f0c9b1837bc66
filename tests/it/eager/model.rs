//! Graphs at random, and what their supersteps are by the few lines of this
//! file, with what led to each task.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

pub(super) const NAMES: [&str; 7] = ["n0", "n1", "n2", "n3", "n4", "n5", "n6"];

/// A run that takes so many supersteps is cut off: most of them, and the others
/// go on until what they keep is looked through.
const LIMITS: [u64; 2] = [12, 60];

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) n: usize,
    pub(super) start: Vec<usize>,
    pub(super) edges: Vec<(usize, usize)>,
    pub(super) joins: Vec<(BTreeSet<usize>, usize)>,
    /// Each goes on to one of these, or ends.
    pub(super) routes: Vec<(usize, Vec<usize>)>,
    /// Each goes to one of these by a command, declared or not.
    pub(super) commands: Vec<(usize, Vec<usize>, bool)>,
    /// Which send to the worker.
    pub(super) senders: Vec<usize>,
    pub(super) collect: Option<usize>,
    pub(super) deferred: Option<usize>,
    /// Decides what is chosen, and how long it takes.
    pub(super) chance: u64,
    pub(super) limit: u64,
}

pub(super) fn plans() -> impl Strategy<Value = Plan> {
    (3_usize..=NAMES.len()).prop_flat_map(|n| {
        let node = move || 0..n;
        let some = move || vec(node(), 1..4);
        let join = (prop::collection::btree_set(node(), 2..4.min(n)), node());
        let parts = (
            vec((node(), node()), 0..n),
            vec(join, 0..3),
            vec((node(), some()), 0..3),
            vec((node(), some(), prop::bool::weighted(0.7)), 0..2),
            vec(node(), 0..2),
            prop::option::of(node()),
            prop::option::weighted(0.2, node()),
            (any::<u64>(), prop::bool::weighted(0.1)),
        );
        parts.prop_map(
            move |(mut edges, joins, routes, mut commands, senders, collect, deferred, rest)| {
                let (chance, long) = rest;
                let start: Vec<usize> = (0..n).step_by(2).collect();
                edges.retain(|(from, to)| from < to);
                edges.extend((1..n).step_by(2).map(|node| (node - 1, node)));
                commands.sort();
                commands.dedup_by_key(|command| command.0);
                Plan {
                    n,
                    start,
                    edges,
                    joins,
                    routes,
                    commands,
                    senders,
                    collect,
                    deferred,
                    chance,
                    limit: LIMITS[usize::from(long)],
                }
            },
        )
    })
}

/// A number that looks drawn, the same for the same words.
pub(super) fn draw(chance: u64, what: &str, id: &str) -> usize {
    let mut hash = chance ^ 0x9E37_79B9_7F4A_7C15;
    for byte in what.bytes().chain(id.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        hash ^= hash >> 29;
    }
    usize::try_from(hash % 1_000_003).expect("it is small")
}

impl Plan {
    /// Where a task's routes and commands lead.
    pub(super) fn route(&self, route: usize, id: &str) -> Option<usize> {
        let to = &self.routes[route].1;
        to.get(draw(self.chance, &format!("route {route}"), id) % (to.len() + 1))
            .copied()
    }

    pub(super) fn command(&self, node: usize, id: &str) -> Option<usize> {
        let mut commands = self.commands.iter();
        let (_, to, _) = commands.find(|(from, ..)| *from == node)?;
        to.get(draw(self.chance, "command", id) % (to.len() + 1))
            .copied()
    }

    pub(super) fn n_sends(&self, sender: usize, id: &str) -> usize {
        draw(self.chance, &format!("sends {sender}"), id) % 3
    }
}

/// A task: its id, and those of its causal history in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) id: String,
    pub(super) saw: Vec<String>,
}

#[derive(Clone)]
struct Task {
    /// None is the worker.
    node: Option<usize>,
    id: String,
    /// By numbers of all tasks of the run.
    history: BTreeSet<usize>,
}

/// The tasks of each superstep.
pub(super) fn run(plan: &Plan) -> Vec<Vec<Told>> {
    let mut all: Vec<String> = Vec::new();
    let mut supersteps: Vec<Vec<Told>> = Vec::new();
    let mut arrived = vec![BTreeMap::<usize, BTreeSet<usize>>::new(); plan.joins.len()];
    let mut filled: BTreeSet<usize> = BTreeSet::new();
    let mut waits = false;
    let mut nodes: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for &to in &plan.start {
        nodes.insert(to, BTreeSet::new());
    }
    let mut sends: Vec<BTreeSet<usize>> = Vec::new();
    for depth in 1..=plan.limit {
        if let Some(deferred) = plan.deferred
            && nodes.remove(&deferred).is_some()
        {
            waits = true;
        }
        if nodes.is_empty() && sends.is_empty() && waits {
            waits = false;
            for (join, (_, to)) in plan.joins.iter().enumerate() {
                if Some(*to) == plan.deferred && filled.remove(&join) {
                    arrived[join].clear();
                }
            }
            let deferred = plan.deferred.expect("it waits");
            nodes.insert(deferred, (0..all.len()).collect());
        }
        if nodes.is_empty() && sends.is_empty() {
            break;
        }
        let mut tasks: Vec<Task> = Vec::new();
        for (node, history) in std::mem::take(&mut nodes) {
            let id = format!("{}@{depth}", NAMES[node]);
            let node = Some(node);
            tasks.push(Task { node, id, history });
        }
        for (number, history) in std::mem::take(&mut sends).into_iter().enumerate() {
            let id = format!("worker@{depth}#{number}");
            let node = None;
            tasks.push(Task { node, id, history });
        }
        let told = tasks.iter().map(|task| Told {
            id: task.id.clone(),
            saw: task.history.iter().map(|&at| all[at].clone()).collect(),
        });
        supersteps.push(told.collect());
        let first = all.len();
        all.extend(tasks.iter().map(|task| task.id.clone()));
        let mut fired: BTreeSet<usize> = BTreeSet::new();
        for (at, task) in tasks.iter().enumerate() {
            let mut history = task.history.clone();
            history.insert(first + at);
            let Some(node) = task.node else {
                if let Some(to) = plan.collect {
                    nodes.entry(to).or_default().extend(&history);
                }
                continue;
            };
            let mut lead = |to: usize| nodes.entry(to).or_default().extend(&history);
            plan.edges
                .iter()
                .filter(|(from, _)| *from == node)
                .for_each(|&(_, to)| lead(to));
            plan.command(node, &task.id).into_iter().for_each(&mut lead);
            for (route, (from, _)) in plan.routes.iter().enumerate() {
                if *from == node {
                    plan.route(route, &task.id).into_iter().for_each(&mut lead);
                }
            }
            for (sender, _) in plan.senders.iter().enumerate().filter(|(_, f)| **f == node) {
                for _ in 0..plan.n_sends(sender, &task.id) {
                    sends.push(history.clone());
                }
            }
            for (join, (from, _)) in plan.joins.iter().enumerate() {
                if !from.contains(&node) {
                    continue;
                }
                arrived[join].entry(node).or_default().extend(&history);
                if arrived[join].len() == from.len() && !filled.contains(&join) {
                    filled.insert(join);
                    fired.insert(join);
                }
            }
        }
        for join in fired {
            let to = plan.joins[join].1;
            let history: BTreeSet<usize> = arrived[join].values().flatten().copied().collect();
            nodes.entry(to).or_default().extend(history);
            if Some(to) != plan.deferred {
                arrived[join].clear();
                filled.remove(&join);
            }
        }
    }
    supersteps
}
