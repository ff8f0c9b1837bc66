//! Rule 11: questions, answers, and who runs again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use superstep::prelude::*;
use superstep::{Graph, Interrupt, MemoryCheckpointer, NodeError, RunError, Status};

use super::{Count, T, kept};
use crate::common::{Trace, TraceUpdate, chain, mark, oops};

/// What a person decides.
#[derive(Debug, Serialize, Deserialize)]
enum Decision {
    Yes,
    No { why: String },
}

fn ids(interrupts: &[Interrupt]) -> Vec<&str> {
    interrupts.iter().map(|asked| asked.id.as_str()).collect()
}

/// A node that asks its own name and says what was answered.
async fn ask(ctx: Ctx) -> NodeResult<TraceUpdate> {
    let answer: String = ctx.interrupt("what", ctx.node())?;
    Ok(Trace::update().log(format!("{}: {answer}", ctx.node())))
}

#[tokio::test]
async fn a_question_pauses_the_run_and_its_answer_is_typed() {
    async fn approve(state: View<Trace>, ctx: Ctx) -> NodeResult<TraceUpdate> {
        let decision: Decision = ctx.interrupt("approve", json!({ "n": state.n }))?;
        Ok(Trace::update().log(format!("{decision:?}")))
    }
    let graph = kept(
        StateGraph::new("order")
            .add_node("approve", approve)
            .add_node("ship", mark)
            .add_edge(START, "approve")
            .add_edge("approve", "ship"),
    );
    let run = graph
        .invoke(Trace::update().n(900))
        .thread(T)
        .await
        .unwrap();
    assert_eq!(run.status, Status::Interrupted);
    let [asked] = run.interrupts() else {
        panic!("one question is asked");
    };
    assert_eq!(
        (asked.id.as_str(), asked.name.as_str()),
        ("approve/0/approve", "approve")
    );
    assert_eq!(asked.value, json!({ "n": 900 }));
    assert_eq!(asked.task, "approve");

    let snapshot = graph.thread(T).state().await.unwrap();
    assert_eq!(snapshot.next, ["approve"]);
    assert_eq!(snapshot.interrupts, run.interrupts());

    let no = Decision::No { why: "dear".into() };
    let run = graph.resume(no).thread(T).await.unwrap();
    assert_eq!(run.status, Status::Done);
    assert_eq!(run.state.log, ["No { why: \"dear\" }", "ship"]);
    assert!(run.interrupts().is_empty());
}

#[tokio::test]
async fn siblings_of_a_question_finish_and_run_once() {
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("asks", async |ctx: Ctx<Count>| {
                let answer: String = ctx.interrupt("what", ())?;
                Ok::<_, NodeError>(Trace::update().log(answer))
            })
            .add_node("works", async |ctx: Ctx<Count>| {
                Trace::update().log(format!("worked {}", ctx.next()))
            })
            .add_edge(START, ["asks", "works"]),
    );
    let count = Arc::new(Count::default());
    let run = graph
        .invoke(Trace::update())
        .thread(T)
        .context(Arc::clone(&count));
    let run = run.await.unwrap();
    assert_eq!(run.state.log, ["worked 0"], "what a sibling wrote shows");
    let snapshot = graph.thread(T).state().await.unwrap();
    assert_eq!(snapshot.values.log, ["worked 0"]);
    assert_eq!(
        (snapshot.next, snapshot.finished.len()),
        (vec!["asks".to_owned()], 1)
    );

    let run = graph
        .resume("yes")
        .thread(T)
        .context(Arc::clone(&count))
        .await
        .unwrap();
    assert_eq!(run.state.log, ["yes", "worked 0"], "in task order");
    assert_eq!(count.get(), 1);
}

fn two_ask() -> Graph<Trace> {
    kept(
        StateGraph::new("test")
            .add_node("a", ask)
            .add_node("b", ask)
            .add_edge(START, ["a", "b"]),
    )
}

#[tokio::test]
async fn questions_of_parallel_tasks_are_answered_by_their_ids_in_any_order() {
    let graph = two_ask();
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(ids(run.interrupts()), ["a/0/what", "b/0/what"]);
    let run = graph
        .resume_with([("b/0/what", "2")])
        .thread(T)
        .await
        .unwrap();
    assert_eq!(ids(run.interrupts()), ["a/0/what"]);
    assert_eq!(run.state.log, ["b: 2"]);
    let run = graph
        .resume_with([("a/0/what", "1")])
        .thread(T)
        .await
        .unwrap();
    assert_eq!(run.state.log, ["a: 1", "b: 2"]);
}

#[tokio::test]
async fn a_task_without_an_answer_stays_parked() {
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("a", async |ctx: Ctx<Count>| {
                ctx.next();
                let _: String = ctx.interrupt("what", ())?;
                Ok::<_, NodeError>(())
            })
            .add_node("b", async |ctx: Ctx<Count>| {
                let _: String = ctx.interrupt("what", ())?;
                Ok::<_, NodeError>(())
            })
            .add_edge(START, ["a", "b"]),
    );
    let count = Arc::new(Count::default());
    let go = |run: superstep::Invocation<Trace, Count, _>| {
        let count = Arc::clone(&count);
        async move { run.thread(T).context(count).await.unwrap() }
    };
    go(graph.invoke(Trace::update())).await;
    let run = go(graph.resume_with([("b/0/what", "x")])).await;
    assert_eq!((run.status, count.get()), (Status::Interrupted, 1));
    let run = go(graph.proceed()).await;
    assert_eq!(
        (run.status, count.get(), run.supersteps()),
        (Status::Interrupted, 1, 0),
        "nobody answered"
    );
    assert_eq!(ids(run.interrupts()), ["a/0/what"]);
    let run = go(graph.resume("x")).await;
    assert_eq!((run.status, count.get()), (Status::Done, 2));
}

#[tokio::test]
async fn several_questions_in_one_task_are_told_apart_by_name_and_count() {
    async fn chat(ctx: Ctx) -> NodeResult<TraceUpdate> {
        let first: String = ctx.interrupt("word", 1)?;
        let second: String = ctx.interrupt("word", 2)?;
        let other: u32 = ctx.interrupt("number", 3)?;
        Ok(Trace::update().log([first, second, other.to_string()]))
    }
    let graph = kept(
        StateGraph::new("test")
            .add_node("chat", chat)
            .add_edge(START, "chat"),
    );
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(ids(run.interrupts()), ["chat/0/word"]);
    let run = graph.resume("one").thread(T).await.unwrap();
    assert_eq!(ids(run.interrupts()), ["chat/0/word#2"]);
    let run = graph
        .resume_with([("chat/0/word#2", "two")])
        .thread(T)
        .await
        .unwrap();
    assert_eq!(ids(run.interrupts()), ["chat/0/number"]);
    let run = graph.resume(3).thread(T).await.unwrap();
    assert_eq!(run.state.log, ["one", "two", "3"]);
}

#[tokio::test]
async fn questions_asked_at_once_in_one_task_are_open_at_once() {
    async fn both(ctx: Ctx) -> NodeResult<TraceUpdate> {
        let (a, b) = (ctx.interrupt("a", ()), ctx.interrupt("b", ()));
        let (a, b): (String, String) = (a?, b?);
        Ok(Trace::update().log([a, b]))
    }
    let graph = kept(
        StateGraph::new("test")
            .add_node("both", both)
            .add_edge(START, "both"),
    );
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(ids(run.interrupts()), ["both/0/a", "both/0/b"]);
    let run = graph
        .resume_with([("both/0/b", "B")])
        .thread(T)
        .await
        .unwrap();
    assert_eq!(ids(run.interrupts()), ["both/0/a"]);
    let run = graph.resume("A").thread(T).await.unwrap();
    assert_eq!(run.state.log, ["A", "B"]);
}

#[tokio::test]
async fn a_question_that_is_not_asked_again_is_not_open_any_more() {
    async fn fickle(ctx: Ctx<Count>) -> NodeResult<TraceUpdate> {
        let (a, b) = (ctx.interrupt("a", ()), ctx.interrupt("b", ()));
        let a: String = a?;
        let _: Result<String, _> = b;
        let c: String = ctx.interrupt("c", ())?;
        Ok(Trace::update().log([a, c]))
    }
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("fickle", fickle)
            .add_edge(START, "fickle"),
    );
    let run = graph
        .invoke(Trace::update())
        .thread(T)
        .context(Count::default())
        .await
        .unwrap();
    assert_eq!(ids(run.interrupts()), ["fickle/0/a", "fickle/0/b"]);
    let run = graph.resume_with([("fickle/0/a", "A")]).thread(T);
    let run = run.context(Count::default()).await.unwrap();
    assert_eq!(ids(run.interrupts()), ["fickle/0/b", "fickle/0/c"]);
}

#[tokio::test]
async fn sends_ask_under_their_numbers() {
    const REVIEW: Worker<u32> = Worker::new("review");
    let graph = kept(
        StateGraph::new("test")
            .add_worker(REVIEW, async |page: u32, ctx: Ctx| {
                let grade: u32 = ctx.interrupt("grade", page)?;
                Ok::<_, NodeError>(Trace::update().log(format!("{page}: {grade}")))
            })
            .add_conditional_edges(
                START,
                |_: &Trace| (7..9).map(|n| REVIEW.send(n)).collect::<Vec<_>>(),
                REVIEW,
            ),
    );
    let run = graph.invoke(Trace::update()).thread(T).await.unwrap();
    assert_eq!(ids(run.interrupts()), ["review/0/grade", "review/1/grade"]);
    let run = graph
        .resume_with([("review/1/grade", 2)])
        .thread(T)
        .await
        .unwrap();
    assert_eq!(ids(run.interrupts()), ["review/0/grade"]);
    let run = graph.resume(1).thread(T).await.unwrap();
    assert_eq!(run.state.log, ["7: 1", "8: 2"], "each keeps its input");
}

#[tokio::test]
async fn an_answer_of_another_type_is_refused_and_the_question_stays_open() {
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("count", async |ctx: Ctx<Count>| {
                ctx.next();
                let n: u64 = ctx.interrupt("how many", ())?;
                Ok::<_, NodeError>(Trace::update().sum(n))
            })
            .add_edge(START, "count"),
    );
    let count = Arc::new(Count::default());
    graph
        .invoke(Trace::update())
        .thread(T)
        .context(Arc::clone(&count))
        .await
        .unwrap();
    let error = graph
        .resume("many")
        .thread(T)
        .context(Arc::clone(&count))
        .await
        .unwrap_err();
    let RunError::Answer { id, .. } = &error else {
        panic!("the answer is refused: {error:?}");
    };
    assert_eq!(id, "count/0/how many");
    assert!(
        error
            .to_string()
            .contains("invalid type: string \"many\", expected u64"),
        "{error}"
    );
    assert_eq!(count.get(), 1, "nothing ran");
    let run = graph.resume(3).thread(T).context(count).await.unwrap();
    assert_eq!(run.state.sum, 3);
}

#[tokio::test]
async fn where_the_type_is_not_known_before_a_wrong_answer_is_taken_back() {
    let store = MemoryCheckpointer::new();
    let build = || {
        StateGraph::new("test")
            .add_node("count", async |ctx: Ctx| {
                let n: u64 = ctx.interrupt("how many", ())?;
                Ok::<_, NodeError>(Trace::update().sum(n))
            })
            .add_edge(START, "count")
            .checkpointer(store.clone())
            .compile()
            .unwrap()
    };
    build().invoke(Trace::update()).thread(T).await.unwrap();
    // As in another process, where nobody has asked yet.
    let error = build().resume("many").thread(T).await.unwrap_err();
    assert_eq!(error.code(), "answer", "{error:?}");
    let snapshot = build().thread(T).state().await.unwrap();
    assert_eq!(ids(&snapshot.interrupts), ["count/0/how many"]);
    assert_eq!(build().resume(3).thread(T).await.unwrap().state.sum, 3);
}

#[tokio::test]
async fn answers_to_nothing_are_errors_that_say_what_is_asked() {
    let graph = two_ask();
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    let error = graph.resume("x").thread(T).await.unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "unknown-interrupt: thread `t` asks 2 questions, and one answer was given without an id\n  \
         help: answer with `resume_with([(id, answer)])`; asked is `a/0/what`, `b/0/what`"
    );
    let error = graph
        .resume_with([("c/0/what", "x")])
        .thread(T)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "thread `t` does not ask `c/0/what`");
    let twice = [("a/0/what", "x"), ("a/0/what", "y")];
    let error = graph.resume_with(twice).thread(T).await.unwrap_err();
    assert_eq!(error.to_string(), "`a/0/what` was answered twice");
    let none: [(String, Value); 0] = [];
    let error = graph.resume_with(none).thread(T).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "thread `t` was resumed without an answer"
    );

    let run = graph
        .resume_with([("a/0/what", "1"), ("b/0/what", "2")])
        .thread(T)
        .await
        .unwrap();
    assert_eq!(run.status, Status::Done);
    let error = graph.resume("x").thread(T).await.unwrap_err();
    assert_eq!(error.to_string(), "thread `t` asks nothing");
}

#[tokio::test]
async fn a_swallowed_question_is_a_failure() {
    let graph = kept(
        StateGraph::new("test")
            .add_node("shy", async |ctx: Ctx| {
                let answer: String = ctx.interrupt("what", ()).unwrap_or_default();
                Trace::update().log(answer)
            })
            .add_edge(START, "shy"),
    );
    let error = graph.invoke(Trace::update()).thread(T).await.unwrap_err();
    let messages = chain(&error);
    assert_eq!(
        messages[1],
        "it succeeded although its question `what` has no answer"
    );
    assert_eq!(
        error.help(),
        "hand on the error of `ctx.interrupt` with `?`"
    );
}

#[tokio::test]
async fn a_question_pauses_whatever_becomes_of_its_error_and_is_never_retried() {
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node(
                "asks",
                node(async |ctx: Ctx<Count>| {
                    ctx.next();
                    let answer = ctx.interrupt::<String>("what", ());
                    let answer = answer.map_err(|_| "no answer".to_owned())?;
                    Ok::<_, NodeError>(Trace::update().log(answer))
                })
                .retry(Retry::attempts(5)),
            )
            .add_edge(START, "asks"),
    );
    let count = Arc::new(Count::default());
    let run = graph
        .invoke(Trace::update())
        .thread(T)
        .context(Arc::clone(&count))
        .await
        .unwrap();
    assert_eq!((run.status, count.get()), (Status::Interrupted, 1));
}

#[tokio::test]
async fn what_no_answer_mends_fails_a_task_that_has_asked() {
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node(
                "asks",
                node(async |ctx: Ctx<Count>| {
                    let answer = ctx.interrupt::<String>("what", ());
                    match ctx.next() {
                        0 | 1 => Err(NodeError::despite_questions("out of paper")),
                        2 => Err(NodeError::permanent(NodeError::despite_questions(
                            "no printer",
                        ))),
                        _ => Ok(Trace::update().log(answer?)),
                    }
                })
                .retry(Retry::attempts(9).delay(std::time::Duration::ZERO)),
            )
            .add_edge(START, "asks"),
    );
    let count = Arc::new(Count::default());
    let run = graph.invoke(Trace::update()).thread(T);
    let error = run.context(Arc::clone(&count)).await.unwrap_err();
    assert_eq!((&*chain(&error)[1], count.get()), ("no printer", 3));
    let snapshot = graph.thread(T).state().await.unwrap();
    assert!(snapshot.interrupts.is_empty());
    let run = graph.proceed().thread(T).context(Arc::clone(&count));
    assert_eq!(run.await.unwrap().status, Status::Interrupted);
    let run = graph.resume("yes").thread(T).context(count).await.unwrap();
    assert_eq!(run.state.log, ["yes"]);
}

#[tokio::test]
async fn a_failure_beside_a_question_is_told_and_both_can_go_on() {
    let graph = kept(
        StateGraph::<Trace, Count>::new("test")
            .add_node("asks", async |ctx: Ctx<Count>| {
                let answer: String = ctx.interrupt("what", ())?;
                Ok::<_, NodeError>(Trace::update().log(answer))
            })
            .add_node("fails", async |ctx: Ctx<Count>| match ctx.next() {
                0 => Err(oops()),
                _ => Ok(Trace::update().log("works")),
            })
            .on_failure(superstep::OnFailure::Finish)
            .add_edge(START, ["asks", "fails"]),
    );
    let count = Arc::new(Count::default());
    let error = graph
        .invoke(Trace::update())
        .thread(T)
        .context(Arc::clone(&count))
        .await;
    assert_eq!(error.unwrap_err().code(), "node");
    let snapshot = graph.thread(T).state().await.unwrap();
    assert_eq!(ids(&snapshot.interrupts), ["asks/0/what"]);
    let run = graph.resume("yes").thread(T).context(count).await.unwrap();
    assert_eq!(run.state.log, ["yes", "works"]);
}

#[tokio::test]
async fn without_a_thread_a_question_is_a_failure_that_says_what_is_missing() {
    let graph = crate::common::sound(
        StateGraph::new("test")
            .add_node("a", ask)
            .add_edge(START, "a"),
    );
    let error = graph.invoke(Trace::update()).await.unwrap_err();
    assert!(
        chain(&error)[1].contains("cannot be asked without a thread"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_loop_asks_anew_each_time() {
    let graph = kept(
        StateGraph::new("test")
            .add_node("a", ask)
            .add_conditional_edges(
                "a",
                |state: &Trace| if state.log.len() < 3 { "a" } else { END },
                ["a", END],
            )
            .add_edge(START, "a"),
    );
    graph.invoke(Trace::update()).thread(T).await.unwrap();
    for n in 0..2 {
        let run = graph.resume(n.to_string()).thread(T).await.unwrap();
        assert_eq!(ids(run.interrupts()), ["a/0/what"]);
    }
    let run = graph.resume("2").thread(T).await.unwrap();
    assert_eq!(run.state.log, ["a: 0", "a: 1", "a: 2"]);
}
