//! Joins that wait only so long.

use std::time::Duration;

use superstep::Join;
use superstep::prelude::*;
use tokio::time::{Instant, sleep};

use super::{Fails, Says, error_of, fan, nodes, nodes_into, run_of, said, timed};
use crate::common::{Trace, TraceUpdate, ran, sound};

const FIVE: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn when_the_time_is_over_a_join_of_any_kind_fires_with_what_is_there() {
    let sources = [("a", Says(1)), ("b", Says(60)), ("c", Fails(2))];
    let expected = (
        5,
        vec![
            "a".to_owned(),
            "t: a done, b timed out, c failed: oops".to_owned(),
        ],
    );
    for join in [Join::settled(), Join::quorum(2)] {
        assert_eq!(timed(&fan(sources, join.within(FIVE))).await, expected);
    }
    let sources = [("a", Says(1)), ("b", Says(60))];
    let graph = fan(sources, Join::all().within(FIVE));
    assert_eq!(said(&graph).await, ["a", "t: a done, b timed out"]);
    let sources = [("a", Says(70)), ("b", Says(60))];
    let graph = fan(sources, Join::first().within(FIVE));
    assert_eq!(said(&graph).await, ["t: a timed out, b timed out"]);
}

#[tokio::test(start_paused = true)]
async fn in_time_it_is_as_without() {
    let sources = [("a", Says(1)), ("b", Says(4))];
    let graph = fan(sources, Join::settled().within(FIVE));
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 4);
    assert_eq!(said, ["a", "b", "t: a done, b done"]);
    let graph = fan(sources, Join::first().within(FIVE));
    assert_eq!(timed(&graph).await.0, 1);
    // Who comes at the very end of it comes too late.
    let graph = fan(
        [("a", Says(1)), ("b", Says(5))],
        Join::settled().within(FIVE),
    );
    assert_eq!(timed(&graph).await.1, ["a", "t: a done, b timed out"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_still_the_run_s_where_the_join_waits_for_all() {
    let sources = [("a", Fails(1)), ("b", Says(4))];
    let error = error_of(&fan(sources, Join::all().within(FIVE))).await;
    assert_eq!(error[0], "node `a` failed in superstep 1, attempt 1");
}

#[tokio::test(start_paused = true)]
async fn a_strict_join_that_is_short_when_its_time_is_over_is_an_error() {
    let sources = [("a", Says(1)), ("b", Says(60)), ("c", Fails(2))];
    assert_eq!(
        error_of(&fan(sources, Join::quorum(2).within(FIVE).strict())).await,
        [
            "the join into `t` waits for 2 successes, and there can be 1 at most (superstep 1)",
            "`b` did not come in time; `c` failed: oops"
        ]
    );
    let graph = fan(sources, Join::quorum(1).within(FIVE).strict());
    assert_eq!(
        said(&graph).await[1],
        "t: a done, b timed out, c failed: oops"
    );
    let sources = [("a", Says(1)), ("b", Says(60))];
    assert_eq!(
        error_of(&fan(sources, Join::all().within(FIVE).strict())).await,
        [
            "the join into `t` had no more time for the rest of its sources (superstep 1)",
            "`b` did not come in time"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_strict_settled_join_waits_for_all_and_fails_only_if_one_is_too_late() {
    let strict = || Join::settled().within(FIVE).strict();
    let late = [("a", Says(1)), ("b", Says(60)), ("c", Fails(2))];
    assert_eq!(
        error_of(&fan(late, strict())).await,
        [
            "the join into `t` had no more time for the rest of its sources (superstep 1)",
            "`b` did not come in time; `c` failed: oops"
        ]
    );
    let in_time = [("a", Says(1)), ("b", Says(4)), ("c", Fails(2))];
    let seen = timed(&fan(in_time, strict())).await;
    assert_eq!(
        (seen.0, &*seen.1[2]),
        (4, "t: a done, b done, c failed: oops")
    );
    // Who leads to a source may be too late, too.
    let graph = sound(
        nodes([("a", Says(1)), ("x", Says(60)), ("b", Says(1))])
            .add_edge(START, ["a", "x"])
            .add_edge("x", "b")
            .add_join(["a", "b"], "t", strict()),
    );
    assert_eq!(error_of(&graph).await[1], "`b` did not come in time");
}

#[tokio::test(start_paused = true)]
async fn a_lenient_quorum_out_of_reach_fires_when_all_have_come() {
    let sources = [("a", Says(1)), ("b", Fails(2)), ("c", Fails(3))];
    let graph = fan(sources, Join::quorum(2).within(FIVE));
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 3);
    assert_eq!(said[1], "t: a done, b failed: oops, c failed: oops");
}

#[tokio::test(start_paused = true)]
async fn the_time_goes_on_over_supersteps() {
    let graph = sound(
        nodes([("a", Says(1)), ("x", Says(3)), ("b", Says(60))])
            .add_edge(START, ["a", "x"])
            .add_edge("x", "b")
            .add_join(["a", "b"], "t", Join::settled().within(FIVE)),
    );
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 5);
    assert_eq!(said, ["a", "x", "t: a done, b timed out"]);
}

#[tokio::test(start_paused = true)]
async fn it_begins_with_what_leads_to_the_join_and_not_before() {
    let graph = sound(
        nodes([
            ("p", Says(10)),
            ("other", Says(1)),
            ("a", Says(4)),
            ("b", Says(60)),
        ])
        .add_edge(START, "p")
        // It leads elsewhere too.
        .add_edge("p", ["a", "b", "other"])
        .add_join(["a", "b"], "t", Join::settled().within(FIVE)),
    );
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 15);
    assert_eq!(
        said.last().map(String::as_str),
        Some("t: a done, b timed out")
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_leads_elsewhere_is_not_dropped_and_has_timed_out_all_the_same() {
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("b", Says(8)),
            ("c", Says(60)),
            ("x", Says(0)),
        ])
        .add_edge(START, ["a", "b", "c"])
        .add_edge("b", "x")
        .add_join(["a", "b", "c"], "t", Join::settled().within(FIVE)),
    );
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 8);
    let seen = "t: a done, b timed out, c timed out";
    assert_eq!(said, ["a", "b", seen, "x"]);
}

#[tokio::test(start_paused = true)]
async fn each_round_has_its_own_time() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(60))])
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "t", Join::settled().within(FIVE))
            .add_conditional_edges(
                "t",
                |state: &Trace| match state.log.len() {
                    0..=2 => vec!["a", "b"],
                    _ => vec![],
                },
                ["a", "b"],
            ),
    );
    let begin = Instant::now();
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a b | t | a b | t");
    assert_eq!(begin.elapsed(), 2 * FIVE);
}

#[tokio::test(start_paused = true)]
async fn a_join_inside_that_fires_when_the_time_is_over_is_too_late() {
    let graph = |sources: &[&'static str]| {
        sound(
            nodes([
                ("a", Says(1)),
                ("in", Says(1)),
                ("c", Says(60)),
                ("x", Says(8)),
            ])
            .add_edge(START, ["a", "c", "x"])
            .add_join("a", "in", Join::settled())
            .add_join(sources.to_vec(), "t", Join::settled().within(FIVE)),
        )
    };
    // `x`, which is no business of the join, holds the superstep up.
    let said_of = async |sources| said(&graph(sources)).await.pop();
    let seen = "t: c timed out, in timed out".to_owned();
    assert_eq!(said_of(&["in", "c"]).await, Some(seen));
    assert_eq!(said_of(&["in"]).await, Some("t: in timed out".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_waited_for_begins_no_time() {
    // `c` comes long after the quorum: nothing fires with nothing.
    let graph = sound(
        nodes([("a", Says(1)), ("x", Says(1)), ("c", Says(60))])
            .add_edge(START, ["a", "x"])
            .add_edge("x", "c")
            .add_join(["a", "c"], "t", Join::quorum(1).within(FIVE)),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a x | c t");
    assert_eq!(run.state.log, ["a", "x", "c", "t: a done"]);
}

#[tokio::test(start_paused = true)]
async fn time_that_is_over_wakes_no_join_of_which_nothing_came() {
    let to_end = |_: &Trace| -> Vec<&str> { vec![] };
    let graph = |last: [&'static str; 2]| {
        sound(
            nodes([
                ("p", Says(1)),
                ("a", Says(1)),
                ("b", Says(1)),
                ("long", Says(60)),
                ("x", Says(2)),
            ])
            .add_edge(START, ["p", last[0]])
            .add_edge(last[0], last[1])
            .add_conditional_edges("p", to_end, ["a", "b"])
            .add_join(["a", "b"], "t", Join::settled().within(FIVE)),
        )
    };
    let run = run_of(&graph(["long", "x"])).await.unwrap();
    assert_eq!(ran(&run), "long p | x");
    let run = run_of(&graph(["x", "long"])).await.unwrap();
    assert_eq!(ran(&run), "p x | long");
}

#[tokio::test(start_paused = true)]
async fn who_has_come_and_waits_to_tell_of_it_has_come() {
    let chatty = async |ctx: Ctx| -> NodeResult<TraceUpdate> {
        ctx.emit(0_u32)?;
        sleep(Duration::from_secs(1)).await;
        for n in 1..4_u32 {
            ctx.emit(n)?;
        }
        Ok(Trace::update().log("a"))
    };
    let graph = sound(
        nodes([("b", Says(60))])
            .add_node("a", chatty)
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "t", Join::settled().within(FIVE)),
    );
    let events = graph.invoke(Trace::update()).stream();
    let mut events = events.custom::<u32>().buffer(2);
    assert!(events.next().await.is_some());
    // Meanwhile the buffer is full, and the time is over.
    sleep(2 * FIVE).await;
    let run = events.finish().await.unwrap();
    assert_eq!(run.state.log, ["a", "t: a done, b timed out"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_when_the_time_is_over_is_too_late() {
    let to_end = |_: &Trace| -> Vec<&str> { vec![] };
    let graph = sound(
        nodes([
            ("p", Says(1)),
            ("a", Says(1)),
            ("x", Says(8)),
            ("y", Says(1)),
        ])
        .add_edge(START, ["p", "x"])
        .add_conditional_edges("p", to_end, ["a"])
        // Nothing has come when `x` has ended, and `a` is ready.
        .add_edge("x", ["a", "y"])
        .add_join("a", "t", Join::settled().within(FIVE)),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "p x | t y");
    assert_eq!(run.state.log[2], "t: a timed out");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_what_went_elsewhere_is_over() {
    // Each second `look` is asked anew, and only in the end it leads to the join.
    let graph = sound(
        nodes([
            ("tick", Says(3)),
            ("look", Says(0)),
            ("b", Says(1)),
            ("x", Says(0)),
        ])
        .add_edge(START, "tick")
        .add_conditional_edges(
            "tick",
            |state: &Trace| match state.log.iter().filter(|line| *line == "tick").count() {
                0..4 => vec!["tick", "look", "x"],
                _ => vec![],
            },
            ["tick", "look", "x"],
        )
        .add_conditional_edges(
            "look",
            |state: &Trace| match state.log.iter().filter(|line| *line == "look").count() {
                3 => vec!["b"],
                _ => vec![],
            },
            ["b"],
        )
        .add_join("b", "t", Join::settled().within(FIVE)),
    );
    let said = said(&graph).await;
    assert_eq!(said[said.len() - 2..], ["b", "t: b done"]);
}

#[tokio::test(start_paused = true)]
async fn the_time_goes_on_while_what_it_began_for_leads_on() {
    let in_time = || Join::settled().within(FIVE);
    let graph = sound(
        nodes([("x", Says(3)), ("y", Says(3)), ("b", Says(1))])
            .add_edge(START, "x")
            .add_edge("x", "y")
            .add_edge("y", "b")
            .add_join("b", "t", in_time()),
    );
    let expected = vec!["x".to_owned(), "t: b timed out".to_owned()];
    assert_eq!(timed(&graph).await, (5, expected));
}

#[tokio::test(start_paused = true)]
async fn the_time_goes_on_while_something_waits_inside() {
    let outside = [("o", Says(1)), ("o2", Says(1)), ("z", Says(1))];
    let from_outside = |inside| {
        let edges = nodes(outside).add_edge("o", "o2");
        nodes_into(edges, inside).add_join("b", "t", Join::settled().within(FIVE))
    };
    // A deferred node.
    let deferred = from_outside([("x", Says(1)), ("b", Says(1))])
        .add_node(
            "late",
            node(async |_: View<Trace>| sleep(2 * FIVE).await).defer(),
        )
        .add_edge(START, ["x", "o"])
        .add_edge("o2", "z")
        .add_edge("x", "late")
        .add_edge("late", "b");
    assert_eq!(timed(&sound(deferred)).await.0, 5);
    // A join, be it with a rule or without.
    for join in [Join::all(), Join::settled()] {
        let joined = from_outside([("x", Says(1)), ("b", Says(1))])
            .add_node("y", async |_: View<Trace>| sleep(FIVE / 5).await)
            .add_node("m", async |_: View<Trace>| sleep(2 * FIVE).await)
            .add_edge(START, ["x", "o"])
            .add_edge("o2", ["y", "z"])
            .add_join(["x", "y"], "m", join)
            .add_edge("m", "b");
        assert_eq!(timed(&sound(joined)).await.0, 5);
    }
}
