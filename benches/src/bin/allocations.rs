//! Counts allocations a superstep and a task. A program of its own, since a
//! counting allocator would slow what the other one times.

#![expect(clippy::print_stdout, reason = "its result is what it prints")]
#![expect(clippy::cast_precision_loss, reason = "counts are small")]

#[path = "../floor.rs"]
mod floor;
#[path = "../measure.rs"]
#[expect(dead_code, reason = "only rows are of use here")]
mod measure;
#[path = "../workloads.rs"]
#[expect(dead_code, reason = "only the graphs are of use here")]
mod workloads;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use superstep::Graph;

use floor::Research;
use measure::Row;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let chain = workloads::chain_graph(1000);
    let looped = workloads::loop_graph(1000);
    let fan = workloads::fan_graph(100);
    let sends = workloads::sends_graph();
    let rows = [
        count("allocations: chain", &chain, 0, 1000, 1.1, "a superstep").await,
        count("allocations: loop", &looped, 0, 1000, 2.1, "a superstep").await,
        count("allocations: fan-out", &fan, 0, 100, 4.0, "a task").await,
        count("allocations: sends", &sends, 10_000, 10_000, 5.0, "a task").await,
    ];
    for row in rows {
        println!("{}", serde_json::to_string(&row).expect("rows are JSON"));
    }
}

/// Counts over the second run, when buffers of the process have grown.
async fn count(
    workload: &'static str,
    graph: &Graph<Research>,
    tokens: u64,
    units: usize,
    target: f64,
    unit: &'static str,
) -> Row {
    workloads::run(graph, Research::update().tokens(tokens)).await;
    let region = Region::new(ALLOCATOR);
    workloads::run(graph, Research::update().tokens(tokens)).await;
    let change = region.change();
    let each = (change.allocations + change.reallocations) as f64 / units as f64;
    Row {
        workload,
        median_ns: each,
        floor: "none",
        floor_ns: 0.0,
        ratio: each,
        target,
        at_most: true,
        unit,
    }
}
