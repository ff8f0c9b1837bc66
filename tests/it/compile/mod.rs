//! What `compile` finds in a graph, and what it finds nothing wrong with.

mod big;
mod brought;
mod cycles;
mod edges;
mod fields;
mod joins;
mod names;
mod numbers;
mod reach;
mod right;
mod unknown;
mod warnings;

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
        // Without file and line, which every change to the tests moves.
        let here = file!().trim_end_matches("mod.rs");
        let help = match found.help().split_once(here) {
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
