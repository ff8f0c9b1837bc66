//! Joins that fire more than once, and into nodes that wait.

use superstep::Join;
use superstep::prelude::*;

use super::{Fails, Says, nodes, run_of, said, see};
use crate::common::{Trace, TraceUpdate, ran, sound};

#[tokio::test(start_paused = true)]
async fn a_join_begins_anew_after_it_has_fired() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Fails(1))])
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "t", Join::settled())
            .add_conditional_edges(
                "t",
                |state: &Trace| match state.log.len() {
                    0..=2 => vec!["a", "b"],
                    _ => vec![],
                },
                ["a", "b"],
            ),
    );
    let seen = "t: a done, b failed: oops";
    assert_eq!(said(&graph).await, ["a", seen, "a", seen]);
}

/// `c` comes a superstep after the others, and `t` begins all once more.
fn with_a_late_source(join: Join) -> StateGraph<Trace> {
    nodes([
        ("a", Says(1)),
        ("b", Says(1)),
        ("c", Says(1)),
        ("x", Says(1)),
    ])
    .add_edge(START, ["a", "b", "x"])
    .add_edge("x", "c")
    .add_join(["a", "b", "c"], "t", join)
    .add_conditional_edges(
        "t",
        |state: &Trace| match state.log.iter().filter(|line| line.contains(':')).count() {
            1 => vec!["a", "b", "x"],
            _ => vec![],
        },
        ["a", "b", "x"],
    )
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_quorum_does_not_count_for_the_next() {
    let graph = sound(with_a_late_source(Join::quorum(2)));
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x | c t | a b x | c t");
    let seen = |at: usize| run.state.log[at].as_str();
    assert_eq!(
        (seen(4), seen(9)),
        ("t: a done, b done", "t: a done, b done")
    );
    // Were it counted, the second would have `c` and one of the others.
    let graph = sound(with_a_late_source(Join::quorum(3)));
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x | c | t | a b x | c | t");
}

#[tokio::test(start_paused = true)]
async fn the_rest_that_is_cancelled_is_ready_no_more() {
    let graph = sound(with_a_late_source(Join::quorum(2).cancel_rest()));
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x | t | a b x | t");
    assert_eq!(run.state.log[2], "t: a done, b done, c cancelled");
}

#[tokio::test(start_paused = true)]
async fn sends_are_numbered_anew_after_those_that_were_cancelled() {
    const WORK: Worker<u64> = Worker::new("work");
    let first_time = |state: &Trace| match state.log.len() {
        3 => "sends",
        _ => END,
    };
    let graph = nodes([("quick", Says(1)), ("sends", Says(0))])
        .add_worker(WORK, async |_: u64, ctx: Ctx| {
            Trace::update().log(ctx.task().to_string())
        })
        .add_edge(START, ["quick", "sends"])
        .add_conditional_edges("sends", |_: &Trace| [WORK.send(7)], [WORK])
        .add_join(["quick", WORK.name()], "t", Join::first())
        .add_conditional_edges("t", first_time, ["sends", END]);
    let first = "t: quick done, work cancelled";
    let second = "t: quick skipped, work/0 done";
    let all = ["quick", "sends", first, "sends", "work/0", second];
    assert_eq!(said(&sound(graph)).await, all);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_was_not_waited_for_may_fail() {
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("b", Says(1)),
            ("c", Fails(1)),
            ("x", Says(1)),
            ("y", Fails(1)),
            ("d", Says(1)),
        ])
        .add_edge(START, ["a", "b", "x", "y"])
        .add_edge("x", "c")
        .add_edge("y", "d")
        .add_join(["a", "b", "c", "d"], "t", Join::quorum(2)),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x y | c t");
    assert_eq!(run.state.log[3], "t: a done, b done, d failed: oops");
}

#[tokio::test(start_paused = true)]
async fn a_deferred_target_sees_what_came_when_it_runs() {
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("b", Fails(1)),
            ("x", Says(1)),
            ("y", Says(1)),
        ])
        .add_node("late", node(see).defer())
        .add_edge(START, ["a", "b", "x"])
        .add_edge("x", "y")
        .add_edge("y", "t")
        .add_join(["a", "b"], "late", Join::settled()),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x | y | t | late");
    assert_eq!(run.state.log[3], "t: ");
    assert_eq!(run.state.log[4], "t: a done, b failed: oops");
}

#[tokio::test(start_paused = true)]
async fn two_joins_that_fire_at_once_make_one_task() {
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("b", Fails(1)),
            ("c", Says(1)),
            ("d", Says(1)),
        ])
        .add_edge(START, ["a", "b", "c", "d"])
        .add_join(["a", "b"], "t", Join::settled())
        .add_join(["c", "d"], "t", Join::quorum(1)),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b c d | t");
    assert_eq!(
        run.state.log[3],
        "t: a done, b failed: oops, c done, d done"
    );
}

#[tokio::test(start_paused = true)]
async fn of_a_source_in_two_joins_the_target_sees_what_is_known() {
    let sources = || {
        nodes([
            ("a", Says(1)),
            ("b", Says(20)),
            ("c", Says(2)),
            ("d", Fails(2)),
        ])
        .add_edge(START, ["a", "b", "c", "d"])
    };
    let settled = |graph: StateGraph<Trace>| graph.add_join(["b", "c", "d"], "t", Join::settled());
    let in_time = |graph: StateGraph<Trace>| {
        let join = Join::settled().within(std::time::Duration::from_secs(5));
        graph.add_join(["a", "b", "d"], "t", join)
    };
    // For one of the joins `b` came too late; as a source of two it goes on.
    let seen = "t: a done, b done, c done, d failed: oops";
    for graph in [settled(in_time(sources())), in_time(settled(sources()))] {
        let run = run_of(&sound(graph)).await.unwrap();
        assert_eq!(ran(&run), "a b c d | t");
        assert_eq!(run.state.log[3], seen);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_comes_again_counts_once_and_by_its_success() {
    // `a` fails, and a node of the graph's own tries it again.
    let graph = sound(
        nodes([("b", Says(1)), ("x", Says(1)), ("y", Says(1))])
            .add_node("a", async |state: View<Trace>| match state.log.len() {
                0 => Err(super::oops()),
                _ => Ok(Trace::update().log("a")),
            })
            .add_edge(START, ["a", "x"])
            .add_edge("x", ["a", "y"])
            .add_edge("y", ["a", "b"])
            .add_join(["a", "b"], "t", Join::settled()),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a x | a y | a b | t");
    assert_eq!(run.state.log[5], "t: a done, b done");
}

#[tokio::test(start_paused = true)]
async fn a_quorum_is_in_reach_as_long_as_who_failed_can_come_again() {
    let graph = sound(
        nodes([("b", Says(1)), ("x", Says(1))])
            .add_node("a", async |state: View<Trace>| match state.log.len() {
                0 => Err(super::oops()),
                _ => Ok(Trace::update().log("a")),
            })
            .add_edge(START, ["a", "b", "x"])
            .add_edge("x", "a")
            .add_join(["a", "b"], "t", Join::quorum(2)),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x | a | t");
}

#[tokio::test(start_paused = true)]
async fn what_came_late_and_comes_late_again_is_not_waited_for_twice() {
    // `c` of the first round comes in the superstep in which the second fires, and
    // is still to come for that.
    let rounds = |state: &Trace| match state.log.iter().filter(|l| l.contains(':')).count() {
        1 => vec!["a", "b", "x"],
        _ => vec![],
    };
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("b", Says(1)),
            ("c", Says(1)),
            ("x", Says(1)),
            ("y", Says(1)),
        ])
        .add_edge(START, ["a", "b", "x"])
        .add_edge("x", "y")
        .add_edge("y", "c")
        .add_join(["a", "b", "c"], "t", Join::quorum(2))
        .add_conditional_edges("t", rounds, ["a", "b", "x"]),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x | t y | a b c x | t y | c");
}

#[tokio::test(start_paused = true)]
async fn once_it_has_come_it_is_waited_for_again() {
    let rounds = |state: &Trace| match state.log.iter().filter(|l| l.contains(':')).count() {
        // Without `a`: the quorum needs `c`, which was late in the first round.
        1 => vec!["b", "x"],
        _ => vec![],
    };
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("b", Says(1)),
            ("c", Says(1)),
            ("x", Says(1)),
        ])
        .add_edge(START, ["a", "b", "x"])
        .add_edge("x", "c")
        .add_join(["a", "b", "c"], "t", Join::quorum(2))
        .add_conditional_edges("t", rounds, ["b", "x"]),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x | c t | b x | c | t");
    assert_eq!(
        run.state.log.last().unwrap(),
        "t: a skipped, b done, c done"
    );
}

#[tokio::test(start_paused = true)]
async fn a_join_into_a_deferred_node_that_waits_counts_no_further() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(1)), ("x", Says(1))])
            .add_node("late", node(see).defer())
            .add_edge(START, ["a", "b", "x"])
            .add_edge("x", ["a", "t"])
            .add_join(["a", "b"], "late", Join::settled()),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x | a t | late");
    assert_eq!(run.state.log[5], "t: a done, b done");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_leads_back_is_no_part_of_what_leads_to_it() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(1)), ("u", Fails(1))])
            .add_edge(START, ["a", "b"])
            .add_conditional_edges("u", |_: &Trace| vec!["a", "b"], ["a", "b"])
            .add_edge("t", END)
            .add_edge(START, "t")
            .add_join(["a", "b"], "u", Join::settled()),
    );
    let error = run_of(&graph).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "node `u` failed in superstep 2, attempt 1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_success_that_was_counted_stays_and_counts_once() {
    let sources = [("c", Says(1)), ("x", Says(1)), ("y", Says(1))];
    // Succeeds, and then as it is told.
    let graph = |again: fn() -> NodeResult<TraceUpdate>, join: Join| {
        sound(
            nodes(sources)
                .add_node("a", move |state: View<Trace>| async move {
                    match state.log.len() {
                        0 => Ok(Trace::update().log("a")),
                        _ => again(),
                    }
                })
                .add_edge(START, ["a", "x"])
                .add_edge("x", ["a", "y"])
                .add_edge("y", "c")
                .add_join(["a", "c"], "t", join),
        )
    };
    let run = run_of(&graph(|| Err(super::oops()), Join::settled())).await;
    let run = run.unwrap();
    assert_eq!(ran(&run), "a x | a y | c | t");
    assert_eq!(run.state.log[4], "t: a done, c done");
    let twice = || Ok(Trace::update().log("a"));
    let run = run_of(&graph(twice, Join::quorum(2).cancel_rest())).await;
    let run = run.unwrap();
    assert_eq!(ran(&run), "a x | a y | c | t");
    assert_eq!(run.state.log[5], "t: a done, c done");
}

/// Says whether `w` has run no more than once.
fn is_first_round(state: &Trace) -> bool {
    state.log.iter().filter(|line| *line == "w").count() <= 1
}

#[tokio::test(start_paused = true)]
async fn what_is_beside_a_race_in_a_loop_goes_on() {
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("b", Says(60)),
            ("x", Says(5)),
            ("w", Says(1)),
        ])
        .add_edge(START, ["a", "b", "x"])
        .add_join(["a", "b"], "t", Join::first())
        .add_edge(["t", "x"], "w")
        .add_conditional_edges(
            "w",
            |state: &Trace| match is_first_round(state) {
                true => vec!["a", "b", "x"],
                false => vec![],
            },
            ["a", "b", "x"],
        ),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b x | t | w | a b x | t | w");
    let seen = "t: a done, b cancelled";
    assert_eq!(run.state.log, ["a", "x", seen, "w", "a", "x", seen, "w"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_between_two_rounds_is_the_run_s() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Fails(1)), ("w", Fails(1))])
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "t", Join::settled())
            .add_edge("t", "w")
            .add_conditional_edges(
                "w",
                |state: &Trace| match is_first_round(state) {
                    true => vec!["a", "b"],
                    false => vec![],
                },
                ["a", "b"],
            ),
    );
    let error = run_of(&graph).await.map(|run| ran(&run)).unwrap_err();
    assert_eq!(error.code(), "node");
}
