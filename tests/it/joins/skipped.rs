//! Sources that cannot come any more, over several supersteps.

use superstep::Join;
use superstep::prelude::*;

use super::{Fails, Says, error_of, nodes, run_of, said, timed};
use crate::common::{Trace, ran, sound};

/// Goes to one node of several.
fn to(name: &'static str) -> impl Fn(&Trace) -> Vec<&'static str> {
    move |_| vec![name]
}

#[tokio::test(start_paused = true)]
async fn a_way_that_is_not_taken_is_skipped() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(1)), ("c", Says(2))])
            .add_edge(START, "a")
            .add_conditional_edges(START, to("c"), ["b", "c"])
            .add_join(["a", "b"], "t", Join::settled()),
    );
    let seen = ["a", "c", "t: a done, b skipped"];
    assert_eq!(said(&graph).await, seen);
}

#[tokio::test(start_paused = true)]
async fn a_source_is_waited_for_as_long_as_something_leads_to_it() {
    let graph = |last: &'static str| {
        let sources = [
            ("a", Says(1)),
            ("b", Says(1)),
            ("x", Says(1)),
            ("y", Says(1)),
        ];
        sound(
            nodes(sources)
                .add_edge(START, ["a", "x"])
                .add_edge("x", "y")
                .add_conditional_edges("y", to(last), ["b", END])
                .add_join(["a", "b"], "t", Join::settled()),
        )
    };
    assert_eq!(ran(&run_of(&graph("b")).await.unwrap()), "a x | y | b | t");
    let run = run_of(&graph(END)).await.unwrap();
    assert_eq!(ran(&run), "a x | y | t");
    assert_eq!(run.state.log[3], "t: a done, b skipped");
    assert!(run.starved.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_join_of_which_nothing_has_come_is_not_looked_at() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(1)), ("c", Says(2))])
            .add_conditional_edges(START, to("c"), ["a", "b", "c"])
            .add_join(["a", "b"], "t", Join::settled()),
    );
    assert_eq!(said(&graph).await, ["c"]);
}

#[tokio::test(start_paused = true)]
async fn a_command_may_go_anywhere_until_it_has_gone() {
    let command = async |_: View<Trace>| Command::<Trace>::new().goto("b");
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(1)), ("x", Says(1))])
            .add_node("anywhere", command)
            .add_edge(START, ["a", "x"])
            .add_edge("x", "anywhere")
            .add_join(["a", "b"], "t", Join::settled()),
    );
    assert_eq!(
        ran(&run_of(&graph).await.unwrap()),
        "a x | anywhere | b | t"
    );
}

#[tokio::test(start_paused = true)]
async fn a_quorum_is_out_of_reach_when_sources_are_skipped() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(1)), ("c", Says(2))])
            .add_edge(START, "a")
            .add_conditional_edges(START, to("c"), ["b", "c"])
            .add_join(["a", "b"], "t", Join::quorum(2)),
    );
    assert_eq!(
        error_of(&graph).await,
        [
            "the join into `t` waits for 2 successes, and there can be 1 at most (superstep 1)",
            "`b` was skipped"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_before_a_source_is_the_source_s() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(1)), ("x", Fails(1))])
            .add_edge(START, ["a", "x"])
            .add_edge("x", "b")
            .add_join(["a", "b"], "t", Join::settled()),
    );
    assert_eq!(said(&graph).await, ["a", "t: a done, b failed: oops"]);
}

#[tokio::test(start_paused = true)]
async fn so_it_is_before_all_sources() {
    let graph = sound(
        nodes([("a", Says(1)), ("b", Says(1)), ("x", Fails(1))])
            .add_edge(START, "x")
            .add_edge("x", ["a", "b"])
            .add_join(["a", "b"], "t", Join::settled()),
    );
    assert_eq!(said(&graph).await, ["t: a failed: oops, b failed: oops"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_another_way_still_leads_to_has_not_failed() {
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("b", Says(1)),
            ("x", Fails(1)),
            ("y", Says(1)),
        ])
        .add_edge(START, ["a", "x", "y"])
        .add_edge("x", "b")
        .add_edge("y", "b")
        .add_join(["a", "b"], "t", Join::settled()),
    );
    assert_eq!(said(&graph).await, ["a", "y", "b", "t: a done, b done"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_what_leads_elsewhere_too_is_the_run_s() {
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("b", Says(1)),
            ("x", Fails(1)),
            ("y", Says(1)),
        ])
        .add_edge(START, ["a", "x"])
        .add_edge("x", ["b", "y"])
        .add_join(["a", "b"], "t", Join::settled()),
    );
    let error = run_of(&graph).await.unwrap_err();
    assert_eq!(error.code(), "node");
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_is_cancelled_too() {
    let graph = sound(
        nodes([("a", Says(2)), ("b", Says(60)), ("x", Says(1))])
            .add_edge(START, ["a", "x"])
            .add_edge("x", "b")
            .add_join(["a", "b"], "t", Join::first()),
    );
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 2);
    assert_eq!(said, ["a", "x", "t: a done, b cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_outer_join_cancels_its_inner_joins_do_not_judge() {
    let graph = sound(
        nodes([
            ("fast", Says(1)),
            ("p", Says(60)),
            ("q", Says(60)),
            ("m", Says(1)),
        ])
        .add_edge(START, ["fast", "p", "q"])
        .add_join(["p", "q"], "m", Join::quorum(2))
        .add_join(["fast", "m"], "t", Join::first()),
    );
    let (seconds, said) = timed(&graph).await;
    assert_eq!(seconds, 1);
    assert_eq!(said, ["fast", "t: fast done, m cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_inner_join_would_have_led_to_is_cancelled_with_it() {
    // Inside it is decided after 1 s, and outside in the same superstep.
    for inner in [Join::settled(), Join::quorum(1), Join::first()] {
        let graph = sound(
            nodes([
                ("a", Says(1)),
                ("c", Says(2)),
                ("in", Says(1)),
                ("next", Says(1)),
            ])
            .add_edge(START, ["a", "c"])
            .add_join("a", "in", inner)
            .add_edge("in", "next")
            .add_join(["next", "c"], "t", Join::first()),
        );
        let said = said(&graph).await;
        assert_eq!(said, ["a", "c", "t: c done, next cancelled"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_inner_join_of_which_nothing_has_come_is_skipped() {
    let graph = sound(
        nodes([("a", Says(1)), ("c", Says(2)), ("in", Says(1))])
            .add_edge(START, "c")
            .add_conditional_edges(START, |_: &Trace| -> Vec<&str> { vec![] }, ["a"])
            .add_join("a", "in", Join::settled())
            .add_join(["in", "c"], "t", Join::first()),
    );
    assert_eq!(said(&graph).await, ["c", "t: c done, in skipped"]);
}

#[tokio::test(start_paused = true)]
async fn an_inner_join_that_fires_is_waited_for() {
    let graph = sound(
        nodes([
            ("a", Says(1)),
            ("p", Says(1)),
            ("q", Fails(1)),
            ("m", Says(1)),
        ])
        .add_edge(START, ["a", "p", "q"])
        .add_join(["p", "q"], "m", Join::settled())
        .add_join(["a", "m"], "t", Join::settled()),
    );
    assert_eq!(said(&graph).await, ["a", "p", "m", "t: a done, m done"]);
}

#[tokio::test(start_paused = true)]
async fn a_half_filled_join_inside_begins_anew_when_it_is_cancelled() {
    // Twice round: in the first, `p` comes to the inner join and `q` does not.
    let graph = sound(
        nodes([
            ("fast", Says(2)),
            ("p", Says(1)),
            ("q", Says(1)),
            ("r", Says(1)),
            ("m", Says(1)),
        ])
        .add_edge(START, ["fast", "p", "r"])
        .add_edge("r", "q")
        .add_edge(["p", "q"], "m")
        .add_join(["fast", "m"], "t", Join::first())
        .add_conditional_edges(
            "t",
            |state: &Trace| match state.log.len() {
                // Only `q`: a bit that was left would make `m` run.
                0..=4 => vec!["q"],
                _ => vec![],
            },
            ["q"],
        ),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "fast p r | t | q");
}

#[tokio::test(start_paused = true)]
async fn a_strict_join_must_not_starve() {
    let graph = |join: Join| {
        sound(
            nodes([("a", Says(1)), ("b", Says(1)), ("c", Says(2))])
                .add_edge(START, "a")
                .add_conditional_edges(START, to("c"), ["b", "c"])
                .add_join(["a", "b"], "t", join),
        )
    };
    let run = run_of(&graph(Join::all())).await.unwrap();
    assert_eq!(run.starved[0].to_string(), "`t` waits for `b`, after `a`");
    let error = run_of(&graph(Join::all().strict())).await.unwrap_err();
    assert_eq!(error.code(), "starved");
    assert_eq!(
        error.to_string(),
        "the run ended while `t` waits for `b`, after `a`"
    );
}

#[tokio::test(start_paused = true)]
async fn so_are_sends_and_what_waits_deferred() {
    const WORK: Worker<u64> = Worker::new("work");
    let sends = |_: &Trace| (0..3).map(|n| WORK.send(n)).collect::<Vec<_>>();
    let late = async |_: View<Trace>| {};
    let graph = sound(
        nodes([("a", Says(2)), ("x", Says(1))])
            .add_worker(WORK, async |_: u64| {})
            .add_node("d", node(late).defer())
            .add_edge(START, ["a", "x", "d"])
            .add_conditional_edges("x", sends, WORK)
            .add_join(("a", WORK, "d"), "t", Join::first()),
    );
    let run = run_of(&graph).await.unwrap();
    assert_eq!(ran(&run), "a x | t");
    assert_eq!(run.state.log[2], "t: a done, d cancelled, work cancelled");
}
