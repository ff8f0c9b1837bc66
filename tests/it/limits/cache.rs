//! Tasks that need not run, since it is known what they come to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use superstep::prelude::*;
use superstep::{
    Cache, CacheError, CachePolicy, Graph, Limiter, MemoryCheckpointer, OnFailure, SendTo, Status,
};
use tokio::time::sleep;

use super::{Log, send};
use crate::common::{Trace, TraceUpdate, chain, oops, ran, sound, within_a_day};

const WORK: Worker<u32> = Worker::new("work");

/// A cache that can be looked into, and made to fail.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Inside>);

#[derive(Default)]
struct Inside {
    kept: Mutex<BTreeMap<String, String>>,
    /// From then on, calls fail; by a panic if it is odd.
    broken: AtomicU32,
}

impl Shelf {
    fn call(&self) -> Result<(), CacheError> {
        match self.0.broken.load(Ordering::SeqCst) {
            0 => Ok(()),
            n if n % 2 == 0 => Err(CacheError::store("the shelf has fallen")),
            _ => panic!("the shelf has fallen"),
        }
    }

    fn breaks(&self, how: u32) {
        self.0.broken.store(how, Ordering::SeqCst);
    }

    pub(super) fn kept(&self) -> Vec<(String, String)> {
        let kept = self.0.kept.lock().expect("nobody panics here");
        kept.clone().into_iter().collect()
    }

    fn corrupt(&self, json: &str) {
        let mut kept = self.0.kept.lock().expect("nobody panics here");
        kept.values_mut().for_each(|kept| *kept = json.to_owned());
    }
}

impl Cache for Shelf {
    async fn get(&self, namespace: &str, key: &str) -> Result<Option<String>, CacheError> {
        tokio::task::yield_now().await;
        self.call()?;
        let kept = self.0.kept.lock().expect("nobody panics here");
        Ok(kept.get(&format!("{namespace} {key}")).cloned())
    }

    async fn put(
        &self,
        namespace: &str,
        key: &str,
        json: String,
        _: Option<Duration>,
    ) -> Result<(), CacheError> {
        tokio::task::yield_now().await;
        self.call()?;
        let mut kept = self.0.kept.lock().expect("nobody panics here");
        kept.insert(format!("{namespace} {key}"), json);
        Ok(())
    }

    async fn clear(&self, namespace: &str) -> Result<(), CacheError> {
        self.call()?;
        let mut kept = self.0.kept.lock().expect("nobody panics here");
        kept.retain(|place, _| !place.starts_with(&format!("{namespace} ")));
        Ok(())
    }
}

pub(crate) fn by_n() -> CachePolicy<Trace> {
    CachePolicy::new(|state: &Trace| state.n)
}

fn by_value() -> CachePolicy<u32> {
    CachePolicy::new(|number: &u32| *number)
}

async fn double(state: View<Trace>, ctx: Ctx<Log>) -> TraceUpdate {
    ctx.note(state.n);
    Trace::update().sum(state.n.unsigned_abs() * 2)
}

pub(crate) fn doubling(policy: CachePolicy<Trace>) -> StateGraph<Trace, Log> {
    StateGraph::new("graph")
        .add_node("double", node(double).cache(policy))
        .add_node("next", async |_: View<Trace>| Trace::update().log("next"))
        .add_edge(START, "double")
        .add_edge("double", "next")
}

pub(super) async fn sum(graph: &Graph<Trace, Log>, n: i64, log: &Log) -> u64 {
    let run = graph.invoke(Trace::update().n(n)).context(log.clone());
    let run = within_a_day(run).await.expect("the run ends well");
    assert_eq!(ran(&run), "double | next");
    run.state.sum
}

pub(super) fn stats<C: Send + Sync + 'static>(graph: &Graph<Trace, C>) -> [u64; 3] {
    let stats = graph.cache_stats();
    [stats.hits, stats.misses, stats.failures]
}

#[tokio::test(start_paused = true)]
async fn what_is_known_does_not_run_again_and_its_edges_are_followed() {
    let shelf = Shelf::default();
    let (graph, log) = (sound(doubling(by_n()).cache(shelf.clone())), Log::new());
    for n in [1, 2, 1, 1, 2] {
        assert_eq!(sum(&graph, n, &log).await, 2 * u64::try_from(n).unwrap());
    }
    assert_eq!(log.text(), "0 1, 0 2");
    assert_eq!(stats(&graph), [3, 2, 0]);
    let kept = |n: u32| {
        let place = format!("graph/double [\"\",{n}]");
        (
            place,
            format!(r#"{{"attempts":1,"update":{{"sum":{}}}}}"#, n * 2),
        )
    };
    assert_eq!(shelf.kept(), [kept(1), kept(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_transcript_says_what_was_cached() {
    let (graph, log) = (sound(doubling(by_n()).cache(Shelf::default())), Log::new());
    for cached in [false, true] {
        let run = graph.invoke(Trace::update().n(3)).context(log.clone());
        let transcript = run.transcript().await;
        let task = &transcript.supersteps[0].tasks[0];
        assert_eq!((task.cached, task.attempts), (cached, u32::from(!cached)));
        let text = "  double\n    cached\n    writes {\"sum\":6}\n    -> next\n";
        assert_eq!(transcript.to_string().contains(text), cached);
        let json = serde_json::to_value(&transcript.supersteps[0].tasks[0]).unwrap();
        assert_eq!(json.get("cached").is_some(), cached);
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_task_went_is_gone_to_again() {
    let choose = async |state: View<Trace>, ctx: Ctx<Log>| {
        ctx.note("chose");
        Command::update(Trace::update().n(state.n + 1))
            .goto("a")
            .send([WORK.send(7), WORK.send(8)])
    };
    let note = async |ctx: Ctx<Log>| ctx.note(ctx.node());
    let graph = StateGraph::<Trace, Log>::new("graph")
        .add_node(
            "choose",
            node(choose).cache(by_n()).destinations(["a", "work"]),
        )
        .add_node("a", note)
        .add_worker(WORK, async |number: u32, ctx: Ctx<Log>| ctx.note(number))
        .add_edge(START, "choose")
        .cache(Shelf::default());
    let (graph, log) = (sound(graph), Log::new());
    for _ in 0..2 {
        let run = graph.invoke(Trace::update()).context(log.clone());
        assert_eq!(ran(&run.await.unwrap()), "choose | a work work");
    }
    assert_eq!(log.text(), "0 chose, 0 a, 0 7, 0 8, 0 a, 0 7, 0 8");
}

async fn slow(number: u32, ctx: Ctx<Log>) -> TraceUpdate {
    ctx.note(number);
    sleep(Duration::from_secs(1)).await;
    Trace::update()
        .sum(u64::from(number))
        .log(ctx.task().to_string())
}

fn equal_sends(policies: impl Fn() -> CachePolicy<u32>) -> StateGraph<Trace, Log> {
    let numbers = |_: &Trace| [4, 5, 4, 4].map(|number| WORK.send(number)).to_vec();
    StateGraph::new("equal")
        .add_worker(WORK, node(slow).cache(policies()))
        .add_conditional_edges(START, numbers, [WORK])
}

#[tokio::test(start_paused = true)]
async fn of_equal_tasks_one_runs_and_the_others_get_what_it_comes_to() {
    let (graph, log) = (
        sound(equal_sends(by_value).cache(Shelf::default())),
        Log::new(),
    );
    let run = || within_a_day(graph.invoke(Trace::update()).context(log.clone()));
    let (one, two) = tokio::join!(run(), run());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.state.sum, two.state.sum), (17, 17));
    // Written as it was written first, by the task that ran.
    assert_eq!(one.state.log, ["work/0", "work/1", "work/0", "work/0"]);
    assert_eq!(log.text(), "0 4, 0 5");
    assert_eq!(stats(&graph), [6, 2, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_equal_tasks_one_runs_on_several_threads() {
    let many = |_: &Trace| (0..400).map(|n| WORK.send(n % 8)).collect::<Vec<SendTo>>();
    let body = async |number: u32, ctx: Ctx<Log>| {
        ctx.note(number);
        tokio::task::yield_now().await;
    };
    let graph = StateGraph::<Trace, Log>::new("many")
        .add_worker(WORK, node(body).cache(by_value()))
        .add_conditional_edges(START, many, [WORK])
        .cache(Shelf::default());
    let (graph, log) = (sound(graph), Log::new());
    let run = graph.invoke(Trace::update()).context(log.clone());
    within_a_day(run).await.unwrap();
    assert_eq!(log.seconds().len(), 8);
    assert_eq!(stats(&graph), [392, 8, 0]);
}

#[tokio::test(start_paused = true)]
async fn when_who_runs_fails_the_next_one_does() {
    let body = async |number: u32, ctx: Ctx<Log>| {
        ctx.note(ctx.task());
        sleep(Duration::from_secs(1)).await;
        match ctx.task().send {
            Some(0) => Err(oops()),
            _ => Ok(Trace::update().sum(u64::from(number))),
        }
    };
    let shelf = Shelf::default();
    let graph = StateGraph::<Trace, Log>::new("failing")
        .add_worker(WORK, node(body).cache(CachePolicy::new(|_: &u32| "same")))
        .add_conditional_edges(START, send(WORK, 3), [WORK])
        .on_failure(OnFailure::Finish)
        .cache(shelf.clone());
    let (graph, log) = (sound(graph), Log::new());
    let run = graph.invoke(Trace::update()).context(log.clone());
    let error = within_a_day(run).await.unwrap_err();
    assert_eq!(chain(&error)[1..], ["oops"]);
    assert_eq!(log.text(), "0 work/0, 1 work/1");
    assert_eq!(shelf.kept().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hit_takes_no_slot_and_waits_for_nobody() {
    let limiter = Limiter::new().max_concurrency(1);
    let policies = node(slow)
        .cache(by_value())
        .limiter(&limiter)
        .max_concurrency(1);
    let hog = async |_: u32| sleep(Duration::from_secs(1000)).await;
    const HOG: Worker<u32> = Worker::new("hog");
    let graph = StateGraph::<Trace, Log>::new("free")
        .add_worker(WORK, policies)
        .add_worker(HOG, node(hog).limiter(&limiter))
        .add_conditional_edges(
            START,
            |state: &Trace| match state.n {
                0 => WORK.send(1),
                _ => HOG.send(0),
            },
            [WORK, HOG],
        )
        .max_concurrency(1)
        .cache(Shelf::default());
    let (graph, log) = (sound(graph), Log::new());
    let run = |n| graph.invoke(Trace::update().n(n)).context(log.clone());
    run(0).await.unwrap();
    let hit = async {
        tokio::task::yield_now().await;
        tokio::time::timeout(Duration::from_secs(1), run(0)).await
    };
    let (hog, hit) = tokio::join!(run(1), hit);
    assert_eq!(hit.expect("it is quick").unwrap().state.sum, 1);
    assert!(hog.is_ok());
}

#[tokio::test(start_paused = true)]
async fn failures_are_not_kept() {
    let body = async |ctx: Ctx<Log>| {
        ctx.note(ctx.attempt());
        Err::<(), _>(oops())
    };
    let shelf = Shelf::default();
    let retry = Retry::attempts(2).delay(Duration::ZERO);
    let graph = StateGraph::<Trace, Log>::new("failing")
        .add_node("a", node(body).cache(by_n()).retry(retry))
        .add_edge(START, "a")
        .cache(shelf.clone());
    let (graph, log) = (sound(graph), Log::new());
    for _ in 0..2 {
        let run = graph.invoke(Trace::update()).context(log.clone());
        assert!(run.await.is_err());
    }
    assert_eq!(log.text(), "0 1, 0 2, 0 1, 0 2");
    assert!(shelf.kept().is_empty());
}

#[tokio::test(start_paused = true)]
async fn questions_and_what_their_answers_led_to_are_not_kept() {
    let ask = async |ctx: Ctx| {
        let answer: u64 = ctx.interrupt("how many", ())?;
        NodeResult::Ok(Trace::update().sum(answer))
    };
    let shelf = Shelf::default();
    let graph = StateGraph::<Trace>::new("asking")
        .add_node("ask", node(ask).cache(by_n()))
        .add_edge(START, "ask")
        .checkpointer(MemoryCheckpointer::new())
        .cache(shelf.clone());
    let graph = sound(graph);
    for (thread, answer) in [("one", 1_u64), ("two", 2)] {
        let run = graph.invoke(Trace::update()).thread(thread).await.unwrap();
        assert_eq!(run.status, Status::Interrupted);
        let run = graph.resume(answer).thread(thread).await.unwrap();
        assert_eq!(run.state.sum, answer);
    }
    assert!(shelf.kept().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_although_somebody_else_has_left_a_result_meanwhile() {
    let ask = async |ctx: Ctx<Mutex<bool>>| {
        let asks = *ctx.lock().expect("nobody panics here");
        let sum = if asks {
            ctx.interrupt("how many", ())?
        } else {
            7
        };
        NodeResult::Ok(Trace::update().sum(sum))
    };
    let graph = StateGraph::<Trace, Mutex<bool>>::new("asking")
        .add_node("ask", node(ask).cache(by_n()))
        .add_edge(START, "ask")
        .checkpointer(MemoryCheckpointer::new())
        .cache(Shelf::default());
    let graph = sound(graph);
    let asks = |asks| Arc::new(Mutex::new(asks));
    let run = graph
        .invoke(Trace::update())
        .context(asks(true))
        .thread("a");
    assert_eq!(run.await.unwrap().status, Status::Interrupted);
    let run = graph
        .invoke(Trace::update())
        .context(asks(false))
        .thread("b");
    assert_eq!(run.await.unwrap().state.sum, 7);
    let run = graph.resume(3).context(asks(true)).thread("a");
    assert_eq!(run.await.unwrap().state.sum, 3);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_fails_or_panics_fails_no_task() {
    for how in [2, 1] {
        let shelf = Shelf::default();
        let (graph, log) = (sound(doubling(by_n()).cache(shelf.clone())), Log::new());
        assert_eq!(sum(&graph, 1, &log).await, 2);
        shelf.breaks(how);
        assert_eq!(sum(&graph, 1, &log).await, 2);
        assert_eq!(log.text(), "0 1, 0 1");
        assert_eq!(stats(&graph), [0, 1, 2]); // neither read nor written
        shelf.breaks(0);
        assert_eq!(sum(&graph, 1, &log).await, 2);
        assert_eq!(stats(&graph), [1, 1, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_or_leads_nowhere_is_made_anew() {
    for json in [
        "",
        "{}",
        r#"{"attempts":1,"update":{"total":2}}"#,
        r#"{"attempts":1,"goto":[{"to":"gone"}]}"#,
        r#"{"attempts":1,"goto":[{"to":"next","input":3}]}"#,
    ] {
        let shelf = Shelf::default();
        let (graph, log) = (sound(doubling(by_n()).cache(shelf.clone())), Log::new());
        assert_eq!(sum(&graph, 1, &log).await, 2);
        shelf.corrupt(json);
        assert_eq!(sum(&graph, 1, &log).await, 2, "{json}");
        assert_eq!(stats(&graph), [0, 1, 1], "{json}");
        assert_eq!(sum(&graph, 1, &log).await, 2);
        assert_eq!(stats(&graph), [1, 1, 1], "{json}");
    }
}

#[derive(State, Clone, Debug, Default, Serialize, Deserialize)]
struct Ratio {
    n: f64,
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_again_is_not_kept() {
    let shelf = Shelf::default();
    let graph = StateGraph::<Ratio>::new("ratio")
        .add_node(
            "divide",
            node(async |_: View<Ratio>| Ratio::update().n(f64::NAN))
                .cache(CachePolicy::new(|_: &Ratio| ())),
        )
        .add_edge(START, "divide")
        .cache(shelf.clone());
    let graph = sound(graph);
    assert!(
        graph
            .invoke(Ratio::update())
            .await
            .unwrap()
            .state
            .n
            .is_nan()
    );
    assert!(shelf.kept().is_empty());
    assert_eq!(graph.cache_stats().failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_made_fails_its_task() {
    let unwritable = CachePolicy::new(|_: &Trace| BTreeMap::from([((1, 2), 3)]));
    let panicking = CachePolicy::new(|state: &Trace| {
        assert!(state.n > 0, "there is nothing");
    });
    for (policy, why) in [
        (unwritable, "the key of its cache cannot be written as JSON"),
        (panicking, "it panicked: there is nothing"),
    ] {
        let graph = sound(doubling(policy).cache(Shelf::default()));
        let run = graph.invoke(Trace::update()).context(Log::new());
        let error = run.await.unwrap_err();
        assert_eq!(
            chain(&error)[..2],
            ["node `double` failed in superstep 1, attempt 1", why]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn graphs_nodes_and_versions_do_not_get_in_each_others_way() {
    let (shelf, log) = (Shelf::default(), Log::new());
    let graph = |version: &str| sound(doubling(by_n().version(version)).cache(shelf.clone()));
    for version in ["1", "2", "1"] {
        assert_eq!(sum(&graph(version), 5, &log).await, 10);
    }
    assert_eq!(log.text(), "0 5, 0 5");
    let other = StateGraph::<Trace, Log>::new("other")
        .add_node("double", node(double).cache(by_n().version("1")))
        .add_node("triple", node(double).cache(by_n().version("1")))
        .add_edge(START, ["double", "triple"])
        .cache(shelf.clone());
    let run = sound(other)
        .invoke(Trace::update().n(5))
        .context(log.clone());
    assert_eq!(run.await.unwrap().state.sum, 20);
    assert_eq!(log.text(), "0 5, 0 5, 0 5, 0 5");
}

#[tokio::test(start_paused = true)]
async fn a_node_can_be_forgotten() {
    let (shelf, log) = (Shelf::default(), Log::new());
    let graph = sound(doubling(by_n()).cache(shelf.clone()));
    assert_eq!(sum(&graph, 1, &log).await, 2);
    graph.clear_cache("next").await.unwrap();
    assert_eq!(shelf.kept().len(), 1);
    graph.clear_cache("double").await.unwrap();
    assert!(shelf.kept().is_empty());
    let error = graph.clear_cache("dubble").await.unwrap_err();
    assert_eq!(error.to_string(), "`dubble` is not a node of this graph");
    shelf.breaks(2);
    let error = graph.clear_cache("double").await.unwrap_err();
    assert_eq!(chain(&error), ["the cache failed", "the shelf has fallen"]);
    let without = StateGraph::<Trace>::new("without")
        .add_node("a", async |_: View<Trace>| {})
        .add_edge(START, "a");
    let without = sound(without);
    let error = without.clear_cache("a").await.unwrap_err();
    assert_eq!(error.to_string(), "the graph has no cache");
    assert_eq!(stats(&without), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn on_a_thread_a_hit_is_a_result_like_others() {
    let fail_once = async |ctx: Ctx<Log>| {
        sleep(Duration::from_secs(1)).await;
        ctx.note("tried");
        if ctx.text().matches("tried").count() == 1 {
            Err(oops())
        } else {
            Ok(())
        }
    };
    let shelf = Shelf::default();
    let graph = doubling(by_n())
        .add_node("flaky", fail_once)
        .add_conditional_edges(
            START,
            |state: &Trace| (state.n == 4).then_some("flaky"),
            ["flaky"],
        )
        .checkpointer(MemoryCheckpointer::new())
        .cache(shelf.clone());
    let (graph, log) = (sound(graph), Log::new());
    let warm = graph
        .invoke(Trace::update().n(3))
        .context(log.clone())
        .thread("warm");
    warm.await.unwrap();
    shelf.corrupt(r#"{"attempts":1,"update":{"sum":100}}"#);
    // Under another key, with what the other one came to.
    let place = (
        "graph/double [\"\",4]".to_owned(),
        shelf.kept()[0].1.clone(),
    );
    shelf.0.kept.lock().unwrap().insert(place.0, place.1);
    let run = graph
        .invoke(Trace::update().n(4))
        .context(log.clone())
        .thread("a");
    assert!(run.await.is_err());
    // What was cached is the thread's own by now.
    shelf.breaks(2);
    let run = graph
        .proceed()
        .context(log.clone())
        .thread("a")
        .transcript()
        .await;
    let tasks = &run.supersteps[0].tasks;
    assert_eq!((tasks[0].cached, tasks[1].cached), (true, false));
    let state = graph.thread("a").state().await.unwrap().values;
    assert_eq!(state.sum, 100);
}

#[test]
fn keys_are_the_same_text_whatever_the_order_of_entries() {
    #[derive(Serialize)]
    struct Query<'q> {
        topic: &'q str,
        depth: u32,
    }
    let policy =
        CachePolicy::new(|topic: &String| serde_json::to_value(Query { topic, depth: 2 }).unwrap());
    let key = policy
        .clone()
        .version("v1")
        .key(&"a\"b".to_owned())
        .unwrap();
    assert_eq!(key, r#"["v1",{"depth":2,"topic":"a\"b"}]"#);
    assert_eq!(
        format!("{policy:?}"),
        r#"CachePolicy { version: "", ttl: None, .. }"#
    );
}

#[test]
fn a_cache_policy_without_a_cache_is_found() {
    let graph = doubling(by_n());
    let error = graph.compile().unwrap_err();
    let [found] = error.diagnostics() else {
        panic!("{error}");
    };
    assert_eq!(found.code(), "cache-without-store");
    let message = "`double` keeps its results in the graph's cache, and the graph has none";
    assert_eq!(found.message(), message);
    assert!(found.location().file().ends_with("cache.rs"));
}
