//! Which tasks the next superstep has, and why. Plain functions of the graph
//! and of what has finished.
//!
//! 1. Edges make tasks, state never does: a finished task makes ready the
//!    targets of its edges, of its routes and commands, and its sends.
//! 2. A name is one task however often it was made ready; every send is a task.
//! 3. Tasks are ordered: nodes by name, then sends as they were emitted, their
//!    emitters in task order.
//! 4. A join makes its target ready when all its sources have run since it
//!    last did. It fires between two supersteps: of a source with several
//!    sends in one superstep, none counts towards the next time.
//! 5. A deferred node waits until nothing else is ready; all that wait then
//!    run together. A join into it stays filled, and counts no further, until
//!    then.
//! 6. For joins that have rules, there are further rules in [`joins`].

mod at_rest;
mod came_at_rest;
mod choose;
mod joins;
mod required;
mod starved;
mod under_way;

pub(crate) use at_rest::{Gone, read_tasks, write_tasks};
pub(crate) use choose::{BadTarget, Chooser, Chosen, choose};
pub(crate) use joins::{Came, How, Judge, OpenJoins, Short};
pub(crate) use required::{Wanted, has_ended};

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use crate::compile::{Exits, Frozen, JoinSend, JoinSource, NodeIndex};
use crate::id::{NodeName, TaskId, list_of};
use crate::node::{Arrivals, Payload};
use crate::state::State;

/// A task of the next superstep.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) node: NodeIndex,
    /// For a send: its number among the sends to this node, and its value.
    pub(crate) send: Option<(u32, Box<dyn Payload>)>,
    /// Of the target of a join, what came to it.
    pub(crate) arrivals: Option<Arc<Arrivals>>,
}

impl Task {
    /// A task of a node that is no worker.
    #[inline]
    pub(crate) fn of(node: NodeIndex) -> Self {
        Self {
            node,
            send: None,
            arrivals: None,
        }
    }

    /// Adds what came to one more join into its node.
    pub(crate) fn see(&mut self, mut came: Arc<Arrivals>) {
        if let Some(before) = self.arrivals.take() {
            Arc::make_mut(&mut came).add(&before);
        }
        self.arrivals = Some(came);
    }

    /// The task by its name.
    pub(crate) fn id<S: State, C>(&self, graph: &Frozen<S, C>) -> TaskId {
        TaskId {
            node: graph.name_of(self.node).clone(),
            send: self.send.as_ref().map(|&(number, _)| number),
        }
    }
}

/// A join that waits for some of its sources when a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StarvedJoin {
    /// Where its graph stands: empty for the run's own, and `sources/0` for the one
    /// that is node `sources` of that.
    pub path: String,
    /// The node that never became ready, or not again.
    pub target: NodeName,
    /// The sources that have run.
    pub arrived: Vec<NodeName>,
    /// The sources that have not.
    pub missing: Vec<NodeName>,
}

/// As `` `merge` waits for `b`, after `a` ``, and inside a subgraph as
/// `` `merge` in `sources/0` waits for `b`, after `a` ``.
impl fmt::Display for StarvedJoin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[NodeName]| list_of(names, names.len());
        let (missing, arrived) = (list(&self.missing), list(&self.arrived));
        write!(f, "`{}`", self.target)?;
        if !self.path.is_empty() {
            write!(f, " in `{}`", self.path)?;
        }
        write!(f, " waits for {missing}, after {arrived}")
    }
}

/// The joins that wait when a run has ended.
#[derive(Debug, Default)]
pub(crate) struct Starved {
    pub(crate) joins: Vec<StarvedJoin>,
    /// The first that must not.
    pub(crate) strict: Option<usize>,
}

/// What a run waits for between two supersteps.
#[derive(Debug)]
pub(crate) struct Frontier {
    /// For each join, the sources that have run since it last fired.
    arrived: Vec<FixedBitSet>,
    /// For joins that wait for workers, the sends that have come since then.
    sent: BTreeMap<usize, Vec<JoinSend>>,
    /// Joins that filled in this superstep, to be emptied at its end unless their
    /// targets are deferred.
    filled: Vec<usize>,
    /// The deferred nodes that wait.
    deferred: FixedBitSet,
    /// Names made ready in this superstep; kept to spare allocations.
    ready: Vec<NodeIndex>,
    /// Sends so far to each node in this superstep; kept likewise.
    n_sends: Vec<u32>,
    /// The joins that have starved in graphs that are nodes.
    starved_inside: Vec<StarvedJoin>,
    /// The joins that have rules, if there are any.
    pub(crate) open: Option<Box<OpenJoins>>,
}

impl Frontier {
    pub(crate) fn new<S: State, C>(graph: &Frozen<S, C>) -> Self {
        let joins = graph.joins.iter();
        Self {
            arrived: joins
                .map(|join| FixedBitSet::with_capacity(join.sources.len()))
                .collect(),
            sent: BTreeMap::new(),
            filled: Vec::new(),
            deferred: FixedBitSet::with_capacity(graph.nodes.len()),
            ready: Vec::new(),
            n_sends: Vec::new(),
            starved_inside: Vec::new(),
            open: graph
                .rules
                .as_ref()
                .map(|rules| Box::new(OpenJoins::new(rules))),
        }
    }

    /// Notes that a task has finished, or that the run begins: follows its
    /// exits and what it chose. Of a send, `send` is its number. Call it for each
    /// task in task order, then [`tasks`](Self::tasks).
    #[inline]
    pub(crate) fn finish<S: State, C>(
        &mut self,
        graph: &Frozen<S, C>,
        exits: &Exits<S>,
        send: Option<u32>,
        chosen: impl IntoIterator<Item = Chosen>,
        tasks: &mut Vec<Task>,
    ) {
        match exits.edges[..] {
            [] => {}
            // Many tasks of one worker make the same node ready.
            [node] if self.ready.last() == Some(&node) => {}
            [node] => self.ready.push(node),
            _ => self.ready.extend_from_slice(&exits.edges),
        }
        for arrival in &exits.joins {
            let arrived = &mut self.arrived[arrival.join];
            let again = arrived.put(arrival.source);
            if !again && arrived.is_full() {
                self.ready.push(graph.joins[arrival.join].target);
                self.filled.push(arrival.join);
            }
            if let Some(send) = send {
                self.note_send(*arrival, send);
            }
        }
        let chosen = chosen.into_iter();
        tasks.reserve(chosen.size_hint().0);
        for choice in chosen {
            match choice {
                Chosen::End => {}
                Chosen::Node(node) => self.ready.push(node),
                Chosen::Send(node, input) => {
                    self.n_sends.resize(graph.nodes.len(), 0);
                    let number = &mut self.n_sends[node as usize];
                    let send = Some((*number, input));
                    tasks.push(Task {
                        node,
                        send,
                        arrivals: None,
                    });
                    *number += 1;
                }
            }
        }
    }

    /// Rule 5: of one that stays filled, what comes later counts for nothing.
    fn note_send(&mut self, at: JoinSource, send: u32) {
        if !self.arrived[at.join].is_full() || self.filled.contains(&at.join) {
            let sent = self.sent.entry(at.join).or_default();
            sent.push((at.source, send));
        }
    }

    /// The short way through planning, after a superstep of one task: the one
    /// node that is ready, if its exits and choices say so by themselves. Takes
    /// the choice out of `chosen` then.
    #[inline]
    pub(crate) fn only<S: State, C>(
        graph: &Frozen<S, C>,
        exits: &Exits<S>,
        chosen: &mut Vec<Chosen>,
    ) -> Option<NodeIndex> {
        match chosen[..] {
            [] => exits.only,
            [Chosen::Node(node)]
                if exits.edges.is_empty()
                    && exits.joins.is_empty()
                    && !graph.node(node).policy.defer =>
            {
                chosen.clear();
                Some(node)
            }
            _ => None,
        }
    }

    /// Completes `tasks`, which holds the sends already, to the tasks of the
    /// next superstep in order. None means that the run has ended.
    #[inline]
    pub(crate) fn tasks<S: State, C>(&mut self, graph: &Frozen<S, C>, tasks: &mut Vec<Task>) {
        let n_sends = tasks.len();
        // There may have been more, which a join has cancelled.
        self.n_sends.clear();
        if self.ready.len() > 1 {
            self.ready.sort_unstable();
            self.ready.dedup();
        }
        let deferred = &mut self.deferred;
        let started = self.ready.drain(..).filter(|&node| {
            let wait = graph.node(node).policy.defer;
            if wait {
                deferred.insert(node as usize);
            }
            !wait
        });
        tasks.extend(started.map(Task::of));
        self.filled.sort_unstable_by_key(|&join| Reverse(join));
        while let Some(join) = self.filled.pop() {
            if !graph.node(graph.joins[join].target).policy.defer {
                self.fire(graph, join, &mut tasks[n_sends..]);
            }
        }
        tasks.rotate_left(n_sends);
        if tasks.is_empty() && !self.deferred.is_clear() {
            self.release(graph, tasks);
        }
    }

    fn release<S: State, C>(&mut self, graph: &Frozen<S, C>, tasks: &mut Vec<Task>) {
        let waiting = self.deferred.ones().map(crate::compile::to_index);
        tasks.extend(waiting.map(Task::of));
        for (index, join) in graph.joins.iter().enumerate() {
            if self.deferred.contains(join.target as usize) && self.arrived[index].is_full() {
                self.fire(graph, index, tasks);
            }
        }
        self.deferred.clear();
    }

    /// Empties a join, and tells its target, which is one of `nodes` unless it was
    /// cancelled, what has come.
    fn fire<S: State, C>(&mut self, graph: &Frozen<S, C>, join: usize, nodes: &mut [Task]) {
        self.arrived[join].clear();
        let sent = self.sent.remove(&join).unwrap_or_default();
        let join = &graph.joins[join];
        if let Ok(at) = nodes.binary_search_by_key(&join.target, |task| task.node) {
            nodes[at].see(join.arrivals(&sent));
        }
    }

    /// A deferred node that waits need not run any more, and what has made it wait
    /// is to come anew.
    pub(crate) fn forget<S: State, C>(&mut self, graph: &Frozen<S, C>, node: NodeIndex) {
        self.deferred.set(node as usize, false);
        for (index, join) in graph.joins.iter().enumerate() {
            if join.target == node && self.arrived[index].is_full() {
                self.arrived[index].clear();
                self.sent.remove(&index);
            }
        }
        if let Some(open) = &mut self.open {
            open.fired.remove(&node);
        }
    }

    /// The sources of a join that have run since it last fired.
    pub(crate) fn arrived(&self, join: usize) -> &FixedBitSet {
        &self.arrived[join]
    }

    /// The sends that have come to it since then.
    pub(crate) fn sent(&self, join: usize) -> &[JoinSend] {
        self.sent.get(&join).map_or(&[], Vec::as_slice)
    }

    /// How many sources of a join have run once this one has, and of how many.
    pub(crate) fn arrivals_with(&self, arrival: JoinSource) -> (usize, usize) {
        let arrived = &self.arrived[arrival.join];
        let new = usize::from(!arrived.contains(arrival.source));
        (arrived.count_ones(..) + new, arrived.len())
    }

    /// The joins that some of their sources, but not all, have reached; then those
    /// inside graphs that are nodes.
    pub(crate) fn starved<S: State, C>(&self, graph: &Frozen<S, C>) -> Starved {
        let mut starved = Starved::default();
        for (join, arrived) in graph.joins.iter().zip(&self.arrived) {
            if arrived.is_clear() {
                continue;
            }
            if join.strict {
                starved.strict.get_or_insert(starved.joins.len());
            }
            let (came, missing): (Vec<_>, Vec<_>) =
                (0..join.sources.len()).partition(|&source| arrived.contains(source));
            let names = |sources: Vec<usize>| {
                let name = |source| graph.name_of(join.sources[source]).clone();
                sources.into_iter().map(name).collect()
            };
            starved.joins.push(StarvedJoin {
                path: String::new(),
                target: graph.name_of(join.target).clone(),
                arrived: names(came),
                missing: names(missing),
            });
        }
        starved.joins.extend_from_slice(&self.starved_inside);
        starved
    }
}
