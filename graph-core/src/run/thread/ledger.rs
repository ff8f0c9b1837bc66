//! Takes down what each task of a superstep leaves, as it leaves it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::attempt::{Done, Ended, Ending, Failed};
use super::super::hooks::Ledger;
use super::super::settle::TaskKey;
use super::entries::{Entries, RESULT, key_of};
use super::join::has_null;
use super::outbox::{KeepInOutbox, Outbox};
use crate::checkpoint::EntryRecord;
use crate::compile::Frozen;
use crate::id::{NodeName, TaskId};
use crate::node::{
    Asked, Desk, NodeError, Outcome, Question, QuestionKey, SendTo, Target, WrongAnswer,
};
use crate::plan::How;
use crate::state::State;

/// The ledger of a run on a thread.
pub(super) struct TaskLedger {
    names: Arc<[NodeName]>,
    /// Of the joins with rules.
    pub(super) targets: Vec<NodeName>,
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

/// The result of a task, as it is written down.
#[derive(Serialize, Deserialize)]
struct ResultBody<U> {
    attempts: u32,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    update: Option<U>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    goto: Vec<TargetBody>,
    /// Of a task that a join waits for, its place in the order of ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<u32>,
    /// And how it ended, if it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<EndedBody>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EndedBody {
    Failed(String),
    /// With the target of the join whose time was over.
    TimedOut(String),
    Cancelled,
}

fn none<U>() -> Option<U> {
    None
}

#[derive(Serialize, Deserialize)]
struct TargetBody {
    to: String,
    /// For a send, what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
}

/// An answer that is not of the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("question `{}` was answered with what it is not: {why}", key.0)]
pub(in crate::run) struct BadAnswer {
    pub(super) key: QuestionKey,
    pub(super) why: String,
}

/// A body that asked, and succeeded without an answer.
#[derive(Debug, thiserror::Error)]
#[error("it succeeded although its question `{0}` has no answer")]
pub(in crate::run) struct Swallowed(String);

impl TaskLedger {
    pub(super) fn new<S: State, C>(graph: &Frozen<S, C>, outbox: Arc<Outbox>, waits: bool) -> Self {
        Self {
            names: Arc::clone(&graph.names),
            targets: targets(graph),
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
        let json = write_result(&self.targets, done).map_err(|error| {
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

/// The targets of the joins with rules.
fn targets<S: State, C>(graph: &Frozen<S, C>) -> Vec<NodeName> {
    let joins = graph.rules.iter().flat_map(|rules| &rules.joins);
    joins
        .map(|join| graph.name_of(join.target).clone())
        .collect()
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
        ending: Option<Box<Ending>>,
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
                    ending: None,
                    outcome: Outcome::empty(),
                }))
            }
            (Asked::Nothing, Ok(outcome)) => {
                let done = Done {
                    attempts,
                    paused: false,
                    ending,
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

/// A result as it is written down; `targets` are those of the joins with rules.
pub(super) fn write_result<S: State>(
    targets: &[NodeName],
    done: &Done<S>,
) -> serde_json::Result<String> {
    let goto = done.outcome.targets.iter().map(|target| {
        Ok(match target {
            Target::Node(name) => TargetBody {
                to: name.to_string(),
                input: None,
            },
            Target::Send(send) => TargetBody {
                to: send.worker().to_owned(),
                input: Some(RawValue::from_string(send.input.write()?)?),
            },
        })
    });
    let json = serde_json::to_string(&ResultBody {
        attempts: done.attempts,
        update: done.outcome.update.as_ref(),
        goto: goto.collect::<serde_json::Result<_>>()?,
        place: done.ending.as_ref().and_then(|ending| ending.place),
        ended: done.ending.as_ref().and_then(|ending| match &ending.how {
            How::Done => None,
            How::Failed(why) => Some(EndedBody::Failed(why.to_string())),
            How::TimedOut(join) => Some(EndedBody::TimedOut(targets[*join].to_string())),
            How::Cancelled => Some(EndedBody::Cancelled),
        }),
    })?;
    if has_null(&json) {
        read_update::<S>(&json)?;
    }
    Ok(json)
}

/// A result that was written down.
pub(super) fn read_result<S: State, C>(
    graph: &Frozen<S, C>,
    json: &str,
) -> Result<Done<S>, String> {
    let body: ResultBody<S::Update> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    let target = |TargetBody { to, input }| {
        let Some(input) = input else {
            return Ok(Target::from(to));
        };
        let node = graph.index_of(&to).or_else(|| graph.formerly(&to));
        let worker = node.and_then(|node| graph.node(node).worker);
        let worker = worker.ok_or_else(|| format!("there is no worker `{to}` any more"))?;
        let input = (worker.read)(input.get())
            .map_err(|error| format!("`{to}` was sent what it does not take: {error}"))?;
        Ok(Target::Send(SendTo {
            worker: worker.worker,
            input,
        }))
    };
    let targets: Result<Vec<Target>, String> = body.goto.into_iter().map(target).collect();
    let how = match body.ended {
        None => How::Done,
        Some(EndedBody::Failed(why)) => How::Failed(why.into()),
        Some(EndedBody::TimedOut(target)) => join_into(graph, &target),
        Some(EndedBody::Cancelled) => How::Cancelled,
    };
    let place = body.place;
    let ending = (place.is_some() || how != How::Done).then(|| Box::new(Ending { place, how }));
    Ok(Done {
        attempts: body.attempts,
        paused: false,
        ending,
        outcome: Outcome {
            update: body.update,
            targets: targets?,
        },
    })
}

/// That the time of the join into that node was over; if there is none any more,
/// the task was not waited for.
fn join_into<S: State, C>(graph: &Frozen<S, C>, target: &str) -> How {
    let target = graph.index_of(target).or_else(|| graph.formerly(target));
    let mut joins = graph.rules.iter().flat_map(|rules| &rules.joins);
    let join = joins.position(|join| Some(join.target) == target && join.rule.within.is_some());
    join.map_or(How::Cancelled, How::TimedOut)
}

/// The update of a result that was written down.
pub(super) fn read_update<S: State>(json: &str) -> serde_json::Result<Option<S::Update>> {
    let body: ResultBody<S::Update> = serde_json::from_str(json)?;
    Ok(body.update)
}
