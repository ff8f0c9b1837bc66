//! Threads in a file of SQLite's.

mod error;
mod file;
mod lease;
mod prune;
mod read;
mod worker;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use superstep_core::{
    CheckpointError, CheckpointId, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord,
    FieldRecord, Lease, Loaded, Retention, ThreadId,
};

use error::Failure;
use file::Settings;
use worker::{Line, Way};

/// Keeps threads in a file, which one or several processes write to.
///
/// Clones share the file, and are cheap. A thread of the operating system writes
/// and two read, so that the runtime's never wait for the disk; they end with
/// the last clone. Writes that wait at the same time are one transaction.
///
/// What was committed is on the disk before the call returns: neither a crash
/// nor a power cut takes it back. A power cut may take back a lease.
///
/// # The file
///
/// It can be read with `sqlite3`, also while a program writes to it; beside it
/// are `-wal`, what was not yet moved into it, and `-shm`. Copy all three, or
/// none while it is in use. Its tables:
///
/// | table | has a row for each |
/// |---|---|
/// | `thread` | thread: token and end of its newest lease, names of its fields |
/// | `checkpoint` | checkpoint: number, parent, line, step, source, time, body as JSON |
/// | `field` | field that a checkpoint changed: its value as JSON, or what was added |
/// | `entry` | result, question, answer or effect of a superstep that has not ended |
/// | `last_token` | – (one row: the last token of any lease) |
/// | `change` | – (a view: `field` with the names of threads and fields) |
///
/// `PRAGMA user_version` is the number of the schema. A file of an older one is
/// brought up to date when it is opened, one of a newer is an error.
///
/// # In memory
///
/// `:memory:` is no file, but a database in memory: of the handle that opened it
/// and its clones, and gone with the last of them. A file of that name is
/// `./:memory:`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use superstep_core::{Checkpointer, Claim, ThreadId};
/// use superstep_providers::Sqlite;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("runs.db");
/// let threads = Sqlite::open(path).await?;
/// let claim = Claim { lasts: Duration::from_secs(30), takes_over: false };
/// let lease = threads.acquire(&ThreadId::from("order-17"), claim).await?;
/// assert_eq!(lease.head, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sqlite {
    path: Arc<Path>,
    writes: Line,
    reads: Line,
    retention: Option<Retention>,
}

/// How a file is opened, where that is not as usual.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// use superstep_providers::Sqlite;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("runs.db");
/// let threads = Sqlite::options(&path)
///     .busy_timeout(Duration::from_secs(1))
///     .max_bytes(1 << 30)
///     .open()
///     .await?;
/// assert_eq!(threads.path(), path);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SqliteOptions {
    path: PathBuf,
    settings: Settings,
}

impl SqliteOptions {
    /// How long to wait for another process that writes; 5 seconds, unless it
    /// is said here.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.settings.busy_timeout = timeout;
        self
    }

    /// How large the file may grow; what would make it larger is refused. There
    /// is no limit unless it is said here.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = Some(bytes);
        self
    }

    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`].
    pub async fn open(self) -> Result<Sqlite, CheckpointError> {
        // SQLite takes it for a file of its own for each connection.
        if self.path.as_os_str().is_empty() {
            let help = "the path of the file is empty; `:memory:` is in memory";
            return Err(CheckpointError::store(help));
        }
        let path: Arc<Path> = match file::is_in_memory(&self.path) {
            true => self.path,
            // Relative to the folder of now.
            false => std::path::absolute(&self.path).unwrap_or(self.path),
        }
        .into();
        let (writes, reads) = worker::start(&path, self.settings).await?;
        Ok(Sqlite {
            path,
            writes,
            reads,
            retention: None,
        })
    }
}

impl Sqlite {
    /// Opens a file, and makes it if it is not there. The folder must be there.
    /// `:memory:` is [in memory](Self#in-memory), each time another.
    ///
    /// # Errors
    ///
    /// [`Store`](CheckpointError::Store) when the path is empty, and when the file
    /// cannot be opened or made, is another program's, or has the schema of a newer
    /// version;
    /// [`Corrupt`](CheckpointError::Corrupt) when it is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        Self::options(path).open().await
    }

    /// Opens a file in another way than is usual.
    pub fn options(path: impl AsRef<Path>) -> SqliteOptions {
        SqliteOptions {
            path: path.as_ref().to_owned(),
            settings: Settings {
                busy_timeout: Duration::from_secs(5),
                max_bytes: None,
            },
        }
    }

    /// Deletes what the retention does not keep, whenever so many checkpoints
    /// were written through this handle that it is worth it.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// The file, or `:memory:`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the room that deleted threads and checkpoints had back to the disk.
    /// Nothing is written to the file meanwhile.
    ///
    /// # Errors
    ///
    /// When another process holds the file, or the disk has no room for a copy.
    pub async fn vacuum(&self) -> Result<(), CheckpointError> {
        let vacuum = |connection: &rusqlite::Connection| {
            connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
            Ok(())
        };
        self.writes.ask(Way::Alone, vacuum).await
    }
}

impl Checkpointer for Sqlite {
    async fn acquire(&self, thread: &ThreadId, claim: Claim) -> Result<Lease, CheckpointError> {
        let (name, writes) = (thread.clone(), self.writes.clone());
        let work = move |file: &_| lease::acquire(file, &name, claim);
        let name = thread.clone();
        // A lease that nobody waits for any more would keep the thread busy.
        let lost = move |lease: Lease| writes.tell(Way::Light, releasing(&name, &lease));
        self.writes.ask_or(Way::Light, work, lost).await
    }

    async fn renew(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        lasts: Duration,
    ) -> Result<(), CheckpointError> {
        let (thread, token) = (thread.clone(), lease.token);
        let work = move |file: &_| lease::renew(file, &thread, token, lasts);
        self.writes.ask(Way::Light, work).await
    }

    async fn release(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        self.writes.ask(Way::Light, releasing(thread, lease)).await
    }

    fn abandon(&self, thread: &ThreadId, lease: &Lease) {
        self.writes.tell(Way::Light, releasing(thread, lease));
    }

    async fn commit(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        commit: Commit,
    ) -> Result<(), CheckpointError> {
        let (thread, token, retention) = (thread.clone(), lease.token, self.retention);
        let work = move |file: &_| write::commit(file, &thread, token, &commit, retention);
        self.writes.ask(Way::Durable, work).await
    }

    async fn put_entries(
        &self,
        thread: &ThreadId,
        lease: &Lease,
        checkpoint: CheckpointId,
        entries: Vec<EntryRecord>,
    ) -> Result<(), CheckpointError> {
        let (thread, token) = (thread.clone(), lease.token);
        let work = move |file: &_| write::put_entries(file, &thread, token, checkpoint, &entries);
        self.writes.ask(Way::Durable, work).await
    }

    async fn load(
        &self,
        thread: &ThreadId,
        checkpoint: Option<CheckpointId>,
    ) -> Result<Option<Loaded>, CheckpointError> {
        let thread = thread.clone();
        let work = move |file: &_| read::load(file, &thread, checkpoint);
        self.reads.ask(Way::Read, work).await
    }

    async fn list(
        &self,
        thread: &ThreadId,
        before: Option<CheckpointId>,
        limit: usize,
    ) -> Result<Vec<CheckpointRecord>, CheckpointError> {
        let thread = thread.clone();
        let work = move |file: &_| read::list(file, &thread, before, limit);
        self.reads.ask(Way::Read, work).await
    }

    async fn changes(
        &self,
        thread: &ThreadId,
        checkpoint: CheckpointId,
    ) -> Result<Vec<FieldRecord>, CheckpointError> {
        let thread = thread.clone();
        let work = move |file: &_| read::changes(file, &thread, checkpoint);
        self.reads.ask(Way::Read, work).await
    }

    async fn threads(
        &self,
        after: Option<&ThreadId>,
        limit: usize,
    ) -> Result<Vec<ThreadId>, CheckpointError> {
        let after = after.cloned();
        let work = move |file: &_| read::threads(file, after.as_deref(), limit);
        self.reads.ask(Way::Read, work).await
    }

    async fn copy(&self, from: &ThreadId, to: &ThreadId) -> Result<(), CheckpointError> {
        let (from, to) = (from.clone(), to.clone());
        let work = move |file: &_| write::copy(file, &from, &to);
        self.writes.ask(Way::Durable, work).await
    }

    async fn delete(&self, thread: &ThreadId, lease: &Lease) -> Result<(), CheckpointError> {
        let (thread, token) = (thread.clone(), lease.token);
        let work = move |file: &_| write::delete(file, &thread, token);
        self.writes.ask(Way::Durable, work).await
    }
}

fn releasing(
    thread: &ThreadId,
    lease: &Lease,
) -> impl Fn(&rusqlite::Connection) -> Result<(), Failure> + Send + 'static {
    let (thread, token) = (thread.clone(), lease.token);
    move |file| lease::release(file, &thread, token)
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite")
            .field("path", &self.path)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
