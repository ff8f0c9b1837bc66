//! Records a run while it goes on. Nothing here is done unless a transcript
//! was asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::attempt::Done;
use super::error::RunError;
use super::hooks::Observer;
use super::settle::TaskKey;
use crate::compile::{Exits, Frozen, NodeIndex, Rules};
use crate::event::{InsideRecord, Lead, LeadBy, MergeRecord, SuperstepRecord, TaskRecord};
use crate::id::{END, NodeName, TaskId};
use crate::node::{Arrival, Arrivals, NodeError, Place};
use crate::plan::{Chosen, Frontier, Task};
use crate::state::{FieldSchema, State, Update, WriteKind, in_order, in_order_of};

/// What has been recorded so far.
#[derive(Debug)]
pub(crate) struct Record {
    names: Arc<[NodeName]>,
    fields: &'static [FieldSchema],
    /// What `START` made ready.
    pub(crate) start: Vec<Lead>,
    pub(crate) supersteps: Vec<SuperstepRecord>,
    insides: Arc<Insides>,
    /// The joins with rules: only of these the targets say what came to them.
    rules: Option<Arc<Rules>>,
}

/// What graphs that are nodes have recorded, until it is taken down with their
/// tasks.
#[derive(Debug)]
pub(super) struct Insides {
    /// The graph's name, and where it stands, if it is a node itself.
    graph: String,
    path: String,
    names: Arc<[NodeName]>,
    /// By superstep and task.
    recorded: Mutex<BTreeMap<(u64, String), InsideRecord>>,
}

impl Insides {
    fn task(&self, place: Place) -> (u64, String) {
        let node = self.names[place.node as usize].clone();
        let send = place.send;
        (place.superstep, TaskId { node, send }.to_string())
    }

    /// A graph in a task begins: what it did in an earlier attempt is no more.
    fn begin<S: State, C>(&self, place: Place, graph: &Frozen<S, C>) -> Record {
        self.recorded.lock().remove(&self.task(place));
        let (node, send) = (&self.names[place.node as usize], place.send.unwrap_or(0));
        let path = match self.path.as_str() {
            "" => format!("{node}/{send}"),
            around => format!("{around}/{}/{node}/{send}", place.superstep),
        };
        Record::of(graph, path)
    }

    /// It has ended.
    fn end(&self, place: Place, record: Record) {
        let insides = &record.insides;
        let inside = InsideRecord {
            graph: insides.graph.clone(),
            path: insides.path.clone(),
            start: record.start,
            supersteps: record.supersteps,
        };
        self.recorded.lock().insert(self.task(place), inside);
    }

    /// What a graph did in the task, if it is one.
    fn take(&self, superstep: u64, task: &str) -> Option<Box<InsideRecord>> {
        let inside = self.recorded.lock().remove(&(superstep, task.to_owned()));
        inside.map(Box::new)
    }
}

/// What is recorded of a graph in a task, and where that goes.
pub(super) struct Recording(Option<(Arc<Insides>, Place, Record)>);

impl Recording {
    /// Of a graph that begins, if somebody wants to know.
    pub(super) fn begin<S: State, C>(
        insides: Option<&Arc<Insides>>,
        place: Place,
        graph: &Frozen<S, C>,
    ) -> Self {
        let recorded = |insides: &Arc<Insides>| {
            let record = insides.begin(place, graph);
            (Arc::clone(insides), place, record)
        };
        Self(insides.map(recorded))
    }

    pub(super) fn record(&mut self) -> Option<&mut Record> {
        self.0.as_mut().map(|(_, _, record)| record)
    }

    /// The graph has ended. One that is dropped before leaves nothing.
    pub(super) fn ends<T>(self, ended: &Result<T, NodeError>) {
        let Some((insides, place, mut record)) = self.0 else {
            return;
        };
        let error = ended.as_ref().err();
        if let Some(error) = error.and_then(|error| error.as_error().downcast_ref()) {
            record.failed(error);
        }
        insides.end(place, record);
    }
}

/// The record of a run, which is left there when that is over, or dropped.
pub(super) struct Kept {
    record: Option<Record>,
    there: Arc<Mutex<Option<Record>>>,
}

impl Kept {
    pub(super) fn new(record: Record, there: &Arc<Mutex<Option<Record>>>) -> Self {
        Self {
            record: Some(record),
            there: Arc::clone(there),
        }
    }

    pub(super) fn record(&mut self) -> Option<&mut Record> {
        self.record.as_mut()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        *self.there.lock() = self.record.take();
    }
}

impl Record {
    pub(super) fn new<S: State, C>(graph: &Frozen<S, C>) -> Self {
        Self::of(graph, String::new())
    }

    fn of<S: State, C>(graph: &Frozen<S, C>, path: String) -> Self {
        Self {
            names: Arc::clone(&graph.names),
            fields: S::schema().fields,
            start: Vec::new(),
            supersteps: Vec::new(),
            insides: Arc::new(Insides {
                graph: graph.name.clone(),
                path,
                names: Arc::clone(&graph.names),
                recorded: Mutex::default(),
            }),
            rules: graph.rules.clone(),
        }
    }

    /// Where graphs that are nodes leave what they do.
    pub(super) fn insides(&self) -> Arc<Insides> {
        Arc::clone(&self.insides)
    }

    /// The run has ended.
    pub(super) fn ended<T>(&mut self, result: &Result<T, RunError>) {
        if let Err(error) = result {
            self.failed(error);
        }
    }

    /// The graph's name.
    pub(crate) fn graph(&self) -> &str {
        &self.insides.graph
    }

    /// The run has failed: of a task that is a graph it shows what has happened
    /// inside until then. What its siblings came to is a matter of time.
    fn failed(&mut self, error: &RunError) {
        let RunError::Node {
            task, superstep, ..
        } = error
        else {
            return;
        };
        let (task, last) = (task.to_string(), self.supersteps.last_mut());
        let step = last.filter(|step| step.superstep == *superstep);
        let mut tasks = step.into_iter().flat_map(|step| &mut step.tasks);
        if let Some(record) = tasks.find(|record| record.task == task) {
            let inside = self.insides.take(*superstep, &task);
            record.inside = inside.or(record.inside.take());
        }
    }

    fn push_sends(&self, leads: &mut Vec<Lead>, sends: Option<(NodeIndex, usize)>) {
        if let Some((to, count)) = sends {
            leads.push(self.lead(to, LeadBy::Sends { count }));
        }
    }

    fn lead(&self, to: NodeIndex, by: LeadBy) -> Lead {
        Lead {
            to: self.names[to as usize].to_string(),
            by,
        }
    }

    fn arrivals_of(&self, task: &Task) -> Arrivals {
        let mut ruled = self.rules.iter().flat_map(|rules| &rules.joins);
        match &task.arrivals {
            Some(arrivals) if ruled.any(|join| join.target == task.node) => {
                Arrivals::clone(arrivals)
            }
            _ => Arrivals::default(),
        }
    }

    fn task_name(&self, node: NodeIndex, send: Option<u32>) -> String {
        let node = self.names[node as usize].clone();
        TaskId { node, send }.to_string()
    }
}

impl<S: State, C> Observer<S, C> for Record {
    fn insides(&self) -> Arc<Insides> {
        self.insides()
    }

    fn begin(&mut self, superstep: u64, tasks: &[Task]) {
        let task = |task: &Task| TaskRecord {
            task: self.task_name(task.node, task.send.as_ref().map(|&(number, _)| number)),
            input: task
                .send
                .as_ref()
                .map(|(_, input)| in_order_of(input.type_name(), input.to_json())),
            arrivals: self.arrivals_of(task),
            ended: None,
            attempts: 0,
            cached: false,
            fallback: false,
            inside: None,
            writes: None,
            leads: Vec::new(),
        };
        self.supersteps.push(SuperstepRecord {
            superstep,
            tasks: tasks.iter().map(task).collect(),
            decided: Vec::new(),
            merges: Vec::new(),
            expired: Vec::new(),
        });
    }

    fn done(&mut self, done: &[Done<S>]) {
        let Some(step) = self.supersteps.last_mut() else {
            return;
        };
        let mut writers: Vec<Vec<String>> = vec![Vec::new(); self.fields.len()];
        for (done, task) in done.iter().zip(&mut step.tasks) {
            take_down(task, done, self.fields);
            task.inside = self.insides.take(step.superstep, &task.task);
            let Some(update) = &done.outcome.update else {
                continue;
            };
            update.writes(&mut |field, kind| {
                writers[field].push(match kind {
                    WriteKind::Reduce => task.task.clone(),
                    WriteKind::Overwrite => format!("={}", task.task),
                });
            });
        }
        let written = self.fields.iter().zip(writers);
        step.merges = written
            .filter(|(_, writers)| !writers.is_empty())
            .map(|(field, writers)| MergeRecord {
                field: field.name,
                reducer: field.reducer,
                writers,
            })
            .collect();
    }

    fn paused(&mut self, done: &[Option<Done<S>>]) {
        let step = self.supersteps.last_mut();
        let Some(step) = step.filter(|step| step.tasks.len() == done.len()) else {
            return;
        };
        for (done, task) in done.iter().zip(&mut step.tasks) {
            task.inside = self.insides.take(step.superstep, &task.task);
            if let Some(done) = done {
                take_down(task, done, self.fields);
            }
        }
    }

    fn unmerged(&mut self) {
        if let Some(step) = self.supersteps.last_mut() {
            step.merges.clear();
        }
    }

    fn decided(&mut self, by: &[TaskKey]) {
        let by = by.iter().map(|key| self.task_name(key.node, key.number()));
        let by = by.collect();
        if let Some(step) = self.supersteps.last_mut() {
            step.decided = by;
        }
    }

    fn expired(&mut self, field: usize) {
        if let Some(step) = self.supersteps.last_mut() {
            step.expired.push(self.fields[field].name);
        }
    }

    fn leads(
        &mut self,
        task: Option<usize>,
        graph: &Frozen<S, C>,
        frontier: &Frontier,
        exits: &Exits<S>,
        chosen: &[Chosen],
    ) {
        let mut leads = Vec::new();
        for &to in &exits.edges {
            leads.push(self.lead(to, LeadBy::Edge));
        }
        for arrival in &exits.joins {
            let (arrived, of) = frontier.arrivals_with(*arrival);
            let target = graph.joins[arrival.join].target;
            leads.push(self.lead(target, LeadBy::Join { arrived, of }));
        }
        for of in &exits.ruled {
            if let (Some(rules), Some(open)) = (&graph.rules, &frontier.open) {
                let (arrived, of_all) = open.arrivals_with(*of);
                let target = rules.joins[of.join].target;
                let by = LeadBy::Join {
                    arrived,
                    of: of_all,
                };
                leads.push(self.lead(target, by));
            }
        }
        if exits.end {
            leads.push(end(LeadBy::Edge));
        }
        let mut sends: Option<(NodeIndex, usize)> = None;
        for choice in chosen {
            match (choice, &mut sends) {
                (Chosen::Send(to, _), Some((same, count))) if to == same => *count += 1,
                (Chosen::Send(to, _), _) => {
                    self.push_sends(&mut leads, sends.replace((*to, 1)));
                }
                (Chosen::Node(to), _) => {
                    self.push_sends(&mut leads, sends.take());
                    leads.push(self.lead(*to, LeadBy::Choice));
                }
                (Chosen::End, _) => {
                    self.push_sends(&mut leads, sends.take());
                    leads.push(end(LeadBy::Choice));
                }
            }
        }
        self.push_sends(&mut leads, sends);
        match (task, self.supersteps.last_mut()) {
            (Some(task), Some(step)) => step.tasks[task].leads = leads,
            _ => self.start = leads,
        }
    }
}

/// Notes what a task came to.
fn take_down<S: State>(task: &mut TaskRecord, done: &Done<S>, fields: &[FieldSchema]) {
    task.attempts = done.attempts;
    task.cached = done.attempts == 0 && done.has_succeeded();
    task.fallback = done.fallback;
    let how = done.ending.as_ref().map(|ending| ending.how.arrival());
    task.ended = how.filter(|how| *how != Arrival::Done);
    let update = done.outcome.update.as_ref();
    task.writes = update.map(|update| in_order(fields, to_json(update)));
}

/// The end of a path.
fn end(by: LeadBy) -> Lead {
    Lead {
        to: END.to_owned(),
        by,
    }
}

/// A value as JSON; one that cannot be is shown as why not.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| format!("<{error}>").into())
}
