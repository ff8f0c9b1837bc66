//! A disk without room.

use superstep_core::{CheckpointError, Checkpointer, ThreadId};
use superstep_providers::Sqlite;
use tempfile::tempdir;

use crate::processes::{child, is_child, path_of_child};
use crate::support::{CLAIM, chain, id, message};

/// Writes until there is no room, and checks that nothing was half written.
async fn fill(threads: &Sqlite, room: u64) {
    let thread = ThreadId::from("ann");
    let lease = threads.acquire(&thread, CLAIM).await.expect("it is free");
    let mut number = 0;
    let error = loop {
        number += 1;
        assert!(number < room, "it was full long ago");
        if let Err(error) = threads
            .commit(&thread, &lease, message(number, 20_000))
            .await
        {
            break error;
        }
    };
    let text = chain(&error);
    assert!(matches!(error, CheckpointError::Store { .. }), "{text}");
    assert!(
        text.contains(&threads.path().display().to_string()),
        "{text}"
    );
    let loaded = threads
        .load(&thread, None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(loaded.checkpoint.id, id(number - 1));
    assert_eq!(
        loaded.fields.len(),
        usize::try_from(number - 1).expect("it is small")
    );
}

#[tokio::test]
async fn a_file_at_its_limit_refuses_and_can_still_be_read() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let threads = Sqlite::options(&path)
        .max_bytes(1 << 20)
        .open()
        .await
        .expect("it opens");
    fill(&threads, 100).await;
    let thread = ThreadId::from("bob");
    let lease = threads
        .acquire(&thread, CLAIM)
        .await
        .expect("there is a little room");
    let full = threads
        .commit(&thread, &lease, message(1, 1 << 20))
        .await
        .expect_err("too large");
    let text = chain(&full).replace(&path.display().to_string(), "runs.db");
    assert_eq!(
        text,
        "the store failed: the disk has no room left for `runs.db`: database or disk is full"
    );
}

/// The system takes no more of a file than that.
#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more_is_an_error() {
    let folder = tempdir().expect("a folder");
    let command = child("full::child_on_a_full_disk", &folder.path().join("runs.db"));
    let program = command.get_program().to_owned();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$@\"", "sh"]);
    limited.arg(program).args(command.get_args());
    limited.envs(
        command
            .get_envs()
            .filter_map(|(key, value)| Some((key, value?))),
    );
    let output = limited.output().expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[tokio::test]
async fn child_on_a_full_disk() {
    if is_child() {
        let threads = Sqlite::open(path_of_child()).await.expect("it opens");
        fill(&threads, 1000).await;
    }
}
