//! Names: those that no node has, those given twice, those that cannot be.

use super::*;

#[test]
fn an_unknown_name_is_found_and_the_likely_one_suggested() {
    check(
        nodes(["plan", "write"])
            .add_edge(START, "plam")
            .add_edge("plan", "write"),
        expect![[r#"
            unknown-node: an edge names `plam`, which is not a node of this graph
                help: did you mean `plan`?
        "#]],
    );
}

#[test]
fn a_misspelt_name_does_not_cascade() {
    // Taken for `plan`, it would be an edge from `plan` to itself, a join
    // that names it twice, and a plain edge to a worker.
    check(
        nodes(["plan", "write", "done"])
            .add_worker(REVIEW, review)
            .add_edge(START, ["plan", "write"])
            .add_edge("plan", "plam")
            .add_edge(["plan", "write", "plann"], "done")
            .add_conditional_edges("plan", anywhere, [REVIEW])
            .add_edge("write", "reviw"),
        expect![[r#"
            unknown-node: an edge names `plam`, which is not a node of this graph
                help: did you mean `plan`?
            unknown-node: a join names `plann`, which is not a node of this graph
                help: did you mean `plan`?
            unknown-node: an edge names `reviw`, which is not a node of this graph
                help: did you mean `review`?
        "#]],
    );
}

#[test]
fn a_forgotten_node_does_not_cascade() {
    // What follows it is not called unreachable, and the route that could
    // also go there is not called a cycle without a way out.
    check(
        nodes(["a", "b", "z"])
            .add_edge(START, "a")
            .add_edge("a", "b")
            .add_conditional_edges("b", anywhere, ["a", "finish"])
            .add_edge("finish", "z"),
        expect![[r#"
            unknown-node: a conditional edge names `finish`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`, `z`
            unknown-node: an edge names `finish`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`, `z`
        "#]],
    );
}

#[test]
fn a_forgotten_step_is_not_a_cycle() {
    check(
        nodes(["step1", "step2"])
            .add_edge(START, "step1")
            .add_edge("step1", "step2")
            .add_edge("step2", "step3"),
        expect![[r#"
            unknown-node: an edge names `step3`, which is not a node of this graph
                help: did you mean `step1`?
        "#]],
    );
}

#[test]
fn a_forgotten_first_node_does_not_cascade() {
    check(
        nodes(["plan", "write"])
            .add_edge(START, "beginning")
            .add_edge("plan", "write"),
        expect![[r#"
            unknown-node: an edge names `beginning`, which is not a node of this graph
                help: add it with `add_node`; there are `plan`, `write`
        "#]],
    );
}

#[test]
fn one_letter_is_not_a_misspelling_of_another() {
    check(
        nodes(["a", "b"])
            .add_edge(START, ["a", "b"])
            .add_edge("a", "c"),
        expect![[r#"
            unknown-node: an edge names `c`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`
        "#]],
    );
}

#[test]
fn an_unknown_name_lists_a_few_known_ones() {
    let names: Vec<_> = (10..40).map(|n| format!("node-{n}")).collect();
    check(
        nodes(names.iter().map(String::as_str))
            .add_edge(START, names)
            .add_edge("node-10", "elsewhere"),
        expect![[r#"
            unknown-node: an edge names `elsewhere`, which is not a node of this graph
                help: add it with `add_node`; there are `node-10`, `node-11`, `node-12`, `node-13`, `node-14`, `node-15`, `node-16`, `node-17`, `node-18`, `node-19`, `node-20`, `node-21`, and 18 more
        "#]],
    );
}

#[test]
fn a_graph_without_nodes_knows_no_name() {
    check(
        graph().add_edge(START, "plan"),
        expect![[r#"
        unknown-node: an edge names `plan`, which is not a node of this graph
            help: add it with `add_node`
    "#]],
    );
}

#[test]
fn sources_are_named_before_targets() {
    check(
        nodes(["a"])
            .add_edge(START, "a")
            .add_edge("from-here", "to-there"),
        expect![[r#"
            unknown-node: an edge names `from-here`, which is not a node of this graph
                help: add it with `add_node`; there are `a`
            unknown-node: an edge names `to-there`, which is not a node of this graph
                help: add it with `add_node`; there are `a`
        "#]],
    );
}

#[test]
fn constants_in_quotes_are_told_from_names() {
    #[derive(Route)]
    enum Stop {
        #[route("END")]
        End,
    }

    check(
        nodes(["send", "b", "c"])
            .add_edge("START", ["send", "b"])
            .add_edge("send", "end")
            .add_edge(["Start", "b"], "c")
            .add_route("c", |_: &Trip| Stop::End),
        expect![[r#"
            unknown-node: an edge names `START`, which is not a node of this graph
                help: write the constant `START`, without quotes
            unknown-node: an edge names `end`, which is not a node of this graph
                help: write the constant `END`, without quotes
            unknown-node: a join names `Start`, which is not a node of this graph
                help: write the constant `START`, without quotes
            unknown-node: a route names `END`, which is not a node of this graph
                help: write the constant `END`, without quotes
        "#]],
    );
    check(
        nodes(["start", "end"])
            .add_edge(START, "Start")
            .add_edge("start", "End"),
        expect![[r#"
            unknown-node: an edge names `Start`, which is not a node of this graph
                help: did you mean `start`?
            unknown-node: an edge names `End`, which is not a node of this graph
                help: did you mean `end`?
        "#]],
    );
}

#[test]
fn unknown_names_are_found_in_every_call() {
    check(
        nodes(["a", "b"])
            .add_node("c", node(command).destinations(["nowhere-1"]))
            .add_edge(START, ["a", "b", "c"])
            .add_edge(["a", "nowhere-2"], "b")
            .add_route("nowhere-3", again_or_stop)
            .add_conditional_edges("a", anywhere, ["nowhere-4", END]),
        expect![[r#"
            unknown-node: a destination of `c` names `nowhere-1`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`, `c`
            unknown-node: a join names `nowhere-2`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`, `c`
            unknown-node: a route names `nowhere-3`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`, `c`
            unknown-node: a conditional edge names `nowhere-4`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`, `c`
        "#]],
    );
}

#[test]
fn a_name_is_given_once() {
    check(
        nodes(["a", "b", "a", "a"]).add_edge(START, ["a", "b"]),
        expect![[r#"
            duplicate-node: `a` is already the name of a node
                help: rename one of them; the first is added at [here]
            duplicate-node: `a` is already the name of a node
                help: rename one of them; the first is added at [here]
        "#]],
    );
}

#[test]
fn a_worker_and_a_node_do_not_share_a_name() {
    check(
        nodes(["review", "split"])
            .add_worker(REVIEW, review)
            .add_edge(START, ["review", "split"])
            .add_conditional_edges("split", anywhere, [REVIEW]),
        expect![[r#"
            duplicate-node: `review` is already the name of a node
                help: rename one of them; the first is added at [here]
        "#]],
    );
}

#[test]
fn what_a_duplicate_declares_still_counts() {
    check(
        nodes(["a", "b"])
            .add_node("a", node(command).destinations(["b", "nowhere"]))
            .add_edge(START, "a"),
        expect![[r#"
            duplicate-node: `a` is already the name of a node
                help: rename one of them; the first is added at [here]
            unknown-node: a destination of `a` names `nowhere`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `b`
        "#]],
    );
}

#[test]
fn names_that_cannot_be_are_found_once() {
    check(
        nodes(["", "", START, END, " plan", "a/b", "a\nb"])
            .add_edge(START, ["", " plan", "a/b", "a\nb"]),
        expect![[r#"
            invalid-name: a node cannot be called "": it is empty
                help: give the node another name
            invalid-name: a node cannot be called "": it is empty
                help: give the node another name
            invalid-name: a node cannot be called "__start__": it is reserved
                help: give the node another name
            invalid-name: a node cannot be called "__end__": it is reserved
                help: give the node another name
            invalid-name: a node cannot be called " plan": it begins or ends with a space
                help: give the node another name
            invalid-name: a node cannot be called "a/b": `/` separates the parts of a task's path
                help: give the node another name
            invalid-name: a node cannot be called "a\nb": it holds a control character
                help: give the node another name
        "#]],
    );
}

#[test]
fn an_impossible_name_is_not_misspelt_by_who_corrects_it() {
    check(
        nodes(["plan "])
            .add_edge(START, "plan")
            .add_edge("plan", END),
        expect![[r#"
            invalid-name: a node cannot be called "plan ": it begins or ends with a space
                help: give the node another name
        "#]],
    );
}

#[test]
fn names_may_be_in_any_language() {
    check(
        nodes(["планировать", "写", "two words", "A", "a"])
            .add_edge(START, ["планировать", "写", "two words", "A", "a"]),
        expect![[r#"
            ok
        "#]],
    );
}
