//! Static breakpoints.

use superstep::{RunError, Status};

use super::{T, kept};
use crate::common::{Trace, marks, ran, sound};
use superstep::prelude::*;

fn chain_of_three() -> StateGraph<Trace> {
    marks(["a", "b", "c"])
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_edge("b", "c")
}

#[tokio::test]
async fn a_run_stops_before_and_after_a_node_and_proceeds() {
    let graph = kept(chain_of_three().interrupt_before("b").interrupt_after("b"));
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!((run.status, ran(&run).as_str()), (Status::Interrupted, "a"));
    assert!(run.interrupts().is_empty());
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!((run.status, ran(&run).as_str()), (Status::Interrupted, "b"));
    let run = graph.proceed().thread(T).await.unwrap();
    assert_eq!((run.status, ran(&run).as_str()), (Status::Done, "c"));
    assert_eq!(run.state.log, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_breakpoint_of_the_call_holds_for_the_call() {
    let graph = kept(chain_of_three());
    let run = graph
        .invoke(Trace::update())
        .thread(T)
        .interrupt_before(["c"])
        .await
        .unwrap();
    assert_eq!(run.status, Status::Interrupted);
    assert_eq!(graph.thread(T).state().await.unwrap().next, ["c"]);
    assert_eq!(
        graph.proceed().thread(T).await.unwrap().status,
        Status::Done
    );

    let run = graph
        .invoke(Trace::update())
        .thread("u")
        .interrupt_after("a")
        .await
        .unwrap();
    assert_eq!((run.status, ran(&run).as_str()), (Status::Interrupted, "a"));
}

#[tokio::test]
async fn a_breakpoint_stops_where_a_thread_was_left_without_one() {
    let graph = kept(chain_of_three());
    let limited = graph
        .invoke(Trace::update())
        .thread(T)
        .recursion_limit(1)
        .await;
    assert_eq!(limited.unwrap_err().code(), "recursion-limit");
    let run = graph
        .proceed()
        .thread(T)
        .interrupt_before("b")
        .await
        .unwrap();
    assert_eq!((run.status, run.supersteps()), (Status::Interrupted, 0));
    let run = graph
        .proceed()
        .thread(T)
        .interrupt_before("b")
        .await
        .unwrap();
    assert_eq!((run.status, ran(&run).as_str()), (Status::Done, "b | c"));
}

#[tokio::test]
async fn nothing_stops_after_the_last_node() {
    let graph = kept(chain_of_three().interrupt_after("c"));
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(run.status, Status::Done);
}

#[test]
fn a_breakpoint_at_no_node_is_found_by_compile() {
    let error = chain_of_three()
        .interrupt_before(["bb", END])
        .interrupt_after(START)
        .compile()
        .unwrap_err();
    let found: Vec<_> = error
        .diagnostics()
        .iter()
        .map(|found| (found.code(), found.help()))
        .collect();
    assert_eq!(
        found,
        [
            ("unknown-node", "did you mean `b`?"),
            (
                "breakpoint-at-no-node",
                "name the node before or after which runs are to stop"
            ),
            (
                "breakpoint-at-no-node",
                "name the node before or after which runs are to stop"
            ),
        ]
    );
}

#[tokio::test]
async fn a_breakpoint_of_the_call_at_no_node_is_an_error() {
    let graph = kept(chain_of_three());
    let error = graph
        .invoke(Trace::update())
        .thread(T)
        .interrupt_before("cc")
        .await
        .unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "unknown-node: `cc` is not a node of this graph\n  help: did you mean `c`?"
    );
    assert_eq!(
        graph.thread(T).state().await.unwrap_err().code(),
        "unknown-thread"
    );
}

#[tokio::test]
async fn a_run_without_a_thread_refuses_to_stop_where_nobody_can_go_on() {
    let graph = sound(chain_of_three().interrupt_before("b"));
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    assert!(matches!(error, RunError::NoThread { .. }), "{error:?}");
}
