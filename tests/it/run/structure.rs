//! Rule 14: structure. Nothing of a run outlives it.

use std::future::pending;
use std::time::Duration;

use futures_util::FutureExt;
use superstep::RunControl;
use superstep::prelude::*;

use crate::common::{Alive, Trace, oops, sound};

fn hanging() -> StateGraph<Trace, Alive> {
    let hang = async |ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        pending::<()>().await;
    };
    StateGraph::<Trace, Alive>::new("hanging")
        .add_node("a", hang)
        .add_node("b", hang)
        .add_node("c", hang)
        .add_conditional_edges(
            START,
            |state: &Trace| {
                if state.n == 1 {
                    vec!["a"]
                } else {
                    vec!["a", "b", "c"]
                }
            },
            ["a", "b", "c"],
        )
}

/// Gives aborted tasks of the runtime the turns they need to be dropped.
async fn let_others_run() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_a_run_aborts_all_of_it() {
    let graph = sound(hanging());
    for (n, tasks) in [(1, 1), (3, 3)] {
        let alive = Alive::default();
        let run = graph.invoke(Trace::update().n(n)).context(alive.clone());
        let ended = tokio::time::timeout(Duration::from_secs(1), run).await;
        assert!(ended.is_err());
        let_others_run().await;
        assert_eq!((alive.now(), alive.ever()), (0, tasks));
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_alone_is_gone_with_its_run_and_of_several_each_at_the_next_turn() {
    let graph = sound(hanging());
    for (n, left) in [(1, 0), (3, 3)] {
        let alive = Alive::default();
        let mut run = graph.invoke(Trace::update().n(n)).context(alive.clone());
        assert!((&mut run).now_or_never().is_none());
        let_others_run().await;
        drop(run);
        assert_eq!(alive.now(), left);
        let_others_run().await;
        assert_eq!(alive.now(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn who_cancels_and_awaits_a_run_knows_that_its_tasks_are_gone() {
    let graph = sound(hanging());
    let (alive, stop) = (Alive::default(), RunControl::new());
    let run = graph.invoke(Trace::update().n(3)).context(alive.clone());
    let mut run = run.control(&stop);
    assert!((&mut run).now_or_never().is_none());
    stop.cancel();
    run.await.unwrap_err();
    assert_eq!((alive.now(), alive.ever()), (0, 3));
}

#[tokio::test]
async fn a_run_that_is_never_polled_starts_nothing() {
    let graph = sound(hanging());
    let alive = Alive::default();
    let run = graph.invoke(Trace::update()).context(alive.clone());
    drop(run.into_future());
    let_others_run().await;
    assert_eq!(alive.ever(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_a_run_returns_nothing_of_it_is_alive_on_any_thread() {
    let yields = |fails: bool| {
        move |ctx: Ctx<Alive>| async move {
            let _guard = ctx.enter();
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            if fails { Err(oops()) } else { Ok(()) }
        }
    };
    for fails in [false, true] {
        let mut graph = StateGraph::<Trace, Alive>::new("wide");
        let names: Vec<String> = (0..64).map(|i| format!("n{i}")).collect();
        for (i, name) in names.iter().enumerate() {
            graph = graph.add_node(name, yields(fails && i == 40));
        }
        let graph = sound(graph.add_edge(START, &names));
        for _ in 0..20 {
            let alive = Alive::default();
            let run = graph.invoke(Trace::update()).context(alive.clone());
            assert_eq!(run.await.is_err(), fails);
            assert_eq!(alive.now(), 0);
        }
    }
}
