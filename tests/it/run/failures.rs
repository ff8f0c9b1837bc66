//! Rule 8: failures.

use std::future::pending;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{NodeError, OnFailure, RunError};
use tokio::time::{Instant, sleep};

use super::{WORK, futures};
use crate::common::{Alive, Trace, chain, error_of, marks, oops, sound, within_a_day};

#[tokio::test(start_paused = true)]
async fn a_failure_cancels_its_siblings_and_awaits_them() {
    let graph = StateGraph::<Trace, Alive>::new("failing")
        .add_node("fails", async |ctx: Ctx<Alive>| {
            let _guard = ctx.enter();
            sleep(Duration::from_secs(1)).await;
            Err::<(), _>(oops())
        })
        .add_node("hangs", async |ctx: Ctx<Alive>| {
            let _guard = ctx.enter();
            pending::<()>().await;
        })
        .add_node("sleeps", async |ctx: Ctx<Alive>| {
            let _guard = ctx.enter();
            sleep(Duration::from_secs(3600)).await;
        })
        .add_edge(START, ["fails", "hangs", "sleeps"]);
    let alive = Alive::default();
    let begin = Instant::now();
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    let error = within_a_day(run).await.unwrap_err();
    assert_eq!((alive.now(), alive.ever()), (0, 3));
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    let RunError::Node {
        node,
        task,
        attempt,
        superstep,
        ..
    } = &error
    else {
        panic!("a node failed: {error}");
    };
    assert!(*node == "fails" && *task == "fails");
    assert_eq!((*attempt, *superstep), (1, 1));
    assert_eq!(chain(&error)[1..], ["oops"]);
}

#[tokio::test(start_paused = true)]
async fn under_finish_siblings_end_first_and_the_first_failure_in_task_order_counts() {
    let fail = |seconds: u64| {
        move |ctx: Ctx<Alive>| async move {
            let _guard = ctx.enter();
            sleep(Duration::from_secs(seconds)).await;
            Err::<(), _>(NodeError::msg(ctx.node()))
        }
    };
    for (on_failure, who, seconds) in [(OnFailure::Finish, "a", 5), (OnFailure::Stop, "b", 2)] {
        let graph = StateGraph::<Trace, Alive>::new("finishing")
            .add_node("a", fail(5))
            .add_node("b", fail(2))
            .add_edge(START, ["a", "b"])
            .on_failure(on_failure);
        let alive = Alive::default();
        let begin = Instant::now();
        let run = sound(graph).invoke(Trace::update()).context(alive.clone());
        let error = run.await.unwrap_err();
        assert_eq!(chain(&error)[1..], [who], "{on_failure:?}");
        assert_eq!(begin.elapsed(), Duration::from_secs(seconds));
        assert_eq!((alive.now(), alive.ever()), (0, 2));
    }
}

#[tokio::test]
async fn a_panic_before_in_and_after_an_await_is_a_failure_of_its_node() {
    type Body = fn(View<Trace>) -> futures::Boxed<()>;
    let bodies: [(&str, Body); 3] = [
        ("in the call", |_| panic!("in the call")),
        ("at the first poll", |_| {
            Box::pin(async { panic!("at the first poll") })
        }),
        ("after an await", |_| {
            Box::pin(async {
                tokio::task::yield_now().await;
                panic!("{} an await", "after")
            })
        }),
    ];
    for (what, body) in bodies {
        let alone = StateGraph::<Trace>::new("alone")
            .add_node("bad", body)
            .add_edge(START, "bad");
        let among = marks(["a", "z"])
            .add_node("bad", body)
            .add_edge(START, ["a", "bad", "z"]);
        for graph in [alone, among] {
            let error = error_of(graph).await;
            assert_eq!(
                chain(&error),
                [
                    "node `bad` failed in superstep 1, attempt 1".to_owned(),
                    format!("it panicked: {what}")
                ]
            );
        }
    }
}

#[tokio::test]
async fn a_panic_in_a_route_is_a_failure_of_the_node_it_leads_out_of() {
    let graph = marks(["a", "b"])
        .add_edge(START, ["a", "b"])
        .add_conditional_edges("b", |_: &Trace| -> &str { panic!("no idea") }, ["a"]);
    let error = error_of(graph).await;
    assert_eq!(
        chain(&error),
        [
            "node `b` failed in superstep 1, attempt 1",
            "it panicked: no idea (in its route)"
        ]
    );
    let graph =
        marks(["a"]).add_conditional_edges(START, |_: &Trace| -> &str { panic!("no idea") }, ["a"]);
    let error = error_of(graph).await;
    let RunError::Node {
        node, superstep, ..
    } = &error
    else {
        panic!("the route failed: {error}");
    };
    assert!(*node == START && *superstep == 0);
}

#[tokio::test]
async fn a_panic_in_a_reducer_names_field_and_task() {
    let add = async |n: u32| Trace::update().sum(u64::MAX - u64::from(n));
    let graph = marks(["a"])
        .add_worker(WORK, add)
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| [WORK.send(2), WORK.send(0)], [WORK]);
    let error = error_of(graph).await;
    assert_eq!(
        error.to_string(),
        "the reducer of `sum` panicked on the update of `work/1` in superstep 2: \
         18446744073709551613 + 18446744073709551615 does not fit in u64"
    );
    let input = Trace::update().sum(u64::MAX).sum(1);
    let error = sound(marks(["a"]).add_edge(START, "a")).invoke(input).await;
    let error = error.unwrap_err();
    let RunError::Reducer {
        field,
        task,
        superstep,
        ..
    } = &error
    else {
        panic!("the reducer failed: {error}");
    };
    assert!(field == "sum" && *task == START && *superstep == 0);
}
