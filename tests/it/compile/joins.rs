//! Joins that wait for what never comes, or for what need not be waited for.

use super::*;

#[test]
fn a_join_waits_for_what_can_run() {
    check(
        nodes(["a", "b", "c", "d"])
            .add_edge(START, "a")
            .add_edge(["a", "b"], ["c", "d"]),
        expect![[r#"
            unreachable-node: nothing that can run leads to `b`, and so to `c`, `d`
                help: add an edge to it, declare it as a target, or remove it
            join-never-fills: the join into `c` can never fill: nothing that can run leads to `b`
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[test]
fn a_join_does_not_wait_for_its_target() {
    check(
        nodes(["a", "b"])
            .add_edge(START, "a")
            .add_edge(["a", "b"], "b"),
        expect![[r#"
            join-never-fills: the join into `b` can never fill: it waits for its own target
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[test]
fn joins_do_not_wait_for_each_other() {
    check(
        nodes(["a", "b", "c"])
            .add_edge(START, "a")
            .add_edge(["a", "c"], "b")
            .add_edge(["a", "b"], "c"),
        expect![[r#"
            join-never-fills: the join into `b` can never fill: nothing that can run leads to `c`
                help: wait only for sources that can all run, or use a plain edge from each
            join-never-fills: the join into `c` can never fill: nothing that can run leads to `b`
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[test]
fn a_join_does_not_wait_for_both_ways_of_a_route() {
    check(
        nodes(["s", "a", "b", "c"])
            .add_edge(START, "s")
            .add_route("s", a_or_b)
            .add_edge(["a", "b"], "c"),
        expect![[r#"
            join-never-fills: the join into `c` can never fill: one route chooses between `a` and `b`
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[test]
fn nor_for_what_follows_both_ways_of_a_route() {
    check(
        nodes(["a", "b", "x", "y", "z", "c"])
            .add_route(START, a_or_b)
            .add_edge("a", "x")
            .add_edge("x", "y")
            .add_edge("b", "z")
            .add_edge(["y", "z"], "c"),
        expect![[r#"
            join-never-fills: the join into `c` can never fill: one route chooses between `a` and `b`
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[test]
fn two_variants_may_name_one_target() {
    check(
        nodes(["a", "b", "c"])
            .add_route(START, |_| Either::A)
            .add_edge(["a", "b"], "c"),
        expect![[r#"
            join-never-fills: the join into `c` can never fill: one route chooses between `a` and `b`
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[derive(Route)]
#[expect(dead_code, reason = "only what it declares matters")]
enum Either {
    #[route("a")]
    A,
    #[route("b")]
    B,
    #[route("a")]
    AsWell,
}

#[test]
fn start_and_repeated_sources_do_not_belong_in_a_join() {
    check(
        nodes(["a", "b", "c"])
            .add_edge(START, ["a", "b"])
            .add_edge([START, "a", "b", START], "c")
            .add_edge(["a", "b", "a", "a"], END),
        expect![[r#"
            join-from-start: a join into `c` waits for `START`
                help: leave `START` out of the join; it is always there
            repeated-source: a join into `END` names `a` twice
                help: name each source once; a join does not count
        "#]],
    );
}

#[test]
fn a_join_of_nothing_but_start_is_one_mistake() {
    check(
        nodes(["a", "b"])
            .add_edge(START, "a")
            .add_edge([START, START], "b"),
        expect![[r#"
            join-from-start: a join into `b` waits for `START`
                help: leave `START` out of the join; it is always there
        "#]],
    );
}
