//! Runs that end before their end: cancelled, timed out, drained.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{
    CancelledBy, EventKind, Graph, MemoryCheckpointer, OnBusy, RunControl, RunError, Status,
    TimeoutScope,
};

use crate::common::{Alive, Trace, TraceUpdate, ran, sound, within_a_day};

const SECOND: Duration = Duration::from_secs(1);

/// What the nodes here need: who is alive, and what may end the run.
#[derive(Clone, Default)]
struct Tools {
    alive: Alive,
    control: RunControl,
    /// How often each body ran.
    calls: Arc<AtomicUsize>,
}

async fn quick(ctx: Ctx<Tools>) -> TraceUpdate {
    let _alive = ctx.alive.enter();
    ctx.calls.fetch_add(1, Ordering::SeqCst);
    Trace::update().log(ctx.node().to_string())
}

async fn slow(ctx: Ctx<Tools>) -> TraceUpdate {
    let _alive = ctx.alive.enter();
    tokio::time::sleep(10 * SECOND).await;
    Trace::update().log(ctx.node().to_string())
}

/// `a` is quick and `b` slow, and then comes `c`.
fn graph(nodes: &[&str]) -> StateGraph<Trace, Tools> {
    let graph = StateGraph::<Trace, Tools>::new("test")
        .add_node("a", quick)
        .add_node("b", slow)
        .add_node("c", mark_with_tools)
        .add_edge(START, nodes)
        .add_edge("b", "c")
        .checkpointer(MemoryCheckpointer::new());
    match nodes {
        ["b"] => graph.add_edge("c", "a"),
        _ => graph,
    }
}

async fn mark_with_tools(ctx: Ctx<Tools>) -> TraceUpdate {
    Trace::update().log(ctx.node().to_string())
}

#[track_caller]
fn is_cancelled(error: &RunError, at: u64) {
    let by_control = matches!(
        error,
        RunError::Cancelled { superstep, by: CancelledBy::Control } if *superstep == at
    );
    assert!(by_control, "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_leaves_no_task_and_a_thread_that_goes_on() {
    for nodes in [&["a", "b"][..], &["b"]] {
        let (graph, tools) = (sound(graph(nodes)), Tools::default());
        let control = tools.control.clone();
        let run = graph
            .invoke(Trace::update())
            .context(tools.clone())
            .thread("t")
            .control(&control);
        let cancel = async {
            tokio::time::sleep(SECOND).await;
            assert!(tools.alive.now() > 0);
            control.cancel();
        };
        let (ended, ()) = tokio::join!(run, cancel);
        is_cancelled(&ended.unwrap_err(), 1);
        assert_eq!(tools.alive.now(), 0);

        let run = graph
            .proceed()
            .context(tools.clone())
            .thread("t")
            .await
            .unwrap();
        let calls = tools.calls.load(Ordering::SeqCst);
        // What had finished does not run again.
        assert_eq!((run.state.log.len(), calls), (3, 1), "{:?}", run.state.log);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_on_other_threads_are_awaited_when_they_are_cancelled() {
    const WAIT: Worker<u32> = Worker::new("wait");
    let graph = sound(
        StateGraph::<Trace, Tools>::new("test")
            .add_worker(WAIT, async |n: u32, ctx: Ctx<Tools>| {
                let _alive = ctx.alive.enter();
                if n == 99 {
                    ctx.control.cancel();
                }
                std::future::pending::<()>().await;
            })
            .add_conditional_edges(
                START,
                |_: &Trace| (0..100).map(|n| WAIT.send(n)).collect::<Vec<_>>(),
                [WAIT],
            ),
    );
    for _ in 0..20 {
        let tools = Tools::default();
        let run = graph
            .invoke(Trace::update())
            .context(tools.clone())
            .control(&tools.control);
        is_cancelled(&run.await.unwrap_err(), 1);
        assert_eq!(tools.alive.now(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_before_it_begins_runs_nothing() {
    let (graph, tools) = (sound(graph(&["a", "b"])), Tools::default());
    tools.control.cancel();
    let run = graph
        .invoke(Trace::update())
        .context(tools.clone())
        .thread("t")
        .control(&tools.control);
    is_cancelled(&run.await.unwrap_err(), 0);
    assert_eq!(tools.alive.ever(), 0);
    // Its input was taken.
    assert_eq!(graph.thread("t").state().await.unwrap().next, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn cancelling_is_seen_between_quick_supersteps() {
    let graph = sound(
        StateGraph::<Trace, Tools>::new("test")
            .add_node("a", async |state: View<Trace>, ctx: Ctx<Tools>| {
                if state.sum == 9 {
                    ctx.control.cancel();
                }
                Trace::update().sum(1_u64)
            })
            .add_edge(START, "a")
            .add_conditional_edges("a", |_: &Trace| ["a"], ["a", END]),
    );
    let tools = Tools::default();
    let control = tools.control.clone();
    let run = graph
        .invoke(Trace::update())
        .context(tools)
        .control(&control);
    is_cancelled(&run.await.unwrap_err(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_drained_run_ends_after_its_superstep_and_goes_on_later() {
    let tools = Tools::default();
    let graph = sound(graph(&["a", "b"]));
    let run = graph
        .invoke(Trace::update())
        .context(tools.clone())
        .thread("t")
        .control(&tools.control);
    let drain = async {
        tokio::time::sleep(SECOND).await;
        tools.control.drain();
    };
    let (run, ()) = tokio::join!(run, drain);
    let run = run.unwrap();
    assert_eq!((run.status, ran(&run)), (Status::Drained, "a b".to_owned()));
    assert_eq!(graph.thread("t").state().await.unwrap().next, ["c"]);

    let run = graph.proceed().context(tools).thread("t").await.unwrap();
    assert_eq!((run.status, ran(&run)), (Status::Done, "c".to_owned()));
    assert_eq!(run.state.log, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn draining_stops_at_once_where_supersteps_are_quick() {
    let drain_at = |n: u64| {
        let control = RunControl::new();
        let drains = control.clone();
        let graph: Graph<Trace> = sound(
            StateGraph::<Trace>::new("test")
                .add_node("a", move |state: View<Trace>| {
                    if state.sum + 1 == n {
                        drains.drain();
                    }
                    async { Trace::update().sum(1_u64) }
                })
                .add_edge(START, "a")
                .add_conditional_edges(
                    "a",
                    |state: &Trace| if state.sum < 50 { ["a"] } else { [END] },
                    ["a", END],
                ),
        );
        async move {
            graph
                .invoke(Trace::update())
                .control(&control)
                .await
                .unwrap()
        }
    };
    let run = drain_at(7).await;
    assert_eq!((run.status, run.state.sum), (Status::Drained, 7));
    // Nothing was left to do.
    let run = drain_at(50).await;
    assert_eq!((run.status, run.state.sum), (Status::Done, 50));
}

#[tokio::test(start_paused = true)]
async fn draining_stops_inside_a_subgraph_only_on_a_thread() {
    for on_thread in [true, false] {
        let control = RunControl::new();
        let drains = control.clone();
        let body = move |_: View<Trace>| {
            drains.drain();
            async { Trace::update().sum(1_u64) }
        };
        let inner = StateGraph::<Trace>::new("inner")
            .add_node("a", body)
            .add_edge(START, "a")
            .add_conditional_edges(
                "a",
                |state: &Trace| if state.sum < 50 { ["a"] } else { [END] },
                ["a", END],
            );
        let outer = StateGraph::<Trace>::new("outer")
            .add_node("in", sound(inner))
            .add_node("last", async |_: View<Trace>| Trace::update().sum(1000_u64))
            .add_edge(START, "in")
            .add_edge("in", "last");
        let outer = match on_thread {
            true => sound(outer.checkpointer(MemoryCheckpointer::new())),
            false => sound(outer),
        };
        let run = outer.invoke(Trace::update()).control(&control);
        let run = if on_thread {
            run.thread("t").await
        } else {
            run.await
        };
        let run = run.unwrap();
        let sum = if on_thread { 0 } else { 50 };
        assert_eq!((run.status, run.state.sum), (Status::Drained, sum));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_says_what_was_at_work() {
    let (graph, tools) = (sound(graph(&["a", "b"])), Tools::default());
    let run = graph
        .invoke(Trace::update())
        .context(tools.clone())
        .thread("t")
        .timeout(SECOND);
    let error = run.await.unwrap_err();
    let RunError::TimedOut {
        scope: TimeoutScope::Run,
        running,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert!(running.len() == 1 && running[0] == "b", "{running:?}");
    assert_eq!(
        error.to_string(),
        "the run took longer than its timeout of 1s in superstep 1, with `b` at work"
    );
    assert_eq!(tools.alive.now(), 0);
    let run = graph
        .proceed()
        .context(tools.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["a", "b", "c"]);
    assert_eq!(tools.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn each_superstep_has_its_own_time() {
    let steps = |per_superstep: u64| {
        let sleep = async |_: View<Trace>| tokio::time::sleep(2 * SECOND).await;
        sound(
            StateGraph::<Trace>::new("test")
                .add_node("a", sleep)
                .add_node("b", sleep)
                .add_edge(START, "a")
                .add_edge("a", "b")
                .superstep_timeout(Duration::from_secs(per_superstep)),
        )
    };
    assert!(steps(3).invoke(Trace::update()).await.is_ok());
    let error = steps(1).invoke(Trace::update()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a superstep took longer than its timeout of 1s in superstep 1, with `a` at work"
    );
    // A call's own limits come before the graph's.
    let run = steps(1)
        .invoke(Trace::update())
        .superstep_timeout(3 * SECOND);
    assert!(run.await.is_ok());
    let error = steps(3)
        .invoke(Trace::update())
        .timeout(3 * SECOND)
        .await
        .unwrap_err();
    let at_b =
        matches!(&error, RunError::TimedOut { superstep: 2, running, .. } if running[0] == "b");
    assert!(at_b, "{error:?}");
    // A limit beyond the end of the clock is none.
    assert!(
        steps(3)
            .invoke(Trace::update())
            .timeout(Duration::MAX)
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn a_graph_has_a_time_for_its_runs() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |_: View<Trace>| {
                tokio::time::sleep(2 * SECOND).await;
            })
            .add_edge(START, "a")
            .run_timeout(SECOND),
    );
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    assert_eq!(error.code(), "timed-out");
    assert!(
        graph
            .invoke(Trace::update())
            .timeout(3 * SECOND)
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_busy_thread_can_be_cancelled() {
    let (graph, tools) = (sound(graph(&["b"])), Tools::default());
    let busy = graph
        .invoke(Trace::update())
        .context(tools.clone())
        .thread("t");
    let waits = graph
        .invoke(Trace::update())
        .context(tools.clone())
        .thread("t")
        .on_busy(OnBusy::Wait)
        .control(&tools.control);
    let waits = async {
        tokio::time::sleep(SECOND).await;
        waits.await
    };
    let cancel = async {
        tokio::time::sleep(2 * SECOND).await;
        tools.control.cancel();
        tokio::time::Instant::now()
    };
    let begun = tokio::time::Instant::now();
    let (busy, waited, at) = tokio::join!(busy, waits, cancel);
    assert!(busy.is_ok());
    is_cancelled(&waited.unwrap_err(), 0);
    assert!(at - begun < 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_which_tasks_were_cancelled() {
    let (graph, tools) = (sound(graph(&["a", "b"])), Tools::default());
    let mut events = graph
        .invoke(Trace::update())
        .context(tools.clone())
        .thread("t")
        .timeout(SECOND)
        .stream();
    let mut cancelled = Vec::new();
    let mut failed = 0;
    while let Some(event) = within_a_day(events.next()).await {
        match event.kind {
            EventKind::TaskCancelled => cancelled.push(event.task().unwrap().to_string()),
            EventKind::RunFailed { .. } => failed += 1,
            _ => {}
        }
    }
    assert_eq!((cancelled, failed), (vec!["b".to_owned()], 1));
    assert!(events.finish().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn one_control_ends_several_runs() {
    let (graph, tools) = (sound(graph(&["a", "b"])), Tools::default());
    let run = |thread: &str| {
        graph
            .invoke(Trace::update())
            .context(tools.clone())
            .thread(thread)
            .control(&tools.control)
    };
    let cancel = async {
        tokio::time::sleep(SECOND).await;
        tools.control.cancel();
        tools.control.drain(); // comes too late
    };
    let (one, two, ()) = tokio::join!(run("1"), run("2"), cancel);
    is_cancelled(&one.unwrap_err(), 1);
    is_cancelled(&two.unwrap_err(), 1);
    assert!(tools.control.is_cancelled() && tools.control.is_draining());
    assert_eq!(format!("{:?}", tools.control), "RunControl(Cancel)");
}
