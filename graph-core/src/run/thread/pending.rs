//! A superstep that waits: what it asks, what is answered, and what its state
//! looks like meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::error::RunError;
use super::super::results::Results;
use super::super::settle::TaskKey;
use super::call::Answers;
use super::drive::Threaded;
use super::entries::{Entries, key_of};
use super::paths;
use crate::checkpoint::EntryRecord;
use crate::compile::Frozen;
use crate::event::Interrupt;
use crate::id::TaskId;
use crate::node::QuestionKey;
use crate::state::State;

/// A question that is open.
pub(super) struct Open {
    /// The path of the task that asks.
    pub(super) path: String,
    pub(super) key: QuestionKey,
    pub(super) value: Value,
}

/// A question and its answer, or why that cannot be written.
type Answered<'o> = (&'o Open, Result<Value, String>);

/// What the tasks of a plan ask, in their order, and those inside them.
pub(super) fn open(plan: &[TaskId], entries: &Entries) -> Vec<Open> {
    open_in("", plan, entries)
}

/// The same of tasks whose paths begin with this.
pub(super) fn open_in(here: &str, plan: &[TaskId], entries: &Entries) -> Vec<Open> {
    let tasks = plan.iter().flat_map(|task| {
        let name = format!("{here}{task}");
        let own = entries.of(&name).map(|own| (name, own));
        let prefix = format!("{here}{}", paths::inside(task));
        let inside = entries.inside(prefix);
        own.into_iter()
            .chain(inside.map(|(path, entries)| (path.to_owned(), entries)))
    });
    let questions = tasks.filter(|(path, _)| !entries.is_over(path));
    let questions = questions.flat_map(|(path, entries)| {
        entries.open().map(move |(key, value)| Open {
            path: path.clone(),
            key: key.clone(),
            value: value.clone(),
        })
    });
    questions.collect()
}

impl Open {
    pub(super) fn id(&self) -> String {
        paths::interrupt_id(&self.path, &self.key)
    }

    pub(super) fn into_interrupt(self) -> Interrupt {
        let (path, task) = paths::place_of(&self.path);
        Interrupt {
            id: self.id(),
            name: self.key.0,
            value: self.value,
            task,
            path,
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
        for (path, json) in self.ledger.came_inside() {
            entries.of_mut(&path).result = Some(json);
        }
        // What is inside a task that has ended asks no more.
        let over = keys
            .iter()
            .enumerate()
            .filter(|&(index, _)| results.of_task(index).is_some_and(|done| !done.paused));
        let over: Vec<String> = over
            .map(|(_, &key)| paths::inside(&self.progress.task_id(Some(key))))
            .collect();
        for prefix in &over {
            entries.forget_inside(prefix);
        }
        let open = self.ledger.open().into_iter();
        let is_over = |path: &str| {
            let mut over = over.iter();
            over.any(|prefix| format!("{path}/").starts_with(prefix.as_str()))
        };
        for (task, questions) in open.filter(|(path, _)| !is_over(path)) {
            let asked = &mut entries.of_mut(&task).asked;
            asked.clear();
            for question in questions {
                graph.questions.note(&paths::names_of(&task), &question);
                asked.insert(question.key, question.value);
            }
        }
        let stops = self.ledger.stops().into_iter();
        self.stops_inside = stops.filter(|(path, _)| !is_over(path)).collect();
        let done = results.not_paused();
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
            let node = paths::names_of(&question.path);
            let checked = graph.questions.check(&node, &question.key.0, &answer);
            checked.map_err(|why| RunError::Answer {
                id: question.id(),
                why,
            })?;
            let key = key_of("answer", &question.key);
            records.push((
                EntryRecord::new(&question.path, &key, Some(answer.to_string())),
                answer,
                question,
            ));
        }
        let entries = Arc::make_mut(&mut self.entries);
        for (_, answer, question) in &records {
            let answers = &mut entries.of_mut(&question.path).answers;
            answers.insert(question.key.clone(), answer.clone());
            self.answered.insert(question.path.clone());
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
