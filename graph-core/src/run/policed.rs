//! A task under its node's policies: attempts, waits, timeouts.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::attempt::{Ended, Shared, call, caught, ended, place};
use super::settle::TaskKey;
use super::timed::limited;
use crate::node::{Desk, NodeError, Outcome, Payload, Place};
use crate::plan::Task;
use crate::state::State;

/// Waits for a permit, then tries until the task succeeds or its policy gives
/// up. The permit is held over the waits between attempts.
pub(super) async fn attempts<S: State, C: Send + Sync + 'static>(
    shared: Arc<Shared<S, C>>,
    state: Arc<S>,
    superstep: u64,
    mut task: Task,
) -> Ended<S> {
    let _permit = match &shared.permits {
        Some(permits) => permits.acquire().await.ok(),
        None => None,
    };
    let retry = shared.graph.node(task.node).policy.retry.as_ref();
    let key = TaskKey::of(&task);
    let desk = match &shared.ledger {
        Some(ledger) => Some(ledger.desk(key)),
        None => retry.map(|_| Arc::new(Desk::default())),
    };
    let mut attempt = 1;
    loop {
        let place = place(superstep, attempt, &task);
        let is_last = retry.is_none_or(|retry| retry.is_last(attempt));
        let sent = caught(|| sent(&mut task, is_last));
        let mut result = match sent {
            Ok(sent) => one_attempt(&shared, &state, place, sent, desk.as_ref()).await,
            Err(panic) => Err(panic),
        };
        if let (Some(desk), Some(ledger)) = (&desk, &shared.ledger)
            && let Some(ended) = ledger.take_down(key, attempt, desk.asked(), &mut result)
        {
            return ended;
        }
        let error = match result {
            Err(error) => error,
            done => return ended(attempt, done),
        };
        match next(&shared, key, superstep, attempt, error) {
            Ok(delay) => wait(delay).await,
            Err(error) => return ended(attempt, Err(error)),
        }
        attempt += 1;
    }
}

/// How long to wait until the next attempt, or the error that there is none
/// after.
fn next<S: State, C>(
    shared: &Shared<S, C>,
    task: TaskKey,
    superstep: u64,
    attempt: u32,
    error: NodeError,
) -> Result<Duration, NodeError> {
    let Some(retry) = &shared.graph.node(task.node).policy.retry else {
        return Err(error);
    };
    let draw = || shared.seed.draw(superstep, &shared.task_id(task), attempt);
    caught(|| retry.next(attempt, error, draw)).flatten()
}

/// The input of an attempt: a copy, unless it is the last.
fn sent(task: &mut Task, is_last: bool) -> Option<Box<dyn Payload>> {
    if is_last {
        task.send.take().map(|(_, input)| input)
    } else {
        task.send.as_ref().map(|(_, input)| input.clone())
    }
}

async fn wait(delay: Duration) {
    if delay.is_zero() {
        // Or else a node that always fails at once could not be cancelled.
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(delay).await;
    }
}

async fn one_attempt<S: State, C: Send + Sync + 'static>(
    shared: &Shared<S, C>,
    state: &Arc<S>,
    place: Place,
    sent: Option<Box<dyn Payload>>,
    desk: Option<&Arc<Desk>>,
) -> Result<Outcome<S>, NodeError> {
    if let Some(desk) = desk {
        desk.begin_attempt();
    }
    let (desk, mut limit) = limited(&shared.graph.node(place.node).policy, desk);
    let mut call = caught(|| call(shared, state, place, sent, desk.as_ref()))?;
    let result = poll_fn(|cx| {
        let polled = caught(|| call.as_mut().poll_outcome(cx));
        match (polled, &mut limit) {
            (Err(panic), _) => Poll::Ready(Err(panic)),
            (Ok(Poll::Pending), Some(limit)) => limit.as_mut().poll(cx).map(|out| Err(out.into())),
            (Ok(polled), _) => polled,
        }
    })
    .await;
    // What the future holds can panic when it is dropped.
    caught(|| drop(call))?;
    result
}
