//! Effects that a re-run does not repeat.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use superstep::prelude::*;
use superstep::{Checkpointer, Durability, MemoryCheckpointer, NodeError, Status, ThreadId};

use super::{Count, T, fails, kept};
use crate::common::{Trace, TraceUpdate, chain, oops, sound};

/// An effect that counts.
async fn charge(ctx: &Ctx<Count>) -> NodeResult<usize> {
    ctx.once("charge", || async { Ok::<_, NodeError>(ctx.next()) })
        .await
}

#[tokio::test]
async fn an_effect_before_a_question_happens_once() {
    async fn pay(ctx: Ctx<Count>) -> NodeResult<TraceUpdate> {
        let receipt = charge(&ctx).await?;
        let answer: String = ctx.interrupt("sure", receipt)?;
        Ok(Trace::update().log(format!("{answer} {receipt}")))
    }
    for durability in [Durability::Sync, Durability::Async, Durability::Exit] {
        let graph = kept(
            StateGraph::<Trace, Count>::new("test")
                .add_node("pay", pay)
                .add_edge(START, "pay"),
        );
        let count = Arc::new(Count::default());
        let run = graph
            .invoke(Trace::update())
            .thread(T)
            .durability(durability);
        run.context(Arc::clone(&count)).await.unwrap();
        let run = graph
            .resume("yes")
            .thread(T)
            .context(Arc::clone(&count))
            .await
            .unwrap();
        assert_eq!(
            (run.state.log, count.get()),
            (vec!["yes 0".to_owned()], 1),
            "{durability:?}"
        );
    }
}

#[tokio::test]
async fn an_effect_before_a_failure_happens_once_over_proceed() {
    async fn pay(ctx: Ctx<Count>) -> NodeResult<TraceUpdate> {
        let receipt = charge(&ctx).await?;
        match ctx.next() {
            1 => Err(oops()),
            _ => Ok(Trace::update().log(format!("paid {receipt}"))),
        }
    }
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("pay", pay)
            .add_edge(START, "pay"),
    );
    let count = fails(&graph, "node").await;
    let run = graph.proceed().thread(T).context(count).await.unwrap();
    assert_eq!(run.state.log, ["paid 0"]);
}

#[tokio::test(start_paused = true)]
async fn retries_do_not_repeat_an_effect_with_or_without_a_thread() {
    async fn pay(ctx: Ctx<Count>) -> NodeResult<TraceUpdate> {
        let receipt = charge(&ctx).await?;
        if ctx.attempt() < 3 {
            return Err(oops());
        }
        Ok(Trace::update().log(format!("paid {receipt}")))
    }
    let build = || {
        StateGraph::<Trace, Count>::new("test")
            .add_node(
                "pay",
                node(pay).retry(Retry::attempts(3).delay(Duration::from_secs(1))),
            )
            .add_edge(START, "pay")
    };
    let count = Arc::new(Count::default());
    let run = sound(build())
        .invoke(Trace::update())
        .context(Arc::clone(&count))
        .await
        .unwrap();
    assert_eq!((run.state.log, count.get()), (vec!["paid 0".to_owned()], 1));
    let run = kept(build())
        .invoke(Trace::update())
        .thread(T)
        .context(Arc::clone(&count));
    assert_eq!(run.await.unwrap().state.log, ["paid 1"]);
}

#[tokio::test]
async fn a_failed_effect_is_tried_again_and_a_later_superstep_is_another() {
    async fn flaky(ctx: Ctx<Count>) -> NodeResult<TraceUpdate> {
        let n = ctx
            .once("effect", || async {
                match ctx.next() {
                    0 => Err(oops()),
                    n => Ok(n),
                }
            })
            .await?;
        Ok(Trace::update().log(n.to_string()))
    }
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("flaky", flaky)
            .add_conditional_edges(
                "flaky",
                |state: &Trace| if state.log.len() < 2 { "flaky" } else { END },
                ["flaky", END],
            )
            .add_edge(START, "flaky"),
    );
    let count = Arc::new(Count::default());
    let failed = graph
        .invoke(Trace::update())
        .thread(T)
        .context(Arc::clone(&count))
        .await;
    assert_eq!(chain(&failed.unwrap_err())[1], "oops");
    let run = graph.proceed().thread(T).context(count).await.unwrap();
    assert_eq!(
        (run.status, run.state.log),
        (Status::Done, vec!["1".to_owned(), "2".to_owned()])
    );
}

#[tokio::test]
async fn keys_and_tasks_tell_effects_apart() {
    async fn two(ctx: Ctx<Count>) -> NodeResult<TraceUpdate> {
        let effect = |key: &'static str| ctx.once(key, || async { Ok::<_, NodeError>(ctx.next()) });
        let (a, b, again) = (effect("a").await?, effect("b").await?, effect("a").await?);
        assert!(a == again && a != b);
        Ok(Trace::update().sum(1_u64))
    }
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("x", two)
            .add_node("y", two)
            .add_edge(START, ["x", "y"]),
    );
    let count = Arc::new(Count::default());
    graph
        .invoke(Trace::update())
        .thread(T)
        .context(Arc::clone(&count))
        .await
        .unwrap();
    assert_eq!(count.get(), 4);
}

#[tokio::test]
async fn what_an_effect_came_to_is_written_before_a_second_call_has_it() {
    async fn pay(store: Ctx<MemoryCheckpointer>) -> NodeResult<TraceUpdate> {
        let charge = || store.once("charge", || async { Ok::<_, NodeError>(1_u64) });
        // As an attempt whose time is over while that is on its way.
        assert!(charge().now_or_never().is_none());
        let paid = charge().await?;
        let loaded = store.load(&ThreadId::from(T), None).await;
        let entries = loaded.unwrap().map(|loaded| loaded.entries);
        let keys = entries.iter().flatten().map(|entry| entry.key.clone());
        Ok(Trace::update().sum(paid).log(keys.collect::<Vec<_>>()))
    }
    let store = MemoryCheckpointer::new();
    let graph = StateGraph::<Trace, MemoryCheckpointer>::new("test")
        .add_node("pay", pay)
        .add_edge(START, "pay")
        .checkpointer(store.clone());
    let run = sound(graph).invoke(Trace::update()).thread(T);
    let run = run.context(store).await.unwrap();
    assert_eq!(
        (run.state.sum, run.state.log),
        (1, vec!["once/charge".to_owned()])
    );
}
