//! Several handles on one file, and what becomes of the threads behind them.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use superstep_core::{CheckpointError, Checkpointer, Commit, FieldKind, Lease, ThreadId};
use superstep_providers::Sqlite;
use tempfile::{TempDir, tempdir};

use crate::support::{CLAIM, TAKE_OVER, chain, checkpoint, commit, field, id, message, write};

fn thread() -> ThreadId {
    ThreadId::from("ann")
}

async fn opened() -> (TempDir, Sqlite) {
    let folder = tempdir().expect("a folder");
    let threads = Sqlite::open(folder.path().join("runs.db"))
        .await
        .expect("it opens");
    (folder, threads)
}

#[tokio::test]
async fn one_handle_sees_what_another_wrote_and_takes_its_lease() {
    let (_folder, one) = opened().await;
    let two = Sqlite::open(one.path()).await.expect("it opens twice");
    let old = write(&one, &thread(), 2).await;
    let seen = two
        .load(&thread(), None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(seen.checkpoint, checkpoint(2));
    two.acquire(&thread(), CLAIM)
        .await
        .expect_err("the other has it");
    let new = two.acquire(&thread(), TAKE_OVER).await.expect("taken over");
    assert_eq!((new.head, new.head_token), (Some(id(2)), old.token));
    let stale = one
        .commit(&thread(), &old, message(3, 10))
        .await
        .expect_err("it was taken over");
    assert!(matches!(stale, CheckpointError::Stale), "{stale}");
    two.commit(&thread(), &new, message(3, 10))
        .await
        .expect("it has the lease");
}

/// 64 threads at the same time, every fourth of them onto a head that is not
/// there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_takes_none_of_its_neighbours_with_it() {
    let (_folder, threads) = opened().await;
    let mut tasks = Vec::new();
    for number in 0..64_u64 {
        let (threads, thread) = (threads.clone(), ThreadId::from(format!("thread {number}")));
        tasks.push(tokio::spawn(async move {
            let lease = threads.acquire(&thread, CLAIM).await.expect("it is free");
            let is_wrong = number.is_multiple_of(4);
            let turn = message(if is_wrong { 7 } else { 1 }, 100);
            let done = threads.commit(&thread, &lease, turn).await;
            assert_eq!(done.is_err(), is_wrong, "{done:?}");
        }));
    }
    for task in tasks {
        task.await.expect("it is as it should be");
    }
    assert_eq!(
        threads.threads(None, 100).await.expect("readable").len(),
        48
    );
}

#[tokio::test]
async fn a_commit_that_fails_in_the_middle_leaves_nothing() {
    let (_folder, threads) = opened().await;
    let lease = write(&threads, &thread(), 1).await;
    let twice = || field("draft", 2, FieldKind::Value, "1");
    let commit = commit(2, vec![twice(), twice()]);
    threads
        .commit(&thread(), &lease, commit)
        .await
        .expect_err("a field has one record");
    assert_eq!(
        threads
            .list(&thread(), None, 9)
            .await
            .expect("readable")
            .len(),
        1
    );
    assert!(
        threads
            .changes(&thread(), id(2))
            .await
            .expect("readable")
            .is_empty()
    );
}

/// While another holds the file the writes come to wait, and go in together.
#[tokio::test]
async fn of_writes_in_one_transaction_the_one_that_fails_leaves_nothing() {
    let (_folder, threads) = opened().await;
    let names = ["a", "b", "c", "d"].map(ThreadId::from);
    let mut leases = Vec::new();
    for name in &names {
        leases.push(threads.acquire(name, CLAIM).await.expect("it is free"));
    }
    let other = Connection::open(threads.path()).expect("it opens");
    other
        .execute_batch("BEGIN IMMEDIATE")
        .expect("nobody writes");
    let mut writes = Vec::new();
    for (number, (name, lease)) in names.iter().zip(&leases).enumerate() {
        let mut turn = message(1, 10);
        if number == 1 {
            // It fails in the end, when most of it is written.
            turn.fields.push(turn.fields[0].clone());
        }
        let mut write = Box::pin(threads.commit(name, lease, turn));
        assert!(poll_once(write.as_mut()).is_pending());
        writes.push(write);
    }
    other.execute_batch("ROLLBACK").expect("it lets go");
    let mut are_done = Vec::new();
    for write in writes {
        are_done.push(write.await.is_ok());
    }
    assert_eq!(are_done, [true, false, true, true]);
    let written = threads.threads(None, 9).await.expect("readable");
    assert_eq!(written, ["a", "c", "d"].map(ThreadId::from));
}

#[tokio::test]
async fn reads_do_not_wait_for_writes_and_writes_wait_no_longer_than_they_are_told() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("runs.db");
    let options = Sqlite::options(&path).busy_timeout(Duration::ZERO);
    let threads = options.open().await.expect("it opens");
    let lease = write(&threads, &thread(), 1).await;
    let other = Connection::open(&path).expect("it opens");
    other
        .execute_batch("BEGIN IMMEDIATE")
        .expect("nobody writes");
    assert!(
        threads
            .load(&thread(), None)
            .await
            .expect("readable")
            .is_some()
    );
    let locked = threads
        .commit(&thread(), &lease, message(2, 10))
        .await
        .expect_err("locked");
    let text = chain(&locked).replace(&path.display().to_string(), "runs.db");
    assert_eq!(
        text,
        "the store failed: `runs.db` is locked by another program: database is locked"
    );
    other.execute_batch("ROLLBACK").expect("it lets go");
    threads
        .commit(&thread(), &lease, message(2, 10))
        .await
        .expect("it is free again");
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn what_is_dropped_is_done_whole_and_a_lease_can_be_left_behind() {
    let (_folder, threads) = opened().await;
    let lease = write(&threads, &thread(), 1).await;
    assert!(poll_once(threads.commit(&thread(), &lease, message(2, 10))).is_pending());
    threads.abandon(&thread(), &lease);
    // What is written is written in the order in which it was asked for.
    let next = threads
        .acquire(&thread(), CLAIM)
        .await
        .expect("it was given back");
    assert_eq!((next.head, next.head_token), (Some(id(2)), lease.token));
    let loaded = threads
        .load(&thread(), None)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(loaded.fields.len(), 2);
}

/// A file can leave the write-ahead log only while no other has it open.
#[tokio::test]
async fn the_threads_end_with_the_last_handle() {
    let (_folder, threads) = opened().await;
    let path = threads.path().to_owned();
    let clone = threads.clone();
    write(&clone, &thread(), 1).await;
    let is_alone = || {
        let file = Connection::open(&path).expect("it opens");
        file.pragma_update(None, "journal_mode", "delete").is_ok()
    };
    drop(threads);
    assert!(!is_alone(), "a clone has it open");
    assert!(
        clone
            .load(&thread(), None)
            .await
            .expect("readable")
            .is_some()
    );
    drop(clone);
    let late = Instant::now() + Duration::from_secs(30);
    while !is_alone() {
        assert!(Instant::now() < late, "somebody has it open");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_handle_can_be_opened_while_others_write() {
    let (_folder, threads) = opened().await;
    let lease = write(&threads, &thread(), 1).await;
    let other = Connection::open(threads.path()).expect("it opens");
    other
        .execute_batch("BEGIN IMMEDIATE")
        .expect("nobody writes");
    let second = Sqlite::options(threads.path()).busy_timeout(Duration::ZERO);
    second.open().await.expect("there is nothing to write");
    other.execute_batch("ROLLBACK").expect("it lets go");
    let next: (&Lease, Commit) = (&lease, message(2, 10));
    threads
        .commit(&thread(), next.0, next.1)
        .await
        .expect("written");
}

/// Only one of them can make it, and SQLite lets the others not wait for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_can_be_opened_by_many_at_once() {
    for _ in 0..30 {
        let folder = tempdir().expect("a folder");
        let path = folder.path().join("runs.db");
        let open = |_| tokio::spawn(Sqlite::open(path.clone()));
        let opening: Vec<_> = (0..12).map(open).collect();
        for opened in opening {
            let opened = opened.await.expect("it does not panic");
            opened.unwrap_or_else(|error| panic!("{}", chain(&error)));
        }
    }
}

#[tokio::test]
async fn a_lease_that_nobody_waited_for_is_given_back() {
    let (_folder, sqlite) = opened().await;
    let thread = ThreadId::from("dropped");
    for _ in 0..20 {
        let mut waker = Context::from_waker(Waker::noop());
        let mut acquiring = Box::pin(sqlite.acquire(&thread, CLAIM));
        let polled = acquiring.as_mut().poll(&mut waker);
        drop(acquiring);
        // It may have been quick enough.
        if let Poll::Ready(lease) = polled {
            let lease = lease.expect("the thread is free");
            sqlite.release(&thread, &lease).await.expect("it is held");
        }
        // What was begun is done, and then undone, in its time.
        let mut is_free = false;
        for _ in 0..1000 {
            match sqlite.acquire(&thread, CLAIM).await {
                Ok(lease) => {
                    sqlite.release(&thread, &lease).await.expect("it is held");
                    is_free = true;
                    break;
                }
                Err(CheckpointError::Busy { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(is_free, "the lease was left behind");
    }
}

#[tokio::test]
async fn what_is_in_memory_is_of_one_handle_and_its_clones() {
    let threads = Sqlite::open(":memory:").await.expect("it opens");
    let clone = threads.clone();
    write(&threads, &thread(), 2).await;
    threads.vacuum().await.expect("it has room");
    drop(threads);
    let seen = clone.threads(None, 9).await.expect("readable");
    assert_eq!(seen, [thread()]);

    let other = Sqlite::open(":memory:").await.expect("it opens");
    let seen = other.threads(None, 9).await.expect("readable");
    assert!(seen.is_empty(), "{seen:?}");
    assert_eq!(other.path(), Path::new(":memory:"));
    let is_there = other.path().exists();
    assert!(!is_there, "it is no file");
}

#[tokio::test]
async fn an_empty_path_is_refused() {
    let error = Sqlite::open("").await.expect_err("it names nothing");
    assert_eq!(
        chain(&error),
        "the store failed: the path of the file is empty; `:memory:` is in memory"
    );
}

#[tokio::test]
async fn what_is_in_memory_has_a_limit_as_a_file_has() {
    let threads = Sqlite::options(":memory:").max_bytes(1 << 20);
    let threads = threads.open().await.expect("it opens");
    let lease = write(&threads, &thread(), 1).await;
    let full = threads
        .commit(&thread(), &lease, message(2, 1 << 21))
        .await
        .expect_err("there is no room");
    let text = chain(&full);
    assert!(text.contains("no room left for `:memory:`"), "{text}");
    threads
        .commit(&thread(), &lease, message(2, 10))
        .await
        .expect("for less there is");
}
