//! The kit that judges a [`Checkpointer`](crate::checkpoint::Checkpointer).
//!
//! Each case is a function over any checkpointer. The list of them stands in
//! one macro, from which the tests of a user and the table of all cases are
//! made. What the macro expands to is outside semver.

mod cases;
pub mod commits;
pub mod copying;
pub mod deleting;
pub mod dropping;
pub mod entries;
mod judge;
pub mod leases;
pub mod listing;
pub mod loading;
mod model;
pub mod names;
pub mod racing;
mod scene;
mod verdict;

pub use cases::{Case, cases, list, tests};
pub use judge::{assert_case, judge};
pub use scene::Scene;
pub use verdict::{Broken, Verdict};

pub use crate::checkpoint::Checkpointer;

/// Judges a [`Checkpointer`]: makes a module with a test for each of more than a
/// hundred cases.
///
/// Give it the module's name and a future of your checkpointer, in a file of
/// tests or in a module of them. It needs no crate but superstep, and no
/// attribute:
///
/// ```
/// use superstep::MemoryCheckpointer;
/// use superstep::testing::checkpointer_kit;
///
/// checkpointer_kit!(memory, async { MemoryCheckpointer::new() });
/// ```
///
/// A test is then called `memory::leases::a_released_lease_is_free`. When it
/// fails it says what was found, what was wanted, and in which line of the kit
/// that was seen. Attributes before the name go to the module, such as
/// `#[cfg(feature = "redis")]`.
///
/// # How the cases run
///
/// Each case opens a checkpointer by the future, and drops it at its end. What
/// it opens may be empty or not: a case's threads have names that begin with
/// `kit-` and a number drawn by chance, so that one database serves all cases at
/// once, whatever else is in it. A case that holds deletes its threads.
///
/// Each case has a runtime of its own, of one thread, with all of tokio's
/// drivers that are compiled in. So the future must open a pool of connections
/// anew, not share one that belongs to another runtime. The clock is not paused,
/// since a server has its own; leases that are to end last 20 ms or less. The
/// cases about races poll from other threads of the machine. What has not
/// answered after two minutes has failed.
///
/// # What is asked for
///
/// The rules of [`Checkpointer`], theme by theme; what is easily missed is in
/// italics.
///
/// - **`leases`.** A claim gets the lease if nobody has it, its time is over,
///   or the claim takes over. Otherwise it is [`Busy`] with the time that is
///   left, and nothing has changed: *who draws a token before looking takes the
///   lease away*. Tokens of a thread grow, *beyond its delete too*: keep them
///   apart from it, or count for the whole store. A lease tells the head and the
///   token of the commit that wrote it; 0 without a head. *It may have no
///   length, and is then over at once, or last for [`Duration::MAX`].* To write
///   and to renew, the token counts and not the clock: *a lease whose time is
///   over is good until another claim gets through*, so that the token must not
///   stand in a key that expires. Releasing and abandoning what was taken over
///   do nothing. *`abandon` is called wherever a run is dropped, outside of any
///   runtime too*.
/// - **`commits`.** One transaction or script: compare the token and the head,
///   write the checkpoint, its fields and entries, drop the entries of
///   [`drop_entries_of`], give the lease back if [`release`] says so. Under a
///   token that is not the newest, or with a number that is not the next, it is
///   [`Stale`], and nothing of it is seen. Numbers come back exactly: *a
///   [`checksum`] has 64 bits and no sign, and is no double, as numbers in Lua
///   are*. Times may lie before 1970.
/// - **`loading`.** Read from the checkpoint back to the first of its [`line`],
///   then on from that one's parent, along its line. Of each field that is every
///   record back to its newest [`Value`], or all. *What was written in between
///   on other lines is not read*. Fields come by name and then oldest first,
///   entries by task and key. A number that is not there is `None`, *up to
///   [`u64::MAX`]*.
/// - **`entries`.** One for each checkpoint, task and key; a call is all or
///   nothing. *Of two for one place in a call the later counts.* One without
///   JSON takes away, *also what is not there*. They may be of any checkpoint of
///   the thread, and ten thousand at once.
/// - **`listing`.** Checkpoints of all lines come newest first, without the one
///   that they are to be before. A limit may be 0 *or [`usize::MAX`]*. Names, of
///   threads as of fields, are in the order of their bytes, *which is seldom how
///   a database orders text*. A thread that was only leased is not listed.
/// - **`copying`.** All checkpoints and entries, with their numbers, but not the
///   lease. It is [`Exists`] if the other name has checkpoints, *be it the
///   thread's own*; a name that was only leased gives way, *and its tokens go on
///   growing*. A thread that is not there is copied by doing nothing.
/// - **`deleting`.** The thread and its lease are gone, others stay, *also those
///   whose names begin alike*. The lease writes no more; the thread's next
///   checkpoint has the number 1. What is not there is deleted already.
/// - **`names`.** Those of threads, fields, tasks and keys are any text, a
///   thousand letters long too: *with `%`, `_`, `:`, `/`, quotes, line breaks and
///   NUL, differing only by case, by a space at the end, or in how `é` is made
///   up*. JSON comes back byte for byte: *a column that tidies it will not do*.
/// - **`racing`.** Of many claims one gets the lease; of many commits one row
///   without a gap comes about; entries that are put at the same time are all
///   there; *a load sees one checkpoint as a whole while others are written*,
///   which takes one transaction or script too.
/// - **`dropping`.** A future dropped at any of its awaits has done all or
///   nothing. What it began may come to its end later, but not after the next
///   claim has got through.
///
/// [`Duration::MAX`]: std::time::Duration::MAX
/// [`Busy`]: crate::CheckpointError::Busy
/// [`Stale`]: crate::CheckpointError::Stale
/// [`Exists`]: crate::CheckpointError::Exists
/// [`Value`]: crate::FieldKind::Value
/// [`drop_entries_of`]: crate::Commit::drop_entries_of
/// [`release`]: crate::Commit::release
/// [`checksum`]: crate::CheckpointRecord::checksum
/// [`line`]: crate::CheckpointRecord::line
///
/// # Examples
///
/// A checkpointer around another, with all that one has to write. It counts
/// commits:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
///
/// use superstep::testing::checkpointer_kit;
/// use superstep::{
///     CheckpointError, CheckpointId, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord,
///     FieldRecord, Lease, Loaded, MemoryCheckpointer, ThreadId,
/// };
///
/// type Done<T> = Result<T, CheckpointError>;
///
/// #[derive(Default)]
/// struct Counted {
///     inner: MemoryCheckpointer,
///     commits: AtomicU64,
/// }
///
/// impl Checkpointer for Counted {
///     async fn commit(&self, thread: &ThreadId, lease: &Lease, commit: Commit) -> Done<()> {
///         self.inner.commit(thread, lease, commit).await?;
///         self.commits.fetch_add(1, Ordering::Relaxed);
///         Ok(())
///     }
///
///     async fn acquire(&self, thread: &ThreadId, claim: Claim) -> Done<Lease> {
///         self.inner.acquire(thread, claim).await
///     }
///
///     async fn renew(&self, thread: &ThreadId, lease: &Lease, lasts: Duration) -> Done<()> {
///         self.inner.renew(thread, lease, lasts).await
///     }
///
///     async fn release(&self, thread: &ThreadId, lease: &Lease) -> Done<()> {
///         self.inner.release(thread, lease).await
///     }
///
///     fn abandon(&self, thread: &ThreadId, lease: &Lease) {
///         self.inner.abandon(thread, lease);
///     }
///
///     async fn put_entries(
///         &self,
///         thread: &ThreadId,
///         lease: &Lease,
///         checkpoint: CheckpointId,
///         entries: Vec<EntryRecord>,
///     ) -> Done<()> {
///         self.inner.put_entries(thread, lease, checkpoint, entries).await
///     }
///
///     async fn load(&self, thread: &ThreadId, id: Option<CheckpointId>) -> Done<Option<Loaded>> {
///         self.inner.load(thread, id).await
///     }
///
///     async fn list(
///         &self,
///         thread: &ThreadId,
///         before: Option<CheckpointId>,
///         limit: usize,
///     ) -> Done<Vec<CheckpointRecord>> {
///         self.inner.list(thread, before, limit).await
///     }
///
///     async fn changes(&self, thread: &ThreadId, id: CheckpointId) -> Done<Vec<FieldRecord>> {
///         self.inner.changes(thread, id).await
///     }
///
///     async fn threads(&self, after: Option<&ThreadId>, limit: usize) -> Done<Vec<ThreadId>> {
///         self.inner.threads(after, limit).await
///     }
///
///     async fn copy(&self, from: &ThreadId, to: &ThreadId) -> Done<()> {
///         self.inner.copy(from, to).await
///     }
///
///     async fn delete(&self, thread: &ThreadId, lease: &Lease) -> Done<()> {
///         self.inner.delete(thread, lease).await
///     }
/// }
///
/// checkpointer_kit!(counted, async { Counted::default() });
/// ```
#[macro_export]
macro_rules! checkpointer_kit {
    ($(#[$meta:meta])* $name:ident, $open:expr $(,)?) => {
        #[cfg(test)]
        $(#[$meta])*
        mod $name {
            mod __opened {
                // The expression's names are those of where the macro stands.
                #[allow(unused_imports)]
                use super::super::*;

                pub(super) async fn __open() -> impl $crate::testing::kit::Checkpointer {
                    $open.await
                }
            }

            $crate::testing::kit::list! { ($crate::testing::kit::tests) {} }
        }
    };
}

pub use checkpointer_kit;
