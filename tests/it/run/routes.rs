//! Rule 4: what a route sees.

use superstep::prelude::*;

use super::WORK;
use crate::common::{Trace, marks, ran, sound};

#[tokio::test]
async fn a_route_sees_its_nodes_writes_and_never_a_siblings() {
    let see = |state: &Trace| {
        assert_eq!(state.log.len(), 1, "its own line only: {:?}", state.log);
        vec![format!("{}-saw-{}", state.log[0], state.sum)]
    };
    let add = |n: u64| {
        move |_: View<Trace>, ctx: Ctx| async move { Trace::update().sum(n).log(ctx.node().as_str()) }
    };
    let graph = marks(["a-saw-101", "b-saw-102"])
        .add_node("a", add(1))
        .add_node("b", add(2))
        .add_edge(START, ["a", "b"])
        .add_conditional_edges(["a", "b"], see, ["a-saw-101", "b-saw-102"]);
    let run = sound(graph).invoke(Trace::update().sum(100)).await.unwrap();
    assert_eq!(ran(&run), "a b | a-saw-101 b-saw-102");
    assert_eq!(run.state.sum, 103);
    assert_eq!(run.state.log, ["a", "b", "a-saw-101", "b-saw-102"]);
}

#[tokio::test]
async fn the_route_of_a_single_task_sees_the_same_as_that_of_one_among_many() {
    #[derive(Route)]
    enum Next {
        #[route("one")]
        One,
        #[route("other")]
        Other,
    }
    for siblings in [false, true] {
        let graph = marks(["sibling", "one", "other"])
            .add_node("a", async |_: View<Trace>| {
                Trace::update().overwrite_log(["x"]).log("y").n(2)
            })
            .add_edge(START, "a")
            .add_conditional_edges(
                START,
                move |_: &Trace| siblings.then_some("sibling"),
                ["sibling"],
            )
            .add_route("a", |state: &Trace| {
                if state.log == ["x", "y"] && state.n == 2 {
                    Next::One
                } else {
                    Next::Other
                }
            });
        let run = sound(graph).invoke(Trace::update().log("old")).await;
        let run = run.unwrap();
        assert!(ran(&run).ends_with("| one"), "{}", ran(&run));
        assert_eq!(run.state.log[..2], ["x", "y"]);
    }
}

#[tokio::test]
async fn each_send_routes_on_what_that_send_wrote() {
    let add = async |n: u32| Trace::update().sum(u64::from(n));
    let graph = marks(["a", "even", "odd"])
        .add_worker(WORK, add)
        .add_edge(START, "a")
        .add_conditional_edges(
            "a",
            |_: &Trace| (0..4).map(|n| WORK.send(n * 2)).collect::<Vec<_>>(),
            [WORK],
        )
        .add_conditional_edges(
            WORK,
            |state: &Trace| {
                if state.sum.is_multiple_of(2) {
                    "even"
                } else {
                    "odd"
                }
            },
            ["even", "odd"],
        );
    let run = sound(graph).invoke(Trace::update()).await.unwrap();
    assert_eq!(ran(&run), "a | work work work work | even");
    assert_eq!(run.state.sum, 12);
}
