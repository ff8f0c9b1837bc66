//! The cases as data, and the graphs they stand for.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use superstep::prelude::*;
use superstep::{Checkpointer, Graph, NodeBuilder, NodeError, Target};

/// The one state of all cases.
#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    #[reduce(Append)]
    pub(crate) log: Vec<String>,
    #[reduce(Sum)]
    pub(crate) total: i64,
    #[reduce(Max)]
    pub(crate) high: i64,
    #[reduce(Merge)]
    pub(crate) facts: BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
}

/// A line of a case file.
#[derive(Deserialize, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) thread: bool,
    pub(crate) recursion_limit: u64,
    pub(crate) nodes: Vec<NodeSpec>,
    pub(crate) edges: Vec<(OneOrMany, String)>,
    #[serde(default)]
    pub(crate) branches: Vec<Branch>,
    pub(crate) script: Vec<Value>,
    pub(crate) expect: Vec<Value>,
    #[serde(default)]
    pub(crate) compile: Compile,
    /// Of a thread, its checkpoints at the end.
    #[serde(default)]
    pub(crate) history: Option<Value>,
}

/// Where runs are to stop.
#[derive(Deserialize, Default, Clone)]
pub(crate) struct Compile {
    #[serde(default)]
    interrupt_before: Vec<String>,
    #[serde(default)]
    interrupt_after: Vec<String>,
}

#[derive(Deserialize, Clone)]
pub(crate) struct NodeSpec {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) worker: bool,
    #[serde(default)]
    pub(crate) delay: u64,
    pub(crate) add: Option<i64>,
    pub(crate) high: Option<i64>,
    pub(crate) fact: Option<(String, i64)>,
    pub(crate) last: Option<String>,
    #[serde(default)]
    pub(crate) goto: Vec<Goto>,
    #[serde(default)]
    pub(crate) defer: bool,
    /// The message with which it always fails.
    pub(crate) fail: Option<String>,
    #[serde(default)]
    pub(crate) fail_first: usize,
    pub(crate) max_attempts: Option<u32>,
    /// The questions it asks, in order.
    #[serde(default)]
    pub(crate) ask: Vec<String>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(crate) enum Goto {
    Name(String),
    Send { send: String, arg: i64 },
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize, Clone)]
pub(crate) struct Branch {
    pub(crate) from: String,
    pub(crate) by: String,
    pub(crate) table: Vec<Vec<Goto>>,
}

/// What the bodies note over a whole script.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) started: Mutex<Vec<Start>>,
    /// Whether delays take real time.
    pub(crate) sleeps: bool,
}

/// One start of a body.
#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) superstep: u64,
    pub(crate) attempt: u32,
    pub(crate) name: String,
}

impl Notes {
    /// Notes a start, and returns how many the node has had.
    pub(crate) fn start(&self, ctx: &Ctx<Self>) -> usize {
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
    pub(crate) fn copy(&self) -> Self {
        let started = self.started.lock().expect("no test panics with it");
        Self {
            started: Mutex::new(started.clone()),
            sleeps: self.sleeps,
        }
    }

    /// How many starts there were so far.
    pub(crate) fn n_starts(&self) -> usize {
        self.started.lock().expect("no test panics with it").len()
    }

    /// The names of all starts from that one on, sorted.
    pub(crate) fn ran(&self, from: usize) -> Vec<String> {
        let started = self.started.lock().expect("no test panics with it");
        let names = started[from..].iter().map(|start| start.name.clone());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// The names in each superstep from that start on, a task once however
    /// often it was tried.
    pub(crate) fn steps(&self, from: usize) -> Vec<Vec<String>> {
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
pub(crate) fn worker(name: &str) -> Worker<i64> {
    Worker::new(Box::leak(name.to_owned().into_boxed_str()))
}

pub(crate) fn target(goto: &Goto) -> Target {
    match goto {
        Goto::Name(name) => name.as_str().into(),
        Goto::Send { send, arg } => worker(send).send(*arg).into(),
    }
}

pub(crate) fn name_of(goto: &Goto) -> String {
    match goto {
        Goto::Name(name) | Goto::Send { send: name, .. } => name.clone(),
    }
}

/// What a node writes once it has its line for the log.
pub(crate) async fn body(
    spec: NodeSpec,
    line: String,
    ctx: Ctx<Notes>,
) -> NodeResult<Command<Facts>> {
    if ctx.sleeps {
        tokio::time::sleep(Duration::from_millis(spec.delay)).await;
    } else {
        // Turns in place of milliseconds: they shuffle the order just as well.
        for _ in 0..spec.delay {
            tokio::task::yield_now().await;
        }
    }
    let n_starts = ctx.start(&ctx);
    let mut lines = vec![line];
    for question in &spec.ask {
        let answer: String = ctx.interrupt(question, question)?;
        lines.push(format!("{}?{answer}", spec.name));
    }
    if let Some(message) = spec.fail {
        return Err(NodeError::msg(message));
    }
    if n_starts <= spec.fail_first {
        return Err(NodeError::msg(format!("{} attempt", spec.name)));
    }
    let mut update = Facts::update().log(lines);
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

pub(crate) fn build(
    case: &Case,
    last_first: bool,
    checkpointer: Option<impl Checkpointer>,
) -> Result<Graph<Facts, Notes>, Box<dyn Error>> {
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
    if let Some(checkpointer) = checkpointer {
        graph = graph.checkpointer(checkpointer);
    }
    let Compile {
        interrupt_before: before,
        interrupt_after: after,
    } = &case.compile;
    Ok(graph
        .interrupt_before(before)
        .interrupt_after(after)
        .compile()?)
}

pub(crate) fn add(graph: StateGraph<Facts, Notes>, spec: NodeSpec) -> StateGraph<Facts, Notes> {
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

pub(crate) fn with_policies<F>(spec: &NodeSpec, function: F) -> NodeBuilder<F> {
    let destinations: Vec<String> = spec.goto.iter().map(name_of).collect();
    let function = node(function).destinations(destinations);
    match spec.max_attempts {
        None => function,
        Some(attempts) => function.retry(Retry::attempts(attempts).delay(Duration::from_millis(1))),
    }
}

pub(crate) fn folder() -> PathBuf {
    match std::env::var_os("CONFORMANCE_CASES") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases"),
    }
}

pub(crate) fn cases() -> Vec<Case> {
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
