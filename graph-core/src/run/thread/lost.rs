//! Joins that have rules, on a thread: what is known of a superstep that was at
//! work before, and questions that nobody waits for any more.

use std::sync::Arc;

use super::super::attempt::{Done, Ending};
use super::super::error::RunError;
use super::super::results::Results;
use super::super::settle::TaskKey;
use super::drive::Threaded;
use super::entries::{RESULT, Standing};
use crate::checkpoint::EntryRecord;
use crate::compile::Frozen;
use crate::id::TaskId;
use crate::node::write_outcome;
use crate::state::State;

impl<S: State, C: Send + Sync + 'static> Threaded<'_, S, C> {
    /// Tells who decides about joins that a superstep begins, and what of it is
    /// over; tasks that wait for an answer may be lost by that.
    pub(super) async fn begin_with_joins(
        &mut self,
        graph: &Frozen<S, C>,
        keys: &[TaskKey],
    ) -> Result<(), RunError> {
        let Some(referee) = self.progress.shared.referee.clone() else {
            return Ok(());
        };
        let (mut finished, mut parked) = (Vec::new(), Vec::new());
        for (index, &key) in keys.iter().enumerate() {
            let name = self.plan[index].to_string();
            match self.entries.standing(&name, &self.answered) {
                Standing::Finished(json) => {
                    let done = self.result(graph, &name, json)?;
                    finished.extend(done.ending.map(|ending| (key, ending)));
                }
                Standing::Parked => parked.push(index),
                Standing::Ready => {}
            }
        }
        let ended: Vec<(TaskKey, &Ending)> = finished
            .iter()
            .map(|(key, ending)| (*key, &**ending))
            .collect();
        referee.begin(&self.progress.frontier, keys);
        referee.replay(&ended);
        self.lose(keys, parked).await.map(drop)
    }

    /// Of tasks that wait for answers, those whose join has closed wait no more.
    pub(super) async fn drop_lost(
        &mut self,
        keys: &[TaskKey],
        results: &mut Results<S>,
    ) -> Result<(), RunError> {
        let waits = |index: &usize| results.of_task(*index).is_none_or(|done| done.paused);
        let waiting: Vec<usize> = (0..keys.len()).filter(waits).collect();
        for (index, done) in self.lose(keys, waiting).await? {
            results.note(index, Ok(done));
        }
        Ok(())
    }

    /// The tasks that have ended without success, all being over.
    pub(super) fn unsuccessful(&self, keys: &[TaskKey], results: &Results<S>) -> Vec<TaskId> {
        let ended = keys.iter().zip(results.done());
        let lost = ended.filter(|(_, done)| !done.has_succeeded());
        lost.map(|(&key, _)| self.progress.task_id(Some(key)))
            .collect()
    }

    /// Notes and writes down which of these tasks are lost.
    async fn lose(
        &mut self,
        keys: &[TaskKey],
        indices: Vec<usize>,
    ) -> Result<Vec<(usize, Done<S>)>, RunError> {
        let Some(referee) = &self.progress.shared.referee else {
            return Ok(Vec::new());
        };
        let (mut lost, mut records) = (Vec::new(), Vec::new());
        for index in indices {
            let Some(ending) = referee.lost(keys[index]) else {
                continue;
            };
            let done = Done::lost(ending);
            let json = write_outcome(done.written(&self.ledger.targets));
            let json = json.map_err(|error| self.unwritable("a result", error))?;
            let task = self.plan[index].to_string();
            let entries = Arc::make_mut(&mut self.entries);
            entries.of_mut(&task).result = Some(json.clone());
            records.push(EntryRecord::new(&task, RESULT, Some(json)));
            lost.push((index, done));
        }
        if !records.is_empty() {
            self.line.put(records).await?;
        }
        Ok(lost)
    }
}
