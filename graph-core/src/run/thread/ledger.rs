//! Takes down what each task of a superstep leaves, as it leaves it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;

use super::super::attempt::{Done, Ended, Failed};
use super::super::hooks::Ledger;
use super::super::settle::TaskKey;
use super::entries::{Entries, RESULT, key_of};
use super::outbox::{KeepInOutbox, Outbox};
use crate::checkpoint::EntryRecord;
use crate::compile::Frozen;
use crate::id::{NodeName, TaskId};
use crate::node::{
    Asked, Desk, NodeError, Outcome, Question, QuestionKey, WrongAnswer, read_outcome,
    write_outcome,
};
use crate::state::State;

/// The ledger of a run on a thread.
pub(super) struct TaskLedger {
    names: Arc<[NodeName]>,
    outbox: Arc<Outbox>,
    /// Whether an effect waits until it is written.
    waits: bool,
    now: Mutex<Now>,
}

/// The superstep at work.
#[derive(Default)]
struct Now {
    /// What its tasks have left before.
    entries: Arc<Entries>,
    /// Whether there is one task only, whose result needs no entry: it is the
    /// superstep's.
    alone: bool,
    /// What names it among all supersteps of all threads.
    place: String,
    /// What has been asked and has no answer, by task.
    open: BTreeMap<String, Vec<Question>>,
}

/// An answer that is not of the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("question `{}` was answered with what it is not: {why}", key.0)]
pub(super) struct BadAnswer {
    pub(super) key: QuestionKey,
    pub(super) why: String,
}

/// A body that asked, and succeeded without an answer.
#[derive(Debug, thiserror::Error)]
#[error("it succeeded although its question `{0}` has no answer")]
pub(in crate::run) struct Swallowed(String);

impl TaskLedger {
    pub(super) fn new(names: Arc<[NodeName]>, outbox: Arc<Outbox>, waits: bool) -> Self {
        Self {
            names,
            outbox,
            waits,
            now: Mutex::default(),
        }
    }

    /// A superstep begins.
    pub(super) fn begin(&self, entries: Arc<Entries>, alone: bool, place: String) {
        *self.now.lock() = Now {
            entries,
            alone,
            place,
            open: BTreeMap::new(),
        };
    }

    /// The questions of the tasks that paused in this superstep.
    pub(super) fn open(&self) -> BTreeMap<String, Vec<Question>> {
        std::mem::take(&mut self.now.lock().open)
    }

    fn task_id(&self, task: TaskKey) -> String {
        let node = self.names[task.node as usize].clone();
        TaskId {
            node,
            send: task.number(),
        }
        .to_string()
    }

    fn pause(&self, task: TaskKey, questions: Vec<Question>) {
        let task = self.task_id(task);
        let mut now = self.now.lock();
        let entries = Arc::clone(&now.entries);
        let asked = |key: &QuestionKey| questions.iter().any(|question| question.key == *key);
        let before = entries
            .of(&task)
            .into_iter()
            .flat_map(|entries| entries.open());
        let over = before.filter(|(key, _)| !asked(key));
        let mut records: Vec<EntryRecord> = over
            .map(|(key, _)| EntryRecord::new(&task, &key_of("ask", key), None))
            .collect();
        records.extend(questions.iter().map(|question| {
            let json = question.value.to_string();
            EntryRecord::new(&task, &key_of("ask", &question.key), Some(json))
        }));
        now.open.insert(task, questions);
        drop(now);
        self.outbox.put(records);
    }

    fn finish<S: State>(&self, task: TaskKey, done: &Done<S>) -> Result<(), NodeError> {
        if self.now.lock().alone {
            return Ok(());
        }
        let json = write_outcome(done.attempts, &done.outcome).map_err(|error| {
            NodeError::msg(format_args!(
                "what it returned cannot be written as JSON: {error}"
            ))
        })?;
        let task = self.task_id(task);
        self.outbox
            .put([EntryRecord::new(&task, RESULT, Some(json))]);
        Ok(())
    }
}

impl<S: State> Ledger<S> for TaskLedger {
    fn stopped<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.outbox.stopped())
    }

    fn desk(&self, task: TaskKey) -> Arc<Desk> {
        let task = self.task_id(task);
        let (entries, place) = {
            let now = self.now.lock();
            (Arc::clone(&now.entries), format!("{}/{task}", now.place))
        };
        let (answers, once) = entries.of(&task).map_or_else(Default::default, |entries| {
            (entries.answers.clone(), entries.once.clone())
        });
        let keep = KeepInOutbox {
            outbox: Arc::clone(&self.outbox),
            task,
            waits: self.waits,
        };
        Arc::new(Desk::new(answers, once, Some(Box::new(keep)), place))
    }

    fn take_down(
        &self,
        task: TaskKey,
        attempts: u32,
        asked: Asked,
        result: &mut Result<Outcome<S>, NodeError>,
    ) -> Option<Ended<S>> {
        let fail = |error: NodeError| Some(Err(Failed { attempts, error }));
        match (asked, result) {
            (Asked::Wrong(WrongAnswer { key, why }), _) => fail(BadAnswer { key, why }.into()),
            (Asked::Open(questions), Ok(_)) => {
                let name = questions.into_iter().map(|question| question.key.0).next();
                fail(Swallowed(name.unwrap_or_default()).into())
            }
            (Asked::Open(questions), Err(_)) => {
                self.pause(task, questions);
                Some(Ok(Done {
                    attempts,
                    paused: true,
                    outcome: Outcome::empty(),
                }))
            }
            (Asked::Nothing, Ok(outcome)) => {
                let done = Done {
                    attempts,
                    paused: false,
                    outcome: std::mem::replace(outcome, Outcome::empty()),
                };
                match self.finish(task, &done) {
                    Ok(()) => Some(Ok(done)),
                    Err(error) => fail(error),
                }
            }
            (Asked::Nothing, Err(_)) => None,
        }
    }
}

/// A result that was written down.
pub(super) fn read_result<S: State, C>(
    graph: &Frozen<S, C>,
    json: &str,
) -> Result<Done<S>, String> {
    let worker = |name: &str| {
        let node = graph.index_of(name).or_else(|| graph.formerly(name))?;
        graph.node(node).worker
    };
    let (attempts, outcome) = read_outcome(json, &worker)?;
    Ok(Done {
        attempts,
        paused: false,
        outcome,
    })
}
