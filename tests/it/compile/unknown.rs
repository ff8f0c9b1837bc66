//! A name that is no node's hides no other mistake, and makes none.

use super::*;

/// A route to `a` or `b`, and a join of both into `c`.
fn never_filled<'a>(more: impl IntoIterator<Item = &'a str>) -> Builder {
    nodes(["a", "b", "c"].into_iter().chain(more))
        .add_route(START, a_or_b)
        .add_edge(["a", "b"], "c")
}

#[test]
fn a_misspelt_name_hides_no_join() {
    check(
        never_filled(["done"]).add_edge("c", ["done", "dome"]),
        expect![[r#"
            join-never-fills: the join into `c` can never fill: one route chooses between `a` and `b`
                help: wait only for sources that can all run, or use a plain edge from each
            unknown-node: an edge names `dome`, which is not a node of this graph
                help: did you mean `done`?
        "#]],
    );
}

#[test]
fn nor_does_a_forgotten_node() {
    check(
        never_filled([])
            .add_edge("c", "finish")
            .add_edge("finish", END),
        expect![[r#"
            join-never-fills: the join into `c` can never fill: one route chooses between `a` and `b`
                help: wait only for sources that can all run, or use a plain edge from each
            unknown-node: an edge names `finish`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`, `c`
            unknown-node: an edge names `finish`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`, `c`
        "#]],
    );
}

#[test]
fn nor_does_a_misspelt_beginning() {
    check(
        nodes(["plan", "a", "b", "c"])
            .add_edge(START, "plam")
            .add_route("plan", a_or_b)
            .add_edge(["a", "b"], "c"),
        expect![[r#"
            unknown-node: an edge names `plam`, which is not a node of this graph
                help: did you mean `plan`?
            join-never-fills: the join into `c` can never fill: one route chooses between `a` and `b`
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[test]
fn a_join_can_never_fill_whatever_follows_it() {
    check(
        nodes(["a", "b"])
            .add_route(START, a_or_b)
            .add_edge(["a", "b"], "finish"),
        expect![[r#"
            unknown-node: an edge names `finish`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`
            join-never-fills: the join into `finish` can never fill: one route chooses between `a` and `b`
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[test]
fn nor_whatever_else_it_waits_for() {
    check(
        nodes(["a", "b", "c"])
            .add_route(START, a_or_b)
            .add_edge(["a", "b", "elsewhere"], "c"),
        expect![[r#"
            unknown-node: a join names `elsewhere`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`, `c`
            join-never-fills: the join into `c` can never fill: one route chooses between `a` and `b`
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[test]
fn two_forgotten_nodes_are_rivals_too() {
    check(
        nodes(["s", "c"])
            .add_edge(START, "s")
            .add_route("s", a_or_b)
            .add_edge(["a", "b"], "c"),
        expect![[r#"
            unknown-node: a route names `a`, which is not a node of this graph
                help: add it with `add_node`; there are `c`, `s`
            unknown-node: a route names `b`, which is not a node of this graph
                help: add it with `add_node`; there are `c`, `s`
            unknown-node: a join names `a`, which is not a node of this graph
                help: add it with `add_node`; there are `c`, `s`
            unknown-node: a join names `b`, which is not a node of this graph
                help: add it with `add_node`; there are `c`, `s`
            join-never-fills: the join into `c` can never fill: one route chooses between `a` and `b`
                help: wait only for sources that can all run, or use a plain edge from each
        "#]],
    );
}

#[test]
fn a_join_that_fills_if_the_name_is_corrected_is_not_judged() {
    // If `aa` is `a`, both run after `b` was chosen.
    check(
        never_filled([]).add_edge("b", "aa"),
        expect![[r#"
        unknown-node: an edge names `aa`, which is not a node of this graph
            help: did you mean `a`?
    "#]],
    );
    // And so they may if `bb` is a node that was forgotten.
    check(
        nodes(["a", "b", "c"])
            .add_route(START, a_or_b)
            .add_edge(["a", "bb"], "c"),
        expect![[r#"
            unknown-node: a join names `bb`, which is not a node of this graph
                help: did you mean `b`?
        "#]],
    );
}

#[test]
fn a_join_does_not_wait_for_its_target_by_a_wrong_name() {
    check(
        nodes(["plan", "write"])
            .add_edge(START, "plan")
            .add_edge(["plan", "wrote"], "write"),
        expect![[r#"
            unknown-node: a join names `wrote`, which is not a node of this graph
                help: did you mean `write`?
        "#]],
    );
}

#[test]
fn a_join_after_a_forgotten_beginning_is_not_judged() {
    check(
        nodes(["plan", "write", "done"])
            .add_edge(START, "beginning")
            .add_edge("plan", "write")
            .add_edge(["plan", "write"], "done"),
        expect![[r#"
            unknown-node: an edge names `beginning`, which is not a node of this graph
                help: add it with `add_node`; there are `done`, `plan`, `write`
        "#]],
    );
}

#[test]
fn a_node_is_unreachable_whatever_it_leads_to() {
    check(
        nodes(["lonely", "write"])
            .add_edge(START, END)
            .add_edge("lonely", ["write", "elsewhere"]),
        expect![[r#"
            unreachable-node: nothing that can run leads to `lonely`, and so to `write`
                help: add an edge to it, declare it as a target, or remove it
            unknown-node: an edge names `elsewhere`, which is not a node of this graph
                help: add it with `add_node`; there are `lonely`, `write`
        "#]],
    );
}

#[test]
fn nor_does_a_wrong_name_make_it_reached_to_which_nothing_leads() {
    check(
        nodes(["plan", "write", "print"])
            .add_edge(START, "plan")
            .add_edge("wrote", "print"),
        expect![[r#"
            unreachable-node: nothing that can run leads to `write`
                help: add an edge to it, declare it as a target, or remove it
            unknown-node: an edge names `wrote`, which is not a node of this graph
                help: did you mean `write`?
        "#]],
    );
}

#[test]
fn a_cycle_has_no_way_out_whatever_is_in_it() {
    check(
        nodes(["plan", "write"])
            .add_edge(START, "plan")
            .add_edge("plan", "wrote")
            .add_edge("wrote", "plan")
            .add_edge("plan", "write"),
        expect![[r#"
            unknown-node: an edge names `wrote`, which is not a node of this graph
                help: did you mean `write`?
            unknown-node: an edge names `wrote`, which is not a node of this graph
                help: did you mean `write`?
            endless-cycle: there is no way out of the cycle `plan`, `wrote`
                help: let a route in the cycle also lead out of it, or to `END`
        "#]],
    );
}

#[test]
fn a_source_is_repeated_whatever_it_is() {
    check(
        nodes(["plan", "done"])
            .add_edge(START, "plan")
            .add_edge(["plan", "write", "write"], "done"),
        expect![[r#"
            unknown-node: a join names `write`, which is not a node of this graph
                help: add it with `add_node`; there are `done`, `plan`
            unknown-node: a join names `write`, which is not a node of this graph
                help: add it with `add_node`; there are `done`, `plan`
            repeated-source: a join into `done` names `write` twice
                help: name each source once; a join does not count
        "#]],
    );
}
