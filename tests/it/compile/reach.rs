//! What nothing that can run leads to.

use super::*;

#[test]
fn an_unreachable_node_is_found() {
    check(
        nodes(["a", "b", "c"])
            .add_edge(START, "a")
            .add_edge("b", END),
        expect![[r#"
            unreachable-node: nothing that can run leads to `b`
                help: add an edge to it, declare it as a target, or remove it
            unreachable-node: nothing that can run leads to `c`
                help: add an edge to it, declare it as a target, or remove it
        "#]],
    );
}

#[test]
fn what_follows_an_unreachable_node_is_named_with_it() {
    check(
        nodes(["a", "d", "c", "b"])
            .add_edge(START, "a")
            .add_edge("b", ["c", "a"])
            .add_edge("c", "d"),
        expect![[r#"
            unreachable-node: nothing that can run leads to `b`, and so to `c`, `d`
                help: add an edge to it, declare it as a target, or remove it
        "#]],
    );
}

#[test]
fn an_unreachable_loop_is_one_mistake() {
    check(
        nodes(["a", "z", "y"])
            .add_edge(START, "a")
            .add_edge("y", "z")
            .add_conditional_edges("z", anywhere, ["y", END]),
        expect![[r#"
            unreachable-node: nothing that can run leads to `z`, and so to `y`
                help: add an edge to it, declare it as a target, or remove it
        "#]],
    );
}

#[test]
fn unreachable_commands_reach_nothing() {
    check(
        nodes(["a", "b"])
            .add_node("c", command)
            .add_edge(START, "a"),
        expect![[r#"
            unreachable-node: nothing that can run leads to `c`, and so to `b`
                help: add an edge to it, declare it as a target, or remove it
        "#]],
    );
}

#[test]
fn an_edge_to_end_alone_reaches_no_node() {
    check(
        nodes(["a"]).add_edge(START, END),
        expect![[r#"
        unreachable-node: nothing that can run leads to `a`
            help: add an edge to it, declare it as a target, or remove it
    "#]],
    );
}

#[test]
fn a_worker_without_senders_is_unreachable() {
    check(
        nodes(["a"])
            .add_worker(REVIEW, review)
            .add_edge(START, "a")
            .add_edge(REVIEW, END),
        expect![[r#"
            unreachable-node: nothing that can run leads to `review`
                help: add an edge to it, declare it as a target, or remove it
        "#]],
    );
}
