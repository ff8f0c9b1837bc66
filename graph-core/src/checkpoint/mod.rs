//! A thread at rest: as data, the trait of what keeps it, and the keeper that
//! keeps it in memory.
//!
//! 1. A thread is a row of checkpoints, numbered from 1 without a gap as they
//!    are written; the last one written is its head.
//! 2. A checkpoint belongs to a line. One whose parent is the one before it
//!    goes on with its parent's line; any other begins a line of its own.
//! 3. A checkpoint holds the fields that changed: a field's value, or what was
//!    added to it since its record before. The value at a checkpoint is its
//!    newest value record at or before it, along its line and on along the
//!    line's parent, extended by the records since.
//! 4. Entries belong to the checkpoint that their tasks started from: results,
//!    questions, answers, effects. The next checkpoint of the line drops them.
//! 5. Whoever writes holds the thread's lease; its token is greater than every
//!    token before. A write under an older token, or not onto the head that its
//!    writer knows, is refused.
//! 6. Whatever is written carries a checksum, made and looked at by the engine.

mod body;
mod checkpointer;
mod error;
mod memory;
mod record;
mod retention;

pub(crate) use body::{
    ArrivalBody, Body, CameBody, FORMAT, JoinBody, KeptBody, MemoryBody, SendsBody, StarvedBody,
    TaskBody,
};
pub(crate) use checkpointer::DynCheckpointer;
pub use checkpointer::{Checkpointer, Claim, Lease};
pub use error::CheckpointError;
pub use memory::MemoryCheckpointer;
pub use record::{CheckpointRecord, Commit, EntryRecord, FieldKind, FieldRecord, Loaded, Source};
pub use retention::{FieldAt, Prunable, Retention};
