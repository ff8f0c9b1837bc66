//! Several processes on one file: the tests start themselves again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use superstep_core::{CheckpointError, CheckpointId, Checkpointer, ThreadId};
use superstep_providers::Sqlite;
use tempfile::tempdir;

use crate::support::{CLAIM, TAKE_OVER, chain, entry, id, message, write};

const PATH: &str = "SUPERSTEP_TEST_PATH";

/// This test binary again, to run only that test, which finds the file's path.
pub(crate) fn child(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command
        .args(["--exact", test, "--nocapture"])
        .env(PATH, path);
    command
}

pub(crate) fn is_child() -> bool {
    std::env::var_os(PATH).is_some()
}

pub(crate) fn path_of_child() -> PathBuf {
    std::env::var_os(PATH).expect("it is a child").into()
}

const N_PROCESSES: usize = 4;
const N_TURNS: usize = 25;

#[tokio::test]
async fn processes_take_turns_and_lose_nothing() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let start = |_| {
        let mut child = child("processes::child_that_takes_turns", &path);
        child.stdout(Stdio::piped()).spawn().expect("it starts")
    };
    let children: Vec<_> = (0..N_PROCESSES).map(start).collect();
    let mut tokens = BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        let text = String::from_utf8(output.stdout).expect("it is text");
        assert!(output.status.success(), "{text}");
        let told = text
            .lines()
            .filter_map(|line| line.split_once("token ")?.1.parse::<u64>().ok());
        tokens.extend(told);
    }
    assert_eq!(tokens.len(), N_PROCESSES * N_TURNS, "no token twice");
    let threads = Sqlite::open(&path).await.expect("it opens");
    let loaded = threads
        .load(&ThreadId::from("shared"), None)
        .await
        .expect("readable");
    let loaded = loaded.expect("it is there");
    assert_eq!(loaded.fields.len(), N_PROCESSES * N_TURNS);
    assert_eq!(
        loaded.checkpoint.id.number(),
        (N_PROCESSES * N_TURNS) as u64
    );
}

#[expect(clippy::print_stdout, reason = "the process that started it reads it")]
#[tokio::test]
async fn child_that_takes_turns() {
    if !is_child() {
        return;
    }
    let threads = Sqlite::open(path_of_child()).await.expect("it opens");
    let thread = ThreadId::from("shared");
    let mut n_turns = 0;
    while n_turns < N_TURNS {
        let lease = match threads.acquire(&thread, CLAIM).await {
            Ok(lease) => lease,
            Err(CheckpointError::Busy { .. }) => continue,
            Err(error) => panic!("{}", chain(&error)),
        };
        let mut turn = message(CheckpointId::after(lease.head).number(), 10);
        turn.release = true;
        threads
            .commit(&thread, &lease, turn)
            .await
            .expect("it holds the lease");
        println!("\ntoken {}", lease.token);
        n_turns += 1;
    }
}

#[tokio::test]
async fn what_was_answered_outlives_a_kill() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let status = child("processes::child_that_is_killed", &path)
        .stdout(Stdio::null())
        .status();
    assert!(!status.expect("it ran").success(), "it was killed");
    let threads = Sqlite::open(&path).await.expect("it opens");
    let thread = ThreadId::from("ann");
    let loaded = threads
        .load(&thread, None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(loaded.checkpoint.id, id(3));
    assert_eq!(loaded.entries, [entry("plan", "result", "1")]);
    threads
        .acquire(&thread, CLAIM)
        .await
        .expect_err("the dead one holds the lease");
    threads
        .acquire(&thread, TAKE_OVER)
        .await
        .expect("until it is taken over");
}

#[tokio::test]
async fn child_that_is_killed() {
    if is_child() {
        let threads = Sqlite::open(path_of_child()).await.expect("it opens");
        let thread = ThreadId::from("ann");
        let lease = write(&threads, &thread, 3).await;
        let result = vec![entry("plan", "result", "1")];
        threads
            .put_entries(&thread, &lease, id(3), result)
            .await
            .expect("written");
        std::process::abort();
    }
}
