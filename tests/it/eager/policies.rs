//! The policies of nodes in eager graphs, and eager graphs as nodes of graphs that
//! keep threads.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use superstep::prelude::*;
use superstep::{MemoryCheckpointer, NodeError, Status};

use super::{began, paced, run_of};
use crate::common::{Trace, TraceUpdate, chain, sound, within_a_day};

const MS: Duration = Duration::from_millis(1);

/// `fast` after 10 ms, then `policed`, which is to be added, and then `next`;
/// `slow` takes 500.
fn beside_slow() -> StateGraph<Trace> {
    paced(&[("fast", 10), ("next", 1), ("slow", 500)])
        .add_edge(START, ["fast", "slow"])
        .add_edge("fast", "policed")
        .add_edge("policed", "next")
        .eager()
}

/// Takes 5 ms, and fails until its call number `good`.
async fn flaky(calls: Arc<AtomicU32>, good: u32) -> NodeResult<TraceUpdate> {
    let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
    tokio::time::sleep(5 * MS).await;
    match call < good {
        true => Err(NodeError::msg(format!("call {call} failed"))),
        false => Ok(Trace::update().log(format!("call {call}"))),
    }
}

fn after_10_ms(attempts: u32) -> Retry {
    Retry::attempts(attempts).delay(10 * MS).factor(1.0)
}

#[tokio::test(start_paused = true)]
async fn a_node_is_tried_again_while_its_siblings_go_on() {
    let calls = Arc::default();
    let body = move |_: View<Trace>| flaky(Arc::clone(&calls), 3);
    let run = run_of(beside_slow().add_node("policed", node(body).retry(after_10_ms(3)))).await;
    // Three calls of 5 ms, and twice 10 ms between them.
    assert_eq!(began(&run, "next"), 10 + 15 + 20);
    assert_eq!(run.state.log, ["fast", "slow", "call 3", "next"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_is_told_with_the_depth_that_it_was_made_at() {
    let calls = Arc::default();
    let body = move |_: View<Trace>| flaky(Arc::clone(&calls), 9);
    let graph = beside_slow().add_node("policed", node(body).retry(after_10_ms(2)));
    let error = within_a_day(sound(graph).invoke(Trace::update())).await;
    let told = "node `policed` failed in superstep 2, attempt 2";
    assert_eq!(chain(&error.unwrap_err()), [told, "call 2 failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_made_twice_and_the_first_to_succeed_counts() {
    let calls = Arc::new(AtomicU32::new(0));
    let body = move |_: View<Trace>| {
        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            tokio::time::sleep(if call == 1 { 300 * MS } else { 5 * MS }).await;
            Trace::update().log(format!("call {call}"))
        }
    };
    let policed = node(body).idempotent().hedge(20 * MS);
    let run = run_of(beside_slow().add_node("policed", policed)).await;
    assert_eq!(began(&run, "next"), 10 + 20 + 5);
    assert_eq!(run.state.log, ["fast", "slow", "call 2", "next"]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_leads_on_as_its_node_does() {
    let hangs = async |_: View<Trace>| pending::<()>().await;
    let tells = async |state: View<Trace>, ctx: Ctx| {
        let timed_out = ctx.failure().is_some_and(|failure| failure.is_timeout());
        Trace::update().log(format!("{timed_out} after {}", state.log.join(" ")))
    };
    let policed = node(hangs).timeout(30 * MS).on_error(tells);
    let run = run_of(beside_slow().add_node("policed", policed)).await;
    assert_eq!(began(&run, "next"), 10 + 30);
    // It sees what its node saw.
    assert_eq!(run.state.log, ["fast", "slow", "true after fast", "next"]);
}

#[tokio::test(start_paused = true)]
async fn on_a_thread_an_eager_graph_goes_by_supersteps_and_can_be_paused() {
    let asks = async |_: View<Trace>, ctx: Ctx| -> NodeResult<TraceUpdate> {
        let answer: String = ctx.interrupt("what", json!(null))?;
        Ok(Trace::update().log(answer))
    };
    let policed = async |_: View<Trace>| Trace::update().log("policed");
    let inner = sound(
        beside_slow()
            .add_node("policed", policed)
            .add_node("asks", asks)
            .add_edge("next", "asks"),
    );
    let outer = || paced(&[("end", 1)]).add_node("inner", inner.clone());
    let outer = || outer().add_edge(START, "inner").add_edge("inner", "end");
    let graph = sound(outer().checkpointer(MemoryCheckpointer::new()));

    let begin = tokio::time::Instant::now();
    let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
    assert_eq!(run.status, Status::Interrupted);
    assert_eq!(run.interrupts()[0].id, "inner/0/asks/0/what");
    assert_eq!(begin.elapsed(), 501 * MS, "`policed` waits for `slow`");
    let run = graph.resume("yes").thread("t").await.unwrap();
    assert_eq!(run.status, Status::Done);
    assert_eq!(
        begin.elapsed(),
        502 * MS,
        "what had ended did not run again"
    );
    let log = ["fast", "slow", "policed", "next", "yes", "end"];
    assert_eq!(run.state.log, log);

    // Without a thread nothing can be asked.
    let error = sound(outer()).invoke(Trace::update()).await.unwrap_err();
    assert!(chain(&error).concat().contains("thread"), "{error:?}");
}
