//! Threads in a Postgres database.

mod columns;
mod error;
mod lease;
mod prune;
mod read;
mod rows;
mod server;
mod text;
#[cfg(feature = "postgres-tls")]
mod tls;
mod write;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use superstep_core::{
    CheckpointError, CheckpointId, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord,
    FieldRecord, Lease, Loaded, Retention, ThreadId,
};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use error::Failure;
use server::Server;

/// The most leases that are being given back at the same time by nobody.
const MOST_ABANDONED: usize = 64;

/// Keeps threads in a Postgres database, which many machines write to.
///
/// Clones share their connections, and are cheap. It belongs to the runtime in
/// which it was connected, which has to have I/O and time enabled. A connection
/// that is lost is an error of the call that used it; the next call makes a new
/// one.
///
/// A commit is one round trip. Leases go by the server's clock.
///
/// With the feature `postgres-tls` and `sslmode=require` in the text it is
/// connected to, connections are encrypted, and the server has to have a
/// certificate that is trusted. Any others are not encrypted.
///
/// # The schema
///
/// All is in one schema, `superstep` unless it is said otherwise. It is made
/// where it is not there, and brought up to date where it is older; one that is
/// newer is an error. Its tables:
///
/// | table | has a row for each |
/// |---|---|
/// | `thread` | thread, with the token and the end of its newest lease |
/// | `checkpoint` | checkpoint: number, parent, line, step, source, time, body as JSON |
/// | `field` | field that a checkpoint changed: the `value` as JSON, or what it was `extend`ed by |
/// | `entry` | result, question, answer or effect of a superstep that has not ended |
/// | `schema_version` | – (one row: the number of the schema) |
/// | `history` | – (a view: `checkpoint` with names and times) |
///
/// Postgres's text has no character of code 0: it is written as two of code 1,
/// and one of code 1 as codes 1 and 2. JSON has neither.
///
/// # Examples
///
/// ```no_run
/// use superstep_core::Checkpointer;
/// use superstep_providers::Postgres;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let threads = Postgres::connect("postgres://app@localhost/app").await?;
/// assert!(threads.threads(None, 10).await?.len() <= 10);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Postgres {
    server: Server,
    retention: Option<Retention>,
    abandoned: Arc<Abandoned>,
}

/// How a database is connected to, where that is not as usual.
#[derive(Clone)]
#[must_use]
pub struct PostgresOptions {
    url: String,
    schema: String,
    connections: usize,
    #[cfg(feature = "postgres-tls")]
    roots: Option<Vec<u8>>,
}

impl PostgresOptions {
    /// The schema that has the tables; `superstep`, unless it is said here.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// How many connections there are at the most; 8, unless it is said here.
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most.max(1);
        self
    }

    /// Encrypts connections, as `sslmode=require` does, and trusts these
    /// certificates, as PEM, in place of the system's.
    #[cfg(feature = "postgres-tls")]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// Connects, and makes the schema if it is not there.
    ///
    /// # Errors
    ///
    /// As [`Postgres::connect`].
    pub async fn connect(self) -> Result<Postgres, CheckpointError> {
        let server = Server::connect(&self).await?;
        Ok(Postgres {
            server,
            retention: None,
            abandoned: Arc::new(Abandoned {
                runtime: Handle::current(),
                tasks: Mutex::default(),
            }),
        })
    }
}

impl Postgres {
    /// Connects to a database, as in `postgres://user:password@host:5432/name`
    /// or `host=… user=…`, and makes the schema if it is not there.
    ///
    /// # Errors
    ///
    /// [`Store`](CheckpointError::Store) when the text is none that says where a
    /// database is, the server cannot be reached or refuses, or the schema is
    /// another program's or of a newer version.
    pub async fn connect(url: impl Into<String>) -> Result<Self, CheckpointError> {
        Self::options(url).connect().await
    }

    /// Connects to a database in another way than is usual.
    pub fn options(url: impl Into<String>) -> PostgresOptions {
        PostgresOptions {
            url: url.into(),
            schema: "superstep".to_owned(),
            connections: 8,
            #[cfg(feature = "postgres-tls")]
            roots: None,
        }
    }

    /// Deletes what the retention does not keep, whenever so many checkpoints
    /// were written through this handle that it is worth it.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Makes the room that deleted threads and checkpoints had free for new
    /// ones. The server does this by itself too, from time to time.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn vacuum(&self) -> Result<(), CheckpointError> {
        let client = self.server.client().await?;
        let vacuum = client
            .batch_execute("VACUUM (ANALYZE) thread, checkpoint, field, entry")
            .await;
        self.answer(vacuum.map_err(Failure::from))
    }

    fn answer<T>(&self, done: Result<T, Failure>) -> Result<T, CheckpointError> {
        done.map_err(|failure| failure.into_error(&self.server.place))
    }
}

impl Checkpointer for Postgres {
    async fn acquire(&self, thread: &ThreadId, claim: Claim) -> Result<Lease, CheckpointError> {
        let client = self.server.client().await?;
        self.answer(lease::acquire(&client, thread, claim).await)
    }

    async fn renew(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        lasts: Duration,
    ) -> Result<(), CheckpointError> {
        let client = self.server.client().await?;
        self.answer(lease::renew(&client, thread, lease.token, lasts).await)
    }

    async fn release(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        let client = self.server.client().await?;
        self.answer(lease::release(&client, thread, lease.token).await)
    }

    fn abandon(&self, thread: &ThreadId, lease: &Lease) {
        let (server, thread, token) = (self.server.clone(), thread.clone(), lease.token);
        self.abandoned.take(async move {
            if let Ok(client) = server.client().await {
                // What fails here ends by itself.
                drop(lease::release(&client, &thread, token).await);
            }
        });
    }

    async fn commit(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        commit: Commit,
    ) -> Result<(), CheckpointError> {
        let mut client = self.server.client().await?;
        let written = write::commit(&mut client, thread, lease.token, &commit, self.retention);
        self.answer(written.await)
    }

    async fn put_entries(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        checkpoint: CheckpointId,
        entries: Vec<EntryRecord>,
    ) -> Result<(), CheckpointError> {
        let client = self.server.client().await?;
        let written = write::put_entries(&client, thread, lease.token, checkpoint, &entries);
        self.answer(written.await)
    }

    async fn load(
        &self,
        thread: &ThreadId,
        checkpoint: Option<CheckpointId>,
    ) -> Result<Option<Loaded>, CheckpointError> {
        let mut client = self.server.client().await?;
        self.answer(read::load(&mut client, thread, checkpoint).await)
    }

    async fn list(
        &self,
        thread: &ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<CheckpointRecord>, CheckpointError> {
        let client = self.server.client().await?;
        self.answer(read::list(&client, thread, before, limit).await)
    }

    async fn changes(
        &self,
        thread: &ThreadId,
        checkpoint: CheckpointId,
    ) -> Result<Vec<FieldRecord>, CheckpointError> {
        let client = self.server.client().await?;
        self.answer(read::changes(&client, thread, checkpoint).await)
    }

    async fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> Result<Vec<ThreadId>, CheckpointError> {
        let client = self.server.client().await?;
        let after = after.map(ThreadId::as_str);
        self.answer(read::threads(&client, after, limit).await)
    }

    async fn copy(&self, from: &ThreadId, to: &ThreadId) -> Result<(), CheckpointError> {
        let mut client = self.server.client().await?;
        self.answer(write::copy(&mut client, from, to).await)
    }

    async fn delete(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        let mut client = self.server.client().await?;
        self.answer(write::delete(&mut client, thread, lease.token).await)
    }
}

/// Leases that are being given back where nobody waits for it. What is not done
/// when the last handle is dropped is not done.
struct Abandoned {
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
}

impl Abandoned {
    fn take(&self, giving_back: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        if tasks.len() < MOST_ABANDONED {
            tasks.spawn_on(giving_back, &self.runtime);
        }
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("place", &self.server.place)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PostgresOptions {
    // Without the text that was connected with: it has the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}
