//! What nodes fail with, and what errors say.

use std::future::pending;
use std::time::Duration;

use expect_test::{Expect, expect};
use superstep::prelude::*;
use superstep::{Event, NodeError, RunError};

use crate::common::{Trace, chain, error_of, marks, oops, sound};

// What nodes fail with.

#[derive(Debug)]
struct Unlucky;

impl From<Unlucky> for NodeError {
    fn from(_: Unlucky) -> Self {
        Self::msg("unlucky")
    }
}

/// The causes of the error of a node that returns `result`.
async fn causes<E>(result: impl Fn() -> Result<(), E> + Send + Sync + 'static) -> Vec<String>
where
    NodeError: From<E>,
    E: Send + 'static,
{
    let fail = move |_: View<Trace>| {
        let result = result();
        async move { result }
    };
    let graph = StateGraph::<Trace>::new("fails")
        .add_node("a", fail)
        .add_edge(START, "a");
    chain(&error_of(graph).await).split_off(1)
}

#[tokio::test]
async fn a_node_fails_with_errors_text_boxes_and_what_converts_into_its_error() {
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    let number = || "x".parse::<u32>();
    let invalid = ["invalid digit found in string"];
    assert_eq!(causes(move || number().map(|_| ())).await, invalid);
    assert_eq!(causes(|| Err("text")).await, ["text"]);
    assert_eq!(causes(|| Err("text".to_owned())).await, ["text"]);
    let boxed = move || number().map(|_| ()).map_err(Boxed::from);
    assert_eq!(causes(boxed).await, invalid);
    assert_eq!(causes(|| Err(Unlucky)).await, ["unlucky"]);
    let by_question_mark = move || -> NodeResult<()> {
        number().map_err(|_| "no number")?;
        Ok(())
    };
    assert_eq!(causes(by_question_mark).await, ["no number"]);
}

// What errors say.

/// The only place that knows how an error is shown: its code, its message and
/// its causes' messages as one sentence, its help, and the whole as `main`
/// prints it.
fn check(error: &RunError, expected: &Expect) {
    expected.assert_eq(&format!(
        "{}\n{}\n{}\n--\n{error:?}\n",
        error.code(),
        chain(error).join(": "),
        error.help()
    ));
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the price could not be read")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn a_failed_node_is_told_with_all_its_causes() {
    let graph = marks(["a", "b"])
        .add_node("price", async |_: View<Trace>| {
            "x".parse::<u8>().map(drop).map_err(Outer)
        })
        .add_edge(START, "a")
        .add_edge("a", ["b", "price"]);
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            node
            node `price` failed in superstep 2, attempt 1: the price could not be read: invalid digit found in string
            mend the cause, or give `price` a policy: `node(f).retry(Retry::attempts(3))`
            --
            node: node `price` failed in superstep 2, attempt 1
              caused by: the price could not be read
              caused by: invalid digit found in string
              help: mend the cause, or give `price` a policy: `node(f).retry(Retry::attempts(3))`
        "#]],
    );
    let RunError::Node { source, .. } = error else {
        panic!("a node failed");
    };
    assert!(source.is::<Outer>());
}

#[tokio::test]
async fn a_conflict_is_told_with_field_tasks_and_remedy() {
    let write = async |_: View<Trace>| Trace::update().n(1);
    let graph = StateGraph::<Trace>::new("conflict")
        .add_node("left", write)
        .add_node("right", write)
        .add_edge(START, ["left", "right"]);
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            conflict
            `left` and `right` both wrote `n` in superstep 1
            give `n` a reducer, such as `#[reduce(Last)]` or `#[reduce(Append)]`, or let one of the two run after the other
            --
            conflict: `left` and `right` both wrote `n` in superstep 1
              help: give `n` a reducer, such as `#[reduce(Last)]` or `#[reduce(Append)]`, or let one of the two run after the other
        "#]],
    );
}

#[tokio::test]
async fn a_conflict_of_overwrites_is_told_with_another_remedy() {
    let write = async |_: View<Trace>| Trace::update().overwrite_sum(1);
    let graph = StateGraph::<Trace>::new("conflict")
        .add_node("left", write)
        .add_node("right", write)
        .add_edge(START, ["left", "right"]);
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            conflict
            `left` and `right` both overwrote `sum` in superstep 1
            let only one task of a superstep overwrite `sum`
            --
            conflict: `left` and `right` both overwrote `sum` in superstep 1
              help: let only one task of a superstep overwrite `sum`
        "#]],
    );
}

#[tokio::test]
async fn a_reducer_that_panics_is_told_with_the_update_at_fault() {
    let add = async |_: View<Trace>| Trace::update().sum(u64::MAX);
    let graph = marks(["z"]).add_node("a", add).add_node("b", add);
    let graph = graph.add_edge(START, ["a", "b", "z"]);
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            reducer
            the reducer of `sum` panicked on the update of `b` in superstep 1: 18446744073709551615 + 18446744073709551615 does not fit in u64
            a reducer must merge every update that can be made
            --
            reducer: the reducer of `sum` panicked on the update of `b` in superstep 1: 18446744073709551615 + 18446744073709551615 does not fit in u64
              help: a reducer must merge every update that can be made
        "#]],
    );
}

#[tokio::test]
async fn a_watcher_that_panics_is_told_with_what_it_saw() {
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let watcher = |event: &Event<Trace>| assert!(event.task().is_none(), "no tasks, please");
    let run = graph.invoke(Trace::update()).watch(watcher);
    check(
        &run.await.unwrap_err(),
        &expect![[r#"
            watcher
            a watcher panicked at `task_started` in superstep 1: no tasks, please
            mend what panicked; on a thread, go on with `graph.proceed()`
            --
            watcher: a watcher panicked at `task_started` in superstep 1: no tasks, please
              help: mend what panicked; on a thread, go on with `graph.proceed()`
        "#]],
    );
}

#[tokio::test]
async fn the_limit_is_told_with_what_ran_last_and_would_run_next() {
    let graph = marks(["a", "b", "c"])
        .add_edge(START, "a")
        .add_edge("a", ["b", "c"])
        .add_conditional_edges("b", |_: &Trace| "a", ["a", END])
        .recursion_limit(5);
    let graph = sound(graph);
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            recursion-limit
            no end was reached within 5 supersteps, the last 3 of which ran `a`, then `b`, `c`, then `a`
            see what still makes `b`, `c` ready, or raise `recursion_limit`
            --
            recursion-limit: no end was reached within 5 supersteps, the last 3 of which ran `a`, then `b`, `c`, then `a`
              help: see what still makes `b`, `c` ready, or raise `recursion_limit`
        "#]],
    );
    let run = graph.invoke(Trace::update()).recursion_limit(1);
    assert_eq!(
        run.await.unwrap_err().to_string(),
        "no end was reached within 1 supersteps, the last of which ran `a`"
    );
}

#[tokio::test]
async fn a_limit_of_nothing_is_told_without_what_ran_last() {
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let run = graph.invoke(Trace::update()).recursion_limit(0);
    check(
        &run.await.unwrap_err(),
        &expect![[r#"
            recursion-limit
            no end was reached within 0 supersteps
            see what still makes `a` ready, or raise `recursion_limit`
            --
            recursion-limit: no end was reached within 0 supersteps
              help: see what still makes `a` ready, or raise `recursion_limit`
        "#]],
    );
}

#[tokio::test]
async fn an_unknown_target_is_told_with_who_was_meant() {
    let go = async |_: View<Trace>| Command::<Trace>::new().goto("serach");
    let graph = marks(["search"])
        .add_node("plan", go)
        .add_edge(START, "plan");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            unknown-target
            `plan` goes to `serach`, which is not a node of this graph
            did you mean `search`?
            --
            unknown-target: `plan` goes to `serach`, which is not a node of this graph
              help: did you mean `search`?
        "#]],
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeout_and_a_panic_are_told_as_causes() {
    let hang = node(async |_: View<Trace>| pending::<()>().await);
    let policies = hang
        .timeout(Duration::from_millis(1500))
        .retry(Retry::attempts(2));
    let graph = StateGraph::<Trace>::new("hanging")
        .add_node("hang", policies)
        .add_edge(START, "hang");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            node
            node `hang` failed in superstep 1, attempt 2: it took longer than its timeout of 1.5s
            raise the `.timeout(..)` of `hang`, or the attempts of its `.retry(..)`
            --
            node: node `hang` failed in superstep 1, attempt 2
              caused by: it took longer than its timeout of 1.5s
              help: raise the `.timeout(..)` of `hang`, or the attempts of its `.retry(..)`
        "#]],
    );
    let graph = StateGraph::<Trace>::new("panicking")
        .add_node("bad", |_: View<Trace>| -> std::future::Ready<()> {
            std::panic::panic_any(7_u8)
        })
        .add_edge(START, "bad");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
            node
            node `bad` failed in superstep 1, attempt 1: it panicked: a value that is no text
            mend what panicked; `RUST_BACKTRACE=1` shows the way to it
            --
            node: node `bad` failed in superstep 1, attempt 1
              caused by: it panicked: a value that is no text
              help: mend what panicked; `RUST_BACKTRACE=1` shows the way to it
        "#]],
    );
}

#[tokio::test]
async fn help_after_a_retry_does_not_advise_to_retry() {
    let fail = node(async |_: View<Trace>| Err::<(), _>(oops()));
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let graph = StateGraph::<Trace>::new("trying")
        .add_node("fail", fail.retry(retry))
        .add_edge(START, "fail");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
        node
        node `fail` failed in superstep 1, attempt 2: oops
        mend the cause, or raise the attempts of the `.retry(..)` of `fail`
        --
        node: node `fail` failed in superstep 1, attempt 2
          caused by: oops
          help: mend the cause, or raise the attempts of the `.retry(..)` of `fail`
    "#]],
    );
}

#[tokio::test(start_paused = true)]
async fn help_after_a_first_timeout_speaks_of_the_timeout() {
    let hang = node(async |_: View<Trace>| pending::<()>().await);
    let graph = StateGraph::<Trace>::new("hanging")
        .add_node("hang", hang.timeout(Duration::from_secs(20)))
        .add_edge(START, "hang");
    let error = sound(graph).invoke(Trace::update()).await.unwrap_err();
    check(
        &error,
        &expect![[r#"
        node
        node `hang` failed in superstep 1, attempt 1: it took longer than its timeout of 20s
        raise the `.timeout(..)` of `hang`, or try again: `.retry(Retry::attempts(3))`
        --
        node: node `hang` failed in superstep 1, attempt 1
          caused by: it took longer than its timeout of 20s
          help: raise the `.timeout(..)` of `hang`, or try again: `.retry(Retry::attempts(3))`
    "#]],
    );
}

#[tokio::test]
async fn an_error_can_be_sent_and_kept() {
    fn is_error<E: std::error::Error + Send + Sync + 'static>(_: &E) {}
    let graph = sound(marks(["a"]).add_edge(START, "a"));
    let run = graph.invoke(Trace::update()).recursion_limit(0);
    let error = run.await.unwrap_err();
    is_error(&error);
    let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
    assert!(boxed.downcast_ref::<RunError>().is_some());
}

#[test]
fn a_thread_that_has_not_finished_says_what_would_be_dropped() {
    let task = |node: &str| superstep::TaskId {
        node: node.into(),
        send: None,
    };
    let said = |next: &[&str], finished: &[&str]| {
        let error = RunError::Unfinished {
            thread: "ann".into(),
            next: next.iter().copied().map(task).collect(),
            finished: finished.iter().copied().map(task).collect(),
        };
        error.to_string()
    };
    assert_eq!(
        said(&["b"], &["a"]),
        "thread `ann` has not finished: `b` would be dropped"
    );
    // A process died before it could merge them.
    assert_eq!(
        said(&[], &["a", "b"]),
        "thread `ann` has not finished: what came of `a`, `b` would be dropped"
    );
}
