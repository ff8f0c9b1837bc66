//! Subgraphs on threads: questions, answers and crashes inside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use superstep::prelude::*;
use superstep::{Graph, MemoryCheckpointer, RunError, Status, subgraph};

use super::{Inner, said};
use crate::common::{Trace, TraceUpdate, sound, within_a_day};

pub(super) const SECOND: Duration = Duration::from_secs(1);
const ASK: Worker<String> = Worker::new("ask");

/// How often each node ran.
#[derive(Clone, Default, Debug)]
pub(super) struct Calls(pub(super) Arc<AtomicU32>);

impl Calls {
    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(super) async fn counted(ctx: Ctx<Calls>) -> TraceUpdate {
    ctx.0.fetch_add(1, Ordering::SeqCst);
    Trace::update().log(ctx.node().to_string())
}

pub(super) async fn asks(ctx: Ctx<Calls>) -> NodeResult<TraceUpdate> {
    let answer: String = ctx.interrupt("what", json!(ctx.node().as_str()))?;
    Ok(Trace::update().log(answer))
}

/// `before`, then `asks` beside `beside` (so many levels down), then `after`.
pub(super) fn asking(levels: usize) -> StateGraph<Trace, Calls> {
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

pub(super) fn on_threads(graph: StateGraph<Trace, Calls>) -> Graph<Trace, Calls> {
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
