//! The timeline of a run, from what the run has noted.
//!
//! What made a task ready is not noted: it is every task of the superstep before
//! whose edges, routes or commands lead to it, and of each join into it the last
//! tasks of its sources. Where that is none, it is the whole superstep before.
//! In an eager graph, where a task waits for all that may lead to it, it is also
//! the last to end of those, if that is none of these.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Span, SpanOutcome, Timeline};
use crate::compile::NodeIndex;
use crate::event::{Phase, PhaseKind};
use crate::id::TaskId;
use crate::run::{Ended, Row, Run, TaskSpan, Time, Times};

impl<S> Run<S> {
    /// Where the time of the run went: see [`Timeline`].
    ///
    /// Times are noted for every run. Those of tasks that neither wait nor have a
    /// policy are shared out in equal parts among what was started together, so
    /// that they cost nothing; all others are as long as they were, by tokio's
    /// clock. Of a run of more than 100 000 tasks it is the first of them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// use std::time::Duration;
    /// use superstep::prelude::*;
    ///
    /// # #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    /// # struct Trip { #[reduce(Append)] found: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let look = |ms: u64| {
    ///     move |_: View<Trip>| async move { tokio::time::sleep(Duration::from_millis(ms)).await }
    /// };
    /// let graph = StateGraph::<Trip>::new("trip")
    ///     .add_node("flights", look(80))
    ///     .add_node("hotels", look(20))
    ///     .add_node("book", look(10))
    ///     .add_edge(START, ["flights", "hotels"])
    ///     .add_edge(["flights", "hotels"], "book")
    ///     .compile()?;
    /// let timeline = graph.invoke(Trip::update()).await?.timeline();
    /// assert!(timeline.total() >= Duration::from_millis(90));
    /// let path = timeline.critical_path();
    /// let path: Vec<_> = path.iter().map(|&at| &timeline.spans()[at].task).collect();
    /// assert_eq!(path, ["flights", "book"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        let mut spans = Vec::new();
        add(&self.times(), "", &mut spans);
        Timeline::new(self.graph(), spans)
    }
}

/// Adds the spans of one graph, and of those inside it.
fn add(times: &Times, path: &str, spans: &mut Vec<Span>) {
    let noted = times.noted();
    let begins: BTreeMap<u64, Time> = noted.begins.iter().copied().collect();
    let mut tasks: Vec<TaskSpan> = noted.tasks();
    for row in &noted.rows {
        tasks.extend(of_row(times, *row));
    }
    tasks.sort_by_key(|task| (task.superstep, task.send.is_some(), task.node, task.send));
    let first = spans.len();
    let mut before = Before::default();
    let mut holds = times.ways.are_eager().then(|| Holds::new(times));
    for (number, task) in tasks.iter().enumerate() {
        let ready = begins.get(&task.superstep).copied().unwrap_or(task.start);
        let mut after = before.of(times, task);
        if let Some(holds) = &mut holds {
            after.extend(holds.of(&tasks, number, &after));
        }
        let after = after.into_iter().map(|at| first + at);
        spans.push(
            span(times, task, ready.min(task.start))
                .inside(path)
                .after(after),
        );
        before.note(task, number);
    }
    // They were noted as they ended.
    let mut inside: Vec<_> = noted.inside.iter().collect();
    inside.sort_by_key(|inside| (inside.send.is_some(), inside.node, inside.send));
    for inside in inside {
        let task = TaskId {
            node: times.names[inside.node as usize].clone(),
            send: Some(inside.send.unwrap_or(0)),
        };
        let inner = match path {
            "" => task.to_string(),
            path => format!("{path}/{task}"),
        };
        add(&inside.times, &inner, spans);
    }
}

/// The tasks of supersteps in a row, which share its time in equal parts.
fn of_row(times: &Times, row: Row) -> impl Iterator<Item = TaskSpan> + '_ {
    (0..row.n_supersteps).flat_map(move |number| {
        let superstep = row.first + number as u64;
        let step = usize::try_from(superstep - 1).unwrap_or(usize::MAX);
        let node = (step < times.ran.len())
            .then(|| times.ran.nodes(step))
            .and_then(<[_]>::first);
        node.map(|&node| TaskSpan {
            superstep,
            node,
            send: None,
            start: row.begin.part(row.end, number, row.n_supersteps),
            end: row.begin.part(row.end, number + 1, row.n_supersteps),
            phases: Vec::new(),
            ended: match row.failed && number + 1 == row.n_supersteps {
                true => Ended::Failed,
                false => Ended::Done,
            },
        })
    })
}

/// The tasks so far, by what they may have made ready.
#[derive(Default)]
struct Before {
    superstep: u64,
    /// Those of the superstep, and of the one before it, by their nodes.
    now: BTreeMap<NodeIndex, Vec<usize>>,
    last: BTreeMap<NodeIndex, Vec<usize>>,
    /// The last tasks of each node, of whatever superstep.
    latest: BTreeMap<NodeIndex, (u64, Vec<usize>)>,
}

impl Before {
    /// What has made a task ready, as far as the graph tells.
    fn of(&mut self, times: &Times, task: &TaskSpan) -> Vec<usize> {
        if task.superstep != self.superstep {
            self.last = std::mem::take(&mut self.now);
            self.superstep = task.superstep;
        }
        let leads = |from: &NodeIndex| times.ways.lead(*from, task.node);
        let last = self.last.iter().filter(|(from, _)| leads(from));
        let mut after: Vec<usize> = last.flat_map(|(_, tasks)| tasks.iter().copied()).collect();
        for sources in times.ways.joins(task.node) {
            let latest = sources.iter().map(|source| self.latest.get(source));
            // A join with a rule may not wait for all of them.
            for (superstep, tasks) in latest.flatten() {
                if *superstep < task.superstep {
                    after.extend(tasks);
                }
            }
        }
        after.sort_unstable();
        after.dedup();
        after
    }

    fn note(&mut self, task: &TaskSpan, number: usize) {
        self.now.entry(task.node).or_default().push(number);
        let (superstep, latest) = self.latest.entry(task.node).or_default();
        if *superstep != task.superstep {
            *superstep = task.superstep;
            latest.clear();
        }
        latest.push(number);
    }
}

/// What holds tasks of an eager graph up.
struct Holds<'t> {
    times: &'t Times,
    /// For each node, those that may lead to it in one superstep.
    before: Vec<Vec<NodeIndex>>,
    /// For each node that was asked for, those that may lead to it, however far.
    all_before: BTreeMap<NodeIndex, BTreeSet<NodeIndex>>,
    /// How many tasks are in `ends`: all of earlier supersteps.
    n_known: usize,
    /// The tasks of each node by their ends.
    ends: BTreeMap<NodeIndex, BTreeSet<(Time, usize)>>,
}

impl<'t> Holds<'t> {
    fn new(times: &'t Times) -> Self {
        let nodes = || (0..).take(times.names.len());
        let before = |to: NodeIndex| {
            let joins = times.ways.joins(to);
            let joined = |from: &NodeIndex| joins.iter().any(|it| it.contains(from));
            let leads = |from: &NodeIndex| times.ways.lead(*from, to) || joined(from);
            nodes().filter(leads).collect()
        };
        Self {
            times,
            before: nodes().map(before).collect(),
            all_before: BTreeMap::new(),
            n_known: 0,
            ends: BTreeMap::new(),
        }
    }

    /// The last to end before a task of what it had to wait for, if it ended after
    /// all that made it ready.
    fn of(&mut self, tasks: &[TaskSpan], number: usize, after: &[usize]) -> Option<usize> {
        let task = &tasks[number];
        while tasks[self.n_known].superstep < task.superstep {
            let known = &tasks[self.n_known];
            let ends = self.ends.entry(known.node).or_default();
            ends.insert((known.end, self.n_known));
            self.n_known += 1;
        }
        let since = after.iter().map(|&at| tasks[at].end).max();
        let ends = match self.times.ways.defers(task.node) {
            true => self.ends.values().collect(),
            false => self.ends_before(task.node),
        };
        let latest =
            |ends: &BTreeSet<_>| ends.range(..=(task.start, usize::MAX)).next_back().copied();
        let (end, last) = ends.into_iter().filter_map(latest).max()?;
        since.is_none_or(|since| end > since).then_some(last)
    }

    /// The ends of the nodes that may lead to this one.
    fn ends_before(&mut self, node: NodeIndex) -> Vec<&BTreeSet<(Time, usize)>> {
        let all = self.all_before.entry(node).or_insert_with(|| {
            let mut all = BTreeSet::new();
            let mut open = vec![node];
            while let Some(to) = open.pop() {
                let before = self.before[to as usize].iter();
                open.extend(before.copied().filter(|&from| all.insert(from)));
            }
            all
        });
        all.iter().filter_map(|node| self.ends.get(node)).collect()
    }
}

fn span(times: &Times, task: &TaskSpan, ready: Time) -> Span {
    let name = TaskId {
        node: times.names[task.node as usize].clone(),
        send: task.send,
    };
    let is_attempt = |phase: &&Phase| matches!(phase.kind, PhaseKind::Attempt(_));
    let first = task.phases.iter().find(is_attempt);
    let time = |time: Time| -> Duration { time.since_begin() };
    let start = first.map_or_else(|| time(task.start), |first| first.start);
    let mut span = Span::new(name.to_string(), task.superstep, start, time(task.end))
        .ready(time(ready))
        .outcome(match task.ended {
            Ended::Done => SpanOutcome::Done,
            Ended::Failed => SpanOutcome::Failed,
            Ended::Cancelled => SpanOutcome::Cancelled,
            Ended::Paused => SpanOutcome::Paused,
            Ended::Cached => SpanOutcome::Cached,
        });
    span.phases.clone_from(&task.phases);
    span
}
