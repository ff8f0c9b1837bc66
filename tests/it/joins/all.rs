//! What the targets of joins see that wait for all: each source, and that it is
//! done.

use superstep::prelude::*;
use superstep::{Arrival, Join, MemoryCheckpointer, Run, Status};

use crate::common::{Trace, TraceUpdate, marks, oops, sound};

const WORK: Worker<u64> = Worker::new("work");
const T: &str = "t";

/// Says its name, and what came to it.
async fn tell(ctx: Ctx) -> TraceUpdate {
    let (task, came) = (ctx.task(), ctx.arrivals());
    Trace::update().log(format!("{task}: {came}"))
}

/// A builder with nodes that say what came to them.
fn tells<const N: usize>(names: [&str; N]) -> StateGraph<Trace> {
    let graph = StateGraph::new("test");
    names
        .into_iter()
        .fold(graph, |graph, name| graph.add_node(name, tell))
}

/// With a worker to which `from` sends as many values as were counted by then, and
/// one more.
fn with_work(graph: StateGraph<Trace>, from: &str) -> StateGraph<Trace> {
    let sends = |state: &Trace| {
        let sends = (0..=state.sum).map(|n| WORK.send(n));
        sends.collect::<Vec<_>>()
    };
    graph
        .add_worker(WORK, async |_: u64| {})
        .add_conditional_edges(from, sends, WORK)
}

/// What is said, in supersteps and eagerly.
async fn said(graph: impl Fn() -> StateGraph<Trace>) -> Vec<String> {
    let said = async |graph: StateGraph<Trace>| {
        let run = sound(graph).invoke(Trace::update()).await;
        run.expect("the run ends well").state.log
    };
    let in_supersteps = said(graph()).await;
    assert_eq!(said(graph().eager()).await, in_supersteps);
    in_supersteps
}

#[tokio::test]
async fn each_source_is_done_however_the_join_was_said() {
    let fan = || {
        tells(["b", "a", "t", "u"])
            .add_edge(START, ["b", "a"])
            .add_edge("t", "u")
    };
    let sources = ["b", "a"];
    let expected = ["a: ", "b: ", "t: a done, b done", "u: "];
    assert_eq!(said(|| fan().add_edge(sources, "t")).await, expected);
    for join in [Join::all(), Join::all().strict(), Join::all().require("b")] {
        let graph = || fan().add_join(sources, "t", join.clone());
        assert_eq!(said(graph).await, expected);
    }
}

#[tokio::test]
async fn what_an_edge_made_ready_no_join_did() {
    let graph = || {
        tells(["a", "b", "t"])
            .add_edge(START, ["a", "t"])
            .add_edge("a", "b")
            .add_edge(["a", "b"], "t")
    };
    let expected = ["a: ", "t: ", "b: ", "t: a done, b done"];
    assert_eq!(said(graph).await, expected);
}

#[tokio::test]
async fn of_several_joins_it_has_the_sources_of_all() {
    let graph = || {
        tells(["a", "b", "c", "t"])
            .add_edge(START, ["a", "b", "c"])
            .add_edge(["b", "c"], "t")
            .add_edge(["a", "b"], "t")
    };
    let expected = ["a: ", "b: ", "c: ", "t: a done, b done, c done"];
    assert_eq!(said(graph).await, expected);
}

#[tokio::test]
async fn beside_a_join_with_a_rule_it_has_what_both_say() {
    let graph = tells(["a", "b", "d", "t"])
        .add_node("c", async |_: View<Trace>| -> NodeResult<()> {
            Err(oops())
        })
        .add_edge(START, ["a", "b", "c", "d"])
        .add_join(["a", "c"], "t", Join::settled())
        .add_edge(["d", "b"], "t");
    let graph = sound(graph);
    let seen = "a done, b done, c failed: oops, d done";
    let run = graph.invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log[3], format!("t: {seen}"));
    let transcript = graph.invoke(Trace::update()).transcript().await;
    let target = &transcript.supersteps[1].tasks[0];
    assert_eq!(target.arrivals.to_string(), seen);
}

#[tokio::test]
async fn a_transcript_says_it_only_of_joins_with_rules() {
    let graph = tells(["a", "b", "t"])
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "t");
    let transcript = sound(graph).invoke(Trace::update()).transcript().await;
    assert!(transcript.supersteps[1].tasks[0].arrivals.is_empty());
    assert!(!transcript.to_string().contains("  after "), "{transcript}");
}

#[tokio::test]
async fn each_send_is_one_in_each_round_of_a_loop() {
    // `slow` comes a superstep after the worker.
    let build = || {
        let graph = tells(["t"])
            .add_node("begin", async |_: View<Trace>| {})
            .add_node("fast", async |_: View<Trace>| {})
            .add_node("slow", async |_: View<Trace>| Trace::update().sum(1))
            .add_edge(START, "begin")
            .add_edge("begin", "fast")
            .add_edge("fast", "slow")
            .add_edge(["slow", WORK.name(), "fast"], "t")
            .add_conditional_edges(
                "t",
                |state: &Trace| if state.sum < 3 { "begin" } else { END },
                ["begin", END],
            );
        with_work(graph, "begin")
    };
    let expected = [
        "t: fast done, slow done, work/0 done",
        "t: fast done, slow done, work/0 done, work/1 done",
        "t: fast done, slow done, work/0 done, work/1 done, work/2 done",
    ];
    assert_eq!(said(build).await, expected);
    // In other processes: the worker has come, all have, and a round is over.
    for before in ["slow", "t", "begin"] {
        let store = MemoryCheckpointer::new();
        let graph = || sound(build().interrupt_before(before).checkpointer(store.clone()));
        let mut run = graph().invoke(Trace::update()).thread(T).await.unwrap();
        while run.status == Status::Interrupted {
            run = graph().proceed().thread(T).await.unwrap();
        }
        assert_eq!(run.state.log, expected, "stopped before {before}");
    }
}

#[tokio::test]
async fn a_worker_that_runs_again_before_the_join_fires_comes_with_all_its_sends() {
    let build = || {
        let graph = marks([])
            .add_node("t", tell)
            .add_node("again", async |_: View<Trace>| Trace::update().sum(1))
            .add_node("last", async |_: View<Trace>| {})
            .add_edge(START, "again")
            .add_conditional_edges(
                "again",
                |state: &Trace| if state.sum < 2 { "again" } else { "last" },
                ["again", "last"],
            )
            .add_edge([WORK.name(), "last"], "t");
        with_work(graph, "again")
    };
    let seen = "last done, work/0 done, work/1 done, work/0 done, work/1 done, work/2 done";
    assert_eq!(said(build).await, [format!("t: {seen}")]);
}

#[tokio::test]
async fn a_deferred_target_sees_what_had_come_when_the_join_fired() {
    // `work` comes again, with two sends, while `t` waits.
    let build = || {
        let graph = StateGraph::<Trace>::new("test")
            .add_node("t", node(tell).defer())
            .add_node("begin", async |_: View<Trace>| Trace::update().sum(1))
            .add_node("a", async |_: View<Trace>| {})
            .add_edge(START, ["a", "begin"])
            .add_conditional_edges(
                "begin",
                |state: &Trace| if state.sum < 3 { "begin" } else { END },
                ["begin", END],
            )
            .add_edge(["a", WORK.name()], "t");
        with_work(graph, "begin")
    };
    let expected = ["t: a done, work/0 done, work/1 done"];
    assert_eq!(said(build).await, expected);
    let store = MemoryCheckpointer::new();
    let graph = || {
        let stops = build().interrupt_before(["begin", "t"]);
        sound(stops.checkpointer(store.clone()))
    };
    let mut run = graph().invoke(Trace::update()).thread(T).await.unwrap();
    while run.status == Status::Interrupted {
        run = graph().proceed().thread(T).await.unwrap();
    }
    assert_eq!(run.state.log, expected);
}

#[tokio::test]
async fn a_join_that_waited_for_all_and_now_settles_has_each_send_once() {
    let store = MemoryCheckpointer::new();
    let graph = |join: Join| {
        let graph = tells(["t"])
            .add_node("a", async |_: View<Trace>| {})
            .add_node("b", async |_: View<Trace>| {})
            .add_edge(START, "a")
            .add_edge("a", "b")
            .add_join([WORK.name(), "a", "b"], "t", join)
            .interrupt_after("b")
            .checkpointer(store.clone());
        sound(with_work(graph, START))
    };
    let thread = |run: Run<Trace>| assert_eq!(run.status, Status::Interrupted);
    thread(
        graph(Join::all())
            .invoke(Trace::update())
            .thread(T)
            .await
            .unwrap(),
    );
    let run = graph(Join::settled()).proceed().thread(T).await.unwrap();
    assert_eq!(run.state.log, ["t: a done, b done, work/0 done"]);
}

#[tokio::test]
async fn arrivals_are_iterated_as_they_are() {
    let count = async |ctx: Ctx| {
        let (mut all, mut done) = (0, 0);
        for (source, _) in &ctx.arrivals() {
            all += u64::from(source.node == "a" || source.node == "b");
        }
        for (_, arrival) in ctx.arrivals() {
            done += u64::from(*arrival == Arrival::Done);
        }
        Trace::update().sum(10 * all + done)
    };
    let graph = tells(["a", "b"])
        .add_node("t", count)
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "t");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.sum, 22);
}

#[tokio::test]
async fn a_deferred_target_that_somebody_stood_in_for_waits_for_all_anew() {
    let again = async |state: View<Trace>| match state.n {
        0 => Command::update(Trace::update().n(1)).goto(["a", "b"]),
        _ => Command::new(),
    };
    let graph = tells(["a", "b", "x", "z"])
        .add_node("y", again)
        .add_node("t", node(tell).defer())
        .add_edge(START, ["a", "b", "x"])
        .add_edge("x", "z")
        .add_edge("t", "y")
        .add_edge(["a", "b"], "t")
        .checkpointer(MemoryCheckpointer::new());
    let graph = sound(graph);
    let run = graph.invoke(Trace::update()).interrupt_before("z");
    let run = run.thread(T).await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    let mine = Trace::update().log("by hand");
    graph.thread(T).update(mine).as_node("t").await.unwrap();
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(run.status, Status::Done);
    let first = ["a: ", "b: ", "x: ", "by hand"];
    let again = ["a: ", "b: ", "t: a done, b done"];
    assert_eq!(run.state.log, [&first[..], &again].concat());
}
