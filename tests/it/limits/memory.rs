//! The cache in memory.

use std::time::Duration;

use superstep::{Cache, MemoryCache};
use tokio::time::sleep;

use super::Log;
use super::cache::{by_n, doubling, stats, sum};
use crate::common::sound;

#[tokio::test(start_paused = true)]
async fn results_last_as_long_as_the_policy_says() {
    let policy = by_n().ttl(Duration::from_secs(60));
    let graph = sound(doubling(policy).cache(MemoryCache::new()));
    let log = Log::new();
    for seconds in [0, 59, 1, 60, 30] {
        sleep(Duration::from_secs(seconds)).await;
        sum(&graph, 1, &log).await;
    }
    assert_eq!(log.text(), "0 1, 60 1, 120 1");
    assert_eq!(stats(&graph), [2, 3, 0]);
}

#[tokio::test(start_paused = true)]
async fn clones_are_one_cache_and_a_namespace_is_cleared_alone() {
    let (cache, log) = (MemoryCache::default(), Log::new());
    let forever = by_n().ttl(Duration::MAX);
    let one = sound(doubling(forever.clone()).cache(cache.clone()));
    let two = sound(doubling(forever).cache(cache.clone()));
    assert_eq!((sum(&one, 1, &log).await, sum(&two, 1, &log).await), (2, 2));
    assert_eq!(log.text(), "0 1");
    cache
        .put("graph", "double", "1".into(), None)
        .await
        .unwrap();
    two.clear_cache("double").await.unwrap();
    assert_eq!(sum(&one, 1, &log).await, 2);
    assert_eq!(log.text(), "0 1, 0 1");
    let other = cache.get("graph", "double").await.unwrap();
    assert_eq!(other.as_deref(), Some("1"));
}

#[tokio::test]
async fn no_more_is_kept_than_there_is_room_for() {
    let cache = MemoryCache::max_bytes(10_000);
    for n in 0..1000 {
        let key = format!("{n:03}");
        cache
            .put("node", &key, "x".repeat(893), None)
            .await
            .unwrap();
        cache.get("node", "000").await.unwrap();
    }
    let mut kept = Vec::new();
    for n in 0..1000 {
        if cache
            .get("node", &format!("{n:03}"))
            .await
            .unwrap()
            .is_some()
        {
            kept.push(n);
        }
    }
    // What is asked for all the time stays, and the newest beside.
    assert_eq!(kept.first(), Some(&0), "{kept:?}");
    assert_eq!(kept.last(), Some(&999), "{kept:?}");
    assert!((5..=10).contains(&kept.len()), "{kept:?}");
    assert!(format!("{cache:?}").starts_with("MemoryCache { entries: "));
}
