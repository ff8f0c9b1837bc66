//! Where a graph begins, and where edges and routes may lead.

use super::*;

#[test]
fn a_graph_begins_somewhere() {
    check(
        nodes(["a"]).add_edge("a", END),
        expect![[r#"
        no-entry: nothing leads out of `START`
            help: add an edge from `START` to the first node
    "#]],
    );
    check(
        graph(),
        expect![[r#"
        no-entry: nothing leads out of `START`
            help: add an edge from `START` to the first node
    "#]],
    );
}

#[test]
fn other_mistakes_show_without_a_beginning() {
    check(
        nodes(["a", "b"])
            .add_edge("a", "b")
            .add_edge("b", "a")
            .add_edge("b", "nowhere"),
        expect![[r#"
            no-entry: nothing leads out of `START`
                help: add an edge from `START` to the first node
            endless-cycle: there is no way out of the cycle `a`, `b`
                help: let a route in the cycle also lead out of it, or to `END`
            unknown-node: an edge names `nowhere`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`
        "#]],
    );
}

#[test]
fn nothing_leads_into_start_or_out_of_end() {
    check(
        nodes(["a", "b", "c", "d"])
            .add_edge(START, "a")
            .add_edge("a", START)
            .add_edge(END, "b")
            .add_edge(["a", END], "c")
            .add_conditional_edges(END, anywhere, ["d"])
            .add_conditional_edges("a", anywhere, [START]),
        expect![[r#"
            edge-into-start: an edge leads into `START`
                help: `__start__` only begins runs; go to the node that should run instead
            edge-out-of-end: an edge leads out of `END`
                help: `__end__` only ends paths; start from the node that runs before it
            edge-out-of-end: a join leads out of `END`
                help: `__end__` only ends paths; start from the node that runs before it
            edge-out-of-end: a conditional edge leads out of `END`
                help: `__end__` only ends paths; start from the node that runs before it
            edge-into-start: a conditional edge leads into `START`
                help: `__start__` only begins runs; go to the node that should run instead
        "#]],
    );
}

#[test]
fn an_edge_has_two_sides() {
    let none: [&str; 0] = [];
    check(
        nodes(["a", "b", "c"])
            .add_edge(START, "a")
            .add_edge("a", none)
            .add_edge(none, "b")
            .add_conditional_edges(none, anywhere, ["c"]),
        expect![[r#"
            empty-edge: an edge has no target
                help: name at least one node on each side
            empty-edge: an edge has no source
                help: name at least one node on each side
            empty-edge: a conditional edge has no source
                help: name at least one node on each side
        "#]],
    );
}

#[test]
fn a_route_declares_where_it_goes() {
    let none: [&str; 0] = [];
    check(
        nodes(["a", "b"])
            .add_edge(START, ["a", "b"])
            .add_conditional_edges(["a", "b"], anywhere, none)
            .add_conditional_edges(START, anywhere, none),
        expect![[r#"
            route-to-nowhere: a conditional edge from `a`, `b` declares no target
                help: declare the nodes that it may go to
            route-to-nowhere: a conditional edge from `START` declares no target
                help: declare the nodes that it may go to
        "#]],
    );
}

#[test]
fn only_sends_reach_a_worker() {
    check(
        nodes(["a", "b"])
            .add_worker(REVIEW, review)
            .add_edge(START, ["a", "b"])
            .add_edge("a", REVIEW)
            .add_edge(["a", "b"], REVIEW)
            .add_route("a", |_| ToReview::Review),
        expect![[r#"
            edge-to-worker: an edge leads to worker `review`, which needs a value
                help: send values to it from `add_conditional_edges`, or add it as a node
            edge-to-worker: an edge leads to worker `review`, which needs a value
                help: send values to it from `add_conditional_edges`, or add it as a node
            edge-to-worker: a route leads to worker `review`, which needs a value
                help: send values to it from `add_conditional_edges`, or add it as a node
        "#]],
    );
}

#[derive(Route)]
enum ToReview {
    #[route("review")]
    Review,
}

#[test]
fn a_worker_is_not_deferred() {
    check(
        nodes(["a"])
            .add_worker(REVIEW, node(review).defer())
            .add_edge(START, "a")
            .add_conditional_edges("a", anywhere, [REVIEW]),
        expect![[r#"
            deferred-worker: worker `review` is deferred, but sends always run in the next superstep
                help: defer the node that collects its results instead
        "#]],
    );
}
