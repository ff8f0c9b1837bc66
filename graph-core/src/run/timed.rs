//! How long an attempt may take, and how long it may be silent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use crate::node::{Desk, Policy, Pulse, TimedOut};

/// The time that an attempt has. It stands still while the run waits for whoever
/// reads its events.
pub(super) struct Limit {
    whole: Option<(Duration, Pin<Box<Sleep>>)>,
    idle: Option<(Duration, Pin<Box<Sleep>>, Arc<Desk>)>,
    /// For how long the run has so waited, as far as that has been taken off.
    stood: Duration,
}

/// What ends when an attempt that begins now has had its time, if it has a
/// limit, and the attempt's own desk.
///
/// Time runs from here on, and not from the first poll: before that the body may
/// compute.
pub(super) fn limited(
    policy: &Policy,
    desk: Option<Arc<Desk>>,
    stood: impl Fn() -> Duration,
) -> (Option<Arc<Desk>>, Option<Limit>) {
    let timer = |time| Box::pin(sleep(time));
    let whole = policy.timeout.map(|time| (time, timer(time)));
    let Some(silence) = policy.idle_timeout else {
        let limit = whole.map(|whole| Limit {
            whole: Some(whole),
            idle: None,
            stood: stood(),
        });
        return (desk, limit);
    };
    let mut own = Desk::on(desk.as_ref());
    own.pulse = Some(Pulse::new());
    let own = Arc::new(own);
    let limit = Limit {
        whole,
        idle: Some((silence, timer(silence), Arc::clone(&own))),
        stood: stood(),
    };
    (Some(own), Some(limit))
}

impl Limit {
    /// Ready once the time is over. To be polled again when it has stood still.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stood: Duration) -> Poll<TimedOut> {
        if stood > self.stood {
            self.put_off(stood - self.stood);
            self.stood = stood;
        }
        if let Some((time, end)) = &mut self.whole
            && end.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(TimedOut::Whole(*time));
        }
        let Some((time, end, desk)) = &mut self.idle else {
            return Poll::Pending;
        };
        // Looks only when it would be over but for signs of life meanwhile.
        loop {
            ready!(end.as_mut().poll(cx));
            match desk.pulse.as_ref().map(Pulse::last) {
                Some(last) if last.elapsed() < *time => end.as_mut().reset(last + *time),
                _ => return Poll::Ready(TimedOut::Idle(*time)),
            }
        }
    }

    fn put_off(&mut self, by: Duration) {
        if let Some((_, end)) = &mut self.whole {
            let deadline = end.deadline();
            end.as_mut().reset(deadline + by);
        }
        if let Some((.., desk)) = &self.idle
            && let Some(pulse) = &desk.pulse
        {
            pulse.put_off(by);
        }
    }
}
