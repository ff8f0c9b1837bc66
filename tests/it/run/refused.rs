//! Rule 15: nothing is dropped silently.

use superstep::prelude::*;

use super::{WORK, work};
use crate::common::{Trace, chain, error_of, marks, ran_of};

async fn refused(go: fn() -> Command<Trace>) -> String {
    let graph = marks(["a", "b"])
        .add_worker(WORK, work)
        .add_node("go", move |_: View<Trace>| async move { go() })
        .add_edge(START, ["a", "go"]);
    let error = error_of(graph).await;
    assert_eq!(error.code(), "unknown-target");
    format!("{error}; {}", error.help())
}

#[tokio::test]
async fn a_goto_that_cannot_be_followed_is_an_error_that_says_why() {
    assert_eq!(
        refused(|| Command::new().goto(["b", "nowhere"])).await,
        "`go` goes to `nowhere`, which is not a node of this graph; \
         go to a node of this graph, or to `END`; there are `a`, `b`, `go`"
    );
    assert_eq!(
        refused(|| Command::new().goto("wrok")).await,
        "`go` goes to `wrok`, which is not a node of this graph; did you mean `work`?"
    );
    assert_eq!(
        refused(|| Command::new().goto(START)).await,
        "`go` goes to `__start__`, which only begins runs; \
         go to the node that should run instead"
    );
    assert_eq!(
        refused(|| Command::new().goto("work")).await,
        "`go` goes to `work`, which is a worker and needs a value; \
         send it one with `WORKER.send(value)`"
    );
}

#[tokio::test]
async fn a_send_that_cannot_be_delivered_is_an_error_that_says_why() {
    const TO_A: Worker<u32> = Worker::new("a");
    const UNKNOWN: Worker<u32> = Worker::new("unknown");
    const OTHER: Worker<String> = Worker::new("work");
    assert_eq!(
        refused(|| Command::new().send(TO_A.send(1))).await,
        "`go` goes to `a`, which is not a worker, so nothing can be sent to it; \
         add it with `add_worker`, or go to it by its name"
    );
    assert_eq!(
        refused(|| Command::new().send(UNKNOWN.send(1))).await,
        "`go` goes to `unknown`, which is not a node of this graph; \
         add it with `add_worker`; there are `work`"
    );
    assert_eq!(
        refused(|| Command::new().send(OTHER.send("x".into()))).await,
        "`go` goes to `work`, which takes a `u32`, and was sent a `alloc::string::String`; \
         use one `const` handle for each worker"
    );
    // The first send of a row is looked up; the others are checked as well.
    assert!(
        refused(|| Command::new().send(vec![WORK.send(1), OTHER.send("x".into())]))
            .await
            .contains("was sent a `alloc::string::String`")
    );
}

#[tokio::test]
async fn what_a_node_does_not_declare_it_cannot_go_to() {
    let refused = async |declared: &[&str]| {
        let go = async |_: View<Trace>| Command::<Trace>::new().goto("b");
        let graph = marks(["a", "b", "c"])
            .add_node("go", node(go).destinations(declared))
            .add_edge(START, ["go", "a", "b", "c"]);
        let error = error_of(graph).await;
        assert_eq!(error.help(), "add `b` to `.destinations(..)` of `go`");
        error.to_string()
    };
    assert_eq!(
        refused(&["c", END, "a"]).await,
        "`go` goes to `b`, which is not among the declared destinations `END`, `a`, `c`"
    );
    assert_eq!(
        refused(&[END]).await,
        "`go` goes to `b`, which is not the declared destination `END`"
    );
    assert_eq!(
        refused(&[]).await,
        "`go` goes to `b`, which is not a declared destination, since there are none"
    );
}

#[tokio::test]
async fn what_a_route_does_not_declare_it_cannot_go_to() {
    let refused = async |target: &'static str, declared: &[&str]| {
        let graph = marks(["a", "b"])
            .add_edge(START, ["a", "b"])
            .add_conditional_edges("a", move |_: &Trace| target, declared);
        let error = error_of(graph).await;
        assert_eq!(error.help(), "declare it as a target of the route");
        error.to_string()
    };
    assert_eq!(
        refused("a", &["b", END]).await,
        "`a` goes to `a`, which is not among the declared targets `END`, `b`"
    );
    assert_eq!(
        refused("a", &[END]).await,
        "`a` goes to `a`, which is not the declared target `END`"
    );
    assert_eq!(
        refused(END, &["b"]).await,
        "`a` goes to `__end__`, which is not the declared target `b`"
    );
}

#[tokio::test]
async fn a_command_may_end_its_path_though_it_does_not_say_so() {
    let stop = async |_: View<Trace>| Command::<Trace>::new().goto(END);
    let graph = marks(["b"])
        .add_node("a", node(stop).destinations(["b"]))
        .add_edge(START, "a");
    assert_eq!(ran_of(graph).await, "a");
}

#[tokio::test]
async fn where_nothing_near_is_known_the_first_targets_are_listed() {
    let nodes: Vec<String> = (10..30).map(|n| format!("n{n}")).collect();
    let many = nodes.iter().fold(marks([]), |graph, name| {
        graph.add_node(name, async |_: View<Trace>| {
            Command::<Trace>::new().goto("elsewhere")
        })
    });
    let error = error_of(many.add_edge(START, &nodes)).await;
    assert_eq!(
        error.help(),
        "go to a node of this graph, or to `END`; there are `n10`, `n11`, `n12`, `n13`, `n14`, \
         `n15`, `n16`, `n17`, `n18`, `n19`, `n20`, `n21`, and 8 more"
    );
    let declared = marks(["a", "b", "c"])
        .add_edge(START, ["a", "c"])
        .add_conditional_edges("a", |_: &Trace| "elsewhere", ["b", END]);
    assert_eq!(
        error_of(declared).await.help(),
        "go to a target that is declared here; there are `END`, `b`"
    );
    let send = |_: &Trace| Worker::<u32>::new("elsewhere").send(1);
    let no_workers = marks(["a", "b"])
        .add_edge(START, "a")
        .add_conditional_edges("a", send, ["b"]);
    assert_eq!(
        error_of(no_workers).await.help(),
        "add it with `add_worker`"
    );
}

#[tokio::test]
async fn the_end_in_quotes_is_told_from_names() {
    let help = async |node: &'static str, target: &'static str, declared: &[&str]| {
        let graph = marks([node]).add_edge(START, node).add_conditional_edges(
            node,
            move |_: &Trace| target,
            declared,
        );
        error_of(graph).await.help()
    };
    let constant = "write the constant `END`, without quotes";
    assert_eq!(help("send", "END", &["send", END]).await, constant);
    assert_eq!(help("send", "end", &["send", END]).await, constant);
    let other = help("end", "End", &["end", END]).await;
    assert_eq!(other, "did you mean `end`?");
    let go = async |_: View<Trace>| Command::<Trace>::new().goto("END");
    let command = marks([]).add_node("go", go).add_edge(START, "go");
    assert_eq!(error_of(command).await.help(), constant);
}

#[tokio::test]
async fn a_write_that_a_node_does_not_declare_is_an_error() {
    let write = async |_: View<Trace>| Trace::update().n(1).sum(1);
    let graph = StateGraph::<Trace>::new("declared")
        .add_node("a", node(write).writes(["n", "log"]))
        .add_edge(START, "a");
    let error = error_of(graph).await;
    assert_eq!(
        chain(&error),
        [
            "node `a` failed in superstep 1, attempt 1",
            "it wrote `sum`, which `.writes(..)` does not declare"
        ]
    );
    assert_eq!(
        error.help(),
        "add `sum` to the `.writes(..)` of `a`, or do not write it there"
    );
}
