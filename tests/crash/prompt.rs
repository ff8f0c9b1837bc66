//! What is in the file while tasks are at work.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use superstep::prelude::*;
use superstep::{Durability, NodeError, Sqlite};
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

/// Ends when the results of the others are in the file, or fails.
async fn patient(file: Ctx<PathBuf>) -> NodeResult<WorkUpdate> {
    let mut found = Vec::new();
    for _ in 0..N_LOOKS {
        found = entries(&file);
        if found == ["pays once/charge", "pays result", "quick result"] {
            return Ok(Work::update().total(10_u64));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(NodeError::msg(format_args!("in the file are {found:?}")))
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
