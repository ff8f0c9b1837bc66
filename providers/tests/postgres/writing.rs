//! What is in the database, and what waits for what.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use superstep_core::{Checkpointer, FieldKind, Retention, ThreadId};
use superstep_providers::Postgres;
use tokio_postgres::NoTls;

use crate::connecting::sql;
use crate::server::server;
use crate::support::{CLAIM, TAKE_OVER, checkpoint, commit, entry, field, id, message, write};

fn thread() -> ThreadId {
    ThreadId::from("ann")
}

async fn connected(schema: &str) -> Option<(String, Postgres)> {
    let url = server()?.url();
    let threads = Postgres::options(&url)
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

#[tokio::test]
async fn a_takeover_waits_for_what_is_being_written() {
    let Some((url, threads)) = connected("waiting").await else {
        return;
    };
    write(&threads, &thread(), 1).await;
    let (other, connection) = tokio_postgres::connect(&url, NoTls)
        .await
        .expect("it connects");
    let connection = tokio::spawn(connection);
    other
        .batch_execute(
            "BEGIN; SELECT FROM waiting.thread WHERE name = 'ann' FOR NO KEY UPDATE;
             INSERT INTO waiting.checkpoint
             SELECT thread, 2, 1, 1, 2, source, 0, 77, body, 0 FROM waiting.checkpoint",
        )
        .await
        .expect("nobody holds it");
    let ann = thread();
    let mut taking_over = pin!(threads.acquire(&ann, TAKE_OVER));
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
        AND query LIKE '%RETURNING id, token%' AND query LIKE '%excluded.token%'";
    let late = Instant::now() + Duration::from_secs(30);
    loop {
        let polled = taking_over
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending), "it did not wait");
        if sql(&url, waits).await != "0" {
            break;
        }
        assert!(Instant::now() < late, "it never came to wait");
    }
    other.batch_execute("COMMIT").await.expect("it ends");
    let lease = taking_over.await.expect("it has it now");
    assert_eq!((lease.head, lease.head_token), (Some(id(2)), 77));
    drop(other);
    connection.await.expect("it ends").expect("it ends well");
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
    let Some((_, threads)) = connected("retention").await else {
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
        threads
            .commit(&thread(), &lease, commit(number, fields))
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
}
