//! Files that were cut off or changed: what cannot be read is an error, and
//! nothing panics, hangs or is made up.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use superstep_core::{CheckpointError, Checkpointer, Loaded, ThreadId};
use superstep_providers::Sqlite;
use tempfile::tempdir;

use crate::support::{chain, id, write};

const N: u64 = 40;

fn thread() -> ThreadId {
    ThreadId::from("ann")
}

/// A file with a thread, all of it in one piece.
async fn whole(path: &Path) -> Vec<u8> {
    let threads = Sqlite::open(path).await.expect("it opens");
    write(&threads, &thread(), N).await;
    let file = Connection::open(path).expect("it is a database");
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("it is moved");
    fs::read(path).expect("it is there")
}

/// Everything that can be asked of a file.
async fn read(path: &Path) -> Result<Vec<Loaded>, CheckpointError> {
    let threads = Sqlite::open(path).await?;
    threads.threads(None, 10).await?;
    threads.list(&thread(), None, 100).await?;
    let mut loaded = Vec::new();
    for number in [1, N / 2, N] {
        threads.changes(&thread(), id(number)).await?;
        loaded.extend(threads.load(&thread(), Some(id(number))).await?);
    }
    Ok(loaded)
}

#[tokio::test]
async fn a_torn_file_is_an_error_that_names_it() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let bytes = whole(&path).await;
    let n_pages = bytes.len() / 16_384;
    assert!(n_pages > 5, "there is something to tear");
    for kept in 1..n_pages {
        let torn = folder.path().join(format!("torn-{kept}.db"));
        fs::write(&torn, &bytes[..kept * 16_384]).expect("written");
        let error = read(&torn).await.expect_err("it is not all there");
        let text = chain(&error);
        assert!(matches!(error, CheckpointError::Corrupt { .. }), "{text}");
        assert!(text.contains(&torn.display().to_string()), "{text}");
    }
}

#[tokio::test]
async fn a_flipped_bit_is_an_error_or_leaves_what_is_read_in_order() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let bytes = whole(&path).await;
    let (mut n_errors, mut n_read) = (0, 0);
    for at in (0..bytes.len()).step_by(509) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let flipped = folder.path().join("flipped.db");
        fs::write(&flipped, &changed).expect("written");
        match read(&flipped).await {
            Err(error) => {
                n_errors += 1;
                let text = chain(&error);
                assert!(!text.contains("has ended"), "{text}");
            }
            // What the text itself says is the engine's to check.
            Ok(loaded) => {
                n_read += 1;
                for loaded in loaded {
                    assert!(loaded.fields.is_sorted_by_key(|record| record.checkpoint));
                }
            }
        }
        for beside in ["flipped.db-wal", "flipped.db-shm"] {
            drop(fs::remove_file(folder.path().join(beside)));
        }
    }
    assert!(
        n_errors > 0 && n_read > 0,
        "{n_errors} errors, {n_read} read"
    );
}

#[tokio::test]
async fn a_record_that_is_not_what_was_written_is_named() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    whole(&path).await;
    for (sql, expected) in [
        (
            "UPDATE checkpoint SET source_code = 9 WHERE number = 20",
            "checkpoint 20 in `runs.db` cannot be read: there is no source 9",
        ),
        (
            "UPDATE checkpoint SET source_code = 1; UPDATE checkpoint SET parent = 9 WHERE number = 1",
            "checkpoint 1 in `runs.db` cannot be read: what it follows is not before it",
        ),
        (
            "UPDATE checkpoint SET body = CAST(x'ff41' AS TEXT) WHERE number = 40",
            "checkpoint 40 in `runs.db` cannot be read: invalid utf-8 sequence",
        ),
    ] {
        Connection::open(&path)
            .expect("it opens")
            .execute_batch(sql)
            .expect(sql);
        let error = read(&path).await.expect_err("it is wrong");
        let text = chain(&error).replace(&path.display().to_string(), "runs.db");
        assert!(text.starts_with(expected), "{text}");
    }
}
