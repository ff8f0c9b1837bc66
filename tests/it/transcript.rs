//! Transcripts: what they say, and that they say the same every time.

#![expect(
    clippy::disallowed_types,
    reason = "a user's state may hold hash maps, and its transcript must not show their order"
)]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use insta::assert_snapshot;
use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{Event, OnFailure, RunControl, Transcript};
use tokio::time::sleep;

use crate::common::{Trace, TraceUpdate, mark, marks, oops, sound};

const REVIEW: Worker<String> = Worker::new("review");

async fn told(graph: StateGraph<Trace>, input: TraceUpdate) -> Transcript {
    sound(graph).invoke(input).transcript().await
}

fn fan_out() -> StateGraph<Trace> {
    marks(["a", "b", "c", "z"])
        .add_edge(START, ["a", "b", "c"])
        .add_edge(["a", "b", "c"], "z")
        .add_edge("z", END)
}

#[tokio::test]
async fn fan_out_and_join() {
    assert_snapshot!(told(fan_out(), Trace::update().n(3)).await);
}

#[derive(Route)]
enum Next {
    #[route("think")]
    Think,
    #[route(END)]
    Stop,
}

fn looping() -> StateGraph<Trace> {
    marks(["act"])
        .add_node("think", async |state: View<Trace>| {
            Trace::update().n(state.n + 1).sum(10)
        })
        .add_edge(START, "think")
        .add_edge("think", "act")
        .add_route(
            "act",
            |state: &Trace| {
                if state.n < 3 { Next::Think } else { Next::Stop }
            },
        )
}

#[tokio::test]
async fn loop_with_a_route() {
    assert_snapshot!(told(looping(), Trace::update()).await);
}

fn sending() -> StateGraph<Trace> {
    let review = async |page: String, ctx: Ctx| {
        Trace::update().log(format!("{}: {}", ctx.task(), page.to_uppercase()))
    };
    let split = async |_: View<Trace>| {
        Command::update(Trace::update().n(1))
            .goto("aside")
            .send([REVIEW.send("one".into()), REVIEW.send("two".into())])
    };
    marks(["aside", "collect"])
        .add_worker(REVIEW, review)
        .add_node("split", node(split).destinations(["aside", "review"]))
        .add_edge(START, "split")
        .add_conditional_edges("split", |_: &Trace| REVIEW.send("three".into()), [REVIEW])
        .add_edge(REVIEW, "collect")
}

#[tokio::test]
async fn sends() {
    assert_snapshot!(told(sending(), Trace::update()).await);
}

#[tokio::test(start_paused = true)]
async fn failure_after_retries() {
    let fetch = node(async |_: View<Trace>| {
        sleep(Duration::from_secs(1)).await;
        Err::<(), _>(std::io::Error::other("connection reset"))
    });
    let graph = marks(["a", "b"])
        .add_node("fetch", fetch.retry(Retry::attempts(2)))
        .add_edge(START, "a")
        .add_edge("a", ["b", "fetch"]);
    assert_snapshot!(told(graph, Trace::update()).await);
}

#[tokio::test(start_paused = true)]
async fn success_after_retries() {
    let flaky = async |ctx: Ctx| match ctx.attempt() {
        1 | 2 => Err(oops()),
        _ => Ok(Trace::update().sum(1)),
    };
    let graph = marks([])
        .add_node("flaky", node(flaky).retry(Retry::attempts(3)))
        .add_edge(START, "flaky");
    assert_snapshot!(told(graph, Trace::update()).await);
}

#[tokio::test]
async fn conflict() {
    let write = async |_: View<Trace>| Trace::update().n(1).log("x");
    let graph = marks(["c"])
        .add_node("a", write)
        .add_node("b", write)
        .add_edge(START, ["a", "b", "c"]);
    assert_snapshot!(told(graph, Trace::update()).await);
}

#[tokio::test]
async fn starved_join() {
    let graph = marks(["a", "b", "c", "z"])
        .add_edge(START, "a")
        .add_conditional_edges("a", |_: &Trace| "b", ["b", "c"])
        .add_edge(["b", "c"], "z");
    assert_snapshot!(told(graph, Trace::update()).await);
}

#[tokio::test]
async fn overwrites_repeated_writes_and_long_values() {
    let long = async |_: View<Trace>| {
        Trace::update()
            .overwrite_log(["x".repeat(1000)])
            .sum(1)
            .sum(2)
    };
    let graph = marks(["b"]).add_node("a", long).add_edge(START, ["a", "b"]);
    assert_snapshot!(told(graph, Trace::update().log("gone")).await);
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Brief {
    #[state(ephemeral)]
    note: Option<String>,
}

#[tokio::test]
async fn expired_fields() {
    let graph = StateGraph::<Brief>::new("brief")
        .add_node("a", async |_: View<Brief>| Brief::update().note("hello"))
        .add_node("b", async |_: View<Brief>| {})
        .add_node("c", async |_: View<Brief>| {})
        .add_edge(START, "a")
        .add_edge("a", "b")
        .add_edge("b", "c");
    let run = sound(graph).invoke(Brief::update());
    assert_snapshot!(run.transcript().await);
}

#[tokio::test]
async fn a_transcript_is_data_too() {
    let transcript = told(sending(), Trace::update()).await;
    let json = serde_json::to_string_pretty(&transcript).unwrap();
    assert_snapshot!(json);
}

#[tokio::test]
async fn a_failed_transcript_is_data_too() {
    let graph =
        marks(["a"])
            .add_edge(START, "a")
            .add_conditional_edges("a", |_: &Trace| "b", ["a", END]);
    let transcript = told(graph, Trace::update()).await;
    let json = serde_json::to_string_pretty(&transcript.outcome).unwrap();
    assert_snapshot!(json);
}

/// The texts of 50 runs, which are all one.
async fn same(graph: StateGraph<Trace>) -> String {
    let graph = sound(graph);
    let first = graph.invoke(Trace::update()).transcript().await.to_string();
    for _ in 0..50 {
        let again = graph.invoke(Trace::update()).transcript().await;
        assert_eq!(again.to_string(), first);
    }
    first
}

/// A node that lets others run for a while, a different while each time.
async fn dawdle(ctx: Ctx) -> TraceUpdate {
    let mut hasher = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(&std::thread::current().id(), &mut hasher);
    std::hash::Hash::hash(&std::time::Instant::now(), &mut hasher);
    for _ in 0..std::hash::Hasher::finish(&hasher) % 20 {
        tokio::task::yield_now().await;
    }
    mark(ctx).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_runs_on_several_threads_give_the_same_bytes() {
    let names: Vec<String> = (0..30).map(|i| format!("n{i:02}")).collect();
    let mut graph = StateGraph::<Trace>::new("wide").add_worker(REVIEW, async |page: String| {
        for _ in 0..page.len() % 7 {
            tokio::task::yield_now().await;
        }
        Trace::update().log(page).sum(1)
    });
    for name in &names {
        let to = name.clone();
        graph = graph.add_node(name, dawdle).add_conditional_edges(
            name,
            move |_: &Trace| [REVIEW.send(to.clone()), REVIEW.send("x".repeat(to.len()))],
            [REVIEW],
        );
    }
    let graph = graph
        .add_node("z", dawdle)
        .add_edge(START, &names)
        .add_edge(&names, "z")
        .add_edge(REVIEW, "z");
    let text = same(graph).await;
    assert_eq!(text.matches("given").count(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_failing_runs_on_several_threads_give_the_same_bytes() {
    let fail = async |ctx: Ctx| {
        drop(dawdle(ctx.clone()).await);
        if ctx.node().as_str() < "n5" {
            Ok(())
        } else {
            Err(oops())
        }
    };
    for on_failure in [OnFailure::Finish, OnFailure::Stop] {
        let mut graph = StateGraph::<Trace>::new("failing").on_failure(on_failure);
        // Under `Stop`, which of two failures counts is a matter of time.
        let n = if on_failure == OnFailure::Stop { 6 } else { 9 };
        for i in 0..n {
            let name = format!("n{i}");
            graph = graph.add_node(&name, fail).add_edge(START, name);
        }
        let text = same(graph).await;
        assert!(text.contains("node `n5` failed"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcribed_run_ends_like_any_other() {
    for graph in [fan_out(), looping(), sending()] {
        let graph = sound(graph);
        let run = graph.invoke(Trace::update().n(-1)).await.unwrap();
        let told = graph.invoke(Trace::update().n(-1)).transcript().await;
        let superstep::TranscriptOutcome::Done { state, .. } = &told.outcome else {
            panic!("it ends well");
        };
        assert_eq!(serde_json::to_value(&run.state).unwrap(), *state);
        assert_eq!(run.supersteps(), told.supersteps.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcribed_run_is_watched_like_any_other() {
    let graph = sound(fan_out());
    let seen = |transcribed: bool| {
        let (tells, told) = std::sync::mpsc::channel();
        let run = graph.invoke(Trace::update());
        let run = run.watch(move |event: &Event<Trace>| tells.send(event.kind.name()).unwrap());
        async move {
            let transcript = match transcribed {
                true => run.transcript().await.to_string(),
                false => run.await.map(|_| String::new()).unwrap(),
            };
            let mut seen: Vec<_> = told.iter().collect();
            seen.sort_unstable();
            (seen, transcript)
        }
    };
    let ((seen_by_it, transcript), (expected, _)) = (seen(true).await, seen(false).await);
    assert_eq!(seen_by_it, expected);
    let unwatched = graph.invoke(Trace::update()).transcript().await;
    assert_eq!(transcript, unwatched.to_string());
}

#[tokio::test]
async fn a_transcript_shows_what_was_before_a_watcher_panicked() {
    let graph = sound(marks(["a", "b"]).add_edge(START, "a").add_edge("a", "b"));
    let watcher = |event: &Event<Trace>| assert!(event.superstep() < 2, "that is enough");
    let run = graph.invoke(Trace::update()).watch(watcher);
    let transcript = run.transcript().await;
    assert_eq!(transcript.supersteps[0].tasks[0].task, "a");
    let told = transcript.to_string();
    let why = "a watcher panicked at `superstep_started` in superstep 2: that is enough";
    assert!(told.contains(why), "{told}");
}

#[tokio::test]
async fn what_a_drained_run_left_is_not_done() {
    let control = RunControl::new();
    let drains = control.clone();
    let graph = marks(["a", "b"])
        .add_node("drain", move |_: View<Trace>| {
            drains.drain();
            async {}
        })
        .add_edge(START, "a")
        .add_edge("a", "drain")
        .add_edge("drain", "b");
    let run = sound(graph).invoke(Trace::update()).control(&control);
    let told = run.transcript().await;
    let text = told.to_string();
    let end = "\ndrained after 2 supersteps\nstate\n  log: [\"a\"]\n  n: 0\n  sum: 0\n";
    assert!(text.ends_with(end), "{text}");
    let data = serde_json::to_value(&told.outcome).unwrap();
    assert_eq!(data["status"], "drained");
    assert_eq!(data["state"]["log"][0], "a");
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Hashed {
    #[reduce(Merge)]
    tags: HashSet<String>,
    #[reduce(Merge)]
    counts: HashMap<String, u32>,
    #[reduce(Append)]
    deep: Vec<Option<HashMap<String, HashSet<String>>>>,
}

#[tokio::test]
async fn the_order_of_hash_maps_and_sets_does_not_show() {
    let words = || (0..20).map(|i| format!("w{i}"));
    let tags = move |_: View<Hashed>| async move {
        Hashed::update()
            .tags(words().collect::<HashSet<_>>())
            .tags(words().map(|word| word + "!").collect::<HashSet<_>>())
            .counts(words().zip(0..).collect::<HashMap<_, _>>())
            .deep([None, Some([("z".to_owned(), words().collect())].into())])
    };
    let other = move |_: View<Hashed>| async move {
        Hashed::update().overwrite_tags(words().collect::<HashSet<_>>())
    };
    let graph = StateGraph::<Hashed>::new("hashed")
        .add_node("a", tags)
        .add_node("b", other)
        .add_edge(START, "a")
        .add_edge("a", "b");
    let graph = sound(graph);
    let input = || Hashed::update().tags(words().collect::<HashSet<_>>());
    let first = graph.invoke(input()).transcript().await.to_string();
    for _ in 0..10 {
        let again = graph.invoke(input()).transcript().await;
        assert_eq!(again.to_string(), first);
    }
}

/// The transcript of a run that sends this value, made again and again: each
/// time of another hash set.
async fn sent<T: superstep::Data>(input: impl Fn() -> T + Send + Sync + 'static) -> String {
    let worker = Worker::<T>::new("work");
    let graph = marks([])
        .add_worker(worker, async |_: T| {})
        .add_conditional_edges(START, move |_: &Trace| worker.send(input()), worker);
    let graph = sound(graph);
    let first = graph.invoke(Trace::update()).transcript().await.to_string();
    for _ in 0..10 {
        let again = graph.invoke(Trace::update()).transcript().await;
        assert_eq!(again.to_string(), first);
    }
    first
}

#[tokio::test]
async fn the_order_of_what_is_sent_does_not_show() {
    let numbers = || (0..20_u32).rev().collect::<HashSet<_>>();
    sent(numbers).await;
    sent(move || vec![Some(numbers())]).await;
    sent(move || HashMap::from([("a".to_owned(), numbers())])).await;
    let text = sent(move || (numbers(), [Box::new(numbers())], 7, vec![3, 1, 2])).await;
    assert!(text.contains(",[[0,1,10,"), "{text}");
    assert!(text.contains(",7,[3,1,2]]"), "{text}");
}

#[tokio::test]
async fn questions_and_what_goes_on_after_them() {
    let graph = StateGraph::new("order")
        .add_node("ask", async |_: View<Trace>, ctx: Ctx| {
            let answer: String = ctx.interrupt("sure", serde_json::json!({ "total": 900 }))?;
            Ok::<_, superstep::NodeError>(Trace::update().log(answer))
        })
        .add_node("price", async |_: View<Trace>| Trace::update().n(900))
        .add_node("ship", mark)
        .add_edge(START, ["ask", "price"])
        .add_edge(["ask", "price"], "ship")
        .checkpointer(superstep::MemoryCheckpointer::new())
        .compile()
        .unwrap();
    let asked = graph.invoke(Trace::update()).thread("t").transcript().await;
    let resumed = graph.resume("yes").thread("t").transcript().await;
    let again = graph.proceed().thread("t").transcript().await;
    insta::assert_snapshot!(format!("{asked}\n{resumed}\n{again}"));
}
