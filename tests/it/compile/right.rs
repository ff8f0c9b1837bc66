//! What nothing is wrong with.

use super::*;

#[test]
fn loops_with_a_route_out() {
    check(
        nodes(["a", "b"])
            .add_edge(START, "a")
            .add_edge("a", "b")
            .add_route("b", again_or_stop),
        expect![[r#"
            ok
        "#]],
    );
    check(
        nodes(["a"])
            .add_edge(START, "a")
            .add_conditional_edges("a", anywhere, ["a"]),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn joins_over_several_supersteps() {
    check(
        nodes(["a", "b", "c", "d"])
            .add_edge(START, ["a", "b"])
            .add_edge("b", "c")
            .add_edge(["a", "c"], "d"),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn a_join_in_a_loop() {
    check(
        nodes(["a", "b", "c"])
            .add_edge(START, "a")
            .add_route("a", a_or_b_or_end)
            .add_edge(["a", "b"], "c")
            .add_conditional_edges("c", anywhere, ["a"]),
        expect![[r#"
            ok
        "#]],
    );
}

fn a_or_b_or_end(trip: &Trip) -> AOrBOrEnd {
    match trip.log.len() {
        0 => AOrBOrEnd::A,
        1 => AOrBOrEnd::B,
        _ => AOrBOrEnd::End,
    }
}

#[derive(Route)]
enum AOrBOrEnd {
    #[route("a")]
    A,
    #[route("b")]
    B,
    #[route(END)]
    End,
}

#[test]
fn a_route_that_is_asked_twice_fills_a_join() {
    // `s` runs in two supersteps, by paths of different length.
    check(
        nodes(["a", "b", "s", "x", "y", "c"])
            .add_edge(START, ["x", "y"])
            .add_edge("x", "s")
            .add_conditional_edges("y", anywhere, ["x"])
            .add_route("s", a_or_b)
            .add_edge(["a", "b"], "c"),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn a_route_of_a_worker_fills_a_join() {
    check(
        nodes(["a", "b", "c"])
            .add_worker(REVIEW, review)
            .add_conditional_edges(START, anywhere, [REVIEW])
            .add_route(REVIEW, a_or_b)
            .add_edge(["a", "b"], "c"),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn a_join_of_two_ways_that_both_come_from_one_choice() {
    check(
        nodes(["a", "b", "x", "y", "c"])
            .add_route(START, a_or_b)
            .add_edge("a", ["x", "y"])
            .add_edge(["x", "y"], "c"),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn a_join_of_a_choice_and_what_can_run_without_it() {
    check(
        nodes(["s", "a", "b", "c"])
            .add_edge(START, ["s", "b"])
            .add_route("s", a_or_b)
            .add_edge(["a", "b"], "c"),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn commands_that_may_go_anywhere() {
    check(
        nodes(["a", "b", "c"])
            .add_node("plan", command)
            .add_edge(START, "plan")
            .add_edge(["a", "b"], "c"),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn commands_with_declared_destinations() {
    check(
        nodes(["a", "b"])
            .add_worker(REVIEW, review)
            .add_node("plan", node(command).destinations(["a", "review", END]))
            .add_edge(START, "plan")
            .add_edge("a", "b"),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn routes_from_start() {
    check(
        nodes(["a", "b"]).add_route(START, a_or_b),
        expect![[r#"
        ok
    "#]],
    );
    check(
        nodes(["a"]).add_conditional_edges(START, anywhere, ["a", END]),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn parts_in_any_order_and_said_twice() {
    check(
        graph()
            .add_edge(["b", "a"], ["c", "c", END])
            .add_edge(["a", "b"], "c")
            .add_edge(START, ["b", "a", "a"])
            .add_edge(START, "a")
            .add_node("c", work)
            .add_node("b", work)
            .add_node("a", work)
            .add_edge("c", END),
        expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn nodes_without_a_way_on() {
    check(
        nodes(["a"]).add_edge(START, "a"),
        expect![[r#"
        ok
    "#]],
    );
}

#[test]
fn a_graph_that_only_ends() {
    check(
        graph().add_edge(START, END),
        expect![[r#"
        ok
    "#]],
    );
}
