//! Which spans belong together: those of one run of a graph or subgraph, and in
//! it those of one superstep.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use super::pieces::{end, ready};
use super::span::Span;

/// The spans of one run of a graph or subgraph.
#[derive(Debug)]
pub(super) struct Scope<'t> {
    /// The span it ran in; `None` for the graph itself, and where none fits.
    pub(super) parent: Option<usize>,
    pub(super) path: &'t str,
    /// In order.
    pub(super) spans: Vec<usize>,
    /// By number.
    pub(super) steps: Vec<Step>,
}

/// One superstep of a scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) number: u64,
    pub(super) begin: Duration,
    pub(super) end: Duration,
    /// The span that ended last.
    pub(super) last: usize,
}

#[derive(Debug)]
pub(super) struct Scopes<'t> {
    pub(super) all: Vec<Scope<'t>>,
    /// The scope of each span.
    pub(super) of: Vec<usize>,
    /// The place of each span's superstep in its scope.
    pub(super) step_of: Vec<usize>,
    /// The spans in order: by when they were ready, then superstep by
    /// superstep in task order.
    pub(super) order: Vec<usize>,
    /// The place of each span in that order.
    pub(super) rank: Vec<usize>,
}

impl<'t> Scopes<'t> {
    pub(super) fn new(spans: &'t [Span]) -> Self {
        let mut order: Vec<usize> = (0..spans.len()).collect();
        order.sort_by(|&one, &other| compare(&spans[one], &spans[other]).then(one.cmp(&other)));
        let mut rank = vec![0; spans.len()];
        for (place, &span) in order.iter().enumerate() {
            rank[span] = place;
        }
        let mut scopes = Self {
            all: Vec::new(),
            of: vec![0; spans.len()],
            step_of: vec![0; spans.len()],
            order,
            rank,
        };
        scopes.gather(spans);
        for scope in 0..scopes.all.len() {
            scopes.number(spans, scope);
        }
        scopes
    }

    /// Puts each span into its scope.
    fn gather(&mut self, spans: &'t [Span]) {
        let parents = parents(spans, &self.order);
        let mut known: BTreeMap<(&str, Option<usize>), usize> = BTreeMap::new();
        let mut last: Option<((&str, Option<usize>), usize)> = None;
        for &span in &self.order {
            let key = (spans[span].path.as_str(), parents[span]);
            let scope = match last {
                Some((same, scope)) if same == key => scope,
                _ => *known.entry(key).or_insert_with(|| {
                    self.all.push(Scope {
                        parent: key.1,
                        path: key.0,
                        spans: Vec::new(),
                        steps: Vec::new(),
                    });
                    self.all.len() - 1
                }),
            };
            last = Some((key, scope));
            self.all[scope].spans.push(span);
            self.of[span] = scope;
        }
    }

    /// Finds the supersteps of a scope.
    fn number(&mut self, spans: &[Span], scope: usize) {
        let scope = &mut self.all[scope];
        let mut steps: BTreeMap<u64, Step> = BTreeMap::new();
        for &at in &scope.spans {
            let span = &spans[at];
            let new = Step {
                number: span.superstep,
                begin: ready(span),
                end: end(span),
                last: at,
            };
            let step = steps.entry(span.superstep).or_insert(new);
            step.begin = step.begin.min(new.begin);
            if new.end > step.end {
                (step.end, step.last) = (new.end, at);
            }
        }
        scope.steps = steps.into_values().collect();
        for &at in &scope.spans {
            let number = spans[at].superstep;
            self.step_of[at] = scope.steps.partition_point(|step| step.number < number);
        }
    }

    /// The scope of the graph itself, if there is one.
    pub(super) fn root(&self) -> Option<&Scope<'t>> {
        self.all.iter().find(|scope| scope.path.is_empty())
    }

    /// The superstep before that of a span, in its scope.
    pub(super) fn step_before(&self, span: usize) -> Option<Step> {
        let before = self.step_of[span].checked_sub(1)?;
        Some(self.all[self.of[span]].steps[before])
    }

    /// The superstep after that of a span, in its scope.
    pub(super) fn step_after(&self, span: usize) -> Option<Step> {
        let scope = &self.all[self.of[span]];
        scope.steps.get(self.step_of[span] + 1).copied()
    }

    pub(super) fn step(&self, span: usize) -> Step {
        self.all[self.of[span]].steps[self.step_of[span]]
    }
}

/// The order of two spans, whatever order they were recorded in. Those around
/// others come before them.
fn compare(one: &Span, other: &Span) -> Ordering {
    let by_time = ready(one).cmp(&ready(other));
    let depth = |span: &Span| span.path.split('/').filter(|part| !part.is_empty()).count();
    by_time
        .then_with(|| depth(one).cmp(&depth(other)))
        .then(one.superstep.cmp(&other.superstep))
        .then_with(|| one.path.cmp(&other.path))
        .then_with(|| task(&one.task).cmp(&task(&other.task)))
}

/// A task's node and which of its sends it is.
pub(super) fn task(task: &str) -> (&str, Option<u64>) {
    match task.split_once('/') {
        None => (task, None),
        Some((node, send)) => (node, send.parse().ok()),
    }
}

/// The span that each span ran in: the one with the name of its path that was
/// ready last before it. A task that is no send may be called `review` and its
/// inside `review/0`.
fn parents(spans: &[Span], order: &[usize]) -> Vec<Option<usize>> {
    let mut parents = vec![None; spans.len()];
    if spans.iter().all(|span| span.path.is_empty()) {
        return parents;
    }
    let mut latest: BTreeMap<String, usize> = BTreeMap::new();
    for &at in order {
        let path = spans[at].path.as_str();
        if !path.is_empty() {
            let short = || path.strip_suffix("/0").and_then(|path| latest.get(path));
            parents[at] = latest.get(path).or_else(short).copied();
        }
        latest.insert(spans[at].name(), at);
    }
    parents
}
