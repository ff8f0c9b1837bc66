//! Eager runs that end before their end: nothing of them stays alive.

use std::sync::Arc;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{OnFailure, RunControl, RunError};

use crate::common::{Alive, Trace, TraceUpdate, chain, oops, poll_to_end, sound, within_a_day};

const MS: Duration = Duration::from_millis(1);

async fn waits(ms: u32, ctx: Ctx<Alive>) -> TraceUpdate {
    let _alive = ctx.enter();
    tokio::time::sleep(ms * MS).await;
    Trace::update().log(ctx.node().to_string())
}

async fn fails(ms: u32, ctx: Ctx<Alive>) -> NodeResult<TraceUpdate> {
    let _alive = ctx.enter();
    tokio::time::sleep(ms * MS).await;
    Err(oops())
}

/// `fast`, `next` and then `bad`, which fails, beside `slow`.
fn graph(slow: u32) -> StateGraph<Trace, Alive> {
    StateGraph::<Trace, Alive>::new("test")
        .add_node("fast", |ctx: Ctx<Alive>| waits(10, ctx))
        .add_node("next", |ctx: Ctx<Alive>| waits(10, ctx))
        .add_node("bad", |ctx: Ctx<Alive>| fails(10, ctx))
        .add_node("slow", move |ctx: Ctx<Alive>| waits(slow, ctx))
        .add_node("after", |ctx: Ctx<Alive>| waits(1, ctx))
        .add_edge(START, ["fast", "slow"])
        .add_edge("fast", "next")
        .add_edge("next", "bad")
        .add_edge("slow", "after")
        .eager()
}

#[tokio::test(start_paused = true)]
async fn a_failure_cancels_what_is_at_work_at_any_depth() {
    let alive = Alive::default();
    let graph = sound(graph(10_000));
    let begin = tokio::time::Instant::now();
    let error = within_a_day(graph.invoke(Trace::update()).context(alive.clone())).await;
    let error = error.unwrap_err();
    let told = "node `bad` failed in superstep 3, attempt 1";
    assert_eq!(chain(&error), [told, "oops"]);
    assert_eq!((begin.elapsed(), alive.now()), (30 * MS, 0));
    assert_eq!(alive.ever(), 4, "`after` never began");
}

#[tokio::test(start_paused = true)]
async fn what_is_at_work_ends_first_if_the_graph_says_so_and_nothing_deeper_follows() {
    let alive = Alive::default();
    // `after`, of depth 2, and `third` are not deeper than `bad`, and `fourth` is.
    let graph = ["third", "fourth"].iter().fold(graph(100), |graph, name| {
        graph.add_node(*name, |ctx: Ctx<Alive>| waits(1, ctx))
    });
    let graph = graph
        .add_edge("after", "third")
        .add_edge("third", "fourth")
        .on_failure(OnFailure::Finish);
    let graph = sound(graph);
    let begin = tokio::time::Instant::now();
    let error = within_a_day(graph.invoke(Trace::update()).context(alive.clone())).await;
    assert_eq!(error.unwrap_err().code(), "node");
    assert_eq!((begin.elapsed(), alive.now()), (102 * MS, 0));
    assert_eq!(alive.ever(), 6);
}

#[tokio::test(start_paused = true)]
async fn of_several_failures_the_first_in_the_order_of_the_run_counts() {
    let alive = Alive::default();
    // `early` fails later than `bad`, and at an earlier depth.
    let graph = graph(100)
        .add_node("early", |ctx: Ctx<Alive>| fails(50, ctx))
        .add_edge(START, "early")
        .on_failure(OnFailure::Finish);
    let run = sound(graph);
    let error = run.invoke(Trace::update()).context(alive.clone()).await;
    assert!(error.unwrap_err().to_string().contains("`early`"));
    assert_eq!(alive.now(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_leaves_nothing_alive() {
    let alive = Alive::default();
    let graph = sound(graph(10_000));
    let run = graph.invoke(Trace::update()).context(alive.clone());
    assert!(tokio::time::timeout(15 * MS, run).await.is_err());
    // What was aborted is dropped when the runtime next comes to it.
    tokio::task::yield_now().await;
    assert_eq!((alive.now(), alive.ever()), (0, 3));
}

#[tokio::test]
async fn a_run_whose_tasks_end_at_once_hears_that_its_time_is_over() {
    let step = async |_: View<Trace>| {};
    let graph = StateGraph::<Trace>::new("test")
        .add_node("a", step)
        .add_node("b", step)
        .add_node("c", step)
        .add_edge(START, "a")
        .add_edge("a", ["b", "c"])
        .add_conditional_edges("b", |_: &Trace| ["a"], ["a", END])
        // An end that comes much later.
        .recursion_limit(50_000)
        .eager();
    let run = sound(graph).invoke(Trace::update()).timeout(5 * MS);
    let error = run.await.unwrap_err();
    assert!(
        matches!(error, RunError::TimedOut { superstep, .. } if superstep < 50_000),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_has_awaited_what_was_at_work() {
    let alive = Alive::default();
    let control = RunControl::new();
    let graph = sound(graph(10_000));
    let run = graph.invoke(Trace::update()).context(alive.clone());
    let cancel = async {
        tokio::time::sleep(15 * MS).await;
        control.cancel();
    };
    let run = async { run.control(&control).await };
    let (ended, ()) = tokio::join!(run, cancel);
    assert!(
        matches!(ended, Err(RunError::Cancelled { .. })),
        "{ended:?}"
    );
    assert_eq!((alive.now(), alive.ever()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_route_is_its_nodes_and_what_is_at_work_is_awaited() {
    let alive = Alive::default();
    let graph = graph(10_000).add_conditional_edges(
        "next",
        |state: &Trace| -> &'static str { panic!("saw {}", state.log.len()) },
        [END],
    );
    let graph = sound(graph);
    let error = graph.invoke(Trace::update()).context(alive.clone()).await;
    let error = error.unwrap_err();
    assert_eq!(
        chain(&error)[0],
        "node `next` failed in superstep 2, attempt 1"
    );
    assert!(
        chain(&error)[1].contains("saw 2 (in its route)"),
        "{error:?}"
    );
    assert_eq!(alive.now(), 0);
}

#[test]
fn a_runtime_that_goes_away_is_an_error_and_no_hang() {
    let graph = Arc::new(sound(graph(10_000)));
    let run = graph.invoke(Trace::update()).context(Alive::default());
    let ended = poll_to_end(run.into_future());
    assert_eq!(ended.unwrap_err().code(), "no-runtime");
}

/// `early` takes so long and then `bad`, of depth 2, fails; `late`, of depth 3,
/// fails after others that take so long.
fn two_failures(early: u32, late: u32) -> StateGraph<Trace, Alive> {
    StateGraph::<Trace, Alive>::new("test")
        .add_node("early", move |ctx: Ctx<Alive>| waits(early, ctx))
        .add_node("bad", |ctx: Ctx<Alive>| fails(1, ctx))
        .add_node("other", move |ctx: Ctx<Alive>| waits(late, ctx))
        .add_node("more", |ctx: Ctx<Alive>| waits(1, ctx))
        .add_node("late", |ctx: Ctx<Alive>| fails(1, ctx))
        .add_edge(START, ["early", "other"])
        .add_edge("early", "bad")
        .add_edge("other", "more")
        .add_edge("more", "late")
        .on_failure(OnFailure::Finish)
}

#[tokio::test]
async fn a_failure_is_told_if_it_is_the_last_thing_that_there_was_time_for() {
    // Sixteen ends are looked at before others have their turn.
    let busy = async |_: View<Trace>| -> NodeResult<TraceUpdate> {
        let begin = std::time::Instant::now();
        while begin.elapsed() < MS {}
        Err(oops())
    };
    let names: Vec<String> = (0..15).map(|at| format!("n{at}")).collect();
    let graph = names
        .iter()
        .fold(StateGraph::<Trace>::new("test"), |graph, name| {
            graph.add_node(name, async |_: View<Trace>| {})
        });
    let graph = graph
        .add_node("busy", busy)
        .add_edge(START, names)
        .add_edge(START, "busy")
        .on_failure(OnFailure::Finish)
        .eager();
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    let told = "node `busy` failed in superstep 1, attempt 1";
    assert_eq!(chain(&error), [told, "oops"]);
}

#[tokio::test(start_paused = true)]
async fn the_failure_that_is_told_is_that_of_supersteps_whatever_takes_how_long() {
    for (early, late) in [(1, 50), (50, 1)] {
        for eager in [false, true] {
            let alive = Alive::default();
            let graph = two_failures(early, late);
            let graph = sound(if eager { graph.eager() } else { graph });
            let error = within_a_day(graph.invoke(Trace::update()).context(alive.clone())).await;
            let told = "node `bad` failed in superstep 2, attempt 1";
            assert_eq!(chain(&error.unwrap_err())[0], told);
            assert_eq!(alive.now(), 0);
        }
    }
}

/// What is wrong with `a`, besides that `b` takes longer.
fn wrong(what: &str) -> StateGraph<Trace, Alive> {
    let graph = StateGraph::<Trace, Alive>::new("test");
    let says = async |_: View<Trace>| Trace::update().log("a");
    let graph = match what {
        "command" => graph.add_node("a", async |_: View<Trace>| {
            Command::<Trace>::new().goto("nope")
        }),
        "writes" => graph.add_node("a", node(says).writes(["n"])),
        "route" => graph.add_node("a", says).add_conditional_edges(
            "a",
            |_: &Trace| -> &'static str { panic!("no way") },
            ["c", END],
        ),
        _ => graph.add_node("a", says).add_conditional_edges(
            "a",
            |_: &Trace| vec!["nope"],
            ["c", END],
        ),
    };
    graph
        .add_node("b", |ctx: Ctx<Alive>| waits(20, ctx))
        .add_node("c", |ctx: Ctx<Alive>| waits(1, ctx))
        .add_edge(START, ["a", "b"])
        .add_edge("b", "c")
        .on_failure(OnFailure::Finish)
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_after_a_body_lets_siblings_end_as_well() {
    for what in ["command", "writes", "route", "target"] {
        let mut told = Vec::new();
        for eager in [false, true] {
            let alive = Alive::default();
            let graph = sound(if eager {
                wrong(what).eager()
            } else {
                wrong(what)
            });
            let begin = tokio::time::Instant::now();
            let error = within_a_day(graph.invoke(Trace::update()).context(alive.clone())).await;
            assert_eq!((begin.elapsed(), alive.ever()), (20 * MS, 1), "{what}");
            told.push(chain(&error.unwrap_err()));
        }
        assert_eq!(told[0], told[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn of_what_is_wrong_at_a_depth_that_is_told_which_supersteps_find_first() {
    // A failure goes before what is not declared, and that before a conflict.
    let write = |ms: u32| {
        move |_: View<Trace>| async move {
            tokio::time::sleep(ms * MS).await;
            Trace::update().n(1)
        }
    };
    let conflict = |graph: StateGraph<Trace, Alive>| {
        graph
            .add_node("x", write(10))
            .add_node("y", write(30))
            .add_edge(START, ["x", "y"])
    };
    let failure = |graph: StateGraph<Trace, Alive>| {
        graph
            .add_node("z", |ctx: Ctx<Alive>| fails(40, ctx))
            .add_edge(START, "z")
    };
    for what in ["command", "writes", "route", "target"] {
        for fails in [false, true] {
            let mut told = Vec::new();
            for eager in [false, true] {
                let graph = conflict(wrong(what));
                let graph = if fails { failure(graph) } else { graph };
                let graph = sound(if eager { graph.eager() } else { graph });
                let error = graph
                    .invoke(Trace::update())
                    .context(Alive::default())
                    .await;
                told.push(chain(&error.unwrap_err()));
            }
            assert_eq!(told[0], told[1], "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_route_spoils_nothing_that_is_merged_before_it_is_told() {
    // `slow` and `slower` are merged after the route of `quick` has panicked.
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let graph = graph(10)
        .add_conditional_edges("next", |_: &Trace| -> &'static str { panic!("no") }, [END])
        .add_node("late", |ctx: Ctx<Alive>| waits(100, ctx))
        .add_node("sees", move |state: View<Trace>| {
            note.lock().unwrap().push(state.log.clone());
            async { Trace::update() }
        })
        .add_edge(START, "late")
        .add_edge("late", "sees")
        .on_failure(OnFailure::Finish);
    let error = sound(graph)
        .invoke(Trace::update())
        .context(Alive::default());
    let error = error.await.unwrap_err();
    let told = "node `next` failed in superstep 2, attempt 1";
    assert_eq!(chain(&error)[0], told);
    assert_eq!(*seen.lock().unwrap(), [["late"]]);
}
