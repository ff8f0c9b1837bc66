//! A superstep that waits: what it asks, what is answered, and what its state
//! looks like meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::attempt::Done;
use super::super::error::RunError;
use super::super::execute::{Parts as ResultParts, Results};
use super::super::settle::TaskKey;
use super::call::Answers;
use super::drive::Threaded;
use super::entries::{Entries, interrupt_id, key_of};
use crate::checkpoint::EntryRecord;
use crate::compile::Frozen;
use crate::event::Interrupt;
use crate::id::TaskId;
use crate::node::QuestionKey;
use crate::state::State;

/// A question that is open.
pub(super) struct Open {
    pub(super) task: TaskId,
    pub(super) key: QuestionKey,
    pub(super) value: Value,
}

/// A question and its answer, or why that cannot be written.
type Answered<'o> = (&'o Open, Result<Value, String>);

/// What the tasks of a plan ask, in their order.
pub(super) fn open(plan: &[TaskId], entries: &Entries) -> Vec<Open> {
    let tasks = plan.iter().filter_map(|task| {
        let entries = entries.of(&task.to_string())?;
        entries.result.is_none().then_some((task, entries))
    });
    let questions = tasks.flat_map(|(task, entries)| {
        entries.open().map(|(key, value)| Open {
            task: task.clone(),
            key: key.clone(),
            value: value.clone(),
        })
    });
    questions.collect()
}

impl Open {
    pub(super) fn id(&self) -> String {
        interrupt_id(&self.task, &self.key)
    }

    pub(super) fn into_interrupt(self) -> Interrupt {
        Interrupt {
            id: self.id(),
            name: self.key.0,
            value: self.value,
            task: self.task,
        }
    }
}

impl<S: State, C: Send + Sync + 'static> Threaded<'_, S, C> {
    /// Ends a superstep of which some tasks wait: what they ask is written, and
    /// the state shows what the others wrote.
    pub(super) async fn pause(
        &mut self,
        graph: &Frozen<S, C>,
        keys: &[TaskKey],
        results: Results<S>,
    ) -> Result<(), RunError> {
        self.line.flush().await?;
        let entries = Arc::make_mut(&mut self.entries);
        for (task, questions) in self.ledger.open() {
            let asked = &mut entries.of_mut(&task).asked;
            asked.clear();
            for question in questions {
                graph.questions.note(node_of(&task), &question);
                asked.insert(question.key, question.value);
            }
        }
        let ResultParts { mut done, .. } = results.into_parts();
        for waits in done.iter_mut().filter(|done| is_paused(done)) {
            *waits = None;
        }
        if let Some(observer) = &mut self.progress.observer {
            // Nothing was begun where all wait.
            observer.paused(&done);
        }
        let finished = keys.iter().zip(done);
        let finished = finished.filter_map(|(&key, done)| Some((key, done?)));
        let (keys, mut done): (Vec<TaskKey>, Vec<_>) = finished.unzip();
        self.progress.preview(&keys, &mut done);
        Ok(())
    }

    /// Takes answers to what is asked, and writes them down.
    pub(super) async fn answer(
        &mut self,
        graph: &Frozen<S, C>,
        answers: Answers,
    ) -> Result<(), RunError> {
        let open = open(&self.plan, &self.entries);
        let matched = self.matched(&open, answers)?;
        let mut records = Vec::new();
        for (question, answer) in matched {
            let answer = answer.map_err(|why| RunError::Answer {
                id: question.id(),
                why,
            })?;
            let checked = graph
                .questions
                .check(&question.task.node, &question.key.0, &answer);
            checked.map_err(|why| RunError::Answer {
                id: question.id(),
                why,
            })?;
            let task = question.task.to_string();
            let key = key_of("answer", &question.key);
            records.push((
                EntryRecord::new(&task, &key, Some(answer.to_string())),
                answer,
                question,
            ));
        }
        let entries = Arc::make_mut(&mut self.entries);
        for (_, answer, question) in &records {
            let task = question.task.to_string();
            let answers = &mut entries.of_mut(&task).answers;
            answers.insert(question.key.clone(), answer.clone());
            self.answered.insert(task);
        }
        let records = records.into_iter().map(|(record, ..)| record).collect();
        self.line.put(records).await
    }

    fn matched<'o>(
        &self,
        open: &'o [Open],
        answers: Answers,
    ) -> Result<Vec<Answered<'o>>, RunError> {
        let unknown = |what: String| RunError::UnknownInterrupt {
            what,
            open: open.iter().map(Open::id).collect(),
        };
        match answers {
            Answers::Only(answer) => match open {
                [] => Err(self.nothing_asked()),
                [only] => Ok(vec![(only, answer)]),
                several => Err(unknown(format!(
                    "thread `{}` asks {} questions, and one answer was given without an id",
                    self.line.thread,
                    several.len()
                ))),
            },
            Answers::ById(answers) => {
                let mut by_id: BTreeMap<String, &Open> = open
                    .iter()
                    .map(|question| (question.id(), question))
                    .collect();
                let mut matched: Vec<Answered<'o>> = Vec::with_capacity(answers.len());
                for (id, answer) in answers {
                    let Some(question) = by_id.remove(&id) else {
                        let twice = open.iter().any(|question| question.id() == id);
                        return Err(unknown(match twice {
                            true => format!("`{id}` was answered twice"),
                            false => format!("thread `{}` does not ask `{id}`", self.line.thread),
                        }));
                    };
                    matched.push((question, answer));
                }
                if matched.is_empty() {
                    return Err(unknown(format!(
                        "thread `{}` was resumed without an answer",
                        self.line.thread
                    )));
                }
                Ok(matched)
            }
        }
    }

    pub(super) fn nothing_asked(&self) -> RunError {
        RunError::UnknownInterrupt {
            what: format!("thread `{}` asks nothing", self.line.thread),
            open: Vec::new(),
        }
    }

    /// What is asked, in task order.
    pub(super) fn interrupts(&self) -> Vec<Interrupt> {
        let open = open(&self.plan, &self.entries);
        open.into_iter().map(Open::into_interrupt).collect()
    }
}

fn is_paused<S: State>(done: &Option<Done<S>>) -> bool {
    done.as_ref().is_some_and(|done| done.paused)
}

/// The node of a task, by the task's name.
fn node_of(task: &str) -> &str {
    task.split_once('/').map_or(task, |(node, _)| node)
}
