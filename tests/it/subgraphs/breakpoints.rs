//! Breakpoints inside subgraphs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use superstep::prelude::*;
use superstep::{Graph, Join, MemoryCheckpointer, Run, RunControl, RunError, Status, subgraph};

use super::threads::{Calls, SECOND, asks, counted, on_threads};
use super::{Inner, said};
use crate::common::{Trace, TraceUpdate, oops, sound, within_a_day};

const SAY: Worker<String> = Worker::new("say");

async fn slow(ctx: Ctx<Calls>) -> TraceUpdate {
    tokio::time::sleep(SECOND).await;
    counted(ctx).await
}

/// `a`, `b`, `c`, one after another.
fn steps() -> StateGraph<Trace, Calls> {
    ["a", "b", "c"]
        .into_iter()
        .fold(StateGraph::new("steps"), |graph, name| {
            graph.add_node(name, slow)
        })
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_edge("b", "c")
}

/// The graph as node `in`, beside `beside`, and then `last`.
fn around(inner: Graph<Trace, Calls>) -> StateGraph<Trace, Calls> {
    StateGraph::<Trace, Calls>::new("around")
        .add_node("beside", slow)
        .add_node("in", inner)
        .add_node("last", slow)
        .add_edge(START, ["beside", "in"])
        .add_edge(["beside", "in"], "last")
}

/// A thread of a graph, and how often its nodes ran.
struct Line(Graph<Trace, Calls>, Calls);

impl Line {
    fn of(graph: StateGraph<Trace, Calls>) -> Self {
        Self(on_threads(graph), Calls::default())
    }

    async fn invoke(&self) -> Run<Trace> {
        let run = self.0.invoke(Trace::update()).context(self.1.clone());
        within_a_day(run.thread("t")).await.expect("it ends well")
    }

    async fn proceed(&self) -> Run<Trace> {
        let run = self.0.proceed().context(self.1.clone());
        within_a_day(run.thread("t")).await.expect("it ends well")
    }

    /// Where the thread waits, and how often nodes have run.
    async fn waits(&self) -> (Vec<String>, u32) {
        let snapshot = self.0.thread("t").state().await;
        let snapshot = snapshot.expect("it can be read");
        assert!(snapshot.interrupts.is_empty());
        (snapshot.next, self.1.get())
    }
}

fn next(nodes: &[&str]) -> Vec<String> {
    nodes.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn those_of_the_subgraph_stop_the_run_and_each_is_passed_once() {
    let inner = steps().interrupt_before("b").interrupt_after("b");
    let line = Line::of(around(sound(inner)));
    let run = line.invoke().await;
    assert_eq!(run.status, Status::Interrupted);
    assert!(run.interrupts().is_empty());
    // What ran beside it has finished, and is kept.
    assert_eq!(line.waits().await, (next(&["in"]), 2));
    assert_eq!(run.state.log, ["beside"]);

    assert_eq!(line.proceed().await.status, Status::Interrupted);
    assert_eq!(line.waits().await, (next(&["in"]), 3));
    let run = line.proceed().await;
    assert_eq!(run.status, Status::Done);
    assert_eq!(run.state.log, ["beside", "a", "b", "c", "last"]);
    assert_eq!(line.waits().await, (next(&[]), 5));

    // Another run on the thread stops there anew.
    let run = line.invoke().await;
    assert_eq!(run.status, Status::Interrupted);
    assert_eq!(line.waits().await, (next(&["in"]), 7));
}

#[tokio::test(start_paused = true)]
async fn before_the_first_node_and_after_the_last() {
    let inner = steps().interrupt_before("a").interrupt_after("c");
    let line = Line::of(around(sound(inner)));
    assert_eq!(line.invoke().await.status, Status::Interrupted);
    assert_eq!(line.waits().await, (next(&["in"]), 1));
    let inside = line.0.thread("t").state().await.unwrap().inside;
    assert_eq!((inside[0].superstep, &inside[0].next), (1, &next(&["a"])));
    assert_eq!(line.proceed().await.status, Status::Interrupted);
    // Nothing is left inside, but the graph around is not done.
    assert_eq!(line.waits().await, (next(&["in"]), 4));
    let inside = line.0.thread("t").state().await.unwrap().inside;
    assert_eq!((inside[0].superstep, &inside[0].next), (4, &next(&[])));
    assert_eq!(inside[0].ran, ["c"]);
    assert_eq!(line.proceed().await.status, Status::Done);
    assert_eq!(line.waits().await, (next(&[]), 5));
}

#[tokio::test(start_paused = true)]
async fn those_of_the_call_name_the_way() {
    let line = Line::of(around(sound(around(sound(steps())))));
    let run = line
        .0
        .invoke(Trace::update())
        .context(line.1.clone())
        .thread("t")
        .interrupt_before(["in/in/b", "last"])
        .interrupt_after("in/in");
    assert_eq!(run.await.unwrap().status, Status::Interrupted);
    assert_eq!(line.waits().await, (next(&["in"]), 3));
    // For that call only, but what has been passed stays so.
    let run = line.0.proceed().context(line.1.clone()).thread("t");
    let run = run.interrupt_before(["in/in/b"]).interrupt_after("in/in");
    assert_eq!(run.await.unwrap().status, Status::Interrupted);
    assert_eq!(line.waits().await, (next(&["in"]), 5));
    let run = line.proceed().await;
    assert_eq!((run.status, line.1.get()), (Status::Done, 7));
}

#[tokio::test]
async fn a_way_that_leads_nowhere_is_an_error() {
    let line = Line::of(around(sound(around(sound(steps())))));
    for (way, help) in [
        ("in/im/b", "did you mean `in/in/b`?"),
        ("b", "did you mean `in/in/b`?"),
        ("im", "did you mean `in`?"),
        ("in/in/bb", "did you mean `in/in/b`?"),
        (
            "in/in/elsewhere",
            "name each node on the way: `review/approve` is `approve` in the graph that is `review`",
        ),
        (
            "in/beside/b",
            "`in/beside` is not a graph: nothing is inside it",
        ),
        (
            "in/",
            "name each node on the way: `review/approve` is `approve` in the graph that is `review`",
        ),
    ] {
        let invoked = line.0.invoke(Trace::update()).context(line.1.clone());
        let error = invoked.thread("t").interrupt_after(way).await.unwrap_err();
        let RunError::UnknownNode { node, help: said } = error else {
            panic!("{error:?}");
        };
        assert_eq!((node.as_str(), said.as_str()), (way, help));
    }
    let error = line.0.thread("t").state().await.unwrap_err();
    assert_eq!(error.code(), "unknown-thread");
}

#[tokio::test(start_paused = true)]
async fn whenever_a_run_is_dropped_it_stops_where_it_would_have() {
    // Three levels, each with breakpoints of its own and something slow beside.
    let build = || {
        let two = around(sound(steps().interrupt_before(["b", "c"])));
        let one = around(sound(two.interrupt_after("in").interrupt_before("last")));
        Line::of(around(sound(one.interrupt_before("in"))).interrupt_before("last"))
    };
    let undisturbed = build();
    let mut stops = Vec::new();
    let mut run = undisturbed.invoke().await;
    while run.status == Status::Interrupted {
        stops.push((run.state.log, undisturbed.waits().await));
        run = undisturbed.proceed().await;
    }
    let expected = run.state.log;
    assert_eq!((stops.len(), undisturbed.1.get()), (5, 9));
    for half_seconds in 1..20_u32 {
        let line = build();
        let drops = SECOND * half_seconds / 2 + SECOND / 4;
        let mut left = Some(drops);
        let mut begun = false;
        let mut seen = Vec::new();
        let log = loop {
            let run = match begun {
                false => line.0.invoke(Trace::update()),
                true => line.0.proceed(),
            };
            begun = true;
            let run = run.context(line.1.clone()).thread("t");
            let time = tokio::time::Instant::now();
            let ended = match left {
                None => within_a_day(run).await,
                Some(most) => match tokio::time::timeout(most, run).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        left = None;
                        continue;
                    }
                },
            };
            left = left.map(|left| left.saturating_sub(time.elapsed()));
            let run = ended.unwrap();
            if run.status == Status::Done {
                break run.state.log;
            }
            seen.push((run.state.log, line.waits().await.0));
        };
        let stops: Vec<_> = stops
            .iter()
            .map(|(log, (next, _))| (log.clone(), next.clone()))
            .collect();
        assert_eq!((&seen, &log), (&stops, &expected), "after {drops:?}");
        // What was at work when it was dropped ran again, and nothing else.
        assert!(line.1.get() == 9, "after {drops:?}: {}", line.1.get());
    }
}

#[tokio::test(start_paused = true)]
async fn many_sends_stop_together_and_go_on_together() {
    let say = async |state: View<Inner>, ctx: Ctx<Calls>| {
        ctx.0.fetch_add(1, Ordering::SeqCst);
        Inner::update().said(state.word.clone())
    };
    let says = StateGraph::<Inner, Calls>::new("says")
        .add_node("one", say)
        .add_node("two", say)
        .add_edge(START, "one")
        .add_conditional_edges(
            "one",
            |state: &Inner| match state.word.as_str() {
                "b" => END,
                _ => "two",
            },
            ["two", END],
        )
        .interrupt_before("two");
    let says = subgraph(
        sound(says),
        |word: &String| Inner::update().word(word.clone()),
        said,
    );
    let line = Line::of(
        StateGraph::<Trace, Calls>::new("test")
            .add_worker(SAY, says)
            .add_conditional_edges(
                START,
                |_: &Trace| ["a", "b", "c"].map(|word| SAY.send(word.to_owned())),
                [SAY],
            ),
    );
    let run = line.invoke().await;
    assert_eq!(run.status, Status::Interrupted);
    assert_eq!(run.state.log, ["b"]);
    assert_eq!(line.waits().await, (next(&["say", "say"]), 3));
    let run = line.proceed().await;
    assert_eq!(run.state.log, ["a", "a", "b", "c", "c"]);
    assert_eq!((run.status, line.1.get()), (Status::Done, 5));
}

#[tokio::test(start_paused = true)]
async fn beside_a_question_it_is_passed_by_whatever_goes_on() {
    let build = || {
        Line::of(
            StateGraph::<Trace, Calls>::new("test")
                .add_node("ask", asks)
                .add_node("in", sound(steps().interrupt_before("b")))
                .add_edge(START, ["ask", "in"]),
        )
    };
    // By an answer.
    let line = build();
    let run = line.invoke().await;
    assert_eq!(
        (run.status, run.interrupts().len()),
        (Status::Interrupted, 1)
    );
    let resumed = line.0.resume("yes").context(line.1.clone()).thread("t");
    let run = resumed.await.unwrap();
    assert_eq!(run.status, Status::Done);
    assert_eq!(run.state.log, ["yes", "a", "b", "c"]);
    // Without one, the question stays open.
    let line = build();
    line.invoke().await;
    let run = line.proceed().await;
    assert_eq!((run.status, line.1.get()), (Status::Interrupted, 3));
    assert_eq!(run.interrupts()[0].id, "ask/0/what");
    let resumed = line.0.resume("yes").context(line.1.clone()).thread("t");
    let run = resumed.await.unwrap();
    assert_eq!((run.status, line.1.get()), (Status::Done, 3));
}

#[tokio::test(start_paused = true)]
async fn a_question_behind_one_is_asked_when_the_run_goes_on() {
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("a", counted)
        .add_node("ask", asks)
        .add_edge(START, "a")
        .add_edge("a", "ask")
        .interrupt_before("ask")
        .interrupt_after("ask");
    let line = Line::of(around(sound(inner)));
    assert!(line.invoke().await.interrupts().is_empty());
    let error = line.0.resume("early").context(line.1.clone());
    let error = error.thread("t").await.unwrap_err();
    assert_eq!(error.code(), "unknown-interrupt");
    let run = line.proceed().await;
    assert_eq!(run.interrupts()[0].id, "in/0/ask/0/what");
    let resumed = line.0.resume("yes").context(line.1.clone()).thread("t");
    let run = resumed.await.unwrap();
    // And then the one after it.
    assert_eq!(run.status, Status::Interrupted);
    assert!(run.interrupts().is_empty());
    let run = line.proceed().await;
    assert_eq!(run.state.log, ["beside", "a", "yes", "last"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_thread_they_say_nothing() {
    let inner = sound(steps().interrupt_before("b").interrupt_after("c"));
    let graph = sound(around(inner));
    let run = graph.invoke(Trace::update()).context(Calls::default());
    assert_eq!(run.await.unwrap().status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_for_the_parent_is_not_stopped_by_what_will_not_run() {
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("go", async |_: View<Trace>| {
            Command::<Trace>::parent().goto("last")
        })
        .add_node("b", counted)
        .add_edge(START, "go")
        .add_edge("go", "b")
        .interrupt_before("b");
    let line = Line::of(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", sound(inner))
            .add_node("last", counted)
            .add_edge(START, "in"),
    );
    let run = line.invoke().await;
    assert_eq!((run.status, run.state.log), (Status::Done, next(&["last"])));
}

#[tokio::test(start_paused = true)]
async fn whom_a_join_waits_for_no_more_stops_nobody() {
    let build = |inner: Graph<Trace, Calls>| {
        StateGraph::<Trace, Calls>::new("test")
            .add_node("fast", slow)
            .add_node("in", inner)
            .add_node("last", slow)
            .add_edge(START, ["fast", "in"])
            .add_join(["fast", "in"], "last", Join::first())
    };
    let stopping = || sound(steps().interrupt_before("a"));
    let run = Line::of(build(stopping())).invoke().await;
    assert_eq!(run.status, Status::Done);
    assert_eq!(run.state.log, ["fast", "last"]);
    // Nor does it so one level down, where something else waits.
    let one = build(stopping()).interrupt_after("fast");
    let line = Line::of(around(sound(one)));
    assert_eq!(line.invoke().await.status, Status::Interrupted);
    let run = line.proceed().await;
    assert_eq!(run.state.log, ["beside", "fast", "last", "last"]);
    assert_eq!((run.status, line.1.get()), (Status::Done, 4));
}

#[tokio::test(start_paused = true)]
async fn a_drained_run_that_was_stopped_by_nobody_is_drained() {
    let control = RunControl::new();
    let draining = control.clone();
    let fast = move |ctx: Ctx<Calls>| {
        let control = draining.clone();
        async move {
            tokio::time::sleep(SECOND).await;
            control.drain();
            counted(ctx).await
        }
    };
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("fast", fast)
        .add_node("in", sound(steps().interrupt_before("a")))
        .add_node("last", slow)
        .add_edge(START, ["fast", "in"])
        .add_join(["fast", "in"], "last", Join::first());
    let line = Line::of(
        StateGraph::<Trace, Calls>::new("test")
            .add_node("in", sound(inner))
            .add_edge(START, "in"),
    );
    let run = line.0.invoke(Trace::update()).context(line.1.clone());
    let run = run.thread("t").control(&control).await.unwrap();
    assert_eq!((run.status, line.1.get()), (Status::Drained, 1));
    let run = line.proceed().await;
    assert_eq!(run.state.log, ["fast", "last"]);
}

#[tokio::test(start_paused = true)]
async fn a_superstep_that_has_begun_is_not_stopped_before() {
    let fails = Arc::new(AtomicU32::new(0));
    let failing = Arc::clone(&fails);
    let inner = StateGraph::<Trace, Calls>::new("inner")
        .add_node("a", counted)
        .add_node("b", counted)
        .add_node("c", move |ctx: Ctx<Calls>| {
            let failing = Arc::clone(&failing);
            async move {
                tokio::time::sleep(SECOND).await;
                match failing.fetch_add(1, Ordering::SeqCst) {
                    0 => Err(oops()),
                    _ => Ok(counted(ctx).await),
                }
            }
        })
        .add_edge(START, "a")
        .add_edge("a", ["b", "c"]);
    let line = Line::of(around(sound(inner)));
    let run = line.0.invoke(Trace::update()).context(line.1.clone());
    assert_eq!(run.thread("t").await.unwrap_err().code(), "node");
    let run = line.0.proceed().context(line.1.clone()).thread("t");
    let run = run
        .interrupt_before(["in/a", "in/b", "in/c"])
        .await
        .unwrap();
    assert_eq!(run.status, Status::Done);
    assert_eq!(run.state.log, ["beside", "a", "b", "c", "last"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_drained_beside_one_has_stopped_there() {
    let line = Line::of(around(sound(steps().interrupt_before("b"))));
    let control = RunControl::new();
    control.drain();
    let run = line.0.invoke(Trace::update()).context(line.1.clone());
    let run = run.thread("t").control(&control).await.unwrap();
    assert_eq!((run.status, line.1.get()), (Status::Drained, 0));
    assert_eq!(line.proceed().await.status, Status::Interrupted);
    assert_eq!(line.proceed().await.status, Status::Done);
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_past_it() {
    let store = MemoryCheckpointer::new();
    let build = || {
        let inner = sound(steps().interrupt_before("b"));
        sound(around(inner).checkpointer(store.clone()))
    };
    let calls = Calls::default();
    let run = build().invoke(Trace::update()).context(calls.clone());
    assert_eq!(run.thread("t").await.unwrap().status, Status::Interrupted);
    // Values may be changed meanwhile; what was passed stays so.
    build()
        .thread("t")
        .update(Trace::update().log("edited"))
        .await
        .unwrap();
    let run = build().proceed().context(calls.clone()).thread("t");
    let run = run.await.unwrap();
    assert_eq!((run.status, calls.get()), (Status::Done, 5));
    assert_eq!(run.state.log, ["edited", "beside", "a", "b", "c", "last"]);
}
