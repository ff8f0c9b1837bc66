//! Laws, on inputs drawn at random.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use superstep::prelude::*;
use superstep::testing::explore;
use superstep::{Graph, Items, OnFailure, Reducer, Replace, Transcript};

use crate::common::{Trace, TraceUpdate, cases, on_one_thread};

const WORK: Worker<u64> = Worker::new("worker");

/// A graph as data: nodes are numbers, and everything names some of them.
#[derive(Debug, Clone)]
struct Plan {
    /// For each node: how it writes, whether it is deferred.
    nodes: Vec<(u8, bool)>,
    start: Vec<usize>,
    edges: Vec<(usize, usize)>,
    joins: Vec<(BTreeSet<usize>, usize)>,
    /// From where, to which of these, chosen by the state; none is `END`.
    routes: Vec<(usize, Vec<usize>)>,
    /// Which nodes send how many values.
    sends: Vec<(usize, u64)>,
    /// Where the worker leads.
    collect: Option<usize>,
    finish: bool,
}

fn plans() -> impl Strategy<Value = Plan> {
    (2_usize..8).prop_flat_map(|n| {
        let nodes = vec((any::<u8>(), prop::bool::weighted(0.15)), n);
        let node = move || 0..n;
        let join = (prop::collection::btree_set(node(), 2..4.min(n + 1)), node());
        (
            nodes,
            vec(node(), 0..3),
            vec((node(), node()), 0..n),
            vec(join, 0..3),
            vec((node(), vec(node(), 0..4)), 0..4),
            vec((node(), 0_u64..4), 0..3),
            prop::option::of(node()),
            any::<bool>(),
        )
            .prop_map(
                |(nodes, start, edges, joins, routes, sends, collect, finish)| Plan {
                    nodes,
                    start,
                    edges,
                    joins,
                    routes,
                    sends,
                    collect,
                    finish,
                },
            )
    })
}

fn name(node: usize) -> String {
    format!("n{node}")
}

/// What a node does: yields, reads what it sees, writes; seldom fails, and
/// seldom writes the field that takes one writer.
async fn act(kind: u8, state: View<Trace>, ctx: Ctx) -> NodeResult<Option<TraceUpdate>> {
    for _ in 0..kind % 4 {
        tokio::task::yield_now().await;
    }
    let seen = state.sum + state.log.len() as u64;
    let update = Trace::update().sum(u64::from(kind % 7) + ctx.superstep());
    match kind % 16 {
        0..=2 => Ok(None),
        3 => Ok(Some(update.n(state.n + 1))),
        4 if seen % 5 == 4 => Err(superstep::NodeError::msg(format!("saw {seen}"))),
        5 => Ok(Some(update.overwrite_log([format!("{} only", ctx.node())]))),
        _ => Ok(Some(update.log(format!("{} saw {seen}", ctx.node())))),
    }
}

impl Plan {
    fn builder(&self) -> StateGraph<Trace> {
        let mut graph = StateGraph::<Trace>::new("random")
            .recursion_limit(25)
            .add_worker(WORK, async |n: u64| {
                for _ in 0..n {
                    tokio::task::yield_now().await;
                }
                Trace::update().sum(n).log(format!("given {n}"))
            });
        for (index, &(kind, defer)) in self.nodes.iter().enumerate() {
            let body = move |state: View<Trace>, ctx: Ctx| act(kind, state, ctx);
            graph = if defer {
                graph.add_node(name(index), node(body).defer())
            } else {
                graph.add_node(name(index), body)
            };
        }
        for &to in &self.start {
            graph = graph.add_edge(START, name(to));
        }
        for &(from, to) in &self.edges {
            graph = graph.add_edge(name(from), name(to));
        }
        for (from, to) in &self.joins {
            let from: Vec<String> = from.iter().map(|&node| name(node)).collect();
            graph = graph.add_edge(from, name(*to));
        }
        for (from, to) in &self.routes {
            let names: Vec<String> = to.iter().map(|&node| name(node)).collect();
            let declared = [names.clone(), vec![END.to_owned()]].concat();
            let choose = move |state: &Trace| {
                let all = usize::try_from(state.sum).unwrap_or(usize::MAX);
                let skip = all % (names.len() + 1);
                names
                    .iter()
                    .skip(skip)
                    .step_by(2)
                    .cloned()
                    .collect::<Vec<_>>()
            };
            graph = graph.add_conditional_edges(name(*from), choose, declared);
        }
        for &(from, n) in &self.sends {
            let sends = move |state: &Trace| {
                let sends = (0..n).map(|i| WORK.send(i + state.sum % 3));
                sends.collect::<Vec<_>>()
            };
            graph = graph.add_conditional_edges(name(from), sends, [WORK]);
        }
        if let Some(to) = self.collect {
            graph = graph.add_edge(WORK, name(to));
        }
        // Under `Stop`, which of two failures ends the run is a matter of time.
        graph.on_failure(if self.finish {
            OnFailure::Finish
        } else {
            OnFailure::Stop
        })
    }

    /// The graph, with what no run can reach taken away, if the rest compiles.
    fn graph(&self) -> Option<Graph<Trace>> {
        match self.builder().compile() {
            Ok(graph) => Some(graph),
            Err(error) => {
                assert!(!error.diagnostics().is_empty());
                for found in error.diagnostics() {
                    assert!(!found.message().is_empty() && !found.help().is_empty());
                }
                None
            }
        }
    }
}

/// Plans whose graphs compile: everything reachable, and some way out.
fn sound_plans() -> impl Strategy<Value = (Plan, Graph<Trace>)> {
    plans()
        .prop_map(|mut plan| {
            plan.start = (0..plan.nodes.len()).step_by(2).collect();
            let odd = (1..plan.nodes.len()).step_by(2);
            plan.edges.retain(|(from, to)| from < to);
            plan.edges.extend(odd.map(|node| (node - 1, node)));
            plan.sends.push((0, 2));
            plan.finish = true;
            plan
        })
        .prop_filter_map("it does not compile", |plan| {
            let graph = plan.graph()?;
            Some((plan, graph))
        })
}

fn on_three_threads<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

async fn told(graph: &Graph<Trace>, input: u64) -> Transcript {
    let input = Trace::update().sum(input);
    graph.invoke(input).transcript().await
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn every_graph_is_refused_with_findings_or_runs_to_an_outcome(plan in plans(), input in 0_u64..9) {
        if let Some(graph) = plan.graph() {
            let transcript = on_one_thread(told(&graph, input));
            prop_assert!(transcript.supersteps.len() <= 25);
            if let superstep::TranscriptOutcome::Failed { code, .. } = &transcript.outcome {
                let codes = ["node", "conflict", "recursion-limit"];
                prop_assert!(codes.contains(&code.as_str()), "{transcript}");
            }
        }
    }

    #[test]
    fn a_graph_that_compiles_is_drawn_the_same_every_time(plan in plans()) {
        if let (Some(one), Some(other)) = (plan.graph(), plan.graph()) {
            prop_assert_eq!(one.to_mermaid(), other.to_mermaid());
            prop_assert_eq!(one.to_dot(), other.to_dot());
            prop_assert_eq!(one.to_svg(), other.to_svg());
        }
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn a_run_is_a_function_of_graph_and_input((plan, graph) in sound_plans(), input in 0_u64..9) {
        let first = on_one_thread(told(&graph, input)).to_string();
        let again = on_one_thread(told(&graph, input)).to_string();
        prop_assert_eq!(&first, &again);
        let compiled_again = plan.graph().expect("it did before");
        let again = on_three_threads(told(&compiled_again, input)).to_string();
        prop_assert_eq!(&first, &again);
    }

    #[test]
    fn a_run_without_a_transcript_comes_to_the_same((_, graph) in sound_plans(), input in 0_u64..9) {
        let told = on_one_thread(told(&graph, input));
        let run = on_one_thread(async { graph.invoke(Trace::update().sum(input)).await });
        match (run, told.outcome) {
            (Ok(run), superstep::TranscriptOutcome::Done { state, starved }) => {
                prop_assert_eq!(serde_json::to_value(&run.state).unwrap(), state);
                let texts: Vec<String> = run.starved.iter().map(ToString::to_string).collect();
                prop_assert_eq!(texts, starved);
                let ran: Vec<usize> = run.ran().iter().map(Vec::len).collect();
                let tasks: Vec<usize> =
                    told.supersteps.iter().map(|step| step.tasks.len()).collect();
                prop_assert_eq!(ran, tasks);
            }
            (Err(error), superstep::TranscriptOutcome::Failed { error: chain, .. }) => {
                prop_assert_eq!(error.to_string(), chain[0].clone());
            }
            (run, told) => prop_assert!(false, "{run:?} but {told:?}"),
        }
    }

    #[test]
    fn what_comes_out_does_not_depend_on_the_order_in_which_tasks_end(
        (_, graph) in sound_plans(),
        input in 0_u64..9,
        seed in any::<u64>(),
    ) {
        let ordinary = on_one_thread(told(&graph, input)).to_string();
        let input = Trace::update().sum(input);
        let explored = on_one_thread(async {
            explore(&graph, input).orders(6).failures(3).seed(seed).await
        });
        match explored {
            Ok(explored) => prop_assert_eq!(explored.transcript.to_string(), ordinary),
            Err(disagreement) => prop_assert!(false, "{disagreement}"),
        }
    }

    #[test]
    fn the_limit_is_exact((_, graph) in sound_plans(), input in 0_u64..9) {
        let run = |limit: u64| {
            let input = Trace::update().sum(input);
            on_one_thread(async { graph.invoke(input).recursion_limit(limit).await })
        };
        if let Ok(whole) = run(1000) {
            let n = whole.supersteps() as u64;
            prop_assert_eq!(run(n).unwrap().state, whole.state);
            if n > 0 {
                prop_assert_eq!(run(n - 1).unwrap_err().code(), "recursion-limit");
            }
        }
    }
}

/// The value after these updates, one after another.
fn after<R: Reducer<T>, T: Clone>(value: &T, updates: &[R::Update]) -> T {
    let mut value = value.clone();
    for update in updates {
        R::reduce(&mut value, update.clone());
    }
    value
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn replace_and_last_keep_the_last(updates in vec(any::<u8>(), 1..6)) {
        prop_assert_eq!(after::<Replace, u8>(&0, &updates), updates[updates.len() - 1]);
        prop_assert_eq!(after::<Last, u8>(&0, &updates), updates[updates.len() - 1]);
    }

    #[test]
    fn append_is_concatenation(
        value in vec(any::<u8>(), 0..6),
        updates in vec(vec(any::<u8>(), 0..4), 0..6),
    ) {
        let items: Vec<Items<u8>> = updates.iter().cloned().map(Items::from).collect();
        let expected = [value.clone(), updates.concat()].concat();
        prop_assert_eq!(after::<Append, Vec<u8>>(&value, &items), expected);
    }

    #[test]
    fn sum_max_min_any_and_all_do_not_mind_order(
        mut updates in vec(any::<i32>(), 0..8).prop_shuffle(),
        seed in any::<usize>(),
    ) {
        let wide: Vec<i64> = updates.iter().copied().map(i64::from).collect();
        let bools: Vec<bool> = updates.iter().map(|n| n % 2 == 0).collect();
        let before = (
            after::<Sum, i64>(&0, &wide),
            after::<Max, i32>(&0, &updates),
            after::<Min, i32>(&0, &updates),
            (after::<Any, bool>(&false, &bools), after::<All, bool>(&true, &bools)),
        );
        if !updates.is_empty() {
            let by = seed % updates.len();
            updates.rotate_left(by);
        }
        updates.reverse();
        let wide: Vec<i64> = updates.iter().copied().map(i64::from).collect();
        let bools: Vec<bool> = updates.iter().map(|n| n % 2 == 0).collect();
        let later = (
            after::<Sum, i64>(&0, &wide),
            after::<Max, i32>(&0, &updates),
            after::<Min, i32>(&0, &updates),
            (after::<Any, bool>(&false, &bools), after::<All, bool>(&true, &bools)),
        );
        prop_assert_eq!(before, later);
        prop_assert_eq!(before.0, wide.iter().sum::<i64>());
        prop_assert_eq!(before.1, updates.iter().copied().max().unwrap_or(0).max(0));
        prop_assert_eq!(before.2, updates.iter().copied().min().unwrap_or(0).min(0));
    }

    #[test]
    fn max_min_merge_any_and_all_change_nothing_the_second_time(
        value in prop::collection::btree_map(0_u8..5, any::<u8>(), 0..4),
        update in prop::collection::btree_map(0_u8..5, any::<u8>(), 0..4),
        numbers in any::<(i32, i32)>(),
        bools in any::<(bool, bool)>(),
    ) {
        type Map = BTreeMap<u8, u8>;
        let once = after::<Merge, Map>(&value, std::slice::from_ref(&update));
        prop_assert_eq!(&after::<Merge, Map>(&once, std::slice::from_ref(&update)), &once);
        for key in value.keys().chain(update.keys()) {
            prop_assert_eq!(once.get(key), update.get(key).or(value.get(key)));
        }
        let (old, new) = numbers;
        let max = after::<Max, i32>(&old, &[new]);
        prop_assert_eq!(after::<Max, i32>(&max, &[new]), max);
        prop_assert!(max >= old && max >= new);
        let min = after::<Min, i32>(&old, &[new]);
        prop_assert_eq!(after::<Min, i32>(&min, &[new]), min);
        prop_assert!(min <= old && min <= new);
        let (old, new) = bools;
        prop_assert_eq!(after::<Any, bool>(&old, &[new, new]), old || new);
        prop_assert_eq!(after::<All, bool>(&old, &[new, new]), old && new);
    }

    #[test]
    fn an_update_survives_json(
        n in vec(any::<i64>(), 0..3),
        log in vec(vec(".{0,4}", 0..3), 0..3),
        sum in prop::option::of(any::<u32>()),
    ) {
        let mut update = Trace::update();
        for &n in &n {
            update = update.n(n);
        }
        for lines in &log {
            update = update.log(lines.clone());
        }
        if let Some(sum) = sum {
            update = update.overwrite_sum(u64::from(sum));
        }
        let json = serde_json::to_string(&update).unwrap();
        let read: TraceUpdate = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), json);
        let (mut one, mut other, mut at) = (Trace::default(), Trace::default(), 0);
        superstep::Update::apply(&mut update, &mut one, &mut at);
        let mut read = read;
        superstep::Update::apply(&mut read, &mut other, &mut at);
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.log, log.concat());
        prop_assert_eq!(one.n, n.last().copied().unwrap_or_default());
    }
}

#[test]
fn the_graphs_drawn_are_of_all_kinds() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: &str| *seen.entry(what.to_owned()).or_default() += 1;
    for _ in 0..150 {
        let tree = plans().new_tree(&mut runner);
        match tree.expect("a plan").current().graph() {
            None => count("refused"),
            Some(_) => count("compiled"),
        }
        let tree = sound_plans().new_tree(&mut runner);
        let (_, graph) = tree.expect("a sound plan").current();
        let transcript = on_one_thread(told(&graph, 1));
        let text = transcript.to_string();
        for what in ["(join, ", "(chosen)", "(sent, ", "starved: "] {
            if text.contains(what) {
                count(what);
            }
        }
        match transcript.outcome {
            superstep::TranscriptOutcome::Failed { code, .. } => count(&code),
            _ => count("done"),
        }
    }
    for what in [
        "refused",
        "compiled",
        "(join, ",
        "(chosen)",
        "(sent, ",
        "starved: ",
        "done",
        "node",
        "conflict",
        "recursion-limit",
    ] {
        let n = seen.get(what).copied().unwrap_or_default();
        assert!(n >= 3, "too few of {what:?}: {seen:?}");
    }
}
