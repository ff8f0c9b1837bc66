//! All sources in one superstep.

use std::time::Duration;

use superstep::{Arrival, Join};
use tokio::time::Instant;

use super::{Fails, Says, fan, run_of, said};
use crate::common::chain;

#[tokio::test(start_paused = true)]
async fn failures_reach_the_target_of_settled_as_data() {
    let graph = fan([("a", Says(1)), ("b", Fails(2))], Join::settled());
    assert_eq!(said(&graph).await, ["a", "t: a done, b failed: oops"]);
}

#[tokio::test(start_paused = true)]
async fn settled_fires_even_if_all_have_failed() {
    let graph = fan([("a", Fails(1)), ("b", Fails(0))], Join::settled());
    assert_eq!(said(&graph).await, ["t: a failed: oops, b failed: oops"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_success_cancels_the_others() {
    let graph = fan(
        [("a", Says(60)), ("b", Says(1)), ("c", Fails(0))],
        Join::first(),
    );
    let begin = Instant::now();
    let said = said(&graph).await;
    assert_eq!(said, ["b", "t: a cancelled, b done, c failed: oops"]);
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn no_success_at_all_is_an_error_of_the_first() {
    let graph = fan([("a", Fails(1)), ("b", Fails(0))], Join::first());
    let error = run_of(&graph).await.unwrap_err();
    assert_eq!(error.code(), "join");
    assert_eq!(
        chain(&error),
        [
            "the join into `t` waits for a success, and there can be none (superstep 1)",
            "`a` failed: oops; `b` failed: oops"
        ]
    );
    let superstep::RunError::Join {
        target, arrivals, ..
    } = error
    else {
        panic!("it is the join's");
    };
    assert_eq!(target, "t");
    assert_eq!(arrivals.get("a"), Some(&Arrival::Failed("oops".into())));
}
