//! Subgraphs on threads that go on after something went wrong inside, or beside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{NodeError, RunError, Status};

use super::threads::{Calls, SECOND, asking, asks, counted, on_threads};
use crate::common::{Trace, TraceUpdate, chain, oops, sound};

#[tokio::test(start_paused = true)]
async fn what_failed_inside_is_tried_again_alone() {
    let fails = Arc::new(AtomicU32::new(0));
    let failing = Arc::clone(&fails);
    let inner = sound(
        StateGraph::<Trace, Calls>::new("inner")
            .add_node("fine", counted)
            .add_node("bad", move |ctx: Ctx<Calls>| {
                let failing = Arc::clone(&failing);
                async move {
                    match failing.fetch_add(1, Ordering::SeqCst) {
                        0 | 1 => Err(oops()),
                        _ => Ok(counted(ctx).await),
                    }
                }
            })
            .add_edge(START, "fine")
            .add_edge("fine", "bad"),
    );
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let graph = on_threads(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", node(inner).retry(retry))
            .add_edge(START, "in"),
    );
    let calls = Calls::default();
    // The node's second attempt goes on where the first has failed.
    let error = graph
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap_err();
    assert!(
        matches!(error, RunError::Node { attempt: 2, .. }),
        "{error:?}"
    );
    assert_eq!((calls.get(), fails.load(Ordering::SeqCst)), (1, 2));
    let run = graph
        .proceed()
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["fine", "bad"]);
    assert_eq!(calls.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_effect_inside_happens_once() {
    let inner = sound(
        StateGraph::<Trace, Calls>::new("inner")
            .add_node("pay", async |ctx: Ctx<Calls>| -> NodeResult<TraceUpdate> {
                let receipt = ctx
                    .once("charge", || async {
                        Ok::<_, NodeError>(ctx.0.fetch_add(1, Ordering::SeqCst))
                    })
                    .await?;
                let key = ctx.idempotency_key("charge").unwrap_or_default();
                let ok: bool = ctx.interrupt("ok", ())?;
                Ok(Trace::update().log(format!("{receipt} {ok} {key}")))
            })
            .add_edge(START, "pay"),
    );
    let graph = on_threads(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", inner)
            .add_edge(START, "in"),
    );
    let calls = Calls::default();
    graph
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    let run = graph
        .resume(true)
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["0 true t/1/0/in/0/1/pay/charge"]);
    assert_eq!(calls.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_inside_leaves_no_results_that_would_conflict_again() {
    let clash = Arc::new(AtomicU32::new(0));
    let writes = |clash: &Arc<AtomicU32>| {
        let clash = Arc::clone(clash);
        move |ctx: Ctx<Calls>| {
            let n = clash.fetch_add(1, Ordering::SeqCst);
            async move {
                let name = ctx.node().to_string();
                match n {
                    0 | 1 => Trace::update().n(1),
                    _ => Trace::update().log(name),
                }
            }
        }
    };
    let inner = sound(
        StateGraph::<Trace, Calls>::new("inner")
            .add_node("a", writes(&clash))
            .add_node("b", writes(&clash))
            .add_edge(START, ["a", "b"]),
    );
    let graph = on_threads(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", inner)
            .add_edge(START, "in"),
    );
    let calls = Calls::default();
    let error = graph
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "node");
    let run = graph.proceed().context(calls).thread("t").await.unwrap();
    assert_eq!(run.state.log, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn leaving_for_the_parent_is_replayed() {
    const SENT: Worker<u32> = Worker::new("sent");
    let inner = sound(
        StateGraph::<Trace, Calls>::new("inner")
            .add_node("leave", async |_: View<Trace>| {
                Command::<Trace>::parent().goto(SENT.send(5))
            })
            .add_node("ask", asks)
            .add_edge(START, ["leave", "ask"]),
    );
    let graph = on_threads(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", inner)
            .add_worker(SENT, async |n: u32| Trace::update().sum(u64::from(n)))
            .add_edge(START, "in"),
    );
    let calls = Calls::default();
    let run = graph
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.status, Status::Interrupted);
    let run = graph.resume("so").context(calls).thread("t").await.unwrap();
    assert_eq!((run.state.log, run.state.sum), (vec!["so".to_owned()], 5));
}

#[tokio::test(start_paused = true)]
async fn a_fork_runs_what_is_inside_anew() {
    let (graph, calls) = (on_threads(asking(1)), Calls::default());
    graph
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    graph
        .resume("one")
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    let history = graph.thread("t").history().await.unwrap();
    let before = history
        .iter()
        .find(|snapshot| snapshot.next == ["ask", "beside"])
        .unwrap();
    let fork = graph
        .resume("two")
        .context(calls)
        .thread("t")
        .checkpoint(before.id)
        .await
        .unwrap();
    assert!(
        fork.state.log.contains(&"two".to_owned()),
        "{:?}",
        fork.state.log
    );
    assert!(!fork.state.log.contains(&"one".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_drained_run_stops_between_supersteps_inside() {
    let control = superstep::RunControl::new();
    let drains = control.clone();
    let inner = sound(
        StateGraph::<Trace, Calls>::new("inner")
            .add_node("one", move |ctx: Ctx<Calls>| {
                drains.drain();
                counted(ctx)
            })
            .add_node("two", counted)
            .add_edge(START, "one")
            .add_edge("one", "two"),
    );
    let build = |threads: bool| {
        let graph = StateGraph::<Trace, Calls>::new("test")
            .add_node("in", inner.clone())
            .add_node("last", counted)
            .add_edge(START, "in")
            .add_edge("in", "last");
        match threads {
            true => on_threads(graph),
            false => sound(graph),
        }
    };
    let (graph, calls) = (build(true), Calls::default());
    let run = graph
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .control(&control);
    let run = run.await.unwrap();
    assert_eq!((run.status, calls.get()), (Status::Drained, 1));
    let run = graph
        .proceed()
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!((run.status, calls.get()), (Status::Done, 3));
    assert_eq!(run.state.log, ["one", "two", "last"]);

    // Without a thread nothing could go on from there: it ends first.
    let calls = Calls::default();
    let run = build(false)
        .invoke(Trace::update())
        .context(calls.clone())
        .control(&superstep::RunControl::new());
    assert_eq!(run.await.unwrap().status, Status::Done);
    let control = superstep::RunControl::new();
    control.drain();
    let run = build(false)
        .invoke(Trace::update())
        .context(calls)
        .control(&control);
    assert_eq!(run.await.unwrap().status, Status::Drained);
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_after_the_limit_of_a_graph_inside() {
    let endless = |calls: u32| {
        StateGraph::<Trace, Calls>::new("inner")
            .add_node("again", counted)
            .add_edge(START, "again")
            .add_conditional_edges(
                "again",
                move |state: &Trace| match state.log.len() < calls as usize {
                    true => ["again"],
                    false => [END],
                },
                ["again", END],
            )
            .recursion_limit(3)
    };
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let graph = on_threads(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", node(sound(endless(8))).retry(retry))
            .add_edge(START, "in"),
    );
    let calls = Calls::default();
    let error = graph.invoke(Trace::update()).context(calls.clone());
    let error = error.thread("t").await.unwrap_err();
    let limited = "no end was reached within 3 supersteps";
    assert!(chain(&error)[1].starts_with(limited), "{error:?}");
    // Another attempt of the same call may do no more.
    assert_eq!(calls.get(), 3);
    let error = graph.proceed().context(calls.clone());
    let error = error.thread("t").await.unwrap_err();
    assert!(chain(&error)[1].starts_with(limited), "{error:?}");
    assert_eq!(calls.get(), 6);
    let run = graph.proceed().context(calls.clone()).thread("t");
    assert_eq!(run.await.unwrap().state.log.len(), 8);
    assert_eq!(calls.get(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_a_sibling_leaves_nothing_inside_that_would_conflict_again() {
    let clash = Arc::new(AtomicU32::new(1));
    let clashes = Arc::clone(&clash);
    let inner = sound(
        StateGraph::<Trace, Calls>::new("inner")
            .add_node("draft", move |_: View<Trace>| {
                let clash = clashes.swap(0, Ordering::SeqCst) == 1;
                async move {
                    match clash {
                        true => Trace::update().n(1),
                        false => Trace::update().log("draft"),
                    }
                }
            })
            .add_edge(START, "draft"),
    );
    let graph = on_threads(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", inner)
            .add_node("other", async |_: View<Trace>| Trace::update().n(2))
            .add_edge(START, ["in", "other"]),
    );
    let calls = Calls::default();
    let error = graph
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "conflict");
    let run = graph.proceed().context(calls).thread("t").await.unwrap();
    assert_eq!((run.state.log, run.state.n), (vec!["draft".to_owned()], 2));
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_join_has_closed_inside_is_gone() {
    let inner = sound(
        StateGraph::<Trace, Calls>::new("inner")
            .add_node("ask", asks)
            .add_node("auto", async |_: View<Trace>| {
                tokio::time::sleep(SECOND).await;
                Trace::update().log("auto")
            })
            .add_node("confirm", asks)
            .add_edge(START, ["ask", "auto"])
            .add_join(["ask", "auto"], "confirm", superstep::Join::first()),
    );
    let graph = on_threads(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", inner)
            .add_edge(START, "in"),
    );
    let calls = Calls::default();
    let run = graph
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    let ids: Vec<&str> = run
        .interrupts()
        .iter()
        .map(|asked| asked.id.as_str())
        .collect();
    assert_eq!(ids, ["in/0/confirm/0/what"]);
    let run = graph
        .resume("yes")
        .context(calls)
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["auto", "yes"]);
}

#[tokio::test(start_paused = true)]
async fn so_is_one_further_inside_also_for_another_process() {
    let asking = StateGraph::<Trace, Calls>::new("asking")
        .add_node("ask", asks)
        .add_edge(START, "ask");
    let middle = StateGraph::<Trace, Calls>::new("middle")
        .add_node("section", sound(asking))
        .add_node("auto", async |_: View<Trace>| {
            tokio::time::sleep(SECOND).await;
            Trace::update().log("auto")
        })
        .add_node("confirm", asks)
        .add_edge(START, ["section", "auto"])
        .add_join(["section", "auto"], "confirm", superstep::Join::first());
    let graph = on_threads(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", sound(middle))
            .add_edge(START, "in"),
    );
    let run = graph.invoke(Trace::update()).context(Calls::default());
    let run = run.thread("t").await.unwrap();
    let read = graph.thread("t").state().await.unwrap().interrupts;
    for asked in [run.interrupts(), &read[..]] {
        let ids: Vec<&str> = asked.iter().map(|asked| asked.id.as_str()).collect();
        assert_eq!(ids, ["in/0/confirm/0/what"]);
    }
}
