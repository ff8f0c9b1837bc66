//! Policies that nodes have unless they set their own.

use std::future::pending;
use std::time::Duration;

use superstep::NodeBuilder;
use superstep::prelude::*;
use tokio::time::{Instant, sleep};

use super::{Attempts, attempts};
use crate::common::{Alive, Trace, TraceUpdate, chain, oops, sound, within_a_day};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Attempts at fixed waits.
fn tries(n: u32) -> Retry {
    Retry::attempts(n).delay(seconds(1)).factor(1.0)
}

async fn fails(ctx: Ctx<Attempts>) -> NodeResult<TraceUpdate> {
    ctx.note();
    Err(oops())
}

/// When the attempts began of a node that always fails, in a graph whose nodes
/// are tried three times.
async fn began(
    builder: impl FnOnce(StateGraph<Trace, Attempts>) -> StateGraph<Trace, Attempts>,
) -> Vec<f64> {
    let graph = StateGraph::new("defaults").node_defaults(|node| node.retry(tries(3)));
    attempts(builder(graph).add_edge(START, "a")).await.1
}

#[tokio::test(start_paused = true)]
async fn a_node_without_a_policy_of_its_own_has_the_defaults() {
    assert_eq!(
        began(|graph| graph.add_node("a", fails)).await,
        [0.0, 1.0, 2.0]
    );
    // Another policy of its own does not put it out.
    let timed = began(|graph| graph.add_node("a", node(fails).timeout(seconds(9))));
    assert_eq!(timed.await, [0.0, 1.0, 2.0]);
    let own = began(|graph| graph.add_node("a", node(fails).retry(tries(2))));
    assert_eq!(own.await, [0.0, 1.0]);
    let none = began(|graph| graph.add_node("a", node(fails).retry(Retry::attempts(1))));
    assert_eq!(none.await, [0.0]);
}

#[tokio::test(start_paused = true)]
async fn defaults_are_for_nodes_and_workers_added_before_and_after_and_add_up() {
    const WORK: Worker<u8> = Worker::new("work");
    let work = async |_: u8, ctx: Ctx<Attempts>| fails(ctx).await;
    for late in [false, true] {
        let mut graph = StateGraph::<Trace, Attempts>::new("defaults");
        if !late {
            graph = graph.node_defaults(|node| node.retry(tries(9)).timeout(seconds(60)));
        }
        graph = graph.add_worker(WORK, work).add_conditional_edges(
            START,
            |_: &Trace| WORK.send(7),
            [WORK],
        );
        if late {
            graph = graph.node_defaults(|node| node.retry(tries(9)).timeout(seconds(60)));
        }
        let graph = graph.node_defaults(|node| node.retry(tries(2)));
        assert_eq!(attempts(graph).await.1, [0.0, 1.0], "late: {late}");
    }
}

/// How a node that never ends does end, and after how many seconds, where by
/// default nodes have 10 s in all, and 5 s between signs of life.
async fn ends<F>(policies: impl FnOnce(NodeBuilder<Hang>) -> NodeBuilder<F>) -> (String, f64)
where
    F: Fn(View<Trace>) -> std::future::Pending<()> + Send + Sync + 'static,
{
    let graph = StateGraph::<Trace>::new("defaults")
        .add_node("a", policies(node(|_| pending())))
        .add_edge(START, "a")
        .node_defaults(|node| node.timeout(seconds(10)).idle_timeout(seconds(5)));
    let begin = Instant::now();
    let run = tokio::time::timeout(seconds(999), sound(graph).invoke(Trace::update())).await;
    let error = match run {
        Ok(run) => chain(&run.expect_err("it never succeeds")).swap_remove(1),
        Err(_) => "never".to_owned(),
    };
    (error, begin.elapsed().as_secs_f64())
}

type Hang = fn(View<Trace>) -> std::future::Pending<()>;

#[tokio::test(start_paused = true)]
async fn the_longest_duration_is_the_way_out_of_a_default_timeout() {
    let (error, after) = ends(|node| node).await;
    assert!(error.contains("idle timeout of 5s"), "{error}");
    assert_eq!(after, 5.0);
    let (error, after) = ends(|node| node.idle_timeout(Duration::MAX)).await;
    assert!(error.contains("its timeout of 10s"), "{error}");
    assert_eq!(after, 10.0);
    let (error, after) = ends(|node| node.timeout(seconds(3))).await;
    assert!(error.contains("its timeout of 3s"), "{error}");
    assert_eq!(after, 3.0);
    let (error, _) = ends(|node| node.idle_timeout(Duration::MAX).timeout(Duration::MAX)).await;
    assert_eq!(error, "never");
}

#[tokio::test(start_paused = true)]
async fn by_default_only_idempotent_nodes_are_hedged() {
    let body = async |ctx: Ctx<Alive>| {
        let _guard = ctx.enter();
        sleep(seconds(9)).await;
    };
    for (policed, calls) in [
        (node(body), 1),
        (node(body).idempotent(), 2),
        (node(body).idempotent().hedge(Duration::MAX), 1),
    ] {
        let graph = StateGraph::<Trace, Alive>::new("defaults")
            .node_defaults(|node| node.hedge(seconds(5)))
            .add_node("a", policed)
            .add_edge(START, "a");
        let alive = Alive::default();
        let run = sound(graph).invoke(Trace::update()).context(alive.clone());
        within_a_day(run).await.unwrap();
        assert_eq!(alive.ever(), calls);
    }
}
