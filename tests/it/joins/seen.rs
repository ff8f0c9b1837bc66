//! What can be seen of joins: transcripts, events, pictures, mistakes.

use std::time::Duration;

use expect_test::expect;
use superstep::prelude::*;
use superstep::{EventKind, Join};

use super::{Fails, Says, fan, nodes};
use crate::common::{Trace, marks};

#[tokio::test(start_paused = true)]
async fn a_transcript_shows_how_tasks_ended_and_what_the_target_saw() {
    let sources = [("a", Says(60)), ("b", Says(1)), ("c", Fails(0))];
    let graph = fan(sources, Join::first());
    let transcript = graph.invoke(Trace::update()).transcript().await;
    expect![[r#"
        graph test
        input {}
          -> a
          -> b
          -> c

        superstep 1
          a
            cancelled
          b
            writes {"log":["b"]}
            -> t (join, 2 of 3)
          c
            failed: oops
          decided by b
          merge
            log (Append): b

        superstep 2
          t
            after a cancelled, b done, c failed: oops
            writes {"log":["t: a cancelled, b done, c failed: oops"]}
          merge
            log (Append): t

        done after 2 supersteps
        state
          log: ["b","t: a cancelled, b done, c failed: oops"]
          n: 0
          sum: 0
    "#]]
    .assert_eq(&transcript.to_string());
}

#[tokio::test(start_paused = true)]
async fn without_a_race_no_order_is_shown() {
    let sources = [("a", Says(2)), ("b", Says(1)), ("c", Fails(0))];
    let graph = fan(sources, Join::settled());
    let transcript = graph.invoke(Trace::update()).transcript().await;
    expect![[r#"
        graph test
        input {}
          -> a
          -> b
          -> c

        superstep 1
          a
            writes {"log":["a"]}
            -> t (join, 1 of 3)
          b
            writes {"log":["b"]}
            -> t (join, 2 of 3)
          c
            failed: oops
          merge
            log (Append): a, b

        superstep 2
          t
            after a done, b done, c failed: oops
            writes {"log":["t: a done, b done, c failed: oops"]}
          merge
            log (Append): t

        done after 2 supersteps
        state
          log: ["a","b","t: a done, b done, c failed: oops"]
          n: 0
          sum: 0
    "#]]
    .assert_eq(&transcript.to_string());
}

#[tokio::test(start_paused = true)]
async fn events_tell_of_the_cancelled_and_of_the_failed() {
    let sources = [("a", Says(60)), ("b", Says(1)), ("c", Fails(0))];
    let graph = fan(sources, Join::first());
    let mut events = graph.invoke(Trace::update()).stream();
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        let name = event
            .task()
            .map_or_else(String::new, |task| task.to_string());
        match &event.kind {
            EventKind::TaskCancelled => told.push(format!("{name} cancelled")),
            EventKind::TaskFailed { error } => told.push(format!("{name} failed: {error}")),
            EventKind::TaskFinished { .. } => told.push(format!("{name} finished")),
            _ => {}
        }
    }
    let all = ["c failed: oops", "b finished", "a cancelled", "t finished"];
    assert_eq!(told, all);
    events.finish().await.expect("the run ends well");
}

#[test]
fn pictures_say_what_a_join_waits_for() {
    let time = Duration::from_millis(1500);
    let joins = [
        (Join::all(), None),
        (Join::all().strict(), Some("all, strict")),
        (Join::first(), Some("first")),
        (Join::settled().require("a"), Some("settled")),
        (Join::quorum(2).within(time), Some("quorum 2, ≤ 1.5 s")),
        (
            Join::all().within(Duration::from_millis(20)),
            Some("all, ≤ 20 ms"),
        ),
    ];
    for (join, label) in joins {
        let graph = fan([("a", Says(0)), ("b", Says(0))], join);
        let (dot, svg, mermaid) = (graph.to_dot(), graph.to_svg(), graph.to_mermaid());
        match label {
            Some(label) => {
                assert!(dot.contains(label), "{dot}");
                assert!(svg.contains(label), "{svg}");
                let kind = label.split(',').next().unwrap_or_default();
                assert!(mermaid.contains(kind), "{mermaid}");
            }
            None => assert!(!svg.contains("all"), "{svg}"),
        }
    }
}

/// The findings in a graph with this join of `a` and `b`, of which a route takes
/// one.
fn found(join: Join) -> Vec<String> {
    let graph = marks(["a", "b", "t"])
        .add_route(START, |_: &Trace| Way::A)
        .add_join(["a", "b"], "t", join)
        .compile();
    match graph {
        Ok(graph) => {
            assert!(graph.warnings().is_empty(), "{:?}", graph.warnings());
            Vec::new()
        }
        Err(error) => {
            let found = error.diagnostics().iter();
            found
                .map(|found| format!("{}: {} ({})", found.code(), found.message(), found.help()))
                .collect()
        }
    }
}

#[derive(Route)]
enum Way {
    #[route("a")]
    A,
    #[route("b")]
    _B,
}

#[test]
fn tolerant_joins_may_wait_for_what_is_chosen_between() {
    for join in [Join::first(), Join::settled(), Join::quorum(1)] {
        assert_eq!(found(join), [""; 0]);
    }
    assert!(found(Join::all().strict())[0].starts_with("join-never-fills"));
}

#[test]
fn rules_that_nothing_can_meet_are_mistakes() {
    assert_eq!(
        found(Join::quorum(0)),
        [
            "impossible-join: the join into `t` waits for no success at all \
          (let the quorum be 1 at least, or wait with `Join::settled()`)"
        ]
    );
    assert_eq!(
        found(
            Join::quorum(3)
                .within(Duration::ZERO)
                .require(["a", "bb", "elsewhere"])
        ),
        [
            "impossible-join: the join into `t` waits for 3 successes and has 2 sources \
             (let the quorum be 2 at the most)",
            "impossible-join: the join into `t` gives its sources no time \
             (give `within` a time above zero, or leave it out)",
            "impossible-join: the join into `t` requires `bb`, which is none of its sources \
             (did you mean `b`?)",
            "impossible-join: the join into `t` requires `elsewhere`, which is none of its \
             sources (name one of the join's own sources)",
        ]
    );
    // It is never short without a time, and so is as if it were not strict.
    for settled in [
        Join::settled(),
        Join::settled().within(Duration::from_secs(1)),
    ] {
        assert_eq!(found(settled.strict()), [""; 0]);
    }
}

#[test]
fn a_join_into_the_end_waits_for_nothing() {
    let graph = |join: Join| {
        nodes([("a", Says(0)), ("b", Says(0))])
            .add_edge(START, ["a", "b", "t"])
            .add_join(["a", "b"], [END, "t"], join)
            .compile()
    };
    assert!(graph(Join::all()).is_ok(), "it is what an edge does");
    for join in [Join::settled(), Join::first(), Join::all().strict()] {
        let error = graph(join).unwrap_err();
        let found: Vec<String> = error
            .diagnostics()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        let message = error.diagnostics()[0].message();
        assert_eq!(
            message,
            "the join into `END` has a rule, and the end of a path waits for nothing"
        );
        assert_eq!(error.diagnostics()[0].code(), "impossible-join");
    }
}

#[test]
fn a_node_behind_a_tolerant_join_is_reached_by_one_source() {
    let graph = || {
        nodes([("a", Says(0)), ("b", Says(0)), ("u", Says(0))])
            .add_edge(START, "a")
            .add_edge("t", "b") // only the target leads to its second source
            .add_join(["a", "b"], "t", Join::settled())
            .add_edge("b", "u")
    };
    graph().compile().expect("all can run");
    // And so what is wrong behind it is found.
    let error = graph().add_edge("u", "b").compile().unwrap_err();
    assert_eq!(error.diagnostics()[0].code(), "endless-cycle");
}

#[test]
fn what_follows_a_tolerant_join_does_not_hang_on_what_was_chosen_before() {
    let graph = marks(["a", "b", "x", "m", "t"])
        .add_route(START, |_: &Trace| Way::A)
        .add_edge(START, "x")
        .add_join(["a", "x"], "m", Join::settled())
        .add_edge(["m", "b"], "t");
    graph.compile().expect("`m` runs whatever the route takes");
}
