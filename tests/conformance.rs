//! Recorded behaviour of LangGraph, case by case: builds each graph through
//! the public builder, performs its script, and compares.
//!
//! `CONFORMANCE_CASES=DIR` takes the cases from another folder. The format is
//! described in `tests/conformance/README.md`.

#![expect(clippy::print_stderr, reason = "counts and differences are for people")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use superstep::prelude::*;
use superstep::{Graph, NodeBuilder, NodeError, RunError, Target, Update};

/// The one state of all cases.
#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Facts {
    #[reduce(Append)]
    log: Vec<String>,
    #[reduce(Sum)]
    total: i64,
    #[reduce(Max)]
    high: i64,
    #[reduce(Merge)]
    facts: BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

/// A line of a case file.
#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    thread: bool,
    recursion_limit: u64,
    nodes: Vec<NodeSpec>,
    edges: Vec<(OneOrMany, String)>,
    #[serde(default)]
    branches: Vec<Branch>,
    script: Vec<Value>,
    expect: Vec<Value>,
}

#[derive(Deserialize, Clone)]
struct NodeSpec {
    name: String,
    #[serde(default)]
    worker: bool,
    #[serde(default)]
    delay: u64,
    add: Option<i64>,
    high: Option<i64>,
    fact: Option<(String, i64)>,
    last: Option<String>,
    #[serde(default)]
    goto: Vec<Goto>,
    #[serde(default)]
    defer: bool,
    /// The message with which it always fails.
    fail: Option<String>,
    #[serde(default)]
    fail_first: usize,
    max_attempts: Option<u32>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Goto {
    Name(String),
    Send { send: String, arg: i64 },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Branch {
    from: String,
    by: String,
    table: Vec<Vec<Goto>>,
}

/// What the bodies note over a whole script.
#[derive(Default)]
struct Notes {
    started: Mutex<Vec<Start>>,
    /// Whether delays take real time.
    sleeps: bool,
}

/// One start of a body.
#[derive(Clone)]
struct Start {
    superstep: u64,
    attempt: u32,
    name: String,
}

impl Notes {
    /// Notes a start, and returns how many the node has had.
    fn start(&self, ctx: &Ctx<Self>) -> usize {
        let mut started = self.started.lock().expect("no test panics with it");
        let name = ctx.node().to_string();
        started.push(Start {
            superstep: ctx.superstep(),
            attempt: ctx.attempt(),
            name: name.clone(),
        });
        started.iter().filter(|start| start.name == name).count()
    }

    /// The same notes, for a run that is none of the script's.
    fn copy(&self) -> Self {
        let started = self.started.lock().expect("no test panics with it");
        Self {
            started: Mutex::new(started.clone()),
            sleeps: self.sleeps,
        }
    }

    /// How many starts there were so far.
    fn n_starts(&self) -> usize {
        self.started.lock().expect("no test panics with it").len()
    }

    /// The names of all starts from that one on, sorted.
    fn ran(&self, from: usize) -> Vec<String> {
        let started = self.started.lock().expect("no test panics with it");
        let names = started[from..].iter().map(|start| start.name.clone());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// The names in each superstep from that start on, a task once however
    /// often it was tried.
    fn steps(&self, from: usize) -> Vec<Vec<String>> {
        let started = self.started.lock().expect("no test panics with it");
        let mut steps: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for start in started[from..].iter().filter(|start| start.attempt == 1) {
            let step = steps.entry(start.superstep).or_default();
            step.push(start.name.clone());
        }
        let mut steps: Vec<_> = steps.into_values().collect();
        steps.iter_mut().for_each(|step| step.sort());
        steps
    }
}

/// Worker handles want names that live for ever; a test can afford that.
fn worker(name: &str) -> Worker<i64> {
    Worker::new(Box::leak(name.to_owned().into_boxed_str()))
}

fn target(goto: &Goto) -> Target {
    match goto {
        Goto::Name(name) => name.as_str().into(),
        Goto::Send { send, arg } => worker(send).send(*arg).into(),
    }
}

fn name_of(goto: &Goto) -> String {
    match goto {
        Goto::Name(name) | Goto::Send { send: name, .. } => name.clone(),
    }
}

/// What a node writes once it has its line for the log.
async fn body(spec: NodeSpec, line: String, ctx: Ctx<Notes>) -> NodeResult<Command<Facts>> {
    if ctx.sleeps {
        tokio::time::sleep(Duration::from_millis(spec.delay)).await;
    } else {
        // Turns in place of milliseconds: they shuffle the order just as well.
        for _ in 0..spec.delay {
            tokio::task::yield_now().await;
        }
    }
    let n_starts = ctx.start(&ctx);
    if let Some(message) = spec.fail {
        return Err(NodeError::msg(message));
    }
    if n_starts <= spec.fail_first {
        return Err(NodeError::msg(format!("{} attempt", spec.name)));
    }
    let mut update = Facts::update().log(line);
    if let Some(add) = spec.add {
        update = update.total(add);
    }
    if let Some(high) = spec.high {
        update = update.high(high);
    }
    if let Some(fact) = spec.fact {
        update = update.facts(fact);
    }
    if let Some(last) = spec.last {
        update = update.last(last);
    }
    let targets: Vec<Target> = spec.goto.iter().map(target).collect();
    Ok(Command::update(update).goto(targets))
}

fn build(case: &Case, last_first: bool) -> Result<Graph<Facts, Notes>, Box<dyn Error>> {
    let mut graph =
        StateGraph::<Facts, Notes>::new(&case.name).recursion_limit(case.recursion_limit);
    let mut specs: Vec<&NodeSpec> = case.nodes.iter().collect();
    if last_first {
        specs.reverse();
    }
    for spec in specs {
        graph = add(graph, spec.clone());
    }
    for (from, to) in &case.edges {
        graph = match from {
            OneOrMany::One(from) => graph.add_edge(from, to),
            OneOrMany::Many(from) => graph.add_edge(from, to),
        };
    }
    for branch in &case.branches {
        let declared: Vec<String> = branch.table.iter().flatten().map(name_of).collect();
        let (by, table) = (branch.by.clone(), branch.table.clone());
        let choose = move |state: &Facts| {
            let value = match by.as_str() {
                "log_len" => i64::try_from(state.log.len()).expect("logs are short"),
                "total" => state.total,
                "high" => state.high,
                other => panic!("a case asks for `{other}`"),
            };
            let rows = i64::try_from(table.len()).expect("tables are short");
            let row = usize::try_from(value.rem_euclid(rows)).expect("it is not negative");
            table[row].iter().map(target).collect::<Vec<Target>>()
        };
        graph = graph.add_conditional_edges(&branch.from, choose, declared);
    }
    Ok(graph.compile()?)
}

fn add(graph: StateGraph<Facts, Notes>, spec: NodeSpec) -> StateGraph<Facts, Notes> {
    let name = spec.name.clone();
    if spec.worker {
        let function = with_policies(&spec.clone(), move |arg: i64, ctx: Ctx<Notes>| {
            let line = format!("{}#{arg}", spec.name);
            body(spec.clone(), line, ctx)
        });
        return graph.add_worker(worker(&name), function);
    }
    let defer = spec.defer;
    let function = with_policies(&spec.clone(), move |state: View<Facts>, ctx: Ctx<Notes>| {
        let line = format!("{}:{}:{}", spec.name, state.log.len(), state.total);
        body(spec.clone(), line, ctx)
    });
    let function = if defer { function.defer() } else { function };
    graph.add_node(name, function)
}

fn with_policies<F>(spec: &NodeSpec, function: F) -> NodeBuilder<F> {
    let destinations: Vec<String> = spec.goto.iter().map(name_of).collect();
    let function = node(function).destinations(destinations);
    match spec.max_attempts {
        None => function,
        Some(attempts) => function.retry(Retry::attempts(attempts).delay(Duration::from_millis(1))),
    }
}

/// The record of an action, as the cases have it.
async fn perform(
    case: &Case,
    graph: &Graph<Facts, Notes>,
    notes: &Arc<Notes>,
    action: &Value,
) -> Value {
    let invoke = action
        .get("invoke")
        .expect("without a thread there is only `invoke`");
    let input: FactsUpdate = serde_json::from_value(invoke.clone()).expect("an input");
    let invocation = || graph.invoke(input.clone());
    let from = notes.n_starts();
    let transcript = invocation().context(notes.copy()).transcript().await;
    let result = invocation().context(Arc::clone(notes)).await;
    let steps = notes.steps(from);
    let mut record = json!({ "outcome": "done", "ran": notes.ran(from), "steps": steps });
    match result {
        Ok(run) => {
            assert_eq!(
                sorted(run.ran()),
                steps,
                "{}: what the run says it ran",
                case.name
            );
            let values = values(input, &transcript);
            assert_eq!(
                values.last(),
                Some(&run.state),
                "{}: the two runs agree",
                case.name
            );
            record["values"] = json!(values);
            record["state"] = json!(run.state);
        }
        Err(RunError::RecursionLimit { .. }) => record["outcome"] = "recursion_limit".into(),
        Err(RunError::Conflict { .. }) => record["outcome"] = "conflict".into(),
        Err(RunError::Node { source, .. }) => {
            record["outcome"] = "node_error".into();
            record["error"] = source.to_string().into();
        }
        Err(other) => panic!("{}: no case expects this: {other:?}", case.name),
    }
    record
}

fn sorted(steps: Vec<Vec<superstep::NodeName>>) -> Vec<Vec<String>> {
    let sorted = |step: Vec<superstep::NodeName>| {
        let mut step: Vec<String> = step.into_iter().map(String::from).collect();
        step.sort();
        step
    };
    steps.into_iter().map(sorted).collect()
}

/// The state after the input and after each superstep, equal neighbours once:
/// the updates of a transcript, applied one after another.
fn values(mut input: FactsUpdate, transcript: &superstep::Transcript) -> Vec<Facts> {
    let mut state = Facts::default();
    input.apply(&mut state, &mut 0);
    let mut values = vec![state.clone()];
    for superstep in &transcript.supersteps {
        for task in &superstep.tasks {
            if let Some(writes) = task.writes.clone() {
                let mut update: FactsUpdate = serde_json::from_value(writes).expect("an update");
                update.apply(&mut state, &mut 0);
            }
        }
        values.push(state.clone());
    }
    values.dedup();
    values
}

/// What differs between a record and what was expected, field by field.
fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let fields = expected.as_object().expect("a record is an object");
    fields
        .iter()
        .filter(|(field, _)| {
            matches!(
                field.as_str(),
                "outcome" | "error" | "ran" | "steps" | "values" | "state"
            )
        })
        .filter(|(field, value)| got.get(field.as_str()) != Some(value))
        .map(|(field, value)| {
            let got = got.get(field).unwrap_or(&Value::Null);
            format!("{field}\n    expected {value}\n    got      {got}")
        })
        .collect()
}

fn folder() -> PathBuf {
    match std::env::var_os("CONFORMANCE_CASES") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases"),
    }
}

fn cases() -> Vec<Case> {
    let folder = folder();
    let files = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = files
        .map(|file| file.expect("a readable folder").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
            let case: Case = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}:{number}: {error}", path.display()));
            cases.push(case);
        }
    }
    cases
}

/// Whether who fails, and when, depends on the delays: then they take time.
/// Threads have no turns in common that could stand for it.
fn is_timed(case: &Case) -> bool {
    let fails = |node: &NodeSpec| node.fail.is_some() || node.fail_first > 0;
    case.nodes.iter().any(fails)
}

/// Runs every case and prints each that differs; returns how many did.
async fn run_all(runtime: &str, cases: &[Case]) -> usize {
    let mut n_differ = 0;
    for case in cases {
        for last_first in [false, true] {
            let differs = run_one(case, last_first).await;
            for difference in &differs {
                eprintln!("{} ({}, {runtime}): {difference}", case.name, case.kind);
            }
            if !differs.is_empty() {
                n_differ += 1;
                break;
            }
        }
    }
    n_differ
}

async fn run_one(case: &Case, last_first: bool) -> Vec<String> {
    let graph = match build(case, last_first) {
        Ok(graph) => graph,
        Err(error) => return vec![error.to_string()],
    };
    let notes = Arc::new(Notes {
        sleeps: is_timed(case),
        ..Notes::default()
    });
    let mut differs = Vec::new();
    for (number, (action, expected)) in (1..).zip(case.script.iter().zip(&case.expect)) {
        let got = perform(case, &graph, &notes, action).await;
        let found = differences(expected, &got);
        differs.extend(
            found
                .into_iter()
                .map(|found| format!("action {number}: {found}")),
        );
    }
    differs
}

#[test]
fn recorded_cases_come_out_the_same() {
    let (threads, cases): (Vec<_>, Vec<_>) = cases().into_iter().partition(|case| case.thread);
    assert!(
        !cases.is_empty(),
        "there are no cases in {}",
        folder().display()
    );
    let current = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let multi = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .expect("a runtime");
    let mut n_differ = current.block_on(run_all("current-thread", &cases));
    n_differ += multi.block_on(run_all("multi-thread", &cases));
    eprintln!(
        "{} cases ran on two runtimes, {n_differ} differ; {} cases with threads are not yet supported",
        cases.len(),
        threads.len(),
    );
    assert_eq!(n_differ, 0, "cases that differ are printed above");
}
