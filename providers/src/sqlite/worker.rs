//! Threads that work on the file, so that the runtime's need not wait for the
//! disk.
//!
//! 1. One thread writes, a few read; each has a connection of its own. Of what is
//!    in memory there is one connection, whose thread reads as well.
//! 2. What waits to be written goes into one transaction, so that it costs one
//!    wait for the disk. Each piece has a savepoint: one that fails leaves
//!    nothing behind and takes nothing with it.
//! 3. Where the transaction as a whole fails, each piece is done again by
//!    itself.
//! 4. Nothing is answered before it is committed. A piece that nobody waits for
//!    any more is done all the same if it writes.
//! 5. The threads end when the last handle is dropped.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rusqlite::Connection;
use superstep_core::CheckpointError;
use tokio::sync::{mpsc, oneshot};

use super::error::{Failure, ended, not_started};
use super::file::{self, Settings};

/// The most that wait in line; who comes later waits to get in.
const MOST_WAITING: usize = 256;

/// The most that goes into one transaction.
const MOST_AT_ONCE: usize = 64;

const N_READERS: usize = 2;

/// How a piece of work is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Reading.
    Read,
    /// Writing what a power cut may take back.
    Light,
    /// Writing what no power cut may take back.
    Durable,
    /// Outside of a transaction, alone.
    Alone,
}

/// The way to the threads of one kind.
#[derive(Debug, Clone)]
pub(super) struct Line {
    path: Arc<Path>,
    jobs: mpsc::Sender<Box<dyn Job>>,
}

/// Starts the threads; the first line is for writing, the second for reading.
pub(super) async fn start(
    path: &Arc<Path>,
    settings: Settings,
) -> Result<(Line, Line), CheckpointError> {
    let (writes, to_write) = mpsc::channel(MOST_WAITING);
    start_thread(path, "sqlite-write", move |path| {
        let writer = Writer {
            connection: file::open(path, settings)?,
            is_synced: true,
        };
        Ok(move || writer.work(to_write))
    })
    .await?;
    let line = |jobs| Line {
        path: Arc::clone(path),
        jobs,
    };
    if file::is_in_memory(path) {
        let both = line(writes);
        return Ok((both.clone(), both));
    }
    let (reads, to_read) = mpsc::channel(MOST_WAITING);
    let to_read = Arc::new(Mutex::new(to_read));
    for _ in 0..N_READERS {
        let to_read = Arc::clone(&to_read);
        start_thread(path, "sqlite-read", move |path| {
            let connection = file::open_to_read(path, settings)?;
            Ok(move || read(&connection, &to_read))
        })
        .await?;
    }
    Ok((line(writes), line(reads)))
}

/// Starts a thread, and waits until it is ready to work.
async fn start_thread<W: FnOnce()>(
    path: &Arc<Path>,
    name: &str,
    begin: impl FnOnce(&Path) -> Result<W, Failure> + Send + 'static,
) -> Result<(), CheckpointError> {
    let (begun, is_begun) = oneshot::channel();
    let file = Arc::clone(path);
    let thread = move || match begin(&file) {
        Err(failure) => drop(begun.send(Err(failure))),
        Ok(work) => {
            if begun.send(Ok(())).is_ok() {
                work();
            }
        }
    };
    let started = thread::Builder::new().name(name.to_owned()).spawn(thread);
    started.map_err(|error| not_started(path, error))?;
    let begun = is_begun.await.map_err(|_| ended(path))?;
    begun.map_err(|failure| failure.into_error(path))
}

impl Line {
    /// Has it done, and waits for the answer.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        way: Way,
        work: impl Fn(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, CheckpointError> {
        self.ask_or(way, work, |_| ()).await
    }

    /// As [`ask`](Self::ask); an answer that nobody waits for any more goes to
    /// `lost`.
    pub(super) async fn ask_or<T: Send + 'static>(
        &self,
        way: Way,
        work: impl Fn(&Connection) -> Result<T, Failure> + Send + 'static,
        lost: impl Fn(T) + Clone + Send + 'static,
    ) -> Result<T, CheckpointError> {
        let (answer, is_answered) = oneshot::channel();
        let job = Box::new(Asked {
            way,
            work,
            lost: lost.clone(),
            done: None,
            answer,
        });
        let gone = || ended(&self.path);
        self.jobs.send(job).await.map_err(|_| gone())?;
        let mut waits = Waits { is_answered, lost };
        let done = (&mut waits.is_answered).await.map_err(|_| gone())?;
        done.map_err(|failure| failure.into_error(&self.path))
    }

    /// Has it done if there is room in line, and waits for nothing.
    pub(super) fn tell(
        &self,
        way: Way,
        work: impl Fn(&Connection) -> Result<(), Failure> + Send + 'static,
    ) {
        let (answer, _) = oneshot::channel();
        let job = Box::new(Asked {
            way,
            work,
            lost: |()| (),
            done: None,
            answer,
        });
        // Where the line is full it is left undone, as the caller must know.
        drop(self.jobs.try_send(job));
    }
}

/// Who waits for an answer; one that has come and was not looked at is lost
/// with it.
struct Waits<T, L: Fn(T)> {
    is_answered: oneshot::Receiver<Result<T, Failure>>,
    lost: L,
}

impl<T, L: Fn(T)> Drop for Waits<T, L> {
    fn drop(&mut self) {
        self.is_answered.close();
        if let Ok(Ok(done)) = self.is_answered.try_recv() {
            (self.lost)(done);
        }
    }
}

/// A piece of work and who waits for it, whatever its answer is.
trait Job: Send {
    fn way(&self) -> Way;

    /// Whether somebody waits for the answer.
    fn is_awaited(&self) -> bool;

    /// Does it, perhaps again, and keeps the answer. Says if it went well.
    fn attempt(&mut self, connection: &Connection) -> bool;

    /// Gives the answer, unless the transaction failed around it.
    fn answer(self: Box<Self>, outcome: Result<(), Failure>);
}

struct Asked<T, W, L> {
    way: Way,
    work: W,
    lost: L,
    done: Option<Result<T, Failure>>,
    answer: oneshot::Sender<Result<T, Failure>>,
}

impl<T, W, L> Job for Asked<T, W, L>
where
    T: Send,
    W: Fn(&Connection) -> Result<T, Failure> + Send,
    L: Fn(T) + Send,
{
    fn way(&self) -> Way {
        self.way
    }

    fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }

    fn attempt(&mut self, connection: &Connection) -> bool {
        let done = (self.work)(connection);
        self.done.insert(done).is_ok()
    }

    fn answer(self: Box<Self>, outcome: Result<(), Failure>) {
        let answer = match (self.done, outcome) {
            (Some(Err(failure)), _) | (_, Err(failure)) => Err(failure),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (None, Ok(())) => return,
        };
        if let Err(Ok(done)) = self.answer.send(answer) {
            (self.lost)(done);
        }
    }
}

struct Writer {
    connection: Connection,
    is_synced: bool,
}

impl Writer {
    fn work(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        let mut waiting = Vec::new();
        while jobs.blocking_recv_many(&mut waiting, MOST_AT_ONCE) > 0 {
            let mut batch = Vec::new();
            for job in waiting.drain(..) {
                if job.way() == Way::Alone {
                    self.write(std::mem::take(&mut batch));
                    self.outside(job);
                } else {
                    batch.push(job);
                }
            }
            self.write(batch);
        }
    }

    fn write(&mut self, mut batch: Vec<Box<dyn Job>>) {
        if batch.len() > 1 && self.together(&mut batch).is_ok() {
            for job in batch {
                job.answer(Ok(()));
            }
            return;
        }
        for mut job in batch {
            let outcome = self.by_itself(&mut *job);
            job.answer(outcome);
        }
    }

    /// Does all in one transaction; fails if that fails, not if one of them
    /// does.
    fn together(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let is_durable = batch.iter().any(|job| job.way() == Way::Durable);
        self.transaction(is_durable, |connection| {
            for job in batch {
                execute(connection, "SAVEPOINT piece")?;
                if !job.attempt(connection) {
                    execute(connection, "ROLLBACK TO piece")?;
                }
                execute(connection, "RELEASE piece")?;
            }
            Ok(true)
        })
    }

    fn by_itself(&mut self, job: &mut dyn Job) -> Result<(), Failure> {
        let is_durable = job.way() == Way::Durable;
        self.transaction(is_durable, |connection| Ok(job.attempt(connection)))
    }

    /// Does the work in a transaction, which is rolled back if it says so.
    fn transaction(
        &mut self,
        is_durable: bool,
        work: impl FnOnce(&Connection) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        if self.is_synced != is_durable {
            file::sync(&self.connection, is_durable)?;
            self.is_synced = is_durable;
        }
        execute(&self.connection, "BEGIN IMMEDIATE")?;
        let done = work(&self.connection).and_then(|is_well| {
            let end = if is_well { "COMMIT" } else { "ROLLBACK" };
            execute(&self.connection, end)
        });
        // Some failures roll the transaction back, others leave it open.
        if !self.connection.is_autocommit() {
            execute(&self.connection, "ROLLBACK")?;
        }
        done
    }

    fn outside(&self, mut job: Box<dyn Job>) {
        job.attempt(&self.connection);
        job.answer(Ok(()));
    }
}

fn read(connection: &Connection, jobs: &Mutex<mpsc::Receiver<Box<dyn Job>>>) {
    let next = || {
        let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.blocking_recv()
    };
    while let Some(mut job) = next() {
        if !job.is_awaited() {
            continue;
        }
        // One transaction, so that all it reads is of one moment.
        let outcome = execute(connection, "BEGIN").and_then(|()| {
            job.attempt(connection);
            execute(connection, "COMMIT")
        });
        if !connection.is_autocommit() {
            drop(execute(connection, "ROLLBACK"));
        }
        job.answer(outcome);
    }
}

fn execute(connection: &Connection, sql: &str) -> Result<(), Failure> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
