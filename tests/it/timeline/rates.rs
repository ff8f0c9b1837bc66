//! What waits for a rate, in the timelines of real runs.

use std::time::Duration;

use superstep::prelude::*;
use superstep::{Limiter, PhaseKind, Timeline};

use super::runs::{SEND, path, phases};
use crate::common::{Trace, sound};

/// The timeline of so many sends to a node under that limiter, of so many
/// milliseconds each.
async fn limited(limiter: &Limiter, sends: usize, ms: u64) -> Timeline {
    let body = async |ms: u64| tokio::time::sleep(Duration::from_millis(ms)).await;
    let graph = StateGraph::<Trace>::new("test")
        .add_worker(SEND, node(body).limiter(limiter))
        .add_conditional_edges(START, move |_: &Trace| vec![SEND.send(ms); sends], [SEND]);
    let run = sound(graph).invoke(Trace::update()).await;
    run.expect("it ends well").timeline()
}

/// The third line of the picture.
fn spent(timeline: &Timeline) -> String {
    let text = timeline.to_text(80);
    text.lines().nth(2).unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_rate_is_rate_limited() {
    use PhaseKind::{Attempt, Limited};
    let timeline = limited(&Limiter::new().per_second(5).burst(1), 4, 50).await;
    let last = [(Limited, 0, 600), (Attempt(1), 600, 650)];
    assert_eq!(phases(&timeline, 3), last);
    let third = "critical path: 600 ms rate limited, 50 ms work";
    assert_eq!(spent(&timeline), third);

    let rested = Limiter::new();
    rested.rest(Duration::from_millis(300));
    let timeline = limited(&rested, 1, 50).await;
    assert_eq!(
        phases(&timeline, 0),
        [(Limited, 0, 300), (Attempt(1), 300, 350)]
    );
}

#[tokio::test(start_paused = true)]
async fn waits_for_slots_and_for_rates_are_told_apart() {
    use PhaseKind::{Attempt, Limited, Queued};
    // The slots hold them up.
    let limiter = Limiter::new().max_concurrency(2).per_second(5).burst(1);
    let timeline = limited(&limiter, 4, 1000).await;
    assert_eq!(
        phases(&timeline, 3),
        [
            (Limited, 0, 200),
            (Queued, 200, 1200),
            (Attempt(1), 1200, 2200),
        ]
    );
    assert_eq!(path(&timeline), ["send/1", "send/3"]);
    let third = "critical path: 2 s work, 200 ms rate limited";
    assert_eq!(spent(&timeline), third);

    // The rate does.
    let limiter = Limiter::new().max_concurrency(1).per_second(5).burst(1);
    let timeline = limited(&limiter, 3, 50).await;
    assert_eq!(
        phases(&timeline, 2),
        [
            (Queued, 0, 50),
            (Limited, 50, 200),
            (Queued, 200, 250),
            (Limited, 250, 400),
            (Attempt(1), 400, 450),
        ]
    );
    assert_eq!(path(&timeline), ["send/0", "send/1", "send/2"]);
    let third = "critical path: 300 ms rate limited, 150 ms work";
    assert_eq!(spent(&timeline), third);
}
