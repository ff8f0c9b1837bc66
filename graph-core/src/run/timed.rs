//! How long an attempt may take, and how long it may be silent.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::node::{BoxFuture, Desk, Policy, Pulse, TimedOut};

/// What ends when an attempt that begins now has had its time, if it has a
/// limit, and the attempt's own desk.
///
/// Time runs from here on, and not from the first poll: before that the body may
/// compute.
pub(super) fn limited(
    policy: &Policy,
    desk: Option<Arc<Desk>>,
) -> (Option<Arc<Desk>>, Option<BoxFuture<TimedOut>>) {
    match (policy.timeout, policy.idle_timeout) {
        (None, None) => (desk, None),
        (Some(timeout), None) => (desk, Some(Box::pin(whole(timeout, sleep(timeout))))),
        (timeout, Some(idle)) => {
            let mut own = Desk::on(desk.as_ref());
            own.pulse = Some(Pulse::new());
            let own = Arc::new(own);
            let timeout = timeout.unwrap_or(Duration::MAX);
            let limit = either(
                whole(timeout, sleep(timeout)),
                silence(idle, Arc::clone(&own)),
            );
            (Some(own), Some(Box::pin(limit)))
        }
    }
}

async fn whole(timeout: Duration, end: Sleep) -> TimedOut {
    end.await;
    TimedOut::Whole(timeout)
}

/// Ends once there was no sign of life for so long. Looks only when it would be
/// over but for signs of life meanwhile.
async fn silence(idle: Duration, desk: Arc<Desk>) -> TimedOut {
    while let Some(last) = desk.pulse.as_ref().map(Pulse::last)
        && last.elapsed() < idle
    {
        sleep(idle.saturating_sub(last.elapsed())).await;
    }
    TimedOut::Idle(idle)
}

async fn either(
    one: impl Future<Output = TimedOut>,
    other: impl Future<Output = TimedOut>,
) -> TimedOut {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Pending => other.as_mut().poll(cx),
        ended @ Poll::Ready(_) => ended,
    })
    .await
}
