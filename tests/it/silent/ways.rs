//! The ways through a graph: edges, routes, commands, sends, joins.

use superstep::prelude::*;
use superstep::{RunError, Status};

use super::{WORK, codes};
use crate::common::{Trace, error_of, marks, ran, ran_of, sound};

// Edges and routes.

#[tokio::test]
async fn every_static_edge_is_followed() {
    let graph = marks(["a", "b", "c"])
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_edge("b", "c");
    assert_eq!(ran_of(graph).await, "a | b | c");
}

#[tokio::test]
async fn a_second_edge_adds_to_the_first() {
    let graph = marks(["a", "b", "c"])
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_edge("a", "c");
    assert_eq!(ran_of(graph).await, "a | b c");
}

#[tokio::test]
async fn a_second_route_adds_to_the_first_and_to_the_edges() {
    let graph = marks(["a", "b", "c", "d"])
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| "b", ["b"])
        .add_conditional_edges("a", |_: &Trace| "c", ["c"])
        .add_edge("a", "d");
    assert_eq!(ran_of(graph).await, "a | b c d");
}

#[test]
fn a_second_node_of_a_name_does_not_replace_the_first() {
    let graph = marks(["a", "a"]).add_edge(START, "a");
    assert_eq!(codes(graph.compile()), ["duplicate-node"]);
}

#[tokio::test]
async fn a_route_out_of_start_is_asked() {
    let graph = marks(["a", "b"]).add_conditional_edges(
        START,
        |state: &Trace| if state.n == 1 { "a" } else { "b" },
        ["a", "b"],
    );
    let run = sound(graph).invoke(Trace::update().n(1)).await.unwrap();
    assert_eq!(ran(&run), "a");
}

#[test]
fn a_graph_that_nothing_enters_does_not_compile() {
    assert_eq!(codes(marks(["a"]).compile()), ["no-entry"]);
}

#[tokio::test]
async fn an_unknown_target_of_a_route_does_not_end_the_run_well() {
    let graph = marks(["a", "b"])
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| "bb", ["b"]);
    assert!(matches!(
        error_of(graph).await,
        RunError::UnknownTarget { .. }
    ));
}

#[test]
fn an_unknown_target_of_an_edge_is_found_before_anything_runs() {
    let graph = marks(["a"]).add_edge(START, "a").add_edge("a", "nowhere");
    assert_eq!(codes(graph.compile()), ["unknown-node"]);
    let graph = marks(["a"]).add_edge(START, "a").add_conditional_edges(
        "a",
        |_: &Trace| "nowhere",
        ["nowhere"],
    );
    assert_eq!(codes(graph.compile()), ["unknown-node"]);
}

#[tokio::test]
async fn a_route_sees_the_whole_state_not_only_what_its_node_wrote() {
    let graph = marks(["a", "b", "c"])
        .add_edge(START, "a")
        .add_conditional_edges(
            "a",
            |state: &Trace| if state.n == 5 { "b" } else { "c" },
            ["b", "c"],
        );
    let run = sound(graph).invoke(Trace::update().n(5)).await.unwrap();
    assert_eq!(ran(&run), "a | b");
}

#[tokio::test]
async fn a_route_may_take_more_than_one_way() {
    let graph = marks(["a", "b", "c", "d"])
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| vec!["b", "c"], ["b", "c", "d"]);
    assert_eq!(ran_of(graph).await, "a | b c");
}

// Commands and sends.

#[tokio::test]
async fn the_goto_and_the_update_of_a_command_are_both_read() {
    let go = async |_: View<Trace>| Command::update(Trace::update().n(4)).goto("b");
    let graph = marks(["b"]).add_node("a", go).add_edge(START, "a");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!((ran(&run).as_str(), run.state.n), ("a | b", 4));
}

#[tokio::test]
async fn a_command_of_one_node_leaves_its_siblings_edges_alone() {
    let go = async |_: View<Trace>| Command::<Trace>::new().goto("x");
    let graph = marks(["b", "x", "y", "z"])
        .add_node("a", node(go).destinations(["x"]))
        .add_edge(START, ["a", "b"])
        .add_edge("a", "z")
        .add_edge("b", "y");
    assert_eq!(ran_of(graph).await, "a b | x y z");
}

#[tokio::test]
async fn a_goto_end_of_one_branch_does_not_end_the_others() {
    let stop = async |_: View<Trace>| Command::<Trace>::new().goto(END);
    let graph = marks(["b", "c", "d"])
        .add_node("a", stop)
        .add_edge(START, ["a", "b"])
        .add_edge("b", "c")
        .add_edge("c", "d");
    assert_eq!(ran_of(graph).await, "a b | c | d");
}

#[tokio::test]
async fn sends_are_executed_each_with_its_own_value() {
    let graph = marks(["a"])
        .add_worker(WORK, async |n: u32| Trace::update().log(n.to_string()))
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| [WORK.send(3), WORK.send(1)], [WORK]);
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["a", "3", "1"]);
}

#[tokio::test]
async fn no_sends_at_all_do_not_starve_what_comes_after_silently() {
    let graph = marks(["a", "z"])
        .add_worker(WORK, async |_: u32| {})
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| Vec::<superstep::SendTo>::new(), [WORK])
        .add_edge(["a", "work"], "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a");
    assert_eq!(run.starved[0].missing, ["work"], "it is told");
}

#[test]
fn a_worker_at_the_end_of_a_plain_edge_is_found() {
    let graph = marks(["a"])
        .add_worker(WORK, async |_: u32| {})
        .add_edge(START, "a")
        .add_edge("a", "work");
    assert_eq!(codes(graph.compile()), ["edge-to-worker"]);
}

// Joins.

#[tokio::test]
async fn exclusive_branches_that_meet_run_their_meeting_point_once() {
    // Not a join, since nobody said so: whichever branch runs makes it ready.
    let graph = marks(["a", "b", "s", "z"])
        .add_edge(START, "s")
        .add_conditional_edges("s", |_: &Trace| "a", ["a", "b"])
        .add_edge("a", "z")
        .add_edge("b", "z");
    assert_eq!(ran_of(graph).await, "s | a | z");
}

#[tokio::test]
async fn a_node_that_a_loop_leads_back_to_is_not_taken_for_a_join() {
    let graph = marks(["agent", "init"])
        .add_node("tools", async |state: View<Trace>| {
            Trace::update().n(state.n + 1)
        })
        .add_edge(START, "init")
        .add_edge("init", "agent")
        .add_edge("tools", "agent")
        .add_conditional_edges(
            "agent",
            |state: &Trace| if state.n < 2 { "tools" } else { END },
            ["tools", END],
        );
    assert_eq!(
        ran_of(graph).await,
        "init | agent | tools | agent | tools | agent"
    );
}

#[tokio::test]
async fn a_join_of_branches_of_unequal_length_runs_once() {
    let graph = marks(["a", "b1", "b2", "z"])
        .add_edge(START, ["a", "b1"])
        .add_edge("b1", "b2")
        .add_edge(["a", "b2"], "z");
    assert_eq!(ran_of(graph).await, "a b1 | b2 | z");
}

#[test]
fn plain_edges_from_branches_of_unequal_length_are_warned_of() {
    let graph = marks(["a", "b1", "b2", "z"])
        .add_edge(START, ["a", "b1"])
        .add_edge("b1", "b2")
        .add_edge("a", "z")
        .add_edge("b2", "z");
    let graph = sound(graph);
    let codes: Vec<_> = graph.warnings().iter().map(|found| found.code()).collect();
    assert_eq!(codes, ["uneven-paths"]);
}

#[tokio::test]
async fn the_target_of_a_join_and_of_a_plain_edge_hears_both() {
    let graph = marks(["a", "b1", "b2", "p", "z"])
        .add_edge(START, ["a", "b1", "p"])
        .add_edge("b1", "b2")
        .add_edge(["a", "b2"], "z")
        .add_edge("p", "z");
    assert_eq!(ran_of(graph).await, "a b1 p | b2 z | z");
}

#[tokio::test]
async fn two_joins_into_one_target_both_fire() {
    let graph = marks(["a", "b", "c1", "c2", "d", "z"])
        .add_edge(START, ["a", "b", "c1", "d"])
        .add_edge("c1", "c2")
        .add_edge(["a", "b"], "z")
        .add_edge(["c2", "d"], "z");
    assert_eq!(ran_of(graph).await, "a b c1 d | c2 z | z");
}

#[tokio::test]
async fn two_joins_that_fill_at_once_make_one_task() {
    let graph = marks(["a", "b", "c", "z"])
        .add_edge(START, ["a", "b", "c"])
        .add_edge(["a", "b"], "z")
        .add_edge(["b", "c"], "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a b c | z");
    assert!(run.starved.is_empty());
}

#[tokio::test]
async fn a_node_may_have_several_joins_and_edges_out() {
    let graph = marks(["a", "b", "x", "y", "z"])
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], ["x", "y"])
        .add_edge("a", "z");
    assert_eq!(ran_of(graph).await, "a b | x y z");
}

#[tokio::test]
async fn a_join_that_never_filled_is_not_passed_over_in_silence() {
    let graph = marks(["a", "b", "z"])
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| None::<&str>, ["b"])
        .add_edge(["a", "b"], "z");
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.status, Status::Done);
    assert_eq!(run.starved[0].to_string(), "`z` waits for `b`, after `a`");
}

#[test]
fn a_join_that_never_can_fill_does_not_compile() {
    #[derive(Route)]
    enum Either {
        #[route("a")]
        A,
        #[route("b")]
        B,
    }
    let choose = |state: &Trace| if state.n > 0 { Either::A } else { Either::B };
    let graph = marks(["a", "b", "s", "z"])
        .add_edge(START, "s")
        .add_route("s", choose)
        .add_edge(["a", "b"], "z");
    assert!(codes(graph.compile()).contains(&"join-never-fills"));
}
