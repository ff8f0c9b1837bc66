//! What a checkpoint says beside its fields: what is ready next, and what the
//! thread waits for. Names and not indices, so that it outlives a change of
//! the graph.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The format that is written. One that is greater cannot be read.
pub(crate) const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) format: u32,
    /// The graph's name, for people.
    pub(crate) graph: String,
    /// The version of the state's schema.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) version: u32,
    /// For each field that has records up to here, by name: so many checkpoints
    /// before this one is its newest.
    pub(crate) fields: Vec<u64>,
    /// The nodes that ran since the checkpoint before, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ran: Vec<String>,
    /// The tasks that are ready, in task order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) next: Vec<TaskBody>,
    /// Joins that some of their sources have reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) joins: Vec<JoinBody>,
    /// Deferred nodes that wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) deferred: Vec<String>,
    /// What came to those of them that are targets of joins with rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) kept: Vec<KeptBody>,
    /// Ephemeral fields that hold something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) held: Vec<String>,
    /// What graphs that are nodes remember of the thread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) memories: Vec<MemoryBody>,
    /// The joins that have starved in graphs that are nodes, since the last input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) starved: Vec<StarvedBody>,
}

/// What a graph that is a node remembers of the thread: a state like the thread's own,
/// whose fields have records of names that begin with its own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MemoryBody {
    /// The names of the nodes on the way to the graph: `review/section`.
    pub(crate) of: String,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) version: u32,
    pub(crate) fields: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) held: Vec<String>,
}

/// A task that is ready.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TaskBody {
    pub(crate) node: String,
    /// For a send, its number among those to its node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) send: Option<u32>,
    /// For a send, what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Box<RawValue>>,
    /// For the target of a join with a rule, what came to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) arrivals: Vec<CameBody>,
}

/// A join that some of its sources have reached.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JoinBody {
    pub(crate) to: String,
    pub(crate) of: Vec<String>,
    pub(crate) arrived: Vec<String>,
    /// Of a join with a rule, what that was, to tell it from others between the same
    /// nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// And what they came to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) came: Vec<CameBody>,
    /// Those that it did not wait for, and that have not come since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) owed: Vec<String>,
}

/// A join that has starved in a graph that is a node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StarvedBody {
    /// The path of the graph.
    pub(crate) at: String,
    pub(crate) to: String,
    pub(crate) arrived: Vec<String>,
    pub(crate) missing: Vec<String>,
}

/// What came to a node that waits deferred.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptBody {
    pub(crate) node: String,
    pub(crate) arrivals: Vec<CameBody>,
}

/// What a task came to, or a source that did not run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CameBody {
    pub(crate) of: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) send: Option<u32>,
    /// Instead, of several tasks that came to the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sends: Vec<SendsBody>,
    /// Nothing, if it was not waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<ArrivalBody>,
}

/// Sends one after another: the number of the first, how many they are, and how often
/// such were there. Numbers begin anew in each superstep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SendsBody(pub(crate) u32, pub(crate) u32, pub(crate) u32);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ArrivalBody {
    Done,
    Failed(String),
    TimedOut,
    Cancelled,
    Skipped,
}

fn one() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_one(number: &u32) -> bool {
    *number == 1
}
