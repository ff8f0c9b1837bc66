//! What is in the database, and what waits for what.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use superstep_core::{CheckpointError, Checkpointer, FieldKind, Retention, ThreadId};
use superstep_providers::Postgres;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use crate::connecting::sql;
use crate::server::server;
use crate::support::{CLAIM, TAKE_OVER, checkpoint, commit, entry, field, id, message, write};

fn thread() -> ThreadId {
    ThreadId::from("ann")
}

async fn connected(schema: &str) -> Option<(String, Postgres)> {
    let url = server()?.url();
    let named = format!("{url}?application_name={schema}");
    let threads = Postgres::options(named)
        .schema(schema)
        .connect()
        .await
        .expect("it connects");
    Some((url, threads))
}

#[tokio::test]
async fn what_was_committed_is_there_for_others_and_for_people() {
    let Some((url, threads)) = connected("others").await else {
        return;
    };
    let lease = write(&threads, &thread(), 3).await;
    let json = "{ \"spaces\" : 1 }";
    threads
        .put_entries(
            &thread(),
            &lease,
            id(3),
            vec![entry("plan", "result", json)],
        )
        .await
        .expect("written");
    drop(threads);
    let (_, threads) = connected("others").await.expect("it is there");
    let loaded = threads
        .load(&thread(), None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(loaded.checkpoint, checkpoint(3));
    assert_eq!(loaded.fields.len(), 3);
    assert_eq!(loaded.fields[0], message(1, 1000).fields[0]);
    assert_eq!(loaded.entries, [entry("plan", "result", json)]);
    let text =
        "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS ') || thread
        FROM others.history WHERE number = 3";
    assert_eq!(sql(&url, text).await, "2026-09-21 14:13:20.126 ann");
    threads.vacuum().await.expect("it does");
}

/// Each record a round trip would take a second or more here.
#[tokio::test]
async fn ten_thousand_entries_are_one_statement() {
    let Some((url, threads)) = connected("many").await else {
        return;
    };
    let lease = write(&threads, &thread(), 1).await;
    let entries: Vec<_> = (0..10_000)
        .map(|n| entry(&format!("review/{n}"), "result", "1"))
        .collect();
    threads
        .put_entries(&thread(), &lease, id(1), entries)
        .await
        .expect("written");
    let loaded = threads
        .load(&thread(), None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(loaded.entries.len(), 10_000);
    // All rows are of one command of one transaction.
    let commands = "SELECT count(DISTINCT (xmin::text, cmin::text)) FROM many.entry";
    assert_eq!(sql(&url, commands).await, "1");
}

/// A connection of the test's own, and the task behind it.
async fn other(url: &str) -> (Client, JoinHandle<()>) {
    let (other, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("it connects");
    let connection = async { connection.await.expect("it ends well") };
    (other, tokio::spawn(connection))
}

/// Polls until the connections of that name wait for a lock.
async fn waits(url: &str, name: &str, future: &mut (impl Future + Unpin)) {
    let waiting = format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND application_name = '{name}'"
    );
    let late = Instant::now() + Duration::from_secs(30);
    loop {
        let polled = Pin::new(&mut *future).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "it did not wait");
        if sql(url, &waiting).await != "0" {
            break;
        }
        assert!(Instant::now() < late, "it never came to wait");
    }
}

#[tokio::test]
async fn a_takeover_waits_for_what_is_being_written() {
    let Some((url, threads)) = connected("takeover").await else {
        return;
    };
    write(&threads, &thread(), 1).await;
    let (other, connection) = other(&url).await;
    other
        .batch_execute(
            "BEGIN; SELECT FROM takeover.thread WHERE name = 'ann' FOR NO KEY UPDATE;
             INSERT INTO takeover.checkpoint
             SELECT thread, 2, 1, 1, 2, source, 0, 77, body, 0 FROM takeover.checkpoint",
        )
        .await
        .expect("nobody holds it");
    let ann = thread();
    let mut taking_over = pin!(threads.acquire(&ann, TAKE_OVER));
    waits(&url, "takeover", &mut taking_over).await;
    other.batch_execute("COMMIT").await.expect("it ends");
    let lease = taking_over.await.expect("it has it now");
    assert_eq!((lease.head, lease.head_token), (Some(id(2)), 77));
    drop(other);
    connection.await.expect("it ends");
}

#[tokio::test]
async fn what_is_written_waits_for_a_takeover_and_comes_too_late() {
    let Some((url, threads)) = connected("late").await else {
        return;
    };
    let (ann, lease) = (thread(), write(&threads, &thread(), 1).await);
    let (other, connection) = other(&url).await;
    let taking_over = "BEGIN; UPDATE late.thread SET token = token + 1";
    other.batch_execute(taking_over).await.expect("it is free");
    let mut committing = pin!(threads.commit(&ann, &lease, message(2, 10)));
    waits(&url, "late", &mut committing).await;
    let entries = vec![entry("plan", "result", "1")];
    let mut putting = pin!(threads.put_entries(&ann, &lease, id(1), entries));
    waits(&url, "late", &mut putting).await;
    other.batch_execute("COMMIT").await.expect("it ends");
    for late in [committing.await, putting.await] {
        assert!(matches!(late, Err(CheckpointError::Stale)), "{late:?}");
    }
    let loaded = threads.load(&ann, None).await.expect("readable");
    assert!(loaded.expect("there").entries.is_empty());
    drop(other);
    connection.await.expect("it ends");
}

#[tokio::test]
async fn an_abandoned_lease_is_given_back() {
    let Some((_, threads)) = connected("abandoned").await else {
        return;
    };
    let lease = threads.acquire(&thread(), CLAIM).await.expect("it is free");
    threads.abandon(&thread(), &lease);
    let late = Instant::now() + Duration::from_secs(30);
    while threads.acquire(&thread(), CLAIM).await.is_err() {
        assert!(Instant::now() < late, "it is never given back");
    }
}

#[tokio::test]
async fn retention_deletes_what_it_does_not_keep() {
    let Some((url, threads)) = connected("retention").await else {
        return;
    };
    let threads = threads.retention(Retention {
        keep_last: 8,
        keep_for: Duration::ZERO,
    });
    let lease = threads.acquire(&thread(), CLAIM).await.expect("it is free");
    for number in 1..=40 {
        let mut fields = vec![field(
            "draft",
            number,
            FieldKind::Value,
            &number.to_string(),
        )];
        if number == 40 {
            fields.push(field("late", number, FieldKind::Value, "1"));
        }
        let mut commit = commit(number, fields);
        commit.entries = vec![entry("review/0/1/read", "result", "1")];
        threads
            .commit(&thread(), &lease, commit)
            .await
            .expect("written");
    }
    let kept = threads
        .list(&thread(), None, usize::MAX)
        .await
        .expect("readable");
    assert_eq!(kept.len(), 8);
    for record in &kept {
        let loaded = threads
            .load(&thread(), Some(record.id))
            .await
            .expect("readable");
        let n_fields = if record.id == id(40) { 2 } else { 1 };
        assert_eq!(loaded.expect("it is kept").fields.len(), n_fields);
    }
    let entries = "SELECT count(*) FROM retention.entry";
    assert_eq!(sql(&url, entries).await, "8");
    let deleted = threads.delete(&thread(), &lease).await;
    deleted.expect("deleted");
    assert_eq!(sql(&url, entries).await, "0");
}
