//! What a watcher of a run can see, as data.

use serde::Serialize;
use serde_json::Value;

use crate::node::{Arrival, Arrivals};

/// One superstep of a recorded run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SuperstepRecord {
    /// Its number, from 1.
    pub superstep: u64,
    /// Its tasks, in task order.
    pub tasks: Vec<TaskRecord>,
    /// The tasks by whose successes joins closed that then cancelled others, in
    /// the order in which they ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decided: Vec<String>,
    /// The fields that were written, in the order of the schema.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merges: Vec<MergeRecord>,
    /// The ephemeral fields that went back to their defaults.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expired: Vec<&'static str>,
}

/// One task of a recorded superstep.
///
/// In a superstep that failed, tasks are there with nothing but their names
/// and inputs: which of them had ended is a matter of time. In one that waits
/// for answers, so are those that do. What a graph did that is a node is there
/// also when its task has failed, or waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TaskRecord {
    /// The task: `plan`, or `review/2` for the third send to `review`.
    pub task: String,
    /// For a send, the value that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// For the target of a join with a rule, what came to it. One that waits for
    /// all says no more than the leads of its sources.
    #[serde(skip_serializing_if = "Arrivals::is_empty")]
    pub arrivals: Arrivals,
    /// How it ended, if a join waits for it and it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Arrival>,
    /// How many attempts it took; 0 if the superstep failed, the task waits, was
    /// cancelled, or did not run.
    pub attempts: u32,
    /// Whether it did not run, since the cache had what it comes to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// Whether its fallback was called, and what follows is what that did.
    #[serde(skip_serializing_if = "is_false")]
    pub fallback: bool,
    /// Of a node that is a graph, what its last attempt did inside, if that has
    /// ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Box<InsideRecord>>,
    /// Its update, as it is written as JSON; `None` if it returned none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<Value>,
    /// What it made ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leads: Vec<Lead>,
}

/// What a graph did that is a node, in a task of a recorded run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InsideRecord {
    /// The graph's name.
    pub graph: String,
    /// Where it stands: `review/0`, or `review/0/2/section/1` in superstep 2 of
    /// that.
    pub path: String,
    /// What its `START` made ready.
    pub start: Vec<Lead>,
    /// Its supersteps, counted anew.
    pub supersteps: Vec<SuperstepRecord>,
}

fn is_false(it: &bool) -> bool {
    !it
}

/// One thing that a task made ready, or helped to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lead {
    /// The node, or [`END`](crate::END), where the path ends.
    pub to: String,
    /// By what.
    #[serde(flatten)]
    pub by: LeadBy,
}

/// By what a task made something ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "by")]
#[non_exhaustive]
pub enum LeadBy {
    /// An edge.
    Edge,
    /// A join, with how many of its sources had then arrived.
    Join {
        /// The sources that have run, this one included.
        arrived: usize,
        /// All sources.
        of: usize,
    },
    /// A route or a command.
    Choice,
    /// Sends, one after another.
    Sends {
        /// How many.
        count: usize,
    },
}

/// How a field came by its new value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MergeRecord {
    /// The field.
    pub field: &'static str,
    /// Its reducer.
    pub reducer: &'static str,
    /// The tasks that wrote it, in the order in which they were merged; one
    /// that overwrote it has `=` before its name.
    pub writers: Vec<String>,
}
