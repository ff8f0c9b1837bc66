//! Joins on threads: what is kept, and what a run does that goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, Join, MemoryCheckpointer, Status};
use tokio::time::{Instant, sleep, timeout};

use super::{Does, Fails, Says, act, see};
use crate::common::{Trace, TraceUpdate, oops, ran, sound};

const T: &str = "t";

/// How often each node of a graph began.
#[derive(Clone, Default)]
struct Begun(Arc<[AtomicUsize; 4]>);

impl Begun {
    fn of(&self) -> [usize; 4] {
        std::array::from_fn(|at| self.0[at].load(Ordering::SeqCst))
    }
}

/// Nodes that are counted, and `t`.
fn counted<const N: usize>(nodes: [(&'static str, Does); N], begun: &Begun) -> StateGraph<Trace> {
    let graph = StateGraph::new("test")
        .add_node("t", see)
        .checkpointer(MemoryCheckpointer::new());
    let numbered = nodes.into_iter().enumerate();
    numbered.fold(graph, |graph, (at, (name, does))| {
        let begun = begun.clone();
        graph.add_node(name, move |ctx: Ctx| {
            begun.0[at].fetch_add(1, Ordering::SeqCst);
            act(does, ctx)
        })
    })
}

/// Drops a run after so many seconds.
async fn crash(graph: &Graph<Trace>, seconds: u64) {
    let run = graph.invoke(Trace::update()).thread(T);
    let crashed = timeout(Duration::from_secs(seconds), run).await;
    assert!(crashed.is_err(), "it is still at work: {crashed:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_winner_is_the_same_and_losers_do_not_run_again() {
    let begun = Begun::default();
    let sources = [
        ("a", Says(60)),
        ("b", Says(1)),
        ("c", Says(60)),
        ("x", Says(30)),
    ];
    let graph = sound(
        counted(sources, &begun)
            .add_edge(START, ["a", "b", "c", "x"])
            .add_join(["a", "b", "c"], "t", Join::first()),
    );
    crash(&graph, 10).await;
    assert_eq!(begun.of(), [1, 1, 1, 1]);
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(begun.of(), [1, 1, 1, 2], "only `x` had not ended");
    let seen = "t: a cancelled, b done, c cancelled";
    assert_eq!(run.state.log, ["b", "x", seen]);
}

#[tokio::test(start_paused = true)]
async fn what_had_come_before_a_crash_counts() {
    let begun = Begun::default();
    let sources = [
        ("a", Says(1)),
        ("b", Fails(2)),
        ("c", Says(60)),
        ("d", Says(30)),
    ];
    let graph = sound(
        counted(sources, &begun)
            .add_edge(START, ["a", "b", "c", "d"])
            .add_join(
                ["a", "b", "c", "d"],
                "t",
                Join::quorum(2).cancel_rest().require("d"),
            ),
    );
    crash(&graph, 10).await;
    let begin = Instant::now();
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(30));
    assert_eq!(begun.of(), [1, 1, 2, 2]);
    let seen = "t: a done, b failed: oops, c cancelled, d done";
    assert_eq!(run.state.log, ["a", "d", seen]);
}

#[tokio::test(start_paused = true)]
async fn what_had_come_late_before_a_crash_is_late() {
    let build = || {
        // `b` is not dropped, since it leads elsewhere, too.
        let sources = [
            ("a", Says(60)),
            ("b", Says(8)),
            ("l", Says(1)),
            ("x", Says(30)),
        ];
        let within = Join::settled().within(Duration::from_secs(5));
        sound(
            counted(sources, &Begun::default())
                .add_edge(START, ["a", "b", "x"])
                .add_edge("b", "l")
                .add_join(["a", "b"], "t", within),
        )
    };
    let undisturbed = build().invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(undisturbed.state.log[3], "t: a timed out, b timed out");
    let graph = build();
    crash(&graph, 10).await;
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(run.state.log, undisturbed.state.log);
}

#[tokio::test(start_paused = true)]
async fn open_joins_outlast_the_process() {
    let begun = Begun::default();
    let sources = [
        ("a", Says(1)),
        ("b", Says(1)),
        ("x", Fails(1)),
        ("y", Says(1)),
    ];
    let graph = sound(
        counted(sources, &begun)
            .add_edge(START, ["a", "x", "y"])
            .add_edge("y", "b")
            .add_join(["a", "b", "x"], "t", Join::settled())
            .interrupt_before(["b", "t"]),
    );
    let stopped = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(stopped.status, Status::Interrupted);
    // What is kept can be read again, too.
    let stored = graph.thread(T).export().await.unwrap();
    assert!(stored.contains("failed"), "{stored}");
    let stopped = graph.proceed().thread(T).await.unwrap();
    assert_eq!(stopped.status, Status::Interrupted);
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(run.state.log[3], "t: a done, b done, x failed: oops");
    assert_eq!(begun.of(), [1, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_is_kept() {
    let begun = Begun::default();
    let sources = [("a", Says(1)), ("b", Says(1)), ("x", Says(1))];
    let graph = sound(
        counted(sources, &begun)
            .add_edge(START, ["a", "x"])
            .add_edge("x", "b")
            .add_join(["a", "b"], "t", Join::quorum(1))
            .interrupt_before("b"),
    );
    let stopped = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(stopped.status, Status::Interrupted);
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(ran(&run), "b t", "`t` does not run again");
    assert_eq!(run.state.log, ["a", "x", "b", "t: a done"]);
}

#[tokio::test(start_paused = true)]
async fn what_came_to_a_deferred_target_is_kept() {
    let begun = Begun::default();
    let graph = sound(
        counted([("a", Says(1)), ("b", Fails(1)), ("x", Says(1))], &begun)
            .add_node("late", node(see).defer())
            .add_edge(START, ["a", "b", "x"])
            .add_edge("x", "t")
            .add_join(["a", "b"], "late", Join::settled())
            .interrupt_before("t"),
    );
    let stopped = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(stopped.status, Status::Interrupted);
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(run.state.log[3], "t: a done, b failed: oops");
}

/// A node that asks, and says what was answered.
async fn asks(ctx: Ctx) -> NodeResult<TraceUpdate> {
    let answer: String = ctx.interrupt("which", ())?;
    Ok(Trace::update().log(answer))
}

#[tokio::test(start_paused = true)]
async fn a_source_that_asks_is_waited_for() {
    let graph = sound(
        counted([("b", Fails(1))], &Begun::default())
            .add_node("a", asks)
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "t", Join::settled()),
    );
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    assert_eq!(run.interrupts()[0].id, "a/0/which");
    let run = graph.resume("this").thread(T).await.unwrap();
    assert_eq!(run.state.log, ["this", "t: a done, b failed: oops"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_of_which_the_join_has_closed_is_gone() {
    for seconds in [0, 1] {
        // It asks before the other wins, and after.
        let ask = move |ctx: Ctx| async move {
            sleep(Duration::from_secs(2 * seconds)).await;
            asks(ctx).await
        };
        let graph = sound(
            counted([("b", Says(1)), ("x", Says(3))], &Begun::default())
                .add_node("a", ask)
                .add_edge(START, ["a", "b", "x"])
                .add_join(["a", "b"], "t", Join::first()),
        );
        let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
        assert_eq!(run.status, Status::Done);
        assert_eq!(run.state.log, ["b", "x", "t: a cancelled, b done"]);
        assert!(graph.thread(T).state().await.unwrap().interrupts.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_win() {
    let graph = sound(
        counted([("b", Fails(1)), ("c", Says(60))], &Begun::default())
            .add_node("a", asks)
            .add_node("other", asks)
            .add_edge(START, ["a", "b", "other"])
            .add_edge("other", "c")
            .add_join(["a", "b", "c"], "t", Join::first()),
    );
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(run.interrupts().len(), 2);
    let run = graph.resume_with([("a/0/which", "this")]).thread(T).await;
    let run = run.unwrap();
    assert_eq!(
        run.status,
        Status::Done,
        "nobody waits for the other answer"
    );
    assert_eq!(
        run.state.log,
        ["this", "t: a done, b failed: oops, c cancelled"]
    );
}

#[tokio::test(start_paused = true)]
async fn time_begins_anew_when_a_thread_is_resumed() {
    let graph = sound(
        counted([("b", Says(4)), ("c", Says(60))], &Begun::default())
            .add_node("a", asks)
            .add_edge(START, ["a", "b"])
            .add_edge("b", "c")
            .add_join(
                ["a", "c"],
                "t",
                Join::settled().within(Duration::from_secs(5)),
            ),
    );
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    sleep(Duration::from_secs(1000)).await;
    let begin = Instant::now();
    let run = graph.resume("this").thread(T).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
    assert_eq!(run.state.log, ["this", "b", "t: a done, c timed out"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_join_s_error_what_failed_runs_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted_calls = Arc::clone(&calls);
    let graph = sound(
        counted([("b", Says(1))], &Begun::default())
            .add_node("a", move |_: View<Trace>| {
                let call = counted_calls.fetch_add(1, Ordering::SeqCst);
                async move {
                    match call {
                        0 => Err(oops()),
                        _ => Ok(Trace::update().log("a")),
                    }
                }
            })
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "t", Join::quorum(2)),
    );
    let error = graph.invoke(Trace::update()).thread(T).await.unwrap_err();
    assert_eq!(error.code(), "join");
    let finished = graph.thread(T).state().await.unwrap().finished;
    assert_eq!(finished.len(), 1, "`b` has: {finished:?}");
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(run.state.log, ["a", "b", "t: a done, b done"]);
}

#[tokio::test(start_paused = true)]
async fn acting_as_a_source_is_an_arrival() {
    let graph = sound(
        counted([("a", Says(1)), ("b", Says(1))], &Begun::default())
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "t", Join::settled())
            .interrupt_before(["a", "t"]),
    );
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    let thread = graph.thread(T);
    let snapshot = thread.update(Trace::update().log("by hand")).as_node("a");
    assert_eq!(snapshot.await.unwrap().next, ["t"]);
    let stopped = graph.proceed().thread(T).await.unwrap();
    assert_eq!(stopped.status, Status::Interrupted);
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(run.state.log, ["by hand", "t: a done, b skipped"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_what_was_asked_for_is_no_failure_of_the_source() {
    let store = MemoryCheckpointer::new();
    // As in another process: what was asked for is known only when it is asked.
    let graph = || {
        let graph = StateGraph::<Trace>::new("test")
            .add_node("t", see)
            .add_node("a", asks)
            .add_edge(START, "a")
            .add_join("a", "t", Join::settled())
            .checkpointer(store.clone());
        sound(graph)
    };
    let run = graph().invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    let error = graph().resume(17).thread(T).await.unwrap_err();
    assert_eq!(error.code(), "answer");
    let run = graph().resume("this").thread(T).await.unwrap();
    assert_eq!(run.state.log, ["this", "t: a done"]);
}

#[tokio::test(start_paused = true)]
async fn a_deferred_target_that_somebody_acted_as_can_be_led_to_again() {
    let again = |state: &Trace| match state.log.len() {
        4 => vec!["a", "b"],
        _ => vec![],
    };
    let sources = [("a", Says(1)), ("b", Says(1)), ("x", Says(1))];
    let graph = sound(
        counted(sources, &Begun::default())
            .add_node("late", node(see).defer())
            .add_edge(START, ["a", "b", "x"])
            .add_edge("x", "t")
            .add_join(["a", "b"], "late", Join::settled())
            .add_conditional_edges("late", again, ["a", "b"])
            .interrupt_before("t"),
    );
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    let thread = graph.thread(T);
    let acted = thread
        .update(Trace::update().log("by hand"))
        .as_node("late");
    assert_eq!(acted.await.unwrap().next, ["a", "b"]);
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!(ran(&run), "a b | late");
    assert_eq!(run.state.log[6], "t: a done, b done");
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_join_whose_time_was_over_is_the_same() {
    let sources = [
        ("a", Says(100)),
        ("b", Says(1)),
        ("c", Says(500)),
        ("d", Says(1)),
    ];
    let within = |seconds| Join::settled().within(Duration::from_secs(seconds));
    let graph = sound(
        counted(sources, &Begun::default())
            .add_edge(START, ["a", "b", "c", "d"])
            .add_join(["a", "b"], "t", within(1000))
            .add_join(["c", "d"], "t", within(5)),
    );
    crash(&graph, 20).await;
    let run = graph.proceed().thread(T).await.unwrap();
    let seen = "t: a done, b done, c timed out, d done";
    assert_eq!(run.state.log, ["a", "b", "d", seen]);
}
