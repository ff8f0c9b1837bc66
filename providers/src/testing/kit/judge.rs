//! Runs a case.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

use super::scene::Scene;
use super::verdict::Verdict;
use crate::{Capabilities, ChatModel};

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a case on a model, in a runtime of its own.
///
/// # Errors
///
/// What the model did wrong, for people.
pub fn judge<M, F>(
    make: impl Future<Output = M>,
    can: Capabilities,
    case: impl FnOnce(Scene<M>) -> F,
) -> Result<(), String>
where
    M: ChatModel,
    F: Future<Output = Verdict>,
{
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("there is no runtime: {error}"))?;
    let verdict = runtime.block_on(async {
        let scene = Scene::new(make.await, can);
        let judged = Box::pin(timeout(PATIENCE, case(scene)));
        let verdict = judged.await.map_err(|_| "it hangs".to_owned())?;
        verdict.map_err(|broken| broken.to_string())
    });
    // Not dropped: that would wait for what hangs in a thread.
    runtime.shutdown_background();
    verdict
}

/// Fails the test that calls it if the model does not stand up to a case.
///
/// # Panics
///
/// If the case does not hold.
pub fn assert_case<M, F>(
    make: impl Future<Output = M>,
    can: Capabilities,
    case: impl FnOnce(Scene<M>) -> F,
) where
    M: ChatModel,
    F: Future<Output = Verdict>,
{
    if let Err(broken) = judge(make, can, case) {
        panic!("the model breaks its contract: {broken}");
    }
}

/// Polls all of them, in turn, until all are done.
pub(super) async fn at_once<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|cx| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        match done.iter().all(Option::is_some) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Polls a future so many times at the most, and drops it. Says whether it came
/// to its end.
pub(super) async fn dropped_after<T>(n_polls: usize, future: impl Future<Output = T>) -> bool {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        if polls == n_polls {
            return Poll::Ready(false);
        }
        polls += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polls == n_polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
