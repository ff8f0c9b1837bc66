//! Going back inside subgraphs on threads.

use superstep::prelude::*;
use superstep::{Durability, Graph, RunError, Status};

use super::history::{around, four, history, invoke, lines};
use super::threads::{Calls, SECOND, asks, counted, on_threads};
use crate::common::{Trace, sound, within_a_day};

#[tokio::test]
async fn going_back_inside_runs_only_what_comes_from_there() {
    let (graph, calls) = (on_threads(around(sound(four()))), Calls::default());
    let log = invoke(&graph, &calls).await;
    let before = graph.thread("t").history().await.unwrap();
    let at = graph.thread("t").inside("in/0").history().await.unwrap()[0].checkpoint;
    for (place, runs) in [("in/0/1", 5), ("in/0/2", 4), ("in/0/3", 2)] {
        let ran = calls.get();
        let again = graph.proceed().context(calls.clone()).thread("t");
        let run = again.checkpoint(at).inside(place).await.unwrap();
        assert_eq!((&run.state.log, run.status), (&log, Status::Done));
        assert_eq!(calls.get() - ran, runs, "{place}");
    }
    // The old branch stays, and so do those inside.
    let thread = graph.thread("t");
    for snapshot in &before {
        let now = thread.state_at(snapshot.id).await.unwrap();
        assert_eq!((&now.values, &now.next), (&snapshot.values, &snapshot.next));
    }
    let seen = thread.inside("in/0").history().await.unwrap();
    assert_eq!(seen.len(), 4 * 4);
    let forks: Vec<_> = seen.chunks(4).map(lines).collect();
    assert!(forks.iter().all(|fork| *fork == forks[3]), "{forks:?}");
}

#[tokio::test]
async fn a_fork_of_its_checkpoint_takes_nothing_from_what_is_kept() {
    let (graph, calls) = (on_threads(around(sound(four()))), Calls::default());
    invoke(&graph, &calls).await;
    let thread = graph.thread("t");
    let at = thread.inside("in/0").history().await.unwrap()[0].checkpoint;
    let forked = graph.proceed().context(calls.clone()).thread("t");
    forked.checkpoint(at).await.unwrap();
    thread.fork(at).await.unwrap();
    let edited = thread.update(Trace::update().n(1)).checkpoint(at);
    edited.await.unwrap();
    let acted = thread.update(Trace::update()).checkpoint(at);
    acted.as_node("in").await.unwrap();
    let seen = thread.inside("in/0").history_at(at).await.unwrap();
    assert_eq!(seen.len(), 4);
    let was = thread.state_at(at).await.unwrap();
    assert_eq!((was.next.len(), was.finished.len()), (2, 0));
}

#[tokio::test]
async fn going_back_further_inside_keeps_what_ran_beside_each_level() {
    let inner = around(sound(around(sound(four()))));
    let (graph, calls) = (on_threads(around(sound(inner))), Calls::default());
    let log = invoke(&graph, &calls).await;
    let seen = graph.thread("t").inside("in/0/2/in/0/2/in/0");
    let seen = seen.history().await.unwrap();
    let at = seen[0].checkpoint;
    for (place, runs) in [
        ("in/0/2/in/0/2/in/0/3", 4), // `d`, and `last` three times
        ("in/0/2/in/0/2", 8),        // `beside`, `a` to `d`, and `last`
        ("in/0/2/in/0/3", 3),
        ("in/0/3", 2),
        ("in/0/2", 10),
    ] {
        let ran = calls.get();
        let again = graph.proceed().context(calls.clone()).thread("t");
        let run = again.checkpoint(at).inside(place).await.unwrap();
        assert_eq!(run.state.log, log, "{place}");
        assert_eq!(calls.get() - ran, runs, "{place}");
    }
}

#[tokio::test]
async fn a_place_that_was_never_come_to_is_an_error() {
    let (graph, calls) = (on_threads(around(sound(four()))), Calls::default());
    invoke(&graph, &calls).await;
    let at = graph.thread("t").inside("in/0").history().await.unwrap()[0].checkpoint;
    let before = graph.thread("t").history().await.unwrap().len();
    for (place, help) in [
        (
            "in/0/4",
            "the supersteps of `in/0` in checkpoint 2 are 1 to 3",
        ),
        (
            "in/0/0",
            "the supersteps of `in/0` in checkpoint 2 are 1 to 3",
        ),
        ("in/1/1", "nothing is known of `in/1` in checkpoint 2"),
        (
            "in/0",
            "a place inside is the path of a subgraph and a superstep of it: `review/0/2`",
        ),
        (
            "in/0/x",
            "a place inside is the path of a subgraph and a superstep of it: `review/0/2`",
        ),
        ("im/0/1", "did you mean `in/0/1`?"),
    ] {
        let again = graph.proceed().context(calls.clone()).thread("t");
        let error = again.checkpoint(at).inside(place).await.unwrap_err();
        assert_eq!(
            (error.code(), error.help().as_str()),
            ("unknown-node", help)
        );
    }
    // Of the head, in which nothing was inside, and for an input.
    let again = graph.proceed().context(calls.clone()).thread("t");
    let error = again.inside("in/0/1").await.unwrap_err();
    assert_eq!(error.help(), "nothing is known of `in/0` in checkpoint 4");
    let input = graph.invoke(Trace::update()).context(calls.clone());
    let error = input.thread("t").inside("in/0/1").await.unwrap_err();
    assert!(matches!(error, RunError::NoThread { .. }), "{error:?}");
    let after = graph.thread("t").history().await.unwrap().len();
    assert_eq!((after, calls.get()), (before, 7));
}

#[tokio::test]
async fn what_was_asked_after_the_place_is_asked_again() {
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("a", counted)
        .add_node("ask", asks)
        .add_node("b", counted)
        .add_edge(START, "a")
        .add_edge("a", "ask")
        .add_edge("ask", "b");
    let (graph, calls) = (on_threads(around(sound(inner))), Calls::default());
    invoke(&graph, &calls).await;
    graph
        .resume("yes")
        .context(calls.clone())
        .thread("t")
        .await
        .unwrap();
    let at = graph.thread("t").inside("in/0").history().await.unwrap()[0].checkpoint;
    // Behind it, the answer holds.
    let again = graph.proceed().context(calls.clone()).thread("t");
    let run = again.checkpoint(at).inside("in/0/3").await.unwrap();
    assert_eq!(run.state.log, ["first", "beside", "a", "yes", "b", "last"]);
    // Before it, it is asked for, or given with the call.
    let again = graph.proceed().context(calls.clone()).thread("t");
    let run = again.checkpoint(at).inside("in/0/2").await.unwrap();
    assert_eq!(run.interrupts()[0].id, "in/0/ask/0/what");
    let again = graph.resume("no").context(calls.clone()).thread("t");
    let run = again.checkpoint(at).inside("in/0/1").await.unwrap();
    assert_eq!(run.state.log, ["first", "beside", "a", "no", "b", "last"]);
}

#[tokio::test]
async fn a_thread_that_waits_inside_can_go_back_inside() {
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("a", counted)
        .add_node("b", counted)
        .add_node("ask", asks)
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_edge("b", "ask");
    let (graph, calls) = (on_threads(around(sound(inner))), Calls::default());
    invoke(&graph, &calls).await;
    let head = graph.thread("t").state().await.unwrap().id;
    assert_eq!(calls.get(), 4);
    // Of the head, without a word of which checkpoint.
    let again = graph.proceed().context(calls.clone()).thread("t");
    let run = again.inside("in/0/2").await.unwrap();
    assert_eq!((run.status, calls.get()), (Status::Interrupted, 5));
    assert_eq!(run.interrupts()[0].id, "in/0/ask/0/what");
    // It is another checkpoint, and the old one can be looked into.
    let now = graph.thread("t").state().await.unwrap();
    assert_eq!((now.parent, now.inside.len()), (Some(head), 1));
    let thread = graph.thread("t");
    let old = thread.inside("in/0").history_at(head).await.unwrap();
    let new = thread.inside("in/0").history_at(now.id).await.unwrap();
    assert_eq!((lines(&old), old.len()), (lines(&new), 3));
    let old = thread.state_at(head).await.unwrap();
    assert!(old.interrupts.is_empty() && old.inside.is_empty());
    let run = graph
        .resume("yes")
        .context(calls)
        .thread("t")
        .await
        .unwrap();
    assert_eq!(run.state.log, ["first", "beside", "a", "b", "yes", "last"]);
}

#[tokio::test]
async fn going_back_to_a_breakpoint_goes_past_it_and_stops_at_the_next() {
    let inner = four().interrupt_before(["b", "d"]);
    let (graph, calls) = (on_threads(around(sound(inner))), Calls::default());
    invoke(&graph, &calls).await;
    for _ in 0..2 {
        let run = graph.proceed().context(calls.clone()).thread("t");
        run.await.unwrap();
    }
    let at = graph.thread("t").inside("in/0").history().await.unwrap()[0].checkpoint;
    for (place, stops) in [("in/0/1", 2), ("in/0/2", 1), ("in/0/3", 0)] {
        let again = graph.proceed().context(calls.clone()).thread("t");
        let mut run = again.checkpoint(at).inside(place).await.unwrap();
        for left in (0..stops).rev() {
            assert_eq!(run.status, Status::Interrupted, "{place}, {left} left");
            let run_on = graph.proceed().context(calls.clone()).thread("t");
            run = run_on.await.unwrap();
        }
        assert_eq!(run.status, Status::Done, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_on_its_way_back_goes_on_with_it() {
    let slow = async |ctx: Ctx<Calls>| {
        tokio::time::sleep(SECOND).await;
        counted(ctx).await
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
    for stop_after in 0..7_u32 {
        let (graph, calls) = (build(), Calls::default());
        let log = invoke(&graph, &calls).await;
        let seen = graph.thread("t").inside("b/0/2/b/0").history().await;
        let at = seen.unwrap()[0].checkpoint;
        let ran = calls.get();
        let again = graph.proceed().context(calls.clone()).thread("t");
        let again = again.checkpoint(at).inside("b/0/2/b/0/2");
        let time = SECOND * stop_after + SECOND / 2;
        let ended = tokio::time::timeout(time, again).await;
        if ended.is_err() {
            let run = graph.proceed().context(calls.clone()).thread("t");
            assert_eq!(within_a_day(run).await.unwrap().state.log, log);
        }
        // `b`, `c` and `d` below, and `d` twice above.
        assert_eq!(calls.get() - ran, 5, "after {stop_after} s");
        let whole = history(&graph, "b/0/2/b/0").await;
        assert_eq!(whole[..4], whole[4..], "after {stop_after} s");
    }
}

#[tokio::test]
async fn going_back_with_one_checkpoint_in_all_goes_on_when_it_waits() {
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("a", counted)
        .add_node("ask", asks)
        .add_edge(START, "a")
        .add_edge("a", "ask");
    let (graph, calls) = (on_threads(around(sound(inner))), Calls::default());
    invoke(&graph, &calls).await;
    let again = graph.proceed().context(calls.clone()).thread("t");
    let again = again.inside("in/0/2").durability(Durability::Exit);
    assert_eq!(again.await.unwrap().status, Status::Interrupted);
    let run = graph.resume("yes").context(calls.clone()).thread("t");
    let run = run.await.unwrap();
    assert_eq!(run.state.log, ["first", "beside", "a", "yes", "last"]);
    assert_eq!(calls.get(), 4);
}
