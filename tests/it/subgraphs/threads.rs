//! Subgraphs on threads: questions, answers and crashes inside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use superstep::prelude::*;
use superstep::{Graph, MemoryCheckpointer, NodeError, RunError, Status, subgraph};

use super::{Inner, said};
use crate::common::{Trace, TraceUpdate, oops, sound, within_a_day};

const SECOND: Duration = Duration::from_secs(1);
const ASK: Worker<String> = Worker::new("ask");

/// How often each node ran.
#[derive(Clone, Default, Debug)]
struct Calls(Arc<AtomicU32>);

impl Calls {
    fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

async fn counted(ctx: Ctx<Calls>) -> TraceUpdate {
    ctx.0.fetch_add(1, Ordering::SeqCst);
    Trace::update().log(ctx.node().to_string())
}

async fn asks(ctx: Ctx<Calls>) -> NodeResult<TraceUpdate> {
    let answer: String = ctx.interrupt("what", json!(ctx.node().as_str()))?;
    Ok(Trace::update().log(answer))
}

/// `before`, then `asks` beside `beside` (so many levels down), then `after`.
fn asking(levels: usize) -> StateGraph<Trace, Calls> {
    let graph = StateGraph::<Trace, Calls>::new("asking")
        .add_node("before", counted)
        .add_node("beside", counted)
        .add_node("after", counted)
        .add_edge(START, "before")
        .add_edge("before", ["ask", "beside"])
        .add_edge(["ask", "beside"], "after");
    match levels {
        0 => graph.add_node("ask", asks),
        _ => graph.add_node("ask", sound(asking(levels - 1))),
    }
}

fn on_threads(graph: StateGraph<Trace, Calls>) -> Graph<Trace, Calls> {
    sound(graph.checkpointer(MemoryCheckpointer::new()))
}

#[tokio::test(start_paused = true)]
async fn a_question_four_levels_down_is_answered_by_its_path() {
    let (graph, calls) = (on_threads(asking(4)), Calls::default());
    let run = graph
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.status, Status::Interrupted);
    let [question] = run.interrupts() else {
        panic!("{:?}", run.interrupts());
    };
    assert_eq!(question.id, "ask/0/ask/0/ask/0/ask/0/ask/0/what");
    assert_eq!(
        (question.path.as_str(), question.name.as_str()),
        ("ask/0/ask/0/ask/0/ask/0", "what")
    );
    assert_eq!(
        (question.task.to_string(), &question.value),
        ("ask".to_owned(), &json!("ask"))
    );
    assert_eq!(calls.get(), 10);

    // Going on without an answer asks the same again, and runs nothing.
    let run = graph
        .proceed()
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!(
        (run.interrupts()[0].id.as_str(), calls.get()),
        ("ask/0/ask/0/ask/0/ask/0/ask/0/what", 10)
    );
    let snapshot = graph.thread("t").state().await.unwrap();
    assert_eq!(snapshot.interrupts.len(), 1);

    let run = graph
        .resume("yes")
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.status, Status::Done);
    assert_eq!(calls.get(), 15); // the five that come after
    let plain = {
        let mut log = vec!["yes".to_owned()];
        for _ in 0..5 {
            log.insert(0, "before".into());
            log.extend(["beside".into(), "after".into()]);
        }
        log
    };
    assert_eq!(run.state.log, plain);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_wrong_type_leaves_the_question_open() {
    for levels in [1, 3] {
        let (graph, calls) = (on_threads(asking(levels)), Calls::default());
        let invoked = graph
            .invoke(Trace::update())
            .context(calls.clone())
            .thread("t");
        let id = invoked.await.unwrap().interrupts()[0].id.clone();
        // Known in this process, it is refused before anything runs.
        let error = graph
            .resume(7)
            .context(calls.clone())
            .thread("t")
            .await
            .unwrap_err();
        let RunError::Answer { id: asked, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*asked, id);
        let error = graph
            .resume_with([("ask/0/what", "x")])
            .context(calls.clone())
            .thread("t")
            .await
            .unwrap_err();
        assert!(error.help().contains(&id), "{}", error.help());
        let run = graph
            .resume_with([(id, "x")])
            .context(calls)
            .thread("t")
            .await
            .unwrap();
        assert_eq!(run.status, Status::Done);
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_finds_a_wrong_answer_inside() {
    let (store, calls) = (MemoryCheckpointer::new(), Calls::default());
    let compiled = || sound(asking(2).checkpointer(store.clone()));
    let run = compiled()
        .invoke(Trace::update())
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    let id = run.interrupts()[0].id.clone();
    let ran = calls.get();
    let error = compiled()
        .resume(7)
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, RunError::Answer { id: asked, .. } if *asked == id),
        "{error:?}"
    );
    let graph = compiled();
    let open = graph.thread("t").state().await.unwrap().interrupts;
    assert_eq!((open.len(), &open[0].id, calls.get()), (1, &id, ran));
    let run = graph
        .resume("ok")
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!((run.status, calls.get()), (Status::Done, ran + 3));
}

/// A graph with a state of its own, that asks and then says what it was told.
fn asks_once() -> Graph<Inner, Calls> {
    sound(
        StateGraph::<Inner, Calls>::new("asks")
            .add_node("first", async |state: View<Inner>, ctx: Ctx<Calls>| {
                ctx.0.fetch_add(1, Ordering::SeqCst);
                Inner::update().said(state.word.clone())
            })
            .add_node("ask", async |ctx: Ctx<Calls>| -> NodeResult<_> {
                let answer: String = ctx.interrupt("what", ())?;
                Ok(Inner::update().said(answer))
            })
            .add_edge(START, "first")
            .add_edge("first", "ask"),
    )
}

#[tokio::test(start_paused = true)]
async fn many_sends_to_one_graph_ask_each_for_themselves() {
    let graph = on_threads(
        StateGraph::<Trace, Calls>::new("test")
            .add_worker(
                ASK,
                subgraph(
                    asks_once(),
                    |word: &String| Inner::update().word(word.clone()),
                    said,
                ),
            )
            .add_node("last", counted)
            .add_conditional_edges(
                START,
                |_: &Trace| ["a", "b", "c"].map(|word| ASK.send(word.to_owned())),
                [ASK],
            )
            .add_edge(ASK, "last"),
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
    assert_eq!(
        ids,
        ["ask/0/ask/0/what", "ask/1/ask/0/what", "ask/2/ask/0/what"]
    );

    let answers = [("ask/2/ask/0/what", "z"), ("ask/0/ask/0/what", "x")];
    let run = graph
        .resume_with(answers)
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    let ids: Vec<&str> = run
        .interrupts()
        .iter()
        .map(|asked| asked.id.as_str())
        .collect();
    assert_eq!((ids, calls.get()), (vec!["ask/1/ask/0/what"], 3));
    // What has finished beside it is seen already.
    let snapshot = graph.thread("t").state().await.unwrap();
    assert_eq!(snapshot.values.log, ["a", "x", "c", "z"]);

    let run = graph
        .resume("y")
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["a", "x", "b", "y", "c", "z", "last"]);
    assert_eq!(calls.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_inside_goes_on_inside() {
    // Each node of it takes a second; whenever it is dropped, nothing that has
    // finished runs again.
    let slow = async |ctx: Ctx<Calls>| {
        tokio::time::sleep(SECOND).await;
        ctx.0.fetch_add(1, Ordering::SeqCst);
        Trace::update().log(ctx.node().to_string())
    };
    let level = |inner: Option<Graph<Trace, Calls>>| {
        let graph = StateGraph::<Trace, Calls>::new("level")
            .add_node("a", slow)
            .add_node("c", slow)
            .add_node("d", slow)
            .add_edge(START, "a")
            .add_edge("a", ["b", "c"])
            .add_edge(["b", "c"], "d");
        match inner {
            None => graph.add_node("b", slow),
            Some(inner) => graph.add_node("b", inner),
        }
    };
    let build = || on_threads(level(Some(sound(level(Some(sound(level(None))))))));
    let expected = build()
        .invoke(Trace::update())
        .context(Calls::default())
        .thread("t")
        .await
        .unwrap()
        .state
        .log;
    assert_eq!(expected.len(), 10);
    for stop_after in 1..7_u32 {
        let (graph, calls) = (build(), Calls::default());
        let time = SECOND * stop_after + SECOND / 2;
        let run = graph
            .invoke(Trace::update())
            .context(calls.clone())
            .thread("t");
        assert!(tokio::time::timeout(time, run).await.is_err());
        let before = calls.get();
        assert!(before > 0);
        let run = graph.proceed().context(calls.clone()).thread("t");
        let run = within_a_day(run).await.unwrap();
        assert_eq!(
            (run.state.log, calls.get()),
            (expected.clone(), 10),
            "after {stop_after} s"
        );
    }
}

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
