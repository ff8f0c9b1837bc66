//! A run as spans of the crate tracing.

mod collect;

use std::time::Duration;

use expect_test::{Expect, expect};
use superstep::prelude::*;
use superstep::{Graph, MemoryCheckpointer, NodeError, RunControl};

use self::collect::Collected;
use crate::common::{Trace, TraceUpdate, mark, marks, oops, sound};

const SENT: Worker<u32> = Worker::new("sent");

const SHOWN: [&str; 6] = [
    "superstep",
    "task",
    "attempt",
    "fallback",
    "outcome",
    "error",
];

/// The spans of a run, whatever it comes to.
async fn check(graph: Graph<Trace>, expected: Expect) -> Collected {
    let (collected, _guard) = Collected::here();
    let _ = graph.invoke(Trace::update()).await;
    expected.assert_eq(&collected.tree(&SHOWN));
    collected
}

/// Says something, waits, and says something again.
async fn speak(ctx: Ctx) -> TraceUpdate {
    tracing::info!("{} begins", ctx.task());
    tokio::time::sleep(Duration::from_millis(1)).await;
    tracing::info!("{} ends", ctx.task());
    Trace::update().sum(1_u64)
}

#[tokio::test(start_paused = true)]
async fn supersteps_in_a_row_have_spans_like_any_other() {
    let graph = sound(marks(["a", "b"]).add_edge(START, "a").add_edge("a", "b"));
    check(
        graph,
        expect![[r#"
            run outcome=done
              superstep superstep=1
                task superstep=1 task=a outcome=done
                  attempt attempt=1 outcome=done
              superstep superstep=2
                task superstep=2 task=b outcome=done
                  attempt attempt=1 outcome=done
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_body_says_is_inside_its_attempt() {
    let graph = sound(
        marks(["a"])
            .add_node("b", speak)
            .add_node("c", speak)
            .add_node("d", speak)
            .add_edge(START, ["a", "b", "c"])
            .add_edge(["a", "b", "c"], "d"),
    );
    let said = check(
        graph,
        expect![[r#"
            run outcome=done
              superstep superstep=1
                task superstep=1 task=a outcome=done
                  attempt attempt=1 outcome=done
                task superstep=1 task=b outcome=done
                  attempt attempt=1 outcome=done
                    "b begins"
                    "b ends"
                task superstep=1 task=c outcome=done
                  attempt attempt=1 outcome=done
                    "c begins"
                    "c ends"
              superstep superstep=2
                task superstep=2 task=d outcome=done
                  attempt attempt=1 outcome=done
                    "d begins"
                    "d ends"
        "#]],
    )
    .await;
    let run = said.span("run", "graph", "test").fields;
    assert!(run["run_id"].starts_with("test-"), "{run:?}");
    assert_eq!(run["supersteps"], "2");
    assert_eq!(run["otel.name"], "invoke_agent test");
    assert_eq!(run["gen_ai.operation.name"], "invoke_agent");
    assert_eq!(run["gen_ai.agent.name"], "test");
    let task = said.span("task", "task", "d").fields;
    assert_eq!(task["otel.name"], "d");
    assert_eq!(task["attempts"], "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_on_other_threads_go_to_the_runs_own_subscriber() {
    let (collected, _guard) = Collected::here();
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_worker(SENT, async |_: u32, ctx: Ctx| {
                std::hint::black_box((0..10_000_u64).fold(0, |a, b| a ^ b));
                speak(ctx).await
            })
            .add_conditional_edges(
                START,
                |_: &Trace| (0..64).map(|n| SENT.send(n)).collect::<Vec<_>>(),
                [SENT],
            ),
    );
    let run = graph.invoke(Trace::update());
    // Where it is polled from is not where its tasks are.
    let run = run.await.unwrap();
    assert_eq!(run.state.sum, 64);
    for n in 0..64 {
        let task = collected.span("task", "task", &format!("sent/{n}"));
        assert_eq!(task.fields["outcome"], "done");
    }
    let tree = collected.tree(&["task"]);
    assert_eq!(tree.matches("      \"sent/").count(), 128, "{tree}");
    assert!(!tree.contains("OPEN"), "{tree}");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_a_span_and_so_is_the_fallback() {
    let fails = async |_: View<Trace>| Err::<TraceUpdate, NodeError>(oops());
    let slow = async |_: View<Trace>| tokio::time::sleep(Duration::from_secs(9)).await;
    let graph = sound(
        marks(["z"])
            .add_node("bad", node(fails).retry(Retry::attempts(2)).on_error(mark))
            .add_node("slow", node(slow).timeout(Duration::from_secs(1)))
            .add_edge(START, "bad")
            .add_edge("bad", "slow")
            .add_edge("slow", "z"),
    );
    let said = check(
        graph,
        expect![[r#"
            run outcome=failed error=node `slow` failed in superstep 2, attempt 1: it took longer than its timeout of 1s
              superstep superstep=1
                task superstep=1 task=bad fallback=true outcome=done
                  attempt attempt=1 outcome=failed error=oops
                  attempt attempt=2 outcome=failed error=oops
                  attempt attempt=2 fallback=true outcome=done
              superstep superstep=2
                task superstep=2 task=slow outcome=failed error=it took longer than its timeout of 1s
                  attempt attempt=1 outcome=failed error=it took longer than its timeout of 1s
        "#]],
    )
    .await;
    let task = said.span("task", "task", "slow").fields;
    assert_eq!(task["error.type"], "timeout");
    assert_eq!(task["otel.status_code"], "ERROR");
    assert_eq!(
        task["otel.status_description"],
        "it took longer than its timeout of 1s"
    );
    assert_eq!(
        said.span("run", "graph", "test").fields["error.type"],
        "node"
    );
    assert_eq!(said.span("task", "task", "bad").fields["attempts"], "2");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_in_a_row_and_beside_others() {
    #[expect(unreachable_code, reason = "it panics")]
    async fn panics(_: View<Trace>) -> TraceUpdate {
        panic!("ouch");
        Trace::update()
    }
    let alone = sound(
        StateGraph::<Trace>::new("test")
            .add_node("bad", panics)
            .add_edge(START, "bad"),
    );
    let said = check(
        alone,
        expect![[r#"
            run outcome=failed error=node `bad` failed in superstep 1, attempt 1: it panicked: ouch
              superstep superstep=1
                task superstep=1 task=bad outcome=failed error=it panicked: ouch
                  attempt attempt=1 outcome=failed error=it panicked: ouch
        "#]],
    )
    .await;
    assert_eq!(
        said.span("task", "task", "bad").fields["error.type"],
        "panic"
    );
    let graph = marks(["a"])
        .add_node("bad", panics)
        .add_edge(START, ["a", "bad"]);
    check(
        sound(graph),
        expect![[r#"
            run outcome=failed error=node `bad` failed in superstep 1, attempt 1: it panicked: ouch
              superstep superstep=1
                task superstep=1 task=a outcome=done
                  attempt attempt=1 outcome=done
                task superstep=1 task=bad outcome=failed error=it panicked: ouch
                  attempt attempt=1 outcome=failed error=it panicked: ouch
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_graph_that_is_a_node_is_a_run_in_an_attempt() {
    let inner = StateGraph::<Trace>::new("inner").add_node("draft", mark);
    let inner = sound(inner.add_edge(START, "draft"));
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("review", inner)
            .add_edge(START, "review"),
    );
    let said = check(
        graph,
        expect![[r#"
            run outcome=done
              superstep superstep=1
                task superstep=1 task=review outcome=done
                  attempt attempt=1 outcome=done
                    run outcome=done
                      superstep superstep=1
                        task superstep=1 task=draft outcome=done
                          attempt attempt=1 outcome=done
        "#]],
    )
    .await;
    let inner = said.span("run", "graph", "inner").fields;
    let outer = said.span("run", "graph", "test").fields;
    assert_eq!(inner["path"], "review/0");
    assert_eq!(inner["run_id"], outer["run_id"]);
    assert_eq!(
        said.span("task", "task", "draft").fields["path"],
        "review/0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_on_a_thread_says_which_and_a_question_is_no_error() {
    let ask = async |_: View<Trace>, ctx: Ctx| -> NodeResult<TraceUpdate> {
        let n: i64 = ctx.interrupt("limit", ())?;
        Ok(Trace::update().n(n))
    };
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("approve", ask)
            .add_edge(START, "approve")
            .checkpointer(MemoryCheckpointer::new()),
    );
    let (collected, guard) = Collected::here();
    let run = graph.invoke(Trace::update()).run_id("seven");
    run.thread("order-17").await.unwrap();
    expect![[r#"
        run outcome=interrupted
          superstep superstep=1
            task superstep=1 task=approve outcome=paused
              attempt attempt=1 outcome=paused
    "#]]
    .assert_eq(&collected.tree(&SHOWN));
    let run = collected.span("run", "run_id", "seven").fields;
    assert_eq!(run["thread"], "order-17");
    assert_eq!(run["gen_ai.conversation.id"], "order-17");
    drop(guard);

    let (collected, _guard) = Collected::here();
    graph.resume(3).thread("order-17").await.unwrap();
    expect![[r#"
        run outcome=done
          superstep superstep=1
            task superstep=1 task=approve outcome=done
              attempt attempt=1 outcome=done
    "#]]
    .assert_eq(&collected.tree(&SHOWN));
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_was_cancelled() {
    let slow = || {
        marks(["a"])
            .add_node("slow", speak)
            .add_edge(START, ["a", "slow"])
    };
    let (collected, guard) = Collected::here();
    let run = sound(slow()).invoke(Trace::update());
    let ended = tokio::time::timeout(Duration::ZERO, run).await;
    assert!(ended.is_err());
    // What was spawned is dropped when its thread has a turn.
    tokio::task::yield_now().await;
    let cancelled = expect![[r#"
        run outcome=cancelled
          superstep superstep=1
            task superstep=1 task=a outcome=done
              attempt attempt=1 outcome=done
            task superstep=1 task=slow outcome=cancelled
              attempt attempt=1 outcome=cancelled
                "slow begins"
    "#]];
    cancelled.assert_eq(&collected.tree(&SHOWN));
    drop(guard);

    let (collected, _guard) = Collected::here();
    let control = RunControl::new();
    let run = sound(slow());
    let run = run.invoke(Trace::update()).control(&control);
    let (ended, ()) = tokio::join!(run, async { control.cancel() });
    ended.unwrap_err();
    cancelled.assert_eq(&collected.tree(&SHOWN));
}

#[cfg(feature = "cache")]
#[tokio::test(start_paused = true)]
async fn what_was_known_has_no_attempt() {
    let policy = superstep::CachePolicy::new(|state: &Trace| state.n);
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", node(mark).cache(policy))
            .add_edge(START, "a")
            .cache(superstep::MemoryCache::new()),
    );
    graph.invoke(Trace::update()).await.unwrap();
    check(
        graph,
        expect![[r#"
            run outcome=done
              superstep superstep=1
                task superstep=1 task=a outcome=cached
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_watched_run_has_one_name_in_events_and_spans() {
    let (collected, _guard) = Collected::here();
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let mut events = graph.invoke(Trace::update()).stream();
    let run = events.next().await.unwrap().run().clone();
    events.finish().await.unwrap();
    let span = collected.span("run", "run_id", &run);
    assert_eq!(span.fields["outcome"], "done");
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_runs_still_gets_what_bodies_say() {
    use tracing_subscriber::layer::{Layer, SubscriberExt};

    let collected = Collected::default();
    let wanted = collected
        .clone()
        .with_filter(tracing_subscriber::filter::filter_fn(|metadata| {
            metadata.target() != "superstep"
        }));
    let subscriber = tracing_subscriber::registry().with(wanted);
    let _guard = tracing::subscriber::set_default(subscriber);
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", speak)
            .add_edge(START, "a"),
    );
    graph.invoke(Trace::update()).await.unwrap();
    assert_eq!(collected.tree(&SHOWN), "\"a begins\"\n\"a ends\"\n");
}
