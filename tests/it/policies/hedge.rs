//! Attempts that are made twice because they are slow.

use std::time::Duration;

use expect_test::expect;
use superstep::prelude::*;
use superstep::{MemoryCheckpointer, NodeError, Status};
use tokio::time::{Instant, sleep};

use super::{Attempts, attempts};
use crate::common::{Alive, Trace, chain, oops, sound, within_a_day};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What the calls of an attempt do, in the order in which they begin: after how
/// many seconds they end, and whether well.
type Plan = &'static [(u64, bool)];

/// A graph of one node whose calls go as planned; each writes its number.
fn planned(plan: Plan, retry: Retry, hedge: Duration) -> StateGraph<Trace, Attempts> {
    let body = move |ctx: Ctx<Attempts>| async move {
        let number = ctx.note();
        let (after, well) = plan[number - 1];
        sleep(seconds(after)).await;
        if well {
            Ok(Trace::update().n(number as i64))
        } else {
            Err(NodeError::msg(format!("call {number} failed")))
        }
    };
    let policed = node(body).idempotent().hedge(hedge).retry(retry);
    StateGraph::new("hedged")
        .add_node("a", policed)
        .add_edge(START, "a")
}

/// Who won or what failed, when each call began, and when all was over.
async fn goes(plan: Plan) -> (Result<i64, Vec<String>>, Vec<f64>, f64) {
    let begin = Instant::now();
    let graph = planned(plan, Retry::attempts(1), seconds(5));
    let (result, began) = within_a_day(attempts(graph)).await;
    let result = result.map_err(|error| chain(&error)[1..].to_vec());
    (result, began, begin.elapsed().as_secs_f64())
}

fn failed(message: &str) -> Result<i64, Vec<String>> {
    Err(vec![message.to_owned()])
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_not_slow_is_made_once() {
    assert_eq!(goes(&[(4, true)]).await, (Ok(1), vec![0.0], 4.0));
    // A failure that comes early does not wait for a second call.
    assert_eq!(
        goes(&[(4, false)]).await,
        (failed("call 1 failed"), vec![0.0], 4.0)
    );
}

#[tokio::test(start_paused = true)]
async fn of_two_calls_the_first_to_succeed_wins() {
    assert_eq!(
        goes(&[(60, true), (3, true)]).await,
        (Ok(2), vec![0.0, 5.0], 8.0)
    );
    assert_eq!(
        goes(&[(7, true), (60, true)]).await,
        (Ok(1), vec![0.0, 5.0], 7.0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_counts_when_both_have_failed_and_is_then_the_firsts() {
    assert_eq!(
        goes(&[(7, false), (9, true)]).await,
        (Ok(2), vec![0.0, 5.0], 14.0)
    );
    assert_eq!(
        goes(&[(9, true), (1, false)]).await,
        (Ok(1), vec![0.0, 5.0], 9.0)
    );
    for plan in [&[(7, false), (9, false)], &[(14, false), (1, false)]] {
        let (result, began, after) = goes(plan).await;
        assert_eq!(
            (result, began, after),
            (failed("call 1 failed"), vec![0.0, 5.0], 14.0)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_call_that_loses_is_dropped() {
    let body = async |ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        sleep(seconds(if ctx.ever() == 1 { 60 } else { 3 })).await;
        assert_eq!(ctx.now(), 2);
    };
    let seen = async |ctx: Ctx<Alive>| assert_eq!(ctx.now(), 0, "the loser is gone");
    let graph = StateGraph::<Trace, Alive>::new("hedged")
        .add_node("a", node(body).idempotent().hedge(seconds(5)))
        .add_node("b", seen)
        .add_edge(START, "a")
        .add_edge("a", "b");
    let alive = Alive::default();
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    run.await.unwrap();
    assert_eq!((alive.most(), alive.ever()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_hedged_and_both_calls_are_under_one_timeout() {
    const FAILS_ONCE: Plan = &[(6, false), (4, false), (60, true), (1, true)];
    let graph = planned(FAILS_ONCE, Retry::attempts(2).delay(seconds(1)), seconds(5));
    let (result, began) = attempts(graph).await;
    assert_eq!(result.unwrap(), 4);
    assert_eq!(began, [0.0, 5.0, 10.0, 15.0]);

    let hang = async |ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        sleep(seconds(60)).await;
    };
    let policed = node(hang)
        .idempotent()
        .hedge(seconds(5))
        .timeout(seconds(8));
    let graph = StateGraph::<Trace, Alive>::new("hedged")
        .add_node("a", policed)
        .add_edge(START, "a");
    let (alive, begin) = (Alive::default(), Instant::now());
    let run = sound(graph).invoke(Trace::update()).context(alive.clone());
    assert_eq!(
        chain(&run.await.unwrap_err())[1],
        "it took longer than its timeout of 8s"
    );
    assert_eq!(begin.elapsed(), seconds(8));
    assert_eq!((alive.now(), alive.ever()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_its_call_alone() {
    let body = async |ctx: Ctx<Attempts>| {
        let first = ctx.note() == 1;
        sleep(seconds(6)).await;
        assert!(!first, "the first panics");
        Trace::update().n(2)
    };
    let graph = StateGraph::<Trace, Attempts>::new("hedged")
        .add_node("a", node(body).idempotent().hedge(seconds(5)))
        .add_edge(START, "a");
    assert_eq!(attempts(graph).await.0.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn both_calls_of_a_worker_are_given_the_same_value() {
    const WORK: Worker<Vec<u8>> = Worker::new("work");
    let body = async |mut bytes: Vec<u8>, ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        bytes.push(ctx.ever() as u8);
        sleep(seconds(if ctx.ever() == 1 { 60 } else { 1 })).await;
        Trace::update().log(format!("{bytes:?}"))
    };
    let graph = StateGraph::<Trace, Alive>::new("hedged")
        .add_worker(WORK, node(body).idempotent().hedge(seconds(5)))
        .add_conditional_edges(START, |_: &Trace| WORK.send(vec![7]), [WORK]);
    let run = sound(graph)
        .invoke(Trace::update())
        .context(Alive::default());
    assert_eq!(run.await.unwrap().state.log, ["[7, 2]"]);
}

#[tokio::test(start_paused = true)]
async fn two_calls_take_one_place_and_a_fallback_is_called_once() {
    let body = async |ctx: Ctx<Attempts>| {
        ctx.note();
        sleep(seconds(9)).await;
        Err::<(), _>(oops())
    };
    let rescue = async |ctx: Ctx<Attempts>| {
        assert!(ctx.failure().is_some());
        Trace::update().sum(1)
    };
    let policed = || node(body).on_error(rescue).idempotent().hedge(seconds(5));
    let graph = StateGraph::<Trace, Attempts>::new("hedged")
        .add_node("a", policed())
        .add_node("b", policed())
        .add_edge(START, ["a", "b"])
        .max_concurrency(1);
    let (_, began) = attempts(graph).await;
    assert_eq!(began, [0.0, 5.0, 14.0, 19.0]);
}

#[tokio::test]
async fn a_question_cannot_be_asked_by_what_may_run_twice_at_once() {
    let body = async |ctx: Ctx| {
        let _: bool = ctx.interrupt("sure", 1)?;
        NodeResult::Ok(())
    };
    let graph = |after| {
        let hedged = node(body).idempotent().hedge(after);
        let graph = StateGraph::<Trace>::new("hedged")
            .add_node("a", hedged.retry(Retry::attempts(3)))
            .add_edge(START, "a");
        sound(graph.checkpointer(MemoryCheckpointer::new()))
    };
    let asked = graph(seconds(5)).invoke(Trace::update()).thread("t").await;
    assert_eq!(
        chain(&asked.unwrap_err()),
        [
            "node `a` failed in superstep 1, attempt 1",
            "question `sure` cannot be asked in a node with `.hedge(..)`: it may run twice at once"
        ]
    );
    let never = graph(Duration::MAX).invoke(Trace::update()).thread("t");
    assert_eq!(never.await.unwrap().status, Status::Interrupted);
}

#[test]
fn what_is_hedged_says_that_it_may_run_twice() {
    let body = async |_: View<Trace>| {};
    let hedged = |name, policed| {
        StateGraph::<Trace>::new("hedged")
            .add_node(name, policed)
            .add_edge(START, name)
            .compile()
    };
    let error = hedged("a", node(body).hedge(seconds(5))).unwrap_err();
    let found: Vec<_> = error.diagnostics().iter().collect();
    expect![[r#"
        hedge-not-idempotent: `a` is hedged, but does not say that it may run twice at once
        if it may, declare it: `.idempotent()`; else remove `.hedge(..)`
    "#]]
    .assert_eq(&format!(
        "{}: {}\n{}\n",
        found[0].code(),
        found[0].message(),
        found[0].help()
    ));
    assert_eq!(found.len(), 1);
    assert!(found[0].location().file().ends_with("hedge.rs"));
    assert!(hedged("a", node(body).hedge(seconds(5)).idempotent()).is_ok());
    assert!(hedged("a", node(body).hedge(Duration::MAX)).is_ok());
}
