//! A task under its node's policies: attempts, waits, timeouts, a fallback.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::attempt::{Done, Ended, Failed, Shared, call_body, caught, place};
use super::race::{Begin, Race};
use super::settle::TaskKey;
use super::timed::limited;
use crate::compile::FrozenNode;
use crate::node::{
    Body, Desk, Failure, FallbackFailed, Interrupted, NodeError, Outcome, Payload, Place,
};
use crate::plan::Task;
use crate::state::State;

/// Waits for a permit, then tries until the task succeeds or its policies give
/// up. The permit is held over the waits between attempts.
pub(super) async fn attempts<S: State, C: Send + Sync + 'static>(
    shared: Arc<Shared<S, C>>,
    state: Arc<S>,
    superstep: u64,
    task: Task,
) -> Ended<S> {
    let _permit = match &shared.permits {
        Some(permits) => permits.acquire().await.ok(),
        None => None,
    };
    let key = TaskKey::of(&task);
    let node = shared.graph.node(task.node);
    let mut work = Work {
        node,
        key,
        place: place(superstep, 1, &task),
        input: task.send.map(|(_, input)| input),
        desk: match &shared.ledger {
            Some(ledger) => Some(ledger.desk(key)),
            // What was done once is known to all attempts.
            None => (node.policy.retry.is_some() || node.fallback.is_some()).then(Arc::default),
        },
        shared: &shared,
        state: &state,
    };
    loop {
        let error = match work.attempt().await {
            Ok(ended) => return ended,
            Err(error) => error,
        };
        match work.next(error) {
            Ok(delay) => wait(delay).await,
            Err(error) => return work.fall_back(error).await,
        }
        work.place.attempt += 1;
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

/// A task that has a permit.
struct Work<'a, S: State, C> {
    shared: &'a Shared<S, C>,
    state: &'a Arc<S>,
    node: &'a FrozenNode<S, C>,
    key: TaskKey,
    place: Place,
    /// What was sent, as long as it is needed.
    input: Option<Box<dyn Payload>>,
    desk: Option<Arc<Desk>>,
}

impl<S: State, C: Send + Sync + 'static> Work<'_, S, C> {
    /// Makes an attempt: how the task ended, or a failure that may not be the
    /// end.
    async fn attempt(&mut self) -> Result<Ended<S>, NodeError> {
        let retry = &self.node.policy.retry;
        let is_last = retry
            .as_ref()
            .is_none_or(|retry| retry.is_last(self.place.attempt));
        let keeps = !is_last || self.node.fallback.is_some();
        let hedge = self.node.policy.hedge;
        let inputs = caught(|| {
            let spare = hedge.and_then(|_| self.input.clone());
            (self.take_input(keeps), spare)
        });
        let result = match inputs {
            Ok((input, spare)) => {
                let mut desk = self.desk.clone();
                if hedge.is_some() {
                    desk = Some(Arc::new(Desk::hedged(desk.as_ref())));
                }
                let hedge = hedge.map(|after| (after, spare));
                self.call(&*self.node.body, input, hedge, desk).await
            }
            Err(panic) => Err(panic),
        };
        self.over(result, false)
    }

    fn take_input(&mut self, keeps: bool) -> Option<Box<dyn Payload>> {
        if keeps {
            self.input.clone()
        } else {
            self.input.take()
        }
    }

    /// Calls a body once, or twice if it is slow and hedged, within the node's
    /// timeouts.
    async fn call(
        &self,
        body: &dyn Body<S, C>,
        input: Option<Box<dyn Payload>>,
        hedge: Option<(Duration, Option<Box<dyn Payload>>)>,
        desk: Option<Arc<Desk>>,
    ) -> Result<Outcome<S>, NodeError> {
        if let Some(desk) = &desk {
            desk.begin_attempt();
        }
        let (desk, mut limit) = limited(&self.node.policy, desk);
        let (shared, state, place) = (self.shared, self.state, self.place);
        let desk = desk.as_ref();
        let call = caught(|| call_body(shared, body, state, place, input, desk))?;
        let second = hedge.map(|(after, input)| {
            let begin: Begin<'_, S> =
                Box::new(move || call_body(shared, body, state, place, input, desk));
            (after, begin)
        });
        let mut race = Race::new(call, second);
        let result = poll_fn(|cx| match (race.poll(cx), &mut limit) {
            (Poll::Pending, Some(limit)) => limit.as_mut().poll(cx).map(|out| Err(out.into())),
            (polled, _) => polled,
        })
        .await;
        race.stop()?;
        result
    }

    /// Takes down what a call left: how the task ended, or its failure.
    fn over(
        &self,
        mut result: Result<Outcome<S>, NodeError>,
        fallback: bool,
    ) -> Result<Ended<S>, NodeError> {
        let attempts = self.place.attempt;
        if let (Some(desk), Some(ledger)) = (&self.desk, &self.shared.ledger)
            && let Some(ended) =
                ledger.take_down(self.key, (attempts, fallback), desk.asked(), &mut result)
        {
            return Ok(ended);
        }
        let done = |outcome| Done {
            attempts,
            paused: false,
            fallback,
            outcome,
        };
        result.map(|outcome| Ok(done(outcome)))
    }

    /// How long to wait until the next attempt, or the error that there is none
    /// after.
    fn next(&self, error: NodeError) -> Result<Duration, NodeError> {
        let Some(retry) = &self.node.policy.retry else {
            return Err(error);
        };
        let (superstep, attempt) = (self.place.superstep, self.place.attempt);
        let draw = || {
            let task = self.shared.task_id(self.key);
            self.shared.seed.draw(superstep, &task, attempt)
        };
        caught(|| retry.next(attempt, error, draw)).flatten()
    }

    /// There is no further attempt: the task fails, or its fallback is called.
    async fn fall_back(mut self, error: NodeError) -> Ended<S> {
        let attempts = self.place.attempt;
        let fail = |error| Err(Failed { attempts, error });
        // A question that nobody can be asked is a mistake, not bad luck.
        let asks = error.as_error().is::<Interrupted>();
        let Some(handler) = self.node.fallback.as_ref().filter(|_| !asks) else {
            return fail(error);
        };
        let first = Failure::new(error, attempts);
        let desk = Arc::new(Desk::after(self.desk.as_ref(), first.clone()));
        let input = self.take_input(false);
        let result = self.call(&**handler, input, None, Some(desk)).await;
        match self.over(result, true) {
            Ok(ended) => ended,
            Err(error) => {
                let source = error.into_error();
                fail(FallbackFailed { first, source }.into())
            }
        }
    }
}
