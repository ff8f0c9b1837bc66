//! Cycles that nothing leads out of.

use super::*;

#[test]
fn a_cycle_has_a_way_out() {
    check(
        nodes(["a", "b", "c"])
            .add_edge(START, "a")
            .add_edge("a", "b")
            .add_edge("b", ["a", "c"]),
        expect![[r#"
            endless-cycle: there is no way out of the cycle `a`, `b`
                help: let a route in the cycle also lead out of it, or to `END`
        "#]],
    );
}

#[test]
fn a_node_does_not_always_follow_itself() {
    check(
        nodes(["a"]).add_edge(START, "a").add_edge("a", "a"),
        expect![[r#"
            endless-cycle: there is no way out of the cycle `a`
                help: let a route in the cycle also lead out of it, or to `END`
        "#]],
    );
}

#[test]
fn a_route_within_a_cycle_is_no_way_out() {
    check(
        nodes(["s", "a", "b"])
            .add_edge(START, "s")
            .add_route("s", a_or_b)
            .add_edge(["a"], "s")
            .add_edge("b", "s"),
        expect![[r#"
            endless-cycle: there is no way out of the cycle `a`, `b`, `s`
                help: let a route in the cycle also lead out of it, or to `END`
        "#]],
    );
}

#[test]
fn a_command_adds_to_edges_and_is_no_way_out() {
    check(
        nodes(["b"])
            .add_node("a", node(command).destinations(["b", END]))
            .add_edge(START, "a")
            .add_edge("a", "b")
            .add_edge("b", "a"),
        expect![[r#"
            endless-cycle: there is no way out of the cycle `a`, `b`
                help: let a route in the cycle also lead out of it, or to `END`
        "#]],
    );
}

#[test]
fn a_long_cycle_is_named_in_part() {
    let names: Vec<_> = (10..40).map(|n| format!("n{n}")).collect();
    let mut graph = nodes(names.iter().map(String::as_str)).add_edge(START, "n10");
    for (i, name) in names.iter().enumerate() {
        graph = graph.add_edge(name, &names[(i + 1) % names.len()]);
    }
    check(
        graph,
        expect![[r#"
        endless-cycle: there is no way out of the cycle `n10`, `n11`, `n12`, `n13`, `n14`, `n15`, `n16`, `n17`, `n18`, `n19`, `n20`, `n21`, and 18 more
            help: let a route in the cycle also lead out of it, or to `END`
    "#]],
    );
}
