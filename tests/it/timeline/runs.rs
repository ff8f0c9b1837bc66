//! The timelines of real runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{
    CachePolicy, Join, MemoryCheckpointer, PhaseKind, SpanOutcome, Timeline, subgraph,
};

use crate::common::{Trace, TraceUpdate, mark, marks, oops, sound};
use crate::limits::cache::Shelf;

pub(super) const SEND: Worker<u64> = Worker::new("send");

/// A node that takes so many milliseconds.
fn takes(
    ms: u64,
) -> impl Fn(View<Trace>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync {
    move |_| Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
}

/// The spans, as `task superstep ready-start-end`.
fn lines(timeline: &Timeline) -> Vec<String> {
    let ms = |time: Duration| time.as_millis();
    let spans = timeline.spans().iter();
    spans
        .map(|span| {
            let (ready, start, end) = (ms(span.ready), ms(span.start), ms(span.end));
            format!("{} {} {ready}-{start}-{end}", span.name(), span.superstep)
        })
        .collect()
}

/// What a task waited for and did, from when to when.
pub(super) fn phases(timeline: &Timeline, at: usize) -> Vec<(PhaseKind, u128, u128)> {
    let phases = timeline.spans()[at].phases.iter();
    phases
        .map(|phase| (phase.kind, phase.start.as_millis(), phase.end.as_millis()))
        .collect()
}

pub(super) fn path(timeline: &Timeline) -> Vec<&str> {
    let path = timeline.critical_path().into_iter();
    path.map(|at| timeline.spans()[at].task.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn slow_siblings_are_on_the_critical_path() {
    let graph = sound(
        StateGraph::<Trace>::new("trip")
            .add_node("flights", takes(80))
            .add_node("hotels", takes(20))
            .add_node("book", takes(10))
            .add_edge(START, ["flights", "hotels"])
            .add_edge(["flights", "hotels"], "book"),
    );
    let timeline = graph.invoke(Trace::update()).await.unwrap().timeline();
    assert_eq!(
        lines(&timeline),
        ["flights 1 0-0-80", "hotels 1 0-0-20", "book 2 80-80-90"]
    );
    assert_eq!(path(&timeline), ["flights", "book"]);
    assert_eq!(timeline.barrier_waits()[1], Duration::from_millis(60));
    assert_eq!(
        (timeline.work().as_millis(), timeline.total().as_millis()),
        (110, 90)
    );
    assert_eq!(timeline.graph(), "trip");
}

#[tokio::test(start_paused = true)]
async fn waits_for_permits_and_between_attempts_are_phases() {
    let bad = |ctx: Ctx| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        match ctx.attempt() {
            1 => Err(oops()),
            _ => Ok(()),
        }
    };
    let retry = Retry::attempts(2).delay(Duration::from_millis(100));
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", takes(10))
            .add_node("b", node(bad).retry(retry))
            .add_edge(START, ["a", "b"]),
    );
    let timeline = graph
        .invoke(Trace::update())
        .max_concurrency(1)
        .await
        .unwrap()
        .timeline();
    assert_eq!(lines(&timeline), ["a 1 0-0-10", "b 1 0-10-120"]);
    assert_eq!(
        phases(&timeline, 1),
        [
            (PhaseKind::Queued, 0, 10),
            (PhaseKind::Attempt(1), 10, 15),
            (PhaseKind::Backoff, 15, 115),
            (PhaseKind::Attempt(2), 115, 120),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_made_a_task_ready_is_told_by_the_graph() {
    let graph = sound(
        marks(["a", "b", "c", "d", "last"])
            .add_edge(START, ["a", "b"])
            .add_edge("a", "c")
            .add_conditional_edges("b", |_: &Trace| ["d"], ["d", END])
            .add_edge(["a", "d"], "last"),
    );
    // Watched, so that nothing runs in a row.
    let run = graph
        .invoke(Trace::update())
        .stream()
        .finish()
        .await
        .unwrap();
    let timeline = run.timeline();
    let after: Vec<(&str, Vec<&str>)> = timeline
        .spans()
        .iter()
        .map(|span| {
            let after = span
                .after
                .iter()
                .map(|&at| timeline.spans()[at].task.as_str());
            (span.task.as_str(), after.collect())
        })
        .collect();
    assert_eq!(
        after,
        [
            ("a", vec![]),
            ("b", vec![]),
            ("c", vec!["a"]),
            ("d", vec!["b"]),
            ("last", vec!["a", "d"]),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn every_superstep_of_a_loop_is_there() {
    let graph = sound(marks(["a"]).add_edge(START, "a").add_conditional_edges(
        "a",
        |state: &Trace| if state.log.len() < 300 { ["a"] } else { [END] },
        ["a", END],
    ));
    for watched in [false, true] {
        let run = graph.invoke(Trace::update());
        let run = match watched {
            true => {
                let mut events = run.stream();
                while events.next().await.is_some() {}
                events.finish().await.unwrap()
            }
            false => run.await.unwrap(),
        };
        let timeline = run.timeline();
        let supersteps: Vec<u64> = timeline.spans().iter().map(|span| span.superstep).collect();
        assert_eq!(
            supersteps,
            (1..=300).collect::<Vec<_>>(),
            "watched: {watched}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_in_a_loop_has_its_own_time() {
    let graph = sound(
        marks(["a", "c"])
            .add_node("b", takes(30))
            .add_edge(START, "a")
            .add_edge("a", "b")
            .add_edge("b", "c"),
    );
    let timeline = graph.invoke(Trace::update()).await.unwrap().timeline();
    assert_eq!(
        lines(&timeline),
        ["a 1 0-0-0", "b 2 0-0-30", "c 3 30-30-30"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_inside_a_task_is_there_with_its_path() {
    let inner = sound(
        StateGraph::<Trace>::new("inner")
            .add_node("one", takes(10))
            .add_node("two", takes(20))
            .add_edge(START, "one")
            .add_edge("one", "two"),
    );
    let update = |_: &Trace| -> TraceUpdate { Trace::update() };
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("in", inner.clone())
            .add_worker(SEND, subgraph(inner, |_: &u64| Trace::update(), update))
            .add_edge(START, "in")
            .add_conditional_edges("in", |_: &Trace| [1, 2].map(|n| SEND.send(n)), [SEND]),
    );
    let timeline = graph.invoke(Trace::update()).await.unwrap().timeline();
    assert_eq!(
        lines(&timeline),
        [
            "in 1 0-0-30",
            "send/0 2 30-30-60",
            "send/1 2 30-30-60",
            "in/0/one 1 0-0-10",
            "in/0/two 2 10-10-30",
            "send/0/one 1 30-30-40",
            "send/0/two 2 40-40-60",
            "send/1/one 1 30-30-40",
            "send/1/two 2 40-40-60",
        ]
    );
    assert!(timeline.to_text(100).contains("two"), "{timeline}");
}

#[tokio::test(start_paused = true)]
async fn what_ran_inside_a_task_that_failed_is_there() {
    use superstep::SpanOutcome::{Cancelled, Done, Failed};

    let calls = Arc::new(AtomicUsize::new(0));
    let fails_first = move |_: View<Trace>| {
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if first { Err(oops()) } else { Ok(()) }
        }
    };
    let inner = StateGraph::<Trace>::new("inner")
        .add_node("one", takes(10))
        .add_node("two", fails_first)
        .add_edge(START, "one")
        .add_edge("one", "two");
    let retry = Retry::attempts(2).delay(Duration::from_millis(5));
    let hangs = StateGraph::<Trace>::new("hangs")
        .add_node("one", takes(10))
        .add_node("two", takes(9000))
        .add_edge(START, "one")
        .add_edge("one", "two");
    // None of these waits for anything.
    let fails = async |_: View<Trace>| Err::<(), _>(oops());
    let quick = marks(["a", "b"])
        .add_node("c", fails)
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_edge("b", "c");
    let late = node(sound(hangs)).timeout(Duration::from_millis(40));
    let graph = StateGraph::<Trace>::new("test")
        .add_node("in", node(sound(inner)).retry(retry))
        .add_node("late", late.on_error(mark))
        .add_node("quick", node(sound(quick)).on_error(mark))
        .add_edge(START, ["in", "late", "quick"]);
    let timeline = sound(graph)
        .invoke(Trace::update())
        .await
        .unwrap()
        .timeline();
    let spans = timeline.spans().iter().filter(|span| !span.path.is_empty());
    let spans: Vec<_> = lines(&timeline)
        .into_iter()
        .skip(3)
        .zip(spans.map(|span| span.outcome))
        .collect();
    let expected = [
        ("in/0/one 1 0-0-10", Done),
        ("in/0/two 2 10-10-30", Failed),
        ("in/0/one 1 35-35-45", Done),
        ("in/0/two 2 45-45-65", Done),
        ("late/0/one 1 0-0-10", Done),
        ("late/0/two 2 10-10-40", Cancelled),
        ("quick/0/a 1 0-0-0", Done),
        ("quick/0/b 2 0-0-0", Done),
        ("quick/0/c 3 0-0-0", Failed),
    ];
    assert_eq!(
        spans,
        expected.map(|(line, outcome)| (line.to_owned(), outcome))
    );
    assert!(timeline.to_text(100).contains("two") && timeline.to_svg().contains("two"));
}

#[tokio::test(start_paused = true)]
async fn what_was_at_work_inside_a_task_that_was_given_up_is_there() {
    let pair = || {
        StateGraph::<Trace>::new("pair")
            .add_node("p", takes(40))
            .add_node("q", takes(400))
            .add_edge(START, ["p", "q"])
    };
    let alone = StateGraph::<Trace>::new("alone")
        .add_node("q", takes(400))
        .add_edge(START, "q")
        .superstep_timeout(Duration::from_secs(9));
    let around = StateGraph::<Trace>::new("around")
        .add_node("o", takes(400))
        .add_node("in", sound(pair()))
        .add_edge(START, ["o", "in"]);
    let two = ["a/0/p 1 0-0-40", "a/0/q 1 0-0-100"];
    let deep = [
        "a/0/in 1 0-0-100",
        "a/0/o 1 0-0-100",
        "a/0/in/0/p 1 0-0-40",
        "a/0/in/0/q 1 0-0-100",
    ];
    for (inner, expected) in [
        (pair(), &two[..]),
        (pair().eager(), &two[..]),
        (alone, &two[1..]),
        (around, &deep[..]),
    ] {
        let inner = sound(inner);
        let lost = marks(["z"])
            .add_node("a", inner.clone())
            .add_node("b", takes(100))
            .add_edge(START, ["a", "b"])
            .add_join(["a", "b"], "z", Join::first());
        let late = node(inner).timeout(Duration::from_millis(100));
        let late = marks([])
            .add_node("a", late.on_error(mark))
            .add_edge(START, "a");
        for graph in [sound(lost), sound(late)] {
            let timeline = graph.invoke(Trace::update()).await.unwrap().timeline();
            let mut inside = lines(&timeline);
            inside.retain(|line| line.starts_with("a/0/"));
            assert_eq!(inside, expected);
            let q = timeline.spans().iter().find(|span| span.task == "q");
            assert_eq!(q.unwrap().outcome, SpanOutcome::Cancelled);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_lead_to_a_task_holds_it_up_where_nothing_waits_for_supersteps() {
    // `slow` ends when `b` has long been done.
    let base = || {
        StateGraph::<Trace>::new("test")
            .add_node("a", takes(10))
            .add_node("b", takes(10))
            .add_node("slow", takes(100))
            .add_node("t", takes(50))
            .add_edge(START, ["a", "slow"])
            .add_edge("a", "b")
    };
    let deferred = base()
        .add_node("last", node(takes(1)).defer())
        .add_edge("b", "last")
        .add_edge("b", "t");
    let joined = base().add_edge(["b", "slow"], "t");
    let elsewhere = base()
        .add_node("x", takes(10))
        .add_node("n", takes(10))
        .add_edge("b", "t")
        .add_conditional_edges("slow", |_: &Trace| ["n"], ["n", "x"])
        .add_edge("x", "t");
    let beside = base().add_edge("b", "t").add_edge("t", "a2");
    let beside = beside.add_node("a2", takes(60));
    for (graph, expected) in [
        (deferred, ["slow", "last"].as_slice()),
        (joined, &["slow", "t"]),
        (elsewhere, &["slow", "t"]),
        (beside, &["a", "b", "t", "a2"]),
    ] {
        let graph = sound(graph.eager());
        let timeline = graph.invoke(Trace::update()).await.unwrap().timeline();
        assert_eq!(path(&timeline), expected);
        let text = timeline.to_text(100);
        let spent = text.lines().find(|line| line.starts_with("critical path"));
        assert!(!spent.unwrap().contains("other"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn on_a_thread_it_is_the_calls_own_time() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_node("a", takes(10))
            .add_node("ask", async |ctx: Ctx| -> NodeResult<()> {
                let _: bool = ctx.interrupt("ok", ())?;
                Ok(())
            })
            .add_edge(START, ["a", "ask"])
            .checkpointer(MemoryCheckpointer::new()),
    );
    let run = graph.invoke(Trace::update()).thread("t").await.unwrap();
    let outcomes: Vec<SpanOutcome> = run
        .timeline()
        .spans()
        .iter()
        .map(|span| span.outcome)
        .collect();
    assert_eq!(outcomes, [SpanOutcome::Done, SpanOutcome::Paused]);
    let run = graph.resume(true).thread("t").await.unwrap();
    assert_eq!(lines(&run.timeline()), ["ask 1 0-0-0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_task_is_there_on_many_threads() {
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_worker(SEND, async |n: u64| {
                if n.is_multiple_of(3) {
                    tokio::task::yield_now().await;
                }
                Trace::update().sum(1_u64)
            })
            .add_conditional_edges(
                START,
                |_: &Trace| (0..1000).map(|n| SEND.send(n)).collect::<Vec<_>>(),
                [SEND],
            ),
    );
    let run = graph.invoke(Trace::update()).await.unwrap();
    let timeline = run.timeline();
    let mut tasks: Vec<&str> = timeline
        .spans()
        .iter()
        .map(|span| span.task.as_str())
        .collect();
    tasks.dedup();
    assert_eq!(tasks.len(), 1000);
    assert!(timeline.spans().iter().all(|span| span.start <= span.end));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_turn_is_queued_and_what_was_known_is_cached() {
    let body = async |ms: u64| tokio::time::sleep(Duration::from_millis(ms)).await;
    let work = || node(body).max_concurrency(1);
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_worker(SEND, work().cache(CachePolicy::new(|ms: &u64| *ms)))
            .add_conditional_edges(START, |_: &Trace| [10, 20].map(|ms| SEND.send(ms)), [SEND])
            .cache(Shelf::default()),
    );
    let timeline = async || graph.invoke(Trace::update()).await.unwrap().timeline();
    let first = timeline().await;
    assert_eq!(lines(&first), ["send/0 1 0-0-10", "send/1 1 0-10-30"]);
    assert_eq!(first.spans()[1].phases[0].kind, PhaseKind::Queued);
    let second = timeline().await;
    assert_eq!(lines(&second), ["send/0 1 0-0-0", "send/1 1 0-0-0"]);
    for span in second.spans() {
        assert_eq!((span.outcome, span.phases.len()), (SpanOutcome::Cached, 0));
    }
}
