//! What is said of an error inside a subgraph: permanent, or after a wait.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, MemoryCheckpointer, NodeError, RunError};
use tokio::time::Instant;

use crate::common::{Trace, chain, marks, oops, sound};

type Fail = fn() -> NodeError;

/// When each attempt began, in seconds.
#[derive(Debug)]
struct Begun(Instant, std::sync::Mutex<Vec<u64>>);

impl Begun {
    fn note(&self) {
        let seconds = self.0.elapsed().as_secs();
        self.1.lock().expect("nobody panics here").push(seconds);
    }
}

/// A graph that fails so many levels down.
fn failing(levels: usize, fail: Fail) -> Graph<Trace, Begun> {
    let body = move |ctx: Ctx<Begun>| {
        ctx.note();
        async move { Err::<(), _>(fail()) }
    };
    let graph = StateGraph::<Trace, Begun>::new("inside");
    let graph = match levels {
        0 => graph.add_node("in", body),
        _ => graph.add_node("in", failing(levels - 1, fail)),
    };
    sound(graph.add_edge(START, "in"))
}

/// A run whose one node is such a graph and tried three times, a second after
/// another: its error, and when each attempt began.
async fn tried(levels: usize, on_thread: bool, fail: Fail) -> (RunError, Vec<u64>) {
    let retry = Retry::attempts(3)
        .delay(Duration::from_secs(1))
        .factor(1.0)
        .max_retry_after(Duration::from_secs(100));
    let graph = StateGraph::<Trace, Begun>::new("outside")
        .add_node("out", node(failing(levels, fail)).retry(retry))
        .add_edge(START, "out");
    let begun = std::sync::Arc::new(Begun(Instant::now(), std::sync::Mutex::default()));
    let ended = if on_thread {
        let graph = sound(graph.checkpointer(MemoryCheckpointer::new()));
        let run = graph.invoke(Trace::update()).thread("t");
        run.context(std::sync::Arc::clone(&begun)).await
    } else {
        let run = sound(graph).invoke(Trace::update());
        run.context(std::sync::Arc::clone(&begun)).await
    };
    let seconds = begun.1.lock().expect("nobody panics here").clone();
    (ended.expect_err("it fails each time"), seconds)
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_an_error_holds_for_the_tasks_around_it() {
    let permanent: Fail = || NodeError::permanent("the key was revoked");
    let later: Fail = || NodeError::retry_after("too many", Duration::from_secs(7));
    for (levels, on_thread) in [(0, false), (3, false), (0, true), (3, true)] {
        let (error, seconds) = tried(levels, on_thread, permanent).await;
        assert_eq!(seconds, [0]);
        let messages = chain(&error);
        assert_eq!(messages.len(), levels + 3, "{messages:?}");
        assert_eq!(messages[levels + 2], "the key was revoked");

        let (_, seconds) = tried(levels, on_thread, later).await;
        assert_eq!(seconds, [0, 7, 14]);
        let (_, seconds) = tried(levels, on_thread, oops).await;
        assert_eq!(seconds, [0, 1, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_inside_is_found_by_its_type_whatever_was_said_of_it() {
    let fail: Fail = || NodeError::permanent(std::io::Error::other("no disk"));
    let (error, _) = tried(2, false, fail).await;
    let mut cause: &(dyn std::error::Error + 'static) = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    assert!(cause.is::<std::io::Error>(), "{cause:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_inside_is_waited_for_by_who_tries_again_outside() {
    let body = async |ctx: Ctx<Begun>| {
        ctx.note();
        let wait = Duration::from_secs(80);
        Err::<(), _>(NodeError::retry_after("too many", wait))
    };
    let retry = Retry::attempts(2);
    let inside = StateGraph::<Trace, Begun>::new("inside")
        .add_node("in", node(body).retry(retry.clone()))
        .add_edge(START, "in");
    let patient = retry.max_retry_after(Duration::from_secs(100));
    let outside = StateGraph::<Trace, Begun>::new("outside")
        .add_node("out", node(sound(inside)).retry(patient))
        .add_edge(START, "out");
    let begun = std::sync::Arc::new(Begun(Instant::now(), std::sync::Mutex::default()));
    let run = sound(outside).invoke(Trace::update());
    run.context(std::sync::Arc::clone(&begun))
        .await
        .unwrap_err();
    assert_eq!(*begun.1.lock().expect("nobody panics here"), [0, 80]);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_can_be_asked_is_not_tried_again_around_it() {
    let fail = async |ctx: Ctx<Begun>| {
        ctx.note();
        let _: bool = ctx.interrupt("sure", ())?;
        NodeResult::Ok(())
    };
    let inside = StateGraph::<Trace, Begun>::new("inside")
        .add_node("in", fail)
        .add_edge(START, "in");
    let outside = StateGraph::<Trace, Begun>::new("outside")
        .add_node("out", node(sound(inside)).retry(Retry::attempts(3)))
        .add_edge(START, "out");
    let begun = std::sync::Arc::new(Begun(Instant::now(), std::sync::Mutex::default()));
    let run = sound(outside).invoke(Trace::update());
    run.context(std::sync::Arc::clone(&begun))
        .await
        .unwrap_err();
    assert_eq!(*begun.1.lock().expect("nobody panics here"), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_inside_is_permanent_only_if_what_it_was_called_for_is() {
    for (first, n_attempts) in [
        (oops as Fail, 3),
        ((|| NodeError::permanent("never")) as Fail, 1),
    ] {
        let body = move |ctx: Ctx<Begun>| {
            ctx.note();
            async move { Err::<(), _>(first()) }
        };
        let last = async |_: Ctx<Begun>| Err::<(), _>(NodeError::permanent("neither"));
        let inside = StateGraph::<Trace, Begun>::new("inside")
            .add_node("in", node(body).on_error(last))
            .add_edge(START, "in");
        let outside = StateGraph::<Trace, Begun>::new("outside")
            .add_node("out", node(sound(inside)).retry(Retry::attempts(3)))
            .add_edge(START, "out");
        let begun = std::sync::Arc::new(Begun(Instant::now(), std::sync::Mutex::default()));
        let run = sound(outside).invoke(Trace::update());
        run.context(std::sync::Arc::clone(&begun))
            .await
            .unwrap_err();
        let n = begun.1.lock().expect("nobody panics here").len();
        assert_eq!(n, n_attempts);
    }
}

/// Graphs that fail, with whether it is a timeout or a panic of which they do.
fn ended() -> Vec<(bool, bool, Graph<Trace>)> {
    let second = Duration::from_secs(1);
    let of = |node| {
        let graph = StateGraph::<Trace>::new("inside");
        graph.add_node("in", node).add_edge(START, "in")
    };
    let does = |what: &'static str| {
        node(move |_: View<Trace>| async move {
            match what {
                "hangs" => std::future::pending().await,
                "panics" => panic!("oh"),
                _ => Err::<(), _>(oops()),
            }
        })
    };
    let hangs = || does("hangs");
    vec![
        (true, false, sound(of(hangs().timeout(second)))),
        (true, false, sound(of(hangs().idle_timeout(second)))),
        (true, false, sound(of(hangs()).run_timeout(second))),
        (true, false, sound(of(hangs()).superstep_timeout(second))),
        (false, true, sound(of(does("panics")))),
        (false, false, sound(of(does("fails")))),
        (
            false,
            false,
            sound(
                marks(["a"])
                    .add_edge(START, "a")
                    .add_conditional_edges("a", |_: &Trace| "a", ["a", END])
                    .recursion_limit(3),
            ),
        ),
    ]
}

fn inside(levels: usize, graph: Graph<Trace>) -> Graph<Trace> {
    (0..levels).fold(graph, |graph, _| {
        let around = StateGraph::<Trace>::new("around").add_node("graph", graph);
        sound(around.add_edge(START, "graph"))
    })
}

#[tokio::test(start_paused = true)]
async fn timeouts_and_panics_inside_are_seen_around_it() {
    let tells = async |ctx: Ctx| {
        let failure = ctx.failure().expect("a fallback is told of a failure");
        let (is_timeout, is_panic) = (failure.is_timeout(), failure.is_panic());
        Trace::update().log(format!("{is_timeout} {is_panic} {}", failure.attempts()))
    };
    let retry = Retry::attempts(2).when(|error| error.is_timeout() || error.is_panic());
    for levels in [0, 2] {
        for (is_timeout, is_panic, graph) in ended() {
            let tried = node(inside(levels, graph)).retry(retry.clone());
            let graph = StateGraph::<Trace>::new("outside")
                .add_node("out", tried.on_error(tells))
                .add_edge(START, "out")
                .checkpointer(MemoryCheckpointer::new());
            let run = sound(graph).invoke(Trace::update()).thread("t").await;
            let attempts = if is_timeout || is_panic { 2 } else { 1 };
            let told = format!("{is_timeout} {is_panic} {attempts}");
            assert_eq!(run.unwrap().state.log, [told]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_to_do_is_said_of_what_failed_inside() {
    for (_, _, graph) in ended() {
        let alone = graph.invoke(Trace::update()).await.unwrap_err();
        let around = inside(2, graph).invoke(Trace::update()).await.unwrap_err();
        assert_eq!(around.help(), alone.help());
    }
}
