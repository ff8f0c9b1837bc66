//! The rows of the cost table that are about time.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use superstep::prelude::*;
use superstep::{Graph, Join};

use crate::floor::{self, Change, Research};
use crate::measure::{Plan, Row, alternate};

pub(crate) const REVIEW: Worker<String> = Worker::new("review");

/// A chain of no-op nodes.
pub(crate) fn chain_graph(n: usize) -> Graph<Research> {
    let mut graph = StateGraph::<Research>::new("chain").recursion_limit(u64::MAX);
    let name = |i: usize| format!("n{i:07}");
    for i in 0..n {
        graph = graph.add_node(name(i), async |_: View<Research>| {});
        let from = if i == 0 {
            START.to_owned()
        } else {
            name(i - 1)
        };
        graph = graph.add_edge(from, name(i));
    }
    graph.compile().expect("the chain is sound")
}

#[derive(Route)]
enum Turn {
    #[route("a")]
    Again,
    #[route(END)]
    Stop,
}

/// Two nodes in turns, until the count is reached.
pub(crate) fn loop_graph(until: u64) -> Graph<Research> {
    StateGraph::<Research>::new("loop")
        .recursion_limit(u64::MAX)
        .add_node("a", async |_: View<Research>| Research::update().tokens(1))
        .add_node("b", async |_: View<Research>| Research::update().tokens(1))
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_route("b", move |state: &Research| {
            if state.tokens < until {
                Turn::Again
            } else {
                Turn::Stop
            }
        })
        .compile()
        .expect("the loop is sound")
}

/// So many joins of two sources each, which take failures as data.
pub(crate) fn settled_graph(n: usize) -> Graph<Research> {
    let mut graph = StateGraph::<Research>::new("settled");
    for pair in 0..n {
        let (a, b, target) = (format!("a{pair}"), format!("b{pair}"), format!("t{pair}"));
        for node in [&a, &b, &target] {
            graph = graph.add_node(node, async |_: View<Research>| {});
        }
        graph = graph
            .add_edge(START, [&a, &b])
            .add_join([a, b], target, Join::settled());
    }
    graph.compile().expect("the joins are sound")
}

/// A fan-out that appends, and a join.
pub(crate) fn fan_graph(n: usize) -> Graph<Research> {
    let names: Vec<String> = (0..n).map(|i| format!("n{i:07}")).collect();
    let mut graph = StateGraph::<Research>::new("fan");
    for (i, name) in (0..).zip(&names) {
        graph = graph.add_node(name, move |_: View<Research>| async move {
            Research::update().findings(i.to_string())
        });
    }
    graph
        .add_node("join", async |_: View<Research>| {})
        .add_edge(START, &names)
        .add_edge(&names, "join")
        .compile()
        .expect("the fan-out is sound")
}

/// As many sends as the state says, which append.
pub(crate) fn sends_graph() -> Graph<Research> {
    let graph = sends_from_split().add_edge(START, "split");
    graph.compile().expect("the sends are sound")
}

/// The same onto a log as long as there are sends, with a route out of each.
pub(crate) fn routed_sends_graph() -> Graph<Research> {
    sends_from_split()
        .add_node("log", async |state: View<Research>| {
            let lines = (0..state.tokens).map(|n| n.to_string());
            Research::update().findings(lines.collect::<Vec<_>>())
        })
        .add_edge(START, "log")
        .add_edge("log", "split")
        .add_conditional_edges(REVIEW, |_: &Research| END, [END])
        .compile()
        .expect("the sends are sound")
}

fn sends_from_split() -> StateGraph<Research> {
    StateGraph::<Research>::new("sends")
        .add_node("split", async |_: View<Research>| {})
        .add_worker(REVIEW, async |page: String| {
            Research::update().findings(page)
        })
        .add_conditional_edges(
            "split",
            |state: &Research| {
                (0..state.tokens)
                    .map(|n| REVIEW.send(n.to_string()))
                    .collect::<Vec<_>>()
            },
            [REVIEW],
        )
}

pub(crate) async fn run(graph: &Graph<Research>, input: Input) {
    let run = graph.invoke(input).await.expect("the run ends");
    black_box(run.state);
}

pub(crate) type Input = floor::ResearchUpdate;

fn row(
    workload: &'static str,
    floor: &'static str,
    (floor_ns, median_ns): (f64, f64),
    target: f64,
    unit: &'static str,
) -> Row {
    Row {
        workload,
        median_ns,
        floor,
        floor_ns,
        ratio: median_ns / floor_ns,
        target,
        at_most: true,
        unit,
    }
}

/// Runs of a thousand supersteps.
const fn thousand(repetitions: usize) -> Plan {
    Plan {
        repetitions,
        runs: 20,
        units: 1000,
    }
}

/// The two nodes of the loop, by hand.
fn counters() -> [floor::Node; 2] {
    [(), ()].map(|()| floor::node(async |_| Change::tokens(1)))
}

pub(crate) async fn chain(repetitions: usize) -> Row {
    let nodes: Vec<_> = (0..1000)
        .map(|_| floor::node(async |_| Change::default()))
        .collect();
    let graph = chain_graph(1000);
    let measured = alternate(
        thousand(repetitions),
        async || drop(black_box(floor::inline(&nodes).await)),
        async || run(&graph, Research::update()).await,
    );
    row(
        "chain of 1000 no-op nodes",
        "inline",
        measured.await,
        3.0,
        "ns/superstep",
    )
}

pub(crate) async fn looped(repetitions: usize) -> Row {
    let nodes = counters();
    let graph = loop_graph(1000);
    let measured = alternate(
        thousand(repetitions),
        async || drop(black_box(floor::inline_loop(&nodes, 1000).await)),
        async || run(&graph, Research::update()).await,
    );
    row(
        "loop of 1000 supersteps over 2 nodes",
        "inline",
        measured.await,
        3.0,
        "ns/superstep",
    )
}

/// What it costs to read every event of a run.
pub(crate) async fn watched(repetitions: usize) -> Row {
    let graph = loop_graph(1000);
    let measured = alternate(
        thousand(repetitions),
        async || run(&graph, Research::update()).await,
        async || read(&graph).await,
    );
    row(
        "that loop, all of its events read",
        "unwatched",
        measured.await,
        2.0,
        "ns/superstep",
    )
}

/// What it costs to read every event of a run, beside the same by hand.
pub(crate) async fn watched_by_hand(repetitions: usize) -> Row {
    let nodes = counters();
    let graph = loop_graph(1000);
    let see = |told| drop(black_box(told));
    let measured = alternate(
        thousand(repetitions),
        async || floor::told_loop(&nodes, 1000, see).await,
        async || read(&graph).await,
    );
    row(
        "the same",
        "by hand, over a channel",
        measured.await,
        1.0,
        "ns/superstep",
    )
}

async fn read(graph: &Graph<Research>) {
    let mut events = graph.invoke(Research::update()).stream();
    while let Some(event) = events.next().await {
        black_box(event);
    }
}

pub(crate) async fn fan_out(repetitions: usize) -> Row {
    let plan = Plan {
        repetitions,
        runs: 20,
        units: 100,
    };
    let nodes: Vec<_> = (0..100)
        .map(|i| floor::node(move |_| async move { Change::finding(i.to_string()) }))
        .collect();
    let graph = fan_graph(100);
    let measured = alternate(
        plan,
        async || drop(black_box(floor::spawn(&nodes).await)),
        async || run(&graph, Research::update()).await,
    );
    row(
        "fan-out to 100 nodes, append, join",
        "spawn",
        measured.await,
        0.8,
        "ns/task",
    )
}

fn pages(n: u64) -> Vec<String> {
    (0..n).map(|n| n.to_string()).collect()
}

pub(crate) async fn sends(repetitions: usize, cores: usize) -> Row {
    let plan = Plan {
        repetitions,
        runs: 2,
        units: 10_000,
    };
    let review: floor::SentNode = Arc::new(|page| Box::pin(async move { Change::finding(page) }));
    let graph = sends_graph();
    let measured = alternate(
        plan,
        async || {
            drop(black_box(
                floor::chunked(&review, pages(10_000), cores).await,
            ));
        },
        async || run(&graph, Research::update().tokens(10_000)).await,
    );
    row(
        "10 000 sends, append",
        "chunked",
        measured.await,
        2.0,
        "ns/task",
    )
}

/// Computes for that long, measured in iterations so that contention shows.
fn compute(iterations: u64) -> u64 {
    (0..iterations).fold(1, |x: u64, i| {
        black_box(x.wrapping_mul(6_364_136_223_846_793_005) ^ i)
    })
}

fn calibrate(wanted: Duration) -> u64 {
    let begin = Instant::now();
    black_box(compute(10_000_000));
    let per_iteration = begin.elapsed().as_secs_f64() / 1e7;
    (wanted.as_secs_f64() / per_iteration) as u64
}

/// Where a run is awaited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// By `block_on`, as in `main`.
    InMain,
    /// In a task of the runtime, as in a server.
    InTask,
}

/// The speed-up of eight nodes that compute for 20 ms over one after another.
pub(crate) async fn cpu(repetitions: usize, cores: usize, awaited: Awaited) -> Row {
    let iterations = calibrate(Duration::from_millis(20));
    let names: Vec<String> = (0..8).map(|i| format!("n{i}")).collect();
    let mut graph = StateGraph::<Research>::new("cpu");
    for name in &names {
        graph = graph.add_node(name, move |_: View<Research>| async move {
            black_box(compute(iterations));
        });
    }
    let graph = graph
        .add_edge(START, &names)
        .compile()
        .expect("the fan-out is sound");
    let plan = Plan {
        repetitions,
        runs: 1,
        units: 1,
    };
    let (floor_ns, median_ns) = alternate(
        plan,
        async || {
            for _ in 0..8 {
                black_box(compute(iterations));
            }
        },
        async || match awaited {
            Awaited::InMain => run(&graph, Research::update()).await,
            Awaited::InTask => {
                let graph = graph.clone();
                let task = tokio::spawn(async move { run(&graph, Research::update()).await });
                task.await.expect("the run does not panic");
            }
        },
    )
    .await;
    Row {
        workload: match awaited {
            Awaited::InMain => "8 nodes of 20 ms CPU: speed-up over one core",
            Awaited::InTask => "the same, awaited in a spawned task",
        },
        median_ns,
        floor: "one after another",
        floor_ns,
        ratio: floor_ns / median_ns,
        target: if cores >= 2 { 1.9 } else { 0.95 },
        at_most: false,
        unit: "ns",
    }
}

/// What ten nodes that sleep for 50 ms take beyond it, over spawned tasks.
pub(crate) async fn sleepers(repetitions: usize) -> Row {
    let sleep = || tokio::time::sleep(Duration::from_millis(50));
    let nodes: Vec<_> = (0..10)
        .map(|_| {
            floor::node(move |_| async move {
                sleep().await;
                Change::default()
            })
        })
        .collect();
    let names: Vec<String> = (0..10).map(|i| format!("n{i}")).collect();
    let mut graph = StateGraph::<Research>::new("sleepers");
    for name in &names {
        graph = graph.add_node(name, move |_: View<Research>| sleep());
    }
    let graph = graph
        .add_edge(START, &names)
        .compile()
        .expect("the fan-out is sound");
    let plan = Plan {
        repetitions,
        runs: 1,
        units: 1,
    };
    let (floor_ns, median_ns) = alternate(
        plan,
        async || drop(black_box(floor::spawn(&nodes).await)),
        async || run(&graph, Research::update()).await,
    )
    .await;
    row(
        "10 nodes that sleep 50 ms",
        "spawn",
        (floor_ns, median_ns),
        1.1,
        "ns",
    )
}
