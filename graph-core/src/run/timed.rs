//! How long an attempt may take, and how long it may be silent.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::node::{BoxFuture, Desk, Policy, Pulse, TimedOut};

/// What ends when an attempt that begins now has had its time, if it has a
/// limit, and the attempt's own desk.
pub(super) fn limited(
    policy: &Policy,
    desk: Option<Arc<Desk>>,
) -> (Option<Arc<Desk>>, Option<BoxFuture<TimedOut>>) {
    match (policy.timeout, policy.idle_timeout) {
        (None, None) => (desk, None),
        (Some(timeout), None) => (desk, Some(Box::pin(whole(timeout)))),
        (timeout, Some(idle)) => {
            let mut own = Desk::on(desk.as_ref());
            own.pulse = Some(Pulse::new());
            let own = Arc::new(own);
            let limit = both(timeout.unwrap_or(Duration::MAX), idle, Arc::clone(&own));
            (Some(own), Some(Box::pin(limit)))
        }
    }
}

async fn whole(timeout: Duration) -> TimedOut {
    sleep(timeout).await;
    TimedOut::Whole(timeout)
}

async fn both(whole: Duration, idle: Duration, desk: Arc<Desk>) -> TimedOut {
    let silent = timeout(whole, silence(idle, &desk)).await;
    silent.map_or(TimedOut::Whole(whole), |()| TimedOut::Idle(idle))
}

/// Ends once there was no sign of life for so long. Looks only when it would be
/// over but for signs of life meanwhile.
async fn silence(idle: Duration, desk: &Desk) {
    while let Some(last) = desk.pulse.as_ref().map(Pulse::last)
        && last.elapsed() < idle
    {
        sleep(idle.saturating_sub(last.elapsed())).await;
    }
}
