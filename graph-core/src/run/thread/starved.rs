//! Joins that have starved in graphs that are nodes, on a thread: they go with the
//! results of their tasks.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::error::RunError;
use super::super::results::Results;
use super::super::settle::TaskKey;
use super::drive::Threaded;
use super::inside::InsideLedger;
use super::ledger::TaskLedger;
use super::paths;
use crate::checkpoint::{CheckpointError, StarvedBody};
use crate::compile::Frozen;
use crate::plan::StarvedJoin;
use crate::state::State;

impl InsideLedger {
    /// The graph has ended, and these joins have starved in it, or further inside.
    pub(in crate::run) fn starves(&self, joins: Vec<StarvedJoin>) {
        self.thread.starving.end(self.path.clone(), joins);
    }

    /// What tasks of a superstep have left that count; `known` are the results of
    /// those that have not run now.
    pub(super) fn starved_by<S: State, C>(
        &self,
        graph: &Frozen<S, C>,
        (keys, results): (&[TaskKey], &Results<S>),
        known: &[(usize, String)],
    ) -> Result<Vec<StarvedJoin>, (TaskKey, serde_json::Error)> {
        let mut starved = Vec::new();
        if !graph.nests() {
            return Ok(starved);
        }
        for index in results.counting() {
            let key = keys[index];
            if graph.node(key.node).nested {
                let known = known.iter().find(|(known, _)| *known == index);
                let known = known.map(|(_, json)| &**json);
                let left = self.thread.starved_by(&self.key(key), known);
                starved.extend(left.map_err(|error| (key, error))?);
            }
        }
        Ok(starved)
    }
}

impl TaskLedger {
    /// What goes with the result of a task.
    pub(super) fn starved_to_write(&self, task: &str) -> serde_json::Result<Option<Box<RawValue>>> {
        if self.starving.is_empty() {
            return Ok(None);
        }
        let Some(joins) = self.starving.of(&paths::graph_of(task)) else {
            return Ok(None);
        };
        let bodies: Vec<StarvedBody> = joins.iter().map(StarvedJoin::write).collect();
        let json = serde_json::to_string(&bodies)?;
        RawValue::from_string(json).map(Some)
    }

    /// What a task leaves that counts: as it has in this run, or else as its result
    /// says.
    fn starved_by(&self, task: &str, result: Option<&str>) -> serde_json::Result<Vec<StarvedJoin>> {
        #[derive(Deserialize)]
        struct Result {
            #[serde(default)]
            starved: Vec<StarvedBody>,
        }
        match (self.starving.take(&paths::graph_of(task)), result) {
            (Some(joins), _) => Ok(joins),
            (None, None) => Ok(Vec::new()),
            (None, Some(json)) => {
                let Result { starved } = serde_json::from_str(json)?;
                Ok(starved.iter().map(StarvedJoin::read).collect())
            }
        }
    }
}

impl<S: State, C: Send + Sync + 'static> Threaded<'_, S, C> {
    /// Notes what has starved in the tasks of a superstep that is about to be merged.
    pub(super) fn note_starved(
        &mut self,
        graph: &Frozen<S, C>,
        (keys, results): (&[TaskKey], &Results<S>),
    ) -> Result<(), RunError> {
        if !graph.nests() {
            return Ok(());
        }
        for index in results.counting() {
            if !graph.node(keys[index].node).nested {
                continue;
            }
            let task = self.plan[index].to_string();
            let result = self.entries.of(&task).and_then(|it| it.result.as_deref());
            let left = self.ledger.starved_by(&task, result).map_err(|error| {
                let what = format!("the result of task `{task}`");
                self.line.failed(CheckpointError::corrupt(what, error))
            })?;
            self.progress.frontier.starve(left);
        }
        Ok(())
    }
}
