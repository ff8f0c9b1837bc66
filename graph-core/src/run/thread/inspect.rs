//! Looking at what has happened inside subgraphs.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::error::RunError;
use super::entries::Entries;
use super::handle::{Thread, store_of};
use super::line::failed;
use super::memory::Memories;
use super::read::{read_body, read_state};
use super::replay::{Replay, Step, Wanted, path_of};
use super::within::{find, renamed, unknown};
use crate::checkpoint::{CheckpointRecord, Loaded};
use crate::compile::Frozen;
use crate::event::Interrupt;
use crate::id::{CheckpointId, TaskId};
use crate::node::{Astray, EventValue, GraphInside};
use crate::plan::read_tasks;
use crate::state::State;

/// A run inside a thread, before one of its supersteps or at its end: what a
/// subgraph has come to by then. Read by [`Thread::inside`], and part of the
/// [`Snapshot`](crate::Snapshot) of a thread that waits inside.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InsideSnapshot {
    /// The thread's checkpoint in whose superstep the subgraph ran.
    pub checkpoint: CheckpointId,
    /// Where it stands: `review/0` is the subgraph that is node `review`, and
    /// `review/0/2/section/1` that of send 1 to `section` in superstep 2 of it.
    pub path: String,
    /// The number of the superstep that comes next, from 1.
    pub superstep: u64,
    /// The subgraph's state: `values.get::<Review>()`, or as JSON. Where a superstep
    /// has begun and not ended, what its tasks wrote is in it that have finished.
    pub values: EventValue,
    /// The nodes that run next, in task order. The run is done if there is nothing
    /// here nor in `finished`.
    pub next: Vec<String>,
    /// The tasks that have finished in a superstep that has not, in task order.
    pub finished: Vec<TaskId>,
    /// What is asked, in task order, further inside too.
    pub interrupts: Vec<Interrupt>,
    /// The nodes that ran in the superstep before, sorted.
    pub ran: Vec<String>,
}

impl InsideSnapshot {
    /// What a run goes on from here by: `review/0/2`, for
    /// [`Invocation::inside`](crate::Invocation::inside).
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}/{}", self.path, self.superstep)
    }
}

/// A subgraph's runs on a thread, to be looked at; made by [`Thread::inside`].
#[derive(Debug, Clone)]
pub struct InsideThread<S: State, C = ()> {
    thread: Thread<S, C>,
    path: String,
}

impl<S: State, C: Send + Sync + 'static> Thread<S, C> {
    /// The runs of a subgraph, by its path: `review/0` is what is node `review`, and
    /// `review/1` of its send 1, if it is a worker; `review/0/2/section/0` is what is
    /// node `section` of that, in superstep 2.
    ///
    /// # Examples
    ///
    /// What a subgraph has come to while it asks, and going back in it:
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use superstep::MemoryCheckpointer;
    /// use superstep::prelude::*;
    ///
    /// #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// struct Order {
    ///     #[reduce(Append)]
    ///     log: Vec<String>,
    /// }
    ///
    /// async fn work(ctx: Ctx) -> OrderUpdate {
    ///     Order::update().log(ctx.node().to_string())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let check = StateGraph::<Order>::new("check")
    ///     .add_node("price", work)
    ///     .add_node("approve", async |ctx: Ctx| {
    ///         let who: String = ctx.interrupt("who", ())?;
    ///         NodeResult::Ok(Order::update().log(who))
    ///     })
    ///     .add_edge(START, "price")
    ///     .add_edge("price", "approve")
    ///     .compile()?;
    /// let graph = StateGraph::<Order>::new("order")
    ///     .add_node("check", check)
    ///     .add_edge(START, "check")
    ///     .checkpointer(MemoryCheckpointer::new())
    ///     .compile()?;
    /// graph.invoke(Order::update()).thread("17").await?;
    ///
    /// let snapshot = graph.thread("17").state().await?;
    /// let check = &snapshot.inside[0];
    /// assert_eq!((check.path.as_str(), &check.next[..]), ("check/0", &["approve".to_owned()][..]));
    /// assert_eq!(check.values.get::<Order>().unwrap().log, ["price"]);
    ///
    /// graph.resume("Ann").thread("17").await?;
    /// let history = graph.thread("17").inside("check/0").history().await?;
    /// let places: Vec<_> = history.iter().map(|snapshot| snapshot.place()).collect();
    /// assert_eq!(places, ["check/0/3", "check/0/2", "check/0/1"]);
    ///
    /// // Approved again, by somebody else; the price is that of before.
    /// let before = history[1].checkpoint;
    /// let again = graph.resume("Bob").thread("17").checkpoint(before).inside("check/0/2");
    /// assert_eq!(again.await?.state.log, ["price", "Bob"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn inside(&self, path: impl Into<String>) -> InsideThread<S, C> {
        InsideThread {
            thread: self.clone(),
            path: path.into(),
        }
    }
}

impl<S: State, C: Send + Sync + 'static> InsideThread<S, C> {
    /// Where its runs were before each of their supersteps and at their ends, newest
    /// first: those of all checkpoints that are kept, and of all forks.
    ///
    /// It is found out by running the subgraph anew with what its tasks have left:
    /// no node runs, but reducers and routes do. Of a run with
    /// [`Durability::Exit`](crate::Durability::Exit), only what is not over is there.
    ///
    /// # Errors
    ///
    /// [`RunError::UnknownNode`] when the path leads to no subgraph;
    /// [`RunError::Checkpoint`] when the thread cannot be read; when what its tasks
    /// have left does not fit the subgraph any more.
    pub async fn history(&self) -> Result<Vec<InsideSnapshot>, RunError> {
        let (thread, store) = (&self.thread.id, store_of(&self.thread.graph)?);
        let way = self.way()?;
        let records = store.list(thread, None, usize::MAX).await;
        let mut found = Vec::new();
        for record in records.map_err(|error| failed(thread, error))? {
            if self.may_be_in(&record, &way)? {
                let loaded = store.load(thread, Some(record.id)).await;
                // One that was pruned meanwhile is not there.
                if let Some(loaded) = loaded.map_err(|error| failed(thread, error))? {
                    found.extend(self.look_at(loaded, way.clone())?.into_iter().rev());
                }
            }
        }
        Ok(found)
    }

    /// As [`history`](Self::history), of one checkpoint of the thread.
    ///
    /// # Errors
    ///
    /// As [`history`](Self::history), and [`RunError::UnknownCheckpoint`] when there
    /// is none of that number.
    pub async fn history_at(
        &self,
        checkpoint: CheckpointId,
    ) -> Result<Vec<InsideSnapshot>, RunError> {
        let (thread, store) = (&self.thread.id, store_of(&self.thread.graph)?);
        let way = self.way()?;
        let loaded = store.load(thread, Some(checkpoint)).await;
        let loaded = loaded.map_err(|error| failed(thread, error))?;
        let loaded = loaded.ok_or_else(|| RunError::UnknownCheckpoint {
            thread: thread.clone(),
            checkpoint,
        })?;
        let mut found = self.look_at(loaded, way)?;
        found.reverse();
        Ok(found)
    }

    fn way(&self) -> Result<VecDeque<Step>, RunError> {
        way_before(&self.thread.graph.frozen, &self.path, "")
    }

    /// Whether the checkpoint's plan has the task where the way begins.
    fn may_be_in(&self, record: &CheckpointRecord, way: &VecDeque<Step>) -> Result<bool, RunError> {
        let body = read_body(record).map_err(|error| failed(&self.thread.id, error))?;
        let graph = &*self.thread.graph.frozen;
        let mut next = body.next.iter();
        Ok(next.any(|task| {
            let first = way.front();
            first.is_some_and(|step| renamed(graph, &task.node) == step.node)
        }))
    }

    fn look_at(
        &self,
        loaded: Loaded,
        way: VecDeque<Step>,
    ) -> Result<Vec<InsideSnapshot>, RunError> {
        let graph = &*self.thread.graph.frozen;
        let failed = |error| failed(&self.thread.id, error);
        let checkpoint = loaded.checkpoint;
        let body = read_body(&checkpoint).map_err(failed)?;
        let entries = Entries::of_graph(graph, &body, loaded.entries).map_err(failed)?;
        if !entries.have_inside() {
            return Ok(Vec::new());
        }
        let (state, _) = read_state::<S>(&checkpoint, &body, &loaded.fields).map_err(failed)?;
        let tasks = read_tasks(graph, &body.next, &mut Vec::new());
        let (id, fields) = (checkpoint.id, &loaded.fields);
        let memories = Memories::of_checkpoint(&graph.memories, id, &body.memories, fields);
        let replay = Replay::new(&Arc::new(entries), (id, memories), Wanted::All(way));
        replay.of_tasks(graph, &Arc::new(state), &tasks)
    }
}

/// The way to a run inside, by its path: `review/0`, `review/0/2/section/1`. `rest`
/// follows the path in what was given to the call.
pub(super) fn way_before<S: State, C>(
    graph: &Frozen<S, C>,
    path: &str,
    rest: &str,
) -> Result<VecDeque<Step>, RunError> {
    let given = format!("{path}{rest}");
    let parts: Vec<&str> = path.split('/').collect();
    let odd = || {
        let near = match graph.find(&parts[..1]) {
            Ok(true) => Some(parts[0].to_owned()),
            Err(Astray::NoNode(near)) => near.filter(|near| graph.find(&[near]).is_ok_and(|it| it)),
            Ok(false) | Err(Astray::NoGraph(_)) => None,
        };
        let help = match near.filter(|_| parts.len() == 1) {
            Some(near) => format!("did you mean `{near}/0{rest}`?"),
            None => "a path is of nodes and of numbers: `review/0` is what is node `review`, and \
                     `review/0/2/section/0` what is node `section` of that in superstep 2; the paths \
                     of events and questions, which name no supersteps, are none"
                .to_owned(),
        };
        unknown(&given, help)
    };
    let mut way = VecDeque::new();
    // Of the first, nobody says the superstep.
    let parts = ["0"].into_iter().chain(parts.iter().copied());
    let parts: Vec<&str> = parts.collect();
    for step in parts.chunks(3) {
        let &[superstep, node, send] = step else {
            return Err(odd());
        };
        way.push_back(Step {
            superstep: superstep.parse().map_err(|_| odd())?,
            node: node.to_owned(),
            send: send.parse().map_err(|_| odd())?,
        });
    }
    let names: Vec<&str> = way.iter().map(|step| step.node.as_str()).collect();
    let meant = |near: &str| {
        let steps = way.iter().zip(near.split('/'));
        let steps = steps.map(|(step, node)| Step {
            node: node.to_owned(),
            ..*step
        });
        format!("{}{rest}", path_of(steps))
    };
    match find(graph, &given, &names, &meant)? {
        true => Ok(way),
        false => {
            let names = names.join("/");
            let help = format!("`{names}` is not a graph: nothing is inside it");
            Err(unknown(&given, help))
        }
    }
}
