//! Laws, on graphs drawn at random: eager runs come to what supersteps do, in
//! whatever order their tasks end, and each task sees its causal history.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Graph, NodeName, OnFailure};
use tokio::runtime::Builder;

use super::model::{NAMES, Plan, Told, draw, plans, run};
use crate::common::{cases, chain, on_one_thread, oops};

#[derive(State, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    /// All tasks, in the order of the run.
    #[reduce(Append)]
    order: Vec<String>,
    #[reduce(Sum)]
    n: u64,
    /// What the tasks of the depth before have written.
    #[reduce(Append)]
    #[state(ephemeral)]
    last: Vec<String>,
    /// What came to the targets of joins.
    #[reduce(Append)]
    came: Vec<String>,
}

const WORK: Worker<u64> = Worker::new("worker");

/// What a task has seen, and the ephemeral field of it.
type Saw = (Told, Vec<String>);

/// What the tasks of a run have seen.
#[derive(Clone, Default)]
struct Notes {
    seen: Arc<Mutex<Vec<Saw>>>,
    /// Decides how long tasks take; nothing is at once.
    pace: u64,
    yields: bool,
    /// Whether some tasks fail, or none.
    fails: bool,
}

impl Notes {
    async fn delay(&self, id: &str) {
        if self.pace == 0 {
            return;
        }
        let n = draw(self.pace, "delay", id);
        match n % 3 {
            0 => {}
            _ if self.yields => {
                for _ in 0..n % 50 {
                    tokio::task::yield_now().await;
                }
            }
            _ => tokio::time::sleep(Duration::from_millis(n as u64 % 40)).await,
        }
    }

    fn end(&self, id: &str) -> NodeResult<()> {
        match self.fails && draw(0, "fails", id).is_multiple_of(13) {
            true => Err(oops()),
            false => Ok(()),
        }
    }
}

async fn act(
    plan: Arc<Plan>,
    node: usize,
    state: View<Seen>,
    ctx: Ctx<Notes>,
) -> NodeResult<Command<Seen>> {
    let id = format!("{}@{}", NAMES[node], ctx.superstep());
    let (saw, last) = (state.order.clone(), state.last.clone());
    let told = Told {
        id: id.clone(),
        saw,
    };
    ctx.seen
        .lock()
        .expect("nobody panics with it")
        .push((told, last));
    drop(state);
    ctx.delay(&id).await;
    ctx.end(&id)?;
    let came = ctx.arrivals();
    let came = (!came.is_empty()).then(|| format!("{id}: {came}"));
    let update = writes(&id).came(Vec::from_iter(came));
    let to = plan.command(node, &id).map(|to| NAMES[to]);
    Ok(Command::update(update).goto(to))
}

async fn work(_: u64, ctx: Ctx<Notes>) -> NodeResult<SeenUpdate> {
    let send = ctx.task().send.unwrap_or_default();
    let id = format!("worker@{}#{send}", ctx.superstep());
    ctx.delay(&id).await;
    ctx.end(&id)?;
    Ok(writes(&id))
}

fn writes_last(id: &str) -> bool {
    draw(0, "last", id).is_multiple_of(3)
}

fn writes(id: &str) -> SeenUpdate {
    let update = Seen::update().order(id.to_owned()).n(1_u64);
    match writes_last(id) {
        true => update.last(id.to_owned()),
        false => update,
    }
}

/// What the ephemeral field is to a task that saw these, in supersteps of their
/// own.
fn last_of(told: &Told) -> Vec<String> {
    let depth = |id: &str| -> u64 {
        let (_, depth) = id.split_once('@').expect("an id has a depth");
        let depth = depth.split('#').next().expect("it has a number");
        depth.parse().expect("it is a number")
    };
    let mut last = Vec::new();
    for at in 1..depth(&told.id) {
        let of_depth = told.saw.iter().filter(|id| depth(id) == at);
        let written: Vec<&String> = of_depth.filter(|id| writes_last(id)).collect();
        if written.is_empty() {
            last.clear();
        }
        last.extend(written.into_iter().cloned());
    }
    last
}

fn graph(plan: &Plan, eager: bool) -> Option<Graph<Seen, Notes>> {
    let graph = builder(plan);
    let graph = if eager { graph.eager() } else { graph };
    graph.compile().ok()
}

fn builder(plan: &Plan) -> StateGraph<Seen, Notes> {
    let shared = Arc::new(plan.clone());
    let mut graph = StateGraph::<Seen, Notes>::new("random")
        .recursion_limit(plan.limit)
        .add_worker(WORK, work);
    for (index, name) in NAMES.into_iter().enumerate().take(plan.n) {
        let plan = Arc::clone(&shared);
        let commands = shared.commands.iter().find(|(from, ..)| *from == index);
        let body = move |state, ctx| act(Arc::clone(&plan), index, state, ctx);
        let node = node(body);
        let node = match commands {
            Some((_, _, false)) => node,
            Some((_, to, true)) => {
                node.destinations(to.iter().map(|&to| NAMES[to]).collect::<Vec<_>>())
            }
            None => node.destinations([END]),
        };
        let waits = shared.deferred == Some(index);
        let node = if waits { node.defer() } else { node };
        graph = graph.add_node(name, node);
    }
    for &to in &plan.start {
        graph = graph.add_edge(START, NAMES[to]);
    }
    for &(from, to) in &plan.edges {
        graph = graph.add_edge(NAMES[from], NAMES[to]);
    }
    for (from, to) in &plan.joins {
        let from: Vec<_> = from.iter().map(|&node| NAMES[node]).collect();
        graph = graph.add_edge(from, NAMES[*to]);
    }
    for (index, (from, to)) in plan.routes.iter().enumerate() {
        let plan = Arc::clone(&shared);
        let choose = move |state: &Seen| {
            let id = state.order.last().expect("it has just written");
            plan.route(index, id).map(|to| NAMES[to])
        };
        let to: Vec<_> = to.iter().map(|&to| NAMES[to]).collect();
        graph = graph.add_conditional_edges(NAMES[*from], choose, to);
    }
    for (sender, from) in plan.senders.iter().enumerate() {
        let plan = Arc::clone(&shared);
        let choose = move |state: &Seen| {
            let id = state.order.last().expect("it has just written");
            (0..plan.n_sends(sender, id))
                .map(|n| WORK.send(n as u64))
                .collect::<Vec<_>>()
        };
        graph = graph.add_conditional_edges(NAMES[*from], choose, [WORK]);
    }
    if plan.senders.is_empty() {
        graph =
            graph.add_conditional_edges("n0", |_: &Seen| Vec::<superstep::Target>::new(), [WORK]);
    }
    match plan.collect {
        Some(to) => graph.add_edge(WORK, NAMES[to]),
        None => graph,
    }
}

#[derive(Debug, PartialEq)]
struct Outcome {
    state: Seen,
    ran: Vec<Vec<String>>,
    starved: Vec<String>,
}

/// What a run came to; that it had no end, or that a task failed.
async fn outcome(graph: &Graph<Seen, Notes>, notes: Notes) -> Result<Outcome, Vec<String>> {
    let run = graph.invoke(Seen::update()).context(notes).await;
    let run = run.map_err(|error| chain(&error))?;
    let names = |names: &Vec<NodeName>| names.iter().map(ToString::to_string).collect();
    Ok(Outcome {
        ran: run.ran().iter().map(names).collect(),
        starved: run.starved.iter().map(ToString::to_string).collect(),
        state: run.state,
    })
}

/// Of an error only how many causes it has: one, if a task has failed.
fn links(told: &Result<Outcome, Vec<String>>) -> Result<&Outcome, usize> {
    told.as_ref().map_err(Vec::len)
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn eager_runs_come_to_what_supersteps_do(plan in plans(), pace: u64) {
        if let (Some(eager), Some(ordinary)) = (graph(&plan, true), graph(&plan, false)) {
            let expected = on_one_thread(outcome(&ordinary, Notes::default()));
            for pace in [0, pace | 1, pace.rotate_left(7) | 1] {
                let notes = Notes { pace, ..Notes::default() };
                prop_assert_eq!(&on_one_thread(outcome(&eager, notes)), &expected);
            }
        }
    }

    #[test]
    fn failures_are_those_of_supersteps(plan in plans(), pace: u64) {
        for policy in [OnFailure::Finish, OnFailure::Stop] {
            let (eager, ordinary) = (builder(&plan).eager(), builder(&plan));
            let graphs = [eager, ordinary].map(|graph| graph.on_failure(policy).compile());
            let [Ok(eager), Ok(ordinary)] = graphs else {
                continue;
            };
            let notes = Notes { fails: true, ..Notes::default() };
            let expected = on_one_thread(outcome(&ordinary, notes.clone()));
            for pace in [0, pace | 1, pace.rotate_left(7) | 1] {
                let told = on_one_thread(outcome(&eager, Notes { pace, ..notes.clone() }));
                match policy {
                    OnFailure::Finish => prop_assert_eq!(&told, &expected),
                    // Which of them is a matter of time.
                    OnFailure::Stop => prop_assert_eq!(links(&told), links(&expected)),
                }
            }
        }
    }

    #[test]
    fn each_task_sees_its_causal_history_and_no_more(plan in plans(), pace: u64) {
        if let Some(eager) = graph(&plan, true) {
            for pace in [0, pace | 1] {
                let notes = Notes { pace, ..Notes::default() };
                drop(on_one_thread(outcome(&eager, notes.clone())));
                let mut seen = notes.seen.lock().unwrap().clone();
                seen.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
                let mut expected = run(&plan).concat();
                expected.retain(|told| !told.id.starts_with("worker"));
                expected.sort_by(|a, b| a.id.cmp(&b.id));
                let expected: Vec<_> = expected
                    .into_iter()
                    .map(|told| (told.clone(), last_of(&told)))
                    .collect();
                prop_assert_eq!(seen, expected);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(30))]

    #[test]
    fn threads_make_no_difference(plan in plans(), pace: u64) {
        if let (Some(eager), Some(ordinary)) = (graph(&plan, true), graph(&plan, false)) {
            let expected = on_one_thread(outcome(&ordinary, Notes::default()));
            let runtime = Builder::new_multi_thread().worker_threads(3).build().expect("a runtime");
            for n in 0..4 {
                let notes = Notes { pace: pace.rotate_left(n) | 1, yields: true, ..Notes::default() };
                prop_assert_eq!(&runtime.block_on(outcome(&eager, notes)), &expected);
            }
        }
    }
}
