//! What superstep costs, as ratios to hand-written tokio code that does the
//! same work, measured in turns in one process.
//!
//! `cargo run --release -p superstep-benches` prints a table, with `-- --json`
//! a line of JSON for each row, with `-- --quick` only the rows about time, with
//! `-- --only NAME` one of these: chain, loop, fan-out, sends, cpu, sleepers, chains,
//! agents, threads.

#![expect(clippy::print_stdout, reason = "its result is what it prints")]
#![expect(clippy::cast_precision_loss, reason = "nobody measures for years")]

mod agents;
mod chains;
mod floor;
mod growth;
mod measure;
#[path = "../../tests/support/postgres.rs"]
mod postgres;
mod react;
mod space;
mod threads;
mod workloads;

use std::process::Command;

use measure::Row;
use workloads::Awaited;

/// How often each workload is measured; the median counts.
const REPETITIONS: usize = 31;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if let [flag, work] = &arguments[..]
        && flag == "--peak"
    {
        println!("{}", runtime.block_on(space::print_peak(work, cores)));
        return;
    }
    let print = if has("--json") {
        print_json
    } else {
        print_line
    };
    if !has("--json") {
        println!("{cores} cores, {REPETITIONS} repetitions, medians\n");
        print_heading();
    }
    let only = arguments
        .iter()
        .skip_while(|argument| *argument != "--only")
        .nth(1);
    runtime.block_on(times(cores, only.map(String::as_str), print));
    if has("--quick") || only.is_some() {
        return;
    }
    print(&runtime.block_on(space::copies()));
    print(&space::peak());
    for row in runtime.block_on(growth::growth(REPETITIONS)) {
        print(&row);
    }
    allocations(has("--json"));
    space::footprint().iter().for_each(print);
}

async fn times(cores: usize, only: Option<&str>, print: fn(&Row)) {
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    if wanted("chain") {
        print(&workloads::chain(REPETITIONS).await);
    }
    if wanted("loop") {
        print(&workloads::looped(REPETITIONS).await);
        print(&workloads::watched(REPETITIONS).await);
        print(&workloads::watched_by_hand(REPETITIONS).await);
    }
    if wanted("fan-out") {
        print(&workloads::fan_out(REPETITIONS).await);
    }
    if wanted("sends") {
        print(&workloads::sends(REPETITIONS, cores).await);
    }
    if wanted("cpu") {
        for awaited in [Awaited::InMain, Awaited::InTask] {
            print(&workloads::cpu(REPETITIONS, cores, awaited).await);
        }
    }
    if wanted("sleepers") {
        print(&workloads::sleepers(REPETITIONS).await);
    }
    if wanted("chains") {
        print(&chains::steps(REPETITIONS).await);
        print(&chains::thousand().await);
    }
    if wanted("agents") {
        print(&react::turn(REPETITIONS).await);
        agents::rows(REPETITIONS).await.iter().for_each(print);
    }
    if wanted("threads") {
        threads::chat_in_sqlite().await.iter().for_each(print);
        threads::chat_in_postgres().await.iter().for_each(print);
        print(&threads::writes_of_sends().await);
    }
}

fn print_json(row: &Row) {
    println!("{}", serde_json::to_string(row).expect("rows are JSON"));
}

fn print_heading() {
    println!(
        "{:<50} {:>12} {:>12} {:>8} {:>9}",
        "workload", "superstep", "floor", "ratio", "target"
    );
}

fn print_line(row: &Row) {
    let Row {
        workload,
        median_ns,
        floor_ns,
        ratio,
        target,
        unit,
        floor,
        ..
    } = row;
    let sign = if row.at_most { "≤" } else { "≥" };
    let verdict = if row.holds() { "" } else { "  missed" };
    println!(
        "{workload:<50} {median_ns:>12.1} {floor_ns:>12.1} {ratio:>8.2} {sign:>3} {target:<5} {unit}, floor: {floor}{verdict}"
    );
}

/// The rows of the program that counts allocations.
fn allocations(json: bool) {
    let output = Command::new(env!("CARGO"))
        .args([
            "run",
            "--release",
            "--quiet",
            "-p",
            "superstep-benches",
            "--bin",
            "allocations",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for line in text.lines() {
        if json {
            println!("{line}");
        } else if let Ok(row) = serde_json::from_str::<OwnedRow>(line) {
            row.print();
        }
    }
}

/// A row that another process printed.
#[derive(serde::Deserialize)]
struct OwnedRow {
    workload: String,
    median_ns: f64,
    ratio: f64,
    target: f64,
    unit: String,
}

impl OwnedRow {
    fn print(&self) {
        let verdict = if self.ratio <= self.target {
            ""
        } else {
            "  missed"
        };
        println!(
            "{:<50} {:>12.2} {:>12.1} {:>8.2} {:>3} {:<5} {}{verdict}",
            self.workload, self.median_ns, 0.0, self.ratio, "≤", self.target, self.unit
        );
    }
}
