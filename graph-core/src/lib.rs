//! The engine of superstep. Use it through the crate `superstep`, which
//! re-exports what is public here and adds the derives.

mod id;
// One blank line apart: each module names only those before it.
mod state;

mod checkpoint;

mod cache;

mod slots;

mod node;

mod graph;

mod compile;

mod plan;

mod merge;

mod event;

mod run;

mod transcript;

mod timeline;

#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "cache")]
pub use cache::MemoryCache;
pub use cache::{Cache, CacheError};
pub use checkpoint::{
    CheckpointError, CheckpointRecord, Checkpointer, Claim, Commit, EntryRecord, FieldAt,
    FieldKind, FieldRecord, Lease, Loaded, MemoryCheckpointer, Prunable, Retention, Source,
};
pub use compile::{Checked, CompileError, Diagnostic, Graph, Xray, checked};
pub use event::{
    Event, EventKind, InsideRecord, Interrupt, Kinds, Lead, LeadBy, MergeRecord, Phase, PhaseKind,
    Status, SuperstepRecord, TaskRecord,
};
pub use graph::{Join, OnFailure, StateGraph};
pub use id::{CheckpointId, END, NodeName, RunId, START, TaskId, ThreadId};
pub use node::{
    Arrival, Arrivals, Budget, BudgetExhausted, CachePolicy, Command, Cost, Ctx, CurrentAttempt,
    CurrentTask, Definition, EmitError, Emitted, EventValue, ExceedsBurst, Failure, Fallback,
    Interrupted, IntoNames, IntoNode, IntoOutcome, IntoTargets, IntoWorker, Left, Limiter,
    NodeBuilder, NodeDefaults, NodeError, NodeResult, Outcome, ParseCostError, Reservation, Retry,
    Retryable, Route, SendTo, Target, Usage, View, Worker, node,
};
pub use plan::StarvedJoin;
pub use run::{
    Blocking, CacheStats, CancelledBy, Durability, Events, Given, HasContext, History,
    InsideSnapshot, InsideThread, IntoContext, Invocation, JsonLines, NoContext, OnBusy, PerThread,
    Permit, Run, RunControl, RunError, RunUsage, Snapshot, Subgraph, Thread, ThreadUpdate,
    TimeoutScope, Unfinished, Watcher, blocking, subgraph,
};
#[cfg(feature = "schema")]
pub use state::json_schema;
pub use state::{
    All, Any, Append, Data, FieldSchema, FieldUpdate, Fields, IntoUpdate, Items, Last, Max, Merge,
    Min, Reducer, Replace, Schema, State, Sum, Update, UpdateKeys, WriteKind,
};
pub use timeline::{LogError, Span, SpanOutcome, Timeline};
pub use transcript::{Outcome as TranscriptOutcome, Transcript, TranscriptRun};

/// Names for generated code and for compiler messages; outside semver.
#[doc(hidden)]
pub mod __private {
    pub use crate::node::{FailureOf, IntoOutcome, NodeError, Outcome, Route};
    pub use crate::state::Fields;
    pub use crate::state::{
        FieldSchema, Fit, IntoUpdate, Misfit, Replace, Schema, Slot, Slotted, State, Update,
        UpdateKeys, WriteKind, check_data, check_reducer, debug_update, default_state,
        deserialize_update,
    };
    pub use serde;

    /// What a migration may fail with.
    pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
}
