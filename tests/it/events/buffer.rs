//! A reader that is slow: the run waits, or events are dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use superstep::prelude::*;
use superstep::{EventKind, blocking};

use super::lines;
use crate::common::{Trace, marks, sound, within_a_day};

const TELL: Worker<u32> = Worker::new("tell");

/// A graph of `n` tasks at once that emit 20 numbers each, and count them.
fn chatty(n: u32, count: &Arc<AtomicU32>) -> superstep::Graph<Trace> {
    let count = Arc::clone(count);
    sound(
        StateGraph::<Trace>::new("test")
            .add_worker(TELL, move |first: u32, ctx: Ctx| {
                let count = Arc::clone(&count);
                async move {
                    for n in first..first + 20 {
                        ctx.emit(n)?;
                        count.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    NodeResult::Ok(())
                }
            })
            .add_conditional_edges(
                START,
                move |_: &Trace| (0..n).map(|k| TELL.send(100 * k)).collect::<Vec<_>>(),
                [TELL],
            ),
    )
}

#[tokio::test(start_paused = true)]
async fn tasks_wait_for_a_slow_reader() {
    let count = Arc::default();
    let mut events = chatty(3, &count)
        .invoke(Trace::update())
        .stream()
        .custom::<u32>()
        .buffer(4);
    assert!(events.next().await.is_some());
    // The run is not polled, but its tasks are at work.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let emitted = count.load(Ordering::SeqCst);
    assert!(emitted <= 3 + 4 + 3, "{emitted} were emitted unread");
    let rest = within_a_day(lines(&mut events)).await.len();
    assert_eq!(rest + 1, 60);
}

#[tokio::test(start_paused = true)]
async fn a_lossy_buffer_drops_the_oldest_and_counts_them() {
    let count = Arc::default();
    let mut events = chatty(3, &count)
        .invoke(Trace::update())
        .stream()
        .custom::<u32>()
        .buffer(4)
        .lossy();
    let mut seen = 0;
    let mut lost = 0;
    while let Some(event) = events.next().await {
        match event.kind {
            EventKind::Lost { events } => lost += events,
            _ => seen += 1,
        }
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    assert_eq!(seen + lost, 60);
    assert!(lost > 20, "{lost}");
}

#[tokio::test(start_paused = true)]
async fn who_emits_without_an_await_fails_before_memory_grows() {
    let graph = |awaits: bool| {
        sound(
            StateGraph::<Trace>::new("test")
                .add_node("a", move |ctx: Ctx| async move {
                    for n in 0..100_u32 {
                        let emitted = ctx.emit(n)?;
                        if awaits {
                            emitted.await;
                        }
                    }
                    NodeResult::Ok(())
                })
                .add_edge(START, "a"),
        )
    };
    let mut events = graph(true)
        .invoke(Trace::update())
        .stream()
        .custom::<u32>()
        .buffer(8);
    assert_eq!(within_a_day(lines(&mut events)).await.len(), 100);
    let events = graph(false)
        .invoke(Trace::update())
        .stream()
        .custom::<u32>()
        .buffer(8);
    let mut events = events;
    assert_eq!(within_a_day(lines(&mut events)).await.len(), 16);
    let error = events.finish().await.unwrap_err();
    let chain = crate::common::chain(&error).join(": ");
    assert!(chain.contains("buffer of 8 is full"), "{chain}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_finished_lets_everybody_go_on() {
    let count = Arc::default();
    let mut events = chatty(30, &count)
        .invoke(Trace::update())
        .stream()
        .buffer(2);
    assert!(events.next().await.is_some());
    assert!(within_a_day(events.finish()).await.is_ok());
    assert_eq!(count.load(Ordering::SeqCst), 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_a_small_buffer_on_many_threads() {
    for buffer in [1, 3, 1024] {
        let graph = sound(
            StateGraph::<Trace>::new("test")
                .add_worker(TELL, async |n: u32, ctx: Ctx| {
                    ctx.emit(n)?;
                    tokio::task::yield_now().await;
                    ctx.emit(n)?.await;
                    NodeResult::Ok(Trace::update().sum(1_u64))
                })
                .add_conditional_edges(
                    START,
                    |_: &Trace| (0..500).map(|n| TELL.send(n)).collect::<Vec<_>>(),
                    [TELL],
                ),
        );
        let mut events = graph.invoke(Trace::update()).stream().buffer(buffer);
        let mut seen = [0; 5];
        while let Some(event) = events.next().await {
            match event.kind {
                EventKind::TaskStarted => seen[0] += 1,
                EventKind::Custom(_) => seen[1] += 1,
                EventKind::TaskFinished { .. } => seen[2] += 1,
                EventKind::SuperstepFinished { .. } => seen[3] += 1,
                _ => seen[4] += 1,
            }
        }
        assert_eq!(seen, [500, 1000, 500, 2, 4], "buffer of {buffer}");
        assert_eq!(events.finish().await.unwrap().state.sum, 500);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_others_emit_meanwhile_fails_no_body() {
    // All have found room before the first of them emits.
    let all_polled = Arc::new(std::sync::Barrier::new(4));
    let graph = sound(
        StateGraph::<Trace>::new("test")
            .add_worker(TELL, move |first: u32, ctx: Ctx| {
                let all_polled = Arc::clone(&all_polled);
                async move {
                    all_polled.wait();
                    for n in first..first + 8 {
                        ctx.emit(n)?;
                    }
                    NodeResult::Ok(Trace::update().sum(1_u64))
                }
            })
            .add_conditional_edges(
                START,
                |_: &Trace| (0..4).map(|k| TELL.send(100 * k)).collect::<Vec<_>>(),
                [TELL],
            ),
    );
    let events = graph.invoke(Trace::update()).stream();
    let mut events = events.custom::<u32>().buffer(8);
    assert_eq!(lines(&mut events).await.len(), 32);
    assert_eq!(events.finish().await.unwrap().state.sum, 4);
}

/// A state that counts its copies.
mod copies {
    use super::*;
    use serde::{Deserialize, Serialize};

    static COPIES: AtomicU32 = AtomicU32::new(0);

    #[derive(Debug, Default, Serialize, Deserialize)]
    struct Heavy;

    impl Clone for Heavy {
        fn clone(&self) -> Self {
            COPIES.fetch_add(1, Ordering::SeqCst);
            Self
        }
    }

    #[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
    struct Carried {
        heavy: Heavy,
        #[reduce(Sum)]
        n: u32,
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_of_values_makes_no_copies() {
        let more = |state: &Carried| if state.n < 100 { "a" } else { END };
        let add = async |_: View<Carried>| Carried::update().n(1);
        let graph = sound(
            StateGraph::<Carried>::new("test")
                .add_node("a", add)
                .add_node("b", add)
                .add_node("c", add)
                .add_edge(START, "a")
                .add_edge("a", ["b", "c"])
                .add_conditional_edges("b", move |state: &Carried| vec![more(state)], ["a", END]),
        );
        let mut events = graph.invoke(Carried::update()).stream();
        let mut n = 0;
        while let Some(event) = events.next().await {
            n += u32::from(event.state().is_some());
        }
        assert!(n > 60, "{n}");
        assert_eq!(events.finish().await.unwrap().state.n, 102);
        assert_eq!(COPIES.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_always_finds_something_lets_others_run() {
    let graph = sound(marks(["a"]).add_edge(START, "a").add_conditional_edges(
        "a",
        |_: &Trace| ["a"],
        ["a", END],
    ));
    let ticks = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&ticks);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    let mut events = graph
        .invoke(Trace::update())
        .recursion_limit(5000)
        .stream()
        .tokens();
    assert!(events.next().await.is_none());
    let mut events = graph.invoke(Trace::update()).recursion_limit(5000).stream();
    while events.next().await.is_some() {}
    other.abort();
    assert!(ticks.load(Ordering::SeqCst) > 20);
}

/// A function on a thread that emits so many numbers, and counts them.
fn on_a_thread(n: u32, count: &Arc<AtomicU32>) -> superstep::Graph<Trace> {
    let count = Arc::clone(count);
    let tells = move |ctx: Ctx| {
        for k in 0..n {
            ctx.emit(k)?;
            count.fetch_add(1, Ordering::SeqCst);
        }
        NodeResult::Ok(Trace::update().sum(u64::from(n)))
    };
    let graph = StateGraph::<Trace>::new("test").add_node("a", blocking(tells));
    sound(graph.add_edge(START, "a"))
}

#[tokio::test]
async fn what_blocks_waits_in_emit_for_its_reader() {
    let graph = on_a_thread(200, &Arc::default());
    let mut events = graph.invoke(Trace::update()).stream();
    events = events.custom::<u32>().buffer(4);
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.extend(event.custom::<u32>().copied());
        tokio::task::yield_now().await;
    }
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
    assert_eq!(events.finish().await.unwrap().state.sum, 200);
}

#[test]
fn what_blocks_in_emit_goes_on_when_nobody_reads_any_more() {
    for dropped in [true, false] {
        let count = Arc::default();
        let graph = on_a_thread(50, &count);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("there is a runtime");
        runtime.block_on(async {
            let mut events = graph.invoke(Trace::update()).stream();
            events = events.custom::<u32>().buffer(2);
            assert!(events.next().await.is_some());
            // It fills the buffer meanwhile, and waits.
            while count.load(Ordering::SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
            if dropped {
                drop(events);
            } else {
                assert_eq!(events.finish().await.unwrap().state.sum, 50);
            }
        });
        // Which waits for what is at work on its threads.
        drop(runtime);
        assert_eq!(count.load(Ordering::SeqCst), 50);
    }
}

/// How a run ends whose reader takes 150 ms for each event.
async fn read_slowly(graph: StateGraph<Trace>, buffer: usize) -> Result<u64, String> {
    let mut events = sound(graph).invoke(Trace::update()).stream();
    events = events.buffer(buffer);
    while events.next().await.is_some() {
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let ended = events.finish().await;
    let why = |error| crate::common::chain(&error).pop().unwrap_or_default();
    ended.map(|run| run.state.sum).map_err(why)
}

/// As many nodes, which emit three times and take some milliseconds; each within
/// a tenth of a second.
fn timed(names: &[&str], idle: bool, hangs: bool) -> StateGraph<Trace> {
    let tenth = Duration::from_millis(100);
    let body = move |ctx: Ctx| async move {
        for n in 0..3_u32 {
            drop(ctx.emit(n));
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        if hangs {
            std::future::pending::<()>().await;
        }
        Trace::update().sum(1_u64)
    };
    names.iter().fold(StateGraph::new("timed"), |graph, &name| {
        let policed = match idle {
            true => node(body).idle_timeout(tenth),
            false => node(body).timeout(tenth),
        };
        graph.add_node(name, policed).add_edge(START, name)
    })
}

#[tokio::test(start_paused = true)]
async fn timeouts_stand_still_while_the_reader_is_slow() {
    for buffer in [1, 2, 1024] {
        for names in [&["a"][..], &["a", "b"]] {
            let ended = async |idle, hangs| read_slowly(timed(names, idle, hangs), buffer).await;
            let all = Ok(names.len() as u64);
            assert_eq!(ended(false, false).await, all, "buffer of {buffer}");
            assert_eq!(ended(true, false).await, all, "buffer of {buffer}");
            // They pass all the same.
            let late = "it took longer than its timeout of 100ms";
            assert_eq!(ended(false, true).await.unwrap_err(), late);
            let late = "it gave no sign of life for its idle timeout of 100ms";
            assert_eq!(ended(true, true).await.unwrap_err(), late);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_graph_stands_still_while_its_tasks_wait_for_the_reader() {
    for buffer in [1, 2, 1024] {
        for beside in [false, true] {
            let inner = timed(&["a", "b"], false, false)
                .add_node("c", async |_: View<Trace>| {})
                .add_edge("a", "c");
            let inner = node(sound(inner)).timeout(Duration::from_millis(100));
            let mut graph = marks(["x"]).add_node("in", inner).add_edge(START, "in");
            if beside {
                graph = graph.add_edge(START, "x");
            } else {
                graph = graph.add_edge("in", "x");
            }
            assert_eq!(
                read_slowly(graph, buffer).await,
                Ok(2),
                "buffer of {buffer}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_inside_a_lossy_run_waits_for_its_reader() {
    let body = async |ctx: Ctx| {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Trace::update().log(ctx.node().to_string())
    };
    let graph = |names: [&'static str; 3]| {
        let nodes = names.into_iter();
        let graph = nodes.fold(StateGraph::<Trace>::new("row"), |graph, name| {
            graph.add_node(name, body)
        });
        let graph = graph.add_edge(START, names[0]).add_edge(names[0], names[1]);
        graph.add_edge(names[1], names[2])
    };
    let inner = sound(graph(["i", "j", "k"]));
    let graph = marks(["beside"])
        .add_node("in", inner)
        .add_edge(START, ["in", "beside"]);
    let mut events = sound(graph).invoke(Trace::update()).stream();
    events = events.buffer(64).lossy();
    while let Some(event) = events.next().await {
        if event.node().is_some_and(|node| *node == *"in") {
            break;
        }
    }
    // Three supersteps of 10 ms, while nobody reads.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut k = None;
    while let Some(event) = events.next().await {
        if event.path() == "in/0" && event.node().is_some_and(|node| *node == *"k") {
            k = k.or(Some(event.elapsed()));
        }
    }
    let k = k.expect("it has run");
    assert!(k < Duration::from_millis(100), "{k:?}");
}
