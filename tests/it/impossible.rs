//! What `compile` calls impossible never happens, whatever the routes choose
//! and whatever unknown names were to stand for; and what is impossible in any
//! case is found in spite of them.
//!
//! Graphs are made at random and judged; each is then run by the few lines of
//! this file that say what a superstep is, with routes that choose at random.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use superstep::prelude::{END, START, State, StateGraph, View};
use superstep::{Diagnostic, Route};

use crate::common::cases;

const N_NODES: usize = 5;
/// The nodes, and then names that are no node's: one that is taken for `n0`,
/// and one that is like no other.
const NAMES: [&str; 7] = ["n0", "n1", "n2", "n3", "n4", "n5", "elsewhere"];
const NEAR: usize = N_NODES;
const FAR: usize = N_NODES + 1;
/// A run that takes so many supersteps has no end.
const FOR_EVER: usize = 60;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Nothing {}

/// A node, or `START` as a source and `END` as a target.
type End = Option<usize>;

#[derive(Debug, Clone)]
struct Plan {
    edges: Vec<(End, End)>,
    joins: Vec<(BTreeSet<usize>, usize)>,
    /// Each takes one of its two targets.
    routes: Vec<(End, End, End)>,
    deferred: usize,
}

/// At random, but for what is hardest to judge: a route that can be reached,
/// and a join of what it chooses between.
fn plans(n_names: usize) -> impl Strategy<Value = Plan> {
    let node = move || 0..n_names;
    let end = || proptest::option::weighted(0.85, node());
    let sources = proptest::collection::btree_set(node(), 2..3);
    (
        vec((end(), end()), 0..6),
        vec((sources, node()), 0..2),
        vec((end(), end(), end()), 0..2),
        Just((0..n_names).collect::<Vec<_>>()).prop_shuffle(),
        0..n_names * 4,
    )
        .prop_map(|(mut edges, mut joins, mut routes, some, deferred)| {
            edges.push((None, Some(some[0])));
            routes.push((Some(some[0]), Some(some[1]), Some(some[2])));
            joins.push((BTreeSet::from([some[1], some[2]]), some[3]));
            Plan {
                edges,
                joins,
                routes,
                deferred,
            }
        })
}

/// Two targets that are known only when it runs: a `Route` for each pair.
struct Pair<const A: usize, const B: usize>;

const fn name_of(target: usize) -> &'static str {
    if target == NAMES.len() {
        END
    } else {
        NAMES[target]
    }
}

impl<const A: usize, const B: usize> Route for Pair<A, B> {
    const TARGETS: &'static [&'static str] = &[name_of(A), name_of(B)];

    fn index(&self) -> usize {
        0
    }
}

macro_rules! add_pair {
    ($graph:expr, $from:expr, $pair:expr, $($a:literal $b:literal),*) => {
        match $pair {
            $(($a, $b) => $graph.add_route($from, |_: &Nothing| Pair::<$a, $b>),)*
            _ => unreachable!("pairs are sorted"),
        }
    };
}

fn source(end: End) -> &'static str {
    end.map_or(START, |node| NAMES[node])
}

fn target(end: End) -> &'static str {
    end.map_or(END, |node| NAMES[node])
}

/// What `compile` finds if the first `n_names` are added as nodes.
fn findings(plan: &Plan, n_names: usize) -> Vec<Diagnostic> {
    let mut graph = StateGraph::<Nothing>::new("random");
    for (index, name) in NAMES.into_iter().enumerate().take(n_names) {
        let node = superstep::node(|_: View<Nothing>| async {});
        let node = if index == plan.deferred {
            node.defer()
        } else {
            node
        };
        graph = graph.add_node(name, node);
    }
    for &(from, to) in &plan.edges {
        graph = graph.add_edge(source(from), target(to));
    }
    for (from, to) in &plan.joins {
        let from: Vec<_> = from.iter().map(|&node| NAMES[node]).collect();
        graph = graph.add_edge(from, NAMES[*to]);
    }
    for &(from, a, b) in &plan.routes {
        let (a, b) = (a.unwrap_or(NAMES.len()), b.unwrap_or(NAMES.len()));
        let pair = (a.min(b), a.max(b));
        graph = add_pair!(graph, source(from), pair, 0 0, 0 1, 0 2, 0 3, 0 4, 0 5, 0 6, 0 7, 1 1, 1 2, 1 3, 1 4, 1 5, 1 6, 1 7, 2 2, 2 3, 2 4, 2 5, 2 6, 2 7, 3 3, 3 4, 3 5, 3 6, 3 7, 4 4, 4 5, 4 6, 4 7, 5 5, 5 6, 5 7, 6 6, 6 7, 7 7);
    }
    match graph.compile() {
        Ok(_) => Vec::new(),
        Err(error) => error.diagnostics().to_vec(),
    }
}

fn correct(node: usize) -> usize {
    if node == NEAR { 0 } else { node }
}

fn corrected(plan: &Plan) -> Plan {
    let node = correct;
    let end = |end: End| end.map(node);
    let joins = plan.joins.iter();
    let routes = plan.routes.iter();
    Plan {
        edges: plan.edges.iter().map(|&(a, b)| (end(a), end(b))).collect(),
        joins: joins
            .map(|(from, to)| (from.iter().copied().map(node).collect(), node(*to)))
            .collect(),
        routes: routes
            .map(|&(from, a, b)| (end(from), end(a), end(b)))
            .collect(),
        deferred: plan.deferred,
    }
}

/// The plan with a way to each unknown name that has none.
fn entered(plan: &Plan) -> Plan {
    let mut entered = plan.clone();
    for name in [NEAR, FAR] {
        let target = Some(name);
        let edge = plan.edges.iter().any(|&(_, to)| to == target);
        let join = plan.joins.iter().any(|&(_, to)| to == name);
        let mut routes = plan.routes.iter();
        if !edge && !join && !routes.any(|&(_, a, b)| a == target || b == target) {
            entered.edges.push((None, target));
        }
    }
    entered
}

/// What happened in one run.
#[derive(Default)]
struct Seen {
    ran: BTreeSet<usize>,
    /// The joins that filled.
    filled: BTreeSet<usize>,
    ended: bool,
}

fn run(plan: &Plan, mut chance: u64) -> Seen {
    let mut seen = Seen::default();
    let mut arrived = vec![BTreeSet::new(); plan.joins.len()];
    let mut waiting = BTreeSet::new();
    let mut finished: Vec<End> = vec![None];
    for _ in 0..FOR_EVER {
        let mut ready = BTreeSet::new();
        for &node in &finished {
            let edges = plan.edges.iter().filter(|(from, _)| *from == node);
            ready.extend(edges.filter_map(|&(_, to)| to));
            for &(_, a, b) in plan.routes.iter().filter(|(from, ..)| *from == node) {
                chance = chance
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                ready.extend(if chance >> 63 == 0 { a } else { b });
            }
            let Some(node) = node else { continue };
            for (index, (from, to)) in plan.joins.iter().enumerate() {
                if from.contains(&node) {
                    arrived[index].insert(node);
                }
                if arrived[index] == *from {
                    arrived[index].clear();
                    seen.filled.insert(index);
                    ready.insert(*to);
                }
            }
        }
        if ready.remove(&plan.deferred) {
            waiting.insert(plan.deferred);
        }
        if ready.is_empty() {
            ready = std::mem::take(&mut waiting);
        }
        if ready.is_empty() {
            seen.ended = true;
            return seen;
        }
        seen.ran.extend(&ready);
        finished = ready.into_iter().map(Some).collect();
    }
    seen
}

/// The nodes that a message names, in its order.
fn named(message: &str) -> Vec<usize> {
    let quoted = message.split('`').skip(1).step_by(2);
    quoted
        .filter_map(|name| NAMES.iter().position(|known| *known == name))
        .collect()
}

fn check(
    plan: &Plan,
    found: &Diagnostic,
    seen: &Seen,
    meant: fn(usize) -> usize,
) -> Result<(), TestCaseError> {
    let message = found.message();
    let names: Vec<_> = named(message).into_iter().map(meant).collect();
    match found.code() {
        "unreachable-node" => {
            let ran = names.iter().any(|node| seen.ran.contains(node));
            prop_assert!(!ran, "it ran: {message}");
        }
        "join-never-fills" => {
            let mut into = plan
                .joins
                .iter()
                .enumerate()
                .filter(|(_, join)| join.1 == names[0]);
            let unfilled = into.any(|(index, _)| !seen.filled.contains(&index));
            prop_assert!(unfilled, "it filled: {message}");
        }
        "endless-cycle" => {
            let entered = names.iter().any(|node| seen.ran.contains(node));
            prop_assert!(!(entered && seen.ended), "it ended: {message}");
        }
        _ => {}
    }
    Ok(())
}

/// What a finding is about, whatever its reasons.
fn subject(found: &Diagnostic) -> (String, Vec<usize>) {
    let mut names = named(found.message());
    if found.code() != "endless-cycle" {
        names.truncate(1);
    }
    (found.code().to_owned(), names)
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn what_is_called_impossible_never_happens(plan in plans(N_NODES), chance: u64) {
        let findings = findings(&plan, N_NODES);
        for n in 0..20 {
            let seen = run(&plan, chance.wrapping_mul(2 * n + 1));
            for found in &findings {
                check(&plan, found, &seen, |node| node)?;
            }
        }
    }

    #[test]
    fn nor_does_it_if_a_name_is_corrected_or_its_node_added(
        plan in plans(NAMES.len()),
        chance: u64,
    ) {
        let findings = findings(&plan, N_NODES);
        let corrected = corrected(&plan);
        let entered = entered(&plan);
        for n in 0..5 {
            let chance = chance.wrapping_mul(2 * n + 1);
            let seen = [run(&plan, chance), run(&entered, chance), run(&corrected, chance)];
            for found in &findings {
                check(&plan, found, &seen[0], |node| node)?;
                check(&entered, found, &seen[1], |node| node)?;
                check(&corrected, found, &seen[2], correct)?;
            }
        }
    }

    #[test]
    fn what_is_impossible_in_any_case_is_found_in_spite_of_unknown_names(
        plan in plans(NAMES.len()),
    ) {
        let found = |plan: &Plan, n_names| -> BTreeSet<(String, Vec<usize>)> {
            findings(plan, n_names).iter().map(subject).collect()
        };
        let mut cases = vec![corrected(&plan), entered(&plan)];
        // A node that was forgotten may be deferred.
        for deferred in [NEAR, FAR] {
            let case = Plan { deferred, ..entered(&plan) };
            cases.extend([corrected(&case), case]);
        }
        let mut in_any_case = found(&plan, NAMES.len());
        in_any_case.retain(|(_, names)| names.iter().all(|&name| name < N_NODES));
        for case in cases {
            let also = found(&case, NAMES.len());
            in_any_case.retain(|found| also.contains(found));
        }
        let at_once = found(&plan, N_NODES);
        // Findings about two joins into one node cannot be told apart.
        let targets: BTreeSet<_> = plan.joins.iter().map(|&(_, to)| correct(to)).collect();
        if targets.len() < plan.joins.len() {
            in_any_case.retain(|(code, _)| code != "join-never-fills");
        }
        for found in in_any_case {
            prop_assert!(at_once.contains(&found), "{found:?} {:#?}", findings(&plan, N_NODES));
        }
    }
}
