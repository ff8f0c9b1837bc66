//! The rules of eager runs, one by one.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, Join, MemoryCheckpointer, Run, RunControl, Status, TimeoutScope};

use super::{began, paced, run_of};
use crate::common::{Trace, mark, ran, sound};

/// `fast` takes 25 ms and `slow` 200; what follows `fast` takes 20.
fn slow_sibling() -> StateGraph<Trace> {
    paced(&[("fast", 25), ("next", 20), ("slow", 200)])
        .add_edge(START, ["fast", "slow"])
        .add_edge("fast", "next")
}

#[tokio::test(start_paused = true)]
async fn a_node_does_not_wait_for_a_slow_sibling_of_what_led_to_it() {
    let run = run_of(slow_sibling()).await;
    assert_eq!(began(&run, "next"), 200);
    let run = run_of(slow_sibling().eager()).await;
    assert_eq!(began(&run, "next"), 25);
    // All else is as ever.
    assert_eq!(run.state.log, ["fast", "slow", "next"]);
    assert_eq!(ran(&run), "fast slow | next");
    assert_eq!(run.timeline().total(), Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn a_join_waits_for_its_own_sources_alone() {
    let graph = paced(&[("a", 10), ("b", 30), ("join", 5), ("slow", 500)])
        .add_edge(START, ["a", "b", "slow"])
        .add_edge(["a", "b"], "join");
    let run = run_of(graph.eager()).await;
    assert_eq!(began(&run, "join"), 30);
    assert_eq!(ran(&run), "a b slow | join");
}

#[tokio::test(start_paused = true)]
async fn a_join_across_depths_fires_after_the_last_arrival() {
    // `a` is done at once, `c` after `b`: the join is of depth 3.
    let graph = paced(&[("a", 0), ("b", 10), ("c", 10), ("join", 1), ("slow", 500)])
        .add_edge(START, ["a", "b", "slow"])
        .add_edge("b", "c")
        .add_edge(["a", "c"], "join")
        .eager();
    let run = run_of(graph).await;
    assert_eq!(began(&run, "join"), 20);
    assert_eq!(ran(&run), "a b slow | c | join");
    assert_eq!(run.state.log, ["a", "b", "slow", "c", "join"]);
}

#[tokio::test(start_paused = true)]
async fn who_may_still_be_led_to_waits() {
    // `slow` may choose `next`, and does not: until then, nobody knows.
    let graph = |eager: bool| {
        let graph = slow_sibling().add_conditional_edges("slow", |_: &Trace| END, ["next", END]);
        if eager { graph.eager() } else { graph }
    };
    let run = run_of(graph(true)).await;
    assert_eq!(began(&run, "next"), 200);
    assert_eq!(run.state, run_of(graph(false)).await.state);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_may_lead_anywhere_holds_all_and_a_declared_one_does_not() {
    let graph = |declared: bool| {
        let body = async |_: View<Trace>| {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Command::<Trace>::new()
        };
        let slow = if declared {
            node(body).destinations([END])
        } else {
            node(body)
        };
        paced(&[("fast", 25), ("next", 20)])
            .add_node("slow", slow)
            .add_edge(START, ["fast", "slow"])
            .add_edge("fast", "next")
            .eager()
    };
    assert_eq!(began(&run_of(graph(false)).await, "next"), 200);
    assert_eq!(began(&run_of(graph(true)).await, "next"), 25);
}

#[tokio::test(start_paused = true)]
async fn loops_beside_each_other_do_not_wait_for_each_other() {
    let graph = paced(&[("quick", 10), ("slow", 100)])
        .add_edge(START, ["quick", "slow"])
        .add_conditional_edges("quick", again("quick"), ["quick", END])
        .add_conditional_edges("slow", again("slow"), ["slow", END])
        .eager();
    let run = run_of(graph).await;
    assert_eq!(ran(&run), ["quick slow"; 5].join(" | "));
    let timeline = run.timeline();
    let ends = |task: &str| {
        let spans = timeline.spans().iter().filter(|span| span.task == task);
        spans.map(|span| span.end.as_millis()).collect::<Vec<_>>()
    };
    assert_eq!(ends("quick"), [10, 20, 30, 40, 50]);
    assert_eq!(ends("slow"), [100, 200, 300, 400, 500]);
}

/// Goes on until the node has run five times, as far as is seen.
fn again(name: &'static str) -> impl Fn(&Trace) -> &'static str + Send + Sync {
    move |state| {
        let times = state.log.iter().filter(|said| *said == name).count();
        if times < 5 { name } else { END }
    }
}

const WORK: Worker<u64> = Worker::new("work");

#[tokio::test(start_paused = true)]
async fn sends_start_at_once_and_are_numbered_as_ever() {
    let graph = |eager: bool| {
        let graph = paced(&[("a", 10), ("b", 30), ("slow", 500), ("collect", 1)])
            .add_worker(WORK, async |ms: u64, ctx: Ctx| {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Trace::update().log(format!("{}: {ms}", ctx.task())).sum(ms)
            })
            .add_edge(START, ["a", "b", "slow"])
            .add_conditional_edges("a", |_: &Trace| [WORK.send(7), WORK.send(5)], [WORK])
            .add_conditional_edges("b", |_: &Trace| [WORK.send(3)], [WORK])
            .add_edge(WORK, "collect");
        sound(if eager { graph.eager() } else { graph })
    };
    let run = graph(true).invoke(Trace::update()).await.unwrap();
    // Who else sends is known when `b` is done.
    let starts = ["work", "collect"].map(|task| began(&run, task));
    assert_eq!(starts, [30, 37]);
    assert_eq!(
        run.state.log[3..],
        ["work/0: 7", "work/1: 5", "work/2: 3", "collect"]
    );
    assert_eq!(ran(&run), "a b slow | work work work | collect");
    // What was sent is told as ever, too.
    let told = graph(true).invoke(Trace::update()).transcript().await;
    let ordinary = graph(false).invoke(Trace::update()).transcript().await;
    assert_eq!(told.to_string(), ordinary.to_string());
}

#[tokio::test(start_paused = true)]
async fn deferred_nodes_wait_for_all() {
    let graph = paced(&[("fast", 25), ("slow", 200)])
        .add_node("late", node(mark).defer())
        .add_edge(START, ["fast", "slow"])
        .add_edge("fast", "late")
        .eager();
    let run = run_of(graph).await;
    assert_eq!(began(&run, "late"), 200);
    assert_eq!(ran(&run), "fast slow | late");
}

#[tokio::test(start_paused = true)]
async fn a_task_sees_what_led_to_it_and_not_what_was_beside_it() {
    let see = async |state: View<Trace>, ctx: Ctx| {
        Trace::update().log(format!("{} saw {}", ctx.node(), state.log.join(" ")))
    };
    let graph = StateGraph::<Trace>::new("test")
        .add_node("a", mark)
        .add_node("b", mark)
        .add_node("a2", see)
        .add_node("b2", see)
        .add_node("end", see)
        .add_edge(START, ["a", "b"])
        .add_edge("a", "a2")
        .add_edge("b", "b2")
        .add_edge(["a2", "b2"], "end")
        .eager();
    let run = run_of(graph).await;
    let end = "end saw a b a2 saw a b2 saw b";
    assert_eq!(run.state.log, ["a", "b", "a2 saw a", "b2 saw b", end]);
}

#[tokio::test(start_paused = true)]
async fn two_writers_of_a_depth_are_a_conflict_whenever_they_end() {
    let write = |ms: u64| {
        move |_: View<Trace>| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Trace::update().n(1)
        }
    };
    let graph = StateGraph::<Trace>::new("test")
        .add_node("fast", write(1))
        .add_node("slow", write(100))
        .add_node("next", write(1))
        .add_edge(START, ["fast", "slow"])
        .add_edge("fast", "next")
        .eager();
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    assert_eq!(error.code(), "conflict");
    let told = error.to_string();
    assert!(told.contains("`fast`") && told.contains("`slow`"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_exact() {
    let graph = slow_sibling().eager();
    let graph = sound(graph);
    let run = |limit| graph.invoke(Trace::update()).recursion_limit(limit);
    assert_eq!(run(2).await.unwrap().supersteps(), 2);
    let error = run(1).await.unwrap_err();
    assert_eq!(error.code(), "recursion-limit");
    assert!(error.to_string().contains('1'));
}

#[tokio::test(start_paused = true)]
async fn at_most_so_many_tasks_are_at_work() {
    let graph = sound(slow_sibling().eager());
    let run = graph
        .invoke(Trace::update())
        .max_concurrency(1)
        .await
        .unwrap();
    assert_eq!(run.timeline().total(), Duration::from_millis(245));
}

#[tokio::test(start_paused = true)]
async fn a_drained_run_ends_after_the_depths_that_have_begun() {
    let control = RunControl::new();
    let drain = control.clone();
    let graph = slow_sibling()
        .add_node("after", move |_: View<Trace>| {
            drain.drain();
            async { Trace::update().log("after") }
        })
        .add_node("never", mark)
        .add_edge("next", "after")
        .add_edge("after", "never")
        .eager();
    let graph: Graph<Trace> = sound(graph);
    let run = graph
        .invoke(Trace::update())
        .control(&control)
        .await
        .unwrap();
    assert_eq!(run.status, Status::Drained);
    assert_eq!(run.state.log, ["fast", "slow", "next", "after"]);
}

#[tokio::test(start_paused = true)]
async fn a_depth_has_its_time_from_when_all_before_is_done() {
    let graph = sound(slow_sibling().eager());
    let run = |ms| {
        graph
            .invoke(Trace::update())
            .superstep_timeout(Duration::from_millis(ms))
    };
    assert!(run(201).await.is_ok());
    let error = run(199).await.unwrap_err();
    let superstep::RunError::TimedOut { scope, running, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(scope, TimeoutScope::Superstep);
    assert_eq!(running[0].to_string(), "slow");
}

#[tokio::test(start_paused = true)]
async fn as_a_node_an_eager_graph_hands_on_what_it_wrote() {
    let inner = sound(slow_sibling().eager());
    let graph = paced(&[("before", 1), ("end", 1)])
        .add_node("inner", inner)
        .add_edge(START, "before")
        .add_edge("before", "inner")
        .add_edge("inner", "end");
    let run: Run<Trace> = run_of(graph).await;
    assert_eq!(run.state.log, ["before", "fast", "slow", "next", "end"]);
    assert_eq!(run.state.sum, 5);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_for_the_parent_takes_along_what_supersteps_would() {
    let leave = async |_: View<Trace>| {
        Command::parent()
            .goto("other")
            .and_update(Trace::update().log("left"))
    };
    let inner = |eager: bool| {
        let graph = slow_sibling()
            .add_node("leave", node(leave).destinations([END]))
            .add_edge("slow", "leave")
            .add_node("more", mark)
            .add_edge("next", "more");
        sound(if eager { graph.eager() } else { graph })
    };
    for eager in [false, true] {
        let graph = paced(&[("other", 1)])
            .add_node("in", inner(eager))
            .add_edge(START, "in");
        let run = run_of(graph).await;
        assert_eq!(run.state.log, ["fast", "slow", "left", "next", "other"]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_no_update_still_leads_on() {
    let nothing = async |_: View<Trace>| {};
    let graph = paced(&[("slow", 100), ("end", 1)])
        .add_node("a", nothing)
        .add_node("b", nothing)
        .add_edge(START, ["a", "slow"])
        .add_edge("a", "b")
        .add_edge("b", "end")
        .eager();
    let run = run_of(graph).await;
    assert_eq!(began(&run, "end"), 0);
    assert_eq!(run.state.log, ["slow", "end"]);
}

#[test]
fn a_graph_that_keeps_threads_is_not_eager() {
    let graph = slow_sibling()
        .checkpointer(MemoryCheckpointer::new())
        .eager();
    let error = graph.compile().unwrap_err();
    let [found] = error.diagnostics() else {
        panic!("{error}");
    };
    assert_eq!(found.code(), "eager-with-checkpointer");
    assert!(found.location().file().ends_with("rules.rs"));
}

#[test]
fn joins_of_eager_graphs_wait_for_all() {
    let code = |join: Join| {
        let graph = paced(&[("a", 1), ("b", 1), ("end", 1)])
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "end", join)
            .eager();
        let found = graph.compile().map(drop);
        found.map_err(|error| error.diagnostics()[0].code().to_owned())
    };
    let all = Join::all;
    for join in [all(), all().strict(), all().require(["a"]).cancel_rest()] {
        assert_eq!(code(join), Ok(()));
    }
    let within = all().within(Duration::from_secs(1));
    for join in [within, Join::settled(), Join::first(), Join::quorum(2)] {
        assert_eq!(code(join), Err("eager-with-join".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_strict_join_that_starves_fails_an_eager_run() {
    let graph = paced(&[("a", 1), ("b", 1), ("end", 1), ("slow", 9)])
        .add_edge(START, ["a", "slow"])
        .add_conditional_edges("a", |_: &Trace| END, ["b", END])
        .add_join(["a", "b"], "end", Join::all().strict())
        .eager();
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    assert_eq!(error.code(), "starved");
    assert!(error.to_string().contains("`b`"), "{error}");
}
