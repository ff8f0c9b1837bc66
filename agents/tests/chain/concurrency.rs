//! One bound for all of a call, and nothing that outlives it.

use std::time::Duration;

use superstep::{Chain, map, parallel, passthrough};
use tokio::time::Instant;

use crate::common::{Gauge, scripted, seed};

/// Five branches, one of which has branches.
fn wide(gauge: &Gauge) -> Chain<u32, u32> {
    let sleep = || gauge.sleeper::<u32>(50);
    let inner = parallel! { d: sleep(), e: sleep() }.map(|both| both.d + both.e);
    let all = parallel! { a: sleep(), b: sleep(), c: sleep(), inner: inner };
    all.map(|all| all.a + all.b + all.c + all.inner)
}

#[tokio::test(start_paused = true)]
async fn without_a_bound_all_branches_are_at_work_at_once() {
    let gauge = Gauge::default();
    let begin = Instant::now();
    assert_eq!(wide(&gauge).invoke(1).await.expect("it ends"), 5);
    assert_eq!((gauge.most(), begin.elapsed().as_millis()), (5, 50));
}

#[tokio::test(start_paused = true)]
async fn the_bound_of_a_call_holds_for_all_that_is_inside() {
    for (bound, most, ms) in [(2, 2, 150), (1, 1, 250), (0, 1, 250)] {
        let gauge = Gauge::default();
        let begin = Instant::now();
        let call = wide(&gauge).invoke(1).max_concurrency(bound);
        assert_eq!(call.await.expect("it ends"), 5);
        assert_eq!((gauge.most(), begin.elapsed().as_millis()), (most, ms));
    }
}

#[tokio::test(start_paused = true)]
async fn the_bound_of_a_batch_holds_over_all_inputs() {
    let gauge = Gauge::default();
    let begin = Instant::now();
    let sums = wide(&gauge).batch(0..4).max_concurrency(2).await;
    assert_eq!(sums.expect("they end"), [0, 5, 10, 15]);
    assert_eq!((gauge.most(), begin.elapsed().as_millis()), (2, 500));
}

#[tokio::test(start_paused = true)]
async fn the_bound_holds_for_the_items_of_a_list() {
    let gauge = Gauge::default();
    let chain = parallel! { one: wide(&gauge).each(), two: gauge.sleeper::<Vec<u32>>(50) };
    let record = chain
        .invoke(vec![1, 2, 3])
        .max_concurrency(3)
        .await
        .expect("it ends");
    assert_eq!((record.one, record.two), (vec![5, 10, 15], vec![1, 2, 3]));
    assert_eq!(gauge.most(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_part_has_a_bound_of_its_own_inside_of_that_of_the_call() {
    let (all, few) = (Gauge::default(), Gauge::default());
    let both = || {
        let few = few.sleeper::<u32>(50).each().max_concurrency(2);
        parallel! { few: few, all: all.sleeper::<u32>(50).each() }
    };
    let begin = Instant::now();
    let record = both().invoke((0..6).collect()).await.expect("it ends");
    assert_eq!((record.few, record.all.len()), ((0..6).collect(), 6));
    assert_eq!(
        (few.most(), all.most(), begin.elapsed().as_millis()),
        (2, 6, 150)
    );

    // What waits for its turn in the part holds none of the call's.
    let gauge = Gauge::default();
    let sleep = || gauge.sleeper::<u32>(50);
    let part = parallel! { a: sleep(), b: sleep(), c: sleep() }.max_concurrency(1);
    let six = map(|n: u32| vec![n; 6]) | sleep().each();
    let begin = Instant::now();
    let call = parallel! { part: part, six: six }.invoke(1);
    call.max_concurrency(2).await.expect("it ends");
    assert_eq!((gauge.most(), begin.elapsed().as_millis()), (2, 250));
}

#[tokio::test(start_paused = true)]
async fn the_bound_of_a_chain_takes_the_place_of_100_in_its_calls() {
    for (chain, call, most) in [
        (150, None, 150),
        (0, None, 1),
        (150, Some(7), 7),
        (3, Some(7), 3),
    ] {
        let gauge = Gauge::default();
        let chain = gauge.sleeper::<u32>(50).each().max_concurrency(chain);
        let run = chain.invoke((0..200).collect());
        let run = match call {
            Some(call) => run.max_concurrency(call),
            None => run,
        };
        run.await.expect("it ends");
        assert_eq!(gauge.most(), most);
    }
    let gauge = Gauge::default();
    let batch = gauge.sleeper::<u32>(50).max_concurrency(120).batch(0..200);
    batch.await.expect("they end");
    assert_eq!(gauge.most(), 120);
    // As a part it raises nothing.
    let gauge = Gauge::default();
    let part = gauge.sleeper::<u32>(50).each().max_concurrency(150);
    let whole = part.map(|all| all.len());
    assert_eq!(
        whole.invoke((0..200).collect()).await.expect("it ends"),
        200
    );
    assert_eq!(gauge.most(), 100);
}

#[tokio::test(start_paused = true)]
async fn time_stands_still_that_is_waited_for_the_bound_of_a_part() {
    let gauge = Gauge::default();
    let quick = gauge.sleeper::<u32>(50).timeout(Duration::from_millis(60));
    let chain = quick.each().max_concurrency(1);
    assert_eq!(
        chain.invoke(vec![1, 2, 3]).await.expect("in time"),
        [1, 2, 3]
    );
}

#[tokio::test(start_paused = true)]
async fn models_are_counted_as_steps_are() {
    let model = scripted().latency(Duration::from_millis(200)).model();
    let begin = Instant::now();
    seed(&model)
        .invoke("SPACE")
        .max_concurrency(1)
        .await
        .expect("it ends");
    assert_eq!(begin.elapsed(), Duration::from_millis(800));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_or_its_stream_drops_all_that_is_at_work() {
    let gauge = Gauge::default();
    let chain = parallel! { sum: wide(&gauge), n: passthrough() };
    let wait = Duration::from_millis(10);

    let call = tokio::time::timeout(wait, async { chain.invoke(1).await });
    assert!(call.await.is_err());
    assert_eq!((gauge.most(), gauge.now()), (5, 0));

    let mut stream = chain.stream(1);
    let first = stream.next().await.expect("a piece").expect("no failure");
    assert_eq!(first.path(), "n");
    assert!(tokio::time::timeout(wait, stream.next()).await.is_err());
    assert_eq!(gauge.now(), 5);
    drop(stream);
    assert_eq!(gauge.now(), 0);
}

#[tokio::test]
async fn a_chain_and_its_calls_go_to_other_threads() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    let chain = sent(seed(&scripted().model()));
    let shared = chain.clone();
    let other = tokio::spawn(async move { shared.invoke("SPACE").await });
    let own = sent(chain.stream("SPACE")).finish().await.expect("it ends");
    assert_eq!(other.await.expect("no panic").expect("it ends"), own);
}
