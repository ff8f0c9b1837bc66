//! What each kind of join waits for, with all sources in one superstep.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Arrival, Join, OnFailure, RunError};
use tokio::time::sleep;

use super::{Fails, Panics, Says, error_of, fan, nodes, run_of, said, see, timed};
use crate::common::{Alive, Trace, TraceUpdate, chain, mark, marks, oops, ran, sound};

const WORK: Worker<u64> = Worker::new("work");

/// A worker that fails for odd numbers, after as many seconds.
async fn even(n: u64) -> NodeResult<TraceUpdate> {
    sleep(Duration::from_secs(n)).await;
    match n % 2 {
        0 => Ok(Trace::update().log(format!("{n}"))),
        _ => Err(oops()),
    }
}

/// The worker's tasks, one for each number, into one join.
fn work_into(numbers: &'static [u64], join: Join) -> StateGraph<Trace> {
    marks([])
        .add_node("t", see)
        .add_worker(WORK, even)
        .add_conditional_edges(
            START,
            |_: &Trace| numbers.iter().map(|&n| WORK.send(n)).collect::<Vec<_>>(),
            WORK,
        )
        .add_join(WORK, "t", join)
}

#[tokio::test(start_paused = true)]
async fn all_is_what_an_edge_does() {
    let graph = fan([("a", Says(1)), ("b", Says(2))], Join::all());
    let edges = sound(
        nodes([("a", Says(1)), ("b", Says(2))])
            .add_edge(START, ["a", "b"])
            .add_edge(["a", "b"], "t"),
    );
    let input = Trace::update;
    let (one, other) = (graph.invoke(input()), edges.invoke(input()));
    assert_eq!(one.transcript().await, other.transcript().await);
    assert_eq!(graph.to_svg(), edges.to_svg());
    let failing = fan([("a", Fails(1)), ("b", Says(2))], Join::all());
    let error = run_of(&failing).await.unwrap_err();
    assert_eq!(error.code(), "node");
}

#[tokio::test(start_paused = true)]
async fn failures_reach_the_target_of_settled_as_data() {
    let graph = fan([("a", Says(1)), ("b", Fails(2))], Join::settled());
    assert_eq!(said(&graph).await, ["a", "t: a done, b failed: oops"]);
    let graph = fan([("a", Panics), ("b", Says(2))], Join::settled());
    assert_eq!(
        said(&graph).await,
        ["b", "t: a failed: it panicked: ouch, b done"]
    );
}

#[tokio::test(start_paused = true)]
async fn settled_fires_even_if_all_have_failed() {
    let graph = fan([("a", Fails(1)), ("b", Fails(0))], Join::settled());
    assert_eq!(said(&graph).await, ["t: a failed: oops, b failed: oops"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_success_cancels_the_others() {
    let sources = [("a", Says(60)), ("b", Says(1)), ("c", Fails(0))];
    let graph = fan(sources, Join::first());
    let said = vec![
        "b".to_owned(),
        "t: a cancelled, b done, c failed: oops".to_owned(),
    ];
    assert_eq!(timed(&graph).await, (1, said));
}

#[tokio::test(start_paused = true)]
async fn no_success_at_all_is_an_error_of_the_first() {
    let graph = fan([("a", Fails(1)), ("b", Fails(0))], Join::first());
    let error = run_of(&graph).await.unwrap_err();
    assert_eq!(error.code(), "join");
    assert_eq!(
        chain(&error),
        [
            "the join into `t` waits for a success, and there can be none (superstep 1)",
            "`a` failed: oops; `b` failed: oops"
        ]
    );
    let RunError::Join {
        target, arrivals, ..
    } = error
    else {
        panic!("it is the join's");
    };
    assert_eq!(target, "t");
    assert_eq!(arrivals.get("a"), Some(&Arrival::Failed("oops".into())));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_lost_before_it_begins_never_begins() {
    let alive = Alive::default();
    let entered = alive.clone();
    let graph = sound(
        marks(["a"])
            .add_node("t", see)
            .add_node("b", move |_: View<Trace>| {
                let guard = entered.enter();
                async move { drop(guard) }
            })
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "t", Join::first()),
    );
    assert_eq!(said(&graph).await, ["a", "t: a done, b cancelled"]);
    assert_eq!(alive.ever(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_fires_at_so_many_successes_and_lets_the_rest_go_on() {
    let sources = [("a", Says(1)), ("b", Fails(0)), ("c", Says(2))];
    let graph = fan(sources, Join::quorum(2));
    let all = ["a", "c", "t: a done, b failed: oops, c done"];
    assert_eq!(said(&graph).await, all);
    let sources = [("a", Says(1)), ("b", Says(60)), ("c", Says(2))];
    let graph = fan(sources, Join::quorum(2));
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 60);
    assert_eq!(said, ["a", "b", "c", "t: a done, b done, c done"]);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_may_cancel_the_rest() {
    let sources = [("a", Says(1)), ("b", Says(60)), ("c", Says(2))];
    let graph = fan(sources, Join::quorum(2).cancel_rest());
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 2);
    assert_eq!(said, ["a", "c", "t: a done, b cancelled, c done"]);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_is_out_of_reach_is_an_error() {
    let sources = [("a", Says(1)), ("b", Fails(0)), ("c", Fails(2))];
    assert_eq!(
        error_of(&fan(sources, Join::quorum(2))).await,
        [
            "the join into `t` waits for 2 successes, and there can be 1 at most (superstep 1)",
            "`b` failed: oops; `c` failed: oops"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_required_must_have_succeeded() {
    let sources = [("a", Says(1)), ("b", Fails(2))];
    let graph = fan(sources, Join::settled().require(["a"]));
    assert_eq!(said(&graph).await, ["a", "t: a done, b failed: oops"]);
    assert_eq!(
        error_of(&fan(sources, Join::settled().require(["a", "b"]))).await,
        [
            "the join into `t` requires `b`, which has not succeeded (superstep 1)",
            "`b` failed: oops"
        ]
    );
    // Who was too late has not succeeded either.
    let sources = [("a", Says(1)), ("b", Says(20))];
    let join = Join::first().require("b").within(Duration::from_secs(5));
    assert_eq!(
        error_of(&fan(sources, join)).await[1],
        "`b` did not come in time"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_required_is_waited_for_and_not_cancelled() {
    let sources = [
        ("a", Says(1)),
        ("b", Says(2)),
        ("c", Says(20)),
        ("d", Says(60)),
    ];
    let join = Join::quorum(2).cancel_rest().require("c");
    let (seconds, said) = timed(&fan(sources, join)).await;
    assert_eq!(seconds, 20);
    assert_eq!(said[3], "t: a done, b done, c done, d cancelled");
    let graph = fan(sources, Join::first().require(["b", "c"]));
    assert_eq!(timed(&graph).await.0, 20);
    // If it has come before, the others still count.
    let graph = fan(sources, Join::quorum(3).cancel_rest().require("a"));
    assert_eq!(timed(&graph).await.0, 20);
}

#[tokio::test(start_paused = true)]
async fn what_is_required_is_waited_for_over_supersteps() {
    for join in [Join::first(), Join::quorum(1)] {
        let graph = sound(
            nodes([
                ("a", Says(1)),
                ("x", Says(1)),
                ("b", Says(1)),
                ("c", Says(60)),
            ])
            .add_edge(START, ["a", "x"])
            .add_edge("x", ["b", "c"])
            .add_join(["a", "b", "c"], "t", join.clone().require("b")),
        );
        let run = run_of(&graph).await.unwrap();
        assert_eq!(ran(&run), "a x | b c | t");
        let cancels = join == Join::first();
        let rest = if cancels { "cancelled" } else { "done" };
        let seen = format!("t: a done, b done, c {rest}");
        assert_eq!(run.state.log.last(), Some(&seen));
    }
    // As long as something leads there it can come; then it cannot.
    let to_end = |_: &Trace| -> Vec<&str> { vec![] };
    let graph = sound(
        nodes([("a", Says(1)), ("x", Says(1)), ("b", Says(1))])
            .add_edge(START, ["a", "x"])
            .add_conditional_edges("x", to_end, ["b"])
            .add_join(["a", "b"], "t", Join::first().require("b")),
    );
    let error = error_of(&graph).await;
    assert_eq!(error[1], "`b` was skipped");
}

#[tokio::test(start_paused = true)]
async fn what_can_no_longer_succeed_is_not_waited_for() {
    let sources = [("a", Says(1)), ("b", Fails(2)), ("c", Says(60))];
    let graph = fan(sources, Join::first().require("b"));
    let begin = tokio::time::Instant::now();
    assert_eq!(
        error_of(&graph).await,
        [
            "the join into `t` requires `b`, which has not succeeded (superstep 1)",
            "`b` failed: oops; `c` was cancelled"
        ]
    );
    assert_eq!(begin.elapsed(), Duration::from_secs(2));
    // It can if something else leads there, whatever came of it first.
    let again = |state: &Trace| match state.log.len() {
        0..=2 => vec!["b"],
        _ => vec![],
    };
    let calls = AtomicUsize::new(0);
    let flaky = move |_: View<Trace>| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        async move {
            match call {
                0 => Err(oops()),
                _ => Ok(Trace::update().log("b")),
            }
        }
    };
    let graph = sound(
        nodes([("a", Says(1)), ("x", Says(9)), ("c", Says(20))])
            .add_node("b", flaky)
            .add_edge(START, ["a", "b", "x", "c"])
            .add_conditional_edges("x", again, ["b"])
            .add_join(["a", "b", "c"], "t", Join::first().require("b")),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b c x | b | t");
    assert_eq!(run.state.log[4], "t: a done, b done, c done");
}

#[tokio::test(start_paused = true)]
async fn of_a_required_worker_all_tasks_must_have_succeeded() {
    let join = || Join::quorum(1).cancel_rest().require(WORK);
    let (seconds, said) = timed(&sound(work_into(&[0, 2, 6], join()))).await;
    assert_eq!((seconds, said.len()), (6, 4), "{said:?}");
    let begin = tokio::time::Instant::now();
    let error = error_of(&sound(work_into(&[0, 2, 3, 6], join()))).await;
    assert_eq!(error[1], "`work/2` failed: oops; `work/3` was cancelled");
    assert_eq!(begin.elapsed(), Duration::from_secs(3));
    // That more could be sent changes nothing: one has failed.
    let graph = work_into(&[0, 1], join())
        .add_node("x", mark)
        .add_node("y", mark)
        .add_edge(START, "x")
        .add_edge("x", "y")
        .add_conditional_edges("y", |_: &Trace| WORK.send(0), WORK);
    let error = error_of(&sound(graph)).await;
    assert!(error[0].contains("(superstep 1)"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_leads_elsewhere_too_is_never_cancelled() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(5)), ("x", Says(0))])
            .add_edge(START, ["a", "b"])
            .add_edge("b", "x")
            .add_join(["a", "b"], "t", Join::first()),
    );
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 5);
    assert_eq!(said, ["a", "b", "t: a done, b done", "x"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_source_that_failed_nothing_else_follows() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Fails(5)), ("x", Says(0))])
            .add_edge(START, ["a", "b"])
            .add_edge("b", "x")
            .add_conditional_edges(
                "b",
                |_: &Trace| -> &str { panic!("it is not asked") },
                ["x"],
            )
            .add_join(["a", "b"], "t", Join::settled()),
    );
    assert_eq!(said(&graph).await, ["a", "t: a done, b failed: oops"]);
    // So it is where it runs alone.
    let graph = sound(
        nodes([("b", Fails(5)), ("x", Says(0))])
            .add_edge(START, "b")
            .add_edge("b", "x")
            .add_conditional_edges(
                "b",
                |_: &Trace| -> &str { panic!("it is not asked") },
                ["x"],
            )
            .add_join("b", "t", Join::settled()),
    );
    assert_eq!(said(&graph).await, ["t: b failed: oops"]);
}

#[tokio::test(start_paused = true)]
async fn only_failures_after_all_attempts_count() {
    let tries = |attempts| {
        let flaky = async |ctx: Ctx| match ctx.attempt() {
            1 => Err(oops()),
            _ => Ok(Trace::update().log("b")),
        };
        let policy = Retry::attempts(attempts).delay(Duration::from_secs(1));
        sound(
            marks(["a"])
                .add_node("t", see)
                .add_node("b", node(flaky).retry(policy))
                .add_edge(START, ["a", "b"])
                .add_join(["a", "b"], "t", Join::settled()),
        )
    };
    assert_eq!(said(&tries(2)).await, ["a", "b", "t: a done, b done"]);
    assert_eq!(said(&tries(1)).await, ["a", "t: a done, b failed: oops"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_worker_every_task_counts() {
    let graph = sound(work_into(&[0, 1, 2, 4], Join::quorum(3)));
    let seen = "t: work/0 done, work/1 failed: oops, work/2 done, work/3 done";
    assert_eq!(said(&graph).await, ["0", "2", "4", seen]);
    let graph = sound(work_into(&[0, 1, 2, 4], Join::quorum(2).cancel_rest()));
    let (seconds, said) = timed(&graph).await;
    let seen = "t: work/0 done, work/1 failed: oops, work/2 done, work/3 cancelled";
    assert_eq!(
        (seconds, said),
        (2, vec!["0".into(), "2".into(), seen.into()])
    );
    let error = error_of(&sound(work_into(&[0, 1, 3], Join::quorum(2)))).await;
    assert!(error[0].contains("there can be 1 at most"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_done_if_all_its_tasks_are() {
    let graph = sound(work_into(&[0, 2], Join::settled().require(WORK)));
    assert_eq!(said(&graph).await[2], "t: work/0 done, work/1 done");
    let error = error_of(&sound(work_into(&[0, 1], Join::settled().require(WORK)))).await;
    assert_eq!(error[1], "`work/1` failed: oops");
}

#[tokio::test(start_paused = true)]
async fn under_finish_failures_elsewhere_end_the_run_after_all_joins_did_their_part() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(60)), ("x", Fails(3))])
            .add_edge(START, ["a", "b", "x"])
            .add_join(["a", "b"], "t", Join::first())
            .on_failure(OnFailure::Finish),
    );
    let begin = tokio::time::Instant::now();
    let error = run_of(&graph).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "node `x` failed in superstep 1, attempt 1"
    );
    assert_eq!(begin.elapsed(), Duration::from_secs(3), "`b` was cancelled");
}

#[tokio::test(start_paused = true)]
async fn limits_on_tasks_at_once_hold_and_losers_never_get_their_turn() {
    let graph = fan(
        [("a", Fails(1)), ("b", Says(1)), ("c", Says(1))],
        Join::first(),
    );
    let run = graph.invoke(Trace::update()).max_concurrency(1);
    let run = run.await.expect("the run ends well");
    assert_eq!(ran(&run), "a b c | t");
    assert_eq!(run.state.log.len(), 2, "{:?}", run.state.log);
}

#[tokio::test(start_paused = true)]
async fn what_losers_did_to_the_state_is_not_there() {
    // Both write a field that takes one writer: only one of them counts.
    let graph = sound(
        marks([])
            .add_node("a", async |_: View<Trace>| {
                sleep(Duration::from_secs(1)).await;
                Trace::update().n(1)
            })
            .add_node("b", async |_: View<Trace>| {
                sleep(Duration::from_secs(2)).await;
                Trace::update().n(2)
            })
            .add_node("t", mark)
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "t", Join::first()),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(run.state.n, 1);
}
