//! Chains for many inputs, and lists in between.

use std::time::Duration;

use futures_util::StreamExt;
use proptest::prelude::*;
use superstep::{NodeResult, assign, map, pick, step};
use tokio::time::Instant;

use crate::common::{Gauge, causes};

/// Takes as many milliseconds as it gets; 13 fails.
fn wait() -> superstep::Chain<u64, u64> {
    step(|ms: u64| async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        match ms {
            13 => NodeResult::Err("bad luck".into()),
            ms => Ok(ms),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_failure_ends_a_batch_and_says_of_which_input() {
    let gauge = Gauge::default();
    let chain = wait() | gauge.sleeper(0);
    let begin = Instant::now();
    let error = chain.batch([900, 13, 500]).await.unwrap_err();
    assert_eq!(causes(&error), ["`[1] | step` failed", "bad luck"]);
    assert_eq!(begin.elapsed(), Duration::from_millis(13));
}

#[tokio::test(start_paused = true)]
async fn a_settled_batch_loses_nothing() {
    let all = wait()
        .settle()
        .batch([5, 13, 3])
        .await
        .expect("it cannot fail");
    let all: Vec<_> = all.into_iter().map(superstep::Settled::done).collect();
    assert_eq!(all, [Some(5), None, Some(3)]);
}

#[tokio::test(start_paused = true)]
async fn as_completed_tells_of_each_when_it_ends() {
    let ended = wait().batch([30, 13, 20]).as_completed();
    let ended: Vec<_> = ended
        .map(|(index, output)| (index, output.ok()))
        .collect()
        .await;
    assert_eq!(ended, [(1, None), (2, Some(20)), (0, Some(30))]);
    let ended = wait().batch([30, 13, 20]).max_concurrency(1).as_completed();
    let order: Vec<usize> = ended.map(|(index, _)| index).collect().await;
    assert_eq!(order, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn each_keeps_the_order_and_says_of_which_item() {
    assert_eq!(
        wait()
            .each()
            .invoke(vec![30, 10, 20])
            .await
            .expect("no failure"),
        [30, 10, 20]
    );
    let error = wait().each().invoke(vec![30, 13]).await.unwrap_err();
    assert_eq!(error.place(), "[1] | step");
    assert_eq!(
        wait().each().invoke(vec![]).await.expect("no failure"),
        [0_u64; 0]
    );
}

#[tokio::test]
async fn fields_are_added_and_taken() {
    #[derive(Clone, serde::Serialize)]
    struct Order {
        item: &'static str,
        count: u32,
    }
    let chain = assign! {
        letters: map(|order: Order| order.item.len()),
        count: map(|order: Order| order.count * 2),
    } | assign! { double: map(|_| true) };
    let record = chain
        .invoke(Order {
            item: "ink",
            count: 4,
        })
        .await
        .expect("it ends");
    assert_eq!(
        (record.letters, record.double, record.count, record.item),
        (3, true, 8, "ink")
    );
    assert_eq!(
        serde_json::to_value(&record).expect("it is JSON"),
        serde_json::json!({ "item": "ink", "letters": 3, "count": 8, "double": true })
    );
    let count = chain | pick::<_, u32>("count");
    assert_eq!(
        count
            .invoke(Order {
                item: "ink",
                count: 4
            })
            .await
            .expect("it is there"),
        8
    );
    let error = pick::<_, u32>("item")
        .invoke(Order {
            item: "ink",
            count: 4,
        })
        .await
        .unwrap_err();
    assert!(causes(&error)[1].starts_with("`item` is something else: invalid type: string"));
}

proptest! {
    /// Whatever the times and the bound, results are in the order of the inputs.
    #[test]
    fn results_are_in_the_order_of_the_inputs(
        inputs in prop::collection::vec(14_u64..100, 0..20),
        bound in 1_usize..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let all = runtime.block_on(async {
            wait().batch(inputs.clone()).max_concurrency(bound).await
        });
        prop_assert_eq!(all.expect("none fails"), inputs);
    }
}
