//! What `compile` finds in a graph, and what it finds nothing wrong with.

use expect_test::{Expect, expect};
use serde::{Deserialize, Serialize};
use superstep::Diagnostic;
use superstep::prelude::*;

#[derive(State, Clone, Default, Serialize, Deserialize)]
struct Trip {
    answer: String,
    #[reduce(Append)]
    log: Vec<String>,
}

type Builder = StateGraph<Trip>;

const REVIEW: Worker<String> = Worker::new("review");

async fn work(_: View<Trip>) {}
async fn review(_: String) {}
async fn command(_: View<Trip>) -> Command<Trip> {
    Command::new()
}

fn graph() -> Builder {
    StateGraph::new("trip")
}

/// A graph with these nodes, each of which does nothing.
fn nodes<'a>(names: impl IntoIterator<Item = &'a str>) -> Builder {
    names
        .into_iter()
        .fold(graph(), |graph, name| graph.add_node(name, work))
}

/// The only place that knows how to compile a graph and print its findings.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "reads better at the call")]
fn check(builder: Builder, expected: Expect) {
    let actual = match builder.compile() {
        Ok(graph) => format!("ok\n{}", print(graph.warnings(), "warning ")),
        Err(error) => print(error.diagnostics(), ""),
    };
    expected.assert_eq(&actual);
}

fn print(diagnostics: &[Diagnostic], kind: &str) -> String {
    let mut text = String::new();
    for found in diagnostics {
        let (code, message) = (found.code(), found.message());
        // Without the line, which every change to this file moves.
        let help = match found.help().split_once(file!()) {
            Some((before, _)) => format!("{before}[here]"),
            None => found.help().to_owned(),
        };
        text += &format!("{kind}{code}: {message}\n    help: {help}\n");
    }
    text
}

#[derive(Route)]
enum Again {
    #[route("a")]
    Again,
    #[route(END)]
    Stop,
}

#[derive(Route)]
enum AOrB {
    #[route("a")]
    A,
    #[route("b")]
    B,
}

fn again_or_stop(trip: &Trip) -> Again {
    if trip.log.is_empty() {
        Again::Again
    } else {
        Again::Stop
    }
}

fn a_or_b(trip: &Trip) -> AOrB {
    if trip.log.is_empty() {
        AOrB::A
    } else {
        AOrB::B
    }
}

fn anywhere(_: &Trip) -> Vec<&'static str> {
    Vec::new()
}

mod names {
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
}

/// A name that is no node's hides no other mistake, and makes none.
mod unknown {
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
}

mod edges {
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
}

mod reach {
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
}

mod joins {
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
}

mod cycles {
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
}

mod fields {
    use super::*;

    #[test]
    fn declared_writes_are_fields() {
        check(
            graph()
                .add_node("a", node(work).writes(["anser", "weather", "log"]))
                .add_edge(START, "a"),
            expect![[r#"
                unknown-field: `a` declares that it writes `anser`, which is not a field of the state
                    help: did you mean `answer`?
                unknown-field: `a` declares that it writes `weather`, which is not a field of the state
                    help: declare fields of the state's struct
            "#]],
        );
    }
}

mod warnings {
    use super::*;

    /// A graph whose nodes all declare to write `answer`.
    fn writers<'a>(names: impl IntoIterator<Item = &'a str>) -> Builder {
        let add = |graph: Builder, name| graph.add_node(name, node(work).writes("answer"));
        names.into_iter().fold(graph(), add)
    }

    #[test]
    fn paths_of_different_length_are_a_join_forgotten() {
        check(
            nodes(["a", "b", "c", "d"])
                .add_edge(START, ["a", "c"])
                .add_edge("a", "b")
                .add_edge("b", "d")
                .add_edge("c", "d"),
            expect![[r#"
                ok
                warning uneven-paths: `d` runs more than once: after `c`, and again after `b`
                    help: to wait for all, write `.add_edge(["c", "b"], "d")`
            "#]],
        );
    }

    #[test]
    fn all_sources_are_in_the_join_that_is_suggested() {
        check(
            nodes(["a", "b", "c", "d", "e"])
                .add_edge(START, ["a", "b", "c"])
                .add_edge("c", "d")
                .add_edge("a", "e")
                .add_edge("b", "e")
                .add_edge("d", "e"),
            expect![[r#"
                ok
                warning uneven-paths: `e` runs more than once: after `a`, and again after `d`
                    help: to wait for all, write `.add_edge(["a", "b", "d"], "e")`
            "#]],
        );
    }

    #[test]
    fn a_node_that_runs_first_and_again_is_uneven() {
        check(
            nodes(["a", "b"])
                .add_edge(START, ["a", "b"])
                .add_edge("a", "b"),
            expect![[r#"
                ok
                warning uneven-paths: `b` runs more than once: after `START`, and again after `a`
                    help: remove the edge from `START` to run it only after `a`
            "#]],
        );
    }

    #[test]
    fn only_where_paths_meet_is_there_a_warning() {
        check(
            nodes(["a", "b", "d", "e"])
                .add_edge(START, ["a", "b"])
                .add_edge("a", "d")
                .add_edge("d", "e")
                .add_edge("b", "e"),
            expect![[r#"
                ok
                warning uneven-paths: `e` runs more than once: after `b`, and again after `d`
                    help: to wait for all, write `.add_edge(["b", "d"], "e")`
            "#]],
        );
    }

    #[test]
    fn even_paths_joins_and_deferred_nodes_are_right() {
        check(
            nodes(["a", "b", "c", "d"])
                .add_node("late", node(work).defer())
                .add_edge(START, ["a", "b"])
                .add_edge("a", "c")
                .add_edge("b", "c")
                .add_edge(["a", "c"], "d")
                .add_edge("a", "late")
                .add_edge("c", "late"),
            expect![[r#"
                ok
            "#]],
        );
    }

    #[test]
    fn an_agent_and_its_tools_are_right() {
        check(
            nodes(["a", "tools"])
                .add_edge(START, "a")
                .add_conditional_edges("a", anywhere, ["tools", END])
                .add_edge("tools", "a"),
            expect![[r#"
                ok
            "#]],
        );
    }

    #[test]
    fn siblings_that_write_one_field_may_conflict() {
        check(
            writers(["a", "b", "c"]).add_edge(START, ["c", "b", "a"]),
            expect![[r#"
                ok
                warning possible-conflict: `a` and `b` can run in the same superstep, and both write `answer`
                    help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
                warning possible-conflict: `a` and `c` can run in the same superstep, and both write `answer`
                    help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
            "#]],
        );
    }

    #[test]
    fn so_may_what_follows_siblings() {
        check(
            writers(["x", "y"])
                .add_node("a", work)
                .add_node("b", work)
                .add_edge(START, ["a", "b"])
                .add_edge("a", "x")
                .add_conditional_edges("b", anywhere, ["y", END]),
            expect![[r#"
                ok
                warning possible-conflict: `x` and `y` can run in the same superstep, and both write `answer`
                    help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
            "#]],
        );
    }

    #[test]
    fn so_may_several_sends() {
        check(
            nodes(["split"])
                .add_worker(REVIEW, node(review).writes(["answer", "log", "answer"]))
                .add_edge(START, "split")
                .add_conditional_edges("split", anywhere, [REVIEW]),
            expect![[r#"
                ok
                warning possible-conflict: several sends to `review` can run in the same superstep, and each writes `answer`
                    help: give `answer` a reducer, such as `#[reduce(Append)]`
            "#]],
        );
    }

    #[test]
    fn what_never_runs_together_does_not_conflict() {
        // One after the other.
        check(
            writers(["a", "b"]).add_edge(START, "a").add_edge("a", "b"),
            expect![[r#"
                ok
            "#]],
        );
        // One or the other.
        check(
            writers(["a", "b"]).add_route(START, a_or_b),
            expect![[r#"
            ok
        "#]],
        );
        // A field that takes several writers.
        check(
            graph()
                .add_node("a", node(work).writes("log"))
                .add_node("b", node(work).writes("log"))
                .add_edge(START, ["a", "b"]),
            expect![[r#"
                ok
            "#]],
        );
        // A deferred node runs when nothing else does.
        check(
            writers(["a"])
                .add_node("late", node(work).writes("answer").defer())
                .add_edge(START, ["a", "late"]),
            expect![[r#"
                ok
            "#]],
        );
        // It does not say what it writes.
        check(
            writers(["a"])
                .add_node("b", work)
                .add_edge(START, ["a", "b"]),
            expect![[r#"
                ok
            "#]],
        );
    }

    #[test]
    fn deferred_nodes_that_wait_together_may_conflict() {
        let late = || node(work).writes("answer").defer();
        check(
            graph()
                .add_node("a", late())
                .add_node("b", late())
                .add_edge(START, ["a", "b"]),
            expect![[r#"
                ok
                warning possible-conflict: `a` and `b` can run in the same superstep, and both write `answer`
                    help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
            "#]],
        );
    }

    /// What is found in a graph over this state, all of it at `new`.
    fn stuck<S: State>() -> String {
        let line = line!() + 1;
        let graph = StateGraph::<S>::new("stuck");
        let graph = graph.add_node("a", async |_: View<S>| {});
        let graph = crate::common::sound(graph.add_edge(START, "a"));
        for found in graph.warnings() {
            assert_eq!(found.location().line(), line);
        }
        print(graph.warnings(), "warning ")
    }

    #[test]
    fn fields_that_no_write_can_change() {
        #[derive(State, Clone, Default, Serialize, Deserialize)]
        struct Zero {
            #[reduce(All)]
            all: bool,
            #[reduce(Any)]
            any: bool,
            #[reduce(Min)]
            least: u32,
            #[reduce(Min)]
            signed: i32,
            #[reduce(Max)]
            most: u32,
            plain: bool,
            #[reduce(Min)]
            huge: u128,
        }

        #[derive(State, Clone, Serialize, Deserialize)]
        struct Full {
            #[reduce(All)]
            all: bool,
            #[reduce(Any)]
            any: bool,
            #[reduce(Min)]
            least: u32,
        }

        impl Default for Full {
            fn default() -> Self {
                let (all, any, least) = (true, true, u32::MAX);
                Self { all, any, least }
            }
        }

        expect![[r#"
            warning stuck-reducer: `all` begins as `false`, which `All` can never change
                help: write `Default` by hand with another value, or start with `.overwrite_all(..)`
            warning stuck-reducer: `least` begins as `0`, which `Min` can never change
                help: write `Default` by hand with another value, or start with `.overwrite_least(..)`
            warning stuck-reducer: `huge` begins as `0`, which `Min` can never change
                help: write `Default` by hand with another value, or start with `.overwrite_huge(..)`
            warning stuck-reducer: `any` begins as `true`, which `Any` can never change
                help: write `Default` by hand with another value, or start with `.overwrite_any(..)`
        "#]]
        .assert_eq(&(stuck::<Zero>() + &stuck::<Full>()));
    }

    #[test]
    fn of_a_state_that_cannot_be_written_as_json_nothing_is_said() {
        fn refuse<T, S: serde::Serializer>(_: &T, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }

        #[derive(State, Clone, Default, Serialize, Deserialize)]
        struct Secret {
            #[serde(serialize_with = "refuse")]
            key: u8,
            #[reduce(All)]
            all: bool,
        }

        assert_eq!(stuck::<Secret>(), "");
    }

    #[test]
    fn destinations_without_a_command_are_idle() {
        check(
            nodes(["b"])
                .add_node("a", node(work).destinations(["b", END]))
                .add_edge(START, ["a", "b"]),
            expect![[r#"
                ok
                warning idle-destinations: `a` declares destinations, but returns no `Command`
                    help: return a `Command`, or remove `.destinations(..)`
            "#]],
        );
    }

    #[test]
    fn warnings_are_in_the_order_of_the_calls() {
        check(
            nodes(["m"])
                .add_node("z", node(work).writes("answer").destinations(END))
                .add_edge(START, ["z", "k", "m"])
                .add_edge("m", "l")
                .add_edge("l", "n")
                .add_edge("k", "n")
                .add_node("k", node(work).writes("answer"))
                .add_node("n", work)
                .add_node("l", work),
            expect![[r#"
                ok
                warning idle-destinations: `z` declares destinations, but returns no `Command`
                    help: return a `Command`, or remove `.destinations(..)`
                warning uneven-paths: `n` runs more than once: after `k`, and again after `l`
                    help: to wait for all, write `.add_edge(["k", "l"], "n")`
                warning possible-conflict: `k` and `z` can run in the same superstep, and both write `answer`
                    help: give `answer` a reducer, such as `#[reduce(Last)]`, or put one node after the other
            "#]],
        );
    }
}

mod right {
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
}

/// No assertion on time here: what grows faster than the graph never ends.
mod big {
    use super::*;

    fn numbered(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("n{i:06}")).collect()
    }

    fn all(names: &[String]) -> Builder {
        nodes(names.iter().map(String::as_str))
    }

    #[track_caller]
    fn compiles(builder: Builder, n: usize) {
        let graph = builder.compile().expect("nothing is wrong with it");
        assert_eq!(graph.nodes().count(), n);
        assert_eq!(graph.warnings(), []);
    }

    #[test]
    fn a_chain() {
        let names = numbered(100_000);
        let chain = names.windows(2);
        let graph = all(&names).add_edge(START, &names[0]);
        let graph = chain.fold(graph, |graph, pair| graph.add_edge(&pair[0], &pair[1]));
        compiles(graph, 100_000);
    }

    #[test]
    fn a_loop() {
        let mut names = numbered(100_000);
        names[0] = "a".into();
        let graph = all(&names).add_edge(START, "a");
        let graph = names
            .windows(2)
            .fold(graph, |graph, pair| graph.add_edge(&pair[0], &pair[1]));
        compiles(graph.add_route(&names[99_999], again_or_stop), 100_000);
    }

    #[test]
    fn a_fan_out_and_a_join() {
        let names = numbered(100_000);
        let graph = all(&names)
            .add_node("join", work)
            .add_edge(START, &names)
            .add_edge(&names, "join");
        compiles(graph, 100_001);
    }

    #[test]
    fn a_fan_out_of_writers() {
        let names = numbered(20_000);
        let add = |graph: Builder, name| graph.add_node(name, node(work).writes("answer"));
        let graph = names.iter().fold(graph(), add).add_edge(START, &names);
        assert!(!graph.compile().unwrap().warnings().is_empty());
    }

    #[test]
    fn layers_that_are_all_connected() {
        let (first, second) = (numbered(300), numbered(600).split_off(300));
        let mut graph = all(&first).add_edge(START, &first);
        for name in &second {
            graph = graph.add_node(name, node(work).writes("answer"));
        }
        for name in &first {
            graph = graph.add_edge(name, &second);
        }
        assert!(!graph.compile().unwrap().warnings().is_empty());
    }

    #[test]
    fn commands_that_may_go_anywhere() {
        let names = numbered(20_000);
        let graph = names
            .iter()
            .fold(graph(), |graph, name| graph.add_node(name, command));
        compiles(
            graph
                .add_edge(START, &names[0])
                .add_edge([&names[1], &names[2]], &names[3]),
            20_000,
        );
    }

    #[test]
    fn mistakes() {
        let (names, others) = (numbered(20_000), numbered(40_000).split_off(20_000));
        let mut graph = all(&names);
        for (name, other) in names.iter().zip(&others) {
            graph = graph.add_edge(name, other);
        }
        assert_eq!(graph.compile().unwrap_err().diagnostics().len(), 20_001);
    }

    #[test]
    fn unreachable_nodes() {
        let names = numbered(100_000);
        let graph = all(&names).add_edge(START, &names[0]);
        assert_eq!(graph.compile().unwrap_err().diagnostics().len(), 99_999);
    }
}

#[test]
fn mistakes_are_listed_together_in_the_order_of_the_calls() {
    check(
        graph()
            .add_node("a", work)
            .add_node("a", work)
            .add_edge(START, "nowhere")
            .add_node("", work)
            .add_edge(END, "a")
            .add_node("lonely", node(work).writes(["anwser"]))
            .add_edge("a", "a"),
        expect![[r#"
            duplicate-node: `a` is already the name of a node
                help: rename one of them; the first is added at [here]
            unknown-node: an edge names `nowhere`, which is not a node of this graph
                help: add it with `add_node`; there are `a`, `lonely`
            invalid-name: a node cannot be called "": it is empty
                help: give the node another name
            edge-out-of-end: an edge leads out of `END`
                help: `__end__` only ends paths; start from the node that runs before it
            unknown-field: `lonely` declares that it writes `anwser`, which is not a field of the state
                help: did you mean `answer`?
            unreachable-node: nothing that can run leads to `lonely`
                help: add an edge to it, declare it as a target, or remove it
            endless-cycle: there is no way out of the cycle `a`
                help: let a route in the cycle also lead out of it, or to `END`
        "#]],
    );
}

#[test]
fn a_finding_says_where_the_call_is() {
    let line = line!();
    let error = nodes(["a"])
        .add_edge(START, "a")
        .add_edge("a", "nowhere")
        .compile()
        .unwrap_err();
    let location = error.diagnostics()[0].location();
    assert_eq!((location.file(), location.line()), (file!(), line + 3));
}
