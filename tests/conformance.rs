//! Recorded behaviour of LangGraph, case by case: builds each graph through
//! the public builder, performs its script, and compares.
//!
//! `CONFORMANCE_CASES=DIR` takes the cases from another folder. The format is
//! described in `tests/conformance/README.md`.

#![expect(clippy::print_stderr, reason = "counts and differences are for people")]

#[path = "conformance/case.rs"]
mod case;
#[path = "conformance/plain.rs"]
mod plain;
#[cfg(feature = "postgres")]
#[path = "support/postgres.rs"]
mod postgres;
#[path = "conformance/threads.rs"]
mod threads;

use std::future::Future;
use std::sync::Arc;

use serde_json::Value;
use superstep::{Checkpointer, MemoryCheckpointer};

use case::{Case, NodeSpec, Notes, build, cases, folder};

/// What differs between a record and what was expected, field by field.
fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let fields = expected.as_object().expect("a record is an object");
    fields
        .iter()
        .filter(|(field, _)| {
            matches!(
                field.as_str(),
                "outcome" | "error" | "ran" | "steps" | "values" | "state" | "next" | "interrupts"
            )
        })
        .filter(|(field, value)| got.get(field.as_str()) != Some(value))
        .map(|(field, value)| {
            let got = got.get(field).unwrap_or(&Value::Null);
            format!("{field}\n    expected {value}\n    got      {got}")
        })
        .collect()
}

/// Whether who fails, and when, depends on the delays: then they take time.
/// Threads have no turns in common that could stand for it.
fn is_timed(case: &Case) -> bool {
    let fails = |node: &NodeSpec| node.fail.is_some() || node.fail_first > 0;
    case.nodes.iter().any(fails)
}

/// Runs every case and prints each that differs; returns how many did. `open`
/// gives each case that has a thread a checkpointer without threads.
async fn run_all<K, Fut>(what: &str, cases: &[Case], open: impl Fn() -> Fut) -> usize
where
    K: Checkpointer,
    Fut: Future<Output = K>,
{
    let mut n_differ = 0;
    for case in cases {
        for last_first in [false, true] {
            let checkpointer = match case.thread {
                true => Some(open().await),
                false => None,
            };
            let differs = run_one(case, last_first, checkpointer).await;
            for difference in &differs {
                eprintln!("{} ({}, {what}): {difference}", case.name, case.kind);
            }
            if !differs.is_empty() {
                n_differ += 1;
                break;
            }
        }
    }
    n_differ
}

async fn run_one(
    case: &Case,
    last_first: bool,
    checkpointer: Option<impl Checkpointer>,
) -> Vec<String> {
    let graph = match build(case, last_first, checkpointer) {
        Ok(graph) => graph,
        Err(error) => return vec![error.to_string()],
    };
    if case.thread {
        threads::begin(&graph).await;
    }
    let notes = Arc::new(Notes {
        sleeps: is_timed(case),
        ..Notes::default()
    });
    let mut differs = Vec::new();
    for (number, (action, expected)) in (1..).zip(case.script.iter().zip(&case.expect)) {
        let got = match case.thread {
            true => threads::perform(&graph, &notes, action).await,
            false => plain::perform(case, &graph, &notes, action).await,
        };
        let found = differences(expected, &got);
        differs.extend(
            found
                .into_iter()
                .map(|found| format!("action {number}: {found}")),
        );
    }
    if let (true, Some(last)) = (case.thread, case.expect.last()) {
        differs.extend(threads::history_differs(case, &graph, last).await);
    }
    differs
}

#[test]
fn recorded_cases_come_out_the_same() {
    let cases = cases();
    assert!(
        !cases.is_empty(),
        "there are no cases in {}",
        folder().display()
    );
    let current = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let multi = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime");
    let memory = async || MemoryCheckpointer::new();
    let mut n_differ = current.block_on(run_all("current-thread", &cases, memory));
    n_differ += multi.block_on(run_all("multi-thread", &cases, memory));
    let n_threads = cases.iter().filter(|case| case.thread).count();
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres")),
        expect(unused_mut, reason = "no other store is built in")
    )]
    let mut stores = "in memory".to_owned();
    #[cfg(feature = "sqlite")]
    {
        stores.push_str(" and in SQLite");
        n_differ += multi.block_on(on_sqlite(&cases));
    }
    #[cfg(feature = "postgres")]
    if let Some(server) = postgres::server() {
        stores.push_str(" and in Postgres");
        n_differ += multi.block_on(on_postgres(&cases, server));
    }
    eprintln!(
        "{} cases ran on two runtimes, {n_threads} of them on threads {stores}, {n_differ} differ",
        cases.len(),
    );
    assert_eq!(n_differ, 0, "cases that differ are printed above");
}

/// Runs the cases that have a thread, each on a file of its own.
#[cfg(feature = "sqlite")]
async fn on_sqlite(cases: &[Case]) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let number = std::sync::atomic::AtomicUsize::new(0);
    let open = async || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let file = folder.path().join(format!("{number}.db"));
        superstep::Sqlite::open(file).await.expect("a file")
    };
    let threads: Vec<Case> = cases.iter().filter(|case| case.thread).cloned().collect();
    run_all("sqlite", &threads, open).await
}

/// Runs the cases that have a thread, all in one database.
#[cfg(feature = "postgres")]
async fn on_postgres(cases: &[Case], server: &postgres::Server) -> usize {
    let postgres = superstep::Postgres::connect(server.url()).await;
    let postgres = postgres.expect("the server is there");
    let threads: Vec<Case> = cases.iter().filter(|case| case.thread).cloned().collect();
    run_all("postgres", &threads, async || postgres.clone()).await
}
