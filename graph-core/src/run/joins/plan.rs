//! The end of a superstep in a graph whose joins have rules.

use super::super::attempt::{Done, Ending};
use super::super::drive::Progress;
use super::super::error::{Missing, RunError};
use super::super::hooks::Referee;
use super::super::settle::TaskKey;
use crate::compile::Frozen;
use crate::plan::{Came, Chosen, How, Short, Task};
use crate::state::State;

impl<S: State, C: Send + Sync + 'static> Progress<'_, S, C> {
    /// Plans the next superstep; `chosen` has what each task chose, or nothing if
    /// none did.
    pub(in crate::run) fn plan_by_rules(
        &mut self,
        referee: &dyn Referee<S>,
        graph: &Frozen<S, C>,
        keys: &[TaskKey],
        done: &[Done<S>],
        chosen: Vec<Vec<Chosen>>,
        tasks: &mut Vec<Task>,
    ) -> Result<(), RunError> {
        let timed_out = referee.timed_out();
        let mut chosen = chosen.into_iter();
        let mut came = Vec::with_capacity(keys.len());
        for (index, (key, done)) in keys.iter().zip(done).enumerate() {
            let exits = &graph.node(key.node).exits;
            let chosen = chosen.next().unwrap_or_default();
            if done.has_succeeded() {
                if let Some(observer) = &mut self.observer {
                    observer.leads(Some(index), graph, &self.frontier, exits, &chosen);
                }
                if let (Some(open), Some(rules)) = (&mut self.frontier.open, &graph.rules) {
                    let joins = exits.joins.iter().map(|of| graph.joins[of.join].target);
                    let nodes = exits.edges.iter().copied().chain(joins);
                    let chosen = chosen.iter().filter_map(Chosen::node);
                    open.leads(rules, key.node, &mut nodes.chain(chosen));
                }
                self.frontier
                    .finish(graph, exits, key.number(), chosen, tasks);
            }
            let ended = ended(*key, done);
            referee.arrive(&mut self.frontier, &ended, &timed_out);
            came.push(ended);
        }
        if let Some(observer) = &mut self.observer {
            observer.decided(&referee.closers());
        }
        referee
            .judge(
                &mut self.frontier,
                (&graph.names, &graph.joins),
                &came,
                &timed_out,
                tasks,
            )
            .map_err(|short| self.short(short))?;
        self.frontier.tasks(graph, tasks);
        if let Some(open) = &mut self.frontier.open {
            open.hand_out(tasks);
        }
        Ok(())
    }

    #[cold]
    fn short(&self, short: Short) -> RunError {
        RunError::Join {
            target: short.target,
            why: short.why,
            superstep: self.superstep,
            source: Box::new(Missing::of(&short.arrivals)),
            arrivals: short.arrivals,
        }
    }
}

/// What the joins need to know of a task.
fn ended<S: State>(key: TaskKey, done: &Done<S>) -> Came {
    let (place, how) = match done.ending.as_deref() {
        None => (None, How::Done),
        Some(Ending { place, how }) => (*place, how.clone()),
    };
    Came {
        node: key.node,
        send: key.number(),
        place,
        how,
    }
}
