//! Rule 13: one run at a time on a thread.

use std::sync::Arc;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, MemoryCheckpointer, OnBusy, RunError};
use tokio::time::{Instant, sleep};

use super::{T, kept};
use crate::common::{Alive, Trace, sound, within_a_day};

fn slow() -> Graph<Trace, Alive> {
    kept(
        StateGraph::<Trace, Alive>::new("test")
            .add_node("slow", async |ctx: Ctx<Alive>| {
                let _guard = ctx.enter();
                sleep(Duration::from_secs(60)).await;
                Trace::update().log("slow")
            })
            .add_node("next", async |_: View<Trace>| Trace::update().log("next"))
            .add_edge(START, "slow")
            .add_edge("slow", "next"),
    )
}

/// Starts a run and returns once it is at work.
async fn at_work(
    graph: &Graph<Trace, Alive>,
    alive: &Alive,
) -> tokio::task::JoinHandle<Result<superstep::Run<Trace>, RunError>> {
    let run = graph
        .invoke(Trace::update())
        .thread(T)
        .context(alive.clone());
    let run = tokio::spawn(run);
    while alive.now() == 0 {
        tokio::task::yield_now().await;
    }
    run
}

#[tokio::test(start_paused = true)]
async fn the_second_run_is_turned_away_and_the_first_keeps_its_lease() {
    let (graph, alive) = (slow(), Alive::default());
    let first = at_work(&graph, &alive).await;
    for _ in 0..4 {
        sleep(Duration::from_secs(14)).await;
        let error = graph
            .proceed()
            .thread(T)
            .context(alive.clone())
            .await
            .unwrap_err();
        let RunError::ThreadBusy { thread, free_in } = &error else {
            panic!("it is busy: {error:?}");
        };
        assert!(
            *thread == T && *free_in <= Duration::from_secs(15),
            "{error:?}"
        );
        let written = graph.thread(T).update(Trace::update().n(1)).await;
        assert_eq!(written.unwrap_err().code(), "thread-busy");
        assert_eq!(
            graph.thread(T).delete().await.unwrap_err().code(),
            "thread-busy"
        );
    }
    assert_eq!(
        graph.thread(T).state().await.unwrap().next,
        ["slow"],
        "whoever looks may"
    );
    assert_eq!(first.await.unwrap().unwrap().state.log, ["slow", "next"]);
    assert_eq!(alive.ever(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_comes_after() {
    let (graph, alive) = (slow(), Alive::default());
    let first = at_work(&graph, &alive).await;
    let begin = Instant::now();
    let second = graph
        .invoke(Trace::update())
        .thread(T)
        .context(alive.clone());
    let second = within_a_day(second.on_busy(OnBusy::Wait)).await.unwrap();
    assert_eq!(second.state.log, ["slow", "next", "slow", "next"]);
    assert!(
        begin.elapsed() < Duration::from_secs(122),
        "{:?}",
        begin.elapsed()
    );
    first.await.unwrap().unwrap();
    assert_eq!(alive.most(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_interrupts_takes_over_and_the_first_ends_stale() {
    let (graph, alive) = (slow(), Alive::default());
    let first = at_work(&graph, &alive).await;
    let second = graph
        .proceed()
        .thread(T)
        .context(alive.clone())
        .on_busy(OnBusy::Interrupt);
    assert_eq!(
        within_a_day(second).await.unwrap().state.log,
        ["slow", "next"]
    );
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "thread `t` was taken over by another run"
    );
    let history = graph.thread(T).history().await.unwrap();
    assert_eq!(history.len(), 3, "the history is one line");
    assert_eq!(alive.now(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_gives_its_thread_back() {
    let (graph, alive) = (slow(), Alive::default());
    let first = at_work(&graph, &alive).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let run = graph.proceed().thread(T).context(alive.clone());
    assert_eq!(within_a_day(run).await.unwrap().state.log, ["slow", "next"]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_runs_lease_ends() {
    let store = MemoryCheckpointer::new();
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |_: View<Trace>| {})
            .add_edge(START, "a")
            .lease(Duration::from_secs(5))
            .checkpointer(store.clone()),
    );
    // Somebody who took the lease and was never heard of again.
    let claim = superstep::Claim {
        lasts: Duration::from_secs(5),
        takes_over: false,
    };
    superstep::Checkpointer::acquire(&store, &T.into(), claim)
        .await
        .unwrap();
    let error = graph.invoke(Trace::update()).thread(T).await.unwrap_err();
    assert_eq!(error.code(), "thread-busy");
    let begin = Instant::now();
    graph
        .invoke(Trace::update())
        .thread(T)
        .on_busy(OnBusy::Wait)
        .await
        .unwrap();
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn of_many_at_once_each_is_in_the_history_once() {
    let graph = Arc::new(kept(
        StateGraph::<Trace>::new("test")
            .add_node("a", async |state: View<Trace>| {
                tokio::task::yield_now().await;
                Trace::update().n(state.n + 1)
            })
            .add_edge(START, "a"),
    ));
    let runs: Vec<_> = (0..20)
        .map(|number: u32| {
            let graph = Arc::clone(&graph);
            tokio::spawn(async move {
                let run = graph
                    .invoke(Trace::update().log(number.to_string()))
                    .thread(T);
                run.on_busy(OnBusy::Wait).await
            })
        })
        .collect();
    for run in runs {
        run.await.unwrap().unwrap();
    }
    let end = graph.thread(T).state().await.unwrap().values;
    assert_eq!((end.n, end.log.len()), (20, 20));
}
