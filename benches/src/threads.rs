//! What threads cost in SQLite and in Postgres, beside a program that appends the
//! same rows to such a file by hand.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{
    CheckpointError, CheckpointId, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord,
    FieldRecord, Graph, Lease, Loaded, Postgres, Sqlite, ThreadId,
};

use crate::measure::Row;
use crate::postgres;

const TURNS: usize = 1000;
/// What is said in a turn: half by a person, half by the node.
const SAID: usize = 1000;
/// How many neighbouring turns are one measurement.
const AROUND: usize = 9;

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Chat {
    #[reduce(Append)]
    messages: Vec<String>,
}

async fn answer(_: View<Chat>) -> ChatUpdate {
    Chat::update().messages("a".repeat(SAID / 2))
}

fn chat(store: impl Checkpointer) -> Graph<Chat> {
    StateGraph::<Chat>::new("chat")
        .add_node("answer", answer)
        .add_edge(START, "answer")
        .checkpointer(store)
        .compile()
        .expect("the chat is sound")
}

async fn turn(graph: &Graph<Chat>) -> Duration {
    let begin = Instant::now();
    let said = Chat::update().messages("q".repeat(SAID / 2));
    let run = graph.invoke(said).thread("chat").await;
    let took = begin.elapsed();
    run.expect("the turn ends");
    took
}

/// What turns took: all of them, some early ones, some late ones, and reading
/// the newest state after them.
struct Chatted {
    all: f64,
    early: f64,
    late: f64,
    newest: f64,
}

async fn chat_in(store: impl Checkpointer) -> Chatted {
    let graph = chat(store);
    let mut turns = Vec::with_capacity(TURNS);
    for _ in 0..TURNS {
        turns.push(turn(&graph).await);
    }
    Chatted {
        all: median(&turns),
        early: median(&turns[10..10 + AROUND]),
        late: median(&turns[TURNS - AROUND..]),
        newest: newest(&graph).await,
    }
}

/// The rows of a chat of 1000 turns in SQLite.
pub(crate) async fn chat_in_sqlite() -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chat.db");
    let took = chat_in(Sqlite::open(&path).await.expect("a file")).await;
    let floor = by_hand(&folder.path().join("floor.db"));
    vec![
        bytes_row(
            "1000-turn chat in SQLite: bytes on disk",
            bytes_of(&path),
            1.5,
        ),
        row("… turn 1000", took.late, "turn 10", took.early, 1.2),
        row(
            "… reading the newest state",
            took.newest,
            "a turn",
            took.late,
            5.0,
        ),
        row("… a turn", took.all, "by hand", median(&floor), 2.0),
    ]
}

/// The rows of a chat of 1000 turns in Postgres, if there is one.
pub(crate) async fn chat_in_postgres() -> Vec<Row> {
    let Some(server) = postgres::server() else {
        return Vec::new();
    };
    let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls)
        .await
        .expect("the server is there");
    let driver = tokio::spawn(connection);
    // The server is one for tests, which need not wait for the disk.
    for set in ["ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()"] {
        client.execute(set, &[]).await.expect("it is set");
    }
    let store = Postgres::connect(server.url()).await;
    let store = store.expect("the server is there");
    let took = chat_in(store.clone()).await;
    store.vacuum().await.expect("it is cleaned");
    let bytes = table_bytes(&client).await;
    drop(client);
    driver.await.expect("it ends").expect("it ends well");
    vec![
        bytes_row(
            "1000-turn chat in Postgres: bytes of its tables",
            bytes,
            2.5,
        ),
        row("… turn 1000", took.late, "turn 10", took.early, 1.2),
        row(
            "… reading the newest state",
            took.newest,
            "a turn",
            took.late,
            5.0,
        ),
    ]
}

/// The bytes of all tables and their indexes.
async fn table_bytes(client: &tokio_postgres::Client) -> f64 {
    let sum = "SELECT sum(pg_total_relation_size(class.oid))::float8 FROM pg_class AS class
        JOIN pg_namespace AS space ON space.oid = class.relnamespace
        WHERE space.nspname = 'superstep' AND class.relkind = 'r'";
    client.query_one(sum, &[]).await.expect("a sum").get(0)
}

fn bytes_row(workload: &'static str, bytes: f64, target: f64) -> Row {
    let payload = (TURNS * SAID) as f64;
    Row {
        workload,
        median_ns: bytes,
        floor: "payload",
        floor_ns: payload,
        ratio: bytes / payload,
        target,
        at_most: true,
        unit: "bytes",
    }
}

fn row(workload: &'static str, ours: f64, floor: &'static str, floor_ns: f64, target: f64) -> Row {
    Row {
        workload,
        median_ns: ours,
        floor,
        floor_ns,
        ratio: ours / floor_ns,
        target,
        at_most: true,
        unit: "ns",
    }
}

fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2].as_nanos() as f64
}

async fn newest(graph: &Graph<Chat>) -> f64 {
    let mut times = Vec::new();
    for _ in 0..AROUND {
        let begin = Instant::now();
        let snapshot = graph.thread("chat").state().await.expect("it can be read");
        times.push(begin.elapsed());
        assert_eq!(
            snapshot.values.messages.len(),
            2 * TURNS,
            "all of it is there"
        );
    }
    median(&times)
}

/// The file's size once the write-ahead log has gone into it.
fn bytes_of(path: &Path) -> f64 {
    let connection = Connection::open(path).expect("the file is there");
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("the log goes in");
    drop(connection);
    std::fs::metadata(path).expect("the file is there").len() as f64
}

/// What the same turns take a program that does nothing but append the same rows
/// to such a file, as durably: a transaction for what the person says and one
/// for the answer, each with a row that says what is next and a row with what
/// was said.
fn by_hand(path: &Path) -> Vec<Duration> {
    let mut connection = Connection::open(path).expect("a file");
    let set = "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        CREATE TABLE checkpoint (thread INTEGER, number INTEGER, body TEXT NOT NULL,
            PRIMARY KEY (thread, number)) WITHOUT ROWID;
        CREATE TABLE field (thread INTEGER, field INTEGER, checkpoint INTEGER, json TEXT NOT NULL);
        CREATE UNIQUE INDEX field_checkpoint ON field (thread, field, checkpoint);";
    connection.execute_batch(set).expect("tables");
    let (said, next) = (format!("[\"{}\"]", "q".repeat(SAID / 2)), "n".repeat(80));
    let mut times = Vec::with_capacity(TURNS);
    for turn in 0_u32..1000 {
        let begin = Instant::now();
        for number in [2 * turn, 2 * turn + 1] {
            let both = connection.transaction().expect("a transaction");
            let checkpoint = "INSERT INTO checkpoint VALUES (1, ?1, ?2)";
            let mut insert = both.prepare_cached(checkpoint).expect("a statement");
            insert.execute((number, &next)).expect("a row");
            let field = "INSERT INTO field VALUES (1, 0, ?1, ?2)";
            let mut insert_field = both.prepare_cached(field).expect("a statement");
            insert_field.execute((number, &said)).expect("a row");
            drop((insert, insert_field));
            both.commit().expect("it is written");
        }
        times.push(begin.elapsed());
    }
    times
}

const WORK: Worker<u32> = Worker::new("work");

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Many {
    #[reduce(Append)]
    results: Vec<u32>,
}

/// How often a fan-out of 10 000 sends asks the checkpointer to write.
pub(crate) async fn writes_of_sends() -> Row {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(folder.path().join("sends.db")).await;
    let store = Counting {
        inner: store.expect("a file"),
        n_writes: Arc::default(),
    };
    let graph = StateGraph::<Many>::new("many")
        .add_worker(WORK, async |number: u32| Many::update().results(number))
        .add_conditional_edges(
            START,
            |_: &Many| {
                (0..10_000)
                    .map(|number| WORK.send(number))
                    .collect::<Vec<_>>()
            },
            WORK,
        )
        .checkpointer(store.clone())
        .compile()
        .expect("it is sound");
    let run = graph.invoke(Many::update()).thread("many").await;
    assert_eq!(
        run.expect("it ends").state.results.len(),
        10_000,
        "all have run"
    );
    let n_writes = store.n_writes.load(Ordering::Relaxed) as f64;
    Row {
        workload: "10 000 sends in SQLite: round trips to write",
        median_ns: n_writes,
        floor: "one",
        floor_ns: 1.0,
        ratio: n_writes,
        target: 100.0,
        at_most: true,
        unit: "trips",
    }
}

/// Counts what is asked of a checkpointer.
#[derive(Clone)]
struct Counting {
    inner: Sqlite,
    n_writes: Arc<AtomicU64>,
}

impl Counting {
    fn count(&self) {
        self.n_writes.fetch_add(1, Ordering::Relaxed);
    }
}

impl Checkpointer for Counting {
    async fn acquire(&self, thread: &ThreadId, claim: Claim) -> Result<Lease, CheckpointError> {
        self.count();
        self.inner.acquire(thread, claim).await
    }

    async fn renew(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        lasts: Duration,
    ) -> Result<(), CheckpointError> {
        self.count();
        self.inner.renew(thread, lease, lasts).await
    }

    async fn release(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        self.count();
        self.inner.release(thread, lease).await
    }

    async fn commit(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        commit: Commit,
    ) -> Result<(), CheckpointError> {
        self.count();
        self.inner.commit(thread, lease, commit).await
    }

    async fn put_entries(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        checkpoint: CheckpointId,
        entries: Vec<EntryRecord>,
    ) -> Result<(), CheckpointError> {
        self.count();
        self.inner
            .put_entries(thread, lease, checkpoint, entries)
            .await
    }

    async fn load(
        &self,
        thread: &ThreadId,
        checkpoint: Option<CheckpointId>,
    ) -> Result<Option<Loaded>, CheckpointError> {
        self.inner.load(thread, checkpoint).await
    }

    async fn list(
        &self,
        thread: &ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<CheckpointRecord>, CheckpointError> {
        self.inner.list(thread, before, limit).await
    }

    async fn changes(
        &self,
        thread: &ThreadId,
        checkpoint: CheckpointId,
    ) -> Result<Vec<FieldRecord>, CheckpointError> {
        self.inner.changes(thread, checkpoint).await
    }

    async fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> Result<Vec<ThreadId>, CheckpointError> {
        self.inner.threads(after, limit).await
    }

    async fn copy(&self, from: &ThreadId, to: &ThreadId) -> Result<(), CheckpointError> {
        self.inner.copy(from, to).await
    }

    async fn delete(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        self.inner.delete(thread, lease).await
    }
}
