//! How a run goes inside another.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{EventKind, Graph, RunError, subgraph};

use super::{Inner, deep, said, says};
use crate::common::{Alive, Trace, TraceUpdate, chain, marks, oops, ran, sound, within_a_day};

const SECOND: Duration = Duration::from_secs(1);
const SAY: Worker<String> = Worker::new("say");

#[tokio::test(start_paused = true)]
async fn what_it_wrote_is_counted_once() {
    let inner = sound(
        StateGraph::<Trace>::new("inner")
            .add_node("one", async |state: View<Trace>| {
                Trace::update().sum(1_u64).n(state.n + 1)
            })
            .add_node("two", async |state: View<Trace>| {
                Trace::update().sum(2_u64).n(state.n + 1)
            })
            .add_edge(START, "one")
            .add_edge("one", "two"),
    );
    let graph = sound(
        marks(["before"])
            .add_node("inner", inner)
            .add_edge(START, "before")
            .add_edge("before", "inner"),
    );
    let run = graph
        .invoke(Trace::update().sum(10_u64).n(1).log("given"))
        .await
        .unwrap();
    assert_eq!((run.state.sum, run.state.n), (13, 3));
    assert_eq!(run.state.log, ["given", "before"]);
    assert_eq!(ran(&run), "before | inner");
}

#[tokio::test(start_paused = true)]
async fn what_is_overwritten_inside_is_overwritten_outside() {
    let inner = sound(
        StateGraph::<Trace>::new("inner")
            .add_node("one", async |_: View<Trace>| Trace::update().log("lost"))
            .add_node("two", async |_: View<Trace>| {
                Trace::update().overwrite_log(["new"])
            })
            .add_node("three", async |_: View<Trace>| Trace::update().log("last"))
            .add_edge(START, "one")
            .add_edge("one", "two")
            .add_edge("two", "three"),
    );
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("inner", inner)
            .add_edge(START, "inner"),
    );
    let run = graph.invoke(Trace::update().log("given")).await.unwrap();
    assert_eq!(run.state.log, ["new", "last"]);
}

#[tokio::test(start_paused = true)]
async fn graphs_nest_as_deep_as_they_are_built() {
    let run = deep(5).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log.join(" "), "a a a a a a b b b b b b");
    // With one task at a time, nobody waits for what is inside it.
    let run = within_a_day(deep(5).invoke(Trace::update()).max_concurrency(1))
        .await
        .unwrap();
    assert_eq!(run.state.log.len(), 12);
}

#[tokio::test(start_paused = true)]
async fn one_graph_serves_many_sends_at_once() {
    let slow = async |state: View<Inner>, ctx: Ctx<Alive>| {
        let _alive = ctx.enter();
        tokio::time::sleep(SECOND).await;
        Inner::update().said(state.word.clone())
    };
    let inner: Graph<Inner, Alive> = sound(
        StateGraph::<Inner, Alive>::new("slow")
            .add_node("one", slow)
            .add_node("two", slow)
            .add_edge(START, ["one", "two"]),
    );
    let graph = sound(
        StateGraph::<Trace, Alive>::new("test")
            .add_worker(
                SAY,
                subgraph(
                    inner,
                    |word: &String| Inner::update().word(word.clone()),
                    said,
                ),
            )
            .add_conditional_edges(
                START,
                |_: &Trace| (0..50).map(|n| SAY.send(n.to_string())).collect::<Vec<_>>(),
                [SAY],
            ),
    );
    let alive = Alive::default();
    let begun = tokio::time::Instant::now();
    let run = graph
        .invoke(Trace::update())
        .context(alive.clone())
        .await
        .unwrap();
    assert_eq!((begun.elapsed(), alive.most()), (SECOND, 100));
    let expected: Vec<String> = (0..50)
        .flat_map(|n| [n.to_string(), n.to_string()])
        .collect();
    assert_eq!(run.state.log, expected);

    // The limit on tasks holds for all of them together.
    let alive = Alive::default();
    let run = graph
        .invoke(Trace::update())
        .context(alive.clone())
        .max_concurrency(7);
    assert_eq!(within_a_day(run).await.unwrap().state.log, expected);
    assert_eq!(alive.most(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_failure_inside_says_where() {
    let inner = sound(
        StateGraph::<Trace>::new("inner")
            .add_node("bad", async |_: View<Trace>| -> NodeResult<()> {
                Err(oops())
            })
            .add_edge(START, "bad"),
    );
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("in", inner)
            .add_edge(START, "in"),
    );
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    assert_eq!(
        chain(&error),
        [
            "node `in` failed in superstep 1, attempt 1",
            "node `bad` failed in superstep 1, attempt 1",
            "oops",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn panics_in_the_maps_are_failures_of_the_node() {
    let fails = |graph: Graph<Trace>| async move {
        let error = graph.invoke(Trace::update()).await.unwrap_err();
        chain(&error).join(": ")
    };
    let input = StateGraph::<Trace>::new("test")
        .add_subgraph("in", says(), |_: &Trace| panic!("no input"), said)
        .add_edge(START, "in");
    assert!(fails(sound(input)).await.ends_with("it panicked: no input"));
    let output = StateGraph::<Trace>::new("test")
        .add_subgraph(
            "in",
            says(),
            |_: &Trace| Inner::update(),
            |_: &Inner| -> TraceUpdate { panic!("no output") },
        )
        .add_edge(START, "in");
    assert!(
        fails(sound(output))
            .await
            .ends_with("it panicked: no output")
    );
}

#[tokio::test(start_paused = true)]
async fn retry_and_timeout_are_policies_of_the_node() {
    let inner = |alive: Alive| {
        sound(
            StateGraph::<Trace>::new("inner")
                .add_node("slow", move |_: View<Trace>| {
                    let alive = alive.enter();
                    async move {
                        let _alive = alive;
                        tokio::time::sleep(9 * SECOND).await;
                    }
                })
                .add_edge(START, "slow"),
        )
    };
    let alive = Alive::default();
    let retry = Retry::attempts(3).delay(Duration::ZERO);
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node(
                "in",
                node(inner(alive.clone())).timeout(SECOND).retry(retry),
            )
            .add_edge(START, "in"),
    );
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    assert!(
        matches!(error, RunError::Node { attempt: 3, .. }),
        "{error:?}"
    );
    assert_eq!((alive.ever(), alive.now()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_call_holds_inside() {
    let endless = sound(
        marks(["a"])
            .add_edge(START, "a")
            .add_conditional_edges("a", |_: &Trace| ["a"], ["a", END])
            .recursion_limit(50),
    );
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("in", endless)
            .add_edge(START, "in"),
    );
    let limit = async |call: Option<u64>| {
        let run = graph.invoke(Trace::update());
        let run = match call {
            Some(limit) => run.recursion_limit(limit),
            None => run,
        };
        let error = run.await.unwrap_err();
        chain(&error)[1].clone()
    };
    assert!(
        limit(None)
            .await
            .starts_with("no end was reached within 50 supersteps")
    );
    assert!(
        limit(Some(5))
            .await
            .starts_with("no end was reached within 5 supersteps")
    );
}

#[tokio::test(start_paused = true)]
async fn two_subgraphs_that_write_one_field_are_a_conflict() {
    let inner = || {
        sound(
            StateGraph::<Trace>::new("inner")
                .add_node("one", async |_: View<Trace>| Trace::update().n(1))
                .add_node("two", async |_: View<Trace>| Trace::update().n(2))
                .add_edge(START, "one")
                .add_edge("one", "two"),
        )
    };
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", inner())
            .add_node("b", inner())
            .add_edge(START, ["a", "b"]),
    );
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`a` and `b` both wrote `n` in superstep 1"
    );
    // By itself, what comes later wins, as it did inside.
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", inner())
            .add_edge(START, "a"),
    );
    assert_eq!(graph.invoke(Trace::update()).await.unwrap().state.n, 2);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_run_drops_what_is_inside() {
    let alive = Alive::default();
    let stuck = async |ctx: Ctx<Alive>| {
        let _alive = ctx.enter();
        std::future::pending::<()>().await;
    };
    let inner = sound(
        StateGraph::<Trace, Alive>::new("inner")
            .add_node("a", stuck)
            .add_node("b", stuck)
            .add_edge(START, ["a", "b"]),
    );
    let graph = sound(
        StateGraph::<Trace, Alive>::new("test")
            .add_node("x", inner.clone())
            .add_node("y", inner)
            .add_edge(START, ["x", "y"]),
    );
    let run = graph.invoke(Trace::update()).context(alive.clone());
    assert!(tokio::time::timeout(SECOND, run).await.is_err());
    tokio::task::yield_now().await;
    assert_eq!((alive.ever(), alive.now()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn events_carry_the_path() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("deep", deep(1))
            .add_worker(
                SAY,
                subgraph(
                    says(),
                    |word: &String| Inner::update().word(word.clone()),
                    said,
                ),
            )
            .add_conditional_edges(
                START,
                |_: &Trace| {
                    let sends = ["x", "y"].map(|word| SAY.send(word.to_owned()).into());
                    let deep = superstep::Target::from("deep");
                    sends.into_iter().chain([deep]).collect::<Vec<_>>()
                },
                ["deep", "say"],
            ),
    );
    let mut events = graph.invoke(Trace::update()).stream();
    let (mut tasks, mut states) = (Vec::new(), 0);
    while let Some(event) = events.next().await {
        match event.kind {
            EventKind::TaskFinished { .. } => {
                tasks.push(format!("{}:{}", event.path(), event.task().unwrap()));
            }
            EventKind::SuperstepFinished { .. } if event.path().starts_with("say") => {
                assert!(event.state().is_none());
                states += usize::from(event.state_of::<Inner>().is_some());
            }
            EventKind::SuperstepFinished { .. } => assert!(event.state().is_some()),
            _ => {}
        }
    }
    tasks.sort_unstable();
    assert_eq!(
        tasks,
        [
            ":deep",
            ":say/0",
            ":say/1",
            "deep/0/in/0:a",
            "deep/0/in/0:b",
            "deep/0:a",
            "deep/0:b",
            "deep/0:in",
            "say/0:one",
            "say/0:two",
            "say/1:one",
            "say/1:two",
        ]
    );
    assert_eq!(states, 6);
    events.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watched_subgraphs_on_many_threads_end_however_small_the_buffer() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_worker(
                SAY,
                subgraph(
                    says(),
                    |word: &String| Inner::update().word(word.clone()),
                    said,
                ),
            )
            .add_conditional_edges(
                START,
                |_: &Trace| (0..40).map(|n| SAY.send(n.to_string())).collect::<Vec<_>>(),
                [SAY],
            ),
    );
    for buffer in [1, 2, 64] {
        let mut events = graph.invoke(Trace::update()).stream().buffer(buffer);
        let mut n = 0;
        while let Some(event) = events.next().await {
            n += usize::from(matches!(event.kind, EventKind::TaskFinished { .. }));
        }
        assert_eq!(n, 120, "buffer of {buffer}");
        assert_eq!(events.finish().await.unwrap().state.log.len(), 80);
    }
}

#[tokio::test]
async fn the_target_of_a_join_in_one_sees_its_sources_and_one_that_is_a_source_is_done() {
    let tell = async |ctx: Ctx| {
        let (task, came) = (ctx.task(), ctx.arrivals());
        Trace::update().log(format!("{task}: {came}"))
    };
    let fan = |name: &str| {
        StateGraph::<Trace>::new(name)
            .add_node("a", async |_: View<Trace>| {})
            .add_node("t", tell)
            .add_edge(START, ["a", "b"])
            .add_edge(["a", "b"], "t")
    };
    let inner = sound(fan("inner").add_node("b", async |_: View<Trace>| {}));
    let run = sound(fan("outer").add_node("b", inner))
        .invoke(Trace::update())
        .await
        .unwrap();
    assert_eq!(run.state.log, ["t: a done, b done", "t: a done, b done"]);
}
