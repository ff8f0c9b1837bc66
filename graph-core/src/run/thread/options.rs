//! How a run goes about its thread.

/// When what a run did is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Before the next superstep begins: what was committed outlasts a crash,
    /// and no finished task runs again.
    #[default]
    Sync,
    /// While the next superstep runs, at most two behind. A crash loses what
    /// was on its way, and the tasks of that run again; what is there is whole.
    Async,
    /// When the run ends, however it does: one checkpoint. A crash loses the
    /// run.
    Exit,
}

/// What a run does when another is at work on its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnBusy {
    /// Ends with [`RunError::ThreadBusy`](crate::RunError::ThreadBusy).
    #[default]
    Reject,
    /// Waits until the other has ended, or its lease has: as long as that
    /// takes. Drop the run, cancel it, or give it a timeout, to wait no longer:
    /// one that is drained still waits, and ends before its first superstep. Of
    /// several that wait, any may be next.
    Wait,
    /// Takes the thread over. The other run ends with
    /// [`RunError::Stale`](crate::RunError::Stale) at its next write, or when
    /// it renews its lease, and its tasks are cancelled then; what it had
    /// written is kept.
    Interrupt,
}

/// What a new input does with a thread that has not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unfinished {
    /// Drops what was ready, what had finished in the superstep at work, and
    /// what had been asked. The state is that of the last checkpoint.
    Discard,
    /// Keeps what had finished in the superstep at work: its updates are
    /// merged before the input. What was ready and had not finished is dropped.
    Keep,
}
