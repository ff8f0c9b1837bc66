//! The rows of the cost table that are about memory, copies and size.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use superstep::prelude::*;

use crate::floor::{self, Change, Research};
use crate::measure::Row;
use crate::workloads;

/// How often a [`Blob`] was copied.
static COPIES: AtomicU64 = AtomicU64::new(0);

/// Bytes whose copies are counted.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Blob(Vec<u8>);

impl Clone for Blob {
    fn clone(&self) -> Self {
        COPIES.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Heavy {
    blob: Blob,
    #[reduce(Sum)]
    count: u64,
}

/// Copies of a field of 10 MB in 1000 supersteps that do not touch it, of
/// which every second one has a route.
pub(crate) async fn copies() -> Row {
    let graph = StateGraph::<Heavy>::new("heavy")
        .add_node("a", async |_: View<Heavy>| Heavy::update().count(1))
        .add_node("b", async |_: View<Heavy>| Heavy::update().count(1))
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_conditional_edges(
            "b",
            |state: &Heavy| (state.count < 1000).then_some("a"),
            ["a"],
        )
        .compile()
        .expect("the loop is sound");
    let input = Heavy::update().blob(Blob(vec![1; 10_000_000]));
    COPIES.store(0, Ordering::Relaxed);
    let run = graph.invoke(input).await.expect("the run ends");
    assert_eq!(run.state.count, 1000, "every superstep has run");
    let copies = COPIES.load(Ordering::Relaxed) as f64;
    Row {
        workload: "10 MB carried through 1000 supersteps: copies",
        median_ns: copies,
        floor: "none",
        floor_ns: 0.0,
        ratio: copies,
        target: 0.0,
        at_most: true,
        unit: "copies",
    }
}

/// The most memory of a process that does nothing but 10 000 sends, over that
/// of one that does the same by hand.
pub(crate) fn peak() -> Row {
    let ours = peak_of("sends");
    let floor = peak_of("chunked");
    Row {
        workload: "10 000 sends: peak memory of a process",
        median_ns: ours,
        floor: "chunked",
        floor_ns: floor,
        ratio: ours,
        target: 16.0,
        at_most: true,
        unit: "MB",
    }
}

fn peak_of(work: &str) -> f64 {
    let this = std::env::current_exe().expect("the path of this program");
    let output = Command::new(this).args(["--peak", work]).output();
    let output = output.expect("this program runs once more");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.parse().expect("it prints its peak")
}

/// What the child process does: the work, and then its peak in MB.
pub(crate) async fn print_peak(work: &str, cores: usize) -> f64 {
    if work == "sends" {
        workloads::run(&workloads::sends_graph(), Research::update().tokens(10_000)).await;
    } else {
        let node: floor::SentNode =
            std::sync::Arc::new(|page| Box::pin(async move { Change::finding(page) }));
        let pages = (0..10_000).map(|n| n.to_string()).collect();
        std::hint::black_box(floor::chunked(&node, pages, cores).await);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix("kB"));
    let kilobytes: f64 = kilobytes
        .and_then(|n| n.trim().parse().ok())
        .unwrap_or(f64::NAN);
    kilobytes / 1024.0
}

const MANIFEST: &str = r#"
[package]
name = "two-nodes"
version = "0.1.0"
edition = "2024"

[dependencies]
serde = { version = "1", features = ["derive"] }
superstep = { path = "SUPERSTEP" }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }

[profile.release]
strip = true

[workspace]
"#;

const PROGRAM: &str = r#"
use serde::{Deserialize, Serialize};
use superstep::prelude::*;

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Greeting {
    name: String,
    #[reduce(Append)]
    lines: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let graph = StateGraph::<Greeting>::new("greeter")
        .add_node("hello", async |state: View<Greeting>| {
            Greeting::update().lines(format!("hello, {}", state.name))
        })
        .add_node("bye", async |_: View<Greeting>| Greeting::update().lines("bye"))
        .add_edge(START, "hello")
        .add_edge("hello", "bye")
        .compile()?;
    let run = graph.invoke(Greeting::update().name("you")).await?;
    println!("{}", run.state.lines.join("\n"));
    Ok(())
}
"#;

/// Crates, build time and size of a program with two nodes, made in a folder
/// of its own.
pub(crate) fn footprint() -> Vec<Row> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = std::env::temp_dir().join(format!("superstep-two-nodes-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("src")).expect("a temporary folder");
    let root = root.canonicalize().expect("the workspace");
    let manifest = MANIFEST.replace("SUPERSTEP", &root.display().to_string());
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    std::fs::write(folder.join("src/main.rs"), PROGRAM).expect("a program");
    let crates = n_crates(&folder);
    let before = children_cpu();
    cargo(&folder, &["build", "--release", "--quiet"]);
    let cpu = children_cpu() - before;
    let binary = folder.join("target/release/two-nodes");
    let size = std::fs::metadata(binary).map_or(f64::NAN, |data| data.len() as f64 / 1e6);
    std::fs::remove_dir_all(&folder).ok();
    let row = |workload, value, floor_ns, target, unit| Row {
        workload,
        median_ns: value,
        floor: "tokio and serde alone",
        floor_ns,
        ratio: value,
        target,
        at_most: true,
        unit,
    };
    vec![
        row("two-node program: crates", crates, 8.0, 40.0, "crates"),
        row(
            "two-node program: clean release build",
            cpu,
            8.0,
            40.0,
            "s CPU",
        ),
        row("two-node program: stripped binary", size, 0.55, 0.9, "MB"),
    ]
}

fn cargo(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn n_crates(folder: &Path) -> f64 {
    let tree = cargo(folder, &["tree", "--edges", "normal", "--prefix", "none"]);
    let mut crates: Vec<_> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    // The program itself is not among them.
    (crates.len() - 1) as f64
}

/// CPU seconds of the child processes so far.
fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after_name
        .split_whitespace()
        .map(|f| f.parse().unwrap_or(0.0))
        .collect();
    // cutime and cstime, in the hundredths of a second that Linux reports.
    let ticks = fields.get(13).unwrap_or(&0.0) + fields.get(14).unwrap_or(&0.0);
    ticks / 100.0
}
