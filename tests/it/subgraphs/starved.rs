//! Joins that starve inside subgraphs.

use std::future::{IntoFuture, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Durability, Graph, Join, MemoryCheckpointer, Run, Status, subgraph};

use crate::common::{Trace, TraceUpdate, marks, sound};

/// A graph whose join waits for `b`, unless `n` is 7.
fn half() -> Graph<Trace> {
    let leads = |trace: &Trace| match trace.n {
        7 => vec!["b"],
        _ => Vec::new(),
    };
    sound(
        marks(["a", "b", "z"])
            .add_edge(START, "a")
            .add_conditional_edges(START, leads, ["b"])
            .add_edge(["a", "b"], "z"),
    )
}

/// A graph that has [`half`] as `in`, and then runs `then`, which is to be added.
fn middle() -> StateGraph<Trace> {
    StateGraph::<Trace>::new("middle")
        .add_node("in", half())
        .add_edge(START, "in")
        .add_edge("in", "then")
}

async fn fine(_: View<Trace>) -> TraceUpdate {
    Trace::update()
}

async fn asks(ctx: Ctx) -> NodeResult<TraceUpdate> {
    let answer: String = ctx.interrupt("what", ())?;
    Ok(Trace::update().log(answer))
}

fn starved(run: &Run<Trace>) -> Vec<String> {
    run.starved.iter().map(ToString::to_string).collect()
}

/// What has starved in a run of it, without a thread, on one, and on one that says
/// all at its end: the same.
async fn of(build: impl Fn() -> StateGraph<Trace>, n: i64) -> Vec<String> {
    let input = || Trace::update().n(n);
    let plain = sound(build())
        .invoke(input())
        .await
        .expect("the run ends well");
    let graph = sound(build().checkpointer(MemoryCheckpointer::new()));
    for durability in [Durability::Sync, Durability::Exit] {
        let thread = format!("{durability:?}");
        let run = graph.invoke(input()).thread(thread).durability(durability);
        assert_eq!(
            starved(&run.await.expect("the run ends well")),
            starved(&plain)
        );
    }
    starved(&plain)
}

const EACH: Worker<i64> = Worker::new("each");

#[tokio::test(start_paused = true)]
async fn they_are_told_with_the_paths_of_their_graphs_in_the_order_of_those() {
    let each = || {
        let out = |_: &Trace| Trace::update();
        subgraph(half(), |n: &i64| Trace::update().n(*n), out)
    };
    let build = || {
        marks(["a", "b", "z"])
            .add_node("mid", sound(middle().add_node("then", fine)))
            .add_worker(EACH, each())
            .add_edge(START, ["a", "mid"])
            .add_conditional_edges(START, |_: &Trace| Vec::<&str>::new(), ["b"])
            .add_edge(["a", "b"], "z")
            .add_conditional_edges(
                "mid",
                |_: &Trace| (0..12).map(|n| EACH.send(n)).collect::<Vec<_>>(),
                EACH,
            )
    };
    let told = of(build, 1).await;
    let mut expected = vec!["`z` waits for `b`, after `a`".to_owned()];
    // The eighth was sent a 7.
    let sends = (0..12).filter(|n| *n != 7);
    expected.extend(sends.map(|n| format!("`z` in `each/{n}` waits for `b`, after `a`")));
    expected.push("`z` in `mid/0/in/0` waits for `b`, after `a`".to_owned());
    assert_eq!(told, expected);
    let run = sound(build()).invoke(Trace::update()).await.unwrap();
    let last = run.starved.last().unwrap();
    assert_eq!(
        (last.path.as_str(), &*last.missing),
        ("mid/0/in/0", &["b".into()][..])
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_runs_again_and_again_tells_of_each_join_once() {
    let build = || {
        StateGraph::<Trace>::new("test")
            .add_node("in", half())
            .add_edge(START, "in")
            .add_conditional_edges(
                "in",
                |trace: &Trace| if trace.log.len() < 5 { "in" } else { END },
                ["in", END],
            )
    };
    assert_eq!(
        of(build, 0).await,
        ["`z` in `in/0` waits for `b`, after `a`"]
    );
    assert!(of(build, 7).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_an_attempt_left_that_failed_is_not_told() {
    // The first attempt starves and then panics; in the second all come.
    let build = || {
        let calls = Arc::new(AtomicU32::new(0));
        let ended = Arc::clone(&calls);
        let input = move |_: &Trace| match calls.load(Ordering::SeqCst) {
            0 => Trace::update(),
            _ => Trace::update().n(7),
        };
        let output = move |_: &Trace| {
            assert!(ended.fetch_add(1, Ordering::SeqCst) > 0, "oops");
            Trace::update()
        };
        let retry = Retry::attempts(2).delay(Duration::ZERO);
        marks(["a"])
            .add_node("in", node(subgraph(half(), input, output)).retry(retry))
            .add_edge(START, "a")
            .add_edge("a", "in")
    };
    assert!(of(build, 0).await.is_empty());
    let eager = sound(build().eager()).invoke(Trace::update()).await;
    assert!(eager.unwrap().starved.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_eager_graph_tells_of_them_too() {
    let eager = sound(middle().add_node("then", fine).eager());
    let run = eager.invoke(Trace::update()).await.unwrap();
    assert_eq!(starved(&run), ["`z` in `in/0` waits for `b`, after `a`"]);
}

#[tokio::test(start_paused = true)]
async fn of_one_that_a_join_does_without_nothing_is_told() {
    // The time is over while `late` has its last turn, when all else is done.
    let late = async |_: View<Trace>| {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut later = pin!(tokio::time::advance(Duration::from_secs(2)));
        poll_fn(|cx| Poll::Ready(later.as_mut().poll(cx).is_pending())).await;
    };
    let late = || {
        sound(
            marks(["b", "z"])
                .add_node("a", late)
                .add_edge(START, "a")
                .add_conditional_edges(START, |_: &Trace| Vec::<&str>::new(), ["b"])
                .add_edge(["a", "b"], "z"),
        )
    };
    let tell = async |ctx: Ctx| Trace::update().log(ctx.arrivals().to_string());
    let build = || {
        let join = Join::settled().within(Duration::from_secs(1));
        StateGraph::<Trace>::new("test")
            .add_node("in", half())
            .add_node("late", late())
            .add_node("end", tell)
            .add_edge(START, ["in", "late"])
            .add_join(["in", "late"], "end", join)
    };
    let run = sound(build()).invoke(Trace::update()).await.unwrap();
    assert_eq!(run.state.log, ["a", "in done, late timed out"]);
    assert_eq!(
        of(build, 0).await,
        ["`z` in `in/0` waits for `b`, after `a`"]
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_is_left_for_its_parent_waits_for_nobody() {
    let leaves = || {
        let inner = middle()
            .add_node("then", async |_: View<Trace>| {
                Command::<Trace>::parent().goto("last")
            })
            .add_node("b", fine)
            .add_node("z", fine)
            .add_conditional_edges(START, |_: &Trace| Vec::<&str>::new(), ["b"])
            .add_edge(["in", "b"], "z");
        marks(["last"])
            .add_node("mid", sound(inner))
            .add_edge(START, "mid")
    };
    // But what had ended before in it counts.
    let told = ["`z` in `mid/0/in/0` waits for `b`, after `a`"];
    assert_eq!(of(leaves, 0).await, told);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_pauses_tells_of_them_when_it_is_done() {
    let told = [
        "`z` in `in/0` waits for `b`, after `a`",
        "`z` in `mid/0/in/0` waits for `b`, after `a`",
    ];
    let store = MemoryCheckpointer::new();
    let build = || {
        // `in` ends a superstep before `last` asks, and beside `mid` that does.
        let graph = middle()
            .add_node("then", fine)
            .add_node("mid", sound(middle().add_node("then", asks)))
            .add_node("last", asks)
            .add_edge(START, "mid")
            .add_edge(["then", "mid"], "last");
        sound(graph.checkpointer(store.clone()))
    };
    for fresh in [false, true] {
        let thread = if fresh { "fresh" } else { "same" };
        let mut graph = build();
        let run = graph.invoke(Trace::update()).thread(thread).await.unwrap();
        assert_eq!((run.status, run.starved.len()), (Status::Interrupted, 0));
        for last in [false, true] {
            if fresh {
                graph = build();
            }
            let run = graph.resume("yes").thread(thread).await.unwrap();
            match last {
                false => assert_eq!((run.status, run.starved.len()), (Status::Interrupted, 0)),
                true => assert_eq!(starved(&run), told),
            }
        }
        // So does a fork from there; another input is another run.
        let history = graph.thread(thread).history().await.unwrap();
        let before = graph.proceed().thread(thread).checkpoint(history[1].id);
        assert_eq!(before.await.unwrap().status, Status::Interrupted);
        let run = graph.resume("no").thread(thread).await.unwrap();
        assert_eq!(starved(&run), told);
        let again = graph.invoke(Trace::update().n(7)).thread(thread);
        again.await.unwrap();
        graph.resume("yes").thread(thread).await.unwrap();
        let run = graph.resume("yes").thread(thread).await.unwrap();
        assert_eq!((run.status, run.starved.len()), (Status::Done, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_told_after_a_crash_of_what_had_ended_too() {
    let slow = async |_: View<Trace>| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Trace::update()
    };
    let store = MemoryCheckpointer::new();
    let build = || {
        // Beside `slow`, `mid` and all in it have ended; in `other`, `in` has.
        let graph = StateGraph::<Trace>::new("test")
            .add_node("mid", sound(middle().add_node("then", fine)))
            .add_node("other", sound(middle().add_node("then", slow)))
            .add_node("slow", slow)
            .add_edge(START, ["mid", "other", "slow"]);
        sound(graph.checkpointer(store.clone()))
    };
    let run = build().invoke(Trace::update()).thread("t").into_future();
    let dropped = tokio::time::timeout(Duration::from_millis(500), run).await;
    assert!(dropped.is_err(), "it takes a second");
    let run = build().proceed().thread("t").await.unwrap();
    assert_eq!(run.state.log, ["a", "a"], "nothing ran twice");
    assert_eq!(
        starved(&run),
        [
            "`z` in `mid/0/in/0` waits for `b`, after `a`",
            "`z` in `other/0/in/0` waits for `b`, after `a`",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn transcripts_show_them() {
    let run = sound(middle().add_node("then", fine)).invoke(Trace::update());
    let transcript = run.transcript().await.to_string();
    let line = "\nstarved: `z` in `in/0` waits for `b`, after `a`\n";
    assert!(transcript.contains(line), "{transcript}");
}
