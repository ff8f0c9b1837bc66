//! Joins on threads that gather for long: how much is written of what has come.

use superstep::prelude::*;
use superstep::{Graph, IntoTargets, Join, MemoryCheckpointer, Status, Target};

use super::see;
use crate::common::{Trace, oops, sound};

const WORK: Worker<u64> = Worker::new("work");
const T: &str = "t";

/// In each round sends so many of the numbers that are given, and ends with 100.
fn rounds(sends: fn(u64) -> Vec<u64>, rounds: u64, quorum: usize) -> StateGraph<Trace> {
    let route = move |state: &Trace| {
        let round = state.sum;
        let mut targets: Vec<Target> = Vec::new();
        if round < rounds {
            "round".add_to(&mut targets);
        } else {
            "last".add_to(&mut targets);
        }
        for n in sends(round) {
            WORK.send(n).add_to(&mut targets);
        }
        targets
    };
    StateGraph::new("test")
        .add_node("t", see)
        .add_node("round", async |_: View<Trace>| Trace::update().sum(1_u64))
        .add_node("last", async |_: View<Trace>| {})
        .add_worker(WORK, async |n: u64| match n {
            13 => Err(oops()),
            _ => Ok(()),
        })
        .add_edge(START, "round")
        .add_conditional_edges("round", route, [WORK.name(), "round", "last"])
        .add_conditional_edges("last", |_: &Trace| WORK.send(100), WORK)
        .add_join(WORK, "t", Join::quorum(quorum))
}

/// What the target sees without a thread, and how long the checkpoint is from
/// which a thread goes on that comes to the same.
async fn gathered(graph: impl Fn() -> StateGraph<Trace>) -> (String, usize) {
    let plain = sound(graph())
        .invoke(Trace::update())
        .await
        .expect("it ends well");
    let store = MemoryCheckpointer::new();
    // As in another process.
    let stored =
        || -> Graph<Trace> { sound(graph().interrupt_before("last").checkpointer(store.clone())) };
    let run = stored()
        .invoke(Trace::update())
        .thread(T)
        .await
        .expect("it ends well");
    assert_eq!(run.status, Status::Interrupted);
    let exported = stored().thread(T).export().await.expect("it is there");
    let exported: serde_json::Value = serde_json::from_str(&exported).expect("it is JSON");
    let length = exported["checkpoint"]["body"]
        .as_str()
        .expect("a text")
        .len();
    let run = stored().proceed().thread(T).await.expect("it ends well");
    assert_eq!(run.state.log, plain.state.log);
    (plain.state.log[0].clone(), length)
}

#[tokio::test(start_paused = true)]
async fn what_came_to_the_same_is_written_as_one() {
    let four = |n| move || rounds(|_| vec![1, 2, 3, 4], n, 4 * usize::try_from(n).unwrap() + 1);
    let (few, short) = gathered(four(5)).await;
    let (many, long) = gathered(four(90)).await;
    assert!(few.starts_with("t: work/0 done, work/1 done"), "{few}");
    assert_eq!(many.matches("done").count(), 361);
    assert!(
        long <= short + 4,
        "{short} bytes of 20 sends, {long} of 360"
    );
}

#[tokio::test(start_paused = true)]
async fn failures_and_rounds_of_any_length_are_all_there() {
    // 13 fails: the second of the third round, and the first and last of the sixth.
    let sends = |round: u64| match round {
        1 | 2 => vec![1, 2, 3],
        3 => vec![1, 13, 2],
        4 | 5 => vec![1],
        6 => vec![13, 1, 2, 13],
        _ => vec![],
    };
    let (seen, _) = gathered(|| rounds(sends, 7, 13)).await;
    let done = |numbers: &[u32]| {
        let each = numbers.iter().map(|n| format!("work/{n} done"));
        each.collect::<Vec<_>>().join(", ")
    };
    let parts = [
        done(&[0, 1, 2, 0, 1, 2, 0]),
        "work/1 failed: oops".to_owned(),
        done(&[2, 0, 0]),
        "work/0 failed: oops".to_owned(),
        done(&[1, 2]),
        "work/3 failed: oops".to_owned(),
        done(&[0]),
    ];
    assert_eq!(seen, format!("t: {}", parts.join(", ")));
}
