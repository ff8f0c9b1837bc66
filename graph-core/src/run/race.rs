//! The calls of one attempt: one, or two at once if the first is slow.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::attempt::caught;
use crate::node::{BoxCall, NodeError, Outcome};
use crate::state::State;

/// 1. The first call that succeeds wins.
/// 2. The second begins when the first has taken its time, and never if it ends
///    before.
/// 3. It is a failure when all that have begun have failed; it is then the first
///    call's.
pub(super) struct Race<'a, S: State> {
    calls: [Option<BoxCall<S>>; 2],
    second: Option<Second<'a, S>>,
    failed: Option<NodeError>,
}

struct Second<'a, S: State> {
    after: Pin<Box<Sleep>>,
    begin: Begin<'a, S>,
}

pub(super) type Begin<'a, S> = Box<dyn FnOnce() -> BoxCall<S> + Send + 'a>;

impl<'a, S: State> Race<'a, S> {
    pub(super) fn new(call: BoxCall<S>, second: Option<(Duration, Begin<'a, S>)>) -> Self {
        Self {
            calls: [Some(call), None],
            second: second.map(|(after, begin)| Second {
                after: Box::pin(sleep(after)),
                begin,
            }),
            failed: None,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outcome<S>, NodeError>> {
        loop {
            for number in [0, 1] {
                if let Poll::Ready(result) = self.poll_call(number, cx) {
                    return Poll::Ready(result);
                }
            }
            let Some(mut second) = self.second.take() else {
                return Poll::Pending;
            };
            if second.after.as_mut().poll(cx).is_pending() {
                self.second = Some(second);
                return Poll::Pending;
            }
            match caught(second.begin) {
                Ok(call) => self.calls[1] = Some(call),
                Err(panic) => self.failed = Some(panic),
            }
        }
    }

    fn poll_call(
        &mut self,
        number: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Outcome<S>, NodeError>> {
        let Some(call) = &mut self.calls[number] else {
            return Poll::Pending;
        };
        let polled = caught(|| call.as_mut().poll_outcome(cx));
        let polled = polled.unwrap_or_else(|panic| Poll::Ready(Err(panic)));
        let Poll::Ready(result) = polled else {
            return Poll::Pending;
        };
        // What a future holds can panic when it is dropped.
        let ended = self.calls[number].take();
        let result = caught(|| drop(ended)).and(result);
        match result {
            Ok(outcome) => {
                drop(self.stop());
                Poll::Ready(Ok(outcome))
            }
            Err(error) if number == 0 => self.fails(error),
            Err(error) => {
                let first = self.failed.take();
                self.fails(first.unwrap_or(error))
            }
        }
    }

    /// Notes a failure, which counts if nothing else is at work.
    fn fails(&mut self, error: NodeError) -> Poll<Result<Outcome<S>, NodeError>> {
        if self.calls.iter().all(Option::is_none) {
            return Poll::Ready(Err(error));
        }
        self.failed = Some(error);
        Poll::Pending
    }

    /// Drops what is at work.
    pub(super) fn stop(&mut self) -> Result<(), NodeError> {
        let calls = mem::take(&mut self.calls);
        let [first, second] = calls.map(|call| caught(|| drop(call)));
        first.and(second)
    }
}
