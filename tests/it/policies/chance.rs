//! Waits that are longer or shorter by chance.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use superstep::prelude::*;
use superstep::{Graph, NodeError};

use super::Attempts;
use crate::common::{Trace, sound};

/// A graph of nodes that fail nine times each.
fn failing<const N: usize>(names: [&str; N], retry: &Retry) -> Graph<Trace, Attempts> {
    let body = async |ctx: Ctx<Attempts>| {
        ctx.note();
        Err::<(), _>(NodeError::msg("busy"))
    };
    let graph = StateGraph::<Trace, Attempts>::new("failing");
    sound(names.into_iter().fold(graph, |graph, name| {
        let node = node(body).retry(retry.clone());
        graph.add_node(name, node).add_edge(START, name)
    }))
}

/// The waits of a run, in milliseconds.
async fn waits(graph: &Graph<Trace, Attempts>, seed: Option<u64>) -> Vec<u64> {
    let attempts = Arc::new(Attempts::new());
    let mut run = graph.invoke(Trace::update()).context(Arc::clone(&attempts));
    if let Some(seed) = seed {
        run = run.seed(seed);
    }
    assert!(run.await.is_err());
    let seconds = attempts.seconds();
    let waits = seconds.windows(2).map(|two| (two[1] - two[0]) * 1e3);
    waits.map(|wait| wait.round() as u64).collect()
}

fn second() -> Retry {
    Retry::attempts(9).delay(Duration::from_secs(1)).factor(1.0)
}

#[tokio::test(start_paused = true)]
async fn jitter_makes_waits_longer_and_shorter_within_its_fraction() {
    let graph = failing(["a"], &second().jitter(0.25));
    let mut all = Vec::new();
    for seed in 0..50 {
        all.extend(waits(&graph, Some(seed)).await);
    }
    assert_eq!(all.len(), 400);
    assert!(
        all.iter().all(|wait| (750..=1250).contains(wait)),
        "{all:?}"
    );
    // Both ends are come near to, and no part is left out.
    let parts: BTreeSet<u64> = all.iter().map(|wait| (wait - 750) / 50).collect();
    assert!((0..10).all(|part| parts.contains(&part)), "{parts:?}");
    let mean = all.iter().sum::<u64>() / 400;
    assert!((980..=1020).contains(&mean), "{mean}");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_waits_the_same_and_another_does_not() {
    let graph = failing(["a"], &second().jitter(1.0));
    let first = waits(&graph, Some(11)).await;
    assert_eq!(waits(&graph, Some(11)).await, first);
    assert_ne!(waits(&graph, Some(12)).await, first);
    let each_once: BTreeSet<_> = first.iter().collect();
    assert_eq!(
        each_once.len(),
        8,
        "each attempt draws for itself: {first:?}"
    );
    // Of another name, or in another superstep, it is another draw.
    assert_ne!(
        waits(&failing(["b"], &second().jitter(1.0)), Some(11)).await,
        first
    );
}

#[tokio::test(start_paused = true)]
async fn runs_without_a_seed_do_not_wait_in_step() {
    let graph = failing(["a"], &second().jitter(1.0));
    let first = waits(&graph, None).await;
    assert_ne!(waits(&graph, None).await, first);
}

#[tokio::test(start_paused = true)]
async fn tasks_of_one_superstep_do_not_wait_in_step() {
    let retry = Retry::attempts(2).delay(Duration::from_secs(9)).jitter(1.0);
    let again = crowd(4, retry, || "busy".into()).await;
    let each_once: BTreeSet<_> = again.iter().collect();
    assert_eq!(each_once.len(), 4, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn those_who_are_told_the_same_wait_as_long_and_do_not_come_back_at_once() {
    let told = || NodeError::retry_after("busy", Duration::from_secs(30));
    let retry = Retry::attempts(2);
    let exact = crowd(100, retry.clone(), told).await;
    assert_eq!(exact, [30_000; 100]);

    let spread = crowd(100, retry.clone().jitter(0.2), told).await;
    let range = 30_000..=36_000;
    assert!(spread.iter().all(|ms| range.contains(ms)), "{spread:?}");
    // They come in each second of it.
    let parts: BTreeSet<u64> = spread.iter().map(|ms| ms / 1000).collect();
    assert!((30..36).all(|part| parts.contains(&part)), "{spread:?}");
    let again = crowd(100, retry.clone().jitter(0.2), told).await;
    assert_eq!(again, spread, "the seed is the same");

    let longest = Duration::from_secs(31);
    let bounded = crowd(100, retry.jitter(0.2).max_retry_after(longest), told).await;
    let range = 30_000..=31_000;
    assert!(bounded.iter().all(|ms| range.contains(ms)), "{bounded:?}");
}

/// When the second attempts of so many tasks begin that fail at once, in milliseconds.
async fn crowd(n: u8, retry: Retry, fail: fn() -> NodeError) -> Vec<u64> {
    const WORK: Worker<u8> = Worker::new("work");
    let body = move |_: u8, ctx: Ctx<Attempts>| async move {
        ctx.note();
        Err::<(), _>(fail())
    };
    let graph = StateGraph::<Trace, Attempts>::new("crowd")
        .add_worker(WORK, node(body).retry(retry))
        .add_conditional_edges(
            START,
            move |_: &Trace| (0..n).map(|n| WORK.send(n)).collect::<Vec<_>>(),
            [WORK],
        )
        .on_failure(superstep::OnFailure::Finish);
    let attempts = Arc::new(Attempts::new());
    let run = sound(graph).invoke(Trace::update());
    let run = run.context(Arc::clone(&attempts)).seed(3).await;
    assert!(run.is_err());
    let again = attempts.seconds().split_off(n.into());
    again.iter().map(|s| (s * 1e3).round() as u64).collect()
}

#[tokio::test(start_paused = true)]
async fn jitter_stays_within_the_longest_wait_and_odd_fractions_count_as_the_nearest() {
    let retry = second().max_delay(Duration::from_secs(1));
    let waits_of =
        async |fraction| waits(&failing(["a"], &retry.clone().jitter(fraction)), Some(1)).await;
    let whole = waits_of(1.0).await;
    assert!(whole.iter().all(|&wait| wait <= 1000), "{whole:?}");
    assert!(whole.iter().any(|&wait| wait < 1000), "{whole:?}");
    assert_eq!(waits_of(7.0).await, whole);
    for none in [0.0, -1.0, f64::NAN] {
        assert_eq!(waits_of(none).await, [1000; 8], "{none}");
    }
    assert_eq!(
        retry.clone().jitter(1.0).delay_after(1),
        Duration::from_secs(1)
    );
    let longest = Retry::attempts(2)
        .delay(Duration::MAX)
        .max_delay(Duration::MAX)
        .jitter(1.0);
    assert_eq!(longest.delay_after(1), Duration::MAX);
}
