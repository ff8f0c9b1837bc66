//! Rule 7: conflicts.

use superstep::prelude::*;
use superstep::{RunError, WriteKind};

use super::WORK;
use crate::common::{Trace, TraceUpdate, error_of, marks, sound};

fn writers(a: fn() -> TraceUpdate, b: fn() -> TraceUpdate) -> StateGraph<Trace> {
    StateGraph::<Trace>::new("conflict")
        .add_node("a", move |_: View<Trace>| async move { a() })
        .add_node("b", move |_: View<Trace>| async move { b() })
        .add_edge(START, ["a", "b"])
}

#[tokio::test]
async fn two_writers_of_a_replace_field_are_a_conflict_that_names_field_and_tasks() {
    let same = || Trace::update().n(1).sum(1);
    let RunError::Conflict {
        field,
        first,
        second,
        kind,
        superstep,
        ..
    } = error_of(writers(same, same)).await
    else {
        panic!("it is a conflict");
    };
    assert_eq!(
        (field.as_str(), kind, superstep),
        ("n", WriteKind::Reduce, 1)
    );
    assert!(first == "a" && second == "b");
}

#[tokio::test]
async fn two_overwriters_of_any_field_are_a_conflict() {
    let error = error_of(writers(
        || Trace::update().overwrite_log(["x"]),
        || Trace::update().overwrite_log(["y"]),
    ))
    .await;
    assert_eq!(error.code(), "conflict");
    assert_eq!(
        error.to_string(),
        "`a` and `b` both overwrote `log` in superstep 1"
    );
}

#[tokio::test]
async fn an_overwriter_and_a_writer_of_a_replace_field_are_a_conflict() {
    let (over, write) = (|| Trace::update().overwrite_n(1), || Trace::update().n(1));
    for graph in [writers(over, write), writers(write, over)] {
        let error = error_of(graph).await;
        assert_eq!(
            error.to_string(),
            "`a` and `b` both wrote `n` in superstep 1"
        );
        let help = "let one of the two run after the other";
        assert!(error.help().ends_with(help), "{}", error.help());
    }
}

#[tokio::test]
async fn two_sends_that_conflict_are_told_apart() {
    let graph = marks(["a"])
        .add_worker(WORK, async |n: u32| Trace::update().n(i64::from(n)))
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| [WORK.send(1), WORK.send(1)], [WORK]);
    assert_eq!(
        error_of(graph).await.to_string(),
        "`work/0` and `work/1` both wrote `n` in superstep 2"
    );
}

#[tokio::test]
async fn one_task_may_write_a_replace_field_twice_and_others_in_later_supersteps() {
    let graph = marks(["b"])
        .add_node("a", async |_: View<Trace>| Trace::update().n(1).n(2))
        .add_node("z", async |_: View<Trace>| {
            Trace::update().n(3).overwrite_n(4)
        })
        .add_edge(START, ["a", "b"])
        .add_edge(["a", "b"], "z");
    let run = sound(graph).invoke(Trace::update().n(9)).await.unwrap();
    assert_eq!(run.state.n, 4);
}
