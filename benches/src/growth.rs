//! Whether ten times more costs at most eleven times more.

use std::time::Instant;

use crate::floor::Research;
use crate::measure::{Row, median};
use crate::workloads;

pub(crate) async fn growth(repetitions: usize) -> Vec<Row> {
    let mut rows = vec![compile(repetitions)];
    rows.push(nodes(repetitions).await);
    rows.push(supersteps(repetitions).await);
    rows.push(sends(repetitions).await);
    rows.push(routed_sends(repetitions).await);
    rows.push(joins(repetitions).await);
    rows
}

fn row(workload: &'static str, floor: &'static str, small: Vec<f64>, large: Vec<f64>) -> Row {
    let (floor_ns, median_ns) = (median(small), median(large));
    Row {
        workload,
        median_ns,
        floor,
        floor_ns,
        ratio: median_ns / floor_ns,
        target: 11.0,
        at_most: true,
        unit: "ns",
    }
}

fn compile(repetitions: usize) -> Row {
    let time = |n| {
        let begin = Instant::now();
        drop(workloads::chain_graph(n));
        begin.elapsed().as_secs_f64() * 1e9
    };
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        small.push(time(1000));
        large.push(time(10_000));
    }
    // Names are sorted, so that n log n is the best there is.
    Row {
        target: 14.0,
        ..row(
            "growth: build and compile 10 000 nodes",
            "1000 nodes",
            small,
            large,
        )
    }
}

async fn nodes(repetitions: usize) -> Row {
    let graphs = [workloads::chain_graph(1000), workloads::chain_graph(10_000)];
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        small.push(time(&graphs[0], 0, 10).await);
        large.push(time(&graphs[1], 0, 1).await);
    }
    row("growth: chain of 10 000 nodes", "1000 nodes", small, large)
}

async fn supersteps(repetitions: usize) -> Row {
    let graphs = [workloads::loop_graph(1000), workloads::loop_graph(10_000)];
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        small.push(time(&graphs[0], 0, 10).await);
        large.push(time(&graphs[1], 0, 1).await);
    }
    row(
        "growth: loop of 10 000 supersteps",
        "1000 supersteps",
        small,
        large,
    )
}

async fn sends(repetitions: usize) -> Row {
    let graph = workloads::sends_graph();
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        small.push(time(&graph, 10_000, 10).await);
        large.push(time(&graph, 100_000, 1).await);
    }
    row("growth: 100 000 sends", "10 000 sends", small, large)
}

async fn routed_sends(repetitions: usize) -> Row {
    let graph = workloads::routed_sends_graph();
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        small.push(time(&graph, 1000, 10).await);
        large.push(time(&graph, 10_000, 1).await);
    }
    row(
        "growth: 10 000 sends with a route, onto a log",
        "1000 sends",
        small,
        large,
    )
}

async fn joins(repetitions: usize) -> Row {
    let time = async |n| {
        let begin = Instant::now();
        workloads::run(&workloads::settled_graph(n), Research::update()).await;
        begin.elapsed().as_secs_f64() * 1e9
    };
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        small.push(time(200).await);
        large.push(time(2000).await);
    }
    // As with nodes, names are sorted.
    Row {
        target: 14.0,
        ..row(
            "growth: compile and run 2000 settled joins",
            "200 joins",
            small,
            large,
        )
    }
}

/// What one of that many runs takes, in nanoseconds.
async fn time(graph: &superstep::Graph<Research>, tokens: u64, runs: usize) -> f64 {
    let begin = Instant::now();
    for _ in 0..runs {
        workloads::run(graph, Research::update().tokens(tokens)).await;
    }
    begin.elapsed().as_secs_f64() * 1e9 / runs as f64
}
