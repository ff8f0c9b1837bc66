//! Rules 5 and 6: joins and deferred nodes.

use superstep::prelude::*;

use super::{WORK, work};
use crate::common::{Trace, mark, marks, ran, ran_of, sound};

// Rule 5: joins.

#[tokio::test]
async fn a_join_waits_for_paths_of_any_length_and_fires_once() {
    let graph = marks(["a", "b1", "b2", "b3", "z"])
        .add_edge(START, ["a", "b1"])
        .add_edge("b1", "b2")
        .add_edge("b2", "b3")
        .add_edge(["a", "b3"], "z");
    assert_eq!(ran_of(graph).await, "a b1 | b2 | b3 | z");
}

#[tokio::test]
async fn a_join_arms_again_after_it_fired() {
    let graph = marks(["a", "b"])
        .add_node("z", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "z")
        .add_conditional_edges(
            "z",
            |state: &Trace| if state.n < 3 { vec!["a", "b"] } else { vec![] },
            ["a", "b", END],
        );
    assert_eq!(ran_of(graph).await, "a b | z | a b | z | a b | z");
}

#[tokio::test]
async fn a_join_remembers_that_a_source_ran_not_how_often() {
    // `a` runs twice before `b` does: one firing, and nothing is left over.
    let graph = marks(["b", "slow1", "slow2", "z"])
        .add_node("a", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, ["a", "slow1"])
        .add_conditional_edges("a", |state: &Trace| (state.n < 2).then_some("a"), ["a"])
        .add_edge("slow1", "slow2")
        .add_edge("slow2", "b")
        .add_edge(["a", "b"], "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a slow1 | a slow2 | b | z");
    assert!(run.starved.is_empty());
}

#[tokio::test]
async fn a_join_that_a_source_never_reaches_is_reported_as_starved() {
    let graph = marks(["a", "b", "c", "z"])
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| "b", ["b", "c"])
        .add_edge(["a", "b", "c"], "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a | b");
    let [starved] = &run.starved[..] else {
        panic!("one join starves: {:?}", run.starved);
    };
    assert_eq!(starved.target, "z");
    assert_eq!(starved.arrived, ["a", "b"]);
    assert_eq!(starved.missing, ["c"]);
    assert_eq!(starved.to_string(), "`z` waits for `c`, after `a`, `b`");
}

#[tokio::test]
async fn what_arrives_after_a_join_fired_is_reported_too() {
    let graph = marks(["b", "z"])
        .add_node("a", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "z")
        .add_conditional_edges("z", |state: &Trace| (state.n < 2).then_some("a"), ["a"]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | z | a");
    assert_eq!(run.starved.len(), 1);
    assert_eq!(run.starved[0].missing, ["b"]);
}

#[tokio::test]
async fn a_new_run_begins_with_empty_joins() {
    let graph = marks(["a", "b", "z"])
        .add_conditional_edges(
            START,
            |state: &Trace| if state.n == 0 { "a" } else { "b" },
            ["a", "b"],
        )
        .add_edge(["a", "b"], "z");
    let graph = sound(graph);
    for (n, only) in [(0, "a"), (1, "b"), (0, "a")] {
        let run = graph.invoke(Trace::update().n(n)).await.unwrap();
        assert_eq!(ran(&run), only);
        assert_eq!(run.starved.len(), 1);
    }
}

#[tokio::test]
async fn a_worker_arrives_at_a_join_once_however_many_sends_it_had() {
    let graph = marks(["a", "b", "z"])
        .add_worker(WORK, work)
        .add_edge(START, ["a", "b"])
        .add_conditional_edges("a", |_: &Trace| [WORK.send(1), WORK.send(2)], [WORK])
        .add_edge(["b", "work"], "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | work work | z");
    assert!(run.starved.is_empty());
}

#[tokio::test]
async fn the_sends_that_a_join_did_not_need_do_not_count_towards_its_next_firing() {
    let graph = marks(["a", "z"])
        .add_worker(WORK, work)
        .add_node("b", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, ["a", "b"])
        .add_conditional_edges("a", |_: &Trace| [WORK.send(1), WORK.send(2)], [WORK])
        .add_edge(["b", "work"], "z")
        .add_conditional_edges("z", |state: &Trace| (state.n < 2).then_some("b"), ["b"]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | work work | z | b");
    assert_eq!(
        run.starved[0].to_string(),
        "`z` waits for `work`, after `b`"
    );
}

// Rule 6: deferred nodes.

#[tokio::test]
async fn deferred_nodes_wait_until_nothing_else_is_ready_and_run_together() {
    let graph = marks(["a", "b", "c", "after"])
        .add_worker(WORK, work)
        .add_node("late1", node(mark).defer())
        .add_node("late2", node(mark).defer())
        .add_edge(START, ["a", "late1"])
        .add_edge("a", ["b", "late2"])
        .add_edge("b", "c")
        .add_conditional_edges("c", |_: &Trace| WORK.send(1), [WORK])
        .add_edge(WORK, "late2")
        .add_edge("late1", "after");
    assert_eq!(
        ran_of(graph).await,
        "a | b | c | work | late1 late2 | after"
    );
}

#[tokio::test]
async fn a_join_into_a_deferred_node_stays_filled_and_fires_once() {
    let graph = marks(["b", "c", "d"])
        .add_node("a", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_node("late", node(mark).defer())
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "late")
        .add_edge("b", "c")
        .add_edge("c", "d")
        .add_conditional_edges("d", |state: &Trace| (state.n < 2).then_some("a"), ["a"]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b | c | d | a | late");
    assert!(run.starved.is_empty(), "{:?}", run.starved);
}

#[tokio::test]
async fn a_deferred_node_can_lead_back_and_wait_again() {
    let graph = marks(["a", "b"])
        .add_node(
            "late",
            node(async |state: View<Trace>| Trace::update().n(state.n + 1)).defer(),
        )
        .add_edge(START, "a")
        .add_edge("a", ["b", "late"])
        .add_conditional_edges("late", |state: &Trace| (state.n < 2).then_some("a"), ["a"]);
    assert_eq!(ran_of(graph).await, "a | b | late | a | b | late");
}
