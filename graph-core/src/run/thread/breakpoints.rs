//! Where runs on threads stop for people: between two supersteps, of the thread's
//! own graph or of one inside it.
//!
//! 1. A graph's own breakpoints hold wherever it runs on a thread, also as a node.
//!    Those of the call name nodes inside by the way to them: `review/approve`.
//! 2. Inside, the run stops before a superstep that has not begun: its task waits,
//!    and others finish.
//! 3. That it has stopped there is written when all of them have, and the run ends
//!    with it. A run that is dropped before that stops there again.
//! 4. What is written stays as long as the parent's superstep: when the run goes on,
//!    it goes past it.

use super::super::error::RunError;
use super::begin::node;
use super::call::ThreadCall;
use super::drive::Threaded;
use super::entries::BREAKPOINT;
use super::paths;
use super::within::check_way;
use crate::checkpoint::EntryRecord;
use crate::compile::{Frozen, NodeIndex};
use crate::plan::Task;
use crate::state::State;

/// Where runs of a graph are to stop, each sorted.
#[derive(Debug, Default)]
pub(super) struct Breakpoints {
    before: Vec<NodeIndex>,
    after: Vec<NodeIndex>,
}

/// The breakpoints of the call at nodes inside others, by their names.
#[derive(Debug, Default)]
pub(super) struct BreakpointsInside {
    before: Vec<String>,
    after: Vec<String>,
}

impl Breakpoints {
    /// Those of the graph and of the call.
    pub(super) fn of<S: State, C>(
        graph: &Frozen<S, C>,
        call: &ThreadCall,
    ) -> Result<(Self, BreakpointsInside), RunError> {
        let mut inside = BreakpointsInside::default();
        let before = with(
            graph,
            &graph.threads.before,
            &call.interrupt_before,
            &mut inside.before,
        )?;
        let after = with(
            graph,
            &graph.threads.after,
            &call.interrupt_after,
            &mut inside.after,
        )?;
        Ok((Self { before, after }, inside))
    }

    /// Whether one is between these nodes and tasks.
    pub(super) fn stop(&self, ran: &[NodeIndex], tasks: &[Task]) -> bool {
        let after = ran
            .iter()
            .any(|node| self.after.binary_search(node).is_ok());
        let before = tasks
            .iter()
            .any(|task| self.before.binary_search(&task.node).is_ok());
        after || before
    }
}

impl BreakpointsInside {
    /// Those of a graph inside, which stands there, and its own.
    pub(super) fn of_graph<S: State, C>(&self, path: &str, graph: &Frozen<S, C>) -> Breakpoints {
        let with = |own: &[NodeIndex], ways: &[String]| {
            let mut all = own.to_vec();
            if !ways.is_empty() {
                let here = format!("{}/", paths::names_of(path));
                let names = ways.iter().filter_map(|way| way.strip_prefix(&here));
                all.extend(names.filter_map(|name| graph.index_of(name)));
                all.sort_unstable();
            }
            all
        };
        Breakpoints {
            before: with(&graph.threads.before, &self.before),
            after: with(&graph.threads.after, &self.after),
        }
    }
}

/// The nodes of these and of those names, sorted; ways to nodes inside others are
/// put aside.
fn with<S: State, C>(
    graph: &Frozen<S, C>,
    own: &[NodeIndex],
    names: &[String],
    inside: &mut Vec<String>,
) -> Result<Vec<NodeIndex>, RunError> {
    let mut all = own.to_vec();
    for name in names {
        if name.contains('/') {
            check_way(graph, name)?;
            inside.push(name.clone());
        } else {
            all.push(node(graph, name)?);
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

impl<S: State, C: Send + Sync + 'static> Threaded<'_, S, C> {
    /// Writes down where inside the run has stopped, which ends with it.
    pub(super) async fn mark_stops_inside(&mut self) -> Result<(), RunError> {
        let stops = std::mem::take(&mut self.stops_inside).into_iter();
        let records = stops.map(|(path, superstep)| {
            let key = format!("{BREAKPOINT}/{superstep}");
            EntryRecord::new(&path, &key, Some("true".to_owned()))
        });
        let records: Vec<EntryRecord> = records.collect();
        match records.is_empty() {
            true => Ok(()),
            false => self.line.put(records).await,
        }
    }
}
