//! Runs a case: the one file of the kit that knows a runtime and a clock.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{sleep, timeout};

use super::scene::Scene;
use super::verdict::{Broken, Verdict};
use crate::checkpoint::{CheckpointError, Checkpointer, Lease};

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a lease that must have ended is asked for.
const MOST_CLAIMS: u32 = 125;

/// Runs a case on a checkpointer, in a runtime of its own.
///
/// # Errors
///
/// What the checkpointer did wrong, for people.
pub fn judge<K, F>(
    open: impl Future<Output = K>,
    case: impl FnOnce(Scene<K>) -> F,
) -> Result<(), String>
where
    K: Checkpointer,
    F: Future<Output = Verdict>,
{
    // With `enable_all`, whatever drivers the checkpointer's crates ask for.
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("there is no runtime: {error}"))?;
    let verdict = runtime.block_on(async {
        let scene = Scene::new(open.await);
        let judged = Box::pin(timeout(PATIENCE, case(scene.clone())));
        let verdict = judged.await.map_err(|_| "it hangs".to_owned())?;
        verdict.map_err(|broken| broken.to_string())?;
        // Not part of the verdict.
        let _ = timeout(PATIENCE, scene.clear()).await;
        Ok(())
    });
    // Not dropped: that would wait for what hangs in a thread.
    runtime.shutdown_background();
    verdict
}

/// Fails the test that calls it if the checkpointer does not stand up to a case.
///
/// # Panics
///
/// If the case does not hold.
pub fn assert_case<K, F>(open: impl Future<Output = K>, case: impl FnOnce(Scene<K>) -> F)
where
    K: Checkpointer,
    F: Future<Output = Verdict>,
{
    if let Err(broken) = judge(open, case) {
        panic!("the checkpointer breaks its contract: {broken}");
    }
}

/// Runs all of them at once, each on a thread of its own, in the case's
/// runtime: connections stay where their driver is.
pub(super) async fn at_once<T: Send + 'static>(
    racers: Vec<impl Future<Output = T> + Send + 'static>,
) -> Result<Vec<T>, Broken> {
    let handle = Handle::current();
    let start = Arc::new(Barrier::new(racers.len()));
    let started: Vec<_> = racers
        .into_iter()
        .map(|racer| {
            let (handle, start) = (handle.clone(), Arc::clone(&start));
            spawn_blocking(move || {
                start.wait();
                handle.block_on(racer)
            })
        })
        .collect();
    let mut ended = Vec::new();
    for racer in started {
        match racer.await {
            Ok(value) => ended.push(value),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(error) => return Err(Broken::new(format!("a racer was not run: {error}"))),
        }
    }
    Ok(ended)
}

/// Polls a future so many times at the most, and drops it. Says whether it came
/// to its end.
pub(super) async fn dropped_after<T>(n_polls: usize, future: impl Future<Output = T>) -> bool {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|context| {
        if polls == n_polls {
            return Poll::Ready(false);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polls == n_polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Claims until the lease is free, for a bounded time: for a lease that must
/// end by itself, whosever clock it goes by.
pub(super) async fn once_free<F>(claim: impl Fn() -> F) -> Result<Lease, Broken>
where
    F: Future<Output = Result<Lease, CheckpointError>>,
{
    for _ in 0..MOST_CLAIMS {
        match claim().await {
            Err(CheckpointError::Busy { free_in }) => {
                sleep(free_in.clamp(Duration::from_millis(1), Duration::from_millis(20))).await;
            }
            other => return Ok(other?),
        }
    }
    Err(Broken::new(
        "a lease did not end although its time was over",
    ))
}

/// Lets others have their turn.
pub(super) async fn turn() {
    yield_now().await;
}
