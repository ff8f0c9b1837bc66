//! What a run comes to.

use std::fmt;
use std::sync::Arc;

use super::spans::{Spans, Times, Ways};
use super::usage::RunUsage;
use crate::compile::NodeIndex;
use crate::event::{Interrupt, Status};
use crate::id::{CheckpointId, NodeName};
use crate::plan::StarvedJoin;

/// A run that ended.
#[derive(Clone)]
#[non_exhaustive]
pub struct Run<S> {
    /// The state at the end. Where the run waits for answers, what its siblings
    /// wrote is in it.
    pub state: S,
    /// How it ended.
    pub status: Status,
    /// Joins that were waiting for some of their sources when nothing else
    /// was left to run; their targets did not run, or not again. Then those that did
    /// so in subgraphs, in the order of their paths, each once.
    pub starved: Vec<StarvedJoin>,
    /// On a thread, the checkpoint that it has come to.
    pub checkpoint: Option<CheckpointId>,
    pub(super) interrupts: Vec<Interrupt>,
    pub(super) names: Arc<[NodeName]>,
    pub(super) ran: Ran,
    pub(super) spans: Arc<Spans>,
    pub(super) ways: Arc<dyn Ways>,
    pub(super) graph: Arc<str>,
    pub(super) usage: RunUsage,
}

impl<S> Run<S> {
    /// The same run, on a thread.
    pub(super) fn on_thread(
        mut self,
        interrupts: Vec<Interrupt>,
        checkpoint: Option<CheckpointId>,
    ) -> Self {
        self.interrupts = interrupts;
        self.checkpoint = checkpoint;
        self
    }

    /// All that is known of when its tasks were at work.
    pub(crate) fn times(&self) -> Times {
        Times {
            names: Arc::clone(&self.names),
            ways: Arc::clone(&self.ways),
            ran: self.ran.clone(),
            spans: Arc::clone(&self.spans),
        }
    }

    /// The graph's name.
    pub(crate) fn graph(&self) -> &str {
        &self.graph
    }

    /// What is asked, in task order; nothing if the run stopped at a
    /// breakpoint, or is done.
    #[must_use]
    pub fn interrupts(&self) -> &[Interrupt] {
        &self.interrupts
    }

    /// What its tasks have used: nothing, unless they say so, as models do.
    #[must_use]
    pub fn usage(&self) -> &RunUsage {
        &self.usage
    }

    /// How many supersteps ran.
    #[must_use]
    pub fn supersteps(&self) -> usize {
        self.ran.len()
    }

    /// What ran in each superstep: the names in task order, a worker once for
    /// each of its sends.
    #[must_use]
    pub fn ran(&self) -> Vec<Vec<NodeName>> {
        (0..self.ran.len())
            .map(|step| self.ran.names(step, &self.names))
            .collect()
    }
}

impl<S: fmt::Debug> fmt::Debug for Run<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("state", &self.state)
            .field("status", &self.status)
            .field("starved", &self.starved)
            .field("interrupts", &self.interrupts)
            .field("supersteps", &self.supersteps())
            .finish_non_exhaustive()
    }
}

/// The nodes of all supersteps in one row, and where each superstep ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ran {
    nodes: Vec<NodeIndex>,
    ends: Vec<usize>,
}

impl Ran {
    #[inline]
    pub(super) fn push(&mut self, superstep: impl Iterator<Item = NodeIndex>) {
        self.nodes.extend(superstep);
        self.ends.push(self.nodes.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn names(&self, step: usize, names: &[NodeName]) -> Vec<NodeName> {
        self.nodes(step)
            .iter()
            .map(|&node| names[node as usize].clone())
            .collect()
    }

    /// The last few supersteps, oldest first, each name once.
    pub(super) fn last(&self, n: usize, names: &[NodeName]) -> Vec<Vec<NodeName>> {
        let first = self.len().saturating_sub(n);
        (first..self.len())
            .map(|step| each_once(self.nodes(step).to_vec(), names))
            .collect()
    }

    pub(crate) fn nodes(&self, step: usize) -> &[NodeIndex] {
        let begin = if step == 0 { 0 } else { self.ends[step - 1] };
        &self.nodes[begin..self.ends[step]]
    }
}

/// The names of nodes, sorted, each once.
pub(super) fn each_once(mut nodes: Vec<NodeIndex>, names: &[NodeName]) -> Vec<NodeName> {
    nodes.sort_unstable();
    nodes.dedup();
    let names = nodes.iter().map(|&node| names[node as usize].clone());
    names.collect()
}
