//! Laws of joins with rules, on graphs drawn at random.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use superstep::prelude::*;
use superstep::testing::explore;
use superstep::{
    Graph, Join, MemoryCheckpointer, OnFailure, Run, RunError, Transcript, TranscriptOutcome,
};
use tokio::time::sleep;

use crate::common::{Trace, TraceUpdate, cases, chain, on_one_thread, oops};

const WORK: Worker<u64> = Worker::new("w");

/// A graph as data: nodes are numbers.
#[derive(Debug, Clone)]
struct Plan {
    nodes: Vec<Kind>,
    /// Upwards only, so that rounds are made by joins.
    edges: Vec<(usize, usize)>,
    routes: Vec<(usize, Vec<usize>)>,
    joins: Vec<(BTreeSet<usize>, usize, Rule)>,
    /// Which nodes send how many values.
    sends: Vec<(usize, u64)>,
    /// The join that the worker is a source of, too.
    worker_of: usize,
    finish: bool,
}

#[derive(Debug, Clone, Copy)]
struct Kind {
    fails: bool,
    defer: bool,
    /// Goes to a node without having said so.
    command: bool,
    /// Its place in the order in which the tasks of a superstep end.
    place: u64,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    kind: u8,
    quorum: usize,
    cancel: bool,
    within: Option<u64>,
    strict: bool,
    /// Whether it requires the first of its sources.
    requires: bool,
}

impl Rule {
    fn join(self) -> Join {
        let mut join = match self.kind % 4 {
            0 => Join::settled(),
            1 => Join::first(),
            2 => Join::quorum(self.quorum),
            _ => Join::all(),
        };
        if self.cancel {
            join = join.cancel_rest();
        }
        if let Some(seconds) = self.within {
            join = join.within(Duration::from_secs(seconds));
        }
        // One that settles without a time is never short.
        if self.strict && (!self.kind.is_multiple_of(4) || self.within.is_some()) {
            join = join.strict();
        }
        join
    }
}

fn plans() -> impl Strategy<Value = Plan> {
    (3_usize..9).prop_flat_map(|n| {
        let bool = prop::bool::weighted;
        let kind = (bool(0.25), bool(0.1), bool(0.07), 0_u64..50).prop_map(
            |(fails, defer, command, place)| Kind {
                fails,
                defer,
                command,
                place,
            },
        );
        let within = prop::option::weighted(0.3, 1_u64..60);
        let said = (bool(0.2), bool(0.2));
        let rule = (any::<u8>(), 1_usize..3, bool(0.3), within, said).prop_map(
            |(kind, quorum, cancel, within, (strict, requires))| Rule {
                kind,
                quorum,
                cancel,
                within,
                strict,
                requires,
            },
        );
        let up = move || (0..n, 0..n).prop_map(|(a, b)| (a.min(b), a.max(b)));
        let routes = vec((0..n, vec(0..n, 1..3)), 0..3);
        (
            vec(kind, n),
            vec(up(), 0..n),
            routes,
            vec((btree_set(0..n, 1..4.min(n)), 0..n, rule), 1..4),
            vec((0..n, 0_u64..4), 0..2),
            0_usize..4,
            any::<bool>(),
        )
            .prop_map(
                |(nodes, edges, routes, joins, sends, worker_of, finish)| Plan {
                    nodes,
                    edges,
                    routes,
                    joins,
                    sends,
                    worker_of,
                    finish,
                },
            )
    })
}

fn name(node: usize) -> String {
    format!("n{node}")
}

/// Tasks of a superstep end at different times, in an order that is the same
/// whenever they begin together.
async fn act(at: usize, kind: Kind, ctx: Ctx) -> NodeResult<TraceUpdate> {
    sleep(Duration::from_millis(kind.place * 1000 + at as u64)).await;
    if kind.fails {
        return Err(oops());
    }
    let seen = ctx.arrivals();
    Ok(Trace::update().sum(1).log(match seen.is_empty() {
        true => ctx.task().to_string(),
        false => format!("{} saw {seen}", ctx.task()),
    }))
}

async fn work(value: u64, ctx: Ctx) -> NodeResult<TraceUpdate> {
    sleep(Duration::from_millis(value * 3000 + 500)).await;
    match value % 4 {
        3 => Err(oops()),
        _ => Ok(Trace::update().sum(1).log(ctx.task().to_string())),
    }
}

impl Plan {
    /// A plan whose joins do not depend on who comes first.
    fn without_races(mut self) -> Self {
        self.finish = true;
        for (_, _, rule) in &mut self.joins {
            rule.kind &= !1;
            rule.cancel = false;
            rule.within = None;
        }
        self
    }

    fn without_time(mut self) -> Self {
        for (_, _, rule) in &mut self.joins {
            rule.within = None;
        }
        self
    }

    fn builder(&self) -> StateGraph<Trace> {
        let mut graph = StateGraph::<Trace>::new("random").recursion_limit(20);
        let mut entered: BTreeSet<usize> = BTreeSet::new();
        for (index, &kind) in self.nodes.iter().enumerate() {
            let body = move |ctx: Ctx| act(index, kind, ctx);
            let target = name((index + 1) % self.nodes.len());
            graph = match kind {
                Kind { command: true, .. } => graph.add_node(name(index), move |ctx: Ctx| {
                    let target = target.clone();
                    async move {
                        let update = act(index, kind, ctx).await?;
                        NodeResult::Ok(Command::update(update).goto(target))
                    }
                }),
                Kind { defer: true, .. } => graph.add_node(name(index), node(body).defer()),
                _ => graph.add_node(name(index), body),
            };
        }
        for &(from, to) in self.edges.iter().filter(|(from, to)| from < to) {
            entered.insert(to);
            graph = graph.add_edge(name(from), name(to));
        }
        for (from, to) in &self.routes {
            entered.extend(to);
            let names: Vec<String> = to.iter().map(|&node| name(node)).collect();
            let declared = [names.clone(), vec![END.to_owned()]].concat();
            let choose = move |state: &Trace| {
                let skip = usize::try_from(state.sum).unwrap_or(0) % (names.len() + 1);
                names.iter().skip(skip).cloned().collect::<Vec<_>>()
            };
            graph = graph.add_conditional_edges(name(*from), choose, declared);
        }
        for (at, (from, to, rule)) in self.joins.iter().enumerate() {
            entered.insert(*to);
            let mut from: Vec<String> = from.iter().map(|&node| name(node)).collect();
            if !self.sends.is_empty() && at == self.worker_of % self.joins.len() {
                from.push(WORK.name().to_owned());
            }
            let mut join = rule.join();
            if let Some(first) = from.first().filter(|_| rule.requires) {
                join = join.require(first);
            }
            graph = graph.add_join(from, name(*to), join);
        }
        if !self.sends.is_empty() {
            graph = graph.add_worker(WORK, work);
        }
        for &(from, n) in &self.sends {
            let sends = move |state: &Trace| {
                let sends = (0..n).map(|i| WORK.send(i + state.sum % 3));
                sends.collect::<Vec<_>>()
            };
            graph = graph.add_conditional_edges(name(from), sends, [WORK]);
        }
        for node in (0..self.nodes.len()).filter(|node| !entered.contains(node)) {
            graph = graph.add_edge(START, name(node));
        }
        graph
            .add_edge(START, name(0))
            .on_failure(match self.finish {
                true => OnFailure::Finish,
                false => OnFailure::Stop,
            })
    }
}

/// Plans whose graphs compile.
fn sound() -> impl Strategy<Value = Plan> {
    plans().prop_filter("it does not compile", |plan| {
        plan.builder().compile().is_ok()
    })
}

/// How a run ended, as far as nodes and joins say.
fn end_of(ended: Result<Run<Trace>, RunError>) -> Result<Vec<String>, Vec<String>> {
    match ended {
        Ok(run) => Ok(run.state.log),
        Err(error) => Err(chain(&error)),
    }
}

/// Checks what a transcript shows by itself.
fn check(transcript: &Transcript) {
    let (mut written, mut lost) = (0, 0);
    let mut done: BTreeSet<String> = BTreeSet::new();
    for superstep in &transcript.supersteps {
        for task in &superstep.tasks {
            let came = task.arrivals.done().map(|task| task.to_string());
            for source in came.collect::<Vec<_>>() {
                assert!(done.contains(&source), "{source} has not succeeded");
            }
        }
        for task in &superstep.tasks {
            match &task.ended {
                Some(_) => {
                    lost += 1;
                    assert!(task.writes.is_none() && task.leads.is_empty());
                }
                None if task.writes.is_some() => {
                    written += 1;
                    done.insert(task.task.clone());
                }
                None => {}
            }
        }
    }
    if let TranscriptOutcome::Done { state, .. } = &transcript.outcome {
        assert_eq!(state["sum"], written, "with {lost} lost");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_run_hangs_and_losers_write_nothing(plan in sound()) {
        let graph = plan.builder().compile().unwrap();
        let told = || async { graph.invoke(Trace::update()).transcript().await };
        let first = on_one_thread(told());
        check(&first);
        let second = on_one_thread(told());
        prop_assert_eq!(first.to_string(), second.to_string());
    }

    #[test]
    fn a_run_goes_on_after_crashes_as_if_there_were_none(
        plan in sound(),
        crashes in vec(1_u64..40_000, 1..4),
    ) {
        let plan = plan.without_time();
        let builder = plan.builder().checkpointer(MemoryCheckpointer::new());
        let graph: Result<Graph<Trace>, _> = builder.compile();
        prop_assume!(graph.is_ok());
        let graph = graph.unwrap();
        let (calm, disturbed) = on_one_thread(async {
            let calm = end_of(graph.invoke(Trace::update()).thread("calm").await);
            let mut run = graph.invoke(Trace::update()).thread("t");
            for after in crashes {
                match tokio::time::timeout(Duration::from_millis(after), run).await {
                    Ok(ended) => return (calm, end_of(ended)),
                    Err(_) => run = graph.proceed().thread("t"),
                }
            }
            (calm, end_of(run.await))
        });
        match (calm, disturbed) {
            // Counted anew by each run.
            (Err(limit), _) | (_, Err(limit)) if limit[0].contains("supersteps") => {}
            // So are the supersteps in messages.
            (Err(calm), Err(disturbed)) => prop_assert_eq!(&calm[1..], &disturbed[1..]),
            (calm, disturbed) => prop_assert_eq!(calm, disturbed),
        }
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn without_races_no_order_of_ends_makes_a_difference(plan in sound()) {
        let plan = plan.without_races();
        if let Ok(graph) = plan.builder().compile() {
            let explored = on_one_thread(
                explore(&graph, Trace::update()).orders(12).failures(6),
            );
            prop_assert!(explored.is_ok(), "{:?}", explored);
        }
    }
}
