//! What is in the file, and which files are opened.

use rusqlite::Connection;
use superstep_core::{Checkpointer, FieldKind, Retention, ThreadId};
use superstep_providers::Sqlite;
use tempfile::tempdir;

use crate::support::{CLAIM, chain, checkpoint, commit, entry, field, id, message, write};

fn thread() -> ThreadId {
    ThreadId::from("ann")
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let token = {
        let threads = Sqlite::open(&path).await.expect("it opens");
        let lease = write(&threads, &thread(), 3).await;
        let entries = vec![entry("plan", "result", "{ \"spaces\" : 1 }")];
        threads
            .put_entries(&thread(), &lease, id(3), entries)
            .await
            .expect("written");
        lease.token
    };
    let threads = Sqlite::open(&path).await.expect("it opens again");
    let loaded = threads
        .load(&thread(), None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(loaded.checkpoint, checkpoint(3));
    assert_eq!(loaded.fields.len(), 3);
    assert_eq!(loaded.fields[0], message(1, 1000).fields[0]);
    assert_eq!(
        loaded.entries,
        [entry("plan", "result", "{ \"spaces\" : 1 }")]
    );
    let busy = threads
        .acquire(&thread(), CLAIM)
        .await
        .expect_err("the lease is kept too");
    assert!(
        chain(&busy).starts_with("the thread's lease is held by another run"),
        "{busy}"
    );
    let other = threads
        .acquire(&ThreadId::from("bob"), CLAIM)
        .await
        .expect("it is free");
    assert!(other.token > token, "tokens grow over the file");
}

#[tokio::test]
async fn the_file_can_be_read_by_people() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let threads = Sqlite::open(&path).await.expect("it opens");
    write(&threads, &thread(), 1).await;
    let file = Connection::open(&path).expect("it is a database");
    let text = |sql: &str| {
        file.query_row(sql, [], |row| row.get::<_, String>(0))
            .expect(sql)
    };
    assert_eq!(
        text("SELECT created_at FROM checkpoint"),
        "2026-09-21 14:13:20.124"
    );
    assert_eq!(
        text("SELECT json_extract(body, '$.next[0].node') FROM checkpoint"),
        "answer 1"
    );
    assert_eq!(
        text("SELECT thread || ' ' || field || ' ' || kind FROM change"),
        "ann messages extend"
    );
    assert_eq!(text("PRAGMA journal_mode"), "wal");
    assert_eq!(text("PRAGMA integrity_check"), "ok");
}

/// A chat of 1000 turns of a kilobyte.
#[tokio::test]
async fn a_chat_costs_little_more_than_what_was_said() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let threads = Sqlite::open(&path).await.expect("it opens");
    let lease = threads.acquire(&thread(), CLAIM).await.expect("it is free");
    let mut payload = 0;
    for turn in 0..1000 {
        let question = message(2 * turn + 1, 1000);
        payload += question.fields[0].json.len();
        threads
            .commit(&thread(), &lease, question)
            .await
            .expect("written");
        let mut answer = commit(2 * turn + 2, Vec::new());
        answer.checkpoint.body = format!("{:<100}", answer.checkpoint.body);
        answer.drop_entries_of = Some(id(2 * turn + 1));
        threads
            .commit(&thread(), &lease, answer)
            .await
            .expect("written");
    }
    let file = Connection::open(&path).expect("it is a database");
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("it is moved");
    let bytes = std::fs::metadata(&path).expect("it is there").len();
    let most = u64::try_from(payload).expect("it is small") * 3 / 2;
    assert!(bytes <= most, "{bytes} bytes for {payload}");
}

#[tokio::test]
async fn retention_and_vacuum_give_room_back() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let retention = Retention {
        keep_last: 8,
        keep_for: std::time::Duration::ZERO,
    };
    let threads = Sqlite::open(&path)
        .await
        .expect("it opens")
        .retention(retention);
    let lease = threads.acquire(&thread(), CLAIM).await.expect("it is free");
    for number in 1..=200 {
        let draft = format!("\"{number:>5000}\"");
        let mut fields = vec![field("draft", number, FieldKind::Value, &draft)];
        if number == 200 {
            fields.push(field("late", number, FieldKind::Value, "1"));
        }
        let mut commit = commit(number, fields);
        commit.entries = vec![entry("review/0/1/read", "result", "1")];
        let done = threads.commit(&thread(), &lease, commit).await;
        done.expect("written");
    }
    let kept = threads.list(&thread(), None, usize::MAX).await;
    let kept = kept.expect("readable");
    assert_eq!(kept.len(), 8);
    assert_eq!(kept[0], checkpoint(200));
    for record in &kept {
        let loaded = threads.load(&thread(), Some(record.id)).await;
        let loaded = loaded.expect("readable").expect("it is kept");
        assert_eq!(
            loaded.fields.len(),
            if record.id == id(200) { 2 } else { 1 }
        );
    }
    let file = Connection::open(&path).expect("it is a database");
    let entries = || {
        // Beside the row that says how many there are.
        let count = "SELECT count(*) FROM entry WHERE task != ''";
        let n = file.query_row(count, [], |row| row.get::<_, i64>(0));
        n.expect(count)
    };
    assert_eq!(entries(), 8);
    threads.delete(&thread(), &lease).await.expect("deleted");
    assert_eq!(entries(), 0);
    drop(file);
    threads.vacuum().await.expect("it is made smaller");
    let bytes = std::fs::metadata(&path).expect("it is there").len();
    assert!(bytes < 300_000, "{bytes} bytes with nothing in it");
}

/// The only place that knows how a file that cannot be opened is told of.
async fn refused(bytes: impl FnOnce(&std::path::Path), expected: &str) {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    bytes(&path);
    let error = Sqlite::open(&path).await.expect_err("it is refused");
    let text = chain(&error).replace(&path.display().to_string(), "runs.db");
    assert_eq!(text, expected);
}

fn sql(path: &std::path::Path, sql: &str) {
    let file = Connection::open(path).expect("it opens");
    file.execute_batch(sql).expect(sql);
}

#[tokio::test]
async fn files_that_are_not_ours_are_refused_and_named() {
    refused(
        |path| std::fs::write(path, "dear diary, ".repeat(1000)).expect("written"),
        "`runs.db` cannot be read: file is not a database",
    )
    .await;
    refused(
        |path| sql(path, "CREATE TABLE songs (title TEXT)"),
        "the store failed: `runs.db` is the database of another program",
    )
    .await;
    refused(
        |path| {
            sql(
                path,
                "PRAGMA application_id = 1936946288; PRAGMA user_version = 9",
            );
        },
        "the store failed: `runs.db` has the schema of a newer version, 9, and this one knows 1",
    )
    .await;
    refused(
        |path| std::fs::create_dir(path).expect("made"),
        "the store failed: `runs.db` cannot be opened: unable to open database file: runs.db",
    )
    .await;
}
