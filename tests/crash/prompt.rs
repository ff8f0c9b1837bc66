//! What is in the file while tasks are at work.

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use superstep::prelude::*;
use superstep::{Durability, Join, NodeError, Sqlite};
use tempfile::tempdir;

use crate::work::{Work, WorkUpdate};

/// How long something may take to come into the file.
const N_LOOKS: usize = 10_000;

/// What tasks have left in the file, as `task key`.
fn entries(file: &PathBuf) -> Vec<String> {
    let file = Connection::open(file).expect("it opens");
    let mut select = file
        .prepare("SELECT task || ' ' || key FROM entry WHERE key <> 'count' ORDER BY task, key")
        .expect("there is such a table");
    let rows = select.query_map([], |row| row.get(0)).expect("it is read");
    rows.collect::<Result<_, _>>().expect("they are texts")
}

async fn quick(_: View<Work>) -> WorkUpdate {
    Work::update().total(1_u64)
}

/// Ends when that is in the file, or fails.
async fn wait_for(file: &PathBuf, wanted: &[&str]) -> NodeResult<WorkUpdate> {
    let mut found = Vec::new();
    for _ in 0..N_LOOKS {
        found = entries(file);
        if found == wanted {
            return Ok(Work::update().total(10_u64));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(NodeError::msg(format_args!("in the file are {found:?}")))
}

/// Waits for the results of the others.
async fn patient(file: Ctx<PathBuf>) -> NodeResult<WorkUpdate> {
    wait_for(&file, &["pays once/charge", "pays result", "quick result"]).await
}

/// The same, inside a graph.
async fn patient_inside(file: Ctx<PathBuf>) -> NodeResult<WorkUpdate> {
    let wanted = [
        "bad result",
        "falls-back result",
        "fine result",
        "graph/0/1/quick result",
        "late result",
        "lost result",
        "retried result",
        "won result",
    ];
    wait_for(&file, &wanted).await
}

async fn fails_at_first(file: Ctx<PathBuf>) -> NodeResult<WorkUpdate> {
    match file.attempt() {
        1 => Err(NodeError::msg("not yet")),
        _ => Ok(Work::update().total(1_u64)),
    }
}

async fn fails(_: View<Work>) -> NodeResult<WorkUpdate> {
    Err(NodeError::msg("for good"))
}

async fn never_ends(_: View<Work>) -> WorkUpdate {
    pending().await
}

/// Looks right after its effect: what that came to is in the file by then.
async fn pays(file: Ctx<PathBuf>) -> NodeResult<WorkUpdate> {
    let paid = file.once("charge", || async { Ok::<_, NodeError>(100_u64) });
    let paid = paid.await?;
    let found = entries(&file);
    match found.contains(&"pays once/charge".to_owned()) {
        true => Ok(Work::update().total(paid)),
        false => Err(NodeError::msg(format_args!("in the file are {found:?}"))),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_task_leaves_is_in_the_file_while_others_work() {
    for durability in [Durability::Sync, Durability::Async] {
        let folder = tempdir().expect("a folder");
        let file = folder.path().join("runs.db");
        let graph = StateGraph::<Work, PathBuf>::new("prompt")
            .add_node("quick", quick)
            .add_node("patient", patient)
            .add_node("pays", pays)
            .add_edge(START, ["quick", "patient", "pays"])
            .checkpointer(Sqlite::open(&file).await.expect("it opens"))
            .compile()
            .expect("it is sound");
        let run = graph.invoke(Work::update()).thread("job").context(file);
        let run = run.durability(durability).await;
        assert_eq!(run.expect("it ends").state.total, 111);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_by_policies_joins_and_graphs_is_in_the_file_while_others_work() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("runs.db");
    let inside = StateGraph::<Work, PathBuf>::new("inside")
        .add_node("quick", quick)
        .add_node("patient", patient_inside)
        .add_edge(START, "quick")
        .add_edge("quick", "patient")
        .compile()
        .expect("it is sound");
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let timeout = Duration::from_millis(1);
    let graph = StateGraph::<Work, PathBuf>::new("prompt")
        .add_node("graph", inside)
        .add_node("retried", node(fails_at_first).retry(retry))
        .add_node("falls-back", node(fails).on_error(quick))
        .add_node("late", node(never_ends).timeout(timeout).on_error(quick))
        .add_node("won", quick)
        .add_node("lost", never_ends)
        .add_node("fine", quick)
        .add_node("bad", fails)
        .add_node("race", quick)
        .add_node("sum", quick)
        .add_edge(START, ["graph", "retried", "falls-back", "late"])
        .add_edge(START, ["won", "lost", "fine", "bad"])
        .add_join(["won", "lost"], "race", Join::first())
        .add_join(["fine", "bad"], "sum", Join::settled())
        .checkpointer(Sqlite::open(&file).await.expect("it opens"))
        .compile()
        .expect("it is sound");
    let run = graph.invoke(Work::update()).thread("job").context(file);
    assert_eq!(run.await.expect("it ends").state.total, 18);
}
