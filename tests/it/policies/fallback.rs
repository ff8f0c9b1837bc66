//! Rule 9: what takes the place of a node that has failed for good.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{MemoryCheckpointer, NodeError, OnFailure, Status};
use tokio::time::{Instant, sleep};

use super::{Attempts, attempts};
use crate::common::{
    Alive, Trace, TraceUpdate, chain, error_of, mark, marks, oops, ran, sound, within_a_day,
};

async fn fails(_: View<Trace>) -> NodeResult<TraceUpdate> {
    Err(oops())
}

/// A fallback that says what it was called for.
async fn tells(ctx: Ctx) -> TraceUpdate {
    let failure = ctx.failure().expect("a fallback is told of a failure");
    let what = match (failure.is_timeout(), failure.is_panic()) {
        (true, _) => "timeout",
        (_, true) => "panic",
        _ => "error",
    };
    let attempts = failure.attempts();
    Trace::update().log(format!(
        "{}: {what} after {attempts}: {failure}",
        ctx.task()
    ))
}

#[tokio::test]
async fn edges_routes_and_joins_are_followed_as_if_the_node_had_succeeded() {
    let graph = marks(["b", "edge", "join", "route", "goto"])
        .add_node(
            "a",
            node(fails).on_error(async |_: View<Trace>| {
                Command::update(Trace::update().n(7)).goto("goto")
            }),
        )
        .add_edge(START, ["a", "b"])
        .add_edge("a", "edge")
        .add_edge(["a", "b"], "join")
        // It sees what the fallback wrote.
        .add_conditional_edges(
            "a",
            |state: &Trace| (state.n == 7).then_some("route"),
            ["route"],
        );
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | edge goto join route");
    assert_eq!(run.state.n, 7);
}

#[tokio::test(start_paused = true)]
async fn it_is_called_once_when_the_retries_are_used_up() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let body = async |ctx: Ctx<Attempts>| {
        assert!(ctx.failure().is_none(), "an attempt is no fallback");
        Err::<(), _>(NodeError::msg(format!("attempt {} failed", ctx.note())))
    };
    let handler = move |ctx: Ctx<Attempts>| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            let failure = ctx.failure().cloned().expect("there is one");
            assert_eq!((failure.attempts(), ctx.attempt()), (3, 3));
            assert_eq!(failure.to_string(), "attempt 3 failed");
            Trace::update().n(1)
        }
    };
    let policies = node(body)
        .on_error(handler)
        .retry(Retry::attempts(3).delay(Duration::from_secs(1)));
    let graph = StateGraph::<Trace, Attempts>::new("tired")
        .add_node("a", policies)
        .add_edge(START, "a");
    let (result, seconds) = attempts(graph).await;
    assert_eq!(result.unwrap(), 1);
    assert_eq!(seconds, [0.0, 1.0, 3.0]);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_told_how_the_node_failed() {
    let source = || std::io::Error::other("io");
    let permanent = NodeError::permanent;
    let late = Duration::from_secs(99);
    let graph = StateGraph::<Trace>::new("told")
        .add_node(
            "chain",
            node(async |_: View<Trace>| Err::<(), _>(Outer)).on_error(tells),
        )
        .add_node(
            "panic",
            node(async |ctx: Ctx| -> TraceUpdate { panic!("{} panics", ctx.node()) })
                .on_error(tells),
        )
        .add_node(
            "permanent",
            node(move |_: View<Trace>| async move { Err::<(), _>(permanent(source())) })
                .retry(Retry::attempts(3))
                .on_error(tells),
        )
        .add_node(
            "timeout",
            node(async |_: View<Trace>| pending::<()>().await)
                .timeout(Duration::from_secs(7))
                .on_error(tells),
        )
        .add_node(
            "wait",
            node(move |_: View<Trace>| async move {
                Err::<(), _>(NodeError::retry_after("busy", late))
            })
            .retry(Retry::attempts(3))
            .on_error(tells),
        )
        .add_edge(START, ["chain", "panic", "permanent", "timeout", "wait"]);
    let run = within_a_day(sound(graph).invoke(Trace::update()))
        .await
        .unwrap();
    assert_eq!(
        run.state.log,
        [
            "chain: error after 1: outer: inner",
            "panic: panic after 1: it panicked: panic panics",
            "permanent: error after 1: io",
            "timeout: timeout after 1: it took longer than its timeout of 7s",
            "wait: error after 1: it asks to wait 99s before the next attempt, \
             longer than the 60s that are waited at most: busy",
        ]
    );
}

#[derive(Debug)]
struct Outer;

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        static INNER: std::sync::LazyLock<std::io::Error> =
            std::sync::LazyLock::new(|| std::io::Error::other("inner"));
        Some(&*INNER)
    }
}

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outer")
    }
}

#[tokio::test]
async fn a_workers_fallback_is_given_what_was_sent() {
    const WORK: Worker<String> = Worker::new("work");
    let body = async |text: String| match &*text {
        "good" => Ok(Trace::update().log(text)),
        _ => Err(oops()),
    };
    let handler = async |text: String, ctx: Ctx| {
        let failure = ctx.failure().expect("there is one");
        Trace::update().log(format!("not {text}: {failure}"))
    };
    for retry in [Retry::attempts(1), Retry::attempts(2).delay(Duration::ZERO)] {
        let graph = marks(["z"])
            .add_worker(WORK, node(body).on_error(handler).retry(retry))
            .add_conditional_edges(
                START,
                |_: &Trace| ["bad", "good", "ugly"].map(|text| WORK.send(text.into())),
                [WORK],
            )
            .add_edge(WORK, "z");
        let run = sound(graph).invoke(Trace::update()).await.unwrap();
        assert_eq!(
            run.state.log,
            ["not bad: oops", "good", "not ugly: oops", "z"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn siblings_of_a_node_with_a_fallback_are_not_cancelled() {
    for on_failure in [OnFailure::Stop, OnFailure::Finish] {
        let slow = async |_: View<Trace>| {
            sleep(Duration::from_secs(1)).await;
            Trace::update().log("slow")
        };
        let graph = marks(["z"])
            .add_node("a", node(fails).on_error(tells))
            .add_node("b", slow)
            .add_edge(START, ["a", "b"])
            .add_edge(["a", "b"], "z")
            .on_failure(on_failure);
        let run = sound(graph).invoke(Trace::update()).await.unwrap();
        assert_eq!(run.state.log, ["a: error after 1: oops", "slow", "z"]);
    }
}

#[tokio::test]
async fn a_fallback_that_fails_fails_the_task_and_both_are_told() {
    let also = async |_: View<Trace>| Err::<(), _>(std::io::Error::other("no cache"));
    let graph = marks([])
        .add_node("a", node(fails).on_error(also))
        .add_edge(START, "a");
    let error = error_of(graph).await;
    assert_eq!(
        chain(&error),
        [
            "node `a` failed in superstep 1, attempt 1",
            "its fallback, called for `oops`, failed",
            "no cache"
        ]
    );
    assert_eq!(
        error.help(),
        "mend the fallback of `a`, or what it was called for"
    );

    let panics = async |_: View<Trace>| -> TraceUpdate { panic!("worse") };
    let graph = marks([])
        .add_node("a", node(fails).on_error(panics))
        .add_edge(START, "a");
    assert_eq!(chain(&error_of(graph).await)[2..], ["it panicked: worse"]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_not_tried_again() {
    let body = async |_: View<Trace>| Err::<(), _>(NodeError::permanent("no key"));
    let handler = async |ctx: Ctx<Attempts>| {
        ctx.note();
        Err::<(), _>(oops())
    };
    let policed = node(body).on_error(handler).retry(Retry::attempts(3));
    let graph = StateGraph::<Trace, Attempts>::new("once")
        .add_node("a", policed)
        .add_edge(START, "a");
    let (result, seconds) = attempts(graph).await;
    assert_eq!(
        chain(&result.unwrap_err())[1..],
        ["its fallback, called for `no key`, failed", "oops"]
    );
    assert_eq!(seconds, [0.0]);
}

#[tokio::test(start_paused = true)]
async fn the_nodes_timeouts_hold_for_its_fallback() {
    let hang = async |ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        pending::<()>().await;
    };
    let graph = StateGraph::<Trace, Alive>::new("slow")
        .add_node(
            "a",
            node(hang).on_error(hang).timeout(Duration::from_secs(7)),
        )
        .add_edge(START, "a");
    let (alive, begin) = (Alive::default(), Instant::now());
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    let error = within_a_day(run).await.unwrap_err();
    assert_eq!(
        chain(&error)[1..],
        [
            "its fallback, called for `it took longer than its timeout of 7s`, failed",
            "it took longer than its timeout of 7s"
        ]
    );
    assert_eq!(begin.elapsed(), Duration::from_secs(14));
    assert_eq!((alive.now(), alive.ever()), (0, 2));
}

#[tokio::test]
async fn a_transcript_shows_that_a_fallback_was_called() {
    let graph = marks(["b"])
        .add_node("a", node(fails).on_error(mark))
        .add_edge(START, "a")
        .add_edge("a", "b");
    let transcript = sound(graph).invoke(Trace::update()).transcript().await;
    insta::assert_snapshot!(transcript, @r#"
    graph test
    input {}
      -> a

    superstep 1
      a
        falls back
        writes {"log":["a"]}
        -> b
      merge
        log (Append): a

    superstep 2
      b
        writes {"log":["b"]}
      merge
        log (Append): b

    done after 2 supersteps
    state
      log: ["a","b"]
      n: 0
      sum: 0
    "#);
    let tasks = |n: usize| &transcript.supersteps[n].tasks[0];
    assert!(tasks(0).fallback && !tasks(1).fallback);
    let data = serde_json::to_value(&transcript).unwrap();
    assert_eq!(data["supersteps"][0]["tasks"][0]["fallback"], true);
    assert!(data["supersteps"][1]["tasks"][0].get("fallback").is_none());
}

#[tokio::test]
async fn a_question_is_no_failure_and_a_fallback_may_ask_one() {
    let asks = async |ctx: Ctx| {
        let answer: String = ctx.interrupt("what", 1)?;
        NodeResult::Ok(Trace::update().log(answer))
    };
    let never = async |_: View<Trace>| -> TraceUpdate { panic!("it is not called") };
    let graph = |asking: bool| {
        let builder = marks(["z"]).add_edge(START, "a").add_edge("a", "z");
        let builder = match asking {
            true => builder.add_node("a", node(asks).on_error(never)),
            false => builder.add_node("a", node(fails).on_error(asks)),
        };
        sound(builder.checkpointer(MemoryCheckpointer::new()))
    };
    for asking in [true, false] {
        let graph = graph(asking);
        let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
        assert_eq!(run.status, Status::Interrupted);
        assert_eq!(run.interrupts()[0].id, "a/0/what");
        let run = graph.resume("yes").thread("t").await.unwrap();
        assert_eq!(run.state.log, ["yes", "z"]);
    }
    // Where there is no thread to wait on, that is told as it is.
    let graph = marks([])
        .add_node("a", node(asks).on_error(never))
        .add_edge(START, "a");
    assert!(chain(&error_of(graph).await)[1].starts_with("question `what` cannot be asked"));
}

#[tokio::test]
async fn on_a_thread_what_a_fallback_returned_is_kept_and_not_done_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = move |_: View<Trace>| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move { Trace::update().log(format!("fallback {number}")) }
    };
    let twice = Arc::new(AtomicUsize::new(0));
    let fails_first = move |_: View<Trace>| {
        let first = twice.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Err(oops()) } else { Ok(()) } }
    };
    let graph = marks(["z"])
        .add_node("a", node(fails).on_error(handler))
        .add_node("b", fails_first)
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "z")
        .on_failure(OnFailure::Finish);
    let graph = sound(graph.checkpointer(MemoryCheckpointer::new()));
    let failed = graph.invoke(Trace::update()).thread("t").await;
    assert_eq!(failed.unwrap_err().code(), "node");
    let transcript = graph.proceed().thread("t").transcript().await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let a = &transcript.supersteps[0].tasks[0];
    assert_eq!((&*a.task, a.fallback), ("a", true), "what was kept says so");
    let state = graph.thread("t").state().await.unwrap();
    assert_eq!(state.values.log, ["fallback 0", "z"]);
}

#[tokio::test]
async fn a_fallback_can_be_called_in_a_test() {
    let ctx = Ctx::new(()).with_failure("no answer");
    let failure = ctx.failure().expect("it was given");
    assert_eq!(
        (failure.to_string().as_str(), failure.attempts()),
        ("no answer", 1)
    );
    let ctx = Ctx::new(())
        .with_failure("no answer")
        .with_answer("sure", true);
    assert!(ctx.interrupt::<bool>("sure", 1).unwrap());
    assert!(ctx.failure().is_some());
    let ctx = Ctx::new(())
        .with_answer("sure", true)
        .with_failure("no answer");
    assert!(ctx.interrupt::<bool>("sure", 1).unwrap());
    assert!(Ctx::new(()).failure().is_none());
}
