//! What held runs up, by the rules of timelines.

use std::time::Duration;

use superstep::PhaseKind::{Attempt, Backoff, Limited, Queued};
use superstep::{Span, SpanOutcome, Timeline};

use super::scenes::{self, ms, span};

/// The tasks on the critical path, in their order.
fn critical(timeline: &Timeline) -> Vec<String> {
    let path = timeline.critical_path();
    path.iter().map(|&at| timeline.spans()[at].name()).collect()
}

fn of(spans: Vec<Span>) -> Timeline {
    Timeline::new("graph", spans)
}

/// The barrier waits in milliseconds.
fn waits(timeline: &Timeline) -> Vec<u128> {
    let waits = timeline.barrier_waits();
    waits.iter().map(Duration::as_millis).collect()
}

#[test]
fn nothing_takes_no_time() {
    let nothing = of(Vec::new());
    assert_eq!(nothing.total(), Duration::ZERO);
    assert_eq!(
        (nothing.work(), nothing.ideal()),
        (Duration::ZERO, Duration::ZERO)
    );
    assert!((nothing.speedup() - 1.0).abs() < 1e-9);
    assert!(nothing.critical_path().is_empty() && nothing.barrier_waits().is_empty());
}

#[test]
fn a_superstep_is_held_up_by_what_ended_last_before() {
    let timeline = scenes::slow_sibling();
    // `define` needs `terms` alone, but its superstep began when `search` ended.
    assert_eq!(
        critical(&timeline),
        ["plan", "search", "define", "synthesize"]
    );
    assert_eq!(timeline.total(), ms(4200));
    assert_eq!(timeline.work(), ms(300 + 400 + 2100 + 600 + 1000 + 800));
    // Plan, search and synthesize are the longest chain.
    assert_eq!(timeline.ideal(), ms(300 + 2100 + 800));
    assert!((timeline.speedup() - 5200.0 / 4200.0).abs() < 1e-9);
}

#[test]
fn a_span_waits_for_the_first_that_it_made_ready() {
    // In rows: plan, questions, search, terms, define, synthesize.
    assert_eq!(waits(&scenes::slow_sibling()), [0, 2700, 1000, 1500, 0, 0]);
}

#[test]
fn a_span_that_made_nothing_ready_waits_for_its_superstep() {
    let timeline = of(vec![
        span("a", 1, 0, 10),
        span("b", 1, 0, 40),
        span("c", 2, 40, 50),
    ]);
    assert_eq!(waits(&timeline), [30, 0, 0]);
    // There is no barrier where the next superstep does not wait for it.
    let eager = of(vec![
        span("a", 1, 0, 10),
        span("b", 1, 0, 40),
        span("end", 1, 0, 5),
        span("c", 2, 20, 50).after([0]),
        span("d", 2, 15, 50).after([0]),
    ]);
    assert_eq!(waits(&eager), [5, 0, 0, 0, 0]);
}

#[test]
fn a_span_that_does_not_wait_for_its_superstep_is_held_up_by_what_it_is_after() {
    let timeline = of(vec![
        span("a", 1, 0, 10),
        span("b", 1, 0, 15),
        span("slow", 1, 0, 40),
        span("c", 2, 15, 60).after([0, 1]),
    ]);
    assert_eq!(critical(&timeline), ["b", "c"]);
}

#[test]
fn a_span_may_be_after_one_of_an_earlier_superstep_that_ended_later() {
    let timeline = of(vec![
        span("slow", 1, 0, 30),
        span("quick", 1, 0, 5),
        span("short", 2, 5, 10).after([1]),
        span("join", 3, 30, 40).after([0, 2]),
    ]);
    assert_eq!(critical(&timeline), ["slow", "join"]);
}

#[test]
fn a_permit_is_held_up_by_who_gave_it() {
    let timeline = scenes::permits();
    let path = critical(&timeline);
    assert_eq!(
        path,
        [
            "split", "review/0", "review/3", "review/6", "review/8", "collect"
        ]
    );
    // Without permits all ten are as long as the longest of them.
    assert_eq!(timeline.ideal(), ms(200 + 604 + 250));
}

#[test]
fn what_did_not_wait_for_a_permit_last_is_held_up_by_its_superstep() {
    let b = || {
        span("b", 1, 20, 30)
            .ready(ms(0))
            .phase(Attempt(1), ms(20), ms(30))
    };
    let after = |b| critical(&of(vec![span("a", 1, 0, 20), b]));
    assert_eq!(after(b().phase(Queued, ms(0), ms(20))), ["a", "b"]);
    assert_eq!(after(b().phase(Limited, ms(0), ms(20))), ["b"]);
    assert_eq!(after(b()), ["b"]);
}

#[test]
fn waits_for_permits_and_rates_are_not_in_the_ideal_and_backoff_is() {
    let timeline = of(vec![
        span("a", 1, 30, 110)
            .ready(ms(0))
            .phase(Queued, ms(0), ms(10))
            .phase(Limited, ms(10), ms(30))
            .phase(Attempt(1), ms(30), ms(50))
            .phase(Backoff, ms(50), ms(60))
            .phase(Queued, ms(60), ms(80))
            .phase(Limited, ms(80), ms(90))
            .phase(Attempt(2), ms(90), ms(110)),
    ]);
    assert_eq!(timeline.work(), ms(20 + 20));
    assert_eq!(timeline.ideal(), ms(20 + 10 + 20));
    assert_eq!(timeline.total(), ms(110));
}

#[test]
fn of_phases_that_overlap_the_first_counts() {
    let timeline = of(vec![
        span("a", 1, 0, 30)
            .phase(Attempt(2), ms(10), ms(40))
            .phase(Attempt(1), ms(0), ms(20)),
    ]);
    assert_eq!(timeline.work(), ms(20 + 10));
}

#[test]
fn what_is_around_others_comes_before_them_however_early_they_begin() {
    for path in ["outer", "outer/0"] {
        let inner = format!("{path}/inner");
        let timeline = of(vec![
            span("outer", 2, 10, 30),
            span("inner", 1, 10, 30).inside(path),
            span("a", 0, 10, 30).inside(inner),
            span("before", 1, 0, 10),
        ]);
        assert_eq!(timeline.critical_path(), [3, 0, 1, 2]);
        assert_eq!(timeline.work(), ms(30));
    }
}

#[test]
fn what_names_nothing_before_it_waits_for_the_whole_superstep_before() {
    let timeline = of(vec![
        span("a", 1, 0, 10),
        span("b", 1, 0, 40),
        span("c", 2, 45, 50),
    ]);
    assert_eq!(timeline.ideal(), ms(40 + 5));
}

#[test]
fn what_is_inside_counts_in_place_of_what_is_around_it() {
    let timeline = scenes::nested();
    assert_eq!(
        critical(&timeline),
        [
            "plan",
            "review/1",
            "review/1/draft",
            "review/1/facts",
            "review/1/vote",
            "publish"
        ]
    );
    let leaves = 150 + (300 + 250 + 90 + 200) + (500 + 550 + 90 + 200) + 300;
    assert_eq!(timeline.work(), ms(leaves));
}

#[test]
fn a_subgraph_lasts_as_long_as_its_longest_chain_and_what_it_took_beside() {
    let timeline = of(vec![
        span("inner", 1, 0, 100),
        span("a", 1, 10, 30).inside("inner/0"),
        span("b", 1, 10, 50).inside("inner/0"),
        span("c", 2, 50, 90).inside("inner/0").after([1]),
    ]);
    // Ten before it, ten after it, and `a` and `c`.
    assert_eq!(timeline.ideal(), ms(10 + 20 + 40 + 10));
    assert_eq!(critical(&timeline), ["inner", "inner/0/b", "inner/0/c"]);
}

#[test]
fn in_a_loop_spans_are_inside_the_turn_that_was_ready_last() {
    let timeline = of(vec![
        span("inner", 1, 0, 10),
        span("inner", 2, 10, 30),
        span("a", 1, 0, 10).inside("inner/0"),
        span("a", 1, 10, 20).inside("inner/0"),
        span("b", 2, 20, 30).inside("inner/0"),
    ]);
    let path = timeline.critical_path();
    assert_eq!(path, [0, 2, 1, 3, 4]);
}

#[test]
fn spans_that_name_what_is_not_there_or_comes_later_are_no_harm() {
    let timeline = of(vec![
        span("a", 1, 0, 10).after([0, 1, 7]),
        span("b", 2, 10, 20).after([0, 1, usize::MAX]),
        span("lost", 1, 5, 6).inside("nowhere/0"),
    ]);
    assert_eq!(critical(&timeline), ["a", "b"]);
    assert_eq!(timeline.ideal(), ms(20));
    // `b` had begun before `a` did.
    let timeline = of(vec![
        span("a", 1, 50, 60).ready(ms(0)),
        span("b", 2, 20, 30).ready(ms(10)).after([0]),
        span("c", 3, 60, 70).after([1]),
    ]);
    assert_eq!(critical(&timeline), ["b", "c"]);
}

#[test]
fn spans_without_time_have_a_critical_path_too() {
    let timeline = of(vec![span("b", 2, 0, 0).after([1]), span("a", 1, 0, 0)]);
    assert_eq!(critical(&timeline), ["a", "b"]);
}

#[test]
fn a_timeline_is_data() {
    let timeline = scenes::failure();
    let json = serde_json::to_string(&timeline).unwrap();
    assert_eq!(serde_json::from_str::<Timeline>(&json).unwrap(), timeline);
    let charge = serde_json::to_value(&timeline.spans()[1]).unwrap();
    let expected = serde_json::json!({
        "task": "charge",
        "superstep": 2,
        "ready_ns": 400_000_000,
        "start_ns": 400_000_000,
        "end_ns": 1_500_000_000,
        "phases": [
            { "kind": { "attempt": 1 }, "start_ns": 400_000_000, "end_ns": 800_000_000 },
            { "kind": "backoff", "start_ns": 800_000_000, "end_ns": 1_100_000_000 },
            { "kind": { "attempt": 2 }, "start_ns": 1_100_000_000, "end_ns": 1_500_000_000 },
        ],
        "outcome": "failed",
        "after": [0],
    });
    assert_eq!(charge, expected);
    assert_eq!(timeline.spans()[3].outcome, SpanOutcome::Cancelled);
}
